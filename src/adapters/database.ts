import { join } from 'node:path';
import type pg from 'pg';
import { connect, startEmbedded } from './postgres.ts';
import { migrate } from './schema.ts';

export type Database = { url: string; pool: pg.Pool; close(): Promise<void> };

/** The bot's database with its tables up to date: the one at the address, or a private one under the data folder. */
export async function openDatabase(
  { url, dataDir }: { url: string | undefined; dataDir: string },
  onError: (error: Error) => void,
): Promise<Database> {
  const embedded = url ? null : await startEmbedded(join(dataDir, 'database'));
  const address = url ?? embedded?.url ?? '';
  const pool = connect(address, onError);
  await migrate(pool);
  return {
    url: address,
    pool,
    close: async () => {
      await pool.end();
      await embedded?.stop();
    },
  };
}
