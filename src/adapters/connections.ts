import pg from 'pg';
import { directDatabase } from '../domain/direct-database.ts';
import type { Connections } from '../domain/health.ts';
import type { Heroku } from '../outside.ts';
import { connectionTo } from './postgres.ts';

/** SQLSTATE of the server's own limit, a database's and a role's (postgresql.org, error codes). */
const TOO_MANY_CONNECTIONS = '53300';
const ANSWER_WITHIN_MS = 5_000;

/**
 * The tightest of the limits that Postgres holds this role to: its own (too many connections for role), its database's,
 * the server's less what it reserves. Rows of others are counted without being read.
 */
const COUNT = `
  WITH limits AS (
    SELECT rolconnlimit::int AS most,
           (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid())::int AS used
      FROM pg_roles WHERE rolname = current_user
    UNION ALL
    SELECT datconnlimit::int,
           (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())::int
      FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
           (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid())::int
  )
  SELECT most AS "limit", used FROM limits WHERE most >= 0 ORDER BY most - used LIMIT 1`;

/** Counts the connections to a database now, over one of a moment that can write nothing, and is not counted itself. */
export async function countConnections(url: string): Promise<Connections> {
  const client = new pg.Client({
    ...connectionTo(url),
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
    application_name: 'switchover',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN READ ONLY');
    const { rows } = await client.query<Connections>(COUNT);
    const [counted] = rows;
    if (!counted) throw new Error('The database tells no limit of its connections');
    return counted;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Heroku, which remembers in memory alone where an app's database is, so that to count costs no call. */
export function withDatabases(heroku: Heroku): {
  heroku: Heroku;
  connections: (app: string) => Promise<Connections | null>;
} {
  const urls = new Map<string, string | null>();
  const limits = new Map<string, number>();
  const config: Heroku['config'] = async app => {
    const vars = await heroku.config(app);
    const database = directDatabase(vars);
    urls.set(app, database.kind === 'direct' ? database.url : null);
    return vars;
  };
  const connections = async (app: string): Promise<Connections | null> => {
    if (!urls.has(app)) await config(app);
    const url = urls.get(app) ?? null;
    if (url === null) return null;
    try {
      const counted = await countConnections(url);
      limits.set(app, counted.limit);
      return counted;
    } catch (error) {
      const limit = limits.get(app);
      const isFull = error instanceof Error && 'code' in error && error.code === TOO_MANY_CONNECTIONS;
      if (!isFull || limit === undefined) throw error;
      return { limit, used: limit };
    }
  };
  return { heroku: { ...heroku, config }, connections };
}
