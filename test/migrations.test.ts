import { describe, expect, it } from 'vitest';
import { parserReady } from '../src/domain/migration.ts';
import { digestOf, type MigrationFile } from '../src/domain/migration-file.ts';
import type { Blocker } from '../src/outside.ts';
import { ADD, closing, DROP, pending, worldWith, YES } from './migrating-world.ts';
import { good, kinds, plan, play, release, type World } from './recipe-world.ts';

await parserReady();

const given = (sql: string): MigrationFile => ({
  ...{ name: DROP, path: 'migrations/contract/2_drop.sql', table: 'pgmigrations_contract', sql },
  ...{ transaction: true, steps: [{ sql, limitMs: null }], completion: null, review: null, source: 's' },
});
describe('migrations around a deploy', () => {
  it('add before anything is released, and destroy after a second person said yes, once, whatever is killed when', async () => {
    const rehearsal = worldWith();
    rehearsal.presses = [YES];
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(0, 5)).toEqual(['migrating', 'migration begins', 'migrated', 'schema changed', 'uploaded']);
    expect(told.slice(told.indexOf('deploy: old gone'))).toEqual([
      'deploy: old gone',
      'soaking',
      'judged',
      'approval asked',
      'approved',
      'migrating',
      'migration begins',
      'migrated',
      'schema changed',
      'watching',
      'ended',
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = worldWith();
      world.presses = [YES];
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('begin only while the deploy is ours, each of them', async () => {
    const world = worldWith();
    const { migrations } = world.plan;
    if (!migrations) throw new Error('it has some');
    const more = pending('3_add', 'migrations/3_add.sql', 'expand');
    world.plan = { ...world.plan, migrations: { ...migrations, files: [...migrations.files, more] } };
    const claim = async () => {
      if (world.applied.includes(ADD)) throw new Error('Another process has it');
    };
    await expect(play(world, [], undefined, claim)).rejects.toThrow('Another process has it');
    expect(world.applied).toEqual([ADD]);
    expect(kinds(world)).toEqual(['migrating', 'migration begins']);
  });

  it('that fail before the release leave old code as it is', async () => {
    const world = worldWith({ breaks: ADD });
    expect((await play(world)).outcome).toBe('failed');
    expect(world.builds).toHaveLength(0);
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('Nothing of it stays.') });
  });

  it('whose files are named like people mention nobody at their end', async () => {
    const [named, shown] = ['migrations/1_<@U0999ZZZZ>.sql', 'migrations/1_‹@U0999ZZZZ>.sql failed'];
    for (const name of [ADD, DROP]) {
      const world = worldWith({ breaks: name });
      const migrations = world.plan.migrations;
      if (!migrations) throw new Error('it has some');
      const files = migrations.files.map(file => (file.name === name ? { ...file, file: named } : file));
      world.plan = { ...world.plan, migrations: { ...migrations, files } };
      world.presses = [YES];
      await play(world);
      const ended = world.facts.findLast(({ kind }) => kind === 'ended');
      expect(ended).toMatchObject({ why: expect.stringContaining(shown) });
      expect(ended).toMatchObject({ why: expect.not.stringContaining('<@') });
    }
  });

  it('that changed since the plan was made are not run', async () => {
    const world = worldWith({ changed: true });
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.applied).toEqual([]);
  });

  it('that give other SQL when their turn comes are asked anew, and only what was shown last is run', async () => {
    const again = () => {
      const world = worldWith({ gives: given('DROP TABLE wigs;') });
      const digest = digestOf(plan.commit.sha, [given('DROP TABLE wigs;')]);
      world.presses = [YES, { ...YES, after: 'migrations changed', about: digest }];
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(told.indexOf('approved'))).toEqual([
      ...['approved', 'migrating', 'migrations changed', 'approval asked', 'approved'],
      ...['migration begins', 'migrated', 'schema changed', 'watching', 'ended'],
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP]);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('that give other SQL, and nobody says yes to that, are not run', async () => {
    const world = worldWith({ gives: given('DROP TABLE wigs;') });
    world.presses = [YES, { after: 'migrations changed', kind: 'hold', by: 'U2', reason: 'Not that one.' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(kinds(world).slice(-3)).toEqual(['approval asked', 'held', 'ended']);
  });

  it('are kept without what a config var held before, and so is why they failed', async () => {
    const asked = worldWith({ gives: given('DROP TABLE wigs;') });
    asked.presses = [YES, { after: 'migrations changed', kind: 'hold', by: 'U2', reason: 'Not that one.' }];
    const failing = worldWith({ breaks: DROP });
    failing.presses = [YES];
    for (const world of [asked, failing]) {
      world.configSeen = [
        { name: 'OLD_KEY', value: 'wigs' },
        { name: 'OLD', value: 'no such column' },
      ];
      await play(world);
      const facts = JSON.stringify(world.facts);
      expect(facts).not.toMatch(/wigs|no such column/);
      expect(facts).toMatch(/\[OLD(_KEY)?\]/);
    }
  });

  it('that fail at the end say that new code serves all the same', async () => {
    const world = worldWith({ breaks: DROP });
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('unfinished');
    expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('shop runs the new code') });
    expect(world.applied).toEqual([ADD]);
  });
});

describe('an approval', () => {
  it('counts only for what was shown', async () => {
    const world = worldWith();
    world.presses = [{ ...YES, about: 'other' }, YES];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.clicks.map(({ answer }) => answer)).toEqual([
      expect.stringContaining('not the newest one'),
      expect.stringContaining('Approved'),
    ]);
  });

  it('wants to hear that the owners of other apps on the same database know', async () => {
    const world = worldWith();
    const { migrations } = world.plan;
    if (!migrations) throw new Error('no migrations');
    world.plan = { ...world.plan, migrations: { ...migrations, sharedWith: ['reports'] } };
    world.presses = [YES, { ...YES, reason: 'agree' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.clicks.map(({ answer }) => answer)).toEqual([
      expect.stringContaining('other apps use the same database'),
      expect.stringContaining('Approved'),
    ]);
  });

  it('is not taken while new code is not well', async () => {
    const world = worldWith({ ill: true });
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(world.facts).toContainEqual(
      expect.objectContaining({ kind: 'held', by: null, why: expect.stringContaining('web.1 is crashed') }),
    );
  });

  it('may be refused with a reason, and the deploy ends well without', async () => {
    const world = worldWith();
    world.presses = [{ after: 'approval asked', kind: 'hold', by: 'U2', reason: 'The report still reads it.' }];
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD]);
    expect(world.facts).toContainEqual(
      expect.objectContaining({ kind: 'held', by: 'U2', why: 'The report still reads it.' }),
    );
  });

  it('that comes as its time runs out is either taken or not, and told so', async () => {
    const world = worldWith();
    world.patient = false;
    world.presses = [YES];
    expect((await play(world)).outcome).toBe('succeeded');
    const approved = kinds(world).includes('approved');
    expect(kinds(world).filter(kind => kind === 'approved' || kind === 'held')).toHaveLength(1);
    expect(world.applied).toEqual(approved ? [ADD, DROP] : [ADD]);
    expect(world.clicks[0]?.answer ?? 'Too late').toMatch(approved ? /Approved/ : /Too late/);
  });

  it('that nobody gives is asked once more, then held', async () => {
    const world = worldWith();
    world.patient = false;
    expect((await play(world)).outcome).toBe('succeeded');
    expect(kinds(world).slice(-4)).toEqual(['approval asked', 'approval reminded', 'held', 'ended']);
    expect(world.applied).toEqual([ADD]);
  });
});

