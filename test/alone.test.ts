import { describe, expect, it } from 'vitest';
import { parserReady } from '../src/domain/migration.ts';
import { asOf, waitsForApproval, wayBack } from '../src/domain/readings.ts';
import type { Phase } from '../src/domain/watch.ts';
import { approvalCard } from '../views/approval.ts';
import { rootMessage } from '../views/root.ts';
import { ADD, closing, DROP, triedAgain, worldWith, YES } from './migrating-world.ts';
import { good, kinds, play, release, rightBefore, unproved, type World } from './recipe-world.ts';
import { plan } from './sample-deploys.ts';

await parserReady();

/** Somebody releases that by hand, and it is live. */
function released(world: World, version: number, slug: string): void {
  for (const known of world.releases) known.current = false;
  world.releases.push(release(version, slug, { description: `Rollback of ${slug}`, by: 'jo', current: true }));
}

function withDyno(world: World, name: string, version: number): void {
  const dynos = world.dynos.bind(world);
  const [type = ''] = name.split('.');
  const createdAt = '2026-01-01T00:00:00.000Z';
  world.dynos = () => [...dynos(), { name, type, state: 'up', release: version, createdAt }];
}

const heldWhy = (world: World): unknown => world.facts.findLast(({ kind }) => kind === 'held');

describe('what destroys is not run', () => {
  it('once other code was released while the card waited, though this code is live again', async () => {
    const world = worldWith();
    rightBefore(world, 'approval asked', () => {
      released(world, 43, 'old');
      released(world, 44, 'new');
    });
    world.presses = [YES, { after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Next time.' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(world.clicks[0]?.answer).toMatch(/^Not run\. v43 \(Rollback of old, by jo\) was released .*deploy again/);
  });

  it('while other code is in its release phase', async () => {
    const world = worldWith();
    rightBefore(world, 'approval asked', () => world.releases.push(release(43, 'old', { status: 'pending' })));
    world.presses = [YES, { after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Next time.' }];
    await play(world);
    expect(world.applied).toEqual([ADD]);
    expect(world.clicks[0]?.answer).toContain('is being released');
  });

  it.each(['web.2', 'worker.1', 'run.7', 'scheduler.3'])('while %s still runs an older release', async name => {
    const world = worldWith();
    withDyno(world, name, 41);
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(heldWhy(world)).toMatchObject({ by: null, why: expect.stringContaining(`ps:stop ${name} -a shop`) });
  });

  it('when a dyno of old code is found after the yes, whatever is killed when', async () => {
    const found = () => {
      const world = worldWith();
      const old = { name: 'run.7', type: 'run', state: 'up', release: 41, createdAt: '2026-01-01T00:00:00.000Z' };
      const dynos = world.dynos.bind(world);
      // Until it is held for it.
      const isThere = () => heldWhy(world) === undefined && world.facts.some(({ kind }) => kind === 'approved');
      world.dynos = () => [...dynos(), ...(isThere() ? [old] : [])];
      world.presses = [YES];
      return world;
    };
    const rehearsal = found();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(heldWhy(rehearsal)).toMatchObject({ by: null, why: expect.stringContaining('run.7') });
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = found();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD]);
    }
  });

  it('when the bot was away right before the first began, and somebody went back', async () => {
    const world = worldWith();
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'migrating' || fact.direction !== 'contract') return;
      released(world, 43, 'old');
      world.killAt = world.calls;
    };
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.applied).toEqual([ADD]);
  });

  it('when the bot was away right before the first began, and a console of old code runs: they are held', async () => {
    const world = worldWith();
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'migrating' || fact.direction !== 'contract') return;
      withDyno(world, 'run.7', 41);
      world.killAt = world.calls;
    };
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    const held = world.facts.find(({ kind }) => kind === 'held');
    expect(wayBack(asOf(world.deploy(), held?.seq ?? 0))).toMatchObject({ kind: 'plan', version: 41 });
  });

  it('in its later files either, when somebody went back while the bot was away', async () => {
    for (const isClosed of [true, false]) {
      const world = closing();
      const { migrations } = world.plan;
      if (!migrations) throw new Error('no migrations');
      world.plan = { ...world.plan, migrations: { ...migrations, maintenance: isClosed } };
      const append = world.append.bind(world);
      world.append = (fact, key) => {
        append(fact, key);
        if (fact.kind !== 'migration begins' || fact.file !== 'migrations/contract/2_drop.sql') return;
        // What it began ends without it; then somebody opens the app with old code.
        world.applied.push(DROP);
        released(world, 43, 'old');
        world.closed = false;
        world.killAt = world.calls;
      };
      world.presses = [YES, { after: 'left closed', kind: 'open', by: 'U1' }];
      expect((await play(world)).outcome).toBe('superseded');
      expect(world.applied).toEqual([ADD, DROP]);
      expect(world.doors).toEqual(isClosed ? ['closed'] : []);
      expect(world.facts.at(-1)).toMatchObject({
        why: expect.stringMatching(/v43 .*2_drop\.sql had been applied before, and stay/),
      });
    }
  });

  it('when the store does not take that it begins', async () => {
    const world = worldWith();
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      const isFirst = fact.kind === 'migration begins' && fact.direction === 'contract';
      if (isFirst) throw new Error('The store is away');
      append(fact, key);
    };
    world.presses = [YES];
    await expect(play(world)).rejects.toThrow('The store is away');
    expect(world.applied).toEqual([ADD]);
  });

  it('and is, when only config vars were changed meanwhile', async () => {
    const world = worldWith();
    rightBefore(world, 'approval asked', () => released(world, 43, 'new'));
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD, DROP]);
  });
});

