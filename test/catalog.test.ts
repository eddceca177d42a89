import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { readCatalog } from '../src/adapters/catalog.ts';
import type { Embedded } from '../src/adapters/postgres.ts';
import { BUILTINS } from '../src/domain/migration/builtins.ts';
import { type Facts, judge, parserReady } from '../src/domain/migration.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';
import { startPostgresProxy } from './torture/postgres-proxy.ts';

// What the catalog of a living database makes of the verdicts.

const SCHEMA = `
  CREATE SCHEMA app;
  CREATE DOMAIN positive AS int CHECK (value > 0);
  CREATE DOMAIN filled AS text NOT NULL;
  CREATE EXTENSION pgcrypto;
  CREATE FUNCTION lucky() RETURNS int LANGUAGE sql STABLE AS 'SELECT 7';
  CREATE FUNCTION lucky(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT 7';
  CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, note text, total int,
    at timestamp, since timestamp, spare text, CONSTRAINT total_known CHECK (total IS NOT NULL), CONSTRAINT short CHECK (length(note) < 9));
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE POLICY own_rows ON app.orders USING (true);
  CREATE VIEW app.totals AS SELECT total FROM app.orders;
  CREATE INDEX partial ON app.orders (at) WHERE spare IS NULL;
  CREATE TABLE events (day date, what text) PARTITION BY RANGE (day);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  INSERT INTO app.orders (code, total) SELECT 'c' || i, i FROM generate_series(1, 20000) i;
  ALTER DATABASE postgres SET search_path = app, public;
  ANALYZE`;

let folder: Folder;
let postgres: Embedded;
let facts: Facts;

beforeAll(async () => {
  await parserReady();
  folder = await makeFolder();
  postgres = await startPostgres(folder.dir);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(SCHEMA);
  await client.query('CREATE UNIQUE INDEX CONCURRENTLY twice ON app.orders ((total / 2))').catch(() => {});
  await client.end();
  facts = await readCatalog(postgres.url);
});

afterAll(async () => {
  await postgres?.stop();
  await folder?.remove();
});

function hazardsOf(sql: string): string[] {
  const [verdict] = judge([{ file: 'a.sql', sql }], facts);
  return verdict!.statements.flatMap(({ hazards }) => hazards.map(({ rule }) => rule));
}

it('is read as it is', () => {
  expect(facts).toMatchObject({ version: expect.any(Number), searchPath: ['app', 'public'] });
  expect(facts.version).toBeGreaterThan(180000);
  expect(facts.relations['app.orders']).toMatchObject({
    kind: 'table',
    rows: 20000,
    columns: {
      code: { type: 'character varying(20)', notNull: true, hasDefault: false, views: [] },
      total: { type: 'integer', notNull: false, views: ['totals'] },
      id: { hasDefault: true },
    },
  });
  expect(facts.relations['app.orders']?.indexes).toContainEqual({
    ...{ name: 'partial', unique: false, valid: true, plain: false },
    columns: ['at', 'spare'],
  });
  expect(facts.relations['public.events']).toMatchObject({ kind: 'partitioned', partitionKey: ['day'] });
  expect(facts.relations['public.events']?.bytes).toBe(facts.relations['public.events_1']?.bytes);
  expect(facts.domains).toEqual({
    positive: { base: 'integer', constrained: true, required: false },
    filled: { base: 'text', constrained: true, required: true },
  });
  expect(facts.ownFunctions).toEqual({ lucky: 2, touch: 1 });
  expect(facts.relations['app.orders']?.things).toEqual(['trigger touch', 'policy own_rows']);
  expect(facts.things).toEqual(expect.arrayContaining(['type public.positive', 'schema app', 'extension pgcrypto']));
  expect(facts.relations['app.orders_id_seq']).toMatchObject({ kind: 'sequence', lastValue: 20000 });
  expect(facts.functions).toMatchObject({ lucky: 'stable', now: 'stable', random: 'volatile', lower: 'immutable' });
});

it('says how far every sequence is, except one that somebody keeps from it', async () => {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query('CREATE SCHEMA many');
    await client.query(
      "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE SEQUENCE many.s%s; SELECT nextval(''many.s%s'')', i, i); END LOOP; END $$",
    );
    const { relations } = await readCatalog(postgres.url);
    const lastValues = Object.keys(relations).flatMap(key =>
      key.startsWith('many.') ? relations[key]?.lastValue : [],
    );
    expect(lastValues).toEqual(Array(100).fill(1));
    await client.query('BEGIN; ALTER SEQUENCE app.orders_id_seq CACHE 2');
    const meanwhile = await readCatalog(postgres.url);
    expect(meanwhile.relations['app.orders_id_seq']?.lastValue).toBe(null);
    const [verdict] = judge([{ file: 'a.sql', sql: 'ALTER SEQUENCE app.orders_id_seq RESTART WITH 9' }], meanwhile);
    expect(verdict).toMatchObject({ phase: 'contract' });
    await client.query('ROLLBACK; DROP SCHEMA many CASCADE');
  } finally {
    await client.end();
  }
});

