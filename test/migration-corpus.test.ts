import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCatalog } from '../src/adapters/catalog.ts';
import type { Embedded } from '../src/adapters/postgres.ts';
import { type Facts, judge, parserReady, type Verdict } from '../src/domain/migration.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

// 84 statements that people labelled, most of them checked against what PostgreSQL 15 and 18 did with them.

type Row = {
  id: string;
  sql: string;
  hazards: string[];
  hazards_optional?: string[];
  accept: string[];
  tx: boolean;
  no_safe_phase?: boolean;
};

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const rows: Row[] = fixture('migration-corpus.jsonl')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line));

let folder: Folder;
let postgres: Embedded;
let facts: Facts;

beforeAll(async () => {
  await parserReady();
  folder = await makeFolder();
  postgres = await startPostgres(folder.dir);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(fixture('migration-corpus-setup.sql'));
  await client.end();
  facts = await readCatalog(postgres.url);
});

afterAll(async () => {
  await postgres?.stop();
  await folder?.remove();
});

type Figures = { recall: number; precision: number; phase: number; wrong: string[] };

/** Any-hazard figures, a row each. What is optional may be said or not. */
function score(verdictOf: (row: Row) => Verdict): Figures {
  const count = { right: 0, missed: 0, invented: 0, phase: 0 };
  const wrong: string[] = [];
  for (const row of rows) {
    const verdict = verdictOf(row);
    const said = rulesOf(verdict);
    const optional = new Set(row.hazards_optional);
    if (row.accept.includes(verdict.phase)) count.phase++;
    else wrong.push(`${row.id} ran in ${verdict.phase}, not ${row.accept.join(' or ')}`);
    if (row.hazards.length > 0 && said.length > 0) count.right++;
    else if (row.hazards.some(rule => !optional.has(rule))) count.missed++;
    else if (row.hazards.length === 0 && said.some(rule => !optional.has(rule))) count.invented++;
    else continue;
    if (said.length === 0 || row.hazards.length === 0) wrong.push(`${row.id} said ${said}, not ${row.hazards}`);
  }
  const { right, missed, invented, phase } = count;
  return {
    recall: right / (right + missed),
    precision: right / (right + invented),
    phase: phase / rows.length,
    wrong,
  };
}

const rulesOf = ({ statements }: Verdict): string[] =>
  statements.flatMap(({ hazards }) => hazards.map(({ rule }) => rule));

const judged = (row: Row, known: Facts | null): Verdict => {
  const header = row.tx ? '' : '-- no-transaction\n';
  const [verdict] = judge([{ file: `${row.id}.sql`, sql: header + row.sql }], known);
  return verdict!;
};

const told = ({ recall, precision, phase }: Figures) =>
  `recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}, phase ${phase.toFixed(3)}`;

describe('the labelled corpus', () => {
  it('is judged right with the facts of the catalog', () => {
    const figures = score(row => judged(row, facts));
    console.log(`with facts: ${told(figures)}\n${figures.wrong.join('\n')}`);
    expect(figures.recall).toBeGreaterThanOrEqual(0.95);
    expect(figures.precision).toBeGreaterThanOrEqual(0.95);
    expect(figures.phase).toBeGreaterThanOrEqual(0.97);
  });

  it('is judged carefully without them: nothing is missed', () => {
    const figures = score(row => judged(row, null));
    console.log(`without facts: ${told(figures)}\n${figures.wrong.join('\n')}`);
    expect(figures.recall).toBeGreaterThanOrEqual(0.95);
    expect(figures.precision).toBeGreaterThanOrEqual(0.8);
  });

  it('knows which statements have no safe phase', () => {
    const found = rows.filter(row => judged(row, facts).noSafePhase).map(({ id }) => id);
    expect(found).toEqual(rows.filter(row => row.no_safe_phase).map(({ id }) => id));
  });

  it('is called by the rules that the labels name', () => {
    const missing = rows.flatMap(row => {
      const said = rulesOf(judged(row, facts));
      return row.hazards.filter(rule => !said.includes(rule)).map(rule => `${row.id} ${rule}: ${said}`);
    });
    // Its index is built anew, which the table of rules calls by a name of its own.
    expect(missing).toEqual(['m117 type-rewrite: type-index-rebuild']);
  });
});