describe('a closed app, half of whose migrations failed', () => {
  const rolledBack = () => {
    const world = triedAgain(closing({ breaks: '3_drop' }));
    return rightBefore(world, 'left closed', () => released(world, 43, 'old'));
  };

  it('is not tried again when somebody went back by hand: that code may need the rest', async () => {
    const rehearsal = rolledBack();
    expect((await play(rehearsal)).outcome).toBe('superseded');
    expect(rehearsal.applied).toEqual([ADD, DROP]);
    expect(rehearsal.doors).toEqual(['closed', 'open']);
    expect(rehearsal.facts.at(-1)).toMatchObject({
      why: expect.stringMatching(/v43 .*2_drop\.sql had been applied before, and stay/),
    });
    expect(kinds(rehearsal).filter(kind => kind === 'left closed')).toHaveLength(2);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = rolledBack();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('superseded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
      expect(world.closed, `killed at ${kill}`).toBe(false);
    }
  });
});

describe('old code that answers once more after it was said to be gone', () => {
  it('has them held, though new answers came since', async () => {
    const world = worldWith();
    // One old answer takes the proof back; new ones then say no more than that new code serves.
    rightBefore(world, 'soaking', () => Object.assign(world.met.seen, { goneAt: null, lastOldAt: 9 }));
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(heldWhy(world)).toMatchObject({ by: null, why: expect.stringContaining('Old code answered again') });
  });

  it('has them refused while the card waits', async () => {
    const world = worldWith();
    rightBefore(world, 'approval asked', () => Object.assign(world.met.seen, { goneAt: null, lastOldAt: 9 }));
    world.presses = [YES, { after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Next time.' }];
    await play(world);
    expect(world.applied).toEqual([ADD]);
    expect(world.clicks[0]?.answer).toMatch(/^Not run\. Old code answered again.*deploy again/);
  });

  /** Old code is gone, answers, and is gone once more; the card that comes after that is said yes to. */
  const goneTwice = (when: 'soaking' | 'approval asked', doubt: Phase) => {
    const world = worldWith();
    rightBefore(world, when, () => world.phases[42]?.push(doubt, ...good.slice(-2)));
    const isGoneAgain = () => kinds(world).filter(kind => kind === 'deploy: old gone').length > 1;
    const { until } = world.time;
    world.time.until = (at, signal) =>
      until(when === 'soaking' && !isGoneAgain() ? Number.POSITIVE_INFINITY : at, signal);
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      if (fact.kind === 'approval asked' && isGoneAgain()) world.presses = [YES];
      append(fact, key);
    };
    return world;
  };
  const MIXED: Phase = { kind: 'mixed', corrected: true };
  /** Later than twice the window nobody is waited for any more. */
  const ASKED: Phase = { kind: 'not proved', missing: 'new serves', known: [] };
  const again = (doubt: Phase) => [`deploy: ${doubt.kind}`, 'deploy: new serves', 'deploy: old gone'];

  it.each([
    ['soaking', MIXED, 'old code answers again'],
    ['soaking', ASKED, 'a person must look'],
    ['approval asked', MIXED, 'old code answers again'],
    ['approval asked', ASKED, 'a person must look'],
  ] as const)(
    'takes that back aloud, and asks when it is gone once more (%s, %o), whatever is killed when',
    async (when, doubt, words) => {
      const rehearsal = goneTwice(when, doubt);
      expect((await play(rehearsal)).outcome).toBe('succeeded');
      const all = kinds(rehearsal);
      expect(all.slice(all.indexOf('soaking'), all.indexOf('approved'))).toEqual(
        when === 'soaking'
          ? ['soaking', ...again(doubt), 'soaking', 'judged', 'approval asked']
          : ['soaking', 'judged', 'approval asked', ...again(doubt), 'soaking', 'approval asked'],
      );
      expect(rehearsal.applied).toEqual([ADD, DROP]);
      const back = rehearsal.facts.findLast(fact => fact.kind === 'phase' && fact.phase.kind === doubt.kind)?.seq ?? 0;
      const shown = (seq: number) =>
        rootMessage(asOf({ ...rehearsal.deploy(), plan: { ...plan, ...rehearsal.plan } }, seq)).text;
      expect(shown(back)).toContain(words);
      expect(shown(back + 3)).toContain('new code is being watched');
      for (let kill = 1; kill <= rehearsal.calls; kill++) {
        const world = goneTwice(when, doubt);
        expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
        expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
        expect(kinds(world), `killed at ${kill}`).toEqual(all);
      }
    },
  );

  it.each([MIXED, ASKED])(
    'does not count a yes that was given in the same moment (%o), whatever is killed when',
    async doubt => {
      const crossing = (): World => {
        const world = goneTwice('approval asked', doubt);
        const append = world.append.bind(world);
        world.append = (fact, key) => {
          const isDoubt =
            fact.kind === 'phase' && fact.phase.kind === doubt.kind && kinds(world).includes('approval asked');
          if (isDoubt) append({ kind: 'approved', by: 'U2', digest: 'digest' }, 'answered');
          append(fact, key);
        };
        return world;
      };
      const rehearsal = crossing();
      for (let kill = 0; kill <= rehearsal.calls; kill++) {
        const world = kill === 0 ? rehearsal : crossing();
        expect((await play(world, kill === 0 ? [] : [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
        const told = kinds(world).filter(kind => ['approval asked', 'approved', 'schema changed'].includes(kind));
        const asked = ['approval asked', 'approved'];
        expect(told, `killed at ${kill}`).toEqual(['schema changed', ...asked, ...asked, 'schema changed']);
      }
    },
  );

  it('ends where it is held, for somebody who goes back waits behind it, and its card says why not now', async () => {
    const world = worldWith();
    rightBefore(world, 'approval asked', () => world.phases[42]?.push(ASKED));
    world.presses = [{ after: 'not proved', kind: 'hold', by: 'U2' }];
    expect((await play(world)).outcome).toBe('not proved');
    expect(world.clicks[0]?.answer).toContain('It ends here');
    const asked = world.facts.find(fact => fact.kind === 'approval asked');
    const doubt = world.facts.findLast(({ kind }) => kind === 'phase')?.seq ?? 0;
    const card = asked && approvalCard(asked, asOf({ ...world.deploy(), plan: { ...plan, ...world.plan } }, doubt));
    expect(card?.text).toContain('not now');
    expect(JSON.stringify(card?.blocks)).not.toContain('run-them');
    expect(waitsForApproval(asOf(world.deploy(), doubt))).toBe(false);
  });

  const onTheirWord = () => {
    const world = worldWith();
    world.phases[42]?.splice(0, 9, ...unproved.slice(0, 2), { kind: 'not proved', missing: 'old gone', known: [] });
    Object.assign(world.met.seen, { lastOldAt: 5 });
    world.presses = [{ after: 'not proved', kind: 'old code is gone', by: 'U1', reason: 'I looked.' }, YES];
    return world;
  };

  it('has them held where a person had said so, and not without such an answer', async () => {
    const quiet = onTheirWord();
    expect((await play(quiet)).outcome).toBe('succeeded');
    expect(quiet.applied).toEqual([ADD, DROP]);
    const world = onTheirWord();
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind === 'soaking') Object.assign(world.met.seen, { lastOldAt: 6 });
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(heldWhy(world)).toMatchObject({ why: expect.stringContaining('Old code answered again') });
  });
});
