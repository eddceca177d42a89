import { describe, expect, it } from 'vitest';
import type { FactBody } from '../src/domain/deploy.ts';
import { NO_SAMPLE, NOTHING_MET, type Sample } from '../src/domain/health.ts';
import { parserReady } from '../src/domain/migration.ts';
import { clicksOf } from '../src/domain/readings.ts';
import { beginWatch, type Goal, type Phase, type Watch } from '../src/domain/watch.ts';
import { receiptOf } from '../views/receipt.ts';
import { rootMessage } from '../views/root.ts';
import { ADD, DROP, worldWith, YES } from './migrating-world.ts';
import { good, kinds, plan, play, rightBefore, World } from './recipe-world.ts';
import { deployOf, deploys } from './sample-deploys.ts';

await parserReady();

// Old code that answers again, at the moments in which that could be lost.

const MIXED: Phase = { kind: 'mixed', corrected: true };
/** Later than twice the window nobody is waited for any more. */
const ASKED: Phase = { kind: 'not proved', missing: 'new serves', known: [] };
const WELL: Sample = { ...NO_SAMPLE, from: 0, to: 60_000, probes: 60, latency: { 51: 60 } };

/** The web dynos of v42 crash again and again, once it serves. */
function illWatch(goal: Goal): Watch {
  const dynos = { 'web.1': { was: 'up', startedAt: 1, upAt: 2, at: 3, crashes: 2, R14: 0, R15: 0 } };
  const served = { at: 1, from: 1, oldAt: null, evidence: { by: 'person', user: 'U1' } } as const;
  return { ...beginWatch(goal), served, health: { ...NOTHING_MET, dynos } };
}

const illOnce = (world: World, isIll: () => boolean): void => {
  world.met.before = WELL;
  world.met.watch = goal => (isIll() ? illWatch(goal) : beginWatch(goal));
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    setImmediate(() => world.met.wake());
  };
};

/** As the bot that is asked next tells it. */
const doubts = (world: World, phase: Phase): void => {
  const phases = kinds(world).filter(kind => kind.startsWith('deploy: ')).length;
  const tally = world.facts.findLast(fact => fact.kind === 'phase')?.tally;
  if (tally) world.append({ kind: 'phase', of: 'deploy', version: 42, phase, tally }, `phase of deploy ${phases + 1}`);
};

const isContracted = (world: World) => (): boolean => world.applied.includes(DROP);

describe('old code that answers when its schema is gone', () => {
  it.each([MIXED, ASKED])('never has anybody go back to it (%o), whatever is killed when', async doubt => {
    const answers = (): World => {
      const world = worldWith();
      world.presses = [YES, { after: 'not proved', kind: 'roll back', by: 'U1' }];
      illOnce(world, isContracted(world));
      rightBefore(world, 'not well', () => world.phases[42]?.push(doubt));
      return world;
    };
    const rehearsal = answers();
    for (let kill = 0; kill <= rehearsal.calls; kill++) {
      const world = kill === 0 ? rehearsal : answers();
      expect((await play(world, kill === 0 ? [] : [kill])).outcome, `killed at ${kill}`).toBe('not proved');
      expect(world.releases, `killed at ${kill}`).toHaveLength(2);
      expect(world.facts.at(-1), `killed at ${kill}`).toMatchObject({ why: expect.stringContaining('is destroyed') });
    }
  });

  it('leaves no button to go back', () => {
    const asked = deploys['not proved'];
    expect(clicksOf(asked)).toEqual(['it serves', 'roll back']);
    const migrated = { kind: 'migrated', direction: 'contract', file: 'a.sql', seconds: 1 } as const;
    const fact = { ...migrated, seq: 0, at: asked.startedAt };
    expect(clicksOf({ ...asked, facts: [fact, ...asked.facts] })).toEqual(['it serves']);
  });
});

