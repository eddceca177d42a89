import { beforeAll, describe, expect, it } from 'vitest';
import { type Facts, judge, parserReady, type Verdict } from '../src/domain/migration.ts';

// What runs inside a statement: functions wherever they are called, queries inside others, and what a name means by then.

beforeAll(parserReady);

const relation = (columns: string[]): Facts['relations'][string] => ({
  ...{
    kind: 'table',
    rows: 10,
    bytes: 8192,
    constraints: [],
    indexes: [],
    partitionKey: [],
    lastValue: null,
    things: [],
  },
  columns: Object.fromEntries(
    columns.map(name => [name, { type: 'integer', notNull: false, hasDefault: false, views: [] }]),
  ),
});

/** A database whose people made functions of their own, two of them named like Postgres's. */
const FACTS: Facts = {
  ...{ version: 180004, timeZone: 'UTC', searchPath: ['public'], domains: {}, things: [] },
  relations: { 'public.users': relation(['id', 'seq', 'name']), 'legacy.invoices': relation(['id']) },
  functions: {
    ...{ drop_legacy: 'volatile', trunc: 'volatile', pg_wipe: 'volatile', price_of: 'immutable' },
    ...{ lower: 'immutable', upper: 'immutable', now: 'stable', uuid_generate_v4: 'volatile', lo_unlink: 'volatile' },
  },
  ownFunctions: { drop_legacy: 1, trunc: 1, pg_wipe: 1, price_of: 1 },
};

const verdictOf = (sql: string, facts: Facts | null = FACTS): Verdict => judge([{ file: '1_a.sql', sql }], facts)[0]!;
const rulesOf = ({ statements }: Verdict): string[] => [
  ...new Set(statements.flatMap(({ hazards }) => hazards.map(({ rule }) => rule))),
];
const block = (code: string, declared = '') => `DO $$ DECLARE n int; r record; ${declared} BEGIN ${code} END $$`;
const define = (name: string, body: string, how = 'CREATE') =>
  `${how} FUNCTION ${name}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN 1; END $$;`;

describe('a function that nobody can read', () => {
  it.each([
    'SELECT drop_legacy()',
    'SELECT * FROM drop_legacy()',
    'SELECT 1 FROM users JOIN LATERAL drop_legacy() ON true',
    'SELECT 1 WHERE drop_legacy() = 1',
    'SELECT 1 ORDER BY drop_legacy()',
    'VALUES (drop_legacy())',
    'WITH x AS (SELECT drop_legacy()) SELECT 1 FROM x',
    'SELECT 1 UNION ALL SELECT drop_legacy()',
    'INSERT INTO users SELECT drop_legacy()',
    'INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET seq = drop_legacy()',
    'UPDATE users SET seq = drop_legacy() WHERE id = 1',
    'MERGE INTO users u USING legacy.invoices i ON u.id = i.id WHEN MATCHED THEN UPDATE SET seq = drop_legacy()',
    'CREATE TABLE x AS SELECT drop_legacy()',
    'CREATE MATERIALIZED VIEW x AS SELECT drop_legacy()',
    'COPY (SELECT drop_legacy()) TO STDOUT',
    'DECLARE c CURSOR FOR SELECT drop_legacy()',
    'EXPLAIN ANALYZE SELECT * FROM drop_legacy()',
    'CALL p(drop_legacy())',
    "SELECT ops.trunc('users')",
    "SELECT trunc('users')",
    'SELECT pg_wipe()',
    'SELECT pg_catalog.lo_unlink(5)',
    'SELECT nobody_knows()',
    block('n := drop_legacy();'),
    block('n = 1 + drop_legacy();'),
    block('a[drop_legacy()] := 1;', 'a int[];'),
    block('NULL;', 'm int := drop_legacy();'),
    block('IF drop_legacy() > 0 THEN NULL; END IF;'),
    block('WHILE drop_legacy() > 0 LOOP NULL; END LOOP;'),
    block('FOR r IN SELECT * FROM drop_legacy() LOOP NULL; END LOOP;'),
    block('FOR i IN 1..drop_legacy() LOOP NULL; END LOOP;'),
    block('PERFORM * FROM drop_legacy();'),
    block("RAISE NOTICE '%', drop_legacy();"),
    `${define('a', 'PERFORM drop_legacy();')} SELECT a()`,
    'CREATE FUNCTION a() RETURNS int LANGUAGE sql RETURN drop_legacy(); SELECT a()',
  ])('needs a person wherever it is called: %s', sql => {
    const verdict = verdictOf(sql);
    expect(rulesOf(verdict)).toContain('dynamic-sql');
    expect(verdict.phase).toBe('contract');
  });

  it('is one of a name that another schema has too, when there is no catalog to ask', () => {
    expect(rulesOf(verdictOf("SELECT ops.trunc('users')", null))).toEqual(['dynamic-sql']);
    expect(rulesOf(verdictOf('SELECT pg_wipe()', null))).toEqual(['dynamic-sql']);
    expect(rulesOf(verdictOf(`${define('s.a', '')} SELECT r.a()`, null))).toEqual(['dynamic-sql']);
  });
});

