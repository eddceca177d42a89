import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { oldCode, wayBack } from '../src/domain/readings.ts';
import { backButton } from '../views/back.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { crash, good, play, release, rightBefore, World } from './recipe-world.ts';
import { deploys } from './sample-deploys.ts';

// Others change config vars, or deploy, while ours is built: going back is to what they left, not to what the plan saw.

const config = (version: number, slug = 'old', rest = {}) =>
  release(version, slug, { description: 'Set HATS config vars', by: 'jo@example.com', ...rest });
const SERVES = good.slice(3);

/** Ours is v43 behind what others did, and goes back as v44. */
const worldOf = (between = [config(42)]): World => {
  const ours = 42 + between.length;
  return new World({ [ours]: [...crash], [ours + 1]: [...SERVES] }, { between });
};
const rolledBackTo = (world: World) => world.releases.findLast(({ description }) => /^Rollback/.test(description));

describe('a rollback', () => {
  it('is to what others released between the plan and our release, whatever is killed when', async () => {
    const rehearsal = worldOf();
    await play(rehearsal);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = worldOf();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('rolled back');
      expect(world.releases.map(({ description }) => description)).toEqual([
        ...['Deploy old', 'Set HATS config vars', 'Deploy new', 'Rollback to v42'],
      ]);
      expect(world.facts.at(-1)).toMatchObject({ why: 'shop serves the code of v42 again, as v44.' });
    }
  });

  it('takes the same release again after a kill, whatever the list says by then', async () => {
    const world = worldOf();
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      // As if it had gone from the list, or failed after all.
      if (fact.kind === 'rollback intended') world.releases[1] = config(42, 'old', { status: 'expired' });
    };
    await play(world);
    expect(rolledBackTo(world)?.description).toBe('Rollback to v42');
  });

  it.each([
    ['one that failed', { status: 'failed' } as const],
    ['one without code', { slug: null }],
  ])('is never to %s', async (_, rest) => {
    const world = worldOf([config(42, 'old', rest)]);
    expect((await play(world)).outcome).toBe('rolled back');
    expect(rolledBackTo(world)?.description).toBe('Rollback to v41');
  });

  it('to code that others deployed is watched for that code’s commit', async () => {
    const world = worldOf([release(42, 'theirs', { by: 'jo@example.com' })]);
    const goals: unknown[] = [];
    const { follow } = world.watcher;
    world.watcher.follow = ask => {
      goals.push([ask.goal.ours, ask.goal.commit, ask.goal.oldCommit]);
      return follow(ask);
    };
    await play(world);
    expect(goals).toContainEqual([43, 'b'.repeat(40), 'commit of theirs']);
    expect(goals).toContainEqual([44, 'commit of theirs', 'commit of theirs']);
  });

  it('of a deploy that a former version of the bot released is to what its plan saw, or what the list says', async () => {
    const world = worldOf();
    const append = world.append.bind(world);
    world.append = (fact, key) =>
      append(fact.kind === 'released' ? ({ ...fact, replaces: undefined } as never) : fact, key);
    await play(world);
    expect(rolledBackTo(world)?.description).toBe('Rollback to v42');
  });
});

describe('what others did since our release', () => {
  it('to config vars goes back too, and that is said', async () => {
    const world = new World({ 42: [...crash], 44: [...SERVES] });
    rightBefore(world, 'phase', () => world.releases.push(config(43, 'new')));
    expect((await play(world)).outcome).toBe('rolled back');
    const intended = world.facts.find(fact => fact.kind === 'rollback intended');
    expect(intended).toMatchObject({ config: ['v43: Set HATS config vars'] });
    expect(replyTo(intended as Fact, world.deploy())?.message.text).toContain(
      'Set again what is still wanted: v43: Set',
    );
  });

  it('and went live before the rollback is named: it is undone', async () => {
    const world = new World({ 42: [...crash], 44: [...SERVES] });
    // It was in its release phase when the rollback was asked for, and that waited behind it.
    rightBefore(world, 'rollback intended', () => {
      world.releases.push(release(43, 'fix', { description: 'Deploy fix', by: 'jo', status: 'pending' }));
    });
    const { releaseEnded } = world.heroku;
    world.heroku.releaseEnded = async (...asked) => {
      const fix = world.releases.find(({ version }) => version === 43);
      if (fix) fix.status = 'succeeded';
      return releaseEnded(...asked);
    };
    expect((await play(world)).outcome).toBe('rolled back');
    const undone = 'v43 (Deploy fix, by jo) went live just before, and is undone by that: deploy it again.';
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining(undone) });
    const told = world.facts.flatMap(fact => replyTo(fact, world.deploy())?.message.text ?? []);
    expect(told.filter(text => text.includes(undone))).toHaveLength(1);
  });
});

describe('what people read of it', () => {
  const behind = (deploy: Deploy): Deploy => ({
    ...deploy,
    facts: deploy.facts.map(fact =>
      fact.kind === 'released' ? { ...fact, replaces: { id: 'r40', version: 40, slug: 's', commit: null } } : fact,
    ),
  });

  it('names the release that it would go to', () => {
    const waits = JSON.stringify(rootMessage(behind(deploys['old code still serving'])));
    expect(waits).toContain('back to v40');
    expect(waits).toContain('with the code of v40');
    expect(waits).not.toContain('v41');
    const done = behind(deploys.succeeded);
    expect([oldCode(done).version, wayBack(done)]).toEqual([40, { kind: 'plan', version: 40 }]);
    expect(backButton(done)).toMatchObject({ label: 'Go back to v40…', value: 'shop 40' });
  });
});
