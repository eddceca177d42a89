import { describe, expect, it } from 'vitest';
import type { Fact } from '../src/domain/deploy.ts';
import { NO_SAMPLE, NOTHING_MET, type Sample } from '../src/domain/health.ts';
import { watchedSeconds } from '../src/domain/plan.ts';
import { asOf } from '../src/domain/readings.ts';
import { beginWatch, type Goal, type Phase, type Watch } from '../src/domain/watch.ts';
import { replyTo } from '../views/reply.ts';
import { good, kinds, plan, play, release, rightBefore, settingAVar, World } from './recipe-world.ts';

// What becomes of a deploy whose new code serves and is not well.

const WELL: Sample = { ...NO_SAMPLE, from: 0, to: 60_000, probes: 60, latency: { 51: 60 } };
const crashes = { was: 'up', startedAt: 1, upAt: 2, at: 3, crashes: 2, R14: 0, R15: 0 };
const evidence = { by: 'person', user: 'U1' } as const;

/** Of v42, once it serves: its web dynos crash again and again. */
function illWatch(goal: Goal): Watch {
  const served = { at: 1, from: 1, oldAt: null, evidence };
  const dynos = goal.ours === 42 ? { 'web.1': crashes } : {};
  return { ...beginWatch(goal), served, health: { ...NOTHING_MET, dynos } };
}

/** Its new code is found ill when that phase was told. */
function worldOf(asked: Partial<World['plan']> = {}, after: Phase['kind'] = 'new serves'): World {
  // Where it is ill, its watch comes no further by itself.
  const until = good.findIndex(({ kind }) => kind === after) + 1;
  const world = new World({ 42: good.slice(0, until), 43: [...good] });
  world.plan = { ...plan, ...asked };
  world.met.before = WELL;
  world.met.watch = goal => (kinds(world).includes(`deploy: ${after}`) ? illWatch(goal) : beginWatch(goal));
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    setImmediate(() => world.met.wake());
  };
  return world;
}

const told = (world: World): string[] => {
  const all = kinds(world);
  return all.slice(all.indexOf('not well'));
};
const BACK = ['judged', 'rollback intended', 'rolling back', 'rollback released'];
const SERVES = ['booting', 'old serves', 'mixed', 'new serves', 'old gone'].map(kind => `rollback: ${kind}`);

