import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModule, parseSync } from 'libpg-query';
import { judge, type Migration, parserReady } from '../../src/domain/migration.ts';
import { makeFolder } from '../stage/folder.ts';
import type { Ask, Bench, Measured } from './bench.ts';
import { alternating, median, quantile } from './statistics.ts';

// 100 statements of the corpus that the rules are tested with, in 20 files.

const STATEMENTS = 100;
const FILES = 20;
const fileOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export const lint: Bench = {
  number: 7,
  title: 'Lint of migrations',
  compares:
    'The linter, for 100 statements in 20 files, beside the SQL parser alone on the same files (what no linter can do without), ' +
    'and beside a Node that does nothing.',
  skipped: null,
  inQuick: true,
  run,
};

async function run({ quick, onEnd }: Ask): Promise<Measured> {
  const folder = await makeFolder();
  onEnd(folder.remove);
  await Promise.all([parserReady(), loadModule()]);
  const migrations = await corpus();
  const dir = join(folder.dir, 'migrations');
  await mkdir(dir);
  for (const { file, sql } of migrations) await writeFile(join(dir, file), sql);

  const sides = {
    lint: [fileOf('../../src/lint.ts'), dir],
    'the parser alone': [fileOf('parse-only.ts'), dir],
    'a Node that does nothing': ['--eval', ''],
  };
  const names = Object.keys(sides) as (keyof typeof sides)[];
  // Once unmeasured: files are read from the disk, and the compile cache is filled.
  for (const name of names) await timed(sides[name]);
  const wholes = await alternating(names, quick ? 7 : 25, name => timed(sides[name]));
  const inside = await alternating(['lint', 'the parser alone'], quick ? 5 : 15, async side =>
    statementsPerSecond(
      side === 'lint'
        ? () => void judge(migrations, null)
        : () => {
            for (const { sql } of migrations) parseSync(sql);
          },
    ),
  );
  const floor = median(wholes['the parser alone']);
  return {
    tables: [
      {
        title: 'The whole process, from its start to its end, 100 statements',
        columns: [
          { name: '' },
          { name: 'median', unit: 'ms', digits: 0 },
          { name: 'p95', unit: 'ms', digits: 0 },
          { name: 'against the parser alone', unit: '×', digits: 2 },
        ],
        rows: names.map(name => [
          name,
          median(wholes[name]),
          quantile(wholes[name], 0.95),
          median(wholes[name]) / floor,
        ]),
      },
      {
        title: 'Inside, when it has warmed up',
        columns: [
          { name: '' },
          { name: 'statements a second', digits: 0 },
          { name: 'against the parser alone', unit: '×', digits: 2 },
        ],
        rows: (['lint', 'the parser alone'] as const).map(side => [
          side,
          median(inside[side]),
          median(inside[side]) / median(inside['the parser alone']),
        ]),
      },
    ],
    targets: [{ what: '100 statements, the whole process', unit: 'ms', measured: median(wholes.lint), most: 300 }],
    notes: [
      `${wholes.lint.length} runs of each, in turn, with a warm disk and the compile cache that the linter fills.`,
    ],
  };
}

/** Statements of the corpus, from its beginning again when there are too few. */
async function corpus(): Promise<Migration[]> {
  const text = await readFile(new URL('../fixtures/migration-corpus.jsonl', import.meta.url), 'utf8');
  const known = text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as { sql: string; tx: boolean })
    .flatMap(({ sql, tx }) => (tx && isOne(sql) ? `${sql.trim().replace(/;$/, '')}\n;` : []));
  const statements = Array.from({ length: STATEMENTS }, (_, i) => known[i % known.length] ?? '');
  const each = STATEMENTS / FILES;
  return Array.from({ length: FILES }, (_, i) => ({
    file: `${String(i + 1).padStart(3, '0')}_step.sql`,
    sql: `${statements.slice(i * each, (i + 1) * each).join('\n')}\n`,
  }));
}

function isOne(sql: string): boolean {
  try {
    return parseSync(sql).stmts?.length === 1;
  } catch {
    return false;
  }
}

/** Ms from spawning Node with these arguments to its end. */
async function timed(args: readonly string[]): Promise<number> {
  const from = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  // The linter has something to say.
  if (code !== 0 && !(code === 1 && args[0]?.endsWith('lint.ts')))
    throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return performance.now() - from;
}

const AT_LEAST_MS = 200;

function statementsPerSecond(once: () => void): number {
  const from = performance.now();
  let times = 0;
  for (; performance.now() - from < AT_LEAST_MS; times++) once();
  return (times * STATEMENTS * 1000) / (performance.now() - from);
}
