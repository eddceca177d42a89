import { expect, it, vi } from 'vitest';
import { until } from '../src/adapters/clock.ts';

it('a wait for a time ends at that time, though the clock was an hour behind when it began', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const now = Date.now();
  vi.setSystemTime(now - 3_600_000);
  const waiting = until(now, new AbortController().signal, Date.now);
  vi.setSystemTime(now + 1);
  await waiting;
  vi.useRealTimers();
  await expect(until(Date.now() + 60_000, AbortSignal.abort(new Error('killed')), Date.now)).rejects.toThrow();
});
