import { describe, expect, it } from 'vitest';
import { HerokuRefused } from '../src/outside.ts';
import { crash, good, kinds, plan, play, release, World } from './recipe-world.ts';

// What was asked to make a release goes on by itself, whatever becomes of us, of our token, or of others' releases.

const no = async (): Promise<never> => {
  throw new HerokuRefused(401, 'unauthorized', 'Heroku refused it: Invalid credentials provided.');
};
const back = { id: 'r40', version: 40, gone: null, config: [], candidates: [] };
const SERVES = good.slice(3);

describe('a no of Heroku', () => {
  it('to a look at a build that was begun ends nothing', async () => {
    const world = new World({});
    world.heroku.buildEnded = no;
    await expect(play(world)).rejects.toThrow('Invalid credentials');
    expect(kinds(world)).toContain('build asked');
    expect(kinds(world)).not.toContain('ended');
  });

  it('to the build itself ends the deploy: there is none', async () => {
    const world = new World({});
    world.heroku.startBuild = no;
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('Nothing was released') });
  });

  it('to a look at what going back may have made ends nothing, and to going back itself the deploy', async () => {
    const [looked, asked] = [new World({}), new World({})];
    for (const world of [looked, asked]) world.plan = { ...plan, back };
    const { releases } = looked.heroku;
    looked.heroku.releases = async (app, most) => (kinds(looked).includes('going back') ? no() : releases(app, most));
    await expect(play(looked)).rejects.toThrow('Invalid credentials');
    expect(kinds(looked)).not.toContain('ended');
    asked.heroku.rollBack = no;
    expect((await play(asked)).outcome).toBe('failed');
  });
});

describe('Cancel', () => {
  it('of going back ends nothing that Heroku has made by then: it is undone', async () => {
    for (let kill = 1, calls = 30; kill <= calls; kill++) {
      const world = new World({ 42: [...SERVES], 43: [...SERVES] });
      world.plan = { ...plan, back };
      world.presses = [{ after: 'going back', kind: 'cancel', by: 'U1' }];
      const { outcome } = await play(world, [kill]);
      const made = world.releases.map(({ description }) => description).slice(1);
      expect([outcome, made], `killed at ${kill}`).toEqual(
        made.length === 0 ? ['cancelled', []] : ['rolled back', ['Rollback to v40', 'Rollback to v41']],
      );
      calls = world.calls;
    }
  });
});

describe('what others release', () => {
  it.each(['succeeded', 'pending'] as const)(
    'and is %s after the turn was taken is not undone by going back',
    async status => {
      const world = new World({});
      world.plan = { ...plan, back };
      const { releases } = world.heroku;
      let asked = 0;
      world.heroku.releases = async (app, most) => {
        // Once the turn was taken by what was live then.
        if (++asked === 2) world.releases.push(release(42, 'fix', { by: 'jo', status }));
        return releases(app, most);
      };
      expect((await play(world)).outcome).toBe('stopped');
      expect(world.facts.at(-1)).toMatchObject({ why: expect.stringMatching(/^jo released v42 .* would undo that/) });
      expect(world.releases).toHaveLength(2);
    },
  );

  it.each(['failed', 'pending'] as const)('and is %s does not keep bad code from being taken back', async status => {
    const world = new World({ 42: [...crash], 44: [...SERVES] });
    const { releaseEnded } = world.heroku;
    world.heroku.releaseEnded = async (...asked) => {
      const ended = await releaseEnded(...asked);
      if (world.releases.length === 2) world.releases.push(release(43, 'theirs', { by: 'jo@example.com', status }));
      return ended;
    };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.releases.at(-1)).toMatchObject({ version: 44, description: 'Rollback to v41' });
  });
});
