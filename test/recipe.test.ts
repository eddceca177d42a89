import { describe, expect, it } from 'vitest';
import type { FactBody } from '../src/domain/deploy.ts';
import type { Goal, Phase } from '../src/domain/watch.ts';
import { CONFIG, crash, good, kinds, plan, play, release, unproved, World } from './recipe-world.ts';

const SUCCESS = [
  'uploaded',
  'build asked',
  'build started',
  'built',
  'release started',
  'released',
  'deploy: booting',
  'deploy: old serves',
  'deploy: mixed',
  'deploy: new serves',
  'deploy: old gone',
  'watching',
  'judged',
  'ended',
];

describe('a deploy', () => {
  it('goes from the source to the receipt, in order', async () => {
    const world = new World({ 42: [...good] });
    const { outcome } = await play(world);
    expect(outcome).toBe('succeeded');
    expect(kinds(world)).toEqual(SUCCESS);
  });

  it('makes one build whatever is killed when, and tells everything once', async () => {
    const rehearsal = new World({ 42: [...good] });
    await play(rehearsal);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: [...good] });
      const { outcome } = await play(world, [kill]);
      expect(outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.builds, `killed at ${kill}`).toHaveLength(1);
      expect(kinds(world), `killed at ${kill}`).toEqual(SUCCESS);
    }
  });

  it('says that new code serves also when old code was gone before the bot could look again', async () => {
    const world = new World({ 42: [...good.slice(0, 3), ...good.slice(4)] });
    await play(world);
    expect(kinds(world)).toEqual(SUCCESS);
  });

  it('does not begin when something else went live after the plan', async () => {
    const world = new World({});
    world.releases.push(release(42, 'else', { current: true }));
    world.releases[0] = release(41, 'old');
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.builds).toHaveLength(0);
  });

  it('that has ended is not run on by whoever finds that out later', async () => {
    const again = (): World => {
      const world = new World({ 42: [...good] });
      world.closed = true;
      const append = world.append.bind(world);
      world.append = (fact, key) => {
        append(fact, key);
        if (fact.kind === 'ended') world.closed = false;
      };
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('stopped');
    const world = again();
    expect((await play(world, [rehearsal.calls])).outcome).toBe('stopped');
    expect(world.builds).toEqual([]);
  });

  it('does not begin when a lock came while it was planned, nor go back to code whose schema is gone since', async () => {
    const locked = new World({});
    locked.notNow = { reasons: ['<@U2> has locked shop: We look at the queue.'], floor: null };
    expect((await play(locked)).outcome).toBe('stopped');
    expect(locked.facts.at(-1)).toMatchObject({ why: expect.stringMatching(/locked shop.*Nothing was begun/) });
    const back = new World({});
    back.releases.unshift(release(40, 'older'));
    back.plan = { ...plan, back: { id: 'r40', version: 40, gone: null, config: [], candidates: [] } };
    back.notNow = { reasons: [], floor: 41 };
    expect((await play(back)).outcome).toBe('stopped');
    expect(back.facts.at(-1)).toMatchObject({ why: expect.stringContaining('v40 needs the schema from before v41') });
    expect(back.releases).toHaveLength(2);
  });

  it('fails with its last lines when the build fails, and releases nothing', async () => {
    const world = new World({}, { buildFails: true });
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'build failed', lines: ['-----> Building'] }));
    expect(world.releases).toHaveLength(1);
  });

  it('keeps of a failed build what it printed, and no value of a config var', async () => {
    const secret = CONFIG.TILL.split('\n');
    const buildPrints = ['connecting to postgres://shop', ...secret, 'export API_TOKEN=abcd1234', 'it failed'];
    const world = new World({}, { buildFails: true, buildPrints });
    await play(world);
    const lines = ['-----> Building', 'connecting to [DATABASE_URL]', '[TILL]', 'export API_TOKEN=•••', 'it failed'];
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'build failed', lines }));
  });

  it('keeps no value either that a config var had before somebody changed it', async () => {
    const world = new World({}, { buildFails: true, buildPrints: ['till: the old one of it'] });
    world.configSeen = [{ name: 'TILL', value: 'the old one of it' }];
    await play(world);
    expect(JSON.stringify(world.facts)).toContain('till: [TILL]');
    expect(JSON.stringify(world.facts)).not.toContain('the old one');
  });

  it('keeps the last 20 lines, and hides of a value also what is left when its beginning is not kept', async () => {
    const secret = 'ab'.repeat(2_000);
    const pieces = [secret.slice(0, 2_000), secret.slice(2_000)];
    const after = Array.from({ length: 19 }, (_, line) => `line ${line}`);
    const world = new World({}, { buildFails: true, buildPrints: [...pieces, ...after] });
    world.configSeen = [{ name: 'PEM', value: secret }];
    await play(world);
    const lines = world.facts.flatMap(fact => (fact.kind === 'build failed' ? fact.lines : []));
    expect(lines).toEqual(['[PEM]', ...after]);
  });

  it('shows nothing of an output whose secrets nobody can tell', async () => {
    const world = new World({}, { buildFails: true, buildPrints: ['first line of it'], configLost: true });
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts).toContainEqual(
      expect.objectContaining({ kind: 'build failed', lines: [expect.stringMatching(/^Not shown: .* with 503$/)] }),
    );
  });

  it('fails when the release phase fails although the build succeeded', async () => {
    const world = new World({}, { releaseFails: true });
    expect((await play(world)).outcome).toBe('failed');
    expect(kinds(world)).toContain('release failed');
  });

  it('ends when somebody else releases other code, and does nothing more', async () => {
    const superseded: Phase = { kind: 'superseded', version: 43, by: 'jo', what: 'Deploy 1234abcd' };
    const world = new World({ 42: [...good.slice(0, 2), superseded] });
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.releases).toHaveLength(2);
  });
});

