import { beforeAll, describe, expect, it } from 'vitest';
import { type Facts, judge, parserReady, type Verdict } from '../src/domain/migration.ts';

// What looks as if it only adds or loosens, and makes INSERTs, upserts or connections of old code fail all the same.

beforeAll(parserReady);

const BLANK = {
  rows: 10,
  bytes: 8192,
  columns: {},
  constraints: [],
  indexes: [],
  partitionKey: [],
  lastValue: null,
  things: [],
};
const constraint = (name: string, kind: 'unique' | 'primary key' | 'check' | 'foreign key', column: string) => ({
  ...{ name, kind, valid: true, columns: [column], expression: kind === 'check' ? `${column} <> ''` : null },
});
const FACTS: Facts = {
  ...{ version: 180004, timeZone: 'UTC', searchPath: ['public'], functions: {}, ownFunctions: {}, domains: {} },
  things: ['extension hstore', 'schema public', 'type public.mood'],
  relations: {
    'public.users': {
      ...{ ...BLANK, kind: 'table' },
      things: ['trigger touch', 'policy own_rows'],
      constraints: [
        constraint('users_pkey', 'primary key', 'id'),
        constraint('users_email_key', 'unique', 'email'),
        constraint('users_email_check', 'check', 'email'),
        constraint('users_boss_fkey', 'foreign key', 'boss'),
      ],
      indexes: [{ name: 'fresh', unique: true, valid: true, columns: ['id'], plain: true }],
    },
    'public.ticket_seq': { ...BLANK, kind: 'sequence', lastValue: 500 },
  },
};

const verdictOf = (sql: string, facts: Facts | null = FACTS): Verdict => judge([{ file: '1_a.sql', sql }], facts)[0]!;
const breaks = ({ statements }: Verdict): string[] =>
  statements.flatMap(({ hazards }) => hazards.flatMap(({ rule, harm }) => (harm === 'breaks' ? [rule] : [])));

describe('a rule on a column that old code leaves out', () => {
  const add = (check: string, column = 'a int', more = ', ADD b int') =>
    verdictOf(`ALTER TABLE users ADD ${column}${more}; ALTER TABLE users ADD CONSTRAINT k ${check} NOT VALID`);

  it.each([
    'CHECK (a IS NOT NULL)',
    'CHECK (a > 0 AND a IS NOT NULL)',
    'CHECK (num_nonnulls(a, b) = 1)',
    'CHECK (COALESCE(a, 0) > 0)',
    'CHECK (a IS NOT DISTINCT FROM 1)',
    'CHECK ((a > 0) IS TRUE)',
    'CHECK (a IS NULL = false)',
    'CHECK (somebody_checks(a))',
    'NOT NULL a',
  ])('waits when it refuses NULL: %s', check => {
    expect(add(check).phase).toBe('contract');
  });

  it.each([
    'CHECK (a > 0)',
    'CHECK (a BETWEEN 1 AND 9 AND b <> 3)',
    'CHECK (a IN (1, 2))',
    'CHECK (a IS NULL OR a > 0)',
    'CHECK (NOT (a = 5))',
    'CHECK ((a::text) ~ $$x$$ AND length(a::text) < 9)',
    'CHECK (a = ANY (ARRAY[1, 2]))',
    'CHECK (a > b)',
  ])('comes first when NULL keeps it: %s', check => {
    expect(add(check)).toMatchObject({ phase: 'expand', mixed: false });
  });

  it('comes first when the column has a default that stays', () => {
    expect(add('CHECK (a IS NOT NULL)', 'a int DEFAULT 1')).toMatchObject({ phase: 'expand' });
    expect(add('NOT NULL a', 'a int DEFAULT 1')).toMatchObject({ phase: 'expand' });
    expect(add('CHECK (num_nonnulls(a, b) > 0)', 'a int DEFAULT 1').phase).toBe('contract');
    expect(add('CHECK (a IS NOT NULL)', 'a int DEFAULT 1', '; ALTER TABLE users ALTER a DROP DEFAULT').phase).toBe(
      'contract',
    );
  });

  it('counts in the definition of the column too', () => {
    expect(verdictOf('ALTER TABLE users ADD a int CHECK (a > 0)').phase).toBe('expand');
    expect(verdictOf('ALTER TABLE users ADD a int CHECK (a IS NOT NULL)').phase).toBe('contract');
    expect(verdictOf('ALTER TABLE users ADD a int DEFAULT 1 CHECK (a IS NOT NULL)').phase).toBe('expand');
    expect(verdictOf('ALTER TABLE users ADD a int DEFAULT 1 CHECK (email IS NOT NULL)').phase).toBe('contract');
  });
});

