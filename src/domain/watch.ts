import type { Version } from './app.ts';
import { type Health, NOTHING_MET, resumeHealth, type Sample } from './health.ts';
import type { LogEvent } from './log-line.ts';
import { EMPTY, type Series } from './series.ts';

// What a watch of a switchover is, as data: what it waits for, what it can see, what it has seen, what that says.

/** What a watch waits for: the code of release `ours` to serve everybody. Times in ms since 1970. */
export type Goal = {
  ours: number;
  slug: string;
  commit: string | null;
  oldCommit: string | null;
  /** The web dynos that may have served when it was released (`web.1`, …): each must be seen to go. */
  oldWeb: readonly string[];
  /** Web dynos of the new release. */
  web: number;
  releasedAt: number;
  windowMs: number;
  /** How the app was before anything was done to it, where that was seen. */
  before?: Sample | null | undefined;
};

export type Observation =
  | { kind: 'answer'; sentAt: number; receivedAt: number; status: number | null; version: Version }
  | { kind: 'line'; at: number; event: LogEvent }
  /** A log session opened; `oldest` is the time of the first line that it replayed, null when it had none. */
  | { kind: 'log opened'; at: number; oldest: number | null }
  /** Nothing had been said before `oldest`, the first line of the session. */
  | { kind: 'log whole'; at: number; oldest: number }
  /** The session ended, by itself or with its connection. */
  | { kind: 'log closed'; at: number }
  | { kind: 'dynos'; at: number; dynos: readonly SeenDyno[] }
  | { kind: 'releases'; at: number; releases: readonly SeenRelease[] }
  /** A person looked and says that new code serves. */
  | { kind: 'checked'; at: number; user: string }
  | { kind: 'connections'; at: number; used: number; limit: number }
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

/** Since when (ms) answers, which had told their version, tell none any more, or that none ever did: who serves is not known. */
type Silent = { silentSince?: number };

/** Something that somebody else, or Heroku, did to the app in the window. `at` in ms. */
export type Meddling = { at: number; what: string };

export type Phase =
  | ({ kind: 'booting'; up: number; of: number } & Silent)
  | ({ kind: 'old serves'; expectedSwitch: number } & Silent)
  | ({ kind: 'mixed'; corrected: boolean } & Silent)
  | ({ kind: 'new serves'; at: number; evidence: Evidence } & Silent)
  | { kind: 'old gone'; at: number; dynos: readonly string[] }
  | { kind: 'crashed'; dyno: string; what: string }
  /** `at`: when others released it, ms. */
  | { kind: 'superseded'; version: number; by: string; what: string; at?: number }
  | { kind: 'not proved'; missing: 'new serves' | 'old gone'; known: readonly string[] };

/** A change of state that the log tells of a dyno which `GET /dynos` shows. */
export type StateChange = { at: number; from: string; to: string };

/** Everything seen so far. Plain data: it is stored, and a restarted bot goes on from it. */
export type Watch = {
  goal: Goal;
  /** How often it was kept, by all processes that had it. */
  saves: number;
  /** When the window began, by Heroku's clock: a newer release with our slug begins it anew. */
  clockFrom: number;
  /** The same by our clock, or when we began to watch; null before. The two clocks may differ by anything. */
  begunAt: number | null;
  now: number;
  /** When nobody watched last, by our clock; null when somebody always did. */
  unwatched: { from: number; to: number } | null;
  releases: Record<string, SeenRelease>;
  superseded: SeenRelease | null;
  /** New web dynos, from the newest dyno list; null before the first. */
  booted: { up: number; of: number } | null;
  older: { at: number; names: readonly string[] } | null;
  crash: { dyno: string; what: string } | null;
  /** Web dynos of which the log says that they crashed, and how, until the dyno list says whose they were. */
  suspects: Record<string, string>;
  /** Somebody released, restarted or scaled in the window: a hidden SIGTERM need not be the switch's. */
  disturbed: boolean;
  /** What others did in the window, oldest first; of many the first few. */
  meddling: readonly Meddling[];
  /** `silent` told no version that could be read; `failed` of them all had no answer at all, or a 5xx. */
  answers: {
    byRelease: Record<string, number>;
    new: number;
    old: number;
    silent: number;
    failed: number;
    slowestMs: number;
  };
  /** Those up to the newest that were silent, one after the other; `failed` of them were a 5xx. */
  silence: { since: number; answers: number; failed: number } | null;
  /** New answers, one after the other; when the first of them was sent and received, and how far the log was then. */
  run: { sentAt: number; receivedAt: number; answers: number; logTo: number | null } | null;
  firstNewAt: number | null;
  lastOldAt: number | null;
  /** A moment at which old code still served, by the log's times: SIGTERMs of the switch come after it. */
  oldAt: number | null;
  /** `from`: not later than the switch's end less the skew; `at`: when it was proved; `oldAt`: where no old answer was heard. */
  served: { at: number; from: number; oldAt: number | null; evidence: Evidence } | null;
  corrected: boolean;
  goneAt: number | null;
  /** When the log had shown the switch, and that old web dynos were gone, by our clock: a dyno list made later must agree. */
  signAt: number | null;
  leftAt: number | null;
  /** Since when the log is known without a gap: 0 from its beginning; null before the first session. */
  logFrom: number | null;
  logTo: number | null;
  /** A session did not replay what the one before it had told last. */
  logTorn: boolean;
  logOpen: boolean;
  /** By name of web dyno, which old and new share, in order; the times are Heroku's. */
  changes: Record<string, StateChange[]>;
  sigterms: Record<string, number[]>;
  exits: Record<string, number[]>;
  restarts: Record<string, number[]>;
  /** Router lines with a 5xx since the release, by code (`H10`) or `5xx`. */
  failures: Record<string, number>;
  /** Answers and failed requests over time, by our clock: for the picture, and for nothing that is decided. */
  series: Series;
  /** Reads that would settle a question; whoever feeds the fold makes them. */
  asks: { dynos: boolean; releases: boolean };
  health: Health;
};

