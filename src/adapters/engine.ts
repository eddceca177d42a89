import { setTimeout as sleep } from 'node:timers/promises';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor';
import type pg from 'pg';
import type { Logger } from 'pino';
import { startLiveness } from './liveness.ts';

// The only file that knows DBOS. A deploy is one workflow around a small loop whose shape depends only on recorded
// results: stages may be added and changed while deploys wait for days. Never change the loop itself, or raise DRIVER
// and let the old version finish first.

const DRIVER = 'driver-v1';
const QUEUE = 'deploys';
/** Each restart of the bot counts as one attempt to recover. */
const RECOVERIES = 10_000;
const RETRY_SECONDS = [1, 2, 5, 10, 20, 40, 60];
/** How long a stop waits for stages to reach a place where they can be left. */
const SETTLE_MS = 5_000;

/** What comes after a stage: another one, the same again after so many seconds or a wake-up, or the end. */
export type Next = { to: string } | { wait: number } | { end: string };
export type Stage = (deploy: string, signal: AbortSignal) => Promise<Next>;

export type Engine = {
  /** Queues the deploy behind others of its app; again for the same deploy is the same. */
  begin(deploy: string, app: string): Promise<void>;
  /** Ends a wait of the deploy. The message carries nothing: the stage reads what happened from our tables. */
  wake(deploy: string): Promise<void>;
  /** Leaves every deploy where it is, for this or another process to go on. */
  stop(): Promise<void>;
};

export type Trouble = { deploy: string; stage: string; error: unknown; attempt: number };

/** Starts running deploys, and taking over those of processes that are gone. */
export async function startEngine(ask: {
  pool: pg.Pool;
  url: string;
  instance: string;
  first: string;
  stages: Readonly<Record<string, Stage>>;
  onTrouble: (trouble: Trouble) => Promise<void>;
  log: Logger;
}): Promise<Engine> {
  const { pool, url, instance, stages, onTrouble, log } = ask;
  if (typeof DBOSExecutor.prototype.recoverPendingWorkflows !== 'function') {
    throw new Error(
      'This version of @dbos-inc/dbos-sdk has no recoverPendingWorkflows: deploys could not be taken over',
    );
  }
  const stopping = new AbortController();
  const inFlight = new Set<Promise<unknown>>();
  // Known as alive before anything can be ours.
  const liveness = await startLiveness({
    pool,
    url,
    id: instance,
    onError: err => log.warn({ err }, 'The database did not answer'),
  });

  /** Runs a stage until it gives a result. Failing is not ending: it is told, and tried again, for ever. */
  const runStage = async (deploy: string, name: string): Promise<Next> => {
    for (let attempt = 1; ; attempt++) {
      await whileNotOurs(deploy);
      const signal = AbortSignal.any([stopping.signal, liveness.sure()]);
      try {
        const stage = stages[name];
        if (!stage) throw new Error(`This version of the bot does not know the stage "${name}"`);
        const next = await track(stage(deploy, signal));
        // Not recorded once we may have lost the deploy: its new owner runs the stage again and records its own.
        if (!signal.aborted) return next;
      } catch (error) {
        if (!signal.aborted) {
          log.error({ deploy, stage: name, attempt, err: error }, 'A stage failed and will be tried again');
          await onTrouble({ deploy, stage: name, error, attempt }).catch(err =>
            log.error({ err }, 'Trouble could not be told'),
          );
          await sleep((RETRY_SECONDS[attempt - 1] ?? 60) * 1000, undefined, { signal }).catch(() => {});
        }
      }
    }
  };

  /** Parks for good when the process stops or another one owns the deploy; waits while that cannot be known. */
  const whileNotOurs = async (deploy: string): Promise<void> => {
    for (;;) {
      if (stopping.signal.aborted) await new Promise(() => {});
      if (!liveness.sure().aborted) {
        const owner = await ownerOf(deploy).catch(() => null);
        if (owner === instance) return;
        if (owner) await new Promise(() => {});
      }
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };

  const ownerOf = async (deploy: string): Promise<string | null> => {
    const { rows } = await pool.query<{ executor_id: string }>(
      "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = $1 AND status = 'PENDING'",
      [deploy],
    );
    return rows[0]?.executor_id ?? null;
  };

  const track = async <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => {});
    inFlight.add(settled);
    try {
      return await work;
    } finally {
      inFlight.delete(settled);
    }
  };

  const workflow = DBOS.registerWorkflow(
    async (deploy: string): Promise<string> => {
      for (let at = ask.first; ; ) {
        const stage = at;
        const next = await DBOS.runStep(() => runStage(deploy, stage), { name: 'stage' });
        if ('end' in next) return next.end;
        if ('to' in next) at = next.to;
        else await DBOS.recv('wake', { timeoutSeconds: next.wait, pollingIntervalMs: 120_000 });
      }
    },
    { name: 'deploy', maxRecoveryAttempts: RECOVERIES },
  );

  DBOS.setConfig({
    name: 'switchover',
    systemDatabaseUrl: url,
    systemDatabasePool: pool,
    executorID: instance,
    applicationVersion: DRIVER,
    logger: {
      info: entry => log.debug(entry),
      debug: () => {},
      warn: entry => log.warn(entry),
      error: entry => log.error(entry),
    },
  });
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { partitionConcurrency: 1, minPollingIntervalMs: 250, onConflict: 'always_update' });
  liveness.watchPeers(async dead => {
    log.warn({ dead }, 'Taking over the deploys of processes that are gone');
    await DBOSExecutor.globalInstance?.recoverPendingWorkflows(dead);
  });

  return {
    begin: async (deploy, app) => {
      const queued = { queueName: QUEUE, enqueueOptions: { queuePartitionKey: app } };
      await DBOS.startWorkflow(workflow, { workflowID: deploy, ...queued })(deploy);
    },
    wake: deploy => DBOS.send(deploy, 'wake', 'wake'),
    stop: async () => {
      stopping.abort(new Error('The bot is stopping'));
      await Promise.race([Promise.all(inFlight), sleep(SETTLE_MS)]);
      await DBOS.shutdown();
      await liveness.stop();
    },
  };
}
