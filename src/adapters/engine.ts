import { setTimeout as sleep } from 'node:timers/promises';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor';
import { dbRetryConfig } from '@dbos-inc/dbos-sdk/internal/utils';
import type pg from 'pg';
import type { Logger } from 'pino';
import { lookAfterStrays, QUEUE, STRAY_MS } from './engine-strays.ts';
import { startLiveness } from './liveness.ts';

// With engine-strays and liveness the only file that knows DBOS. A deploy is one workflow around a small loop whose shape
// depends only on recorded results: stages may be added and changed while deploys wait for days. Never change the loop
// itself, or raise DRIVER and let the old version finish first.

const DRIVER = 'driver-v1';
/** Each restart of the bot counts as one attempt to recover. */
const RECOVERIES = 10_000;
const RETRY_SECONDS = [1, 2, 5, 10, 20, 40, 60];
/** How long a stop waits for stages to reach a place where they can be left. */
const SETTLE_MS = 5_000;
const SHUTDOWN_MS = 2_000;
/** A database that was away is asked again so often. */
const DATABASE_AGAIN_S = 5;
/** A wake-up that came while the notifications' connection was down is found so soon. */
const RECV_POLL_MS = 5_000;

/** What comes after a stage: another one, the same again after so many seconds or a wake-up, or the end. */
export type Next = { to: string } | { wait: number } | { end: string };
/** `claim` rejects unless the database says, now, that the deploy is ours: to be asked right before each effect. */
export type Stage = (deploy: string, signal: AbortSignal, claim: () => Promise<void>) => Promise<Next>;

