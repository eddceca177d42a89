import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigrator } from '../src/adapters/migrator.ts';
import type { MigrationProgress } from '../src/domain/migration-outcome.ts';
import { commitOf } from './commits.ts';
import { type MigrationRig, PLACE, readPending, runAll, startMigrationRig } from './migrator-rig.ts';

let rig: MigrationRig;

beforeAll(async () => {
  rig = await startMigrationRig();
});
afterAll(() => rig?.stop());

const applied = { kind: 'applied', ms: expect.any(Number) };
const HATS = { 'migrations/1_hats.sql': 'CREATE TABLE hats (id int);\nINSERT INTO hats VALUES (1), (1);' };

async function withHats(): Promise<{ url: string; client: pg.Client }> {
  const url = await rig.database();
  await runAll(rig.migrator, url, HATS);
  return { url, client: await rig.connect(url) };
}

describe('migrations that are run', () => {
  it('are recorded, each in the table of its folder, whatever they are written in', async () => {
    const url = await rig.database();
    const files = {
      ...HATS,
      'migrations/2_caps.ts': `import type { MigrationBuilder } from 'node-pg-migrate';
        export const up = (pgm: MigrationBuilder): void => { pgm.createTable('caps', { id: 'id' }); };`,
      'migrations/3_index.sql': '-- no-transaction\nCREATE INDEX CONCURRENTLY hats_id ON hats (id);',
      'migrations/4_pair.up.sql': 'ALTER TABLE hats ADD size int;',
      'migrations/4_pair.down.sql': 'ALTER TABLE hats DROP size;',
      'migrations/contract/1_no_caps.sql': 'DROP TABLE caps;',
    };
    const { outcomes, progress } = await runAll(rig.migrator, url, files);
    const names = ['1_hats', '2_caps', '3_index', '4_pair', '1_no_caps'];
    expect(outcomes).toEqual(Object.fromEntries(names.map(name => [name, applied])));
    expect(progress.slice(0, 3)).toEqual([
      { kind: 'begins', name: '1_hats', statements: 2 },
      { kind: 'statement', name: '1_hats', statement: 1 },
      { kind: 'statement', name: '1_hats', statement: 2 },
    ]);
    expect(await rig.migrator.applied(url, PLACE)).toEqual({
      pgmigrations: ['1_hats', '2_caps', '3_index', '4_pair'],
      pgmigrations_contract: ['1_no_caps'],
    });
    expect((await readPending(rig.migrator, url, files)).files).toEqual([]);
  });

  it('stop at the first that fails, which leaves nothing; asked again, they go on from there', async () => {
    const url = await rig.database();
    const files = {
      ...HATS,
      'migrations/2_fails.sql': 'CREATE TABLE caps (id int);\nSELECT 1 / 0;',
      'migrations/3_after.sql': 'CREATE TABLE gloves ()',
    };
    const read = await readPending(rig.migrator, url, files);
    const { outcomes } = await runAll(rig.migrator, url, files, { read });
    expect(outcomes).toEqual({
      '1_hats': applied,
      '2_fails': { kind: 'rolled back', error: 'division by zero (22012)', code: '22012', statement: 2, blockers: [] },
      '3_after': { kind: 'not begun' },
    });
    const client = await rig.connect(url);
    expect((await client.query(`SELECT to_regclass('caps') AS caps`)).rows).toEqual([{ caps: null }]);
    expect((await runAll(rig.migrator, url, files, { read })).outcomes).toMatchObject({
      '1_hats': { kind: 'already applied' },
      '2_fails': { kind: 'rolled back' },
    });
  });

  it('are the statements that were shown, and nothing runs when the commit gives others', async () => {
    const url = await rig.database();
    const read = await readPending(rig.migrator, url, HATS);
    const tarball = await commitOf({ 'migrations/1_hats.sql': 'CREATE TABLE hats (id bigint);' });
    const { run } = await runAll(rig.migrator, url, HATS, { read: { ...read, tarball } });
    expect(run).toEqual({ kind: 'changed', problems: [expect.stringContaining('is not what was shown')] });
    expect(await rig.migrator.applied(url, PLACE)).toEqual({ pgmigrations: [], pgmigrations_contract: [] });
  });

  it.each([
    ["pgm.db.query('COMMIT')", '`COMMIT`'],
    ["pgm.db.query({ text: '/* x */ end; SELECT 1' })", '`end`'],
    ["pgm.db.query('SELECT 1; ROLLBACK')", '`ROLLBACK`'],
    ["pgm.db.select('COMMIT')", '`COMMIT`'],
    ["pgm.sql('COMMIT')", '`COMMIT`'],
  ])('end no transaction that a program could not be taken back from: %s', async (word, said) => {
    const { url, client } = await withHats();
    const program = `export const up = async pgm => {
      await pgm.db.query('SAVEPOINT a');
      await pgm.db.query('DROP TABLE hats');
      await ${word};
      pgm.sql('SELECT 1 / 0');
    };`;
    const { outcomes } = await runAll(rig.migrator, url, { ...HATS, 'migrations/2_ask.js': program });
    expect(outcomes['2_ask']).toMatchObject({
      kind: 'rolled back',
      error: expect.stringContaining(`${said} is not for`),
    });
    expect((await client.query('SELECT count(*)::int AS hats FROM hats')).rows).toEqual([{ hats: 2 }]);
  });

  it('take back what a program asked of the database itself, when it fails later', async () => {
    const { url, client } = await withHats();
    const program = (last: string) => ({
      ...HATS,
      'migrations/2_ask.js': `export const up = async pgm => {
        await pgm.db.query('INSERT INTO hats VALUES (7)');
        const { rows } = await pgm.db.query('SELECT count(*) AS hats FROM hats');
        pgm.sql('CREATE TABLE counted AS SELECT ' + rows[0].hats + ' AS hats');
        pgm.sql('${last}');
      };`,
    });
    const hats = async () => (await client.query('SELECT count(*)::int AS hats FROM hats')).rows;
    expect((await runAll(rig.migrator, url, program('SELECT 1 / 0'))).outcomes['2_ask']).toMatchObject({
      kind: 'rolled back',
      error: 'division by zero (22012)',
    });
    expect(await hats()).toEqual([{ hats: 2 }]);
    expect((await runAll(rig.migrator, url, program('SELECT 1'))).outcomes['2_ask']).toEqual(applied);
    expect(await hats()).toEqual([{ hats: 3 }]);
    expect((await client.query('SELECT * FROM counted')).rows).toEqual([{ hats: 3 }]);
  });

  it('do not hand their settings to the next', async () => {
    const { url, client } = await withHats();
    const { outcomes } = await runAll(rig.migrator, url, {
      ...HATS,
      'migrations/2_sets.sql':
        "CREATE SCHEMA other; SET search_path = other; SET lock_timeout = 0; SET SESSION AUTHORIZATION 'postgres'; SELECT pg_advisory_unlock_all();",
      'migrations/3_next.sql':
        "CREATE TABLE settings AS SELECT current_setting('lock_timeout') AS lock, current_setting('search_path') AS path, (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks",
    });
    expect(outcomes).toMatchObject({ '2_sets': applied, '3_next': applied });
    expect((await client.query('SELECT * FROM public.settings')).rows).toEqual([
      { lock: '1s', path: '"$user", public', locks: 1 },
    ]);
  });

  it('are not begun when somebody else migrates: who does is named', async () => {
    const url = await rig.database();
    const other = await rig.connect(url, 'a laptop');
    await other.query('SELECT pg_advisory_lock(7241865325823964)');
    const hasty = createMigrator({
      patience: { tries: 1, firstMs: 1, withinMs: 1 },
      lockMs: 300,
    });
    const { run, progress } = await runAll(hasty, url, HATS);
    expect(run).toEqual({ kind: 'busy', holders: [expect.objectContaining({ application: 'a laptop' })] });
    expect(progress[0]).toMatchObject({ kind: 'waits for the lock', holders: [{ application: 'a laptop' }] });
    await other.end();
    expect((await runAll(rig.migrator, url, HATS)).outcomes['1_hats']).toEqual(applied);
  });

  it('end at once when the bot must stop, and leave nothing', async () => {
    const { url } = await withHats();
    const stop = new AbortController();
    const files = { ...HATS, 'migrations/2_long.sql': 'CREATE TABLE caps ();\nSELECT pg_sleep(60);' };
    const running = runAll(rig.migrator, url, files, {
      signal: stop.signal,
      onProgress: said => said.kind === 'statement' && said.statement === 2 && stop.abort(new Error('parked')),
    });
    await expect(running).rejects.toThrow('parked');
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats']);
  });

  it('do not begin while the bot cannot keep that they do', async () => {
    const { url } = await withHats();
    const files = { ...HATS, 'migrations/2_caps.sql': 'CREATE TABLE caps ();' };
    const running = runAll(rig.migrator, url, files, {
      onProgress: ({ kind }) => {
        if (kind === 'begins') throw new Error('the store is away');
      },
    });
    await expect(running).rejects.toThrow('the store is away');
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats']);
    expect((await runAll(rig.migrator, url, files)).outcomes['2_caps']).toEqual(applied);
  });

  it('do not begin, nor what comes after them, where something speaks against it', async () => {
    const { url } = await withHats();
    const index = '-- no-transaction\nCREATE INDEX CONCURRENTLY hats_id ON hats (id)';
    const files = { ...HATS, 'migrations/2_caps.sql': 'CREATE TABLE caps ();', 'migrations/3_index.sql': index };
    const objection = (name: string) => (said: MigrationProgress) =>
      said.kind === 'begins' && said.name === name ? 'v43 is live.' : null;
    const first = await runAll(rig.migrator, url, files, { objection: objection('2_caps') });
    expect(first.outcomes).toEqual({
      '2_caps': expect.objectContaining({ kind: 'rolled back', error: 'v43 is live.' }),
      '3_index': { kind: 'not begun' },
    });
    const next = await runAll(rig.migrator, url, files, { objection: objection('3_index') });
    expect(next.outcomes).toEqual({
      '2_caps': applied,
      '3_index': expect.objectContaining({ kind: 'rolled back', error: 'v43 is live.' }),
    });
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats', '2_caps']);
  });

  it('whose connection breaks are told as what the tables show', async () => {
    const { url, client } = await withHats();
    const files = { ...HATS, 'migrations/2_long.sql': 'CREATE TABLE caps ();\nSELECT pg_sleep(60);' };
    const { outcomes } = await runAll(rig.migrator, url, files, {
      onProgress: said => {
        const end =
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'switchover migrations'";
        if (said.kind === 'statement' && said.statement === 2) void client.query(end);
      },
    });
    expect(outcomes['2_long']).toMatchObject({
      kind: 'rolled back',
      error: expect.stringContaining('The connection to the database broke'),
    });
    expect((await runAll(rig.migrator, url, HATS)).run).toEqual({ kind: 'ran', files: [] });
  });
});

