import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createMigrator } from '../src/adapters/migrator.ts';
import type { MigrationReading } from '../src/outside.ts';
import { commitOf, packed } from './commits.ts';
import { PLACE } from './migrator-rig.ts';
import { makeFolder } from './stage/folder.ts';

const migrator = createMigrator();

const readFiles = async (files: Record<string, string>, applied = {}): Promise<MigrationReading> =>
  migrator.read({ tarball: await commitOf(files), place: PLACE, applied });

const stepsOf = ({ files }: MigrationReading) =>
  Object.fromEntries(files.map(({ name, steps }) => [name, steps.map(({ sql }) => sql)]));

describe('the migrations of a commit', () => {
  it('are read from SQL and from programs, without a database', async () => {
    const reading = await readFiles({
      'migrations/1_hats.sql': "CREATE TABLE hats (id int);\nINSERT INTO hats VALUES (1); -- it's one;\n",
      'migrations/2_caps.ts': `import { type MigrationBuilder, PgLiteral } from 'node-pg-migrate';
        import { size } from '../lib/sizes.ts';
        enum Material { Felt = 'felt' }
        export const phase = 'contract';
        export const shorthands = { size };
        export async function up(pgm: MigrationBuilder): Promise<void> {
          pgm.createTable('caps', { size: 'size', made: { type: 'date', default: new PgLiteral('now()') } });
          pgm.sql(\`COMMENT ON TABLE caps IS '\${Material.Felt}'\`);
        }`,
      'lib/sizes.ts': `export const size = { type: 'smallint', notNull: true };`,
      'migrations/3_gloves.cjs': `exports.up = (pgm, done) => { setTimeout(() => { pgm.addColumn('caps', { left: 'size' }); done(); }) };`,
      'migrations/4_index.mjs': `export const up = pgm => { pgm.noTransaction(); pgm.createIndex('hats', 'id', { concurrently: true }); };`,
      Procfile: 'web: node server.js\n',
      'package.json': '{ "scripts": { "migrate": "node-pg-migrate up" } }',
    });
    expect(reading.problems).toEqual([]);
    expect(stepsOf(reading)).toEqual({
      '1_hats': ['CREATE TABLE hats (id int)', 'INSERT INTO hats VALUES (1)'],
      '2_caps': [
        expect.stringMatching(
          /^CREATE TABLE "caps" \(\s+"size" smallint NOT NULL,\s+"made" date DEFAULT now\(\)\s+\)$/,
        ),
        "COMMENT ON TABLE caps IS 'felt'",
      ],
      '3_gloves': [expect.stringMatching(/^ALTER TABLE "caps"\s+ADD "left" smallint NOT NULL$/)],
      '4_index': ['CREATE INDEX CONCURRENTLY "hats_id_index" ON "hats" ("id")'],
    });
    expect(reading.files.map(({ transaction }) => transaction)).toEqual([true, true, true, false]);
    expect(reading.files[1]?.sql).toMatch(/^-- phase: contract\n/);
    expect(reading).toMatchObject({ procfile: 'web: node server.js\n', scripts: { migrate: 'node-pg-migrate up' } });
  });

  it('are the way forward only: pairs, markers, and nothing that is no migration', async () => {
    const reading = await readFiles({
      'migrations/README.md': 'How we migrate.',
      'migrations/1_pair.up.sql': 'SELECT 1',
      'migrations/1_pair.down.sql': 'DROP TABLE hats',
      'migrations/2_both.sql': '-- Up Migration\nSELECT 2;\n-- Down Migration\nDROP TABLE hats;',
      'migrations/10_late.sql': 'SELECT 10',
      'migrations/contract/1_drop.sql': 'DROP TABLE caps',
      'migrations/fixtures/3_not_looked_into.sql': 'DROP TABLE hats',
    });
    expect(stepsOf(reading)).toEqual({
      '1_pair': ['SELECT 1'],
      '2_both': ['SELECT 2'],
      '10_late': ['SELECT 10'],
      '1_drop': ['DROP TABLE caps'],
    });
    expect(reading.files.map(({ name, table }) => `${table} ${name}`)).toEqual([
      'pgmigrations 1_pair',
      'pgmigrations 2_both',
      'pgmigrations 10_late',
      'pgmigrations_contract 1_drop',
    ]);
    expect(reading.problems).toEqual([]);
  });

  it('are only those that have not run; an old one that cannot be read any more is nobody’s trouble', async () => {
    const files = {
      'migrations/1_old.js': `import chalk from 'chalk'; export const up = () => {};`,
      'migrations/2_pair.up.sql': 'SELECT 2',
      'migrations/3_new.sql': 'SELECT 3',
    };
    const applied = { pgmigrations: ['0_of_another_branch', '1_old', '2_pair.up', '2_pair.down'] };
    expect(await readFiles(files, applied)).toMatchObject({
      files: [{ name: '3_new' }],
      problems: [],
      unknown: ['0_of_another_branch'],
    });
  });

  it('are told all their problems at once, each with the way out', async () => {
    const { problems } = await readFiles(
      {
        'migrations/1_before.sql': 'SELECT 1',
        'migrations/2_ran.sql': 'SELECT 2',
        "migrations/3_it's.sql": 'SELECT 3',
        'migrations/seed.sql': 'SELECT 4',
        'migrations/5_same.sql': 'SELECT 5',
        'migrations/5_same.js': 'export const up = () => {};',
        'migrations/6_psql.sql': 'SELECT 6;\n\\set x 1',
        'migrations/7_commit.sql': 'CREATE TABLE a (); COMMIT; DROP TABLE a',
        'migrations/8_concurrently.sql': 'CREATE INDEX CONCURRENTLY i ON hats (id)',
        'migrations/9_two.sql': '-- no-transaction\nVACUUM hats; VACUUM caps',
        'migrations/10_nameless.sql': '-- no-transaction\nCREATE INDEX CONCURRENTLY ON hats (id)',
        'migrations/11_package.ts': `import _ from 'lodash'; export const up = () => _.noop();`,
        'migrations/12_throws.js': `export const up = () => { throw new Error('no luck today'); };`,
        'migrations/13_chance.js': `export const up = pgm => { pgm.sql('SELECT ' + Math.random()); };`,
        'migrations/14_nothing.js': 'export const down = () => {};',
        'migrations/15_leaves.js': 'export const up = () => process.exit(0);',
        'migrations/16_waits.js': 'export const up = () => new Promise(() => {});',
        'migrations/17_fine.js': `export const up = pgm => pgm.sql('SELECT 17');`,
      },
      { pgmigrations: ['2_ran'] },
    );
    expect(problems.join('\n')).toMatchInlineSnapshot(`
      "\`migrations/3_it's.sql\` cannot be recorded: node-pg-migrate writes names of up to 255 characters, and breaks at a quote or backslash. Rename it.
      \`migrations/seed.sql\` has no number in front, so nobody knows when it would run. Rename it, such as \`1700000000000_seed.sql\`, or move it elsewhere.
      \`migrations/5_same.sql\` would be recorded as \`5_same\`, as another file beside it is: only one of them would ever run. Give it a name of its own.
      \`migrations/1_before.sql\` has not run, but \`migrations/2_ran.sql\` behind it has: whoever runs node-pg-migrate by hand is refused from then on, for ever. Give it a number behind all that ran.
      \`migrations/6_psql.sql\`, line 2: Postgres would not understand \`\\set x 1\` (syntax error at or near "\\"). Commands of psql, COPY data and placeholders do not run in a migration: write it as SQL.
      \`migrations/7_commit.sql\`, line 1: \`COMMIT\` is not for a migration to say. Its transaction belongs to whoever runs it, or after a failure half of it would stay: take it out.
      \`migrations/8_concurrently.sql\`, line 1: Postgres refuses \`CREATE INDEX CONCURRENTLY i ON hats (id)\` inside a transaction (25001). Put it into a file of its own that starts with \`-- no-transaction\` (in a program: \`pgm.noTransaction()\`).
      \`migrations/9_two.sql\` runs outside a transaction and has 2 statements. After a kill nobody could say what of it was done, so such a file holds exactly one statement whose end the catalog shows: a CONCURRENTLY form that names its index, VALIDATE CONSTRAINT or ADD VALUE. Anything else runs in a transaction: split the file, or take \`-- no-transaction\` off.
      \`migrations/10_nameless.sql\` runs outside a transaction and has \`CREATE INDEX CONCURRENTLY ON hats (id)\`. After a kill nobody could say what of it was done, so such a file holds exactly one statement whose end the catalog shows: a CONCURRENTLY form that names its index, VALIDATE CONSTRAINT or ADD VALUE. Anything else runs in a transaction: split the file, or take \`-- no-transaction\` off.
      \`migrations/11_package.ts\` needs the package \`lodash\`, and the commit does not hold it: nothing is installed where migrations are read. Write it without, or let the app run its own: \`"migrations": { "expand": "<command>", "contract": "<command>" }\` in switchover.json.
      \`migrations/12_throws.js\` could not be read. no luck today
      \`migrations/13_chance.js\` could not be read. It gives other SQL each time (a clock, or chance): nobody could approve it. Let Postgres do that.
      \`migrations/14_nothing.js\` could not be read. It exports no function \`up\`.
      \`migrations/15_leaves.js\` could not be read. It ended itself with 0.
      \`migrations/16_waits.js\` could not be read. It was ended because it did not end within 10 s."
    `);
  });

  it('may ask the database while they run: then a person must look', async () => {
    const { files, problems } = await readFiles({
      'migrations/1_ask.js': `export const up = async pgm => {
        const { rows } = await pgm.db.query('SELECT max(id) AS most FROM hats');
        pgm.sql('ALTER SEQUENCE hats_id RESTART ' + rows[0].most);
      };`,
    });
    expect(problems).toEqual([]);
    expect(files[0]?.review).toContain('SELECT max(id) AS most FROM hats');
  });

  it('are read anew each time: another commit with the same path is another program', async () => {
    const program = (number: number) => ({
      'migrations/1_a.js': `export const up = pgm => pgm.sql('SELECT ${number}');`,
    });
    expect(stepsOf(await readFiles(program(1)))).toEqual({ '1_a': ['SELECT 1'] });
    expect(stepsOf(await readFiles(program(2)))).toEqual({ '1_a': ['SELECT 2'] });
  });

  it('leave nothing behind on the disk', async () => {
    const { dir, remove } = await makeFolder();
    vi.stubEnv('TMPDIR', dir);
    try {
      // As one that was killed leaves it.
      await mkdir(join(dir, `switchover-commit-${2 ** 22 + 1}-killed`));
      await readFiles({ 'migrations/1_a.js': `export const up = pgm => pgm.sql('SELECT 1')` });
      await migrator.read({ tarball: Buffer.from('no tarball'), place: PLACE, applied: {} });
      expect(await readdir(dir)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await remove();
    }
  });
});

describe('a tarball', () => {
  const problemsOf = async (entries: Parameters<typeof packed>[0]) =>
    (await migrator.read({ tarball: await packed(entries), place: PLACE, applied: {} })).problems;

  it('that reaches out of its folder is refused', async () => {
    for (const name of ['/etc/passwd', 'top/../../x', '../x'])
      expect(await problemsOf([{ name, text: 'x' }])).toEqual([expect.stringContaining('reaches out of it')]);
  });

  it('has links that are never followed, and named where they stand for migrations', async () => {
    expect(
      await problemsOf([
        { name: 'top/README', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'top/migrations/1_a.sql', type: 'symlink', linkname: '/etc/passwd' },
      ]),
    ).toEqual([expect.stringContaining('`migrations/1_a.sql` is a link')]);
    expect(await problemsOf([{ name: 'top/migrations', type: 'symlink', linkname: '/etc' }])).toEqual([
      expect.stringContaining('`migrations` is a link'),
    ]);
  });

  it('that is broken or too large is refused', async () => {
    const whole = await commitOf({ 'migrations/1_a.sql': 'SELECT 1;'.repeat(10_000) });
    const read = async (tarball: Buffer) => (await migrator.read({ tarball, place: PLACE, applied: {} })).problems;
    expect(await read(whole.subarray(0, whole.length - 20))).toEqual([expect.stringContaining('is broken')]);
    expect(await read(Buffer.from('hats'))).toEqual([expect.stringContaining('is broken')]);
    expect(await read(await commitOf({ big: '\0'.repeat(251 * 1024 ** 2) }))).toEqual([
      expect.stringContaining('larger than 250 MB'),
    ]);
  });
});
