import type { AppSettings, Probe, Version } from './domain/app.ts';
import type { Closing, Door, Stopped } from './domain/closing.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import type { Freeze } from './domain/freeze.ts';
import type { Held } from './domain/gate.ts';
import type { Lock } from './domain/lock.ts';
import type { MigrationFile } from './domain/migration-file.ts';
import type { Applied } from './domain/migration-folder.ts';
import type { FileOutcome, MigrationProgress } from './domain/migration-outcome.ts';
import type { Group } from './domain/permission.ts';
import type { Plan } from './domain/plan.ts';
import type { SettingChange } from './domain/settings-changes.ts';
import type { MigrationPlace } from './domain/switchover-file.ts';
import type { Ahead, Place } from './domain/turn.ts';
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
  /** Databases of the app that other apps are attached to as well. */
  sharedDatabases(app: string): Promise<{ database: string; apps: string[] }[]>;
  /** API calls that the account has left now; asking is free. */
  tokensLeft(): Promise<number>;
  /** Uploads a gzipped tarball; gives the address that a build can fetch it from. */
  uploadSource(tarball: Uint8Array): Promise<string>;
  /** Builds, and when that succeeds releases, the source at the address. */
  startBuild(app: string, ask: { url: string; commit: string; marker: string }): Promise<Build>;
  /** Stops a build; one that has ended stays as it is. */
  cancelBuild(app: string, id: string): Promise<void>;
  /** Closed (maintenance mode) or open; repeating it is the same. */
  setMaintenance(app: string, on: boolean): Promise<void>;
  /** How many dynos of each type; repeating it is the same. */
  scale(app: string, formation: readonly { type: string; quantity: number }[]): Promise<void>;
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
  /** Branches, then tags, whose names begin like that. */
  refs(repository: string, prefix: string): Promise<string[]>;
}

/** What one request to the app, over a connection of its own, told. Times in ms since 1970. */
/** `sentAt`, `receivedAt`: ms by `steadyNow`, so that no correction of a clock makes the time between answers longer. */
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

/** Resolves at a time (ms since 1970); rejects when the signal aborts. */
export interface Time {
  until(at: number, signal: AbortSignal): Promise<void>;
  /** Resolves after so many ms; rejects when the signal aborts. */
  pass(ms: number, signal: AbortSignal): Promise<void>;
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

/** `waits`: for its turn. `soaks`: all that is left is watching, or asking for, its contract migrations. */
export type Running = Ahead & { id: string; app: string; waits: boolean; soaks: boolean };

/** What the bot keeps. */
export interface Ledger {
  apps(): Promise<AppSettings[]>;
  app(name: string): Promise<AppSettings | null>;
  savePlan(plan: StoredPlan): Promise<void>;
  plan(id: string): Promise<StoredPlan | null>;
  /** Makes the deploy of a plan, under the plan's id, so that two presses make one. Gives its place behind others, if any. */
  createDeploy(plan: StoredPlan, by: string): Promise<Place | null>;
  /** Ends a deploy that still waits for its turn; false when it waits no more. */
  leaveQueue(deploy: string, by: string): Promise<boolean>;
  /** Throws when there is none of that id. */
  deploy(id: string): Promise<Deploy>;
  /** Deploys that have not ended, of one app or of all, oldest first. */
  running(app?: string): Promise<Running[]>;
  /** The deploy whose message that is, in its thread or its own; null when it is none of ours. */
  deployAt(channel: string, ts: string): Promise<Deploy | null>;
  /** The app's deploys, newest first. */
  recent(app: string, most: number): Promise<Deploy[]>;
  /** Takes a press once, whichever times it comes. */
  addClick(deploy: string, click: Omit<Click, 'at'>): Promise<void>;
  clickAnswer(id: string): Promise<string | null>;
  /** The contract migrations that were held last, with who said why. */
  held(app: string): Promise<Held[]>;
  /** The newest release of the app whose contract migrations ran: code from before it has lost its schema. */
  schemaFloor(app: string): Promise<number | null>;
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
    onProgress: (progress: MigrationProgress) => void;
    signal: AbortSignal;
  }): Promise<MigrationRun>;
}

/** A message to a channel or a person that belongs to no deploy. The same id again changes its words. */
export type Notice = { id: string; channel: string; message: Message };

export interface Locks {
  /** Those that hold now, on these scopes or on any (null). */
  on(scopes: readonly string[] | null): Promise<Lock[]>;
  /** Takes it, also from whoever holds it as `instead` (an id); gives the lock that is in the way. */
  take(lock: Lock, instead: string | null): Promise<Lock | null>;
  /** Lets go of one's own lock, or of another's that is named by its id. */
  release(
    scope: string,
    ask: { by: string; id: string | null },
  ): Promise<{ kind: 'released'; lock: Lock } | { kind: 'held'; lock: Lock } | { kind: 'free' }>;
  /** They were refused an app because of the lock, and are told when it is gone. */
  wait(lock: Lock, user: string, app: string): Promise<void>;
  /** Ends what has ended by itself, and reminds owners: to be called every few seconds, by any process. */
  tick(): Promise<void>;
}

