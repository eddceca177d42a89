import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Folder, makeFolder } from './stage/folder.ts';

const LINT = fileURLToPath(new URL('../src/lint.ts', import.meta.url));

let folder: Folder;
beforeEach(async () => {
  folder = await makeFolder();
  await mkdir(join(folder.dir, 'contract'));
});
afterEach(() => folder.remove());

const write = (name: string, text: string) => writeFile(join(folder.dir, name), text);

type Run = { code: number; out: string; err: string };

/** As CI runs it, in the folder of the migrations. */
function lint(...args: string[]): Promise<Run> {
  return new Promise(resolve => {
    execFile(process.execPath, [LINT, ...args], { cwd: folder.dir, timeout: 30_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

it('ends with 0 for safe migrations, dropping ones in contract/ included', async () => {
  await write('1_add.sql', 'ALTER TABLE orders ADD COLUMN zone text;');
  await write('contract/2_drop.sql', 'ALTER TABLE orders DROP COLUMN area;');
  const { code, out } = await lint('.');
  expect(code).toBe(0);
  expect(out).toContain('✓ 1_add.sql  expand\n');
  expect(out).toContain('✓ contract/2_drop.sql  contract (by its folder)\n    line 1: drop-column  ACCESS EXCLUSIVE');
});

it('ends with 1 and the safe way for dangerous ones', async () => {
  await write('1_index.sql', 'CREATE INDEX orders_at ON orders (at);');
  const { code, out } = await lint('1_index.sql');
  expect(code).toBe(1);
  expect(out).toContain('Reads all of `orders`: every write to it waits.');
  expect(out).toContain('CREATE INDEX CONCURRENTLY orders_at ON orders (at);');
});

it('ends with 1 for what is mixed or has no safe phase', async () => {
  await write('1.sql', '-- phase: contract\nCREATE TABLE n (); DROP TABLE o;');
  await write('contract/2.sql', 'ALTER TABLE t RENAME a TO b;');
  const mixed = await lint('1.sql');
  expect(mixed.code).toBe(1);
  expect(mixed.out).toContain('split it into two files');
  expect((await lint('contract')).code).toBe(1);
});

it('gives CI an array with one entry a file, in the order in which they run', async () => {
  await write('10_b.sql', '-- allow: idx-nonconcurrent tiny\nCREATE INDEX ON t (a);');
  await write('9_a.sql', '\nALTER TABLE t ADD COLUMN c int;');
  await write('9_a.down.sql', 'DROP TABLE t;');
  await write('contract/1_c.sql', 'ANALYZE t;');
  await write('README.md', 'no migration');
  const { code, out, err } = await lint('--json', '.');
  expect([code, err]).toEqual([0, '']);
  expect(JSON.parse(out)).toEqual([
    {
      ...{ file: '9_a.sql', phase: 'expand', noSafePhase: false, mixed: false },
      statements: [{ line: 2, sql: 'ALTER TABLE t ADD COLUMN c int', phase: 'expand', hazards: [] }],
    },
    {
      ...{ file: '10_b.sql', phase: 'neutral', noSafePhase: false, mixed: false },
      statements: [
        {
          ...{ line: 2, sql: 'CREATE INDEX ON t (a)', phase: 'neutral' },
          hazards: [
            {
              rule: 'idx-nonconcurrent',
              lock: 'SHARE',
              message: 'Reads all of `t`: every write to it waits.',
              fix: '-- no-transaction, in a migration of its own:\nCREATE INDEX CONCURRENTLY ON t (a);',
              allowed: 'tiny',
            },
          ],
        },
      ],
    },
    {
      ...{ file: 'contract/1_c.sql', phase: 'contract', noSafePhase: false, mixed: false },
      statements: [{ line: 1, sql: 'ANALYZE t', phase: 'neutral', hazards: [] }],
    },
  ]);
});

it('ends with 2 and says what could not be read, and still judges the rest', async () => {
  await write('1.sql', 'ANALYZE t;');
  await write('2.ts', 'export const up = () => { throw new Error("no"); };');
  const some = await lint('.', 'missing.sql', '--json');
  expect(some.code).toBe(2);
  expect(JSON.parse(some.out)).toHaveLength(1);
  expect(some.err).toContain('2.ts was not read: `2.ts` could not be read.');
  expect(some.err).toContain('missing.sql was not read: ENOENT');
  const nobody = await lint('1.sql', '--database-url', 'postgres://nobody:x@127.0.0.1:1/none');
  expect(nobody.code).toBe(2);
  expect(nobody.err).toContain('the database was not read: connect ECONNREFUSED');
  expect((await lint()).code).toBe(2);
  expect((await lint('--jsn', '.')).err).toContain('npm run lint-migrations -- DIR|FILE…');
});

it('takes a moment for a hundred statements', async () => {
  const shapes = ['ALTER TABLE t ADD COLUMN c text;', 'CREATE INDEX ON t (a);', 'DO $$ BEGIN DROP TABLE t; END $$;'];
  await write('1.sql', Array.from({ length: 100 }, (_, i) => shapes[i % 3]).join('\n'));
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    await lint('1.sql', '--json');
    times.push(performance.now() - start);
  }
  const best = Math.min(...times);
  console.log(`100 statements: ${best.toFixed(0)} ms at best`);
  // 0.3 s is the aim on a quiet machine; tests share theirs.
  expect(best).toBeLessThan(600);
});

it('reads programs by running them without a database, and says what it cannot know', async () => {
  await write('1_area.js', "export const up = pgm => pgm.dropColumns('orders', ['area']);");
  await write('2_zone.ts', "export const up = (pgm: any): void => pgm.addColumns('orders', { zone: 'text' });");
  await write(
    '3_fill.js',
    "export const up = async pgm => { await pgm.db.query('SELECT 1'); pgm.sql('DELETE FROM orders'); };",
  );
  await write('4_lost.js', "import 'left-pad';\nexport const up = () => {};");
  const { code, out, err } = await lint('.');
  expect(code).toBe(2);
  expect(out).toMatch(/✗ 1_area\.js {2}contract.*drop-column/s);
  expect(out).toContain('✓ 2_zone.ts  expand\n');
  expect(err).toMatch(/3_fill\.js was not read: .*asks the database/);
  expect(err).toMatch(/4_lost\.js was not read: .*needs the package `left-pad`/);
});