describe('a unique key on a column that old code leaves out', () => {
  const keyed = (column: string, key: string) => {
    const { phase, mixed } = verdictOf(`ALTER TABLE users ADD ${column}; ${key}`);
    return mixed ? 'mixed' : phase;
  };
  const INDEX = 'CREATE UNIQUE INDEX ON users (a)';
  const KEY = 'ALTER TABLE users ADD UNIQUE (a)';

  it.each([
    ['a int DEFAULT 0', INDEX],
    ['a int DEFAULT 0', KEY],
    ['a int DEFAULT 0', 'ALTER TABLE users ADD EXCLUDE (a WITH =)'],
    ['a int NOT NULL DEFAULT 0', 'ALTER TABLE users ADD PRIMARY KEY (a)'],
    ['a int GENERATED ALWAYS AS (length(email)) STORED', INDEX],
    ['a int', 'ALTER TABLE users ALTER a SET DEFAULT 0; CREATE UNIQUE INDEX ON users (a)'],
    ['a int', 'CREATE UNIQUE INDEX ON users (a) NULLS NOT DISTINCT'],
    ['a int', 'ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (a)'],
    ['a text', "CREATE UNIQUE INDEX ON users (coalesce(a, ''))"],
    ['a int DEFAULT now()::int', INDEX],
    ['a int DEFAULT 0, ADD b int DEFAULT 0', 'CREATE UNIQUE INDEX ON users (a, b)'],
    ['a int', 'CREATE UNIQUE INDEX ON users (a, email)'],
  ])('waits where its rows may meet: %s; %s', (column, key) => {
    expect(keyed(column, key)).toBe('mixed');
  });

  it.each([
    ['a int', INDEX],
    ['a int', KEY],
    ['a int', 'CREATE UNIQUE INDEX ON users (a) WHERE deleted_at IS NULL'],
    ['a text', 'CREATE UNIQUE INDEX ON users (lower(a))'],
    ['a uuid DEFAULT gen_random_uuid()', INDEX],
    ['a text DEFAULT gen_random_uuid()::text', 'ALTER TABLE users ADD UNIQUE NULLS NOT DISTINCT (a)'],
    ['a bigserial', INDEX],
    ['a bigserial', 'ALTER TABLE users ADD PRIMARY KEY (a)'],
    ['a int DEFAULT 0, ADD b int', 'CREATE UNIQUE INDEX ON users (a, b)'],
    ['a int DEFAULT 0', 'ALTER TABLE users ALTER a DROP DEFAULT; CREATE UNIQUE INDEX ON users (a)'],
  ])('comes first where they never meet: %s; %s', (column, key) => {
    expect(keyed(column, key)).toBe('expand');
  });

  it('counts in the definition of the column too', () => {
    expect(verdictOf('ALTER TABLE users ADD a int UNIQUE').phase).toBe('expand');
    expect(verdictOf('ALTER TABLE users ADD a uuid UNIQUE DEFAULT gen_random_uuid()').phase).toBe('expand');
    expect(verdictOf('ALTER TABLE users ADD a bigserial PRIMARY KEY').phase).toBe('expand');
    expect(verdictOf('ALTER TABLE users ADD a int UNIQUE DEFAULT 0').phase).toBe('contract');
    expect(verdictOf('ALTER TABLE users ADD a int UNIQUE NULLS NOT DISTINCT').phase).toBe('contract');
    expect(verdictOf('ALTER TABLE users ADD a int PRIMARY KEY DEFAULT 0').phase).toBe('contract');
  });
});

describe('a constraint that goes', () => {
  it.each([
    ['users_email_key', 'contract'],
    ['users_pkey', 'contract'],
    ['nobody_knows_it', 'contract'],
    ['users_email_check CASCADE', 'contract'],
    ['users_email_check', 'expand'],
    ['users_boss_fkey', 'expand'],
    ['IF EXISTS not_there', 'neutral'],
    ['users_email_key, ADD UNIQUE USING INDEX fresh', 'contract'],
  ])('waits when old code may need what it gives: %s', (which, phase) => {
    const verdict = verdictOf(`ALTER TABLE users DROP CONSTRAINT ${which}`);
    expect(breaks(verdict)).toEqual(phase === 'contract' ? ['drop-constraint'] : []);
    expect(verdict.phase).toBe(phase);
  });

  it('is not missed when another on the same columns takes its place', () => {
    const swap =
      'ALTER TABLE users DROP CONSTRAINT users_pkey, ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX fresh';
    expect(breaks(verdictOf(swap))).toEqual([]);
    expect(breaks(verdictOf(`-- no-transaction\n${swap.replace(', ADD', '; ALTER TABLE users ADD')}`))).toEqual([
      'drop-constraint',
    ]);
  });

  it('waits when there is no catalog that says what it is', () => {
    expect(verdictOf('ALTER TABLE users DROP CONSTRAINT users_email_check', null).phase).toBe('contract');
    const own = 'ALTER TABLE users ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ALTER TABLE users DROP CONSTRAINT k';
    expect(breaks(verdictOf(own, null))).toEqual([]);
  });
});

