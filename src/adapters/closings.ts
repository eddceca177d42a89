import type pg from 'pg';
import type { Closing } from '../domain/closing.ts';
import type { ClosingChange, Closings, Notice } from '../team.ts';
import { isFirst } from './effects.ts';
import { CLAIMER_IS_GONE } from './liveness.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

const ms = (column: string, name: string): string => `floor(extract(epoch FROM ${column}) * 1000)::float8 AS "${name}"`;
const CLOSING = `id, app, by, reason, channel, minutes, wanted, told, seen, opened_by AS "openedBy", workers,
  stop_workers AS "stopWorkers", has_workers AS "hasWorkers", ${[
    ms('wanted_at', 'wantedAt'),
    ms('until', 'until'),
    ms('told_at', 'toldAt'),
    ms('seen_at', 'seenAt'),
    ms('idle_at', 'idleAt'),
    ms('counted_at', 'countedAt'),
    ms('reminded_at', 'remindedAt'),
    ms('barred_at', 'barredAt'),
    ms('late_at', 'lateAt'),
    ms('ended_at', 'endedAt'),
  ].join(', ')}`;
// An app is opened by this clock only: one of ours may be wrong, and those of two processes differ.
const NOW = ms('now()', 'now');
type Now = { now: number };
/** Longer than a look at an app may take. */
const CLAIM_SECONDS = 45;

const COLUMNS = {
  wanted: 'wanted',
  wantedNow: 'wanted_at',
  longer: 'until',
  told: 'told',
  toldNow: 'told_at',
  seen: 'seen',
  seenNow: 'seen_at',
  openedBy: 'opened_by',
  workers: 'workers',
  stopWorkers: 'stop_workers',
  idleNow: 'idle_at',
  countedNow: 'counted_at',
  remindedNow: 'reminded_at',
  barredNow: 'barred_at',
  lateNow: 'late_at',
  endedNow: 'ended_at',
} as const satisfies Record<keyof ClosingChange, string>;

const ONLY = {
  asked: 'wanted IS NULL',
  closed: "wanted = 'closed'",
  over: "wanted = 'closed' AND until <= now()",
} as const;

/** Queries on the table `closings`. A change is kept with what is to be said of it, or neither is. */
export function connectClosings(
  pool: pg.Pool,
  instance: string,
  words: (closing: Closing, now: number, anewBy?: string) => Notice[],
): Closings {
  const write = async (
    client: pg.PoolClient,
    id: string,
    change: ClosingChange,
    only: keyof typeof ONLY | undefined,
  ): Promise<Closing | null> => {
    const values: unknown[] = [id];
    const sets = Object.entries(change).map(([key, value]) => {
      const column = COLUMNS[key as keyof typeof COLUMNS];
      if (key.endsWith('Now')) return `${column} = ${value ? 'now()' : 'NULL'}`;
      values.push(key === 'workers' ? JSON.stringify(value) : value);
      const param = `$${values.length}`;
      const longer = `greatest(until, now()) + make_interval(mins => ${param})`;
      return `${column} = ${key === 'longer' ? longer : param}`;
    });
    const { rows } = await client.query<Closing & Now>(
      `UPDATE closings SET ${sets.join(', ')} WHERE id = $1 AND ended_at IS NULL
         AND ${only ? ONLY[only] : 'true'} RETURNING ${CLOSING}, ${NOW}`,
      values,
    );
    if (!rows[0]) return only ? get(client, id) : null;
    const { now, ...closing } = rows[0];
    // That it is not opened though its time is over holds for longer, and is said once.
    const isBarred = closing.barredAt !== null && closing.wanted === 'closed';
    await putNotices(client, words(closing, now), isBarred ? undefined : `door ${id} `);
    return closing;
  };

  // First, since an app has one closing; and only when this one is still to begin.
  const replace = async (client: pg.PoolClient, old: string, id: string): Promise<void> => {
    const { rows } = await client.query<Closing & Now & { anewBy: string }>(
      `UPDATE closings SET ended_at = now() FROM (SELECT by AS "anewBy" FROM closings WHERE id = $2 AND wanted IS NULL) AS anew
       WHERE id = $1 AND wanted = 'open' AND ended_at IS NULL RETURNING ${CLOSING}, ${NOW}, "anewBy"`,
      [old, id],
    );
    if (!rows[0]) return;
    const { now, anewBy, ...closing } = rows[0];
    await putNotices(client, words(closing, now, anewBy), `door ${old} `);
    await client.query(
      `UPDATE closings SET workers = old.workers, stop_workers = old.stop_workers, idle_at = NULL
       FROM closings AS old WHERE closings.id = $2 AND old.id = $1 AND old.workers <> '[]'`,
      [old, id],
    );
  };

  const get = async (on: pg.Pool | pg.PoolClient, id: string): Promise<Closing | null> =>
    (await on.query<Closing>(`SELECT ${CLOSING} FROM closings WHERE id = $1`, [id])).rows[0] ?? null;

  return {
    ask: async ({ id, app, by, reason, channel, minutes, hasWorkers }) => {
      await pool.query(
        `INSERT INTO closings (id, app, by, reason, channel, minutes, has_workers) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, app, by, reason, channel, minutes, hasWorkers],
      );
    },

    get: id => get(pool, id),

    async open(app) {
      const { rows } = await pool.query<Closing>(
        `SELECT ${CLOSING} FROM closings WHERE app = $1 AND wanted IS NOT NULL AND ended_at IS NULL`,
        [app],
      );
      return rows[0] ?? null;
    },

    async standing() {
      const { rows } = await pool.query<Closing>(
        `SELECT ${CLOSING} FROM closings WHERE wanted IS NOT NULL AND ended_at IS NULL ORDER BY app`,
      );
      return rows;
    },

    change: (id, change, { request, only, insteadOf } = {}) =>
      inTransaction(pool, async client => {
        if (insteadOf !== undefined) await replace(client, insteadOf, id);
        const done = request !== undefined && !(await isFirst(client, request));
        return done ? get(client, id) : write(client, id, change, only);
      }),

    async claim(except) {
      // Its claim is compared once more: who is gone is not looked at again for a row that was claimed meanwhile.
      const { rows } = await pool.query<Closing & Now>(
        `WITH next AS (
           SELECT id AS next_id, claimed_at AS was FROM closings
           WHERE wanted IS NOT NULL AND ended_at IS NULL AND NOT id = ANY ($1)
             AND (claimed_at IS NULL OR claimed_at < now() - interval '${CLAIM_SECONDS} s' OR ${CLAIMER_IS_GONE})
           ORDER BY claimed_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED)
         UPDATE closings SET claimed_at = now(), claimed_by = $2 FROM next
         WHERE id = next_id AND claimed_at IS NOT DISTINCT FROM was RETURNING ${CLOSING}, ${NOW}`,
        [except, instance],
      );
      if (!rows[0]) return null;
      const { now, ...closing } = rows[0];
      return { closing, now };
    },

    async holds(id) {
      const { rows } = await pool.query(
        'SELECT 1 FROM closings WHERE id = $1 AND claimed_by = $2 AND claimed_at IS NOT NULL AND ended_at IS NULL',
        [id, instance],
      );
      return rows.length > 0;
    },

    free: async id => {
      await pool.query('UPDATE closings SET claimed_at = NULL WHERE id = $1 AND claimed_by = $2', [id, instance]);
    },

    say: notices => putNotices(pool, notices),
  };
}