describe('new code that serves and is not well', () => {
  it.each<Phase['kind']>(['new serves', 'old gone'])(
    'goes back by itself where the settings say so (found at: %s), once, whatever is killed when',
    async after => {
      const rehearsal = worldOf({ autoRollback: true }, after);
      expect((await play(rehearsal)).outcome).toBe('rolled back');
      expect(told(rehearsal)).toEqual(['not well', 'rollback asked', ...BACK, ...SERVES, 'ended']);
      expect(rehearsal.facts).toContainEqual(
        expect.objectContaining({ kind: 'rollback asked', by: null, why: 'web.1 crashed 2 times' }),
      );
      for (let kill = 1; kill <= rehearsal.calls; kill++) {
        const world = worldOf({ autoRollback: true }, after);
        expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('rolled back');
        expect(world.releases, `killed at ${kill}`).toHaveLength(3);
        expect(told(world), `killed at ${kill}`).toEqual(told(rehearsal));
      }
    },
  );

  describe('when the bot comes back an hour after its countdown', () => {
    const late = (isIll: (world: World) => boolean, asked: Partial<World['plan']> = {}): World => {
      const world = worldOf({ autoRollback: true, ...asked }, 'old gone');
      const { watch } = world.met;
      world.time.now = () => Date.parse('2026-01-01T01:00:30.000Z');
      world.met.watch = goal =>
        isIll(world) ? { ...watch(goal), logOpen: true, logFrom: 0 } : { ...watch(goal), health: NOTHING_MET };
      return world;
    };
    const untilTold = (world: World): boolean => !kinds(world).includes('not well');

    it('is kept where it has been well since', async () => {
      const world = late(untilTold);
      expect((await play(world)).outcome).toBe('succeeded');
      expect(told(world)).toEqual(['not well', 'kept', 'judged', 'ended']);
      const kept = world.facts.find(({ kind }) => kind === 'kept');
      expect(kept).toMatchObject({ by: null, why: expect.stringContaining('was not ill any more') });
    });

    it('goes back where it still fails', async () => {
      const world = late(() => true);
      expect((await play(world)).outcome).toBe('rolled back');
      expect(told(world).slice(0, 2)).toEqual(['not well', 'rollback asked']);
    });

    it('goes back where its smoke test still fails', async () => {
      const world = late(() => false, { smoke: [{ path: '/health', status: [204] }] });
      expect((await play(world)).outcome).toBe('rolled back');
    });
  });

  it('is kept when somebody said so in time, though nobody ran it when its time was over', async () => {
    const world = worldOf({ autoRollback: true }, 'old gone');
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'not well' || world.clicks.length > 0) return;
      world.killAt = world.calls + 1;
      world.clicks.push({ id: 'keep', kind: 'keep it', by: 'U2', at: '', about: null, reason: 'we know' });
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.clicks[0]?.answer).toBe('Kept: it stays, and goes on.');
  });

  it('is kept when somebody says so in time, whatever is killed when, and is not asked about again', async () => {
    const again = (): World => {
      const world = worldOf({ autoRollback: true }, 'old gone');
      world.presses = [{ after: 'not well', kind: 'keep it', reason: 'we know' }];
      const { until } = world.time;
      // The countdown is as long as people need.
      world.time.until = (at, signal) =>
        at === Date.parse('2026-01-01T00:00:30.000Z') ? until(Number.POSITIVE_INFINITY, signal) : until(at, signal);
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(told(rehearsal).filter(kind => kind !== 'watching')).toEqual([...['not well', 'kept', 'judged', 'ended']]);
    expect(rehearsal.clicks[0]?.answer).toBe('Kept: it stays, and goes on.');
    expect(rehearsal.facts).toContainEqual(
      expect.objectContaining({ kind: 'judged', verdict: 'not well', why: 'web.1 crashed 2 times' }),
    );
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.releases, `killed at ${kill}`).toHaveLength(2);
    }
  });

  it('goes back at once when somebody presses it, also where nothing goes back by itself', async () => {
    const world = worldOf();
    world.presses = [{ after: 'not well', kind: 'roll back' }];
    const { until } = world.time;
    world.time.until = (_, signal) => until(Number.POSITIVE_INFINITY, signal);
    expect((await play(world)).outcome).toBe('rolled back');
    expect(told(world)).toEqual(['not well', 'rollback asked', ...BACK, ...SERVES, 'ended']);
    expect(world.clicks[0]?.answer).toBe('Rolling back.');
  });

  it('is a failed deploy when nobody decides for an hour', async () => {
    const world = worldOf();
    world.patient = false;
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('nobody decided for an hour') });
    expect(world.releases).toHaveLength(2);
  });

  it('is not taken back by itself once contract migrations have run', async () => {
    const world = worldOf({ autoRollback: true });
    world.patient = false;
    world.presses = [{ after: 'not well', kind: 'roll back' }];
    world.append({ kind: 'migrated', direction: 'contract', file: '2_drop', seconds: 1 }, 'migrated contract 2_drop');
    expect((await play(world)).outcome).toBe('failed');
    expect(world.clicks[0]?.answer).toContain('There is no way back');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'not well', backIn: null }));
    expect(world.releases).toHaveLength(2);
  });

  it('is not taken back by itself where that would undo what somebody has set since', async () => {
    const world = worldOf({ autoRollback: true });
    world.patient = false;
    const set = release(43, 'new', { description: 'Set CHARGE_KEY config vars' });
    rightBefore(world, 'released', () => world.releases.push(set));
    expect((await play(world)).outcome).toBe('failed');
    const asked = world.facts.find(({ kind }) => kind === 'not well');
    expect(asked).toMatchObject({ backIn: null, config: ['v43: Set CHARGE_KEY config vars'] });
    const then = asOf(world.deploy(), asked?.seq ?? 0);
    expect(replyTo(asked as Fact, then)?.message.text).toContain('undoes v43: Set CHARGE_KEY config vars.');
  });

  it('is asked about anew where somebody set something while it was counted down, whatever is killed when', async () => {
    const again = (): World => {
      const world = worldOf({ autoRollback: true }, 'old gone');
      world.patient = false;
      return settingAVar(world);
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('failed');
    expect(told(rehearsal)).toEqual(['not well', 'kept', 'not well', 'ended']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('failed');
      const asked = world.facts.findLast(({ kind }) => kind === 'not well');
      expect(asked, `killed at ${kill}`).toMatchObject({ backIn: null, config: ['v43: Set CHARGE_KEY config vars'] });
      expect(world.releases, `killed at ${kill}`).toHaveLength(3);
    }
  });

  it('says why it cannot go back when Heroku has the old release no more', async () => {
    const world = worldOf({ autoRollback: true });
    const [old] = world.releases;
    if (old) old.eligible = false;
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts).toContainEqual(
      expect.objectContaining({ kind: 'rollback failed', why: expect.stringContaining('v41') }),
    );
    expect(world.releases).toHaveLength(2);
  });

  it('does not go back to what it was that somebody went back from', async () => {
    const back = { id: 'r41', version: 41, gone: null, config: [], candidates: [] };
    const world = worldOf({ autoRollback: true, back });
    world.patient = false;
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'not well', backIn: null }));
  });

  // npm run torture -- --seed 50: an hour that the clock had been ahead became an hour in which the app's turn was held.
  it('is watched no longer because the clock was ahead when it began to serve', async () => {
    const world = new World({ 42: [...good] });
    const ahead = Date.parse('2026-01-01T01:00:00Z');
    world.met.watch = goal => ({
      ...beginWatch(goal),
      served: { at: ahead, from: ahead, oldAt: null, evidence },
    });
    expect((await play(world)).outcome).toBe('succeeded');
    const until = Date.parse('2026-01-01T00:00:00Z') + watchedSeconds(world.plan) * 1000;
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'watching', until }));
  });

  it('is left alone when old code answers again: what failed may be its own', async () => {
    const world = worldOf({ autoRollback: true });
    world.phases[42]?.push({ kind: 'mixed', corrected: true }, ...good.slice(3));
    world.time.until = (_, signal) =>
      new Promise((_done, aborted) => signal.addEventListener('abort', () => aborted(signal.reason)));
    const watch = world.met.watch;
    world.met.watch = goal => (kinds(world).includes('kept') ? beginWatch(goal) : watch(goal));
    const ended = play(world);
    await expect.poll(() => kinds(world)).toContain('watching');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'kept', by: null }));
    expect(kinds(world).slice(-3)).toEqual(['deploy: new serves', 'deploy: old gone', 'watching']);
    expect(world.releases).toHaveLength(2);
    void ended;
  });
});

