import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answersIn, EMPTY, inAtMost, namesIn, plot, type Series } from '../src/domain/series.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Observation, resumeWatch } from '../src/domain/watch.ts';
import { goal, t } from './switchover-world.ts';

const answers = ({ buckets }: Series): number => buckets.reduce((sum, bucket) => sum + answersIn(bucket), 0);
const failures = ({ buckets }: Series): number => buckets.reduce((sum, { router }) => sum + router, 0);

const seen = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 20_000 }),
    by: fc.constantFrom('v41', 'v42', 'failed', 'silent'),
    tookMs: fc.integer({ min: 1, max: 30_000 }),
    failedRequests: fc.integer({ min: 0, max: 2 }),
  }),
  { minLength: 1, maxLength: 400 },
);

function plotted(events: readonly { afterMs: number; by: string; tookMs: number; failedRequests: number }[]): Series {
  let series = EMPTY;
  let at = t(0);
  for (const { afterMs, by, tookMs, failedRequests } of events) {
    at += afterMs;
    if (at - t(0) > 3_000_000) break;
    series = plot(series, at, { kind: 'answer', by, tookMs });
    for (let failed = 0; failed < failedRequests; failed++) series = plot(series, at, { kind: 'failed request' });
  }
  return series;
}

describe('a series', () => {
  it('stays small however long it goes on, and loses no answer and no failure by it', () => {
    fc.assert(
      fc.property(seen, events => {
        const series = plotted(events);
        let at = 0;
        const told = events.filter(({ afterMs }) => {
          at += afterMs;
          return at <= 3_000_000;
        });
        expect(series.buckets.length).toBeLessThanOrEqual(120);
        expect(answers(series)).toBe(told.length);
        expect(failures(series)).toBe(told.reduce((sum, { failedRequests }) => sum + failedRequests, 0));
        const starts = series.buckets.map(bucket => bucket.at);
        expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
        expect(starts.every(start => start % series.stepMs === 0)).toBe(true);
      }),
    );
  });

  it('in fewer points has the same answers', () => {
    fc.assert(
      fc.property(seen, fc.integer({ min: 1, max: 20 }), (events, most) => {
        const series = plotted(events);
        const few = inAtMost(series, most);
        expect(few.buckets.length).toBeLessThanOrEqual(most);
        expect(answers(few)).toBe(answers(series));
        expect(failures(few)).toBe(failures(series));
      }),
    );
  });

  it('of an app that names another release each time does not grow by that', () => {
    let series = EMPTY;
    for (let version = 0; version < 1_000; version++) {
      series = plot(series, t(version), { kind: 'answer', by: `v${version}`, tookMs: 1 });
    }
    expect(namesIn(series)).toHaveLength(9);
    expect(JSON.stringify(series).length).toBeLessThan(2_000);
    expect(answers(series)).toBe(1_000);
  });

  it('ends after an hour: a person may be waited for a day', () => {
    const hour = plot(EMPTY, t(0), { kind: 'answer', by: 'v41', tookMs: 5 });
    expect(plot(hour, t(3_700_000), { kind: 'answer', by: 'v41', tookMs: 5 })).toBe(hour);
  });
});

describe('a watch', () => {
  const answer = (ms: number, release: number | null, status: number | null = 200): Observation => ({
    ...{ kind: 'answer', sentAt: t(ms), receivedAt: t(ms + 40), status },
    version: release === null ? null : { release },
  });

  it('keeps who answered when, how fast, and what failed, also over a restart of the bot', () => {
    let watch = [answer(1_000, 41), answer(2_000, null), answer(3_000, 41, 503)].reduce(observe, beginWatch(goal));
    watch = resumeWatch(JSON.parse(JSON.stringify(watch)), t(60_000));
    const event = {
      kind: 'request',
      at: t(61_500),
      status: 503,
      code: 'H10',
      serviceMs: null,
      begunAt: 0,
      byUs: false,
    } as const;
    watch = observe(observe(watch, answer(61_000, 42)), { kind: 'line', at: t(62_000), event });
    const base = { tookMs: 40, slowestMs: 40, router: 0 };
    expect(watch.series.buckets.map(({ at, ...rest }) => ({ ms: at - t(0), ...rest }))).toEqual([
      { ms: 1_000, by: { v41: 1 }, ...base },
      { ms: 2_000, by: { silent: 1 }, ...base },
      { ms: 3_000, by: { failed: 1 }, ...base },
      { ms: 61_000, by: { v42: 1 }, ...base },
      { ms: 62_000, by: {}, tookMs: 0, slowestMs: 0, router: 1 },
    ]);
  });

  it('that a former version of the bot kept goes on with an empty series', () => {
    const { series: _, ...old } = beginWatch(goal);
    expect(resumeWatch(old as ReturnType<typeof beginWatch>, t(0)).series).toEqual(EMPTY);
  });
});
