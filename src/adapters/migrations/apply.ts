import pRetry, { AbortError } from 'p-retry';
import pg from 'pg';
import type { MigrationFile } from '../../domain/migration-file.ts';
import { type Blocker, errorInWords, type FileOutcome } from '../../domain/migration-outcome.ts';
import { runAlone } from './alone.ts';
import { runInTransaction } from './in-transaction.ts';
import type { Job, Seen } from './job.ts';
import { namesOf } from './recorded.ts';
import { type Session, settle } from './session.ts';

const LONGEST_PAUSE_MS = 60_000;
const LOOK_MS = 150;

/** Runs one migration and records it, both or neither. The lock must be held. Rejects when the connection is lost. */
export async function apply(job: Job, file: MigrationFile): Promise<FileOutcome> {
  const began = performance.now();
  if ((await namesOf(job.session.client, file.table)).includes(file.name)) return { kind: 'already applied' };
  const objection = await job.begins(file);
  if (objection) return { kind: 'rolled back', error: objection, code: null, statement: null, blockers: [] };
  const seen: Seen = { statement: null, blockers: [] };
  try {
    const once = async (tries: number): Promise<FileOutcome | null> => {
      // Minutes may lie between two of them.
      const against = tries > 1 ? await job.begins(file) : null;
      if (against) {
        seen.statement = null;
        throw new AbortError(against);
      }
      return attempt(job, file, seen);
    };
    const applied = await pRetry(once, {
      retries: job.patience.tries - 1,
      minTimeout: job.patience.firstMs,
      maxTimeout: LONGEST_PAUSE_MS,
      maxRetryTime: job.patience.withinMs,
      randomize: true,
      shouldRetry: ({ error }) => isBusy(error) && !file.completion?.concurrent,
      onFailedAttempt: ({ error, attemptNumber, retryDelay }) => {
        if (retryDelay === 0) return;
        const { blockers } = seen;
        job.onProgress({
          kind: 'tries again',
          name: file.name,
          tries: attemptNumber,
          inMs: Math.round(retryDelay),
          error: error.message,
          blockers,
        });
      },
    });
    return applied ?? { kind: 'applied', ms: Math.round(performance.now() - began) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Fails when the connection broke: then nobody here knows what the last that was sent has done.
    await job.session.client.query('ROLLBACK').catch(() => {
      throw error;
    });
    const code = codeOf(error);
    const blockers = isBusy(error) ? seen.blockers : [];
    return { kind: 'rolled back', error: errorInWords(error.message, code), code, statement: seen.statement, blockers };
  }
}

async function attempt(job: Job, file: MigrationFile, seen: Seen): Promise<FileOutcome | null> {
  Object.assign(seen, { statement: null, blockers: [] } satisfies Seen);
  await settle(job.session, { outlives: file.completion !== null });
  const work = file.completion ? runAlone(job, file, file.completion, seen) : runInTransaction(job, file, seen);
  return whileWatching(job.session, seen, work);
}

/** Looks again and again whom the statement waits for: when it has failed, it waits for nobody. */
async function whileWatching<T>(session: Session, seen: Seen, work: Promise<T>): Promise<T> {
  const watch = setInterval(async () => {
    const blockers: Blocker[] = await session.blockers().catch(() => []);
    if (blockers.length > 0) seen.blockers = blockers;
  }, LOOK_MS);
  try {
    return await work;
  } finally {
    clearInterval(watch);
  }
}

const codeOf = (error: Error): string | null => (error instanceof pg.DatabaseError ? (error.code ?? null) : null);

/** 55P03: a lock was not free in time. 40P01: two waited for each other. */
const isBusy = (error: Error): boolean => ['55P03', '40P01'].includes(codeOf(error) ?? '');