describe('a function that the batch defines', () => {
  it.each([
    `${define('b', 'DROP TABLE users;')} SELECT * FROM b()`,
    `${define('b', 'DROP TABLE users;')} ${block('n := b();')}`,
    `${define('b', 'DROP TABLE users;')} ${define('a', 'PERFORM b();')} SELECT a()`,
    `${define('b', 'DROP TABLE users; PERFORM a();')} ${define('a', 'PERFORM b(); PERFORM a();')} SELECT a()`,
    `${define('b', 'DROP TABLE users;')} CREATE FUNCTION b(n text) RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT b()`,
  ])('is judged by what it and those that it calls do: %s', sql => {
    expect(rulesOf(verdictOf(sql))).toEqual(['drop-table']);
  });

  it('is not the one of the catalog that shares its name, unless it replaces that', () => {
    expect(rulesOf(verdictOf(`${define('drop_legacy', '')} SELECT drop_legacy()`))).toEqual(['dynamic-sql']);
    const replaced = `${define('drop_legacy', '', 'CREATE OR REPLACE')} SELECT drop_legacy()`;
    expect(rulesOf(verdictOf(replaced))).toEqual(['replace-object']);
    const renewed = `DROP FUNCTION drop_legacy(); ${define('drop_legacy', '')} SELECT drop_legacy()`;
    expect(rulesOf(verdictOf(renewed))).toEqual(['replace-object']);
  });
});

describe('functions that only compute', () => {
  it.each([
    ['SELECT count(*), max(seq), lower(name) FROM users', 'neutral'],
    ['SELECT extract(epoch FROM now()), trim(name), position($$a$$ IN name) FROM users', 'neutral'],
    ["UPDATE users SET name = regexp_replace(upper(name), 'A', 'b'), seq = price_of(seq) WHERE id = 1", 'neutral'],
    ['INSERT INTO users SELECT generate_series(1, 9), floor(random() * 9), gen_random_uuid()', 'neutral'],
    ['INSERT INTO users (name) VALUES (public.uuid_generate_v4()), (encode(gen_random_bytes(8), $$hex$$))', 'neutral'],
    ['CREATE TABLE x AS SELECT jsonb_build_object($$a$$, name), to_char(now(), $$YYYY$$) FROM users', 'expand'],
    ["SELECT pg_catalog.set_config('app.user', '1', false), pg_catalog.pg_get_viewdef(1)", 'neutral'],
    ["SELECT 1 FROM users WHERE name LIKE 'a#_%' ESCAPE '#' OR name SIMILAR TO 'a#_%' ESCAPE '#'", 'neutral'],
    [
      block("IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = lower('A')) THEN n := length('x'); END IF;"),
      'neutral',
    ],
  ])('change nothing: %s', (sql, phase) => {
    for (const facts of [FACTS, null]) {
      const readable = facts ? sql : sql.replace('price_of(seq)', 'seq').replace('public.uuid', 'uuid');
      expect(rulesOf(verdictOf(readable, facts))).toEqual([]);
      expect(verdictOf(readable, facts).phase).toBe(phase);
    }
  });
});

