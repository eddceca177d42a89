import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';

const dir = fileURLToPath(new URL('schema', import.meta.url));

/** Brings our own tables up to date. Several processes may do so at once: the later ones wait for the first. */
export async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    // A process that is frozen here must not keep all others from starting. Not known to Postgres 13.
    await client.query(
      "SELECT set_config(name, '60000', false) FROM pg_settings WHERE name ~ '^idle_(in_transaction_)?session_timeout$'",
    );
    await runner({
      dbClient: client,
      dir,
      direction: 'up',
      migrationsTable: 'switchover_migrations',
      advisoryLockMode: 'wait',
      log: () => {},
    });
  } finally {
    // Not kept: after a failure node-pg-migrate leaves its lock on the connection.
    client.release(true);
  }
}

/** Files of the schema that the database has not had. Changes nothing. */
export async function missingTables(client: pg.ClientBase): Promise<string[]> {
  const names = (await readdir(dir)).map(file => basename(file, '.sql')).sort();
  const [found] = (
    await client.query<{ known: boolean }>("SELECT to_regclass('switchover_migrations') IS NOT NULL AS known")
  ).rows;
  if (!found?.known) return names;
  const { rows } = await client.query<{ name: string }>('SELECT name FROM switchover_migrations');
  return names.filter(name => !rows.some(row => row.name === name));
}
