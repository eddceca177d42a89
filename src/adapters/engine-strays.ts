import { DBOS } from '@dbos-inc/dbos-sdk';
import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor';
import type pg from 'pg';
import type { Logger } from 'pino';

// What DBOS lets lie: deploys that nobody runs though somebody should.

export const QUEUE = 'deploys';
/** How long a claim of ours may be without a run before it counts as lost. */
export const STRAY_MS = 5_000;

/** Looks after them every few seconds, until the interval that it gives is cleared. `runs`: whether we run it. */
export function lookAfterStrays(ask: {
  pool: pg.Pool;
  instance: string;
  runs: (deploy: string) => boolean;
  /** Aborts when the bot stops. */
  signal: AbortSignal;
  log: Logger;
}): NodeJS.Timeout {
  const { pool, instance, runs, signal, log } = ask;

  /** Deploys that are ours but that nothing runs: the answer to a claim was lost, or a run was given up. */
  const claimStrays = async (): Promise<void> => {
    const { rows } = await pool.query<{ deploy: string }>(
      `SELECT workflow_uuid AS deploy FROM dbos.workflow_status
       WHERE status = 'PENDING' AND executor_id = $1 AND updated_at < extract(epoch FROM now()) * 1000 - $2`,
      [instance, STRAY_MS],
    );
    const strays = rows.map(row => row.deploy).filter(deploy => !runs(deploy));
    if (strays.length === 0) return;
    log.warn({ strays }, 'Claiming deploys again that are ours but do not run');
    await DBOS.resumeWorkflows(strays, { queueName: QUEUE });
  };

  /** Deploys whose turn it is, as of the last look. */
  let waiting: readonly string[] = [];
  /**
   * DBOS plans by the computer's clock when it looks at its queue next: set back by an hour, it would not for an hour. A
   * deploy that nobody has begun from one look of ours to the next has it look anew.
   */
  const wakeTheQueue = async (): Promise<void> => {
    const { rows } = await pool.query<{ deploy: string }>(
      `SELECT workflow_uuid AS deploy FROM dbos.workflow_status w WHERE status = 'ENQUEUED' AND (
         queue_partition_key IS NULL OR NOT EXISTS (
           SELECT FROM dbos.workflow_status r WHERE r.status = 'PENDING' AND r.queue_name = w.queue_name
             AND r.queue_partition_key = w.queue_partition_key))`,
    );
    const before = waiting;
    waiting = rows.map(row => row.deploy);
    const stuck = waiting.filter(deploy => before.includes(deploy));
    if (stuck.length === 0 || signal.aborted) return;
    log.warn({ stuck }, 'Deploys wait though it is their turn: looking at the queue anew');
    const dbos = DBOSExecutor.globalInstance;
    await dbos?.deactivateEventReceivers();
    // Else one more would run beside it each time (seen with 5.3).
    await dbos?.stopWorkflowTimeoutSweep();
    if (!signal.aborted) await dbos?.initEventReceivers(null);
  };

  const warn = (err: unknown) => log.warn({ err }, 'The database did not answer');
  let looking = false;
  return setInterval(() => {
    void claimStrays().catch(warn);
    if (looking) return;
    looking = true;
    void wakeTheQueue()
      .catch(warn)
      .finally(() => {
        looking = false;
      });
  }, STRAY_MS);
}
