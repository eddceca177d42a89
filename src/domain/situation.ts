import type { AppSettings, PlannedCommit, Probe } from './app.ts';
import type { Back } from './back.ts';
import type { ConnectionsNeeded } from './connections.ts';
import type { Held, PendingMigrations } from './gate.ts';
import type { Lock } from './lock.ts';
import type { SmokeTest } from './switchover-file.ts';

/** All that is known of an app and a ref when somebody asks to deploy it. Gathered by the bot, judged here. */
export type Situation = {
  settings: AppSettings;
  ref: string;
  /** Null: GitHub has nothing under that ref. */
  commit: PlannedCommit | null;
  /** Null: Heroku shows no such app to the bot's account. */
  heroku: HerokuSituation | null;
  /** Commits that the deploy would bring, newest first; null when live and wanted commits cannot be compared. */
  changes: { commits: PlannedCommit[]; total: number; behind: number } | null;
  probe: Probe;
  /** True when `switchover.json` at the commit, or the app's settings, name the probe. */
  probeDeclared: boolean;
  /** What the probe read from today's answer: its version, or why there is none. */
  probed: { version: string } | { problem: string };
  /** What is wrong with the commit's `switchover.json`, in sentences. */
  problems: readonly string[];
  /** Those of the commit that the database has not had; null when there is none. */
  migrations: PendingMigrations | null;
  /** What the app's own release phase may do to them. */
  migrationWarnings: readonly string[];
  /** Contract migrations that were held before. */
  held: readonly Held[];
  soakSeconds: number;
  smoke: readonly SmokeTest[];
  connections: ConnectionsNeeded | null;
  /** False: other deploys of this app by this bot come first, and what is in the way now is over by then. */
  isNext: boolean;
  /** Locks on the app that hold now, and who wants to deploy. */
  locks: readonly Lock[];
  asker: string;
  /** The release to go back to; null when new code is deployed. */
  back: Back | null;
  /** Asked for in maintenance mode. */
  maintenance: boolean;
};

export type HerokuSituation = {
  url: string;
  maintenance: boolean;
  space: string | null;
  generation: string;
  preboot: boolean;
  formation: readonly { type: string; quantity: number; size: string }[];
  live: { id: string; version: number; slug: string; commit: string | null } | null;
  openBuilds: readonly { id: string; by: string }[];
  openReleases: readonly { version: number; by: string }[];
  sharedDatabases: readonly { database: string; apps: readonly string[] }[];
  lastBuildSeconds: number | null;
};
