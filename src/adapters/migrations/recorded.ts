import { setTimeout as sleep } from 'node:timers/promises';
import { PG_MIGRATE_LOCK_ID } from 'node-pg-migrate';
import pg from 'pg';
import type { Applied } from '../../domain/migration-folder.ts';
import type { Blocker } from '../../domain/migration-outcome.ts';
import { HOLDERS, openSession, takeLock } from './session.ts';

/** What node-pg-migrate's tables hold. One that does not exist holds nothing. */
export const namesIn = (connection: pg.ClientConfig, tables: readonly string[]): Promise<Applied> =>
  asking(connection, client => readNames(client, tables));

/** Who holds node-pg-migrate's lock. */
export const holdersOf = (connection: pg.ClientConfig): Promise<Blocker[]> =>
  asking(connection, async client => (await client.query<Blocker>(HOLDERS, [PG_MIGRATE_LOCK_ID])).rows);

async function asking<T>(connection: pg.ClientConfig, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  // The first is the server's to keep, the second ours where the server is gone without a word.
  const limits = { connectionTimeoutMillis: 10_000, statement_timeout: 10_000, query_timeout: 15_000 };
  const client = new pg.Client({ ...connection, ...limits });
  client.on('error', () => {});
  try {
    await client.connect();
    return await ask(client);
  } finally {
    // Not waited for: a server that is gone says no goodbye.
    void client.end().catch(() => {});
  }
}

/** The same once nobody migrates any more: a connection may outlive whom it belonged to. Null when that takes over `ms`. */
export async function namesOnceFree(
  connection: pg.ClientConfig,
  tables: readonly string[],
  ms: number,
): Promise<Applied | null> {
  const session = await openSession({ ...connection, query_timeout: 20_000 });
  try {
    if (await takeLock(session, ms, () => {})) return null;
    return await readNames(session.client, tables);
  } finally {
    // A server that is gone says no goodbye; any other has let go of the lock by then.
    await Promise.race([session.close(), sleep(1_000)]);
  }
}

async function readNames(client: pg.Client, tables: readonly string[]): Promise<Applied> {
  const applied: Record<string, string[]> = {};
  for (const table of tables) {
    applied[table] = await namesOf(client, table);
    for (const other of await elsewhere(client, table)) applied[other] = [];
  }
  return applied;
}

/** node-pg-migrate's table in other schemas (its `migrationsSchema`), where there is none in `public`. */
async function elsewhere(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ found: string }>(
    `SELECT quote_ident(nspname) || '.' || relname AS found FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relname = $1 AND relkind IN ('r', 'p') AND relpersistence <> 't' AND to_regclass($2) IS NULL
       AND 2 = (SELECT count(*) FROM pg_attribute
         WHERE attrelid = pg_class.oid AND attname IN ('name', 'run_on') AND NOT attisdropped)
     ORDER BY nspname`,
    [table, `public.${table}`],
  );
  return rows.map(({ found }) => found);
}

/** In `public`, where node-pg-migrate keeps them unless it is told otherwise, in the order in which they ran. */
export async function namesOf(client: pg.Client, table: string): Promise<string[]> {
  const [found] = (await client.query('SELECT to_regclass($1) AS found', [`public.${table}`])).rows;
  if (!found?.found) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM public.${table} ORDER BY run_on, id`);
  return rows.map(({ name }) => name);
}
