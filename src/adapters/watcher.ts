import type { Logger } from 'pino';
import type { Probe } from '../domain/app.ts';
import type { Connections } from '../domain/health.ts';
import { measure } from '../domain/measure.ts';
import { phaseOf, samePhase } from '../domain/phase.ts';
import { observe } from '../domain/switchover.ts';
import {
  beginWatch,
  type Goal,
  type Observation,
  type Phase,
  resumeWatch,
  type Watch,
  watchKey,
} from '../domain/watch.ts';
import type { Following, Prober, Watcher, WatchStore } from '../outside.ts';
import { type Before, listenBefore } from './before.ts';
import { steadyNow } from './clock.ts';
import { createMarks, type ProbeMarks } from './probe-marks.ts';
import { shareLog } from './shared-log.ts';
import {
  backOff,
  type Feed,
  keepAsking,
  keepCounting,
  keepReading,
  listen,
  pause,
  type WatchedHeroku,
} from './watch-feed.ts';

const SAVE_EVERY_MS = 2_000;
const SAVE_SPARINGLY_MS = 60_000;
/** So many log sessions, and the 1,500 lines that are kept of each, may be held for those who only wait for a person. */
const MOST_SPARINGLY = 20;

type Parts = {
  heroku: WatchedHeroku;
  prober: Prober;
  store: WatchStore;
  /** Connections to an app's database; null where it has none that can be asked. */
  connections?: (app: string) => Promise<Connections | null>;
  log: Logger;
};
/** `marks`: of all watches, which share what they read of an app's log. */
type Own = { marks: ProbeMarks; onLog: () => void };
type Ask = { deploy: string; app: string; url: string; probe: Probe; goal: Goal };

/** Feeds the fold of each followed switchover with answers, log lines and the few reads that it asks for. */
export function createWatcher({ heroku, ...others }: Parts): Watcher {
  const parts = { ...others, marks: createMarks(), heroku: { ...heroku, openLog: shareLog(heroku.openLog) } };
  const { prober, marks } = parts;
  const followed = new Map<string, Follow>();
  const before = new Map<string, Before>();
  const stopBefore = (deploy: string): void => {
    before.get(deploy)?.stop();
    before.delete(deploy);
  };
  const follow = (ask: Ask, sparing: boolean): Follow => {
    const key = watchKey(ask.deploy, ask.goal.ours);
    // The log is handed over, not left in between: one session is enough.
    const known = followed.get(key);
    // One that broke goes on from what was kept.
    const follow =
      known && !known.stopped ? known : new Follow(key, ask, { ...parts, onLog: () => stopBefore(ask.deploy) });
    followed.set(key, follow);
    follow.sparing = sparing;
    return follow;
  };
  return {
    begin: ({ deploy, ...ask }) => {
      if (before.has(deploy)) return;
      const warn = (err: unknown, what: string) => parts.log.warn({ err, deploy }, what);
      before.set(deploy, listenBefore({ ...ask, ...{ openLog: parts.heroku.openLog, prober, marks, warn } }));
    },
    before: deploy => before.get(deploy)?.sample() ?? null,
    follow: ask => follow(ask, false),
    followSparingly: ask => {
      const others = [...followed].filter(
        ([key, { sparing }]) => sparing && key !== watchKey(ask.deploy, ask.goal.ours),
      );
      return others.length < MOST_SPARINGLY ? follow(ask, true) : null;
    },
    forget: deploy => {
      stopBefore(deploy);
      for (const [key, follow] of followed) {
        if (!key.startsWith(`${deploy} `)) continue;
        follow.stop();
        followed.delete(key);
      }
    },
  };
}

class Follow implements Following {
  /** Nothing is in question, and it may last for hours. */
  sparing = false;
  readonly #key: string;
  readonly #ask: Ask;
  readonly #parts: Parts & Own;
  readonly #stopped = new AbortController();
  readonly #loaded: Promise<void>;
  /** The computer's clock is looked at once: jumps of it must neither prove anything nor keep it from being proved. */
  readonly #offset = Date.now() - steadyNow();
  #watch: Watch;
  /** In the order in which they came: the first is being told, the last is the newest. */
  #phases: [Phase, ...Phase[]];
  #change = Promise.withResolvers<void>();
  #saving = Promise.resolve();
  #toSave: Promise<void> | null = null;
  #savedAt = steadyNow();

  constructor(key: string, ask: Ask, parts: Parts & Own) {
    this.#key = key;
    this.#ask = ask;
    this.#parts = parts;
    this.#watch = beginWatch(ask.goal);
    this.#phases = [phaseOf(this.#watch)];
    this.#loaded = this.#load();
    this.#loaded.then(() => this.#feed()).catch(err => this.#warn(err, 'The watch did not begin'));
  }

