import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// Which processes of the bot are alive, told by the database alone: each holds an advisory lock on a connection of its
// own, and beats. A free lock is a process that is gone; an old beat, by the database's clock, is one that is frozen.

const BEAT_MS = 500;
/** A lock that is free so long after the last beat was not just lost for a moment. */
const GRACE_MS = 1_500;
/** A beat older than this is given up, though the lock is still held: a frozen machine, a half-open connection. */
const LEASE_MS = 15_000;
/** We stop acting well before anybody may judge us by the lease. */
const FENCE_MS = 9_000;
/** After a gap of our own we judge nobody for so long: a database that was away made everybody look dead. */
const QUIET_MS = 5_000;
/** Namespace of our advisory locks, so that they meet nobody else's. */
const LOCKS = 77;

export type Liveness = {
  /** Aborts when we can no longer be sure that our deploys are ours. A new one each time we are sure again. */
  sure(): AbortSignal;
  /** From now on every other instance that is found dead is handed to `takeOver`. */
  watchPeers(takeOver: (dead: string[]) => Promise<void>): void;
  stop(): Promise<void>;
};

/** Starts beating as `id`. */
export async function startLiveness(ask: {
  pool: pg.Pool;
  url: string;
  id: string;
  onError: (error: unknown) => void;
}): Promise<Liveness> {
  const { pool, id, onError } = ask;
  const stopping = new AbortController();
  let fence = new AbortController();
  let lock: pg.Client | null = null;
  let beatenAt = performance.now();
  let quietUntil = 0;
  let takeOver: ((dead: string[]) => Promise<void>) | null = null;

  const hold = async (): Promise<void> => {
    const client = new pg.Client({ ...pool.options, connectionString: ask.url, application_name: `switchover ${id}` });
    client.on('error', onError);
    client.on('end', () => {
      if (lock === client) lock = null;
    });
    try {
      await client.connect();
      await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCKS, id]);
      lock = client;
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  };

  const beat = async (): Promise<void> => {
    if (!lock) await hold();
    await pool.query('INSERT INTO instances (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET beat = now()', [id]);
    const now = performance.now();
    if (now - beatenAt > GRACE_MS) quietUntil = now + QUIET_MS;
    beatenAt = now;
    if (fence.signal.aborted) fence = new AbortController();
    if (now >= quietUntil && takeOver) await judge(takeOver);
  };

  const judge = async (take: (dead: string[]) => Promise<void>): Promise<void> => {
    const { rows } = await pool.query<{ id: string }>(
      `WITH peers AS MATERIALIZED (
         SELECT id, beat FROM instances WHERE id <> $1 AND beat < now() - $2 * interval '1 ms')
       SELECT id FROM peers
       WHERE beat < now() - $3 * interval '1 ms' OR pg_try_advisory_xact_lock($4, hashtext(id))
       UNION
       SELECT DISTINCT executor_id FROM dbos.workflow_status
       WHERE status = 'PENDING' AND executor_id <> $1
         AND NOT EXISTS (SELECT 1 FROM instances WHERE id = executor_id)`,
      [id, GRACE_MS, LEASE_MS, LOCKS],
    );
    const dead = rows.map(row => row.id);
    if (dead.length === 0) return;
    await take(dead);
    await pool.query(`DELETE FROM instances WHERE id = ANY($1) AND beat < now() - $2 * interval '1 ms'`, [
      dead,
      GRACE_MS,
    ]);
  };

  const fenceWhenLate = setInterval(() => {
    if (performance.now() - beatenAt > FENCE_MS && !fence.signal.aborted) {
      fence.abort(new Error('The database has been out of reach: another process may own our deploys'));
    }
  }, 250);

  const beatOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await beat().catch(onError);
      await sleep(BEAT_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };

  await beat();
  const beating = beatOn();
  return {
    sure: () => fence.signal,
    watchPeers: take => {
      takeOver = take;
    },
    stop: async () => {
      stopping.abort();
      clearInterval(fenceWhenLate);
      await beating;
      await pool.query('DELETE FROM instances WHERE id = $1', [id]).catch(onError);
      await lock?.end().catch(onError);
    },
  };
}
