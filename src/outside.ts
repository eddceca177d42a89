import type { Probe, Version } from './domain/app.ts';
import type { Sample } from './domain/health.ts';
import type { MigrationFile } from './domain/migration-file.ts';
import type { Applied } from './domain/migration-folder.ts';
import type { FileOutcome, MigrationProgress } from './domain/migration-outcome.ts';
import type { Secret } from './domain/redaction.ts';
import type { MigrationPlace } from './domain/switchover-file.ts';
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
  /** Heroku still has all of it, and takes it for a rollback. */
  eligible: boolean;
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

/** Heroku said no to what would have begun a release: there is none, now or later. */
export class NotBegun extends HerokuRefused {}

/** A no to this request is one for good. */
export const orNotBegun = <T>(asked: Promise<T>): Promise<T> =>
  asked.catch(error => {
    throw error instanceof HerokuRefused ? new NotBegun(error.status, error.id, error.message) : error;
  });

/** Rejects when what is about to be done is ours no more: another process may be doing it. Asked right before each attempt. */
export type MayAct = () => Promise<void>;

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
  /** Config vars: secrets, so neither kept nor shown. */
  config(app: string): Promise<Readonly<Record<string, string>>>;
  /** All that `config` ever gave for it, also values that are no more: to be hidden wherever they turn up. */
  configSeen(app: string): Promise<readonly Secret[]>;
  /** Databases of the app that other apps are attached to as well. */
  sharedDatabases(app: string): Promise<{ database: string; apps: string[] }[]>;
  /** API calls that the account which deploys the app has left now; asking is free. */
  tokensLeft(app: string): Promise<number>;
  /** Uploads a gzipped tarball; gives the address that a build can fetch it from. */
  uploadSource(app: string, tarball: Uint8Array): Promise<string>;
  /** Builds, and when that succeeds releases, the source at the address. */
  startBuild(app: string, ask: { url: string; commit: string; marker: string }, mayAct: MayAct): Promise<Build>;
  /** Stops a build; one that has ended stays as it is. */
  cancelBuild(app: string, id: string, mayAct: MayAct): Promise<void>;
  /** Closed (maintenance mode) or open; repeating it is the same. */
  setMaintenance(app: string, on: boolean, mayAct: MayAct): Promise<void>;
  /** How many dynos of each type; repeating it is the same. */
  scale(app: string, formation: readonly { type: string; quantity: number }[], mayAct: MayAct): Promise<void>;
  rollBack(app: string, releaseId: string, mayAct: MayAct): Promise<Release>;
  /** Follows the output, then resolves when the build has ended and, when it succeeded, has its release. */
  buildEnded(app: string, build: Build, onLine: (line: string) => void, signal: AbortSignal): Promise<Build>;
  /** Follows the release phase's output, then resolves when the release is no longer pending. */
  releaseEnded(app: string, release: Release, onLine: (line: string) => void, signal: AbortSignal): Promise<Release>;
  /** Makes a one-off dyno on the current release. Its command starts when somebody attaches to it, or never (R13). */
  startOneOff(app: string, command: string, env: Record<string, string>, mayAct: MayAct): Promise<WaitingDyno>;
  stopDyno(app: string, name: string, mayAct: MayAct): Promise<void>;
  /**
   * One log session: the last 1,500 lines, then each new one, until it ends by itself or by the signal. `onWhole` is called
   * when there were fewer: then nothing is older than the first.
   */
  openLog(app: string, signal: AbortSignal, onWhole?: () => void): AsyncIterable<string>;
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
    mayAct: MayAct;
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
  /** Branches, then tags, whose names begin like that. */
  refs(repository: string, prefix: string): Promise<string[]>;
}

/** What a request of its own connection told. `sentAt`, `receivedAt`: ms by `steadyNow`, whatever becomes of the clock. */
export type Answer = { sentAt: number; receivedAt: number; status: number | null; version: Version; problem?: string };

export interface Prober {
  /** `mark`: what the router's line of it is known by; one by chance where nobody looks for that. */
  ask(url: string, probe: Probe, signal: AbortSignal, mark?: string): Promise<Answer>;
}

