import { EMPTY, plot, type Series } from '../src/domain/series.ts';
import { STARTED_AT } from './sample-deploys.ts';

// What a probe would have seen of the sample deploys, once a second from the release on.

type Second = { by: string; tookMs: number; failedRequests?: number };

/** Of these seconds after the start; null where nobody looked. */
export function seriesOf(from: number, to: number, second: (at: number) => Second | null): Series {
  let series = EMPTY;
  for (let at = from; at < to; at++) {
    const seen = second(at);
    if (!seen) continue;
    const ms = STARTED_AT + at * 1_000;
    series = plot(series, ms, { kind: 'answer', by: seen.by, tookMs: seen.tookMs });
    for (let failed = 0; failed < (seen.failedRequests ?? 0); failed++)
      series = plot(series, ms, { kind: 'failed request' });
  }
  return series;
}

const wave = (at: number): number => 40 + ((at * 7) % 23) + (at % 31 === 0 ? 60 : 0);

/** The deploy `succeeded`: the routers change over at 257 s, one after the other. */
export const switched = seriesOf(76, 300, at => ({
  by: at < 257 || at === 258 ? 'v41' : 'v42',
  tookMs: at === 257 ? 412 : wave(at),
}));

/** `rolled back too late`: the window ended, visitors met v42 for some seconds, then the rollback's own window passed. */
export const undone = seriesOf(76, 311, at => ({
  by: at < 256 ? 'v41' : at < 262 ? (at % 3 === 0 ? 'failed' : 'v42') : at < 304 ? 'v41' : 'v43',
  tookMs: wave(at),
  failedRequests: at >= 256 && at < 262 ? 1 : 0,
}));

/** The bot was down for a minute of it, and answers told no release at first. */
export const withGap = seriesOf(76, 300, at =>
  at > 120 && at < 180 ? null : { by: at < 100 ? 'silent' : at < 257 ? 'v41' : 'v42', tookMs: wave(at) },
);
