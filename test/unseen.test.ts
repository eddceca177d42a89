import { describe, expect, it } from 'vitest';
import type { Heroku } from '../src/outside.ts';
import { closedWorld, DROP, isPutBack, YES } from './closed-world.ts';
import { crash, good, kinds, play, World } from './recipe-world.ts';

// What Heroku was asked for, and never says to have ended; and a release that nobody could answer visitors with.

/** The one of which this fact tells stays pending, and 0.1 s of the time in which it may are left; a database's clock knows fractions. */
function neverEnds(world: World, since: 'release started' | 'rolling back' = 'release started'): World {
  const { releaseEnded } = world.heroku;
  const stays: Heroku['releaseEnded'] = (...ask) => {
    const begun = world.facts.find(({ kind }) => kind === since);
    if (!begun) return releaseEnded(...ask);
    const [, , , signal] = ask;
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const { now } = world.time;
  world.time.now = () => {
    const begun = world.facts.find(({ kind }) => kind === since);
    return begun ? Date.parse(begun.at) + 75 * 60_000 - 100.5 : now();
  };
  world.heroku.releaseEnded = stays;
  return world;
}

describe('a release that stays pending', () => {
  it('is told after longer than it may take, and is waited for as long as nobody calls it off', async () => {
    const world = neverEnds(new World({}));
    await expect(play(world)).rejects.toThrow('Heroku has called v42 pending for 75 minutes');
    expect(kinds(world)).not.toContain('ended');
    expect(world.releases).toHaveLength(2);
  });

  it('ends as not proved where it was called off, before or after that', async () => {
    const world = neverEnds(new World({}));
    world.presses = [{ after: 'release started', kind: 'cancel', by: 'U1' }];
    expect((await play(world)).outcome).toBe('not proved');
    expect(world.facts.at(-1)).toMatchObject({
      why: expect.stringMatching(/called off .*pending for 75 minutes.*heroku releases -a shop/),
    });
  });

  it('does not keep an app closed that somebody called off', async () => {
    const world = neverEnds(closedWorld({}, []));
    world.presses = [{ after: 'release started', kind: 'cancel', by: 'U1' }];
    expect((await play(world)).outcome).toBe('not proved');
    expect(isPutBack(world)).toBe(true);
  });

  it('and is the way back is told as one that failed', async () => {
    const world = neverEnds(new World({ 42: [...crash] }), 'rolling back');
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts.at(-1)).toMatchObject({
      why: expect.stringMatching(/Going back failed: the release phase of v43 does not end\. .*Act now by hand/),
    });
  });
});

describe('a release without the process type web', () => {
  /** The build takes it away. */
  function losesWeb(world: World): World {
    const { startBuild, rollBack } = world.heroku;
    const { formation } = world;
    world.heroku.startBuild = (...ask) => {
      world.formation = world.formation.filter(({ type }) => type !== 'web');
      return startBuild(...ask);
    };
    world.heroku.rollBack = (...ask) => {
      world.formation = formation;
      return rollBack(...ask);
    };
    return world;
  }

  it('goes back while old code still serves', async () => {
    const world = losesWeb(new World({ 43: good.slice(3) }));
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.facts.find(({ kind }) => kind === 'rollback asked')).toMatchObject({
      by: null,
      why: 'v42 has no process type `web`',
    });
  });

  it('goes back before anything is destroyed behind a closed page', async () => {
    const world = losesWeb(closedWorld());
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.applied).not.toContain(DROP);
    expect(isPutBack(world)).toBe(true);
  });
});
