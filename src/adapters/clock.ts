import { setTimeout as sleep } from 'node:timers/promises';
import type { Time } from '../outside.ts';

/** A clock that was set is noticed so soon. */
const LOOK_MS = 5_000;

/**
 * Ms since 1970 by a clock that only goes forward, as a stopwatch does: correcting the computer's clock moves it neither
 * way. It agreed with that one when the process began.
 */
export const steadyNow = (): number => Math.round(performance.timeOrigin + performance.now());

/** What waits by the clock `now`, and pauses by a stopwatch. */
export const timeBy = (now: () => number): Time => ({
  now,
  until: (at, signal) => until(at, signal, now),
  pass: (ms, signal) => sleep(ms, undefined, { signal }),
});

/** Resolves when it is `at` (ms since 1970) by the clock `now`, also when that is set meanwhile. Rejects when the signal aborts. */
export async function until(at: number, signal: AbortSignal, now: () => number): Promise<void> {
  for (let left = at - now(); left > 0; left = at - now()) {
    await sleep(Math.min(left, LOOK_MS), undefined, { signal });
  }
}
