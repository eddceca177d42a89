import type pg from 'pg';

/** What is known of a message of ours. `ts` is null from the moment it is meant to be posted until Slack's answer is kept. */
export type MessageRow = { key: string; ts: string | null; hash: string | null };

/** A claim lasts this long: longer than posting a message may take. */
const CLAIM_SECONDS = 20;
/** A process that beat no more for so long is gone; it beats twice a second. */
const DEAD_SECONDS = 5;
/** What was sent under a claim has arrived by then: begun within 2.5 s, and given up after 8. */
const ARRIVED_SECONDS = 11;
const IS_GONE = `messages.claimed_at < now() - interval '${ARRIVED_SECONDS} s' AND NOT EXISTS (SELECT 1 FROM instances
  WHERE id = messages.claimed_by AND beat > now() - interval '${DEAD_SECONDS} s')`;
/** Key of the row that says that all of an ended deploy has been told. */
const ALL_TOLD = 'all told';

/** Queries on the table `messages`: the Slack messages that we own, so that each is posted once and then edited. */
export function connectMessages(pool: pg.Pool) {
  return {
    async of(deploy: string): Promise<MessageRow[]> {
      const { rows } = await pool.query<MessageRow>('SELECT key, ts, hash FROM messages WHERE deploy_id = $1', [
        deploy,
      ]);
      return rows;
    },

    /**
     * Says that `by` is about to post it: *first* when nobody had said so before, *again* when an earlier attempt may
     * have got through, *taken* while somebody else's attempt may still be on its way.
     */
    async claim(ask: {
      deploy: string;
      key: string;
      channel: string;
      by: string;
    }): Promise<'first' | 'again' | 'taken'> {
      const { rows } = await pool.query<{ first: boolean }>(
        `INSERT INTO messages (deploy_id, key, channel, claimed_by, claimed_at) VALUES ($1, $2, $3, $4, now())
         ON CONFLICT (deploy_id, key) DO UPDATE SET claimed_by = EXCLUDED.claimed_by, claimed_at = now()
           WHERE messages.ts IS NULL
             AND (messages.claimed_by = EXCLUDED.claimed_by OR messages.claimed_at < now() - make_interval(secs => $5)
               OR ${IS_GONE})
         RETURNING xmax = 0 AS first`,
        [ask.deploy, ask.key, ask.channel, ask.by, CLAIM_SECONDS],
      );
      if (!rows[0]) return 'taken';
      return rows[0].first ? 'first' : 'again';
    },

    async free(deploy: string, key: string, by: string): Promise<void> {
      await pool.query('DELETE FROM messages WHERE deploy_id = $1 AND key = $2 AND claimed_by = $3 AND ts IS NULL', [
        deploy,
        key,
        by,
      ]);
    },

    async mayEdit(deploy: string, { key, hash }: Omit<MessageRow, 'ts'>, by: string): Promise<boolean> {
      // Until Slack's answer is kept, what it shows is not known: also not when the old words are wanted again. How often it
      // took the sentence alone is (posting.ts).
      const { rowCount } = await pool.query(
        `UPDATE messages SET claimed_by = $3, claimed_at = now(), hash = substring(hash FROM '^alone \\d+ ')
           WHERE deploy_id = $1 AND key = $2
           AND hash IS NOT DISTINCT FROM $5 AND (claimed_by = $3 OR claimed_at < now() - make_interval(secs => $4) OR ${IS_GONE})`,
        [deploy, key, by, CLAIM_SECONDS, hash],
      );
      return rowCount === 1;
    },

    async edited(deploy: string, { key, ts, hash }: { key: string; ts: string; hash: string }): Promise<void> {
      await pool.query('UPDATE messages SET hash = $4 WHERE deploy_id = $1 AND key = $2 AND ts = $3', [
        deploy,
        key,
        ts,
        hash,
      ]);
    },

    async keep(deploy: string, { key, ts, hash }: MessageRow): Promise<void> {
      await pool.query('UPDATE messages SET ts = $3, hash = $4 WHERE deploy_id = $1 AND key = $2', [
        deploy,
        key,
        ts,
        hash,
      ]);
    },

    async allTold(deploy: string, channel: string, by: string): Promise<void> {
      await pool.query(
        `INSERT INTO messages (deploy_id, key, channel, claimed_by, claimed_at) VALUES ($1, '${ALL_TOLD}', $2, $3, now())
         ON CONFLICT DO NOTHING`,
        [deploy, channel, by],
      );
    },

    /** Deploys of which something may still have to be told, oldest first. */
    async unfinished(): Promise<string[]> {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM deploys WHERE NOT EXISTS
           (SELECT 1 FROM messages WHERE deploy_id = deploys.id AND key = '${ALL_TOLD}')
         ORDER BY started_at`,
      );
      return rows.map(row => row.id);
    },
  };
}