describe('an app that is closed while its schema changes', () => {
  it('is opened again, whatever is killed when', async () => {
    const rehearsal = closing();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(rehearsal.doors).toEqual(['closed', 'open']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = closing();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.closed, `killed at ${kill}`).toBe(false);
      expect(world.applied, `killed at ${kill}`).toEqual([ADD, DROP, '3_drop']);
    }
  });

  it.each([
    ['other code is live', 'superseded'],
    ['a dyno of old code is there', 'succeeded'],
    ['new code is not well', 'rolled back'],
  ] as const)('is opened when the bot was killed right after it was closed, and %s', async (what, ends) => {
    const world = closing();
    world.phases[43] = [...good];
    const { setMaintenance } = world.heroku;
    const dynos = world.dynos.bind(world);
    let killed = false;
    world.heroku.setMaintenance = async (...ask) => {
      await setMaintenance(...ask);
      if (killed) return;
      killed = true;
      world.killAt = world.calls + 1;
      if (what === 'other code is live') {
        for (const known of world.releases) known.current = false;
        world.releases.push(release(43, 'else', { by: 'ci', current: true }));
      } else if (what === 'a dyno of old code is there') {
        world.dynos = () => [...dynos(), { name: 'run.7', type: 'run', state: 'up', release: 41, createdAt: '' }];
      } else {
        world.presses = [{ after: 'opened', kind: 'roll back', by: 'U2' }];
        world.append({ kind: 'not well', complaints: [{ now: '31 requests failed', against: '' }], backIn: 30 }, 'ill');
      }
    };
    expect((await play(world)).outcome).toBe(ends);
    expect({ closed: world.closed, doors: world.doors }).toEqual({ closed: false, doors: ['closed', 'open'] });
    expect(world.applied).toEqual([ADD]);
  });

  it('is closed anew, and opened, when it was kept after that; what a person closes meanwhile stays so', async () => {
    const world = closing();
    const { setMaintenance } = world.heroku;
    let killed = false;
    world.heroku.setMaintenance = async (...ask) => {
      await setMaintenance(...ask);
      if (killed) return;
      killed = true;
      world.killAt = world.calls + 1;
      world.presses = [{ after: 'opened', kind: 'keep it', by: 'U2' }];
      world.append({ kind: 'not well', complaints: [{ now: '31 requests failed', against: '' }], backIn: 30 }, 'ill');
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.doors).toEqual(['closed', 'open', 'closed', 'open']);
    expect(world.applied).toEqual([ADD, DROP, '3_drop']);
    expect(kinds(world).filter(kind => kind === 'closing' || kind === 'opened')).toEqual([
      ...['closing', 'opened', 'closing', 'opened'],
    ]);
  });

  it('stays closed when a person had closed it', async () => {
    const world = closing();
    const told = world.append.bind(world);
    world.append = (fact, key) => {
      if (fact.kind === 'approval asked') world.closed = true;
      told(fact, key);
    };
    expect((await play(world)).outcome).toBe('succeeded');
    expect({ closed: world.closed, doors: world.doors }).toEqual({ closed: true, doors: [] });
  });

  it('destroys nothing when other code went live after the yes', async () => {
    const world = worldWith();
    world.presses = [YES];
    const append = world.append.bind(world);
    world.append = (fact, key) => {
      append(fact, key);
      if (fact.kind !== 'approved') return;
      for (const known of world.releases) known.current = false;
      world.releases.push(release(43, 'fix', { current: true }));
    };
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.applied).toEqual([ADD]);
  });

  it('is opened when the first file failed and was rolled back: nothing has changed', async () => {
    const world = closing({ breaks: DROP });
    expect((await play(world)).outcome).toBe('unfinished');
    expect(world.doors).toEqual(['closed', 'open']);
  });

  it('stays closed when the change is half done, until somebody opens it or has it tried again', async () => {
    const opened = closing({ breaks: '3_drop' });
    opened.presses = [YES, { after: 'left closed', kind: 'open', by: 'U2' }];
    expect((await play(opened)).outcome).toBe('unfinished');
    expect(opened.doors).toEqual(['closed', 'open']);
    expect(opened.facts.at(-1)).toMatchObject({ why: expect.stringContaining('had been applied before, and stay') });

    const again = () => {
      const world = closing({ breaks: '3_drop' });
      world.presses = [YES, { after: 'left closed', kind: 'try again', by: 'U1' }];
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    expect(rehearsal.applied).toEqual([ADD, DROP, '3_drop']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.closed, `killed at ${kill}`).toBe(false);
    }
  });
});

