import type pg from 'pg';
import type { Budget, Shared } from '../domain/budget.ts';

/** Nothing waits longer for its turn, whatever a clock of the database that was set back makes of what is stored. */
const LONGEST_MS = 60_000;

/** A place that is free now is where the calls before it, at their pace, would not be further ahead than a burst may be. */
const FREE = `(slack_budgets.due <= clock_timestamp() + $3 * interval '1 ms'
  OR slack_budgets.due > clock_timestamp() + ($3 + ${LONGEST_MS}) * interval '1 ms')`;

/** What Slack allows, shared by all processes of the bot on one database; `alone` says that there is no other now. */
export function connectSlackBudgets(pool: pg.Pool, alone: () => boolean): Shared {
  return {
    alone,

    async take({ name, everyMs, atOnce }: Budget): Promise<number> {
      const burst = (atOnce - 1) * everyMs;
      const { rowCount } = await pool.query(
        `INSERT INTO slack_budgets (name, due) VALUES ($1, clock_timestamp() + $2 * interval '1 ms')
         ON CONFLICT (name) DO UPDATE SET due = CASE WHEN slack_budgets.due > clock_timestamp() + $3 * interval '1 ms'
             THEN clock_timestamp() ELSE greatest(slack_budgets.due, clock_timestamp()) END + $2 * interval '1 ms'
           WHERE ${FREE}`,
        [name, everyMs, burst],
      );
      if (rowCount === 1) return 0;
      const { rows } = await pool.query<{ ms: number }>(
        `SELECT greatest(1, extract(epoch FROM due - clock_timestamp()) * 1000 - $2)::float8 AS ms
         FROM slack_budgets WHERE name = $1`,
        [name, burst],
      );
      return Math.min(rows[0]?.ms ?? 1, LONGEST_MS);
    },
  };
}
