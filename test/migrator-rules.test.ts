import { beforeAll, describe, expect, it } from 'vitest';
import { directDatabase } from '../src/domain/direct-database.ts';
import { parserReady } from '../src/domain/migration.ts';
import { digestOf, type MigrationFile, readSqlFile } from '../src/domain/migration-file.ts';
import { findMigrations, pendingOf } from '../src/domain/migration-folder.ts';
import { errorInWords } from '../src/domain/migration-outcome.ts';
import { judgeReleasePhase } from '../src/domain/release-phase.ts';
import { readSwitchoverFile } from '../src/domain/switchover-file.ts';
import { PLACE } from './migrator-rig.ts';

beforeAll(parserReady);

const fileOf = (name: string, sql: string): MigrationFile =>
  readSqlFile({ name, path: `migrations/${name}.sql`, table: 'pgmigrations', kind: 'sql' }, sql).file;

describe('the order of migrations', () => {
  it('is node-pg-migrate’s: by number, and 17 digits are a date', () => {
    const names = ['20260102030405000_e', '1700000000000_d', '10_c', '9_b', '0009_a'];
    const { entries } = findMigrations(
      names.map(name => `migrations/${name}.sql`),
      PLACE,
    );
    expect(entries.map(({ name }) => name)).toEqual([
      '0009_a',
      '9_b',
      '10_c',
      '1700000000000_d',
      '20260102030405000_e',
    ]);
  });

  it('is per folder: a held destructive migration does not stand before later ones of the main folder', () => {
    const paths = ['migrations/1_a.sql', 'migrations/3_c.sql', 'migrations/contract/2_b.sql'];
    const { entries } = findMigrations(paths, PLACE);
    const pending = pendingOf(entries, { pgmigrations: ['1_a', '3_c'], pgmigrations_contract: [] });
    expect(pending).toMatchObject({ entries: [{ path: 'migrations/contract/2_b.sql' }], problems: [], unknown: [] });
  });
});

describe('the digest of an approval', () => {
  it('is the same for the same, and another when anything differs', () => {
    const first = fileOf('1_a', 'CREATE TABLE a ();\nCREATE TABLE b ();');
    const second = fileOf('2_b', 'SELECT 1');
    const files = [first, second];
    const same = digestOf('c1', files);
    expect(digestOf('c1', [fileOf('1_a', first.sql), second])).toBe(same);
    const others = [
      digestOf('c2', files),
      digestOf('c1', [second, first]),
      digestOf('c1', [first]),
      digestOf('c1', [fileOf('1_a', `${first.sql} -- not a word`), second]),
      digestOf('c1', [{ ...first, table: 'pgmigrations_contract' }, second]),
      digestOf('c1', [{ ...first, transaction: false }, second]),
      digestOf('c1', [{ ...first, steps: first.steps.slice(1) }, second]),
      digestOf('c1', [{ ...first, source: 'another program that gives the same SQL' }, second]),
    ];
    expect(new Set([same, ...others]).size).toBe(others.length + 1);
  });
});

const FUNCTION = (body: string) =>
  `CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${body} END $$` as const;