describe('a statement inside another', () => {
  it.each([
    ['CREATE TABLE old AS WITH d AS (DELETE FROM users RETURNING *) SELECT * FROM d', 'delete-data'],
    ['WITH d AS (DELETE FROM users RETURNING *) SELECT * INTO old FROM d', 'delete-data'],
    ['COPY (DELETE FROM users RETURNING *) TO STDOUT', 'delete-data'],
    ['COPY (WITH d AS (DELETE FROM users RETURNING *) SELECT * FROM d) TO STDOUT', 'delete-data'],
    ["COPY users TO PROGRAM 'cat'", 'dynamic-sql'],
    ['CREATE TABLE x AS EXECUTE prepared', 'dynamic-sql'],
  ])('counts as if it stood alone: %s', (sql, rule) => {
    expect(rulesOf(verdictOf(sql))).toContain(rule);
    expect(verdictOf(sql).phase).toBe('contract');
  });

  it('that only reads is none', () => {
    expect(verdictOf('COPY (SELECT lower(name) FROM users) TO STDOUT').phase).toBe('neutral');
    expect(verdictOf('CREATE TABLE x AS SELECT drop_legacy() WITH NO DATA')).toMatchObject({ phase: 'expand' });
  });
});

describe('a name whose schema nobody knows', () => {
  it.each([
    "SELECT set_config('search_path', 'legacy', true);",
    "SELECT pg_catalog.set_config('search_path', 'legacy', false);",
    "SELECT set_config('search' || '_path', 'legacy', true);",
    "UPDATE users SET name = set_config('search_path', 'legacy', true) WHERE id = 1;",
    `${block("PERFORM set_config('search_path', 'legacy', true);")};`,
    `${block('SET LOCAL search_path = legacy;')};`,
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SET search_path = legacy'; SELECT f();",
    'SAVEPOINT a; SET LOCAL search_path = ops; ROLLBACK TO a;',
    'SET ROLE legacy;',
    "SET SESSION AUTHORIZATION 'legacy';",
    `${block("EXECUTE 'SET search_path = legacy';")};`,
    'SELECT drop_legacy();',
  ])('may be there, so that its DROP counts: %s', before => {
    for (const drop of ['DROP TABLE IF EXISTS invoices', 'ALTER TABLE IF EXISTS users DROP COLUMN IF EXISTS total']) {
      const verdict = verdictOf(`${before} ${drop}`);
      expect(rulesOf(verdict)).toContain(drop.startsWith('DROP') ? 'drop-table' : 'drop-column');
      expect(verdict.phase).toBe('contract');
    }
  });

  it('is not what the batch made before on another path', () => {
    const moved = "CREATE TABLE n (id int); SELECT set_config('search_path', 'legacy', true); DROP TABLE n";
    expect(rulesOf(verdictOf(moved, null))).toEqual(['drop-table']);
    const undone = 'SAVEPOINT a; SET LOCAL search_path = ops; CREATE TABLE n (); ROLLBACK TO a; DROP TABLE n';
    expect(rulesOf(verdictOf(undone, null))).toEqual(['drop-table']);
    expect(rulesOf(verdictOf('CREATE TEMP TABLE n (); DROP TABLE public.n', null))).toEqual(['drop-table']);
  });

  it('is known again when it is said, when its path is, and where it was made since', () => {
    const lost = "SELECT pg_catalog.set_config('search_path', '', false);";
    expect(rulesOf(verdictOf(`${lost} DROP TABLE IF EXISTS public.invoices`))).toEqual([]);
    expect(rulesOf(verdictOf(`${lost} SET search_path = public; DROP TABLE IF EXISTS invoices`))).toEqual([]);
    expect(rulesOf(verdictOf(`${lost} CREATE TABLE n (id int); CREATE INDEX ON n (id); DROP TABLE n`))).toEqual([]);
    expect(rulesOf(verdictOf('CREATE TEMP TABLE n (id int); CREATE INDEX ON n (id); DROP TABLE n'))).toEqual([]);
    expect(rulesOf(verdictOf('SET search_path = ops; RESET ALL; DROP TABLE IF EXISTS invoices'))).toEqual([]);
  });
});