describe('what is dropped and made anew in one transaction', () => {
  const TRIGGER = 'CREATE TRIGGER touch BEFORE UPDATE ON users EXECUTE FUNCTION f()';
  const column = { type: 'integer', notNull: false, hasDefault: false, views: [] };
  const facts: Facts = {
    ...FACTS,
    relations: {
      'public.users': { ...FACTS.relations['public.users']!, columns: { id: column, email: column } },
      'public.active': { ...BLANK, kind: 'view', columns: { id: column, email: column } },
    },
  };
  const SQL = 'LANGUAGE sql AS $$ SELECT 1 $$';

  it.each([
    `DROP TRIGGER touch ON users; ${TRIGGER}`,
    `DROP TRIGGER IF EXISTS touch ON public.users; ${TRIGGER}`,
    'DROP VIEW active; CREATE VIEW active AS SELECT * FROM users WHERE id > 1',
    'DROP VIEW IF EXISTS active; CREATE VIEW public.active AS SELECT id, lower(email) AS email, 1 AS more FROM users',
    'DROP VIEW active; CREATE VIEW active (id, email) AS SELECT 1, 2 UNION SELECT 3, 4',
    `DROP FUNCTION f(int, character varying); CREATE FUNCTION f(a integer, b varchar(9), OUT c int) ${SQL}`,
  ])('is replaced: %s', sql => {
    const verdict = verdictOf(sql, facts);
    expect(verdict).toMatchObject({ phase: 'expand', mixed: false });
    expect(verdict.statements[0]?.hazards).toMatchObject([{ rule: 'replace-object', harm: 'warns' }]);
  });

  it.each([
    ['DROP TRIGGER touch ON users', 'drop-trigger'],
    [`-- no-transaction\nDROP TRIGGER touch ON users; ${TRIGGER}`, 'drop-trigger'],
    [`DROP TRIGGER touch ON users; ${TRIGGER.replace('ON users', 'ON hats')}`, 'drop-trigger'],
    [`DROP TRIGGER touch ON users; ${TRIGGER}; DROP TRIGGER touch ON users`, 'drop-trigger', 'drop-trigger'],
    ['DROP VIEW active; CREATE VIEW active AS SELECT id FROM users', 'drop-view'],
    ['DROP VIEW active; CREATE VIEW active AS SELECT * FROM nobody_knows', 'drop-view'],
    ['DROP VIEW active CASCADE; CREATE VIEW active AS SELECT * FROM users', 'drop-view'],
    [`DROP FUNCTION f(int); CREATE FUNCTION f(int, int) RETURNS int ${SQL}`, 'drop-function'],
    [`DROP FUNCTION f; CREATE FUNCTION f(int) RETURNS int ${SQL}`, 'drop-function'],
    ['DROP POLICY own_rows ON users; CREATE POLICY own_rows ON users USING (true)', 'change-policy'],
    ['DROP TABLE users; CREATE TABLE users (id int)', 'drop-table'],
  ])('waits where old code may miss something: %s', (sql, ...rules) => {
    expect(breaks(verdictOf(sql, facts))).toEqual(rules);
  });

  it.each([
    'DROP TRIGGER IF EXISTS other ON users; CREATE TRIGGER other BEFORE UPDATE ON users EXECUTE FUNCTION f()',
    'DROP POLICY IF EXISTS other ON users; CREATE POLICY other ON users USING (true)',
    "DROP TYPE IF EXISTS other; CREATE TYPE other AS ENUM ('a')",
    'DROP SCHEMA IF EXISTS other; CREATE SCHEMA other',
    'DROP EXTENSION IF EXISTS other',
  ])('was never there, as the catalog knows: %s', sql => {
    expect(breaks(verdictOf(sql, facts))).toEqual([]);
    expect(verdictOf(sql, facts).phase).not.toBe('contract');
  });

  it.each([
    'DROP TYPE IF EXISTS mood',
    'DROP EXTENSION IF EXISTS hstore',
    'ALTER TRIGGER touch ON users RENAME TO other; DROP TRIGGER IF EXISTS other ON users',
    'ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people; DROP TRIGGER IF EXISTS touch ON people',
    'ALTER TYPE mood RENAME TO other; DROP TYPE IF EXISTS other',
  ])('is there, perhaps by another name: %s', sql => {
    expect(breaks(verdictOf(sql, facts)).at(-1)).toMatch(/^drop-/);
  });
});

