import { describe, expect, it } from 'vitest';
import type { Plan } from '../src/domain/plan.ts';
import { newsAtItsTurn, placeBehind } from '../src/domain/turn.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { good, kinds, play, plan as toPlay, World } from './recipe-world.ts';
import { deployOf, plan } from './sample-deploys.ts';
import { pending } from './sample-migrations.ts';

const place = { ahead: 1, behind: 'U0BOB', asks: false, waitSeconds: 200 };

function waiting(): World {
  const world = new World({ 42: [...good] });
  world.plan = { ...toPlay, warnings: [], migrations: null, changes: null };
  world.plannedAgain = { kind: 'ready', plan: world.plan };
  world.append({ kind: 'started', by: 'U1' }, 'started');
  world.append({ kind: 'queued', ...place }, 'queued 1');
  return world;
}

describe('a deploy that waited for its turn', () => {
  it('is planned again, and goes on when nothing is new, whatever is killed when', async () => {
    const rehearsal = waiting();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(2, 5)).toEqual(['turn came', 'planned again', 'uploaded']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = waiting();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('asks its owner when something is new, and deploys what is planned now', async () => {
    const again = (): World => {
      const world = waiting();
      world.plannedAgain = { kind: 'ready', plan: { ...world.plan, warnings: ['It rains.'] } };
      world.presses = [{ after: 'planned again', kind: 'go on', by: 'U1' }];
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(rehearsal.plan.warnings).toEqual(['It rains.']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      expect((await play(again(), [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
    }
  });

  it('begins nothing when its owner has it cancelled, or says nothing', async () => {
    for (const [press, patient] of [
      ['cancel', true],
      [null, false],
    ] as const) {
      const world = waiting();
      world.plannedAgain = { kind: 'ready', plan: { ...world.plan, warnings: ['It rains.'] } };
      world.presses = press ? [{ after: 'planned again', kind: press, by: 'U1' }] : [];
      world.patient = patient;
      expect((await play(world)).outcome).toBe('cancelled');
      expect(world.builds).toHaveLength(0);
    }
  });

  it('is called off while it cannot be planned, so that others have their turn', async () => {
    const world = waiting();
    world.presses = [{ after: 'turn came', kind: 'cancel' }];
    Object.defineProperty(world, 'plannedAgain', {
      get: () => {
        throw new Error('Bad credentials');
      },
    });
    expect((await play(world)).outcome).toBe('cancelled');
    expect(world.clicks[0]?.answer).toMatch(/^Cancelled/);
  });

  it('stops with every reason when it may not be deployed any more', async () => {
    const world = waiting();
    world.plannedAgain = { kind: 'refused', reasons: ['Preboot is off.'] };
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.facts.at(-1)).toMatchObject({ why: 'Its turn came, but: Preboot is off. Nothing was begun.' });
  });

  it('does nothing when it left the queue before its turn', async () => {
    const world = waiting();
    world.append({ kind: 'ended', outcome: 'cancelled', why: 'It left the queue.' }, 'ended');
    expect((await play(world)).outcome).toBe('cancelled');
    expect(kinds(world).at(-1)).toBe('ended');
  });
});

describe('what is news at its turn', () => {
  const live = { ...plan.live, version: 42, commit: 'a'.repeat(40) };

  it.each<[string, Partial<Plan>, RegExp | null]>([
    ['that those before it went live is none', { live }, null],
    ['a new warning is', { live, warnings: ['It rains.'] }, /New: It rains/],
    [
      'commits that would go away are',
      { live, changes: { commits: [], total: 1, behind: 3 } },
      /3 commits that c0ffee12/,
    ],
    [
      'that it is live already is',
      { live: { ...live, commit: plan.commit.sha } },
      /c0ffee12 went live meanwhile, as v42/,
    ],
    ['migrations that nobody saw are', { live, migrations: pending }, /New migrations would run: .*3_cents\.sql/],
    ['fewer web dynos are', { live, web: { quantity: 1, size: 'Standard-1X' } }, /Web was 2/],
  ])('%s', (_, changed, news) => {
    const said = newsAtItsTurn(plan, { ...plan, ...changed }).join(' ');
    if (news === null) expect(said).toBe('');
    else expect(said).toMatch(news);
  });

  it('migrations that others ran meanwhile are none', () => {
    expect(newsAtItsTurn({ ...plan, migrations: pending }, plan)).toEqual([]);
  });
});

describe('the place in the queue', () => {
  const startedAt = '2026-11-23T12:00:00.000Z';
  const now = Date.parse(startedAt) + 50_000;
  const ahead = { startedBy: 'U0BOB', startedAt, asks: false, plan };

  it('counts those ahead, and how long each may take', () => {
    expect(placeBehind([], now)).toBeNull();
    expect(placeBehind([ahead], now)).toEqual({ ahead: 1, behind: 'U0BOB', asks: false, waitSeconds: 200 });
    expect(placeBehind([ahead, { ...ahead, startedBy: 'U0EVE' }], now)).toMatchObject({ ahead: 2, waitSeconds: 450 });
  });

  it('is on the root message, with a way out', () => {
    const queued = deployOf([
      [0, { kind: 'started', by: 'U0ANN' }],
      [0, { kind: 'queued', ...place }],
    ]);
    const shown = JSON.stringify(rootMessage(queued));
    expect(shown).toContain('It waits behind the deploy of <@U0BOB>. About 3 min 20 s to wait.');
    expect(shown).toContain('"cancel"');
    expect(shown).not.toContain('in_progress');
  });

  it('when its turn comes and things are different, the thread asks with what is new', () => {
    const asked = { kind: 'planned again', plan, news: ['Web was 2 × Standard-1X, and is now 1.'] } as const;
    const deploy = deployOf([
      [0, { kind: 'started', by: 'U0ANN' }],
      [0, { kind: 'queued', ...place }],
      [9, { kind: 'turn came' }],
      [10, asked],
    ]);
    const fact = deploy.facts.at(-1);
    const card = JSON.stringify(fact && replyTo(fact, deploy)?.message);
    for (const part of ['<@U0ANN>', 'Web was 2', '"go-on"', '"cancel"']) expect(card).toContain(part);
    expect(JSON.stringify(rootMessage(deploy))).toContain('its turn has come');
  });
});