describe('old code that answers while new code is only watched', () => {
  /** It comes as soon as it is watched, and no time passes before that. */
  const worldOf = (world: World): World => {
    rightBefore(world, 'watching', () => world.phases[42]?.push({ kind: 'mixed', corrected: true }, ...good.slice(3)));
    const { until } = world.time;
    world.time.until = (at, signal) =>
      kinds(world).at(-1) === 'watching'
        ? new Promise((_, aborted) => signal.addEventListener('abort', () => aborted(signal.reason)))
        : until(at, signal);
    return world;
  };

  it('is told, and the proof is waited for once more, whatever is killed when', async () => {
    const rehearsal = worldOf(new World({ 42: [...good] }));
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const all = kinds(rehearsal);
    expect(all.slice(all.indexOf('watching'))).toEqual([
      ...['watching', 'deploy: mixed', 'deploy: new serves', 'deploy: old gone', 'judged', 'ended'],
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = worldOf(new World({ 42: [...good] }));
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(kinds(world), `killed at ${kill}`).toEqual(all);
    }
  });

  it('is no success where what it needs is destroyed', async () => {
    const world = worldOf(new World({ 42: [...good] }));
    world.append({ kind: 'migrated', direction: 'contract', file: '2_drop', seconds: 1 }, 'migrated contract 2_drop');
    expect((await play(world)).outcome).toBe('not proved');
    expect(world.facts.at(-1)).toMatchObject({
      why: expect.stringMatching(/^Code of v41 answers again, .* destroyed/),
    });
  });
});

describe('a smoke test', () => {
  const smoke = [{ path: '/health', status: [200, 204] }];

  it('is made once as soon as new code serves, whatever is killed when', async () => {
    const again = (): World => Object.assign(new World({ 42: [...good] }), { plan: { ...plan, smoke } });
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const all = kinds(rehearsal);
    expect(all.slice(all.indexOf('deploy: new serves'))).toEqual([
      ...['deploy: new serves', 'smoke test', 'deploy: old gone', 'watching', 'judged', 'ended'],
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(kinds(world), `killed at ${kill}`).toEqual(all);
    }
  });

  it('is made also when old code was gone before the bot could look', async () => {
    const world = new World({ 42: [...good.slice(0, 3), ...good.slice(4)] });
    world.plan = { ...plan, smoke };
    await play(world);
    expect(kinds(world)).toContain('smoke test');
  });

  it('is made again when old code has answered since, and what it finds then counts', async () => {
    const again = (): World => {
      const world = new World({ 42: [...good.slice(0, 4), { kind: 'mixed', corrected: true }, ...good.slice(3)] });
      world.plan = { ...plan, smoke };
      const answer = { sentAt: 0, receivedAt: 1, status: 500, version: null };
      world.prober.ask = async () => answer;
      const isKept = (): boolean => world.facts.some(({ kind }) => kind === 'kept');
      world.time.until = async (at, signal) => {
        // The hour in which somebody decides passes only the second time.
        if (isKept() || at <= Date.parse('2026-01-01T00:10:00.000Z')) return;
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      };
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('failed');
    const told = (world: World): string[] => kinds(world).filter(kind => kind !== 'deploy: old gone');
    const all = told(rehearsal);
    expect(all.slice(all.indexOf('smoke test'))).toEqual([
      ...['smoke test', 'not well', 'deploy: mixed', 'kept', 'deploy: new serves', 'smoke test', 'not well', 'ended'],
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('failed');
      expect(told(world), `killed at ${kill}`).toEqual(all);
    }
  });

  it('is made also where old code is not proved to be gone; somebody may give their word meanwhile', async () => {
    const unproved: Phase = { kind: 'not proved', missing: 'old gone', known: [] };
    const world = new World({ 42: [...good.slice(0, 2), unproved] });
    world.plan = { ...plan, smoke };
    world.presses = [{ after: 'not proved', kind: 'old code is gone' }];
    const { ask } = world.prober;
    world.prober.ask = async (...asked) => {
      await expect.poll(() => world.clicks[0]?.answer).toContain('Noted');
      return ask(...asked);
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(kinds(world).filter(kind => kind === 'smoke test')).toHaveLength(1);
    expect(kinds(world)).toContain('checked');
  });

  it('asks again whether old code is gone when that has answered since somebody said so', async () => {
    const unproved: Phase = { kind: 'not proved', missing: 'old gone', known: [] };
    const script = [...good.slice(0, 2), unproved];
    const world = new World({ 42: script });
    world.plan = { ...plan, smoke };
    world.presses = [{ after: 'not proved', kind: 'old code is gone' }];
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind === 'not well') script.push({ kind: 'mixed', corrected: true }, unproved);
    };
    const isKept = (): boolean => world.facts.some(({ kind }) => kind === 'kept');
    const isSaid = (): boolean => world.facts.some(({ kind }) => kind === 'checked');
    world.prober.ask = async () => {
      if (!isSaid()) await expect.poll(isSaid).toBe(true);
      return { sentAt: 0, receivedAt: 1, status: isKept() ? 200 : 500, version: null };
    };
    expect((await play(world)).outcome).toBe('succeeded');
    const told = kinds(world);
    expect(told.slice(told.indexOf('kept'))).toEqual([
      ...['kept', 'deploy: not proved', 'checked', 'smoke test', 'watching', 'judged', 'ended'],
    ]);
  });

  it('that fails three times makes a complaint with what was wanted', async () => {
    const asked: string[] = [];
    const world = new World({ 42: [...good], 43: [...good] });
    world.plan = { ...plan, smoke, autoRollback: true };
    world.prober.ask = async (_, { path }) => {
      asked.push(path);
      return { sentAt: 0, receivedAt: 1, status: 500, version: null };
    };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(asked).toEqual(['/health', '/health', '/health']);
    expect(world.facts).toContainEqual(
      expect.objectContaining({
        kind: 'not well',
        complaints: [{ now: '/health answered 500', against: 'The smoke test wants 200 or 204' }],
      }),
    );
  });
});

describe('answers that fail and do not say whose they are', () => {
  it('are told once, whatever is killed when, and the deploy goes on', async () => {
    const again = (): World => {
      const world = new World({ 42: [...good] });
      world.met.watch = goal => ({ ...beginWatch(goal), silence: { since: 5, answers: 9, failed: 9 } });
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(rehearsal.facts.filter(({ kind }) => kind === 'fails unnamed')).toMatchObject([{ since: 5 }]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(kinds(world).filter(kind => kind === 'fails unnamed').length, `killed at ${kill}`).toBeLessThan(2);
    }
  });
});

describe('how the app was before', () => {
  it('is kept once, before the release, and is what the watch compares with', async () => {
    const world = new World({ 42: [...good] });
    world.met.before = { ...WELL, failed: 30 };
    const goals: Goal[] = [];
    world.met.watch = goal => {
      goals.push(goal);
      return beginWatch(goal);
    };
    await play(world);
    const all = kinds(world);
    expect(all.slice(all.indexOf('build started'))).toEqual([
      'build started',
      'before',
      'built',
      ...all.slice(all.indexOf('built') + 1),
    ]);
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'before', ill: ['30 of 60 probes failed'] }));
    expect(goals.every(({ before }) => before?.failed === 30)).toBe(true);
  });
});
