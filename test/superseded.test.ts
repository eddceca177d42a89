import { describe, expect, it } from 'vitest';
import type { Fact } from '../src/domain/deploy.ts';
import type { PendingFile } from '../src/domain/gate.ts';
import type { Phase, SeenRelease } from '../src/domain/watch.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { good, kinds, plan, play, release, rightBefore, World } from './recipe-world.ts';
import { deployOf, deploys, phase } from './sample-deploys.ts';

// Our code serves, and somebody else releases other code before the deploy has come to its end.

const AT = Date.parse('2026-01-01T00:03:00.000Z');
const SERVED = Date.parse('2026-01-01T00:02:00.000Z');
const theirs: Phase = { kind: 'superseded', version: 43, by: 'jo@example.com', what: 'Deploy 1234567', at: AT };
const reached = good.map(phase => (phase.kind === 'new serves' ? { ...phase, at: SERVED } : phase));
const WENT = 'v42 went live at 1 Jan 00:02:00 UTC. jo@example.com released v43 (Deploy 1234567) at 1 Jan 00:03:00 UTC';

const drop: PendingFile = {
  ...{ name: '2_drop', file: 'migrations/contract/2_drop.sql', table: 'pgmigrations_contract', phase: 'contract' },
  ...{ review: null, by: 'verdict', noSafePhase: false, mixed: false, loosened: null, transaction: true },
  ...{ problem: null, statements: [] },
};
const place = { dir: 'm', contractDir: 'm/contract', table: 'pgmigrations', contractTable: 'pgmigrations_contract' };
const digests = { expand: 'other', contract: 'digest' };
const withContract = {
  ...plan,
  migrations: { place, files: [drop], digests, maintenance: false, sharedWith: [] },
  soakSeconds: 900,
};

const end = (world: World) => world.facts.at(-1);

/** Others release it right after that fact, and only the list of releases says so. */
function released(after: Fact['kind'], world: World): World {
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    if (fact.kind !== after || world.releases.some(({ version }) => version === 43)) return;
    for (const known of world.releases) known.current = false;
    const updatedAt = new Date(AT).toISOString();
    const what = { by: 'jo@example.com', description: 'Deploy 1234567', updatedAt };
    world.releases.push(release(43, 'theirs', { current: true, ...what }));
  };
  return world;
}

describe('a deploy whose new code serves', () => {
  it.each([
    ['is only watched', plan, 'Watch new code', ''],
    ['soaks', withContract, 'Soak', ' Its contract migrations were not run.'],
  ])(
    'ends as superseded as soon as other code is released while it %s, whatever is killed when',
    async (_, its, stage, rest) => {
      const worldOf = () => {
        const world = new World({ 42: [...reached, theirs] });
        world.plan = its;
        return world;
      };
      const rehearsal = worldOf();
      const { outcome, stages } = await play(rehearsal);
      expect([outcome, stages.at(-1)]).toEqual(['superseded', stage]);
      for (let kill = 1; kill <= rehearsal.calls; kill++) {
        const world = worldOf();
        expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('superseded');
        expect(kinds(world), `killed at ${kill}`).toEqual(kinds(rehearsal));
        expect(end(world)).toMatchObject({
          why: `${WENT}, so it was not watched to the end.${rest} This deploy does nothing more.`,
        });
      }
    },
  );

  it.each([
    ['the watching', 'watching', plan],
    ['the soaking', 'soaking', withContract],
    ['the verdict', 'judged', plan],
  ] as const)('looks once more before it says that it succeeded: released during %s', async (_, after, its) => {
    const world = released(after, new World({ 42: [...reached] }));
    world.plan = its;
    world.patient = false;
    expect((await play(world)).outcome).toBe('superseded');
    expect(end(world)).toMatchObject({ why: expect.stringContaining(`${WENT}, which takes its place.`) });
    expect(kinds(world)).not.toContain('held');
  });

  it.each([
    ['has seen it', { superseded: { version: 43 } as SeenRelease, asks: { dynos: false, releases: false } }],
    ['has still to read it', { superseded: null, asks: { dynos: false, releases: true } }],
  ])('is not said to run once other code came while its card waited, and the watch %s', async (_, seen) => {
    const world = released('approval asked', new World({ 42: [...reached] }));
    world.plan = { ...withContract, soakSeconds: 1 };
    world.presses = [{ after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Not now.' }];
    Object.assign(world.met.seen, { logOpen: true, logFrom: 0, ...seen });
    expect((await play(world)).outcome).toBe('superseded');
    expect(end(world)).toMatchObject({ why: expect.stringContaining(`${WENT}, which takes its place.`) });
  });

  it('is said to run where it is live again by then', async () => {
    const world = released('approval asked', new World({ 42: [...reached] }));
    world.plan = { ...withContract, soakSeconds: 1 };
    world.presses = [{ after: 'approval asked', kind: 'hold', by: 'U2', reason: 'Not now.' }];
    rightBefore(world, 'held', () => {
      for (const known of world.releases) known.current = false;
      world.releases.push(release(44, 'new', { current: true }));
    });
    Object.assign(world.met.seen, { logOpen: true, logFrom: 0, superseded: { version: 43 } as SeenRelease });
    expect((await play(world)).outcome).toBe('succeeded');
  });

  it('says that nothing of theirs was undone, and that contract migrations had run', async () => {
    const world = released('schema changed', new World({ 42: [...reached] }));
    world.plan = withContract;
    world.patient = false;
    world.presses = [{ after: 'approval asked', kind: 'run them', by: 'U2', about: 'digest' }];
    expect((await play(world)).outcome).toBe('superseded');
    expect(end(world)).toMatchObject({ why: expect.stringContaining('Its contract migrations had run by then.') });
  });
});

describe('the thread', () => {
  it('says when ours went live, when theirs was released, and that it was not watched to the end', () => {
    const facts = deploys['old code gone'].facts.map(({ seq, at, ...fact }) => [seq, fact]) as never;
    const deploy = deployOf([...facts, [400, phase('deploy', 42, theirs)]]);
    const fact = deploy.facts.at(-1) as Fact;
    const told = JSON.stringify(replyTo(fact, deploy)?.message);
    expect(told).toMatch(
      /v42 went live at <!date.*released v43 \(Deploy 1234567\) at <!date.*so it was not watched to the end/,
    );
    expect(told).not.toContain('while v42 was switching over');
    expect(JSON.stringify(rootMessage(deploy))).not.toContain('plan-back');
  });
});
