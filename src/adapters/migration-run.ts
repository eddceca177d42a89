import { z } from 'zod';
import { digestOf, type MigrationFile } from '../domain/migration-file.ts';
import { type Applied, findMigrations } from '../domain/migration-folder.ts';
import { type Blocker, type FileOutcome, type MigrationProgress, wordsForBusy } from '../domain/migration-outcome.ts';
import type { MigrationRun, Migrator } from '../outside.ts';
import { readEntries } from './commit-reader.ts';
import { contain, type End } from './contained.ts';
import type { Patience } from './migrations/job.ts';
import { namesOnceFree } from './migrations/recorded.ts';
import { connectionTo } from './postgres.ts';
import { BadTarball, unpack } from './tarball.ts';

type Ask = Parameters<Migrator['run']>[0];

const RUN = new URL('migrations/run.ts', import.meta.url);

const named = { name: z.string(), table: z.string() };
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

// What our own program tells. A migration's program beside it could write there too: it is believed about progress only,
// and the tables have the last word.
const message = z.union([
  z.object({ locked: z.literal(true) }),
  z.object({ busy: z.custom<Blocker[]>(Array.isArray) }),
  z.object({ unusable: z.string() }),
  z.object({ failed: z.string() }),
  z.object({ progress: z.custom<MigrationProgress>(isObject) }),
  z.object({ began: z.object(named) }),
  z.object({ ended: z.object({ ...named, outcome: z.custom<FileOutcome>(isObject) }) }),
]);

/** See `Migrator.run`. `dir` is an empty folder for the commit. */
export async function runMigrations(
  ask: Ask,
  dir: string,
  { patience, lockMs }: { patience: Patience; lockMs: number },
): Promise<MigrationRun> {
  ask.signal.throwIfAborted();
  const connection = connectionTo(ask.databaseUrl);
  const told = new Map<string, FileOutcome | 'began'>();
  let busy: Blocker[] | null = null;
  let refused: string | null = null;
  let failed: string | null = null;
  const locked = Promise.withResolvers<true>();
  const unkept = Promise.withResolvers<never>();
  unkept.promise.catch(() => {});
  const child = contain(RUN, dir, {
    signal: ask.signal,
    onMessage: said => {
      const { data } = message.safeParse(said);
      if (!data) return;
      if ('locked' in data) locked.resolve(true);
      else if ('progress' in data) hear(data.progress).catch(unkept.reject);
      else if ('began' in data) told.set(keyOf(data.began), 'began');
      else if ('ended' in data) told.set(keyOf(data.ended), data.ended.outcome);
      else if ('failed' in data) failed = data.failed;
      else if ('busy' in data) busy = data.busy;
      else refused = data.unusable;
    },
  });
  const hear = async (progress: MigrationProgress): Promise<void> => {
    const objection = await ask.onProgress(progress);
    if (progress.kind === 'begins') child.tell({ kept: progress.name, objection });
  };
  try {
    child.tell({ connection, lockMs, patience });
    if (!(await Promise.race([locked.promise, child.ended.then(() => false)]))) {
      const end = await child.ended;
      ask.signal.throwIfAborted();
      if (busy) return { kind: 'busy', holders: busy };
      return { kind: 'refused', reason: refused ?? failed ?? wordsForEnd(end) };
    }
    const order = await readAgain(ask, dir);
    if ('problems' in order) return { kind: 'changed', problems: order.problems };
    child.tell({ dir, ...order, begun: ask.begun });
    // One that waits to begin is ended with its process.
    const end = await Promise.race([child.ended, unkept.promise]);
    ask.signal.throwIfAborted();
    const names = await namesOnceFree(connection, [ask.place.table, ask.place.contractTable], lockMs).catch(() => null);
    const why = refused ?? failed ?? (busy && wordsForBusy(busy)) ?? (end.code === 0 ? null : wordsForEnd(end));
    return { kind: 'ran', files: outcomesOf(order.files, told, names, why) };
  } finally {
    child.kill();
    await child.ended;
  }
}

const keyOf = ({ name, table }: { name: string; table: string }): string => `${table} ${name}`;

/** Under the lock: what would run now, if it is what was approved. */
async function readAgain(
  { tarball, place, files, commit, digest, signal }: Ask,
  dir: string,
): Promise<{ files: MigrationFile[]; programs: string[] } | { problems: string[] }> {
  try {
    const { paths } = await unpack(tarball, dir);
    const { entries } = findMigrations(paths, place);
    const wanted = files.flatMap(file => entries.find(entry => keyOf(entry) === keyOf(file)) ?? []);
    const readings = await readEntries(dir, wanted, entries, signal);
    const problems = readings.flatMap(reading => reading.problems);
    if (problems.length > 0) return { problems };
    const read = readings.flatMap(reading => ('file' in reading ? reading.file : []));
    const changed = 'What the commit would run is not what was shown: its files, or the SQL that they give, differ.';
    if (digestOf(commit, read) !== digest) return { problems: [changed] };
    return { files: read, programs: entries.filter(({ kind }) => kind === 'code').map(({ path }) => path) };
  } catch (error) {
    if (error instanceof BadTarball) return { problems: [error.message] };
    throw error;
  }
}

/** `why` is how the process ended, when that was not as it should. What is not begun lies behind one that failed. */
function outcomesOf(
  files: readonly MigrationFile[],
  told: ReadonlyMap<string, FileOutcome | 'began'>,
  names: Applied | null,
  why: string | null,
): { name: string; table: string; outcome: FileOutcome }[] {
  let failed = false;
  return files.map(file => {
    const { name, table } = file;
    const isRecorded = names?.[table]?.includes(name) ?? null;
    const outcome = failed ? NOT_BEGUN : outcomeOf(file, told.get(keyOf(file)) ?? null, isRecorded, why);
    failed ||= !isDone(outcome);
    return { name, table, outcome };
  });
}

const NOT_BEGUN: FileOutcome = { kind: 'not begun' };

const isDone = ({ kind }: FileOutcome): boolean => ['applied', 'already applied', 'recorded'].includes(kind);

/** What we were told, unless the table knows better. */
function outcomeOf(
  { completion }: MigrationFile,
  said: FileOutcome | 'began' | null,
  isRecorded: boolean | null,
  why: string | null,
): FileOutcome {
  const done = said !== null && said !== 'began' && isDone(said);
  if (said !== null && said !== 'began' && (isRecorded === null || isRecorded === done)) return said;
  if (isRecorded) return { kind: 'applied', ms: null };
  const error = done ? 'It was said to be done, but it is not recorded.' : (why ?? 'It ended without a word.');
  // Nobody migrates any more, so what a transaction did not record it did not do.
  const isGone = said === null || (isRecorded === false && completion === null);
  return isGone
    ? { kind: 'rolled back', error, code: null, statement: null, blockers: [] }
    : { kind: 'unclear', error };
}

const wordsForEnd = ({ by, said }: End): string =>
  by === null ? `The process that migrated ended by itself. ${said}` : `It was ended because ${by}.`;
