import type { AppSettings, Probe, Version } from './domain/app.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import type { Plan } from './domain/plan.ts';
import type { Goal, Phase, Watch } from './domain/watch.ts';

// The world as a recipe and the bot see it. Adapters implement these; nothing here says how.

export type Dyno = {
  name: string;
  type: string;
  command: string;
  state: string;
  release: number;
  createdAt: string;
};

/** A one-off dyno that waits for somebody to attach to it. */
export type WaitingDyno = { name: string; release: number; attachUrl: string };

export type Release = {
  id: string;
  version: number;
  status: 'pending' | 'succeeded' | 'failed' | 'expired';
  current: boolean;
  description: string;
  /** Heroku account that made it. */
  by: string;
  slug: string | null;
  outputUrl: string | null;
  createdAt: string;
  updatedAt: string;
};

export type Build = {
  id: string;
  status: 'pending' | 'succeeded' | 'failed';
  /** `source_blob.version_description`: carries our marker. */
  description: string | null;
  by: string;
  outputUrl: string;
  slug: string | null;
  release: string | null;
  createdAt: string;
  updatedAt: string;
};

export type HerokuApp = {
  name: string;
  webUrl: string | null;
  maintenance: boolean;
  space: string | null;
  generation: string;
};

export type FormationEntry = { type: string; quantity: number; size: string };

/** Heroku said no for good (a 4xx other than 429): asking again will not help. */
export class HerokuRefused extends Error {
  readonly status: number;
  readonly id: string;

  constructor(status: number, id: string, message: string) {
    super(message);
    this.name = 'HerokuRefused';
    this.status = status;
    this.id = id;
  }
}

/** Reads are repeated when they fail; calls that change something are sent once, and reject when the answer was lost. */
export interface Heroku {
  app(name: string): Promise<HerokuApp>;
  preboot(app: string): Promise<boolean>;
  formation(app: string): Promise<FormationEntry[]>;
  dynos(app: string): Promise<Dyno[]>;
  /** Newest first. */
  releases(app: string, most: number): Promise<Release[]>;
  release(app: string, idOrVersion: string): Promise<Release>;
  /** Commit that a slug was built from, when its build said so. */
  slugCommit(app: string, slug: string): Promise<string | null>;
  /** Newest first. */
  builds(app: string, most: number): Promise<Build[]>;
  build(app: string, id: string): Promise<Build>;
  /** Databases of the app that other apps are attached to as well. */
  sharedDatabases(app: string): Promise<{ database: string; apps: string[] }[]>;
  /** API calls that the account has left now; asking is free. */
  tokensLeft(): Promise<number>;
  /** Uploads a gzipped tarball; gives the address that a build can fetch it from. */
  uploadSource(tarball: Uint8Array): Promise<string>;
  /** Builds, and when that succeeds releases, the source at the address. */
  startBuild(app: string, ask: { url: string; commit: string; marker: string }): Promise<Build>;
  rollBack(app: string, releaseId: string): Promise<Release>;
  /** Follows the output, then resolves when the build has ended and, when it succeeded, has its release. */
  buildEnded(app: string, build: Build, onLine: (line: string) => void, signal: AbortSignal): Promise<Build>;
  /** Follows the release phase's output, then resolves when the release is no longer pending. */
  releaseEnded(app: string, release: Release, onLine: (line: string) => void, signal: AbortSignal): Promise<Release>;
  /** Makes a one-off dyno on the current release. Its command starts when somebody attaches to it, or never (R13). */
  startOneOff(app: string, command: string, env: Record<string, string>): Promise<WaitingDyno>;
  stopDyno(app: string, name: string): Promise<void>;
  /** One log session: the last 1,500 lines, then each new one, until it ends by itself or by the signal. */
  openLog(app: string, signal: AbortSignal): AsyncIterable<string>;
}

/**
 * How a command in a one-off dyno ended. `told`: by the command's own output, or, where that was lost, by Heroku's line in
 * the log. `unclear`: it may have done anything, and a person must look.
 */
export type OneOffEnd =
  | { kind: 'exited'; code: number; told: 'by output' | 'by log' }
  | { kind: 'not run'; why: string }
  | { kind: 'unclear'; why: string };

