import type { Socket } from 'node:net';
import { join } from 'node:path';
import type pg from 'pg';
import { connect, startEmbedded } from './postgres.ts';
import { migrate } from './schema.ts';

export type Database = { url: string; pool: pg.Pool; close(): Promise<void> };

/** A connection that broke without a word would be waited for until TCP gives up: a quarter of an hour. */
const ANSWER_WITHIN_MS = 15_000;

/** Breaks it as the network would: so whoever waits for an answer hears of it, and it goes back to no pool. */
function breakWhenSilent(client: pg.PoolClient, ms: number): void {
  const { connection } = client as unknown as { connection: { stream: Socket } };
  connection.stream.setTimeout(ms).on('timeout', () => {
    // Nobody waits where none was asked.
    if ('readyForQuery' in client && client.readyForQuery) return;
    const error = new Error(`The database has not answered for ${ms} ms`);
    connection.stream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  });
}

/** The bot's database with its tables up to date: the one at the address, or a private one under the data folder. */
export async function openDatabase(
  {
    url,
    dataDir,
    answerWithinMs = ANSWER_WITHIN_MS,
  }: { url: string | undefined; dataDir: string; answerWithinMs?: number },
  onError: (error: Error) => void,
): Promise<Database> {
  const onGone = () => {
    onError(
      new Error('The private Postgres has ended. So does this process: started anew, it starts its database, too.'),
    );
    process.exit(1);
  };
  const embedded = url ? null : await startEmbedded(join(dataDir, 'database'), { onGone });
  const address = url ?? embedded?.url ?? '';
  const tables = connect(address, onError, { max: 1 });
  // Changes of our own tables may take longer than any other query, but nobody starts anew what waits for ever.
  tables.on('connect', client => breakWhenSilent(client, answerWithinMs * 6));
  await migrate(tables).finally(() => tables.end());
  const pool = connect(address, onError, {
    keepAliveInitialDelayMillis: 10_000,
    // A process that is frozen or cut off in a transaction keeps its locks until Postgres ends it, and it must be before
    // others take over its deploys: 10 s, of which a healthy one is never idle.
    idle_in_transaction_session_timeout: (answerWithinMs * 2) / 3,
    // Whoever gives up waiting leaves no backend behind that waits on.
    lock_timeout: (answerWithinMs * 4) / 5,
  });
  pool.on('connect', client => breakWhenSilent(client, answerWithinMs));
  return {
    url: address,
    pool,
    close: async () => {
      await pool.end();
      await embedded?.stop();
    },
  };
}
