import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Probe } from '../domain/app.ts';
import { type LogEvent, readLogLine } from '../domain/log-line.ts';
import { phaseOf, samePhase } from '../domain/phase.ts';
import { observe } from '../domain/switchover.ts';
import { beginWatch, type Goal, type Observation, type Phase, probesPerSecond, type Watch } from '../domain/watch.ts';
import type { Following, Heroku, Prober, Watcher, WatchStore } from '../outside.ts';

const SAVE_EVERY_MS = 2_000;
const IN_FLIGHT = 40;
const RELEASES = 10;
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Lines that say nothing to the fold still show that the log is unbroken: one in so long is enough. */
const LOG_KNOWN_EVERY_MS = 500;

type Parts = { heroku: Heroku; prober: Prober; store: WatchStore; log: Logger };
type Ask = { deploy: string; app: string; url: string; probe: Probe; goal: Goal };

/** Feeds the fold of each followed switchover with answers, log lines and the few reads that it asks for. */
export function createWatcher(parts: Parts): Watcher {
  const followed = new Map<string, Follow>();
  return {
    follow: ask => {
      const key = `${ask.deploy} v${ask.goal.ours}`;
      const follow = followed.get(key) ?? new Follow(key, ask, parts);
      followed.set(key, follow);
      return follow;
    },
    forget: deploy => {
      for (const [key, follow] of followed) {
        if (!key.startsWith(`${deploy} `)) continue;
        follow.stop();
        followed.delete(key);
      }
    },
  };
}

class Follow implements Following {
  readonly #key: string;
  readonly #ask: Ask;
  readonly #parts: Parts;
  readonly #stopped = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #loaded: Promise<void>;
  #watch: Watch;
  /** Phases in the order in which they came, for those who have not told them yet. */
  #phases: Phase[];
  #probes = 0;
  #savedAt = 0;

  constructor(key: string, ask: Ask, parts: Parts) {
    this.#key = key;
    this.#ask = ask;
    this.#parts = parts;
    this.#watch = beginWatch(ask.goal);
    this.#phases = [phaseOf(this.#watch)];
    this.#loaded = this.#load();
    void this.#follow().catch(err => parts.log.error({ err, key }, 'A watch stopped'));
  }

  get watch(): Watch {
    return this.#watch;
  }