it.each([
  ['a STABLE function is called once', 'ALTER TABLE orders ADD c int DEFAULT lucky()', []],
  ['a domain with a CHECK reads every row', 'ALTER TABLE orders ADD c positive', ['addcol-inline-check']],
  ['a valid CHECK proves NOT NULL', 'ALTER TABLE orders ALTER total SET NOT NULL', []],
  ['it is NOT NULL already', 'ALTER TABLE orders ALTER code SET NOT NULL', []],
  ['there is no default to drop', 'ALTER TABLE orders ALTER note DROP DEFAULT', []],
  ['a wider varchar is only a label', 'ALTER TABLE orders ALTER code TYPE varchar(30)', []],
  ['a CHECK is tested again', 'ALTER TABLE orders ALTER note TYPE varchar', ['check-recheck']],
  ['a condition makes its index be built anew', 'ALTER TABLE orders ALTER spare TYPE varchar', ['type-index-rebuild']],
  ['in UTC a zone is only a label', "SET TimeZone = 'UTC'; ALTER TABLE orders ALTER since TYPE timestamptz", []],
  [
    'elsewhere not',
    "SET TimeZone = 'Europe/Berlin'; ALTER TABLE orders ALTER since TYPE timestamptz",
    ['type-rewrite'],
  ],
  [
    'a view is in the way',
    'ALTER TABLE orders ALTER total TYPE bigint',
    ['type-rewrite', 'check-recheck', 'type-blocked'],
  ],
  [
    'an invalid index would be skipped',
    'CREATE INDEX IF NOT EXISTS twice ON orders (total)',
    ['idx-nonconcurrent', 'invalid-index'],
  ],
  ['it is there already', 'CREATE INDEX IF NOT EXISTS partial ON orders (at)', []],
  ['the column is there already', 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text NOT NULL', []],
  [
    'the table is there already, and old',
    'CREATE TABLE IF NOT EXISTS orders (); CREATE INDEX ON orders (at)',
    ['idx-nonconcurrent'],
  ],
  [
    'an applied migration makes nothing new',
    'CREATE TABLE orders (); CREATE INDEX ON orders (at)',
    ['idx-nonconcurrent'],
  ],
  [
    'dropped and made again it is new',
    'DROP TABLE orders; CREATE TABLE orders (); CREATE INDEX ON orders (at)',
    ['drop-table'],
  ],
  ['nothing is dropped', 'DROP TABLE IF EXISTS app.gone; ALTER TABLE orders DROP COLUMN IF EXISTS gone', []],
  ['nothing is replaced', "CREATE OR REPLACE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'", []],
  ['rows by a unique key are few', "UPDATE orders SET note = 'x' WHERE code = 'c1'", []],
  ['its key is not null', 'ALTER TABLE orders ADD CONSTRAINT k PRIMARY KEY (code)', ['pk-builds-index']],
])('%s: %s', (_, sql, rules) => {
  expect(hazardsOf(sql)).toEqual(rules);
});

it('agrees with the list of built-in functions that is used without it', () => {
  const isVolatile = (volatility: string) => volatility === 'volatile';
  const known = [...BUILTINS].filter(([name]) => name in facts.functions);
  expect(known.length).toBeGreaterThan(150);
  const wrong = known.filter(([name, said]) => isVolatile(facts.functions[name] ?? '') !== isVolatile(said));
  expect(wrong).toEqual([]);
});

it('puts sizes into words', () => {
  const big = structuredClone(facts);
  Object.assign(big.relations['app.orders']!, { bytes: 44_023_414_784, rows: 83_142_857 });
  const messages = (sql: string) =>
    judge([{ file: 'a.sql', sql }], big)[0]!.statements.flatMap(({ hazards }) => hazards.map(({ message }) => message));
  expect(messages('ALTER TABLE orders ADD c bigserial')[0]).toMatch(
    /^Rewrites `orders` \(41 GB\) and all its indexes: every/,
  );
  expect(messages('UPDATE orders SET at = now()')[0]).toContain('`orders` (41 GB, about 83 million rows)');
});

/** Reads through a line that falls silent at that query, and passes 15 s then. */
async function readUntilSilentAt(query: string): Promise<Facts | Error | undefined> {
  const line = await startPostgresProxy(postgres.url);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
    return line.stop();
  });
  const sent = line.silentFrom(query);
  let ended: Facts | Error | undefined;
  void readCatalog(line.url).then(
    read => (ended = read),
    error => (ended = error),
  );
  await sent;
  vi.advanceTimersByTime(15_000);
  await expect.poll(() => ended, { timeout: 5_000 }).toBeDefined();
  return ended;
}

it.each(['BEGIN ISOLATION LEVEL', 'pg_constraint'])(
  'ends where the server is gone without a word (at %s)',
  async at => {
    expect(await readUntilSilentAt(at)).toEqual(new Error('Query read timeout'));
  },
);

it('leaves unknown how far sequences are where the server is gone by then', async () => {
  const read = await readUntilSilentAt('pg_sequence_last_value');
  expect(read).toMatchObject({ relations: { 'app.orders_id_seq': { kind: 'sequence', lastValue: null } } });
});

it('is what lint asks when it is given a database', async () => {
  await writeFile(join(folder.dir, '1.sql'), 'ALTER TABLE orders ALTER code TYPE text;');
  const lint = fileURLToPath(new URL('../src/lint.ts', import.meta.url));
  const run = (...args: string[]) =>
    new Promise(resolve =>
      execFile(process.execPath, [lint, '1.sql', ...args], { cwd: folder.dir }, error => resolve(error?.code ?? 0)),
    );
  expect(await run()).toBe(1);
  expect(await run('--database-url', postgres.url)).toBe(0);
});
