import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// Which processes of the bot are alive, told by the database alone: each holds an advisory lock on a connection of its
// own, and beats over it. A free lock is a process that is gone; an old beat, by the database's clock, is a frozen one.

const BEAT_MS = 500;
/** A lock that is free so long after the last beat was not just lost for a moment. */
const GRACE_MS = 1_500;
/** A beat older than this is given up, though the lock is still held: a frozen machine, a half-open connection. */
const LEASE_MS = 15_000;
/** We stop acting well before anybody may judge us by the lease. */
const FENCE_MS = 9_000;
/** After a gap of our own, or the database's start, nobody is judged for so long: everybody had lost their lock then. */
const QUIET_MS = 5_000;
/** A beat without an answer for so long means that the connection is gone, though nobody told us. */
const ANSWER_MS = 3_000;
/** Namespace of our advisory locks, so that they meet nobody else's. */
const LOCKS = 77;

const BEAT = `INSERT INTO instances (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET beat = now()
  RETURNING xmax <> 0 AS known, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now, (SELECT count(*)::int FROM instances WHERE id <> $1) AS others`;

// Deleted before they are taken over: one that beats at that moment is spared by the row's lock, and one that was
// wrongly given up finds its row gone. What a judge left undone shows as deploys whose owner has no row.
const JUDGE = `WITH gone AS (
    DELETE FROM instances
    WHERE id <> $1 AND beat < now() - $2 * interval '1 ms' AND now() > pg_postmaster_start_time() + $3 * interval '1 ms'
      AND (beat < now() - $4 * interval '1 ms' OR pg_try_advisory_xact_lock($5, hashtext(id)))
    RETURNING id)
  SELECT id FROM gone
  UNION
  SELECT executor_id FROM dbos.workflow_status
  WHERE status = 'PENDING' AND executor_id <> $1 AND NOT EXISTS (SELECT 1 FROM instances WHERE id = executor_id)`;

/** In a query on a table of what processes claim: whoever has claimed the row is gone. */
export const CLAIMER_IS_GONE =
  'claimed_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM instances WHERE instances.id = claimed_by)';

export type Liveness = {
  /** Aborts when we can no longer be sure that our deploys are ours. A new one each time we are sure again. */
  sure(): AbortSignal;
  /** No other process was known at our last beat. */
  alone(): boolean;
  /** By the database's clock, ms: what facts are dated by, whatever becomes of ours. As of the last beat, and a stopwatch since. */
  now(): number;
  /** From now on every other instance that is found dead is handed to `takeOver`, again until its deploys are taken. */
  watchPeers(takeOver: (dead: string[]) => Promise<void>): void;
  stop(): Promise<void>;
};

/** Starts beating as `id`, which no other process ever had. */
export async function startLiveness(ask: {
  pool: pg.Pool;
  url: string;
  id: string;
  onError: (error: unknown) => void;
}): Promise<Liveness> {
  const { pool, id, onError } = ask;
  const stopping = new AbortController();
  let fence = new AbortController();
  let line: { client: pg.Client; locked: boolean } | null = null;
  let beatenAt: number | null = null;
  let quietUntil = 0;
  let others = 0;
  let ahead = 0;
  let takeOver: ((dead: string[]) => Promise<void>) | null = null;
  let taking = false;

  const dial = async (): Promise<{ client: pg.Client; locked: boolean }> => {
    const client = new pg.Client({
      ...pool.options,
      connectionString: ask.url,
      query_timeout: ANSWER_MS,
      application_name: `switchover ${id}`,
    });
    client.on('error', onError);
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    return { client, locked: false };
  };

  const beat = async (): Promise<void> => {
    // Counted from before it was sent: one that was under way while we were frozen is an old one.
    const sentAt = performance.now();
    line ??= await dial();
    const { client } = line;
    // Not waited for: a half-open connection of our own may still hold it. We beat meanwhile.
    line.locked ||= (
      await client.query('SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked', [LOCKS, id])
    ).rows[0].locked;
    const { known, now, others: found } = (await client.query(BEAT, [id])).rows[0];
    others = found;
    ahead = now - performance.now();
    const gap = beatenAt === null ? 0 : sentAt - beatenAt;
    if (gap > GRACE_MS) quietUntil = sentAt + QUIET_MS;
    if (beatenAt !== null && !known)
      fence.abort(new Error('Another process took us for dead, and our deploys with it'));
    beatenAt = sentAt;
    if (!fenceIfLate().aborted) return;
    if (performance.now() - sentAt < FENCE_MS) fence = new AbortController();
  };

  const judge = async (take: (dead: string[]) => Promise<void>): Promise<void> => {
    if (!line || performance.now() < quietUntil) return;
    const { rows } = await line.client.query<{ id: string }>(JUDGE, [id, GRACE_MS, QUIET_MS, LEASE_MS, LOCKS]);
    if (rows.length === 0 || taking) return;
    taking = true;
    // Beside the beat: taking over goes through other connections, which may be slower to fail.
    void take(rows.map(row => row.id))
      .catch(onError)
      .finally(() => {
        taking = false;
      });
  };

  const fenceIfLate = (): AbortSignal => {
    if (beatenAt !== null && performance.now() - beatenAt > FENCE_MS) {
      fence.abort(new Error('The database has been out of reach: another process may own our deploys'));
    }
    return fence.signal;
  };

  const beatOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await beat();
        if (takeOver) await judge(takeOver);
      } catch (error) {
        onError(error);
        void line?.client.end().catch(() => {});
        line = null;
      }
      await sleep(BEAT_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };

  await beat();
  const watch = setInterval(fenceIfLate, 250);
  const beating = beatOn();
  return {
    sure: fenceIfLate,
    alone: () => others === 0,
    now: () => performance.now() + ahead,
    watchPeers: take => {
      takeOver = take;
    },
    stop: async () => {
      stopping.abort();
      clearInterval(watch);
      await beating;
      await line?.client.query('DELETE FROM instances WHERE id = $1', [id]).catch(onError);
      await line?.client.end().catch(onError);
    },
  };
}
