import type pg from 'pg';
import type { Schedule } from '../domain/schedule.ts';
import type { Due, Notice, Schedules } from '../team.ts';
import { CLAIMER_IS_GONE } from './liveness.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

const SCHEDULE = `schedules.id, schedules.app, by, (extract(epoch FROM due) * 1000)::float8 AS due, outcome,
  ended_by AS "endedBy", why, plan`;
const FROM = 'FROM schedules JOIN plans USING (id)';

/** Longer than planning takes, with every call at its limit. */
const CLAIM_SECONDS = 120;

/** What could not be begun for so long is given up, and its owner told. */
const TOO_LATE = '15 minutes';
/** What nobody could even try for so long was missed. */
const MISSED = '1 hour';

/** Queries on the table `schedules`. What comes of one is kept with what is said of it, or neither is. */
export function connectSchedules(pool: pg.Pool, instance: string, words: (schedule: Schedule) => Notice[]): Schedules {
  const say = async (client: pg.PoolClient, id: string): Promise<void> => {
    const { rows } = await client.query<Schedule>(`SELECT ${SCHEDULE} ${FROM} WHERE schedules.id = $1`, [id]);
    if (rows[0]) await putNotices(client, words(rows[0]));
  };

  return {
    keep: ({ id, app, by, due }) =>
      inTransaction(pool, async client => {
        const { rowCount } = await client.query(
          `INSERT INTO schedules (id, app, by, due)
           SELECT $1, $2, $3, due FROM to_timestamp($4::float8 / 1000) AS due WHERE due > now()
           ON CONFLICT (id) DO NOTHING`,
          [id, app, by, due],
        );
        if (rowCount) await say(client, id);
        return (await client.query('SELECT 1 FROM schedules WHERE id = $1', [id])).rowCount === 1;
      }),

    end: (id, { outcome, by, why }) =>
      inTransaction(pool, async client => {
        // Held before it is looked for: what begins it, or asks for it, holds the row, and only a query after that sees it.
        await client.query('SELECT 1 FROM schedules WHERE id = $1 FOR UPDATE', [id]);
        const { rowCount } = await client.query(
          `UPDATE schedules SET outcome = $2, ended_by = $3, why = $4, ended_at = now()
           WHERE id = $1 AND outcome IS NULL AND ($2 <> 'cancelled' OR NOT EXISTS
             (SELECT FROM deploys WHERE id = $1 UNION ALL SELECT FROM start_requests WHERE id = $1))`,
          [id, outcome, by, why],
        );
        if (rowCount) await say(client, id);
        const ended = await client.query(
          'SELECT 1 FROM schedules WHERE id = $1 AND outcome = $2 AND ended_by IS NOT DISTINCT FROM $3',
          [id, outcome, by],
        );
        return ended.rowCount === 1;
      }),

    async claim(except) {
      const { rows } = await pool.query<Due>(
        `WITH next AS (
           SELECT id AS next_id, claimed_at AS was FROM schedules
           WHERE outcome IS NULL AND due <= now() AND NOT id = ANY ($1)
             AND (claimed_at IS NULL OR claimed_at < now() - interval '${CLAIM_SECONDS} s' OR ${CLAIMER_IS_GONE})
           ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
         UPDATE schedules SET claimed_at = now(), claimed_by = $2 FROM next
         WHERE id = next_id AND claimed_at IS NOT DISTINCT FROM was
         RETURNING id, by, EXISTS (SELECT 1 FROM deploys WHERE deploys.id = schedules.id) AS begun,
           due < now() - interval '${TOO_LATE}' AS late, due < now() - interval '${MISSED}' AS missed`,
        [except, instance],
      );
      return rows[0] ?? null;
    },

    async waiting(app) {
      const { rows } = await pool.query<Schedule>(
        `SELECT ${SCHEDULE} ${FROM} WHERE outcome IS NULL AND ($1::text IS NULL OR schedules.app = $1) ORDER BY due`,
        [app],
      );
      return rows;
    },

    async free(id) {
      await pool.query('UPDATE schedules SET claimed_at = NULL WHERE id = $1 AND claimed_by = $2', [id, instance]);
    },
  };
}
