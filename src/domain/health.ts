import type { LogEvent } from './log-line.ts';

// How well an app is, counted: what its visitors met by the router's log, what our probe met, what its dynos said.

/** All that was met in a stretch of time. Plain data: it is stored, and samples can be added up. */
export type Sample = {
  /** By our clock, ms; null before anything was met. */
  from: number | null;
  to: number | null;
  /** Of visitors: those that failed by code (`H13`, or `5xx` without one), and service times, ms, by the bounds below. */
  requests: number;
  failures: Record<string, number>;
  service: Record<number, number>;
  /**
   * Of ours: `failed` were answered with a 5xx, or given up when the router had them (H27); `lost` got no answer, which may
   * be our own way to Heroku.
   */
  probes: number;
  failed: number;
  lost: number;
  latency: Record<number, number>;
  /** R14 and R15 by kind of dyno (`web R14`), and crashes by kind. */
  memory: Record<string, number>;
  crashes: Record<string, number>;
};

/** Connections to the app's database at a moment, of so many that it takes. */
export type Connections = { used: number; limit: number };

/** What a watch has met since the release. Requests and probes are told apart by whose code answered them. */
export type Health = {
  /** Old code, from the release to the first sign of the switch. */
  window: Sample;
  /** New code alone, and the newest minute of that in slices. */
  since: Sample;
  slices: readonly Sample[];
  /** From this time of the log on, requests are surely new code's; null before the proof. */
  from: number | null;
  /** New dynos by name, those of other kinds than web from their start on. */
  dynos: Record<string, NewDyno>;
  peak: (Connections & { at: number }) | null;
};

/** `was`: its state before the release. `startedAt`, `upAt`, and `at` of its newest line: Heroku's times, ms. */
export type NewDyno = {
  was: string;
  /** It has come up, and is up still. */
  up?: boolean;
  startedAt: number | null;
  upAt: number | null;
  at: number;
  crashes: number;
  /** Crashes of which no dyno list that was asked for since (by the watch's clock) said whether they were its own. */
  fell?: number;
  fellAt?: number;
  R14: number;
  R15: number;
};

export const NO_SAMPLE: Sample = {
  ...{ from: null, to: null, requests: 0, failures: {}, service: {} },
  ...{ probes: 0, failed: 0, lost: 0, latency: {}, memory: {}, crashes: {} },
};

export const NOTHING_MET: Health = {
  ...{ window: NO_SAMPLE, since: NO_SAMPLE, slices: [], from: null, dynos: {}, peak: null },
};

/** As another process goes on with it, whose clock (now, ms) may be behind: what came later by the old one is not of this minute. */
export function resumeHealth(health: Health, now: number): Health {
  const dynos = Object.entries(health.dynos).map(([name, dyno]): [string, NewDyno] => [
    name,
    dyno.fellAt === undefined ? dyno : { ...dyno, fellAt: Math.min(dyno.fellAt, now) },
  ]);
  return {
    ...health,
    slices: health.slices.filter(({ to }) => (to ?? 0) <= now),
    dynos: Object.fromEntries(dynos),
  };
}

/** Upper bounds of times, ms: each is a half more than the one before, so a percentile is right within that. */
const BOUNDS = Array.from({ length: 22 }, (_, step) => Math.round(10 * 1.5 ** step));

const bound = (ms: number): number => BOUNDS.find(most => ms <= most) ?? (BOUNDS.at(-1) as number);

const more = <K extends string | number>(counts: Record<K, number>, key: K, by = 1): Record<K, number> => ({
  ...counts,
  [key]: (counts[key] ?? 0) + by,
});

const lasting = (sample: Sample, now: number): Sample => ({ ...sample, from: sample.from ?? now, to: now });

/** What failed for a visitor. H27, who left before the answer, counts; a page that somebody closed (H80) does not. */
export function failureOf({ status, code }: { status: number; code: string | null }): string | null {
  if (code === 'H80') return null;
  if (code === 'H27') return code;
  return status >= 500 ? (code ?? '5xx') : null;
}

