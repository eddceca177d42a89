import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';

const dir = fileURLToPath(new URL('schema', import.meta.url));

/** Brings our own tables up to date. Several processes may do so at once: the later ones wait for the first. */
export async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
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