describe('what an earlier run began and goes on in the database', () => {
  const [OURS, THEIRS] = ['switchover migrations', 'a laptop'].map(application => ({
    ...{ pid: 7, application, state: 'active', ageMs: 70_000 },
  })) as [Blocker, Blocker];

  /** The first three times somebody has the lock for longer than is waited for. */
  function busyWith(holder: Blocker): World {
    const world = worldWith();
    const { run } = world.migrator;
    let asked = 0;
    world.migrator.run = async ask => {
      if (++asked > 3) return run(ask);
      await ask.onProgress({ kind: 'waits for the lock', holders: [holder] });
      return { kind: 'busy', holders: [holder] };
    };
    return world;
  }

  it.each(['expand', 'contract'] as const)('is waited for (%s), however long it takes', async direction => {
    const world = direction === 'expand' ? busyWith(OURS) : worldWith();
    world.presses = [YES];
    if (direction === 'contract') {
      const { run } = world.migrator;
      let asked = 0;
      world.migrator.run = async ask =>
        ask.digest === 'other' || ++asked > 3 ? run(ask) : { kind: 'busy', holders: [OURS] };
    }
    const append = world.append.bind(world);
    if (direction === 'expand') world.append({ kind: 'migrating', direction }, `migrating ${direction}`);
    else {
      world.append = (fact, key) => {
        append(fact, key);
        if (fact.kind === 'approved') append({ kind: 'migrating', direction }, `migrating ${direction}`);
      };
    }
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.applied).toEqual([ADD, DROP]);
    expect(kinds(world)).not.toContain('migration failed');
    if (direction === 'expand') {
      expect(world.facts).toContainEqual(
        expect.objectContaining({
          kind: 'migration waits',
          why: expect.stringContaining('an earlier run'),
          blockers: [],
        }),
      );
    }
  });

  it.each(['refused', 'busy', 'changed'] as const)(
    'is not taken for undone while nobody can look (%s): that is tried again, and the app stays closed',
    async kind => {
      const world = closing();
      const { run } = world.migrator;
      const append = world.append.bind(world);
      let away = false;
      // Right after the second began, the bot dies, and the database is away when the next one looks.
      world.append = (fact, key) => {
        append(fact, key);
        if (away || fact.kind !== 'migration begins' || fact.file !== 'migrations/contract/3_drop.sql') return;
        away = true;
        world.killAt = world.calls + 1;
      };
      let asked = 0;
      world.migrator.run = async ask => {
        if (!away || ++asked > 1) return run(ask);
        if (kind === 'busy') return { kind, holders: [THEIRS] };
        return kind === 'refused' ? { kind, reason: 'It cannot be reached.' } : { kind, problems: ['It is another.'] };
      };
      const troubles: unknown[] = [];
      const { outcome } = await play(world, [], error => {
        troubles.push(error);
        expect(world.closed).toBe(true);
      });
      expect(outcome).toBe('succeeded');
      expect(troubles).toHaveLength(1);
      expect(String(troubles[0])).toMatch(/Whether .*2_drop.sql, .*3_drop.sql ran is not known/);
      expect(kinds(world)).not.toContain('migration failed');
      expect(world.applied).toEqual([ADD, DROP, '3_drop']);
      expect(world.closed).toBe(false);
    },
  );

  it('is not taken for what somebody else does, nor for what another deploy of ours does', async () => {
    for (const holder of [OURS, THEIRS]) {
      const world = busyWith(holder);
      if (holder === THEIRS) world.append({ kind: 'migrating', direction: 'expand' }, 'migrating expand');
      expect((await play(world)).outcome).toBe('failed');
      expect(world.facts.at(-1)).toMatchObject({ why: expect.stringContaining('Nothing of it was run') });
      expect(JSON.stringify(world.facts)).toContain(`Somebody else migrates this database: ${holder.application}`);
    }
  });
});
