import type pg from 'pg';
import { ALL_APPS, type Lock, REMIND_LOCK_MS } from '../domain/lock.ts';
import type { Locks, LockWords } from '../team.ts';
import { isFirst } from './effects.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

const LOCK = `scope, id, by, reason, channel, to_json(at) #>> '{}' AS at, to_json(until) #>> '{}' AS until`;
const HELD = '(until IS NULL OR until > now())';

/** Queries on the table `locks`. What changes one also keeps what is to be said of it, or neither. */
export function connectLocks(pool: pg.Pool, words: LockWords): Locks {
  /** Those whom nothing else keeps from deploying; the others wait for what does. */
  const waitersOf = async (client: pg.PoolClient, scope: string): Promise<{ waiter: string; app: string }[]> => {
    const inTheWay = `FROM locks other WHERE other.scope <> $1 AND other.scope IN (mine.app, '${ALL_APPS}')
      AND other.by <> mine.waiter AND ${HELD}`;
    await client.query(
      `INSERT INTO lock_waiters (scope, waiter, app)
         SELECT other.scope, mine.waiter, mine.app FROM lock_waiters mine, LATERAL (SELECT other.scope ${inTheWay}) other
         WHERE mine.scope = $1 ON CONFLICT DO NOTHING`,
      [scope],
    );
    const free = `SELECT waiter, app FROM lock_waiters mine WHERE scope = $1 AND NOT EXISTS (SELECT 1 ${inTheWay})`;
    return (await client.query(free, [scope])).rows;
  };

  const freed = async (client: pg.PoolClient, lock: Lock, by: string | null): Promise<void> => {
    await putNotices(client, words.freed(lock, await waitersOf(client, lock.scope), by), `lock ${lock.id} `);
    await client.query('DELETE FROM locks WHERE scope = $1', [lock.scope]);
  };

  return {
    async on(scopes) {
      const { rows } = await pool.query<Lock>(
        `SELECT ${LOCK} FROM locks WHERE ${HELD} AND ($1::text[] IS NULL OR scope = ANY ($1)) ORDER BY scope`,
        [scopes],
      );
      return rows;
    },

    take: (lock, { instead, request }) =>
      inTransaction(pool, async client => {
        await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`lock of ${lock.scope}`]);
        // One whose time is over, and of which nobody was told yet: whoever waits for it waits on.
        const over = `SELECT ${LOCK} FROM locks WHERE scope = $1 AND NOT ${HELD}`;
        for (const ended of (await client.query<Lock>(over, [lock.scope])).rows) {
          await putNotices(client, words.freed(ended, [], null), `lock ${ended.id} `);
        }
        const query = `SELECT ${LOCK} FROM locks WHERE scope = $1 AND ${HELD}`;
        const [old] = (await client.query<Lock>(query, [lock.scope])).rows;
        if (old && old.by !== lock.by && old.id !== instead) return { kind: 'held', lock: old };
        if (!(await isFirst(client, request))) return old ? { kind: 'taken', lock: old } : { kind: 'over' };
        const { scope, id, by, reason, channel, seconds } = lock;
        const { rows } = await client.query<Lock>(
          `INSERT INTO locks (scope, id, by, reason, channel, until)
             VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
           ON CONFLICT (scope) DO UPDATE SET id = EXCLUDED.id, by = EXCLUDED.by, reason = EXCLUDED.reason,
             channel = EXCLUDED.channel, until = EXCLUDED.until, at = now(), reminded_at = now()
           RETURNING ${LOCK}`,
          [scope, id, by, reason, channel, seconds],
        );
        const [taken] = rows;
        if (!taken) throw new Error(`The lock of ${scope} was not kept`);
        await putNotices(client, words.locked(taken, old ?? null), `lock ${old?.id ?? taken.id} `);
        return { kind: 'taken', lock: taken };
      }),

    release: (scope, { by, id, request }) =>
      inTransaction(pool, async client => {
        const { rows } = await client.query<Lock>(`SELECT ${LOCK} FROM locks WHERE scope = $1 FOR UPDATE`, [scope]);
        const [lock] = rows;
        if (!lock) return { kind: 'free' };
        if (lock.by !== by && lock.id !== id) return { kind: 'held', lock };
        if (await isFirst(client, request)) await freed(client, lock, by);
        return { kind: 'released', lock };
      }),

    wait: async (lock, waiter, app) => {
      await pool.query(
        `INSERT INTO lock_waiters (scope, waiter, app) SELECT scope, $3, $4 FROM locks WHERE scope = $1 AND id = $2
         ON CONFLICT DO NOTHING`,
        [lock.scope, lock.id, waiter, app],
      );
    },

    tick: () =>
      inTransaction(pool, async client => {
        const { rows: over } = await client.query<Lock>(
          `SELECT ${LOCK} FROM locks WHERE until <= now() FOR UPDATE SKIP LOCKED`,
        );
        for (const lock of over) await freed(client, lock, null);
        const { rows: long } = await client.query<Lock>(
          `UPDATE locks SET reminded_at = now() WHERE reminded_at < now() - make_interval(secs => $1) RETURNING ${LOCK}`,
          [REMIND_LOCK_MS / 1000],
        );
        for (const lock of long) await putNotices(client, words.reminded(lock));
      }),
  };
}