describe('what old code meets at its next INSERT or connection', () => {
  it.each([
    ['ALTER TABLE users ALTER id SET GENERATED ALWAYS', 'change-identity'],
    ['ALTER TABLE users ALTER id ADD GENERATED ALWAYS AS IDENTITY', 'change-identity'],
    ['ALTER TABLE users ALTER id RESTART WITH 1', 'change-identity'],
    ['ALTER SEQUENCE ticket_seq RESTART WITH 1', 'restart-sequence'],
    ['ALTER SEQUENCE ticket_seq RESTART', 'restart-sequence'],
    ['ALTER SEQUENCE ticket_seq MAXVALUE 1 NO CYCLE', 'limit-sequence'],
    ['ALTER SEQUENCE ticket_seq INCREMENT BY 50', 'limit-sequence'],
    ['ALTER SEQUENCE ticket_seq AS int', 'limit-sequence'],
    ["SELECT setval('ticket_seq', 1)", 'restart-sequence'],
    ['ALTER ROLE app NOLOGIN', 'change-settings'],
    ["ALTER ROLE app PASSWORD 'x'", 'change-settings'],
    ['ALTER ROLE app SET search_path = legacy', 'change-settings'],
    ['ALTER ROLE ALL RESET ALL', 'change-settings'],
    ['ALTER GROUP staff DROP USER app', 'revoke'],
    ['ALTER DATABASE shop SET default_transaction_read_only = on', 'change-settings'],
    ['ALTER DATABASE shop WITH ALLOW_CONNECTIONS false', 'change-settings'],
    ['ALTER POLICY p ON users USING (false)', 'change-policy'],
    ['CREATE EXTENSION IF NOT EXISTS hstore; DROP EXTENSION hstore CASCADE', 'drop-extension'],
  ])('waits until it is gone: %s', (sql, rule) => {
    expect(breaks(verdictOf(sql))).toEqual([rule]);
    expect(verdictOf(sql).phase).toBe('contract');
    if (!sql.startsWith('SELECT')) expect(verdictOf(sql, null).phase).toBe('contract');
  });

  it.each([
    'ALTER TABLE users ALTER id SET GENERATED BY DEFAULT',
    'ALTER TABLE users ALTER id ADD GENERATED BY DEFAULT AS IDENTITY',
    'ALTER TABLE users ADD a int NOT NULL DEFAULT 1; ALTER TABLE users ALTER a SET GENERATED ALWAYS',
    'ALTER SEQUENCE ticket_seq RESTART WITH 900',
    'ALTER SEQUENCE ticket_seq OWNED BY users.id',
    'ALTER SEQUENCE ticket_seq AS bigint NO MAXVALUE CACHE 20',
    'CREATE SEQUENCE s; ALTER SEQUENCE s RESTART WITH 1 MAXVALUE 5',
    "SELECT setval('public.ticket_seq', 501)",
    "SELECT setval('ticket_seq', (SELECT max(id) FROM users))",
    "CREATE TABLE n (id serial); SELECT pg_catalog.setval('public.n_id_seq', 1, false)",
    'ALTER ROLE app LOGIN CREATEDB',
    'CREATE ROLE fresh; ALTER ROLE fresh NOLOGIN; ALTER ROLE fresh SET statement_timeout = 1',
    'CREATE EXTENSION IF NOT EXISTS hstore',
  ])('may come first when nothing of it is lost: %s', sql => {
    expect(breaks(verdictOf(sql))).toEqual([]);
    expect(verdictOf(sql).phase).not.toBe('contract');
  });

  it('is a number that may be behind, when there is no catalog: a person is told', () => {
    const verdict = verdictOf("SELECT setval('ticket_seq', 1)", null);
    expect(verdict.phase).toBe('neutral');
    expect(verdict.statements[0]?.hazards).toMatchObject([{ rule: 'restart-sequence', harm: 'warns' }]);
  });
});

