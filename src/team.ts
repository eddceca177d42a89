import type { AppSettings } from './domain/app.ts';
import type { Closing, Door, Stopped } from './domain/closing.ts';
import type { Click, Deploy } from './domain/deploy.ts';
import type { Freeze } from './domain/freeze.ts';
import type { Held } from './domain/gate.ts';
import type { Lock } from './domain/lock.ts';
import type { Group } from './domain/permission.ts';
import type { Plan } from './domain/plan.ts';
import type { Schedule } from './domain/schedule.ts';
import type { SettingChange } from './domain/settings-changes.ts';
import type { Ahead, Place } from './domain/turn.ts';
import type { Unheard } from './domain/unheard.ts';

// What the bot keeps of its own, and how it reaches people: deploys and their facts, messages, locks, closings, starts,
// settings. Its adapters keep them in Postgres and Slack.

/** How long somebody who pressed waits for the run's own answer before they are told that it was taken, ms. */
export const ANSWER_WITHIN_MS = 2_000;

/** A message as Slack takes it: blocks for the eye, a whole sentence for readers and notifications. */
export type Message = { text: string; blocks: readonly object[] };

/** Names a message of ours for ever: its deploy, and which of the deploy's messages it is. */
export type MessageKey = { deploy: string; key: string };

/** Slack refused, and surely did nothing. `gone`: what is; *not now* where it says nothing of this message; null for all else. */
export class MessageRefused extends Error {
  readonly gone: Unheard | 'thread' | 'not now' | null;

  constructor(message: string, gone: Unheard | 'thread' | 'not now' | null, cause?: unknown) {
    super(message, { cause });
    this.name = 'MessageRefused';
    this.gone = gone;
  }
}

type InThread = { channel: string; thread?: string };
/** How much of a message Slack took: all that matters, or its sentence alone, without its buttons. */
export type Taken = 'whole' | 'sentence';
export type Posted = { ts: string; taken: Taken };

export interface Chat {
  /** Rejects with a MessageRefused or a `retryAfterMs` when it is surely not there; else it may be. */
  post(ask: InThread & { broadcast?: boolean; message: Message; key: MessageKey }): Promise<Posted>;
  /**
   * The `ts` of a message of ours that carries the key, posted since (ms) `after`; null when there is none, and also
   * where the bot may post but not read: a line that comes twice is better than silence.
   */
  find(ask: InThread & { key: MessageKey; after: number }): Promise<string | null>;
  update(ask: { channel: string; ts: string; message: Message }): Promise<Taken>;
}

/** Slack takes no file of ours, and will not when it is asked again: no scope, no space, not allowed. */
export class FileRefused extends Error {}

export interface Files {
  /** Gives the id of the file, which nobody sees until it is shared. `alt`: at most 1,000 characters. Throws FileRefused. */
  send(file: { name: string; bytes: Buffer; alt: string }): Promise<string>;
  /** Once for each file. Rejects when the answer was lost: it may be shared all the same. Throws FileRefused. */
  share(ask: { file: string; title: string; channel: string; thread: string }): Promise<void>;
  /** True when the thread has the file, shared since (ms) `after`. */
  isShared(ask: { file: string; channel: string; thread: string; after: number }): Promise<boolean>;
}

