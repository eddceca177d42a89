import { describe, expect, it } from 'vitest';
import type { PendingMigrations } from '../src/domain/gate.ts';
import { NO_SAMPLE, NOTHING_MET, type Sample } from '../src/domain/health.ts';
import { beginWatch, type Goal, type Watch } from '../src/domain/watch.ts';
import { good, kinds, plan, play, World } from './recipe-world.ts';

// New code that gets ill while somebody is asked for its contract migrations, which may take a day.

const WELL: Sample = { ...NO_SAMPLE, from: 0, to: 60_000, probes: 60, latency: { 51: 60 } };
const crashes = { was: 'up', startedAt: 1, upAt: 2, at: 3, crashes: 2, R14: 0, R15: 0 };
const DROP = { file: 'migrations/contract/2_drop.sql', name: '2_drop', phase: 'contract', statements: [] };
const YES = { kind: 'run them', by: 'U2', about: 'digest' } as const;

function watchOf(goal: Goal, isIll: boolean, now: number): Watch {
  const served = { at: 1, from: 1, oldAt: null, evidence: { by: 'person', user: 'U1' } as const };
  const health = { ...NOTHING_MET, since: WELL, dynos: isIll && goal.ours === 42 ? { 'web.1': crashes } : {} };
  return { ...beginWatch(goal), now, served, health, logOpen: true };
}

/** It is ill from when it is asked on, until that fact. */
function worldWith(until?: string): World {
  const world = new World({ 42: [...good], 43: [...good] });
  const migrations = { files: [DROP], digests: { expand: '', contract: 'digest' }, sharedWith: [] };
  world.plan = {
    ...plan,
    ...{ autoRollback: true, soakSeconds: 300 },
    migrations: migrations as unknown as PendingMigrations,
  };
  world.met.before = WELL;
  let looks = 0;
  world.met.watch = goal => {
    const told = kinds(world);
    const isIll = told.includes('approval asked') && !(until && told.includes(until));
    // Each look comes two minutes after the one before.
    if (told.includes(until ?? '')) setImmediate(() => world.met.wake());
    return watchOf(goal, isIll, ++looks * 120_000);
  };
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    setImmediate(() => world.met.wake());
  };
  return world;
}

const told = (world: World): string[] => kinds(world).slice(kinds(world).indexOf('approval asked'));

describe('new code that gets ill while its contract migrations are asked for', () => {
  it('goes back when somebody says so, never by itself, and nothing is destroyed, whatever is killed when', async () => {
    const again = (): World => Object.assign(worldWith(), { presses: [{ after: 'not well', kind: 'roll back' }] });
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('rolled back');
    expect(told(rehearsal).slice(0, 4)).toEqual(['approval asked', 'not well', 'rollback asked', 'judged']);
    expect(rehearsal.facts).toContainEqual(expect.objectContaining({ kind: 'not well', backIn: null }));
    expect(rehearsal.facts.findLast(({ kind }) => kind === 'judged')).toMatchObject({ verdict: 'not well' });
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('rolled back');
      expect(told(world), `killed at ${kill}`).toEqual(told(rehearsal));
      expect(world.applied, `killed at ${kill}`).toEqual([]);
    }
  });

  it('is not approved until somebody keeps it', async () => {
    const world = worldWith();
    world.presses = [
      { after: 'not well', ...YES },
      { after: 'not well', kind: 'keep it', by: 'U1', reason: 'One dyno was unlucky.' },
      { after: 'kept', ...YES },
    ];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.clicks.map(({ answer }) => answer)).toEqual([
      expect.stringContaining('New code is not well: *Roll back* or *Keep it*'),
      'Kept: it stays, and goes on.',
      'Approved: they run now.',
    ]);
    expect(world.applied).toEqual(['2_drop']);
  });

  it('is not begun on where the complaint comes right after the yes', async () => {
    const world = worldWith();
    world.isCrowded = true;
    world.presses = [
      { after: 'approval asked', ...YES },
      { after: 'not well', kind: 'roll back' },
    ];
    const { answer } = world.journal;
    world.journal.answer = async (id, click, said) => {
      await answer(id, click, said);
      if (click.kind === 'run them') world.append({ kind: 'not well', complaints: [], backIn: null }, 'not well 0');
    };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(told(world).slice(0, 4)).toEqual(['approval asked', 'approved', 'not well', 'rollback asked']);
    expect(world.applied).toEqual([]);
  });

  it('is asked for on once it has been well for five minutes', async () => {
    const world = worldWith('not well');
    world.presses = [{ after: 'kept', ...YES }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.facts).toContainEqual(
      expect.objectContaining({ kind: 'kept', by: null, why: 'It has been well again for five minutes.' }),
    );
    expect(told(world).filter(kind => kind === 'approval asked')).toHaveLength(1);
    expect(world.applied).toEqual(['2_drop']);
  });

  it('is decided by nobody: the deploy has failed when the approval is out of time, and not before', async () => {
    const world = worldWith();
    const waits: number[] = [];
    const { until } = world.time;
    world.time.until = (at, signal) => {
      if (kinds(world).at(-1) === 'not well') waits.push(at);
      return until(at, signal);
    };
    const ended = play(world);
    await expect.poll(() => waits).toEqual([Date.parse('2026-01-02T00:00:00.000Z')]);
    expect(kinds(world).at(-1)).toBe('not well');
    void ended;
    const late = worldWith();
    late.patient = false;
    late.time.until = async (at, signal) => {
      if (kinds(late).includes('approval asked') && !kinds(late).includes('not well')) await until(at + 1e12, signal);
    };
    expect((await play(late)).outcome).toBe('failed');
    expect(late.facts.at(-1)).toMatchObject({ why: expect.stringContaining('nobody decided in time') });
    expect(late.applied).toEqual([]);
  });

  it('is not noticed where too many others wait: it is asked for as before', async () => {
    const world = worldWith();
    world.isCrowded = true;
    world.presses = [
      { after: 'approval asked', ...YES },
      { after: 'not well', kind: 'keep it' },
    ];
    await play(world);
    expect(told(world).slice(0, 2)).toEqual(['approval asked', 'approved']);
    expect(world.applied).toEqual(['2_drop']);
  });
});