/** With one more request of a visitor. */
export function withRequest(sample: Sample, event: Extract<LogEvent, { kind: 'request' }>, now: number): Sample {
  const failure = failureOf(event);
  const { serviceMs } = event;
  // Of a WebSocket the router tells how long it was open (status 101), not how long anybody waited.
  const isWait = serviceMs !== null && event.status !== 101;
  return {
    ...lasting(sample, now),
    requests: sample.requests + 1,
    failures: failure === null ? sample.failures : more(sample.failures, failure),
    service: isWait ? more(sample.service, bound(serviceMs)) : sample.service,
  };
}

/** With one more answer to our probe. One that never came tells no time. */
export function withProbe(sample: Sample, { status, tookMs }: { status: number | null; tookMs: number }, now: number) {
  return {
    ...lasting(sample, now),
    probes: sample.probes + 1,
    failed: sample.failed + Number(status !== null && status >= 500),
    lost: sample.lost + Number(status === null),
    latency: status === null ? sample.latency : more(sample.latency, bound(tookMs)),
  } satisfies Sample;
}

/** Platform trouble, or people's (H80 is a page that somebody closed): no code can mend it, and going back would not. */
export const NOT_BY_CODE: ReadonlySet<string> = new Set(['H14', 'H80', 'H99']);

/**
 * With what the router says of a probe: one that we gave up (H27) had reached it, so it failed; and one that was answered
 * in the app's place did not.
 */
export function withProbeLine(sample: Sample, { code }: { code: string | null }, now: number): Sample {
  const failed = Number(code === 'H27') - Number(code !== null && NOT_BY_CODE.has(code));
  return failed === 0 ? sample : { ...lasting(sample, now), failed: sample.failed + failed };
}

/** With a line that says something of a dyno. */
export function withDyno(sample: Sample, event: LogEvent, now: number): Sample {
  if (event.kind === 'error' && isMemory(event.code)) {
    return { ...lasting(sample, now), memory: more(sample.memory, `${kindOf(event.dyno)} ${event.code}`) };
  }
  if (event.kind === 'state' && event.to === 'crashed') {
    return { ...lasting(sample, now), crashes: more(sample.crashes, kindOf(event.dyno)) };
  }
  return sample;
}

/** R14: more memory than its size has, so it swaps; R15: twice as much, so it is killed (error-codes article). */
export const isMemory = (code: string): code is 'R14' | 'R15' => code === 'R14' || code === 'R15';

/** Heroku counts crashes together that come within 10 minutes (dynos article); what was longer ago is over. */
const OVER_AFTER_MS = 600_000;

/** As it is judged at that time of the log: one that is up, and said nothing bad for so long, begins anew. */
export const forgiven = (dyno: NewDyno, at: number): NewDyno =>
  dyno.up && at > dyno.at + OVER_AFTER_MS ? { ...dyno, crashes: 0, R14: 0, R15: 0 } : dyno;

export const kindOf = (dyno: string): string => dyno.split('.')[0] ?? dyno;

export function added(samples: readonly Sample[]): Sample {
  return samples.reduce((sum, sample) => {
    const from = [sum.from, sample.from].filter(at => at !== null);
    const to = [sum.to, sample.to].filter(at => at !== null);
    return {
      from: from.length > 0 ? Math.min(...from) : null,
      to: to.length > 0 ? Math.max(...to) : null,
      requests: sum.requests + sample.requests,
      failures: addedUp(sum.failures, sample.failures),
      service: addedUp(sum.service, sample.service),
      probes: sum.probes + sample.probes,
      failed: sum.failed + sample.failed,
      lost: sum.lost + sample.lost,
      latency: addedUp(sum.latency, sample.latency),
      memory: addedUp(sum.memory, sample.memory),
      crashes: addedUp(sum.crashes, sample.crashes),
    };
  }, NO_SAMPLE);
}

const addedUp = <K extends string | number>(a: Record<K, number>, b: Record<K, number>): Record<K, number> =>
  (Object.entries(b) as [K, number][]).reduce((sum, [key, count]) => more(sum, key, count), a);

export const totalOf = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** The time within which 95 of 100 were served, ms, to the bound above it; null when there was none. */
export function p95(times: Record<number, number>): number | null {
  const all = totalOf(times);
  let seen = 0;
  for (const most of BOUNDS) {
    seen += times[most] ?? 0;
    if (all > 0 && seen >= 0.95 * all) return most;
  }
  return null;
}

export const secondsOf = ({ from, to }: Pick<Sample, 'from' | 'to'>): number =>
  from === null || to === null ? 0 : (to - from) / 1000;