describe('going back', () => {
  const sha = (letter: string): string => letter.repeat(40);

  it.each([
    ['before the switch: what served serves on', { 42: crash }, {}, sha('a')],
    ['after it: what the deploy brought', { 42: good }, { smoke: [{ path: '/', status: [418] }] }, sha('b')],
  ])('is watched against the commit that served %s', async (_, phases, more, oldCommit) => {
    const world = new World({ 42: [...phases[42]], 43: [...good] });
    world.plan = { ...plan, autoRollback: true, ...more };
    const goals: Goal[] = [];
    const { follow } = world.watcher;
    world.watcher.follow = ask => {
      goals.push(ask.goal);
      return follow(ask);
    };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(goals.findLast(({ ours }) => ours === 43)).toMatchObject({ commit: sha('a'), oldCommit });
    expect(goals.findLast(({ ours }) => ours === 42)).toMatchObject({ commit: sha('b'), oldCommit: sha('a') });
  });
});

describe('new dynos that crash before the switch', () => {
  const back: Phase[] = good.slice(0, 4);

  it('are rolled back once, whatever is killed when, and the end waits until the rollback serves', async () => {
    const rehearsal = new World({ 42: [...crash], 43: [...back] });
    expect((await play(rehearsal)).outcome).toBe('rolled back');
    const told = kinds(rehearsal);
    expect(told.slice(told.indexOf('rollback asked'))).toEqual([
      'rollback asked',
      'rollback intended',
      'rolling back',
      'rollback released',
      'rollback: booting',
      'rollback: old serves',
      'rollback: mixed',
      'rollback: new serves',
      'ended',
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: [...crash], 43: [...back] });
      const { outcome } = await play(world, [kill]);
      expect(outcome, `killed at ${kill}`).toBe('rolled back');
      expect(
        world.releases.map(known => known.description),
        `killed at ${kill}`,
      ).toEqual(['Deploy old', 'Deploy new', 'Rollback to v41']);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('are left alone also when other code came before a going back is tried again', async () => {
    const world = new World({ 42: [...crash] });
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'rollback intended') return;
      world.killAt = world.calls + 1;
      world.releases.push(release(43, 'fix', { current: true }));
    };
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.releases.map(({ slug }) => slug)).toEqual(['old', 'new', 'fix']);
  });

  it('are left alone when somebody released other code meanwhile', async () => {
    const world = new World({ 42: [...crash] }, { stranger: true });
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.releases.filter(known => known.description.startsWith('Rollback'))).toHaveLength(0);
  });

  it('are rolled back when a person asks for it while old code still serves', async () => {
    const world = new World({ 42: good.slice(0, 2), 43: [...back] });
    world.presses = [{ after: 'old serves', kind: 'roll back' }];
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.clicks[0]?.answer).toBe('Rolling back.');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'rollback asked', by: 'U1' }));
    for (let kill = 1; kill <= world.calls; kill++) {
      const again = new World({ 42: good.slice(0, 2), 43: [...back] });
      again.presses = [{ after: 'old serves', kind: 'roll back' }];
      expect((await play(again, [kill])).outcome, `killed at ${kill}`).toBe('rolled back');
      expect(again.releases, `killed at ${kill}`).toHaveLength(3);
    }
  });
});