  get watch(): Watch {
    return this.#watch;
  }

  get stopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async until(
    passes: (phase: Phase) => boolean,
    onPhase: (phase: Phase) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Phase> {
    await orAborted(this.#loaded, signal);
    for (let told = false; ; ) {
      signal.throwIfAborted();
      const [phase, newer] = this.#phases;
      if (!told) {
        // What is said must outlive a kill, so that a restarted bot does not take it back.
        await orAborted(
          this.#insist(() => this.#save()),
          signal,
        );
        await onPhase(phase);
        told = true;
      } else if (newer) {
        this.#phases.shift();
        told = false;
      } else {
        // Only the newest counts: a phase that is over says nothing of now.
        if (passes(phase)) return phase;
        if (this.#stopped.signal.aborted) throw new Error(`${this.#key} is no longer followed`);
        await orAborted(this.#change.promise, signal);
      }
    }
  }

  async when(passes: (watch: Watch) => boolean, signal: AbortSignal): Promise<void> {
    await orAborted(this.#loaded, signal);
    while (!passes(this.#watch)) {
      if (this.#stopped.signal.aborted) throw new Error(`${this.#key} is no longer followed`);
      await orAborted(this.#change.promise, signal);
    }
  }

  checked(user: string): void {
    const see = () => this.#watch.served ?? this.#see({ kind: 'checked', at: this.#now(), user });
    this.#loaded.then(see, () => {});
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake();
  }

  #now(): number {
    return steadyNow() + this.#offset;
  }

  #feed(): void {
    const { signal } = this.#stopped;
    const { heroku, prober, marks } = this.#parts;
    const { app, url, probe } = this.#ask;
    const feed: Feed = {
      ...{ app, url, probe, heroku, prober, marks, signal },
      watch: () => this.#watch,
      see: seen => this.#see(seen),
      count: seen => {
        this.#watch = measure(this.#watch, seen);
      },
      connections: async () => this.#parts.connections?.(app) ?? null,
      timeOf: steady => steady + this.#offset,
      change: () => this.#change.promise,
      sparing: () => this.sparing,
      warn: (err, what) => this.#warn(err, what),
      lines: 0,
    };
    const ticking = setInterval(() => this.#see({ kind: 'time', at: this.#now() }), 1_000);
    signal.addEventListener('abort', () => clearInterval(ticking));
    void keepAsking(feed);
    void listen(feed);
    void keepReading(feed);
    void keepCounting(feed);
  }

  /** Goes on from what a former process saw; what there was to hear since is not known. */
  async #load(): Promise<void> {
    const stored = await this.#insist(() => this.#parts.store.load(this.#key));
    if (!stored) return;
    this.#watch = resumeWatch(stored, this.#now());
    this.#phases = [phaseOf(this.#watch)];
  }

  #see(seen: Observation): void {
    if (this.#stopped.signal.aborted) return;
    if (seen.kind === 'log opened') this.#parts.onLog();
    const deeds = this.#watch.meddling.length;
    try {
      this.#watch = observe(this.#watch, seen);
    } catch (err) {
      // A fault of ours ends this watch, and its stage says so; it must not end the others.
      this.#warn(err, `The watch broke at ${seen.kind}`);
      this.stop();
      return;
    }
    const phase = phaseOf(this.#watch);
    const isNew = !samePhase(this.#phases.at(-1) ?? phase, phase);
    // What others did is told with the phase in which they did it.
    if (isNew || this.#watch.meddling.length !== deeds) this.#phases.push(phase);
    if (isNew || steadyNow() - this.#savedAt > (this.sparing ? SAVE_SPARINGLY_MS : SAVE_EVERY_MS)) {
      this.#save().catch(err => this.#warn(err, 'A watch could not be kept'));
    }
    this.#wake();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Keeps the watch as it is when its turn comes. One save at a time: an older watch must not come after a newer one. */
  #save(): Promise<void> {
    this.#savedAt = steadyNow();
    this.#toSave ??= this.#saving
      .catch(() => {})
      .then(async () => {
        this.#toSave = null;
        // Whoever has the deploy now keeps what it sees.
        if (this.stopped) return;
        this.#watch = { ...this.#watch, saves: this.#watch.saves + 1 };
        return this.#parts.store.save(this.#key, this.#watch);
      });
    this.#saving = this.#toSave;
    return this.#saving;
  }

  /** The store is waited for: begun anew, a watch would take back what was said. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (err) {
        if (this.#stopped.signal.aborted) throw err;
        this.#warn(err, 'The store of watches did not answer');
      }
      await pause(backOff(attempt), this.#stopped.signal);
    }
  }

  #warn(err: unknown, what: string): void {
    this.#parts.log.warn({ err, key: this.#key }, what);
  }
}

/** The work's result, or the signal's reason, whichever comes first. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}
