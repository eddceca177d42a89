// What a watch has seen over time, as a curve: few enough points to be stored every two seconds, however long it lasts.

/** A stretch of time from `at` (ms): answers to the probe by who gave them, and failed requests that the router logged. */
export type Bucket = {
  at: number;
  /** `v5`, `new` or `old` code, `silent` (told no version), `failed` (none came, or a 5xx), `other`. */
  by: Readonly<Record<string, number>>;
  /** All answers together, and the slowest of them. */
  tookMs: number;
  slowestMs: number;
  router: number;
};

/** Oldest first; each stretch is `stepMs` long. Those in which nothing was seen are not there. */
export type Series = { stepMs: number; buckets: readonly Bucket[] };

export const EMPTY: Series = { stepMs: 1_000, buckets: [] };

const MOST_BUCKETS = 120;
/** Whoever answers could name a release of its own each time. */
const MOST_NAMES = 8;
/** A window is minutes long. A person may be waited for a day, and what the app does then is another story. */
const TOLD_MS = 3_600_000;

/** The series with one more answer, or one more failed request, at `at` (ms). */
export function plot(
  series: Series,
  at: number,
  seen: { kind: 'answer'; by: string; tookMs: number } | { kind: 'failed request' },
): Series {
  const { stepMs, buckets } = series;
  const first = buckets[0]?.at ?? at;
  if (at - first > TOLD_MS) return series;
  const last = buckets.at(-1);
  // Answers come in any order; one that is a little late counts where we are now.
  const start = Math.max(floored(at, stepMs), last?.at ?? 0);
  const open = last?.at === start ? last : { at: start, by: {}, tookMs: 0, slowestMs: 0, router: 0 };
  const bucket = seen.kind === 'answer' ? answered(open, nameIn(series, seen.by), seen.tookMs) : failed(open);
  const kept = last?.at === start ? buckets.slice(0, -1) : buckets;
  return coarsened({ stepMs, buckets: [...kept, bucket] });
}

const floored = (at: number, stepMs: number): number => Math.floor(at / stepMs) * stepMs;

const failed = (bucket: Bucket): Bucket => ({ ...bucket, router: bucket.router + 1 });

const answered = (bucket: Bucket, by: string, tookMs: number): Bucket => ({
  ...bucket,
  by: { ...bucket.by, [by]: (bucket.by[by] ?? 0) + 1 },
  tookMs: bucket.tookMs + tookMs,
  slowestMs: Math.max(bucket.slowestMs, tookMs),
});

function nameIn(series: Series, name: string): string {
  const known = namesIn(series);
  return known.includes(name) || known.length < MOST_NAMES ? name : 'other';
}

/** Who answered at all, in the order in which they were first heard. */
export function namesIn({ buckets }: Series): string[] {
  return [...new Set(buckets.flatMap(({ by }) => Object.keys(by)))];
}

/** Twice as long stretches, until there are few enough. */
function coarsened(series: Series): Series {
  return series.buckets.length > MOST_BUCKETS ? coarsened(stretched(series, 2 * series.stepMs)) : series;
}

/** The same in at most so many stretches, for a picture of few points. */
export function inAtMost(series: Series, most: number): Series {
  return series.buckets.length > most ? inAtMost(stretched(series, 2 * series.stepMs), most) : series;
}

function stretched({ buckets }: Series, stepMs: number): Series {
  const merged: Bucket[] = [];
  for (const bucket of buckets) {
    const at = floored(bucket.at, stepMs);
    const last = merged.at(-1);
    if (last?.at === at) merged[merged.length - 1] = together(last, bucket);
    else merged.push({ ...bucket, at });
  }
  return { stepMs, buckets: merged };
}

const together = (a: Bucket, b: Bucket): Bucket => ({
  at: a.at,
  by: Object.fromEntries(
    [...new Set([...Object.keys(a.by), ...Object.keys(b.by)])].map(name => [
      name,
      (a.by[name] ?? 0) + (b.by[name] ?? 0),
    ]),
  ),
  tookMs: a.tookMs + b.tookMs,
  slowestMs: Math.max(a.slowestMs, b.slowestMs),
  router: a.router + b.router,
});

/** All answers of a stretch. */
export const answersIn = ({ by }: Bucket): number => Object.values(by).reduce((sum, count) => sum + count, 0);
