import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pace } from '../src/pace.ts';

// What Slack refuses, and whom that keeps waiting, in a time that the test turns on.

let pace: Pace;

beforeEach(() => {
  vi.useFakeTimers();
  pace = new Pace();
});
afterEach(() => {
  pace.stop();
  vi.useRealTimers();
});

const busy = (s: number) => Object.assign(new Error('ratelimited'), { retryAfterMs: s * 1000 });
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
/** For how many seconds no message of the channel may be edited. */
const closed = (channel: string) =>
  Math.max(0, pace.nextEdit(channel, Number.NEGATIVE_INFINITY, true) - performance.now()) / 1000;

describe('an edit that fails', () => {
  it('for another reason than a limit closes no channel, though another one is closed', async () => {
    pace.editRefused('CA', busy(60));
    await seconds(1);
    pace.editRefused('CB', new Error('is_archived'));
    expect([closed('CA'), closed('CB'), closed('CFREE')]).toEqual([59, 0, 0]);
  });

  it('later, or with a shorter wait, opens no channel that Slack has closed', async () => {
    pace.editRefused('CA', busy(60));
    pace.editRefused('CA', new Error('no answer within 8 s'));
    expect(closed('CA')).toBe(60);
    pace.editRefused('CA', busy(5));
    expect(closed('CA')).toBe(60);
  });
});