describe('old code that answers in the same moment', () => {
  it('as the watch of new code ends is proved gone before the deploy ends', async () => {
    const world = new World({ 42: [...good] });
    world.plan = plan;
    const { until } = world.time;
    const isDoubted = () => kinds(world).filter(kind => kind === 'deploy: mixed').length === 2;
    // Its time is over while that is being told.
    const { append } = world.journal;
    world.journal.append = async (deploy, fact, key) => {
      await append(deploy, fact, key);
      for (let turn = 0; turn < 9; turn++) await new Promise(setImmediate);
    };
    world.time.until = async (at, signal) => {
      while (!isDoubted() && !signal.aborted) await new Promise(setImmediate);
      return until(at, signal);
    };
    rightBefore(world, 'watching', () => world.phases[42]?.push(MIXED, ...good.slice(-2)));
    expect((await play(world)).outcome).toBe('succeeded');
    const all = kinds(world);
    expect(all.slice(all.lastIndexOf('deploy: mixed'))).toEqual([
      'deploy: mixed',
      'deploy: new serves',
      'deploy: old gone',
      'judged',
      'ended',
    ]);
  });

  it.each(['before', 'after'] as const)('%s a yes has them asked anew, and run once', async when => {
    const world = worldWith();
    let crossed = false;
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      const crosses = fact.kind === 'approved' && !crossed;
      if (crosses) {
        crossed = true;
        world.phases[42]?.push(...good.slice(-2));
        if (when === 'before') doubts(world, MIXED);
      }
      append(fact, key);
      if (crosses && when === 'after') doubts(world, MIXED);
    };
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    const told = kinds(world).filter(kind => ['approval asked', 'approved', 'schema changed'].includes(kind));
    const asked = ['approval asked', 'approved'];
    expect(told).toEqual(['schema changed', ...asked, ...asked, 'schema changed']);
    expect(world.applied).toEqual([ADD, DROP]);
  });
});

describe('old code that answered while new code was watched', () => {
  it('is proved gone once more though new code got ill, and was kept, in between', async () => {
    const world = new World({ 42: [...good] });
    world.plan = plan;
    world.presses = [{ after: 'not well', kind: 'keep it', by: 'U2', reason: 'we know' }];
    rightBefore(world, 'watching', () => world.phases[42]?.push(MIXED, ...good.slice(3, 4)));
    const isServedAgain = () => kinds(world).filter(kind => kind === 'deploy: new serves').length > 1;
    illOnce(world, isServedAgain);
    const { until } = world.time;
    world.time.until = (at, signal) => until(isServedAgain() ? at : Number.POSITIVE_INFINITY, signal);
    rightBefore(world, 'kept', () => world.phases[42]?.push(...good.slice(-1)));
    expect((await play(world)).outcome).toBe('succeeded');
    const all = kinds(world);
    expect(all.slice(all.indexOf('kept'))).toEqual(['kept', 'deploy: old gone', 'judged', 'ended']);
  });
});

describe('what is said of it', () => {
  it('is not that it was proved to be gone, once it has answered again', () => {
    const gone = deploys['old code gone'];
    expect(receiptOf(gone).join('\n')).toContain('proved by logs');
    const told = gone.facts.findLast(fact => fact.kind === 'phase');
    if (!told) throw new Error('no phase');
    const doubt = { ...told, phase: MIXED, seq: told.seq + 1 };
    expect(receiptOf({ ...gone, facts: [...gone.facts, doubt] }).join('\n')).not.toContain('Old code gone');
  });

  it('is not that they run while they are asked anew', () => {
    const gone = deploys['old code gone'];
    const facts: [number, FactBody][] = [
      [200, { kind: 'soaking', until: 0, lastOldAt: null }],
      [300, { kind: 'approval asked', digest: 'a' }],
      [301, { kind: 'approved', by: 'U2', digest: 'a' }],
      [350, { kind: 'soaking', until: 0, lastOldAt: null }],
      [400, { kind: 'approval asked', digest: 'b' }],
    ];
    const more = deployOf(facts).facts.map(fact => ({ ...fact, seq: fact.seq + 100 }));
    const shown = (most: number) => rootMessage({ ...gone, facts: [...gone.facts, ...more.slice(0, most)] }).text;
    expect(shown(3)).toContain('contract migrations run');
    expect(shown(4)).toContain('new code is being watched');
    expect(shown(5)).toContain('waiting for an approval');
  });
});
