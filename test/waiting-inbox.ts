import type pg from 'pg';
import { expect } from 'vitest';

/** Keeps the inbox from taking anything, from when something waits for it until what is to be done meanwhile is done. */
export async function whileInboxWaits<T>(
  database: pg.Pool,
  asked: () => Promise<T>,
  meanwhile: () => Promise<unknown>,
): Promise<T> {
  const client = await database.connect();
  try {
    await client.query('BEGIN; LOCK TABLE inbox IN EXCLUSIVE MODE');
    const taken = asked();
    const waits = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO inbox%' AND wait_event_type = 'Lock'";
    // In a transaction of its own each time: within one, Postgres shows what it saw first.
    await expect.poll(async () => (await database.query(waits)).rowCount, { interval: 5 }).toBeGreaterThan(0);
    await meanwhile();
    await client.query('COMMIT');
    return await taken;
  } finally {
    client.release();
  }
}
