import type pg from 'pg';
import type { Notice } from '../team.ts';
import { NEWS } from './store.ts';

/** A notice that Slack does not have yet, or not with these words. `again`: an earlier attempt may have got through. */
export type Unsent = Notice & { owner: string | null; at: string; ts: string | null; again: boolean };

/** A channel in which something new is to be said, or something that was said put into other words. */
type Place = { channel: string; isNew: boolean };

/** Payload of the database's notification that there are new ones. */
export const NOTICES = 'notices';

const CLAIM_SECONDS = 20;
/** Nobody wants to read it any more, and Slack has refused it for a day. */
const KEPT = '1 day';
/** What is left to be sent by $1, but for $2. */
const WAITS = `sent IS DISTINCT FROM message AND NOT id = ANY ($2) AND changed_at > now() - interval '${KEPT}'
  AND (claimed_at IS NULL OR claimed_by = $1 OR claimed_at < now() - interval '${CLAIM_SECONDS} s')`;

type Queries = Pick<pg.Pool, 'query'>;

/**
 * Keeps them to be sent: on the connection of a transaction, they are sent if and only if that is committed. Of what begins
 * with `instead` and Slack has not yet only they still hold.
 */
export async function putNotices(on: Queries, notices: readonly Notice[], instead?: string): Promise<void> {
  if (instead !== undefined) {
    const hold = notices.map(({ id }) => id);
    await on.query('DELETE FROM notices WHERE starts_with(id, $1) AND NOT id = ANY ($2) AND ts IS NULL', [
      instead,
      hold,
    ]);
  }
  for (const { id, channel, message, owner } of notices) {
    await on.query(
      `INSERT INTO notices (id, channel, message, owner) VALUES ($1, $2, $3, $4)
       ON CONFLICT (id) DO UPDATE SET message = EXCLUDED.message, owner = EXCLUDED.owner, changed_at = now()
       WHERE notices.message IS DISTINCT FROM EXCLUDED.message`,
      [id, channel, JSON.stringify(message), owner ?? null],
    );
  }
  if (notices.length > 0) await on.query(`SELECT pg_notify('${NEWS}', '${NOTICES}')`);
}

/** Queries of whoever sends them. */
export function connectNotices(pool: pg.Pool) {
  return {
    /** Keeps one to be sent, unless there was one of its id. */
    async once({ id, channel, message }: Notice): Promise<void> {
      const { rowCount } = await pool.query(
        'INSERT INTO notices (id, channel, message) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING',
        [id, channel, JSON.stringify(message)],
      );
      if (rowCount) await pool.query(`SELECT pg_notify('${NEWS}', '${NOTICES}')`);
    },

    /** Where something waits that no other process is at, the oldest first; `except`: ids of those left alone for now. */
    async places(by: string, except: readonly string[]): Promise<Place[]> {
      const { rows } = await pool.query<Place>(
        `SELECT channel, ts IS NULL AS "isNew" FROM notices WHERE ${WAITS}
         GROUP BY channel, ts IS NULL ORDER BY min(changed_at)`,
        [by, except],
      );
      return rows;
    },

    /** Claims the oldest that waits there; null when there is none. */
    async claim(by: string, { channel, isNew }: Place, except: readonly string[]): Promise<Unsent | null> {
      const { rows } = await pool.query<Unsent>(
        `UPDATE notices SET claimed_by = $1, claimed_at = now() FROM (
           SELECT id, claimed_at FROM notices WHERE ${WAITS} AND channel = $3 AND (ts IS NULL) = $4
           ORDER BY changed_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS next
         WHERE notices.id = next.id
         RETURNING notices.id, channel, message, owner, to_json(at) #>> '{}' AS at, ts, next.claimed_at IS NOT NULL AS again`,
        [by, except, channel, isNew],
      );
      return rows[0] ?? null;
    },

    /** What was claimed and not sent is anybody's. They look for it first: an attempt may have got through. */
    async free(by: string): Promise<void> {
      const { rowCount } = await pool.query(
        `UPDATE notices SET claimed_at = now() - interval '${CLAIM_SECONDS} s' WHERE claimed_by = $1 AND claimed_at IS NOT NULL`,
        [by],
      );
      if (rowCount) await pool.query(`SELECT pg_notify('${NEWS}', '${NOTICES}')`);
    },

    /** It is there since an earlier attempt; with which words is not known. */
    async found(id: string, ts: string): Promise<void> {
      await pool.query('UPDATE notices SET ts = $2, claimed_at = NULL WHERE id = $1', [id, ts]);
    },

    async sent({ id, message }: Notice, ts: string): Promise<void> {
      await pool.query('UPDATE notices SET ts = $2, sent = $3, claimed_at = NULL WHERE id = $1', [
        id,
        ts,
        JSON.stringify(message),
      ]);
    },
  };
}
