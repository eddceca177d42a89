import { basename, dirname, extname, join } from 'node:path';
import { type Migration, type MigrationBuilder, type RunnerOption, runner } from 'node-pg-migrate';
import pRetry from 'p-retry';
import pg from 'pg';
import type { Completion } from '../../domain/completion.ts';
import type { MigrationFile } from '../../domain/migration-file.ts';
import type { Blocker, FileOutcome, MigrationProgress } from '../../outside.ts';
import { lookAt } from './catalog-look.ts';
import { callUp, load, shorthandsOf } from './load.ts';
import { namesOf } from './recorded.ts';
import { LOCK_MS, type Session, settle } from './session.ts';

/** How often a migration that finds a table in use tries again: at first after `firstMs`, then after twice as long. */
export type Patience = { tries: number; firstMs: number; withinMs: number };

export type Job = {
  session: Session;
  /** The unpacked commit. */
  dir: string;
  /** Programs of the commit that named types may come from. */
  programs: readonly string[];
  patience: Patience;
  onProgress: (progress: MigrationProgress) => void;
};

/** CONCURRENTLY waits for others to end their transactions, and nobody waits for it. */
const CONCURRENT_MS = 600_000;
const LONGEST_PAUSE_MS = 60_000;
const LOOK_MS = 150;
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Runs one migration and records it, both or neither. The lock must be held. Rejects when the connection is lost. */
export async function apply(job: Job, file: MigrationFile): Promise<FileOutcome> {
  const began = performance.now();
  if ((await namesOf(job.session.client, file.table)).includes(file.name)) return { kind: 'already applied' };
  job.onProgress({ kind: 'begins', name: file.name, statements: file.steps.length });
  const seen: Seen = { statement: null, blockers: [] };
  try {
    const applied = await pRetry(() => attempt(job, file, seen), {
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
    const code = codeOf(error);
    // Those of class 57P are Postgres going away: the connection tells.
    if (code?.startsWith('57P')) throw error;
    return { kind: 'rolled back', error: error.message, code, statement: seen.statement, blockers: seen.blockers };
  }
}

/** What was seen of a migration under way: the statement that it is at, and whom that waited for last. */
type Seen = { statement: number | null; blockers: Blocker[] };

async function attempt(job: Job, file: MigrationFile, seen: Seen): Promise<FileOutcome | null> {
  Object.assign(seen, { statement: null, blockers: [] } satisfies Seen);
  await settle(job.session, { outlives: file.completion !== null });
  const work = file.completion ? runAlone(job, file, file.completion, seen) : runInTransaction(job, file, seen);
  return whileWatching(job.session, seen, work);
}

/** Looks again and again whom the statement waits for: when it has failed, it waits for nobody. */
async function whileWatching<T>(session: Session, seen: Seen, work: Promise<T>): Promise<T> {
  const watch = setInterval(async () => {
    const blockers = await session.blockers().catch(() => []);
    if (blockers.length > 0) seen.blockers = blockers;
  }, LOOK_MS);
  try {
    // A connection that breaks does not always tell those who wait for an answer.
    return await Promise.race([work, session.lost.then(cause => Promise.reject(new Lost(cause.message, { cause })))]);
  } finally {
    clearInterval(watch);
  }
}

/** The connection broke: what it was at may have been done or not. */
export class Lost extends Error {}

async function runInTransaction(job: Job, file: MigrationFile, seen: Seen): Promise<null> {
  const { client } = job.session;
  const actions = file.review === null ? stepByStep(file) : await theProgram(job, file);
  const counting = {
    query: async (text: string, values?: unknown[]) => {
      if (text.startsWith(BEFORE_EACH)) {
        seen.statement = (seen.statement ?? 0) + 1;
        job.onProgress({ kind: 'statement', name: file.name, statement: seen.statement });
      }
      return client.query(text, values);
    },
  };
  // With `singleTransaction` what a program asks while `up` runs lies inside the transaction as well.
  await runner({
    ...optionsFor(job, file, actions),
    dbClient: Object.create(client, { query: { value: counting.query } }),
    singleTransaction: true,
  });
  return null;
}

const BEFORE_EACH = 'SET LOCAL lock_timeout';

type Actions = ConstructorParameters<typeof Migration>[2];

/** The statements that were read, not the program once more: what runs is what was shown. */
function stepByStep({ steps }: MigrationFile): Actions {
  const up = (pgm: MigrationBuilder): void => {
    for (const { sql, limitMs } of steps) {
      const limit = limitMs === null ? '' : `; SET LOCAL statement_timeout = ${limitMs}`;
      pgm.sql(`${BEFORE_EACH} = ${LOCK_MS}${limit}`);
      pgm.sql(sql);
    }
  };
  return { up, down: false };
}

async function theProgram({ dir, programs }: Job, { path }: MigrationFile): Promise<Actions> {
  const program = await load(dir, path);
  const earlier = await shorthandsOf(
    dir,
    programs.filter(other => other !== path),
  );
  return { up: pgm => callUp(program, pgm), down: false, shorthands: { ...earlier, ...program.shorthands } };
}

/** One statement that cannot be rolled back: looked for before it runs, and looked at before it is recorded. */
async function runAlone(
  job: Job,
  file: MigrationFile,
  completion: Completion,
  seen: Seen,
): Promise<FileOutcome | null> {
  const { client } = job.session;
  const before = await lookAt(client, completion);
  if (before.invalid.length > 0) return leftBehind(before.invalid, 'An earlier try did not end');
  if (!before.done) {
    const [{ sql, limitMs } = { sql: '', limitMs: null }] = file.steps;
    await client.query(`SET statement_timeout = ${limitMs ?? 0}`);
    if (completion.concurrent) await client.query(`SET lock_timeout = ${CONCURRENT_MS}`);
    seen.statement = 1;
    job.onProgress({ kind: 'statement', name: file.name, statement: 1 });
    const failed = await client.query(sql).then(
      () => null,
      (error: Error) => error,
    );
    const { invalid } = await lookAt(client, completion);
    if (invalid.length > 0) return leftBehind(invalid, failed?.message ?? 'Postgres passed over one of that name');
    if (failed) throw failed;
  }
  await runner({ ...optionsFor(job, file, { up: () => {}, down: false }), dbClient: client, fake: true });
  return before.done ? { kind: 'recorded' } : null;
}

function leftBehind(invalid: readonly string[], error: string): FileOutcome {
  const names = invalid.map(name => `\`${name}\``).join(', ');
  return {
    kind: 'left behind',
    error: `${error}: the index ${names} is invalid. It costs every write and serves no query.`,
    wayOut: invalid.map(name => `DROP INDEX CONCURRENTLY ${name};`).join('\n'),
  };
}

/** For this one file of its folder. */
function optionsFor({ dir }: Job, { name, path, table }: MigrationFile, actions: Actions) {
  const place = join(dir, path);
  // node-pg-migrate takes the name to record from this.
  const id = join(dirname(place), `${name}${extname(place)}`);
  const loader = async () => [{ id, filePaths: [place], actions }];
  return {
    dir: dirname(place),
    ignorePattern: `(?!${basename(place).replace(/\W/g, '\\$&')}$).*`,
    file: name,
    direction: 'up',
    migrationsTable: table,
    checkOrder: false,
    noLock: true,
    logger: QUIET,
    migrationLoaderStrategies: [{ extensions: [extname(place)], loader }],
  } satisfies Partial<RunnerOption>;
}

const codeOf = (error: Error): string | null => (error instanceof pg.DatabaseError ? (error.code ?? null) : null);

/** 55P03: a lock was not free in time. 40P01: two waited for each other. */
const isBusy = (error: Error): boolean => ['55P03', '40P01'].includes(codeOf(error) ?? '');