describe('how long a statement may take', () => {
  it.for([
    ['ALTER TABLE hats ADD size int', [15_000]],
    ['UPDATE hats SET size = 1; DELETE FROM caps', [0, 0]],
    ['ALTER TABLE hats VALIDATE CONSTRAINT positive', [0]],
    ['DO $$ BEGIN NULL; END $$', [15_000]],
    ["SET LOCAL statement_timeout = '2h'; CLUSTER hats", [null, null]],
    ["SET LOCAL statement_timeout = '2h'; ALTER TABLE hats ADD a int; UPDATE hats SET a = 1", [null, null, null]],
    ['UPDATE hats SET a = 1; ALTER TABLE hats ADD b int; UPDATE hats SET b = 1', [0, 15_000, 15_000]],
    ['ALTER TABLE hats DROP a; SELECT slow()', [15_000, 15_000]],
    ['CREATE INDEX ON hats (a); UPDATE hats SET b = 1', [15_000, 15_000]],
    ['DROP TRIGGER g ON hats; DELETE FROM hats', [15_000, 15_000]],
    ['LOCK TABLE hats; INSERT INTO hats SELECT * FROM caps', [15_000, 15_000]],
    ['DO $$ BEGIN ALTER TABLE hats ADD a int; END $$; UPDATE hats SET a = 1', [15_000, 15_000]],
    ['CREATE TABLE n (hat int REFERENCES hats); INSERT INTO n SELECT id FROM hats', [15_000, 15_000]],
    [
      'CREATE TABLE n (hat int); ALTER TABLE n ADD FOREIGN KEY (hat) REFERENCES hats; INSERT INTO n SELECT id FROM hats',
      [15_000, 15_000, 15_000],
    ],
    [
      'CREATE TABLE n (); ALTER TABLE n ADD hat int REFERENCES hats; INSERT INTO n SELECT id FROM hats',
      [15_000, 15_000, 15_000],
    ],
    [
      'CREATE TABLE n (a int); CREATE TABLE m (a int); ALTER TABLE n ADD FOREIGN KEY (a) REFERENCES m; INSERT INTO n SELECT id FROM hats',
      [15_000, 15_000, 15_000, 0],
    ],
    [
      'CREATE TABLE n (a int) PARTITION BY LIST (a); ALTER TABLE n ATTACH PARTITION hats DEFAULT; UPDATE hats SET a = 1',
      [15_000, 15_000, 15_000],
    ],
    [
      'CREATE TABLE IF NOT EXISTS hats (id int); ALTER TABLE hats ADD COLUMN IF NOT EXISTS q int; UPDATE hats SET q = 1',
      [15_000, 15_000, 15_000],
    ],
    [
      `${FUNCTION('ALTER TABLE hats ADD q int; PERFORM f();')}; SELECT f(); UPDATE hats SET q = 1`,
      [15_000, 15_000, 15_000],
    ],
    [`${FUNCTION('UPDATE hats SET q = 2;')}; SELECT f(); UPDATE hats SET q = 1`, [15_000, 0, 0]],
    ['CREATE TABLE copy AS SELECT * FROM hats; UPDATE hats SET a = 1', [0, 0]],
    ['CREATE MATERIALIZED VIEW mv AS SELECT * FROM hats', [0]],
    ['ALTER TABLE hats ADD a int; CREATE TABLE copy AS SELECT * FROM hats', [15_000, 15_000]],
    ['DO $$ BEGIN UPDATE hats SET k = 1 WHERE k IS NULL; PERFORM count(*) FROM hats; END $$', [0]],
    ['DO $$ BEGIN UPDATE hats SET k = 1; ALTER TABLE hats ALTER k SET NOT NULL; END $$', [15_000]],
    ["DO $$ BEGIN UPDATE hats SET k = 1; EXECUTE 'x'; END $$", [15_000]],
    ['REFRESH MATERIALIZED VIEW m; UPDATE hats SET q = 1', [0, 15_000]],
    ['ALTER TABLE hats ADD CHECK (a > 0) NOT VALID; ALTER TABLE hats VALIDATE CONSTRAINT c', [15_000, 15_000]],
    ['CREATE TABLE n (id int); CREATE INDEX ON n (id); INSERT INTO n SELECT id FROM hats', [15_000, 15_000, 0]],
    [
      'ALTER TABLE hats ALTER a SET STATISTICS 500; COMMENT ON TABLE hats IS $$x$$; UPDATE hats SET a = 1',
      [15_000, 15_000, 0],
    ],
    ["CREATE TYPE mood AS ENUM ('a'); SELECT setval('s', 5); UPDATE hats SET a = 1", [15_000, 0, 0]],
  ] as const)('%s', ([sql, limits]) => {
    expect(fileOf('1_a', sql).steps.map(({ limitMs }) => limitMs)).toEqual(limits);
  });
});

describe('the release phase of the app', () => {
  const judged = (command: string | null, destructive = ['migrations/2_drop.sql'], scripts = {}) =>
    judgeReleasePhase({
      procfile: command === null ? null : `web: node server.js\nrelease: ${command}\nworker: node worker.js\n`,
      scripts,
      destructive,
      place: PLACE,
    });

  it.for([
    ['no Procfile', null, {}],
    ['node-pg-migrate on another folder', 'node-pg-migrate up -m db/expand', {}],
  ] as const)('is no danger: %s', ([, command, scripts]) => {
    expect(judged(command, undefined, scripts)).toEqual({ kind: 'clear' });
  });

  it('may migrate when nothing destructive is pending, or all of it lies in the contract folder', () => {
    expect(judged('node-pg-migrate up', [])).toEqual({ kind: 'clear' });
    expect(judged('node-pg-migrate up', ['migrations/contract/2_drop.sql'])).toEqual({ kind: 'clear' });
    expect(judged('./anything.sh', [])).toEqual({ kind: 'clear' });
  });

  it.for([
    ['node_modules/.bin/node-pg-migrate up', {}],
    ['npx node-pg-migrate --migrations-dir=./migrations/ up', {}],
    ['npm run migrate', { migrate: 'node-pg-migrate up' }],
    ['npm run migrate up', { migrate: 'node-pg-migrate' }],
    ['yarn migrate', { migrate: 'node-pg-migrate up --use-glob -m "migrations/**"' }],
  ] as const)('is refused when it would run a destructive migration: %s', ([command, scripts]) => {
    const answer = judged(command, undefined, scripts);
    expect(answer.kind).toBe('refused');
    expect(answer).toMatchObject({ text: expect.stringContaining('`migrations/2_drop.sql`') });
    expect(answer).toMatchObject({ text: expect.stringContaining('Move it to `migrations/contract/`, or take') });
  });

  it.for(['bin/release', 'npm run migrate', 'true && node-pg-migrate up', 'node-pg-migrate down'])(
    'is a warning when nobody knows what it does: %s',
    command => {
      expect(judged(command)).toMatchObject({ kind: 'warned', text: expect.stringContaining(command) });
    },
  );
});