  async until(
    passes: (phase: Phase) => boolean,
    onPhase: (phase: Phase) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Phase> {
    await this.#loaded;
    for (let told = 0; ; ) {
      signal.throwIfAborted();
      const phase = this.#phases[told] ?? phaseOf(this.#watch);
      if (told < this.#phases.length) {
        // What is said must outlive a kill, so that a restarted bot does not take it back.
        await this.#save();
        await onPhase(phase);
        told++;
      }
      // Only the newest counts: a phase that is over says nothing of now.
      if (told === this.#phases.length) {
        this.#phases = this.#phases.slice(-1);
        told = 1;
        if (passes(phase)) return phase;
        await this.#change(signal);
      }
    }
  }

  checked(user: string): void {
    this.#see({ kind: 'checked', at: Date.now(), user });
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    await this.#loaded;
    await Promise.all([this.#listen(signal), this.#probe(signal), this.#tick(signal), this.#read(signal)]);
  }

  /** Goes on from what a former process saw; what there was to hear since is not known. */
  async #load(): Promise<void> {
    const stored = await this.#persist(() => this.#parts.store.load(this.#key));
    if (!stored) return;
    const served = stored.served ?? this.#watch.served;
    this.#watch = { ...stored, served, logOpen: false, asks: { dynos: true, releases: true } };
    this.#phases = [phaseOf(this.#watch)];
  }

  #see(seen: Observation): void {
    this.#watch = observe(this.#watch, seen);
    const phase = phaseOf(this.#watch);
    const last = this.#phases.at(-1);
    if (!last || !samePhase(last, phase)) this.#phases.push(phase);
    this.#wake();
    if (phase.kind === 'old gone') this.#stopped.abort();
    if (Date.now() - this.#savedAt > SAVE_EVERY_MS) void this.#save();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.add(() => {
        signal.removeEventListener('abort', aborted);
        resolve();
      });
    });
  }

  async #save(): Promise<void> {
    this.#savedAt = Date.now();
    await this.#persist(() => this.#parts.store.save(this.#key, this.#watch));
  }

  async #persist<T>(work: () => Promise<T>): Promise<T | null> {
    return work().catch(err => {
      this.#parts.log.warn({ err, key: this.#key }, 'A watch could not be kept');
      return null;
    });
  }

  /** One log session at a time; each that ends is followed by another, and the fold told what it replayed. */
  async #listen(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      let opened = false;
      try {
        for await (const line of this.#parts.heroku.openLog(this.#ask.app, signal)) {
          const event = readLogLine(line);
          if (!event) continue;
          if (!opened) this.#see({ kind: 'log opened', at: Date.now(), oldest: event.at });
          opened = true;
          attempt = 0;
          if (isNews(event) || event.at > (this.#watch.logTo ?? 0) + LOG_KNOWN_EVERY_MS) {
            this.#see({ kind: 'line', at: Date.now(), event });
          }
        }
      } catch (err) {
        if (!signal.aborted) this.#parts.log.warn({ err, key: this.#key }, 'The log session broke');
      }
      this.#see({ kind: 'log closed', at: Date.now() });
      await pause(BACK_OFF_MS[attempt] ?? 30_000, signal);
    }
  }

  /** Sent on schedule, not after each other: a slow answer must not slow the proof. */
  async #probe(signal: AbortSignal): Promise<void> {
    const { url, probe } = this.#ask;
    for (let next = performance.now(); !signal.aborted; next += 1000 / probesPerSecond(this.#watch)) {
      await pause(next - performance.now(), signal);
      next = Math.max(next, performance.now() - 1_000);
      if (signal.aborted || this.#probes >= IN_FLIGHT) continue;
      this.#probes++;
      void this.#parts.prober
        .ask(url, probe, signal)
        .then(answer => this.#see({ kind: 'answer', ...answer }))
        .catch(err => signal.aborted || this.#parts.log.warn({ err, key: this.#key }, 'A probe failed'))
        .finally(() => this.#probes--);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(1_000, signal);
      if (!signal.aborted) this.#see({ kind: 'time', at: Date.now() });
    }
  }

  /** The reads that would settle a question: at once, then ever more seldom while it stays open. */
  async #read(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; ) {
      // Without the log nothing would ask: then the lists are looked at, ever more seldom.
      const { dynos, releases } = this.#watch.logOpen ? this.#watch.asks : { dynos: true, releases: true };
      if (!dynos && !releases) {
        attempt = 0;
        await this.#change(signal).catch(() => {});
        continue;
      }
      await Promise.all([dynos && this.#readDynos(), releases && this.#readReleases()]).catch(err =>
        this.#parts.log.warn({ err, key: this.#key }, 'A list could not be read'),
      );
      await pause(BACK_OFF_MS[attempt++] ?? 30_000, signal);
    }
  }

  async #readDynos(): Promise<void> {
    const dynos = await this.#parts.heroku.dynos(this.#ask.app);
    this.#see({ kind: 'dynos', at: Date.now(), dynos });
  }

  async #readReleases(): Promise<void> {
    const releases = await this.#parts.heroku.releases(this.#ask.app, RELEASES);
    const seen = releases.map(({ version, slug, status, by, description, updatedAt }) => {
      return { version, slug, status, by, what: description, at: Date.parse(updatedAt) };
    });
    this.#see({ kind: 'releases', at: Date.now(), releases: seen });
  }
}

const isNews = (event: LogEvent): boolean => (event.kind === 'request' ? event.status >= 500 : event.kind !== 'other');

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
}
