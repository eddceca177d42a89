import type pg from 'pg';
import type {
  ColumnFacts,
  ConstraintFacts,
  Facts,
  IndexFacts,
  RelationFacts,
  Volatility,
} from '../domain/migration/facts.ts';
import { connect } from './postgres.ts';

/** Ours, where the server that should keep the others is gone without a word. */
const ANSWER_WITHIN_MS = 15_000;
const LIMITS = "SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '500ms'";
/** Fewer than `max_locks_per_transaction` allows everybody (64), with room for the catalog's own. */
const SEQUENCES_AT_ONCE = 40;

/**
 * What a database's catalog says of itself, for judging migrations. Nothing is written, and nobody waits for it:
 * read-only transactions, at most 10 s a query, half a second for a lock.
 */
export async function readCatalog(url: string): Promise<Facts> {
  const pool = connect(url, () => {}, { query_timeout: ANSWER_WITHIN_MS });
  try {
    const client = await pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(LIMITS);
      return await readFacts(client);
    } finally {
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}

async function readFacts(client: pg.PoolClient): Promise<Facts> {
  const [session] = (await client.query<Session>(SESSION)).rows;
  const relations = (await client.query<RelationRow>(RELATIONS)).rows;
  const columns = groupBy((await client.query<Owned<ColumnFacts & { name: string }>>(COLUMNS)).rows);
  const constraints = groupBy((await client.query<Owned<ConstraintFacts>>(CONSTRAINTS)).rows);
  const indexes = groupBy((await client.query<Owned<IndexFacts>>(INDEXES)).rows);
  const functions = (await client.query<{ name: string; volatility: Volatility }>(FUNCTIONS)).rows;
  const own = (await client.query<{ name: string; count: number }>(OWN_FUNCTIONS)).rows;
  const domains = (await client.query<Facts['domains'][string] & { name: string }>(DOMAINS)).rows;
  const things = (await client.query<{ key: string }>(THINGS)).rows;
  const owned = groupBy((await client.query<Owned<{ name: string }>>(OWNED_THINGS)).rows);
  await client.query('COMMIT');
  const sequences = relations.filter(({ kind }) => kind === 'sequence').map(({ oid }) => oid);
  const lastValues = await readLastValues(client, sequences);
  return {
    version: session?.version ?? 0,
    timeZone: session?.timeZone ?? '',
    searchPath: session?.searchPath ?? [],
    relations: Object.fromEntries(
      relations.map(({ oid, key, bytes, ...relation }): [string, RelationFacts] => [
        key,
        {
          ...relation,
          bytes: Number(bytes),
          lastValue: lastValues.get(oid) ?? null,
          columns: Object.fromEntries((columns.get(oid) ?? []).map(({ name, ...column }) => [name, column])),
          constraints: constraints.get(oid) ?? [],
          indexes: indexes.get(oid) ?? [],
          things: (owned.get(oid) ?? []).map(({ name }) => name),
        },
      ]),
    ),
    functions: Object.fromEntries(functions.map(({ name, volatility }) => [name, volatility])),
    ownFunctions: Object.fromEntries(own.map(({ name, count }) => [name, count])),
    domains: Object.fromEntries(domains.map(({ name, ...domain }) => [name, domain])),
    things: things.map(({ key }) => key),
  };
}

/**
 * Reading a sequence locks it until the transaction ends, so that thousands in one would fill the lock table of the
 * whole server: a few at a time. One that somebody keeps from us leaves the rest unknown, which is judged with care.
 */
async function readLastValues(
  client: pg.PoolClient,
  sequences: readonly number[],
): Promise<Map<number, number | null>> {
  const values = new Map<number, number | null>();
  try {
    for (let at = 0; at < sequences.length; at += SEQUENCES_AT_ONCE) {
      await client.query(`BEGIN READ ONLY; ${LIMITS}`);
      const some = sequences.slice(at, at + SEQUENCES_AT_ONCE);
      const { rows } = await client.query<{ oid: number; value: number | null }>(LAST_VALUES, [some]);
      await client.query('COMMIT');
      for (const { oid, value } of rows) values.set(oid, value);
    }
  } catch {
    // Those that are not read stay unknown.
  }
  return values;
}

type Session = Pick<Facts, 'version' | 'timeZone' | 'searchPath'>;
/** `bytes` is a bigint, which arrives as text. */
type RelationRow = Pick<RelationFacts, 'kind' | 'rows' | 'partitionKey'> & {
  oid: number;
  key: string;
  bytes: string;
};
type Owned<T> = T & { owner: number };

function groupBy<T>(rows: readonly Owned<T>[]): Map<number, Omit<Owned<T>, 'owner'>[]> {
  const groups = new Map<number, Omit<Owned<T>, 'owner'>[]>();
  for (const { owner, ...row } of rows) groups.set(owner, [...(groups.get(owner) ?? []), row]);
  return groups;
}

const SESSION = `
  SELECT current_setting('server_version_num')::int AS version, current_setting('TimeZone') AS "timeZone",
         current_schemas(false)::text[] AS "searchPath"`;

const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`;

const RELATIONS = `
  SELECT c.oid::int, n.nspname || '.' || c.relname AS key,
         CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view'
                        WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'index' END AS kind,
         CASE WHEN c.reltuples >= 0 THEN c.reltuples::float8 END AS rows,
         CASE WHEN c.relkind IN ('p', 'I')
              THEN (SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree(c.oid))
              ELSE coalesce(pg_total_relation_size(c.oid), 0) END AS bytes,
         ARRAY(SELECT a.attname::text FROM pg_partitioned_table p, unnest(p.partattrs) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attnum = k.attnum AND a.attrelid = c.oid
               WHERE p.partrelid = c.oid AND p.partexprs IS NULL ORDER BY k.place) AS "partitionKey"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I') AND ${OURS}`;

// The function fails for those that we may not read, or says nothing, as it does of one that was never used.
const LAST_VALUES = `
  SELECT oid::int, CASE WHEN has_sequence_privilege(oid, 'USAGE,SELECT')
                        THEN coalesce(pg_sequence_last_value(oid), 0)::float8 END AS value
  FROM pg_class WHERE oid = ANY ($1::int[]::oid[]) AND relkind = 'S'`;

// A view depends on the columns that it reads through its rewrite rule.
const COLUMNS = `
  SELECT a.attrelid::int AS owner, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
         a.attnotnull AS "notNull", a.atthasdef OR a.attidentity <> '' AS "hasDefault",
         ARRAY(SELECT DISTINCT v.oid::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
               JOIN pg_class v ON v.oid = r.ev_class
               WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
               ORDER BY 1) AS views
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND ${OURS}
  ORDER BY a.attrelid, a.attnum`;

const CONSTRAINTS = `
  SELECT k.conrelid::int AS owner, k.conname::text AS name, k.convalidated AS valid,
         CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
                        WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'other' END AS kind,
         ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = ANY (k.conkey)) AS columns,
         CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
  WHERE k.conrelid <> 0 AND ${OURS} ORDER BY k.oid`;

// The columns of its expressions and condition are known by what it depends on.
const INDEXES = `
  SELECT i.indrelid::int AS owner, c.relname::text AS name, i.indisunique AS "unique", i.indisvalid AS valid,
         i.indexprs IS NULL AND i.indpred IS NULL AS plain,
         ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = i.indrelid AND attnum > 0
               AND (attnum = ANY (i.indkey) OR attnum IN (SELECT refobjsubid FROM pg_depend
                    WHERE classid = 'pg_class'::regclass AND objid = i.indexrelid AND refobjid = i.indrelid))) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS} ORDER BY i.indexrelid`;

const FUNCTIONS = `
  SELECT proname::text AS name,
         CASE WHEN bool_or(provolatile = 'v') THEN 'volatile' WHEN bool_or(provolatile = 's') THEN 'stable'
              ELSE 'immutable' END AS volatility
  FROM pg_proc GROUP BY proname`;

// An extension's functions depend on it.
const OWN_FUNCTIONS = `
  SELECT p.proname::text AS name, count(*)::int AS count FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE ${OURS} AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
  GROUP BY p.proname`;

const DOMAINS = `
  SELECT t.typname::text AS name, format_type(t.typbasetype, t.typtypmod) AS base,
         t.typnotnull OR EXISTS (SELECT FROM pg_constraint WHERE contypid = t.oid) AS constrained,
         t.typnotnull AND t.typdefault IS NULL AS required
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype = 'd' AND ${OURS}`;

const THINGS = `
  SELECT 'type ' || n.nspname || '.' || t.typname AS key FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${OURS}
  UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
  UNION ALL SELECT 'extension ' || extname FROM pg_extension`;

const OWNED_THINGS = `
  SELECT tgrelid::int AS owner, 'trigger ' || tgname AS name FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT polrelid::int, 'policy ' || polname FROM pg_policy`;