/** Both reject when the signal aborts, and the command goes on. */
export interface OneOffs {
  /**
   * Starts the command once, or waits, without its lines, for one that runs under the marker. Heroku runs one-off dynos
   * on the app's current release only: where that is not `release`, nothing runs. Rejects, nothing having run, when
   * Heroku cannot be asked.
   */
  run(ask: {
    app: string;
    /** Names this run for ever, for a bot that finds it again. */
    marker: string;
    release: number;
    command: string;
    env?: Record<string, string>;
    signal: AbortSignal;
    onLine: (line: string) => void;
  }): Promise<OneOffEnd>;
  /** For a run that a killed bot may have started: waits until it is over and tells how it ended. Starts nothing. */
  resume(ask: { app: string; marker: string; signal: AbortSignal }): Promise<OneOffEnd>;
}

export type Commit = { sha: string; subject: string; author: string; at: string };

/** Nothing under that name: a person's typing error, or a repository that the token cannot see. */
export class NotFound extends Error {}

export interface SourceHost {
  /** A branch, tag, or full or short commit. Throws NotFound. */
  commit(repository: string, ref: string): Promise<Commit>;
  /** Commits that `head` has and `base` has not, newest first; `behind` counts those that it would take away. */
  compare(
    repository: string,
    base: string,
    head: string,
  ): Promise<{ commits: Commit[]; total: number; behind: number }>;
  /** A file's text at a commit; null when there is none. */
  file(repository: string, sha: string, path: string): Promise<string | null>;
  tarball(repository: string, sha: string): Promise<Uint8Array>;
}

/** What one request to the app, over a connection of its own, told. Times in ms since 1970. */
export type Answer = { sentAt: number; receivedAt: number; status: number | null; version: Version; problem?: string };

export interface Prober {
  ask(url: string, probe: Probe, signal: AbortSignal): Promise<Answer>;
}

/** What a watch has seen, kept so that a restarted bot goes on from it. `key` names the deploy and the release watched. */
export interface WatchStore {
  load(key: string): Promise<Watch | null>;
  save(key: string, watch: Watch): Promise<void>;
}

export interface Watcher {
  /** Follows the switchover to `goal.ours`, or goes on following it: one for each release of a deploy in this process. */
  follow(ask: { deploy: string; app: string; url: string; probe: Probe; goal: Goal }): Following;
  /** The deploy has ended: nothing of it is followed any more. */
  forget(deploy: string): void;
}

export interface Following {
  readonly watch: Watch;
  /** Resolves with the first phase that passes, `onPhase` having been awaited for each change before it. Rejects when the signal aborts. */
  until(
    passes: (phase: Phase) => boolean,
    onPhase: (phase: Phase) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Phase>;
  /** A person looked and says that new code serves. */
  checked(user: string): void;
}

/** A message as Slack takes it: blocks for the eye, a whole sentence for readers and notifications. */
export type Message = { text: string; blocks: readonly object[] };

/** Names a message of ours for ever: its deploy, and which of the deploy's messages it is. */
export type MessageKey = { deploy: string; key: string };

export interface Chat {
  /** Gives the message's `ts`. Rejects when the answer was lost: the message may be there. */
  post(ask: {
    channel: string;
    thread?: string;
    broadcast?: boolean;
    message: Message;
    key: MessageKey;
  }): Promise<string>;
  /** The `ts` of a message of ours that carries the key, posted since (ms) `after`; null when there is none. */
  find(ask: { channel: string; thread?: string; key: MessageKey; after: number }): Promise<string | null>;
  update(ask: { channel: string; ts: string; message: Message }): Promise<void>;
}

/** A plan as somebody was shown it. `digest` is its fingerprint. */
export type StoredPlan = { id: string; plan: Plan; digest: string; askedBy: string; channel: string };

export type Running = { id: string; app: string; startedBy: string };

/** What the bot keeps. */
export interface Ledger {
  apps(): Promise<AppSettings[]>;
  app(name: string): Promise<AppSettings | null>;
  savePlan(plan: StoredPlan): Promise<void>;
  plan(id: string): Promise<StoredPlan | null>;
  /** Makes the deploy of a plan, under the plan's id, so that two presses make one. Gives the deploy that stands in its way. */
  createDeploy(plan: StoredPlan, by: string): Promise<Running | null>;
  /** Throws when there is none of that id. */
  deploy(id: string): Promise<Deploy>;
  /** Deploys that have not ended, of one app or of all, oldest first. */
  running(app?: string): Promise<Running[]>;
  /** Takes a press once, whichever times it comes. */
  addClick(deploy: string, click: Omit<Click, 'at'>): Promise<void>;
  clickAnswer(id: string): Promise<string | null>;
}
