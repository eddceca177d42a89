import type { Version } from './app.ts';
import type { LogEvent } from './log-line.ts';

// What a watch of a switchover is, as data: what it waits for, what it can see, what it has seen, what that says.

/** What a watch waits for: the code of release `ours` to serve everybody. Times in ms since 1970. */
export type Goal = {
  ours: number;
  slug: string;
  commit: string | null;
  oldCommit: string | null;
  /** The web dynos that served when it was released (`web.1`, …): each must be seen to go. */
  oldWeb: readonly string[];
  /** Web dynos of the new release. */
  web: number;
  releasedAt: number;
  windowMs: number;
};

export type Observation =
  | { kind: 'answer'; sentAt: number; receivedAt: number; status: number | null; version: Version }
  | { kind: 'line'; at: number; event: LogEvent }
  /** A log session opened; `oldest` is the time of the first line that it replayed, null when it had none. */
  | { kind: 'log opened'; at: number; oldest: number | null }
  /** The session ended, by itself or with its connection. */
  | { kind: 'log closed'; at: number }
  | { kind: 'dynos'; at: number; dynos: readonly SeenDyno[] }
  | { kind: 'releases'; at: number; releases: readonly SeenRelease[] }
  /** A person looked and says that new code serves. */
  | { kind: 'checked'; at: number; user: string }
  | { kind: 'time'; at: number };

export type SeenDyno = { name: string; type: string; state: string; release: number };

export type SeenRelease = {
  version: number;
  slug: string | null;
  status: string;
  by: string;
  what: string;
  at: number;
};

export type Evidence =
  | { by: 'probe'; answers: number; spanMs: number; firstNewAt: number; lastOldAt: number | null }
  | { by: 'logs'; dyno: string; at: number }
  | { by: 'person'; user: string };

export type Phase =
  | { kind: 'booting'; up: number; of: number }
  | { kind: 'old serves'; expectedSwitch: number }
  | { kind: 'mixed'; corrected: boolean }
  | { kind: 'new serves'; at: number; evidence: Evidence }
  | { kind: 'old gone'; at: number; dynos: readonly string[] }
  | { kind: 'crashed'; dyno: string; what: string }
  | { kind: 'superseded'; version: number; by: string; what: string }
  | { kind: 'not proved'; missing: 'new serves' | 'old gone'; known: readonly string[] };

/** Everything seen so far. Plain data: it is stored, and a restarted bot goes on from it. */
export type Watch = {
  goal: Goal;
  /** When the window began: a newer release with our slug begins it anew. */
  clockFrom: number;
  now: number;
  releases: Record<string, SeenRelease>;
  superseded: SeenRelease | null;
  /** New web dynos, from the newest dyno list; null before the first. */
  booted: { up: number; of: number } | null;
  older: { at: number; names: readonly string[] } | null;
  crash: { dyno: string; what: string } | null;
  /** Web dynos of which the log says that they crashed, and how, until the dyno list says whose they were. */
  suspects: Record<string, string>;
  /** Somebody released or restarted in the window: a hidden SIGTERM need not be the old code's. */
  disturbed: boolean;
  /** `silent` told no version that could be read; `failed` of them all had no answer at all, or a 5xx. */
  answers: {
    byRelease: Record<string, number>;
    new: number;
    old: number;
    silent: number;
    failed: number;
    slowestMs: number;
  };
  run: { sentAt: number; receivedAt: number; answers: number } | null;
  firstNewAt: number | null;
  lastOldAt: number | null;
  /** `from`: not later than the switch's end less the skew; `at`: when it was proved. */
  served: { at: number; from: number; evidence: Evidence } | null;
  corrected: boolean;
  goneAt: number | null;
  /** Since when the log is known without a gap; null before the first session. */
  logFrom: number | null;
  logTo: number | null;
  logOpen: boolean;
  /** Times by dyno name. */
  upAt: Record<string, number[]>;
  sigterms: Record<string, number[]>;
  leaving: Record<string, number[]>;
  exits: Record<string, number[]>;
  restarts: Record<string, number[]>;
  /** Router lines with a 5xx since the release, by code (`H10`) or `5xx`. */
  failures: Record<string, number>;
  /** Reads that would settle a question; whoever feeds the fold makes them. */
  asks: { dynos: boolean; releases: boolean };
};

export function beginWatch(goal: Goal): Watch {
  const none = {};
  return {
    goal,
    clockFrom: goal.releasedAt,
    now: goal.releasedAt,
    releases: {},
    superseded: null,
    booted: null,
    older: null,
    crash: null,
    suspects: none,
    disturbed: false,
    answers: { byRelease: none, new: 0, old: 0, silent: 0, failed: 0, slowestMs: 0 },
    run: null,
    firstNewAt: null,
    lastOldAt: null,
    served: null,
    corrected: false,
    goneAt: null,
    logFrom: null,
    logTo: null,
    logOpen: false,
    upAt: none,
    sigterms: none,
    leaving: none,
    exits: none,
    restarts: none,
    failures: none,
    asks: { dynos: true, releases: true },
  };
}

/** New answers in a row that prove it: enough that routers, which pick dynos at random, would have shown an old one. */
export const answersNeeded = (web: number): number => Math.min(Math.max(10, 2 * web), 60);

/** Probes a second: one until the first new answer, then enough for the proof to take no longer than the skew. */
export const probesPerSecond = (watch: Watch): number =>
  watch.firstNewAt === null || watch.goneAt !== null ? 1 : Math.max(5, Math.ceil(answersNeeded(watch.goal.web) / 2.5));
