import { describe, expect, it } from 'vitest';
import { NO_SAMPLE, NOTHING_MET, type Sample } from '../src/domain/health.ts';
import { beginWatch, type Goal, type Watch } from '../src/domain/watch.ts';
import { good, kinds, plan, play, World } from './recipe-world.ts';

// New code that has just booted answers slowly, and then perhaps not any more.

const WELL: Sample = { ...NO_SAMPLE, from: 0, to: 60_000, probes: 60, latency: { 51: 60 } };
const slices = (ms: number): Sample[] =>
  [0, 10_000, 20_000].map(from => ({ ...WELL, from, to: from + 9_000, probes: 20, latency: { [ms]: 20 } }));

/** Of v42, once it serves: its answers take so long. */
function watchOf(goal: Goal, ms: number): Watch {
  const served = { at: 1, from: 1, oldAt: null, evidence: { by: 'person', user: 'U1' } } as const;
  const since = { ...WELL, from: 0, to: 29_000 };
  const seen = { served, logOpen: true, logFrom: 0, now: 30_000 };
  const before = { ...goal, before: WELL };
  return { ...beginWatch(before), ...seen, health: { ...NOTHING_MET, since, slices: slices(ms) } };
}

/** It is slow as soon as it serves alone, for as long as that is true. */
function worldOf(isSlow: (world: World) => boolean, asked: Partial<World['plan']>): World {
  const world = new World({ 42: [...good], 43: [...good] });
  world.plan = { ...plan, ...asked };
  world.met.before = WELL;
  world.met.watch = goal => watchOf(goal, goal.ours === 42 && isSlow(world) ? 2_919 : 51);
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    // Also for who looks at it as it is, and not as it comes.
    const { health, served, logOpen, logFrom, now, goal } = world.met.watch({ ours: 42 } as Goal);
    Object.assign(world.met.seen, { health, served, logOpen, logFrom, now, goal });
    setImmediate(() => world.met.wake());
  };
  return world;
}

const told = (world: World, kind: string): boolean => kinds(world).includes(kind);
const atFirst = (world: World): boolean => told(world, 'deploy: old gone') && !told(world, 'not well');
const always = (world: World): boolean => told(world, 'deploy: old gone');

describe('code that is slow', () => {
  it('at first only stays, also where what is not well goes back by itself', async () => {
    const world = worldOf(atFirst, { autoRollback: true });
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.facts.find(({ kind }) => kind === 'not well')).toMatchObject({ backIn: 90 });
    expect(world.facts.find(({ kind }) => kind === 'kept')).toMatchObject({
      by: null,
      why: 'It was slow at first, and was not seen to be in the last minute.',
    });
    expect(world.releases).toHaveLength(2);
  });

  it('and then fails goes back as soon as anything that fails does', async () => {
    const world = worldOf(atFirst, { autoRollback: true });
    const { watch } = world.met;
    const crashes = { was: 'up', startedAt: 1, upAt: 2, at: 3, crashes: 2, R14: 0, R15: 0 };
    world.met.watch = goal => {
      const seen = watch(goal);
      const dynos = goal.ours === 42 && told(world, 'not well') ? { 'web.1': crashes } : {};
      return { ...seen, health: { ...seen.health, dynos } };
    };
    const { until } = world.time;
    const isWorse = () => world.facts.filter(({ kind }) => kind === 'not well').length > 1;
    world.time.until = (at, signal) =>
      until(told(world, 'not well') && !isWorse() ? Number.POSITIVE_INFINITY : at, signal);
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.facts.filter(({ kind }) => kind === 'not well')).toMatchObject([
      { backIn: 90 },
      { backIn: 30, complaints: [{ now: 'web.1 crashed 2 times' }] },
    ]);
  });

  it('and stays so goes back', async () => {
    const world = worldOf(always, { autoRollback: true });
    expect((await play(world)).outcome).toBe('rolled back');
  });

  it('for a while is no reason to end the deploy where nobody answers', async () => {
    const world = worldOf(atFirst, {});
    const { until } = world.time;
    world.time.until = (at, signal) =>
      until(told(world, 'not well') && !told(world, 'kept') ? Number.POSITIVE_INFINITY : at, signal);
    let now = 30_000;
    const { watch } = world.met;
    world.met.watch = goal => {
      now += 60_000;
      const seen = watch(goal);
      const later = seen.health.slices.map(slice => ({ ...slice, from: (slice.from ?? 0) + now, to: now }));
      return { ...seen, now, health: { ...seen.health, slices: later } };
    };
    const waking = setInterval(() => world.met.wake(), 1);
    try {
      expect((await play(world)).outcome).toBe('succeeded');
    } finally {
      clearInterval(waking);
    }
    expect(world.facts.find(({ kind }) => kind === 'kept')).toMatchObject({
      why: expect.stringContaining('well again'),
    });
  });
});
