import type pg from 'pg';
import type { Freeze } from '../domain/freeze.ts';
import { Refusal } from '../domain/refusal.ts';
import { TAKEN_OFF } from '../domain/schedule.ts';
import type { StartRequest, Starts, StartWords } from '../team.ts';
import { putNotices } from './notices.ts';
import { inTransaction } from './transaction.ts';

const REQUEST = `start_requests.id, start_requests.app, by, emergency, to_json(at) #>> '{}' AS at, answer,
  answered_by AS "answeredBy", plan`;
const FROM = 'FROM start_requests JOIN plans USING (id)';
/** Longer than that, nobody remembers what they were shown. */
const EXPIRES = '2 hours';

/** Queries on the table `start_requests`. An answer is kept with what is said of it, or neither is. */
export function connectStarts(pool: pg.Pool, words: StartWords): Starts {
  const read = async (client: pg.Pool | pg.PoolClient, id: string): Promise<StartRequest | null> =>
    (await client.query<StartRequest>(`SELECT ${REQUEST} ${FROM} WHERE start_requests.id = $1`, [id])).rows[0] ?? null;

  const say = async (client: pg.PoolClient, id: string): Promise<void> => {
    const request = await read(client, id);
    if (request) await putNotices(client, words(request));
  };

  return {
    ask: ({ id, app, by, emergency }) =>
      inTransaction(pool, async client => {
        // Whoever takes it off the schedule meanwhile waits for this row, and then finds that a yes is asked for.
        const schedule = 'SELECT outcome FROM schedules WHERE id = $1 FOR UPDATE';
        const [kept] = (await client.query<{ outcome: string | null }>(schedule, [id])).rows;
        if (kept?.outcome && kept.outcome !== 'asked') throw new Refusal([TAKEN_OFF]);
        await client.query(
          'INSERT INTO start_requests (id, app, by, emergency) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING',
          [id, app, by, emergency],
        );
        await say(client, id);
      }),

    get: id => read(pool, id),

    answer: (id, answer, by) =>
      inTransaction(pool, async client => {
        const { rowCount } = await client.query(
          `UPDATE start_requests SET answer = $2, answered_by = $3, answered_at = now()
           WHERE id = $1 AND (answer IS NULL OR ($2 = 'changed' AND answer = 'approved' AND by = $3))
             AND at > now() - interval '${EXPIRES}'`,
          [id, answer, by],
        );
        if (rowCount) await say(client, id);
        return rowCount === 1;
      }),

    expire: () =>
      inTransaction(pool, async client => {
        const { rows } = await client.query<{ id: string }>(
          `UPDATE start_requests SET answer = 'expired', answered_at = now()
           WHERE answer IS NULL AND at <= now() - interval '${EXPIRES}' RETURNING id`,
        );
        for (const { id } of rows) await say(client, id);
      }),

    async waiting(app) {
      const { rows } = await pool.query<StartRequest>(
        `SELECT ${REQUEST} ${FROM} WHERE answer IS NULL AND at > now() - interval '${EXPIRES}'
           AND ($1::text IS NULL OR start_requests.app = $1) ORDER BY at`,
        [app],
      );
      return rows;
    },

    async approved() {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM start_requests WHERE answer = 'approved' AND answered_at > now() - interval '1 day'
           AND answered_at < now() - interval '10 s' AND NOT EXISTS (SELECT 1 FROM deploys WHERE deploys.id = start_requests.id)`,
      );
      return rows.map(row => row.id);
    },

    async freezes() {
      const { rows } = await pool.query<{ freezes: Freeze[] }>('SELECT freezes FROM team');
      return rows[0]?.freezes ?? [];
    },
  };
}
