import { describe, expect, it } from 'vitest';
import type { PendingFile } from '../src/domain/gate.ts';
import { parserReady } from '../src/domain/migration.ts';
import { digestOf, type MigrationFile } from '../src/domain/migration-file.ts';
import { good, kinds, plan, play, release, World } from './recipe-world.ts';

await parserReady();

const pending = (name: string, file: string, phase: PendingFile['phase']): PendingFile => ({
  name,
  file,
  table: 'pgmigrations',
  review: null,
  phase,
  by: 'verdict',
  noSafePhase: false,
  mixed: false,
  loosened: null,
  transaction: true,
  problem: null,
  statements: [],
});
const [ADD, DROP] = ['1_add', '2_drop'];
const given = (sql: string): MigrationFile => ({
  ...{ name: DROP, path: 'migrations/contract/2_drop.sql', table: 'pgmigrations_contract', sql },
  ...{ transaction: true, steps: [{ sql, limitMs: null }], completion: null, review: null, source: 's' },
});
const YES = { after: 'approval asked', kind: 'run them', by: 'U2', about: 'digest' } as const;

function worldWith(trouble: ConstructorParameters<typeof World>[1] = {}): World {
  const world = new World({ 42: [...good] }, trouble);
  const files = [
    pending(ADD, 'migrations/1_add.sql', 'expand'),
    pending(DROP, 'migrations/contract/2_drop.sql', 'contract'),
  ];
  const place = {
    dir: 'migrations',
    contractDir: 'migrations/contract',
    table: 'pgmigrations',
    contractTable: 'pgmigrations_contract',
  };
  world.plan = {
    ...plan,
    migrations: { place, files, digests: { expand: 'other', contract: 'digest' }, maintenance: false, sharedWith: [] },
    soakSeconds: 300,
  };
  return world;
}

describe('migrations around a deploy', () => {
  it('add before anything is released, and destroy after a second person said yes, once, whatever is killed when', async () => {
    const rehearsal = worldWith();
    rehearsal.presses = [YES];
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(0, 4)).toEqual(['migrating', 'migrated', 'schema changed', 'uploaded']);
    expect(told.slice(told.indexOf('deploy: old gone'))).toEqual([
      'deploy: old gone',
      'soaking',
      'judged',
      'approval asked',
      'approved',
      'migrating',
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
      ...['migrated', 'schema changed', 'watching', 'ended'],
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
  const closing = (trouble: ConstructorParameters<typeof World>[1] = {}): World => {
    const world = worldWith(trouble);
    const { migrations } = world.plan;
    if (!migrations) throw new Error('no migrations');
    const more = pending('3_drop', 'migrations/contract/3_drop.sql', 'contract');
    world.plan = {
      ...world.plan,
      migrations: { ...migrations, maintenance: true, files: [...migrations.files, more] },
    };
    world.presses = [YES];
    return world;
  };

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
