import { describe, expect, it } from 'vitest';
import { HerokuRefused, NotFound } from '../src/outside.ts';
import { replyTo } from '../views/reply.ts';
import { ADD, closedWorld, DROP, isPutBack, meddled, pending, YES } from './closed-world.ts';
import { closing } from './migrating-world.ts';
import { kinds, play, rightBefore, type World } from './recipe-world.ts';

// What stands in the way of an app that is closed for its deploy.

/** A dyno beside those of the formation. */
function withDyno(world: World, name: string, version: number, isThere = () => true): World {
  const dynos = world.dynos.bind(world);
  const [type = ''] = name.split('.');
  const job = { name, type, state: 'up', release: version, createdAt: '2026-01-01T00:00:00.000Z' };
  world.dynos = () => [...dynos(), ...(isThere() ? [job] : [])];
  return world;
}

it('an app that is closed again in the moment after it was opened is said to be, with what opens it', async () => {
  const world = closedWorld({}, []);
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    if (fact.kind === 'opened') world.closed = true;
  };
  expect((await play(world)).outcome).toBe('not proved');
  const why = `It is closed again: if nobody wants that, \`/maintenance ${world.plan.app} off\` opens it.`;
  expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining(why) });
});

describe('what contract migrations need, once it cannot be had any more', () => {
  const withoutCommit = (world: World, why: Error): World => {
    world.presses = [YES];
    const { tarball } = world.source;
    world.source.tarball = async (...asked) => {
      if (world.releases.length > 1) throw why;
      return tarball(...asked);
    };
    return world;
  };
  const NO = [new NotFound('acme/shop has no commit abc any more.'), new Error('Bad credentials')];

  it.each(NO)('does not keep an app closed without dynos: %s', async why => {
    const world = withoutCommit(closedWorld(), why);
    expect((await play(world)).outcome).toBe('stopped');
    expect(isPutBack(world)).toBe(true);
    expect(world.applied).toEqual([ADD]);
    expect(world.releases.at(-1)).toMatchObject({ slug: 'old' });
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining(why.message) });
  });

  it.each(NO)('has them held where the app is open: %s', async why => {
    const world = withoutCommit(closing(), why);
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.doors).toEqual([]);
    expect(world.facts.find(({ kind }) => kind === 'held')).toMatchObject({
      why: expect.stringContaining(why.message),
    });
  });
});

describe('a console of old code', () => {
  it('does not keep an app closed, and is named', async () => {
    const world = withDyno(closedWorld({}, []), 'run.7', 41);
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.releases.at(-1)).toMatchObject({ slug: 'new', current: true });
    expect(isPutBack(world)).toBe(true);
    const open = world.facts.find(({ kind }) => kind === 'let in');
    const said = open && replyTo(open, world.deploy())?.message.text;
    expect(said).toContain('Beside them old code still runs: run.7 (v41).');
    expect(said).not.toContain('no dyno is on an older release');
  });

  it('that would not stop has everything put back, and the app opened', async () => {
    const world = withDyno(Object.assign(closedWorld(), { presses: [YES] }), 'run.7', 40);
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.applied).toEqual([ADD]);
    expect(isPutBack(world)).toBe(true);
  });

  it('that came after everything was destroyed does not keep it closed either', async () => {
    const world = Object.assign(closedWorld(), { presses: [YES] });
    withDyno(world, 'scheduler.3', 41, () => world.applied.includes(DROP));
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD, DROP]);
    expect(kinds(world)).not.toContain('left closed');
  });
});

it('opens at once for somebody who knows that its dynos do not come up', async () => {
  const world = closedWorld();
  world.presses = [YES, { after: 'left closed', kind: 'open', by: 'U2' }];
  // One of them is neither up nor crashed.
  const dynos = world.dynos.bind(world);
  world.dynos = () => dynos().map(dyno => ({ ...dyno, state: dyno.name === 'worker.1' ? 'starting' : dyno.state }));
  let looks = 0;
  const { dynos: list } = world.heroku;
  world.heroku.dynos = async app => {
    looks += Number(kinds(world).includes('closed app answered'));
    return list(app);
  };
  await play(world);
  expect(isPutBack(world)).toBe(true);
  expect(looks).toBe(1);
});

