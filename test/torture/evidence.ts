import type { RequestRecord, TruthRecord } from '../stage/heroku/contract.ts';

// What a run left behind, as data: the records of the local Heroku and Slack, the apps' databases, what people did. The
// bot's own database has no say in it, but is looked through for secrets. Times in ms since 1970.

export type Evidence = {
  apps: readonly AppSeen[];
  /** Deploys of which people were told that they had begun, by the plan that they were shown. */
  started: readonly Started[];
  posts: readonly Said[];
  presses: readonly Pressed[];
  /** When people had an app closed by a command. */
  closures: readonly Closure[];
  /** Requests with a 5xx, by the routers' own log. */
  failed: readonly (RequestRecord & { app: string })[];
  truths: readonly (TruthRecord & { app: string })[];
  /** The last words of processes of the bot that nobody had ended. */
  lastWords: readonly string[];
  /** Places where secrets stand, and the names of these. */
  leaks: readonly string[];
};

export type AppSeen = {
  name: string;
  maintenance: boolean;
  /** Web dynos that it is scaled to, and those that Heroku shows. */
  web: number;
  dynos: readonly { name: string; type: string; state: string; release: number }[];
  /** `mark`: what the build carries of whoever asked for it. */
  builds: readonly { id: string; mark: string | null }[];
  releases: readonly Released[];
  /** The release that is live. */
  live: number | null;
  /** Names in the tables of node-pg-migrate, and the rows that each file and command left as it ran. */
  recorded: readonly string[];
  ran: readonly { file: string; at: number }[];
  advisoryLocks: number;
  openTransactions: number;
};

export type Released = {
  version: number;
  description: string;
  slug: string | null;
  /** Of the build that its slug came from. */
  mark: string | null;
  /** Its code cannot serve. */
  bad: boolean;
};

export type Started = { id: string; app: string; at: number };

export type Said = {
  channel: string;
  at: number;
  inThread: boolean;
  broadcast: boolean;
  /** As it was first posted, and as it stands. */
  first: string;
  last: string;
  buttons: readonly string[];
  /** By the label that the bot gave it. */
  deploy: string | null;
  key: string | null;
  /** Since when it says that its deploy has ended. */
  endedAt: number | null;
};

/** Whether or not it was taken: what is there without any press needs none that was. */
export type Pressed = {
  label: string;
  deploy: string;
  app: string;
  by: string;
  at: number;
  /** What this starts closes its app for a while. */
  closes?: boolean;
};

/** From the command on until they saw the app open again; Infinity when they did not. */
export type Closure = { app: string; from: number; until: number };