/** A plan as somebody was shown it. `digest` is its fingerprint. */
export type StoredPlan = {
  id: string;
  plan: Plan;
  digest: string;
  askedBy: string;
  channel: string;
  /** For when it was made, ms; null for now. */
  due: number | null;
};

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
  /** Whether a plan was begun: its deploy has its id. */
  hasDeploy(id: string): Promise<boolean>;
  /** Ends a deploy that still waits for its turn; false when it waits no more. */
  leaveQueue(deploy: string, by: string): Promise<boolean>;
  /** Throws when there is none of that id. */
  deploy(id: string): Promise<Deploy>;
  /** Deploys that have not ended, of one app or of all, oldest first. */
  running(app?: string): Promise<Running[]>;
  /** That deploy; null when it has ended. */
  runningDeploy(deploy: string): Promise<Running | null>;
  /** The deploy whose message that is, in its thread or its own; null when it is none of ours. */
  deployAt(channel: string, ts: string): Promise<Deploy | null>;
  /** The app's deploys, newest first. */
  recent(app: string, most: number): Promise<Deploy[]>;
  /** Takes a press once, whichever times it comes. False when the deploy has ended: then it is not kept. */
  addClick(deploy: string, click: Omit<Click, 'at'>): Promise<boolean>;
  clickAnswer(id: string): Promise<string | null>;
  /** False when this request was begun before: for what cannot be told from another's effect. */
  isFirst(request: string): Promise<boolean>;
  /** The deploy that a press was about; null when it did not come yet. */
  clickedDeploy(id: string): Promise<string | null>;
  /** The contract migrations that were held last, with who said why. */
  held(app: string): Promise<Held[]>;
  /** The newest release of the app whose contract migrations ran, or left something: code from before it has lost its schema. */
  schemaFloor(app: string): Promise<number | null>;
}

/**
 * A message to a channel or a person that belongs to no deploy. The same id again changes its words. `owner`: who is told
 * when the channel takes nothing.
 */
export type Notice = { id: string; channel: string; message: Message; owner?: string | null };