it.each(['crashed', 'idle'])('an app whose dynos are %s is mended, also by what destroys', async state => {
  const world = Object.assign(closedWorld(), { presses: [YES] });
  const dynos = world.dynos.bind(world);
  world.dynos = () => dynos().map(dyno => (world.releases.length === 1 ? { ...dyno, state } : dyno));
  expect((await play(world)).outcome).toBe('succeeded');
  expect(world.applied).toEqual([ADD, DROP]);
});

it.each(['setMaintenance', 'scale'] as const)(
  'an app is put back though a killed bot’s call to close or stop it is carried out late (%s)',
  async call => {
    const world = Object.assign(closedWorld(), { presses: [YES] });
    const { pass } = world.time;
    const known = world.heroku[call] as (...asked: unknown[]) => Promise<void>;
    let isOnItsWay = false;
    Object.assign(world.heroku, {
      [call]: async (...asked: unknown[]) => {
        if (isOnItsWay || kinds(world).includes('cancel asked')) return known(...asked);
        // Its caller is killed, somebody calls the deploy off, and only then Heroku does it.
        isOnItsWay = true;
        world.clicks.push({ id: 'off', kind: 'cancel', by: 'U1', at: '', about: null, reason: null });
        world.time.pass = async (ms, signal) => {
          if (isOnItsWay && ms === 10_000) {
            isOnItsWay = false;
            await known(...asked);
          }
          return pass(ms, signal);
        };
        world.killAt = world.calls + 1;
        await world.touch(() => {});
      },
    });
    expect((await play(world)).outcome).toBe('cancelled');
    expect(isOnItsWay).toBe(false);
    expect(isPutBack(world)).toBe(true);
  },
);

it.each([
  ['its dynos are not stopped', 'dynos stopping', []],
  ['nothing is destroyed', 'released', ['new', 'old']],
] as const)('an app that somebody opens by hand stays open, and %s', async (_, kind, released) => {
  const world = Object.assign(closedWorld(), { presses: [YES] });
  rightBefore(world, kind, () => {
    world.closed = false;
    // And the bot dies before it has stopped anything.
    if (kind === 'dynos stopping') world.killAt = world.calls + 1;
  });
  expect((await play(world)).outcome).toBe('stopped');
  expect(world.facts.at(-1)).toMatchObject({ why: expect.stringMatching(/^Somebody opened shop /) });
  expect(world.releases.slice(1).map(({ slug }) => slug)).toEqual(released);
  expect(world.scaled.filter(to => to.includes('web=0'))).toHaveLength(kind === 'released' ? 1 : 0);
  expect(world.applied).toEqual([ADD]);
  expect(isPutBack(world)).toBe(true);
});

it('an app that somebody took back by hand while it was closed is opened as what it is', async () => {
  const worldOf = () => {
    const world = closedWorld({ breaks: '3_drop' }, [pending(DROP, 'contract'), pending('3_drop', 'contract')]);
    world.presses = [YES, { after: 'left closed', kind: 'open', by: 'U2' }];
    return meddled(world, 'left closed', [43, 'old']);
  };
  const rehearsal = worldOf();
  expect((await play(rehearsal)).outcome).toBe('superseded');
  expect(rehearsal.facts.at(-1)).toMatchObject({
    why: expect.stringMatching(/v43 .*by ci\) was released meanwhile.*3_drop\.sql failed, .*stays.*can work with it/),
  });
  const open = rehearsal.facts.find(({ kind }) => kind === 'let in');
  const said = open && replyTo(open, rehearsal.deploy())?.message.text;
  expect(said).toContain('shop is open again, with what was released meanwhile (v43)');
  expect(said).not.toContain('New code serves');
  for (let kill = 1; kill <= rehearsal.calls; kill++) {
    const world = worldOf();
    expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('superseded');
    expect(isPutBack(world), `killed at ${kill}`).toBe(true);
  }
});

describe('Heroku that says no to maintenance mode', () => {
  const refusing = (world: World): World => {
    world.heroku.setMaintenance = async () => {
      throw new HerokuRefused(403, 'forbidden', 'You do not have access to shop.');
    };
    return world;
  };

  it('ends a deploy behind a closed page, and nothing is built', async () => {
    const world = refusing(closedWorld({}, []));
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('You do not have access to shop.') });
    expect(world.builds).toEqual([]);
  });

  it('has migrations held that want the app closed, whatever is killed when', async () => {
    const rehearsal = refusing(closing());
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const held = rehearsal.facts.find(({ kind }) => kind === 'held');
    expect(held).toMatchObject({ by: null, why: 'You do not have access to shop.' });
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = refusing(closing());
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD]);
    }
  });
});