describe('a switchover that cannot be proved', () => {
  it('is asked of a person, whose word is recorded as such', async () => {
    const world = new World({ 42: [...unproved] });
    world.presses = [{ after: 'not proved', kind: 'it serves' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'checked', by: 'U1', what: 'new serves' }));
    expect(world.clicks[0]?.answer).toContain('you looked');
  });

  it('is asked once more when old code answers after their word', async () => {
    const again: Phase[] = [{ kind: 'mixed', corrected: true }, ...unproved.slice(-1), ...good.slice(3)];
    const world = new World({ 42: [...unproved] });
    world.presses = [{ after: 'not proved', kind: 'it serves', by: 'U1' }];
    const { follow } = world.watcher;
    const words: string[] = [];
    world.watcher.follow = ask => {
      const following = follow(ask);
      return {
        ...following,
        get watch() {
          return following.watch;
        },
        checked: user => {
          words.push(user);
          following.checked(user);
          if (words.length === 1) world.phases[42]?.splice(1, 9, ...again);
        },
      };
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(words).toEqual(['U1', 'U1']);
    expect(kinds(world).filter(kind => kind === 'checked')).toHaveLength(2);
  });

  it('ends with the word of a person for old code, whatever is killed when', async () => {
    const missing: Phase = { kind: 'not proved', missing: 'old gone', known: [] };
    const script = () => [...good.slice(0, 4), missing];
    const rehearsal = new World({ 42: script() });
    rehearsal.presses = [{ after: 'not proved', kind: 'old code is gone' }];
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: script() });
      world.presses = [{ after: 'not proved', kind: 'old code is gone' }];
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
    }
  });
});

describe('a deploy that is called off', () => {
  const OFF = { kind: 'cancel', by: 'U2' } as const;

  it.each<[string, FactBody['kind'], string[]]>([
    ['before anything is built', 'started', []],
    ['when its source is there', 'uploaded', []],
    ['while it is built', 'build started', ['failed']],
  ])('%s releases nothing, whatever is killed when', async (_, after, builds) => {
    const again = (): World => {
      const world = new World({}, { buildStays: true });
      world.presses = [{ ...OFF, after }];
      world.append({ kind: 'started', by: 'U1' }, 'started');
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('cancelled');
    expect(rehearsal.clicks[0]?.answer).toMatch(/[Nn]othing is/);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('cancelled');
      expect(
        world.builds.map(({ status }) => status),
        `killed at ${kill}`,
      ).toEqual(builds);
      expect(world.releases, `killed at ${kill}`).toHaveLength(1);
    }
  });

  it('in its release phase goes back as soon as that has ended', async () => {
    const world = new World({ 42: good.slice(0, 2), 43: good.slice(0, 4) });
    world.presses = [{ ...OFF, after: 'release started' }];
    expect((await play(world)).outcome).toBe('rolled back');
    const told = kinds(world);
    expect(told.slice(told.indexOf('cancel asked'), told.indexOf('rolling back'))).toEqual([
      ...['cancel asked', 'released', 'rollback asked', 'rollback intended'],
    ]);
    expect(world.clicks[0]?.answer).toContain('cannot stop a release phase');
  });

  it('while old code is not proved to be gone ends there, with nothing undone', async () => {
    const script = (): World => {
      const world = new World({ 42: [...good.slice(0, 4), { kind: 'not proved', missing: 'old gone', known: [] }] });
      world.presses = [{ ...OFF, after: 'not proved' }];
      return world;
    };
    const rehearsal = script();
    expect((await play(rehearsal)).outcome).toBe('not proved');
    expect(rehearsal.releases).toHaveLength(2);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      expect((await play(script(), [kill])).outcome, `killed at ${kill}`).toBe('not proved');
    }
  });

  it('in its window goes back before users see new code', async () => {
    const world = new World({ 42: good.slice(0, 2), 43: good.slice(0, 4) });
    world.presses = [{ ...OFF, after: 'old serves' }];
    expect((await play(world)).outcome).toBe('rolled back');
  });
});
