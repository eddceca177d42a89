import type pg from 'pg';
import { type Deploy, latest } from '../domain/deploy.ts';
import type { Series } from '../domain/series.ts';
import { type Watch, watchKey } from '../domain/watch.ts';
import type { WatchStore } from '../outside.ts';

export type Watches = WatchStore & {
  /** What was seen since the deploy's own release; null where nothing was watched. */
  seriesOf(deploy: Deploy): Promise<Series | null>;
};

/** Queries on the table `watches`. */
export function connectWatches(pool: pg.Pool, instance: string): Watches {
  const load = async (key: string): Promise<Watch | null> => {
    const { rows } = await pool.query<{ state: Watch }>('SELECT state FROM watches WHERE key = $1', [key]);
    return rows[0]?.state ?? null;
  };
  return {
    load,

    // Not of a process that has lost its deploy, nor of one that got it back and has not heard of either: who has kept more
    // knows more.
    async save(key, state) {
      await pool.query(
        `INSERT INTO watches (key, state) SELECT $1, $2::jsonb WHERE EXISTS (
           SELECT FROM dbos.workflow_status WHERE workflow_uuid = $3 AND status = 'PENDING' AND executor_id = $4)
         ON CONFLICT (key) DO UPDATE SET state = EXCLUDED.state, saved_at = now()
           WHERE coalesce((watches.state ->> 'saves')::int, 0) < (EXCLUDED.state ->> 'saves')::int`,
        [key, state, key.split(' ')[0], instance],
      );
    },

    async seriesOf(deploy) {
      const released = latest(deploy, 'released');
      return released ? ((await load(watchKey(deploy.id, released.version)))?.series ?? null) : null;
    },
  };
}
