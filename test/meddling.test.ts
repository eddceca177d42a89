import { describe, expect, it } from 'vitest';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, newestOf } from '../src/domain/watch.ts';
import { replyTo } from '../views/reply.ts';
import { deployOf } from './sample-deploys.ts';

const goal = {
  ...{ ours: 42, slug: 'new', commit: null, oldCommit: null, oldWeb: ['web.1', 'web.2'], web: 2 },
  ...{ releasedAt: 1_000_000, windowMs: 180_000 },
};
const api = (at: number, text: string) => ({ kind: 'line', at, event: { kind: 'api', at, text } }) as const;
const restart = (at: number, dyno: string) => ({ kind: 'line', at, event: { kind: 'restarting', at, dyno } }) as const;

describe('what others do to an app in its window', () => {
  it('is noticed once, however often its lines come, and not what came before or was ours', () => {
    const watch = [
      api(900_000, 'Scaled to web@1:Standard-1X by user ann@example.com'),
      api(1_000_500, 'Release v42 created by user bot@example.com'),
      api(1_010_000, 'Scaled to web@3:Standard-1X by user ann@example.com'),
      api(1_010_000, 'Scaled to web@3:Standard-1X by user ann@example.com'),
      restart(1_020_000, 'web.1'),
      restart(1_021_000, 'web.2'),
      restart(1_021_500, 'worker.1'),
      api(1_030_000, 'Set PRICE, ZONE config vars by user ann@example.com'),
    ].reduce(observe, beginWatch(goal));
    expect(watch.meddling).toEqual([
      { at: 1_010_000, what: 'Scaled to web@3:Standard-1X by user ann@example.com' },
      { at: 1_020_000, what: 'Web dynos were restarted' },
      { at: 1_030_000, what: 'Set PRICE, ZONE config vars by user ann@example.com' },
    ]);
    expect(watch.asks).toEqual({ dynos: true, releases: true });
  });

  it('makes a release of our code, which then is the one that serves it', () => {
    const release = (version: number, slug: string, status = 'succeeded') => ({
      ...{ version, slug, status, by: 'ann@example.com', what: 'Set PRICE config vars', at: 1_030_000 },
    });
    const releases = [release(41, 'old'), release(43, 'new'), release(44, 'new', 'pending'), release(45, 'other')];
    const watch = observe(beginWatch(goal), { kind: 'releases', at: 1_031_000, releases });
    expect(newestOf(watch)).toBe(43);
    expect(newestOf(beginWatch(goal))).toBe(42);
  });

  it.each([
    ['Set PRICE config vars by user <!channel>', /the window begins anew/],
    ['Scaled to web@3:Standard-1X by user ann@example.com', /only answers of the app can/],
    ['Web dynos were restarted', /daily cycling/],
  ])('is told with what it means: %s', (what, means) => {
    const deploy = deployOf([[5, { kind: 'meddled', on: 1_000_000, what }]]);
    const [fact] = deploy.facts;
    const told = JSON.stringify(fact && replyTo(fact, deploy)?.message);
    expect(told).toMatch(means);
    expect(told).not.toContain('<!channel>');
  });
});