/** What is said of locks, and to whom. */
export type LockWords = {
  locked(lock: Lock, takenFrom: Lock | null): Notice[];
  /** `by` null: by itself. */
  freed(lock: Lock, waiters: readonly { waiter: string; app: string }[], by: string | null): Notice[];
  reminded(lock: Lock): Notice[];
};

/** What may be written of a closing; `…Now` sets its time to now, or with false to none. */
export type ClosingChange = {
  wanted?: Door;
  until?: number | null;
  told?: Door;
  seen?: Door | null;
  openedBy?: string;
  workers?: readonly Stopped[];
  stopWorkers?: boolean;
  wantedNow?: boolean;
  toldNow?: boolean;
  seenNow?: boolean;
  remindedNow?: boolean;
  barredNow?: boolean;
  lateNow?: boolean;
  endedNow?: boolean;
};

export interface Closings {
  ask(closing: Pick<Closing, 'id' | 'app' | 'by' | 'reason' | 'channel' | 'minutes'>): Promise<void>;
  get(id: string): Promise<Closing | null>;
  /** The app's closing that has not ended. */
  open(app: string): Promise<Closing | null>;
  /** Null when it has ended. Says what there is to say of it. */
  change(id: string, change: ClosingChange): Promise<Closing | null>;
  /** One that nobody else is at, and none of these; null when there is none. To be freed. */
  claim(except: readonly string[]): Promise<Closing | null>;
  free(id: string): Promise<void>;
  say(notices: readonly Notice[]): Promise<void>;
}

/** Somebody's wish to begin a deploy that a second person must agree to. `id` is its plan's. */
export type StartRequest = {
  id: string;
  app: string;
  by: string;
  emergency: string | null;
  at: string;
  answer: StartAnswer | null;
  answeredBy: string | null;
  plan: Plan;
};
export type StartAnswer = 'approved' | 'declined' | 'expired' | 'changed';
export type StartWords = (request: StartRequest) => Notice[];

export interface Starts {
  ask(request: Pick<StartRequest, 'id' | 'app' | 'by' | 'emergency'>): Promise<void>;
  get(id: string): Promise<StartRequest | null>;
  /** False when it was answered before, or is too old. */
  answer(id: string, answer: StartAnswer, by: string): Promise<boolean>;
  expire(): Promise<void>;
  /** Those that were approved a while ago, and never begun. */
  approved(): Promise<string[]>;
  /** Freezes of every app. */
  freezes(): Promise<Freeze[]>;
  saveFreezes(freezes: readonly Freeze[]): Promise<void>;
}

/** What a person is in our workspace; only members may do anything. `zone`: IANA, as set in Slack. */
export type Person = { is: 'member' | 'guest' | 'bot' | 'stranger' | 'gone'; zone: string };

/** Who people are, and who is in a group, as Slack says; up to a minute old. */
export interface Directory {
  person(user: string): Promise<Person>;
  /** A user group (`S…`) or a channel (`C…`, `G…`). */
  group(id: string): Promise<Group>;
  /** Every user group, by its handle. */
  groups(): Promise<{ id: string; name: string }[]>;
}

export type SettingsVersion = { version: number; settings: AppSettings; by: string; at: string };

/** What the team said of its apps, with every version of it. */
export interface SettingsStore {
  newest(app: string): Promise<SettingsVersion | null>;
  /** Keeps a new version; `known`: the version that the writer saw (0: none), or null to write whatever there is. */
  save(
    settings: AppSettings,
    by: string,
    known: number | null,
  ): Promise<
    | { kind: 'saved'; version: number; changes: SettingChange[] }
    | { kind: 'same' }
    | { kind: 'changed meanwhile'; by: string }
  >;
  history(app: string): Promise<SettingsVersion[]>;
}

/** A deploy that begins at a time (ms) that somebody chose; what came of it, null while it waits. */
export type Schedule = {
  id: string;
  app: string;
  by: string;
  due: number;
  outcome: 'begun' | 'asked' | 'changed' | 'refused' | 'cancelled' | null;
  endedBy: string | null;
  why: string | null;
  plan: Plan;
};

export interface Schedules {
  keep(schedule: Pick<Schedule, 'id' | 'app' | 'by' | 'due'>): Promise<void>;
  /** False when it had ended before. */
  end(
    id: string,
    ask: { outcome: NonNullable<Schedule['outcome']>; by: string | null; why: string | null },
  ): Promise<boolean>;
  /** The next one whose time has come, for one process alone; `begun`: its deploy is there already. */
  claim(): Promise<{ id: string; by: string; begun: boolean } | null>;
  /** It could not be tried; anybody may. */
  free(id: string): Promise<void>;
}