describe('the database to migrate', () => {
  const DIRECT = 'postgres://hatty:pw@db.example.com:5432/hats';

  it('is DATABASE_URL when that leads to it', () => {
    expect(directDatabase({ DATABASE_URL: DIRECT, OTHER_URL: 'postgres://x@y/z' })).toEqual({
      kind: 'direct',
      name: 'DATABASE_URL',
      url: DIRECT,
    });
  });

  it.for([
    'postgres://hatty:pw@db.example.com:6543/hats',
    'postgres://hatty:pw@db.example.com:6432/hats',
    'postgres://hatty:pw@db.example.com:5432/hats?pgbouncer=true',
    'postgres://hatty:pw@ep-cool-pooler.eu.example.com/hats',
  ])('is never a pooler: %s', pooled => {
    expect(
      directDatabase({ DATABASE_URL: pooled, HATS_CONNECTION_POOL_URL: DIRECT, OTHER_URL: 'postgres://x@y/z' }),
    ).toEqual({ kind: 'refused', reason: expect.stringContaining('DIRECT_DATABASE_URL') });
    expect(directDatabase({ DATABASE_URL: pooled, HEROKU_POSTGRESQL_PINK_URL: DIRECT })).toEqual({
      kind: 'direct',
      name: 'HEROKU_POSTGRESQL_PINK_URL',
      url: DIRECT,
    });
  });

  it('must be there and be an address, which is not repeated', () => {
    expect(directDatabase({})).toEqual({ kind: 'refused', reason: expect.stringContaining('no `DATABASE_URL`') });
    const broken = directDatabase({ DATABASE_URL: 'postgres://hatty:p#w@[db/hats' });
    expect(broken).toEqual({ kind: 'refused', reason: expect.stringContaining('is not an address') });
    expect(JSON.stringify(broken)).not.toContain('hatty');
  });
});

describe('what Postgres says of a migration that failed', () => {
  it.for([
    ['division by zero', '22012', 'division by zero (22012)'],
    ['It wants no transaction.', null, 'It wants no transaction.'],
    [
      'canceling statement due to lock timeout',
      '55P03',
      'canceling statement due to lock timeout (55P03). Others have it in use, and nobody is made to wait longer: ask them, or try when it is free.',
    ],
    [
      'canceling statement due to statement timeout',
      '57014',
      'canceling statement due to statement timeout (57014). It took longer than others may be kept waiting. Work on rows after a change of a table belongs into a migration of its own, for the table is locked until the end: split the file. Else find a way that does not lock so long, or put `SET LOCAL statement_timeout` at its start.',
    ],
  ] as const)('%s', ([message, code, words]) => {
    expect(errorInWords(message, code)).toBe(words);
  });
});

describe('switchover.json', () => {
  const read = (migrations: unknown) => readSwitchoverFile(JSON.stringify({ migrations }));

  it('says where migrations are; what it leaves out is as node-pg-migrate has it', () => {
    expect(readSwitchoverFile(null)).toMatchObject({ migrations: { kind: 'files', place: PLACE }, problems: [] });
    expect(readSwitchoverFile('{}').migrations).toEqual({ kind: 'files', place: PLACE, maintenance: false });
    expect(read({ dir: 'db/sql', table: 'steps' })).toMatchObject({
      problems: [],
      migrations: {
        place: { dir: 'db/sql', contractDir: 'db/sql/contract', table: 'steps', contractTable: 'steps_contract' },
      },
    });
    expect(read({ contractDir: 'db/post' })).toMatchObject({
      migrations: { place: { dir: 'migrations', contractDir: 'db/post' } },
    });
  });

  it('may name the app’s own commands instead', () => {
    expect(read({ expand: 'bin/rails db:migrate', plan: 'bin/plan' })).toMatchObject({
      migrations: { kind: 'commands', expand: 'bin/rails db:migrate', plan: 'bin/plan' },
      problems: [],
    });
  });

  it('has all its mistakes named at once, unknown keys too', () => {
    expect(read({ dir: '../x', contractDir: '/etc', table: 'Drop"', folder: 'y' }).problems).toMatchInlineSnapshot(`
      [
        "switchover.json, \`migrations.dir\`: must be a folder inside the repository, such as "db/migrations". Mend it and push.",
        "switchover.json, \`migrations.contractDir\`: must be a folder inside the repository, such as "db/migrations". Mend it and push.",
        "switchover.json, \`migrations.contractDir\`: must be called "contract", "post" or "post_migrate". Mend it and push.",
        "switchover.json, \`migrations.table\`: must be lower case letters, digits and _, at most 54 of them. Mend it and push.",
        "switchover.json, \`migrations\`: Unrecognized key: "folder". Mend it and push.",
      ]
    `);
    expect(read({ contract: 'bin/contract', dir: 'migrations' }).problems).toMatchInlineSnapshot(`
      [
        "switchover.json, \`migrations.expand\`: must be a command, such as "bin/rails db:migrate". Mend it and push.",
        "switchover.json, \`migrations\`: Unrecognized key: "dir". Mend it and push.",
      ]
    `);
    expect(read('migrations').problems).toMatchInlineSnapshot(`
      [
        "switchover.json, \`migrations\`: Invalid input: expected object, received string. Mend it and push.",
      ]
    `);
  });
});
