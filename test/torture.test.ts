import { expect, it } from 'vitest';
import { tortureOnce } from './torture/round.ts';
import { Tally } from './torture/tally.ts';

// The short form of `npm run torture`: a minute of trouble, then as long as the last deploy takes to its end.

it('a bot that is killed, frozen and replaced, on ground that gives way, ends every deploy exactly once', async () => {
  const tally = new Tally();
  await tortureOnce({ seed: 7, troubleMs: 60_000, bots: 2, aim: null, tally, keep: null, say: () => {} });
  expect(tally.violations).toEqual([]);
  expect(tally.problems).toEqual([]);
  expect(tally.struck).toBeGreaterThan(2);
  expect([...tally.outcomes.keys()]).not.toContain('not ended');
  expect(tally.outcomes.size).toBeGreaterThan(0);
  expect(tally.faults.size).toBeGreaterThan(2);
  // Longer than any run takes: how long deploys may take to their end is the run's own business.
}, 480_000);