export type Engine = {
  /** Queues the deploy behind others of its app; again for the same deploy is the same. */
  begin(deploy: string, app: string): Promise<void>;
  /** Those of these that were never begun. */
  notBegun<T extends { id: string }>(deploys: readonly T[]): Promise<T[]>;
  /** Ends a wait of the deploy. The message carries nothing: the stage reads what happened from our tables. */
  wake(deploy: string): Promise<void>;
  /** False while it cannot be sure that what it runs is its own: without the database, or when it stops. */
  sure(): boolean;
  /** No other process of the bot works on the same database. */
  alone(): boolean;
  /** By the database's clock, ms. */
  now(): number;
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
  /** For one that another version of the bot left a deploy at. */
  unknown: (stage: string) => Stage;
  onTrouble: (trouble: Trouble) => Promise<void>;
  /** Another process has the deploy now: what this one still does for it is to end. */
  onLost: (deploy: string) => void;
  log: Logger;
}): Promise<Engine> {
  const { pool, url, instance, stages, onTrouble, log } = ask;
  if (typeof DBOSExecutor.prototype.recoverPendingWorkflows !== 'function') {
    throw new Error(
      'This version of @dbos-inc/dbos-sdk has no recoverPendingWorkflows: deploys could not be taken over',
    );
  }
  const stopping = new AbortController();
  /** The run of each deploy in this process: one that was taken from us and came back has a new one. */
  const runs = new Map<string, AbortController>();
  const inFlight = new Map<string, Promise<unknown>>();
  /** Runs between two stages, inside DBOS. Shut down under them, it would record a failure of its own as a stage's. */
  const moving = new Set<AbortController>();
  // Known as alive before anything can be ours.
  const liveness = await startLiveness({
    pool,
    url,
    id: instance,
    onError: err => log.warn({ err }, 'The database did not answer'),
  });

  /** Runs a stage until it gives a result. Failing is not ending: it is told, and tried again, for ever. */
  const runStage = async (deploy: string, name: string, run: AbortSignal): Promise<Next> => {
    for (let attempt = 1; ; attempt++) {
      await untilOurs(deploy, run);
      const signal = AbortSignal.any([stopping.signal, run, liveness.sure()]);
      try {
        const stage = stages[name] ?? ask.unknown(name);
        const claim = async (): Promise<void> => {
          const owner = await ownerOf(deploy);
          // A process that was frozen meets answers before its timers: the signal may be late.
          liveness.sure();
          if (owner !== instance) runs.get(deploy)?.abort(new Error('Another process has taken the deploy over'));
          signal.throwIfAborted();
        };
        const next = await track(deploy, stage(deploy, signal, claim));
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

  /** Parks for good when the process stops or the deploy has gone to another run; waits while that cannot be known. */
  const untilOurs = async (deploy: string, run: AbortSignal): Promise<void> => {
    for (;;) {
      // An earlier run of ours may still be in its stage: it was told to leave.
      await inFlight.get(deploy);
      if (stopping.signal.aborted) await parked();
      if (run.aborted || !liveness.sure().aborted) {
        const owner = await ownerOf(deploy).catch(() => null);
        if (run.aborted || (owner && owner !== instance)) {
          // Not when it came back to us in another run. One that stays known would never count as a stray.
          if (runs.get(deploy)?.signal === run) {
            runs.delete(deploy);
            ask.onLost(deploy);
          }
          await parked();
        }
        if (owner) return;
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

  const track = async <T>(deploy: string, work: Promise<T>): Promise<T> => {
    inFlight.set(
      deploy,
      work.catch(() => {}),
    );
    try {
      return await work;
    } finally {
      inFlight.delete(deploy);
    }
  };

  /** DBOS gives us deploys before whoever starts us has us: their stages would meet a bot that is half there. */
  const wired = Promise.withResolvers<void>();
  const workflow = DBOS.registerWorkflow(
    async (deploy: string): Promise<string> => {
      await wired.promise;
      const run = new AbortController();
      const former = runs.get(deploy);
      former?.abort(new Error('The deploy was taken from this run'));
      // Others had it in between: what is known of it here is older than what they kept.
      if (former) ask.onLost(deploy);
      runs.set(deploy, run);
      const stay = async (stage: string): Promise<Next> => {
        moving.delete(run);
        const next = await runStage(deploy, stage, run.signal);
        moving.add(run);
        return next;
      };
      try {
        for (let at = ask.first; ; ) {
          const stage = at;
          moving.add(run);
          const next = await DBOS.runStep(() => stay(stage), { name: 'stage' });
          moving.delete(run);
          if (stopping.signal.aborted) return await parked();
          if ('end' in next) {
            // Should its end not be kept, it counts as a stray: its record is tried again.
            setTimeout(() => runs.get(deploy) === run && runs.delete(deploy), STRAY_MS).unref();
            return next.end;
          }
          if ('to' in next) at = next.to;
          else await DBOS.recv('wake', { timeoutSeconds: next.wait, pollingIntervalMs: RECV_POLL_MS });
          if (stopping.signal.aborted) return await parked();
        }
      } catch (err) {
        // No stage throws: the engine itself could not go on. An error that left here would be the end of the deploy.
        moving.delete(run);
        log.warn({ deploy, err }, 'A run of a deploy is given up; its owner goes on with it');
        await forgetFailures(deploy).catch(err => log.warn({ err }, 'The database did not answer'));
        if (runs.get(deploy) === run && runs.delete(deploy)) ask.onLost(deploy);
        return await parked();
      }
    },
    { name: 'deploy', maxRecoveryAttempts: RECOVERIES },
  );

  // By itself it would look once a minute for a database that was away for some minutes, and each stage wait for that.
  dbRetryConfig.maxBackoffSec = DATABASE_AGAIN_S;
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

  /** A failure that DBOS recorded as a stage's would be met again at every replay. Stages do not fail: it is not theirs. */
  const forgetFailures = (deploy: string) =>
    pool.query(
      'DELETE FROM dbos.operation_outputs o USING dbos.workflow_status s ' +
        'WHERE o.workflow_uuid = $1 AND o.error IS NOT NULL AND s.workflow_uuid = $1 AND s.executor_id = $2',
      [deploy, instance],
    );
  const straying = lookAfterStrays({ pool, instance, log, runs: deploy => runs.has(deploy), signal: stopping.signal });

  setImmediate(wired.resolve);
  return {
    begin: async (deploy, app) => {
      const queued = { queueName: QUEUE, enqueueOptions: { queuePartitionKey: app } };
      await DBOS.startWorkflow(workflow, { workflowID: deploy, ...queued })(deploy);
    },
    alone: liveness.alone,
    now: liveness.now,
    sure: () => !stopping.signal.aborted && !liveness.sure().aborted,
    notBegun: async deploys => {
      const { rows } = await pool.query<{ id: string }>(
        'SELECT workflow_uuid AS id FROM dbos.workflow_status WHERE workflow_uuid = ANY($1)',
        [deploys.map(({ id }) => id)],
      );
      const begun = new Set(rows.map(({ id }) => id));
      return deploys.filter(({ id }) => !begun.has(id));
    },
    wake: deploy => DBOS.send(deploy, 'wake', 'wake'),
    stop: async () => {
      stopping.abort(new Error('The bot is stopping'));
      clearInterval(straying);
      for (const until = performance.now() + SETTLE_MS; performance.now() < until; await sleep(20)) {
        if (inFlight.size === 0 && moving.size === 0) break;
      }
      if (moving.size === 0) await Promise.race([DBOS.shutdown(), sleep(SHUTDOWN_MS)]);
      await liveness.stop();
    },
  };
}

/** Never goes on: what waits here is left to whoever runs the deploy next. */
function parked(): Promise<never> {
  return new Promise(() => {});
}