export interface Locks {
  /** Those that hold now, on these scopes or on any (null). */
  on(scopes: readonly string[] | null): Promise<Lock[]>;
  /**
   * Takes it for so many seconds from now by the store's clock (null: no end), also from whoever holds it as `instead` (an
   * id); *held*: by the lock that is in the way. `request`: once; *over*: it was taken so before, and is gone since.
   */
  take(
    lock: Pick<Lock, 'scope' | 'id' | 'by' | 'reason' | 'channel'> & { seconds: number | null },
    ask: { instead: string | null; request: string },
  ): Promise<{ kind: 'taken' | 'held'; lock: Lock } | { kind: 'over' }>;
  /** Lets go of one's own lock, or of another's that is named by its id. `request`: once. */
  release(
    scope: string,
    ask: { by: string; id: string | null; request: string },
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

/** What may be written of a closing; `…Now` sets its time to now, or with false to none. Now is by the store's clock. */
export type ClosingChange = {
  wanted?: Door;
  /** So many minutes from its end, or from now when it has none or that is over; null for no end. */
  longer?: number | null;
  told?: Door | null;
  seen?: Door | null;
  openedBy?: string;
  workers?: readonly Stopped[];
  stopWorkers?: boolean;
  wantedNow?: boolean;
  toldNow?: boolean;
  seenNow?: boolean;
  idleNow?: boolean;
  countedNow?: boolean;
  remindedNow?: boolean;
  barredNow?: boolean;
  lateNow?: boolean;
  endedNow?: boolean;
};

export interface Closings {
  ask(closing: Pick<Closing, 'id' | 'app' | 'by' | 'reason' | 'channel' | 'minutes' | 'hasWorkers'>): Promise<void>;
  get(id: string): Promise<Closing | null>;
  /** The app's closing that has not ended; `standing`: those of all apps. */
  open(app: string): Promise<Closing | null>;
  standing(): Promise<Closing[]>;
  /**
   * Null when it has ended. Says what there is to say of it. `request`: once, then it stays as it is. `only`: else it
   * stays as it is, too; *over* means closed beyond its time. `insteadOf`: one that is being opened, which ends with it; what it
   * has not started again of its workers is this one's to start.
   */
  change(
    id: string,
    change: ClosingChange,
    ask?: { request?: string; only?: 'asked' | 'closed' | 'over'; insteadOf?: string | undefined },
  ): Promise<Closing | null>;
  /** One that nobody else is at, and none of these, with the store's time (ms since 1970); null when there is none. To be freed. */
  claim(except: readonly string[]): Promise<{ closing: Closing; now: number } | null>;
  /** True while nobody else has claimed what we have, and it has not ended. Rejects when that cannot be known. */
  holds(id: string): Promise<boolean>;
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
  /** Those that nobody answered yet, of an app or of all. */
  waiting(app: string | null): Promise<StartRequest[]>;
  /** Those that were approved a while ago, and never begun. */
  approved(): Promise<string[]>;
  /** Freezes of every app, as they are now. */
  freezes(): Promise<Freeze[]>;
}

/** What a person is in our workspace; only members may do anything. `zone`: IANA, as set in Slack. */
export type Person = { is: 'member' | 'guest' | 'bot' | 'stranger' | 'gone'; zone: string };

/** Who people are, and who is in a group, as Slack says; up to a minute old. */
export interface Directory {
  person(user: string): Promise<Person>;
  /** A user group (`S…`) or a channel (`C…`, `G…`). Rejects when Slack cannot be asked now. */
  group(id: string): Promise<Group>;
  /** User groups, by their handles, and the channels that the bot is in: those that may be given a role. */
  groups(): Promise<{ id: string; name: string }[]>;
  /** True of a channel that surely takes no message; false also where Slack does not tell. */
  isArchived(channel: string): Promise<boolean>;
}

/** What holds for every app. */
export type TeamVersion = { version: number; freezes: Freeze[]; by: string; at: string };

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
  /** What holds for every app; null as long as nothing was said. */
  team(): Promise<TeamVersion | null>;
  /** Keeps a new version of it, as `save` does. */
  saveTeam(
    freezes: readonly Freeze[],
    by: string,
    known: number | null,
  ): Promise<{ kind: 'saved'; version: number } | { kind: 'same' } | { kind: 'changed meanwhile'; by: string }>;
  teamHistory(): Promise<TeamVersion[]>;
}

/** `begun`: its deploy is there already; `late`: it is given up when it cannot be begun now; `missed`: it is not tried any more. */
export type Due = { id: string; by: string; begun: boolean; late: boolean; missed: boolean };

export interface Schedules {
  /** False when its time is over, and it was not kept before. */
  keep(schedule: Pick<Schedule, 'id' | 'app' | 'by' | 'due'>): Promise<boolean>;
  /** False when it had ended before in another way. */
  end(
    id: string,
    ask: { outcome: NonNullable<Schedule['outcome']>; by: string | null; why: string | null },
  ): Promise<boolean>;
  /** The next one whose time has come, and none of these, for one process alone. */
  claim(except: readonly string[]): Promise<Due | null>;
  /** Those whose time has not come, of an app or of all. */
  waiting(app: string | null): Promise<Schedule[]>;
  /** It could not be tried; anybody may. */
  free(id: string): Promise<void>;
}

/** What is kept of our messages. A row without `ts` was meant to be posted, and may have been. */
export interface Messages {
  of(deploy: string): Promise<{ key: string; ts: string | null; hash: string | null }[]>;
  claim(ask: { deploy: string; key: string; channel: string; by: string }): Promise<'first' | 'again' | 'taken'>;
  /** What was claimed was surely not posted: the next claim is the first. */
  free(deploy: string, key: string, by: string): Promise<void>;
  /** One process edits a message, if it is as that one knows it; another when that one is gone, or has not for 20 s. */
  mayEdit(deploy: string, known: { key: string; hash: string | null }, by: string): Promise<boolean>;
  /** It shows that now, if it is the same message still. */
  edited(deploy: string, message: { key: string; ts: string; hash: string }): Promise<void>;
  /** `ts` null: it is not known to be there yet. */
  keep(deploy: string, message: { key: string; ts: string | null; hash: string | null }): Promise<void>;
  allTold(deploy: string, channel: string, by: string): Promise<void>;
  unfinished(): Promise<string[]>;
}
