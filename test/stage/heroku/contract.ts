import type { StartGroup } from './group.ts';
import type { Meeting } from './rendezvous.ts';

// What the API half of the local Heroku asks of the half that runs apps, and the records both leave for tests.

export type DynoState = 'starting' | 'up' | 'crashed' | 'down' | 'idle' | 'complete';

/** A dyno as `GET /apps/x/dynos` shows it. `id` is new for every process; `name` (`web.1`) is shared by old and new. */
export type DynoView = {
  id: string;
  name: string;
  type: string;
  command: string;
  size: string;
  state: DynoState;
  release: { id: string; version: number };
  attachUrl: string | null;
  createdAt: Date;
  updatedAt: Date;
};

/** An unpacked build: `dir` is the folder that its processes run in. */
export type Slug = { id: string; dir: string; processTypes: Record<string, string>; commit: string | null };

/** A release whose release phase has succeeded, or (for a one-off) is running. */
export type RunnableRelease = {
  id: string;
  version: number;
  createdAt: Date;
  slug: Slug;
  config: Record<string, string>;
};

export type FormationEntry = { type: string; quantity: number; size: string };

export type OneOff = {
  dyno: DynoView;
  /** Exit status of the command; 137 when it was killed. */
  exited: Promise<number>;
  stop(): void;
};

export type LogLine = { at: Date; source: 'app' | 'heroku'; process: string; text: string };

export type LogFilter = { source?: string; dyno?: string; type?: string; lines: number; tail: boolean };

export interface Logs {
  emit(line: { source: 'app' | 'heroku'; process: string; text: string; at?: Date }): void;
  /** So many lines from now on do not reach those who tail, who are told so after them (L10); they are kept all the same. */
  drops(lines: number): void;
  /** So many lines from now on reach those who tail late, after the one behind them, and twice. */
  muddles(lines: number): void;
  /** The last `lines` kept lines that pass the filter (of at most 1,500 kept), then, with `tail`, each new one until the signal. */
  read(filter: LogFilter, signal: AbortSignal): AsyncIterable<LogLine>;
}

/** One request as the router saw it: the truth that accounts and tests are computed from. */
export type RequestRecord = {
  /** `X-Request-Id`, the client's own when it sent one. */
  id: string;
  at: Date;
  router: number;
  method: string;
  path: string;
  status: number;
  code: string | null;
  dyno: { id: string; name: string; release: number } | null;
  connectMs: number;
  serviceMs: number;
  /** From the request's arrival to the last byte, the router's queue included. */
  totalMs: number;
  bytes: number;
};

/** What really happened, which Heroku never tells anybody: when each router changed over, when each dyno went. */
export type TruthRecord =
  | { kind: 'router-flipped'; at: Date; router: number; release: number }
  | { kind: 'switched'; at: Date; release: number }
  | {
      kind: 'dyno-started' | 'dyno-up' | 'dyno-sigterm' | 'dyno-exited';
      at: Date;
      id: string;
      name: string;
      release: number;
    };

/** Trouble and delays of one app, set aloud by tests and the demo: change the fields of `runtime.knobs`. */
export type Knobs = {
  /** Id of the one slug whose web dynos still boot: those of any other end at once, as code does that cannot start. */
  onlyBoots: string | null;
  /** Added before each new dyno's process starts, ms. Never scaled. */
  bootDelayMs: number;
  /** How far apart the routers flip, ms (0-2,000). Never scaled. */
  switchSkewMs: number;
  /** From the switch to the old dynos' SIGTERM, ms (0-71,000 on the real thing; 10,000 by default). Divided by the scale. */
  drainDelayMs: number;
  bootTimeoutMs: number;
  /** What the window lasts beyond the boot timeout, ms: 120,000 (changelog 1121), and more when Heroku is slow. Divided by the scale. */
  routerDelayMs: number;
  /** What share of its memory a dyno's process uses: R14 above 1, R15 from 2 on. Null: none uses too much. */
  memory: ((dyno: { type: string; release: RunnableRelease }) => number) | null;
  /** Whether the next request, of this path, breaks off before a router takes it, as on a bad network; null: none does. */
  loses: ((path: string) => boolean) | null;
};

export interface AppRuntime {
  /** Public address of the app, through its routers: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly logs: Logs;
  readonly knobs: Knobs;
  /** What the window lasts here: (boot timeout + delay of the routers) / scale. */
  readonly windowMs: number;
  dynos(): DynoView[];
  /** A release became current: boots its dynos as preboot, or stop-then-start, demands. */
  run(release: RunnableRelease): void;
  /** Sizes and quantities; acts at once on the running release. */
  scale(formation: FormationEntry[]): void;
  setPreboot(on: boolean): void;
  setMaintenance(on: boolean): void;
  restart(which?: { name: string } | { type: string }): void;
  /** Stops by dyno name or id; the dyno manager starts a scaled one again. False when there is no such dyno. */
  stop(nameOrId: string): boolean;
  oneOff(ask: {
    release: RunnableRelease;
    type: 'run' | 'release';
    name: string;
    command: string;
    size: string;
    env?: Record<string, string>;
    onOutput?: (chunk: Buffer) => void;
    /** Of an attached one. */
    meeting?: Meeting;
    /** Seconds until it is stopped; a day when not said. */
    timeToLive?: number;
  }): OneOff;
  close(): Promise<void>;
}

/** Owned by `runtime.ts`. `onRequest` and `onTruth` see every record as it happens. */
export type StartAppRuntime = (ask: {
  app: { id: string; name: string; domain: string };
  scale: number;
  routers: number;
  port: number;
  formation: FormationEntry[];
  preboot: boolean;
  /** Starts the processes of dynos; each dyno has its own when not given. */
  start?: StartGroup;
  onRequest: (record: RequestRecord) => void;
  onTruth: (record: TruthRecord) => void;
}) => Promise<AppRuntime>;