describe('a statement that cannot be rolled back', () => {
  const index = {
    ...HATS,
    'migrations/2_index.sql': '-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY one ON hats (id)',
  };

  it('that failed half-way is not recorded: the invalid index is named, and how to drop it', async () => {
    const { url, client } = await withHats();
    const failed = (await runAll(rig.migrator, url, index)).outcomes['2_index'];
    expect(failed).toEqual({
      kind: 'left behind',
      error:
        'could not create unique index "one": the index `one` is invalid. It costs every write and serves no query.',
      wayOut: 'DROP INDEX CONCURRENTLY one;',
    });
    const again = (await runAll(rig.migrator, url, index)).outcomes['2_index'];
    expect(again).toMatchObject({ kind: 'left behind', wayOut: 'DROP INDEX CONCURRENTLY one;' });
    await client.query('DROP INDEX CONCURRENTLY one;');
    await client.query('DELETE FROM hats');
    expect((await runAll(rig.migrator, url, index)).outcomes['2_index']).toEqual(applied);
  });

  it('that passed over an invalid index of that name is not recorded either', async () => {
    const { url, client } = await withHats();
    await client.query('CREATE UNIQUE INDEX CONCURRENTLY one ON hats (id)').catch(() => {});
    const files = {
      ...HATS,
      'migrations/2_index.sql': '-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one ON hats (id)',
    };
    expect((await runAll(rig.migrator, url, files)).outcomes['2_index']).toMatchObject({ kind: 'left behind' });
  });

  it('is only recorded when the catalog shows that it was done', async () => {
    const { url, client } = await withHats();
    await client.query(`
      CREATE INDEX made ON hats (id);
      CREATE TYPE size AS ENUM ('S');
      ALTER TYPE size ADD VALUE 'M';
      ALTER TABLE hats ADD CONSTRAINT positive CHECK (id > 0);
    `);
    const alone = (sql: string) => `-- no-transaction\n${sql}`;
    const { outcomes } = await runAll(
      rig.migrator,
      url,
      {
        ...HATS,
        'migrations/2_made.sql': alone('CREATE INDEX CONCURRENTLY made ON hats (id)'),
        'migrations/3_gone.sql': alone('DROP INDEX CONCURRENTLY gone'),
        'migrations/4_value.sql': alone("ALTER TYPE size ADD VALUE 'M'"),
        'migrations/5_valid.sql': alone('ALTER TABLE hats VALIDATE CONSTRAINT positive'),
        'migrations/6_rebuilt.sql': alone('REINDEX TABLE CONCURRENTLY hats'),
      },
      { begun: ['3_gone'] },
    );
    const recorded = { kind: 'recorded' };
    expect(outcomes).toEqual({
      ...{ '2_made': recorded, '3_gone': recorded, '4_value': recorded, '5_valid': recorded },
      ...{ '6_rebuilt': applied },
    });
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toHaveLength(6);
  });
});