/** What a watch has seen, kept so that a restarted bot goes on from it. `key` names the deploy and the release watched. */
export interface WatchStore {
  load(key: string): Promise<Watch | null>;
  save(key: string, watch: Watch): Promise<void>;
}

export interface Watcher {
  /** Listens to an app, of which release `live` serves, before anything is done to it, until it is followed. Asked again, it goes on. */
  begin(ask: { deploy: string; app: string; url: string; probe: Probe; live: number }): void;
  /** How the app was since `begin`, and as far back as its log went; null when nobody listened. */
  before(deploy: string): Sample | null;
  /** Follows the switchover to `goal.ours`, or goes on following it: one for each release of a deploy in this process. */
  follow(ask: { deploy: string; app: string; url: string; probe: Probe; goal: Goal }): Following;
  /**
   * The same while people are waited for, perhaps for hours: with few probes, and no read at intervals. Null when as many
   * are followed so as one process may. `follow` makes it close again.
   */
  followSparingly(ask: Parameters<Watcher['follow']>[0]): Following | null;
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
  /** Resolves once the watch passes, looked at each second at least. Rejects when the signal aborts. */
  when(passes: (watch: Watch) => boolean, signal: AbortSignal): Promise<void>;
  /** A person looked and says that new code serves. */
  checked(user: string): void;
}

export interface Time {
  /** Ms since 1970, by the clock that dates facts. */
  now(): number;
  /** Resolves at such a time; rejects when the signal aborts. */
  until(at: number, signal: AbortSignal): Promise<void>;
  /** Resolves after so many ms; rejects when the signal aborts. */
  pass(ms: number, signal: AbortSignal): Promise<void>;
}

import type { Blocker } from './domain/migration-outcome.ts';

export type { Blocker, FileOutcome, MigrationProgress } from './domain/migration-outcome.ts';

/** What a commit holds of migrations that have not run. */
export type MigrationReading = {
  /** In the order in which they would run, those of the contract folder last. */
  files: MigrationFile[];
  /** Everything that keeps it from running, at once, each with the way out. */
  problems: string[];
  /** Recorded as run, but not in this commit. */
  unknown: string[];
  procfile: string | null;
  /** Of its package.json. */
  scripts: Record<string, string>;
};

export type MigrationRun =
  | { kind: 'ran'; files: { name: string; table: string; outcome: FileOutcome }[] }
  /** The commit, its files or their SQL are not what was shown. Nothing ran. */
  | { kind: 'changed'; problems: string[] }
  /** Nothing ran: somebody else migrates it, and went on longer than is waited for. */
  | { kind: 'busy'; holders: Blocker[] }
  /** Nothing ran. */
  | { kind: 'refused'; reason: string };

/** The migrations of an app's commit and of its database. `databaseUrl` must not be a pooler's. */
export interface Migrator {
  /** What has run, by table. Throws when the database does not answer. */
  applied(databaseUrl: string, place: MigrationPlace): Promise<Applied>;
  /** Who migrates it now: whoever holds node-pg-migrate's lock. */
  holders(databaseUrl: string): Promise<Blocker[]>;
  /** Never touches a database. Programs are run to be read, so only for somebody who may deploy the app. */
  read(ask: {
    tarball: Uint8Array;
    place: MigrationPlace;
    applied: Applied;
    signal?: AbortSignal;
  }): Promise<MigrationReading>;
  /**
   * Runs the files in their order, each recorded exactly once or not at all, and stops at the first that fails. Asked
   * again, it goes on from what is recorded. `digest` is what was approved: see `digestOf`. Rejects when the signal aborts.
   */
  run(ask: {
    databaseUrl: string;
    tarball: Uint8Array;
    place: MigrationPlace;
    commit: string;
    files: readonly { name: string; table: string }[];
    digest: string;
    /** Names of those that an earlier run began, of which nobody heard how they ended. */
    begun: readonly string[];
    /**
     * That one begins is waited for to be kept, and rejects when it cannot be: what ends without us is known to be ours.
     * Why it must not begin, if anything speaks against it: then it is not run, nor what comes after it.
     */
    onProgress: (progress: MigrationProgress) => Promise<string | null>;
    signal: AbortSignal;
  }): Promise<MigrationRun>;
}