describe('a sequence that came with a new table', () => {
  const restart = (before: string, to = 'ALTER SEQUENCE t_id_seq RESTART WITH 2') => {
    const { phase, mixed } = verdictOf(`${before}; ${to}`, null);
    return { phase, mixed };
  };

  it.each([
    'CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t VALUES (1)',
    'CREATE TABLE public.t (id int GENERATED BY DEFAULT AS IDENTITY); INSERT INTO t VALUES (1)',
  ])('may start where it likes: %s', before => {
    expect(restart(before)).toEqual({ phase: 'expand', mixed: false });
    expect(restart(before, "SELECT setval('t_id_seq', 2)")).toEqual({ phase: 'expand', mixed: false });
  });

  it.each([
    'CREATE TABLE t (id int)',
    'CREATE TABLE t (no serial)',
    'CREATE TABLE app.t (id serial)',
    'ALTER TABLE t RENAME TO old; CREATE TABLE t (id serial)',
  ])('is not one that was there before: %s', before => {
    expect(restart(before).phase).toBe('contract');
  });
});

describe('a rename with a view in its place', () => {
  const moved = (view: string, move = 'RENAME TO people') => verdictOf(`ALTER TABLE users ${move}; ${view}`);

  it.each([
    'CREATE TEMP VIEW users AS SELECT * FROM people',
    'CREATE VIEW users AS SELECT id FROM people',
    'CREATE VIEW users AS SELECT *, 1 AS one FROM people',
    'CREATE VIEW users AS SELECT * FROM people WHERE id > 5',
    'CREATE VIEW users AS SELECT * FROM people LIMIT 5',
    'CREATE VIEW users AS SELECT DISTINCT * FROM people',
    'CREATE VIEW users AS SELECT * FROM people UNION SELECT * FROM people',
    'CREATE VIEW users AS SELECT * FROM hats',
    'CREATE VIEW users (a) AS SELECT * FROM people',
    'CREATE VIEW users WITH (security_barrier = true) AS SELECT * FROM people',
    'CREATE VIEW users AS SELECT * FROM people p (a)',
    'CREATE VIEW users AS SELECT * FROM other.people',
    'CREATE VIEW other.users AS SELECT * FROM people',
  ])('has no safe phase unless that shows all of it to everybody: %s', view => {
    expect(moved(view)).toMatchObject({ phase: 'contract', noSafePhase: true });
  });

  it.each([
    'CREATE VIEW users AS SELECT * FROM public.people',
    'CREATE VIEW public.users AS SELECT * FROM people',
    'CREATE VIEW users AS SELECT people.* FROM people',
    'CREATE VIEW users AS SELECT p.* FROM people p',
    'CREATE VIEW users WITH (security_invoker = true) AS SELECT * FROM people',
  ])('comes first however that is written: %s', view => {
    expect(moved(view)).toMatchObject({ phase: 'expand', mixed: false, noSafePhase: false });
    const without = verdictOf(`ALTER TABLE users RENAME TO people; ${view}`, null);
    expect(without).toMatchObject({ phase: 'expand', mixed: false, noSafePhase: false });
  });

  it('may list its columns when the catalog says that those are all', () => {
    const column = { type: 'integer', notNull: false, hasDefault: false, views: [] };
    const facts: Facts = {
      ...{ ...FACTS, searchPath: ['app', 'public'] },
      relations: { 'public.users': { ...BLANK, kind: 'table', columns: { id: column, email: column } } },
    };
    const listed = (columns: string, known: Facts | null = facts) =>
      verdictOf(`ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT ${columns} FROM people`, known);
    expect(listed('id, email')).toMatchObject({ phase: 'expand', noSafePhase: false });
    for (const other of ['id', 'email, id', 'id, email AS id', 'id, lower(email)', 'id, email, 1']) {
      expect(listed(other).noSafePhase).toBe(true);
    }
    expect(listed('id, email', null).noSafePhase).toBe(true);
  });

  it('comes first when it does', () => {
    expect(moved('CREATE VIEW users AS SELECT * FROM people')).toMatchObject({ phase: 'expand', noSafePhase: false });
    expect(moved('CREATE VIEW users AS SELECT * FROM crm.users', 'SET SCHEMA crm').noSafePhase).toBe(false);
    expect(moved('CREATE VIEW users AS SELECT * FROM users', 'SET SCHEMA crm').noSafePhase).toBe(true);
  });
});