/** Names the watch of a deploy's release in the store: stored ones stand on it. */
export const watchKey = (deploy: string, version: number): string => `${deploy} v${version}`;

/** The release that serves our code once it serves: ours, or the newest that somebody made of it meanwhile. */
export const newestOf = ({ goal, releases }: Pick<Watch, 'goal' | 'releases'>): number =>
  Object.values(releases)
    .filter(({ slug, status }) => slug === goal.slug && status === 'succeeded')
    .reduce((newest, { version }) => Math.max(newest, version), goal.ours);

/** A watch that has seen nothing yet: its clock stands at the release (ms). */
export function beginWatch(goal: Goal): Watch {
  const none = {};
  return {
    goal,
    saves: 0,
    clockFrom: goal.releasedAt,
    begunAt: null,
    now: goal.releasedAt,
    unwatched: null,
    releases: {},
    superseded: null,
    booted: null,
    older: null,
    crash: null,
    suspects: none,
    disturbed: false,
    meddling: [],
    answers: { byRelease: none, new: 0, old: 0, silent: 0, failed: 0, slowestMs: 0 },
    silence: null,
    run: null,
    firstNewAt: null,
    lastOldAt: null,
    oldAt: null,
    served: null,
    corrected: false,
    goneAt: null,
    signAt: null,
    leftAt: null,
    logFrom: null,
    logTo: null,
    logTorn: false,
    logOpen: false,
    changes: none,
    sigterms: none,
    exits: none,
    restarts: none,
    failures: none,
    series: EMPTY,
    asks: { dynos: true, releases: true },
    health: NOTHING_MET,
  };
}

/** A log session is opened within 5 s or later, and a dyno list read. */
export const READ_AGAIN_MS = 15_000;

/**
 * What another process kept, as this one goes on with it at `now`. Nobody asked meanwhile, so no run of answers goes on,
 * and that time is none in which new code was not seen; and a clock that was ahead of ours must not leave times that have
 * still to come.
 */
export function resumeWatch(kept: Watch, now: number): Watch {
  const begun = beginWatch(kept.goal);
  const past = (at: number | null): number | null => (at === null ? null : Math.min(at, now));
  const { served } = kept;
  const awayMs = Math.max(0, now - kept.now);
  const hadNotRead = kept.now < (kept.unwatched?.to ?? 0) + READ_AGAIN_MS;
  return {
    ...begun,
    ...kept,
    // A former version of the bot may have kept less.
    answers: { ...begun.answers, ...kept.answers },
    now,
    // Back for less than that, it had read nothing again.
    unwatched: { from: kept.unwatched && hadNotRead ? kept.unwatched.from : now - awayMs, to: now },
    begunAt: past(kept.begunAt === null || served ? kept.begunAt : kept.begunAt + awayMs),
    older: null,
    run: null,
    firstNewAt: past(kept.firstNewAt),
    lastOldAt: past(kept.lastOldAt),
    served: served && { ...served, at: Math.min(served.at, now), from: Math.min(served.from, now) },
    goneAt: past(kept.goneAt),
    signAt: null,
    leftAt: null,
    logOpen: false,
    health: resumeHealth({ ...begun.health, ...kept.health }, now),
    asks: { dynos: true, releases: true },
  };
}

/** New answers in a row that prove it: enough that routers, which pick dynos at random, would have shown an old one. */
export const answersNeeded = (web: number): number => Math.min(Math.max(10, 2 * web), 60);

/** A switch is over by then, whatever it looks like: who is asked about it may sleep, and the app is not to be flooded. */
const HURRY_MS = 1_800_000;

/** Probes a second: one until the first new answer, then enough for the proof to take no longer than the skew. */
export function probesPerSecond({ firstNewAt, goneAt, begunAt, now, goal }: Watch): number {
  const isCalm = firstNewAt === null || goneAt !== null || now - (begunAt ?? now) > HURRY_MS;
  return isCalm ? 1 : Math.max(5, Math.ceil(answersNeeded(goal.web) / 2.5));
}
