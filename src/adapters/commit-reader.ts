import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parserReady } from '../domain/migration.ts';
import { type FileReading, readProgram, readSqlFile } from '../domain/migration-file.ts';
import { type Applied, type Entry, findMigrations, pendingOf } from '../domain/migration-folder.ts';
import type { MigrationPlace } from '../domain/switchover-file.ts';
import type { MigrationReading } from '../outside.ts';
import { readPrograms } from './program-reader.ts';
import { BadTarball, inFolder, unpack } from './tarball.ts';

const packageJson = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('no JSON');
      return z.NEVER;
    }
  })
  .pipe(z.object({ scripts: z.record(z.string(), z.string()).default({}) }));

/** What a commit's tarball holds of migrations that the tables have not yet. Only those are read, or run to be read. */
export function readCommit(
  tarball: Uint8Array,
  place: MigrationPlace,
  applied: Applied,
  signal?: AbortSignal,
): Promise<MigrationReading> {
  return inFolder(async dir => {
    try {
      return await readFolder(dir, await unpack(tarball, dir), { place, applied, signal });
    } catch (error) {
      if (!(error instanceof BadTarball)) throw error;
      return { files: [], problems: [error.message], unknown: [], procfile: null, scripts: {} };
    }
  });
}

async function readFolder(
  dir: string,
  { paths, links }: { paths: readonly string[]; links: readonly string[] },
  { place, applied, signal }: { place: MigrationPlace; applied: Applied; signal: AbortSignal | undefined },
): Promise<MigrationReading> {
  const found = findMigrations(paths, place);
  const pending = pendingOf(found.entries, applied);
  const readings = await readEntries(dir, pending.entries, found.entries, signal);
  const textAt = async (path: string) => (paths.includes(path) ? readFile(join(dir, path), 'utf8') : null);
  return {
    files: readings.flatMap(reading => ('file' in reading ? reading.file : [])),
    problems: [
      ...links.filter(link => isInTheWay(link, place)).map(wordsForLink),
      ...found.problems,
      ...pending.problems,
      ...readings.flatMap(({ problems }) => problems),
    ],
    unknown: pending.unknown,
    procfile: await textAt('Procfile'),
    scripts: scriptsIn(await textAt('package.json')),
  };
}

/** What package.json calls its scripts; none when it cannot be read. */
function scriptsIn(text: string | null): Record<string, string> {
  const { success, data } = packageJson.safeParse(text ?? '{}');
  return success ? data.scripts : {};
}

/**
 * Bytes, of one and of all that are read at once: as a tree each takes some 250 times that, and a bot without memory ends,
 * and with it all that it does.
 */
const [LONGEST, LONGEST_IN_ALL] = [1_000_000, 2_000_000];

/** The files at entries of a commit unpacked in `dir`, in their order; `all` are those of the commit. */
export async function readEntries(
  dir: string,
  entries: readonly Entry[],
  all: readonly Entry[],
  signal?: AbortSignal,
): Promise<(FileReading | { problems: string[] })[]> {
  await parserReady();
  const sizes = await Promise.all(entries.map(async ({ path }) => (await stat(join(dir, path))).size));
  const tooLong = whyTooLong(entries, sizes);
  if (tooLong.length > 0) return [{ problems: tooLong }];
  const wanted = entries.filter(({ kind }) => kind === 'code').map(({ path }) => path);
  const earlier = all.filter(({ kind, path }) => kind === 'code' && !wanted.includes(path)).map(({ path }) => path);
  const programs = wanted.length > 0 ? await readPrograms(dir, { earlier, wanted }, signal) : new Map<string, never>();
  return Promise.all(
    entries.map(async entry => {
      const text = await readFile(join(dir, entry.path), 'utf8');
      if (entry.kind === 'sql') return readSqlFile(entry, text);
      const reading = programs.get(entry.path) ?? { failed: 'It was not read.' };
      if ('recording' in reading) {
        const size = Buffer.byteLength(reading.recording.steps.join());
        const problems = whyTooLong([entry], [size]);
        return problems.length > 0 ? { problems } : readProgram(entry, text, reading.recording);
      }
      return { problems: [wordsForFailure(entry.path, reading.failed)] };
    }),
  );
}

function whyTooLong(entries: readonly Entry[], sizes: readonly number[]): string[] {
  const inAll = sizes.reduce((sum, size) => sum + size, 0);
  const each = entries.flatMap(({ path }, index) =>
    (sizes[index] ?? 0) > LONGEST
      ? `\`${path}\` is too long: ${megabytes(sizes[index] ?? 0)}, and 1 MB is read at most.`
      : [],
  );
  const together =
    inAll > LONGEST_IN_ALL ? [`What is pending has ${megabytes(inAll)} together, and 2 MB are read at once.`] : [];
  const why = [...each, ...together];
  return why.length > 0 ? [...why, 'Load rows with a job of the app, or deploy in several steps.'] : [];
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** A link in place of a migration or of a folder that they lie in. */
const isInTheWay = (link: string, { dir, contractDir }: MigrationPlace): boolean =>
  [dir, contractDir].some(folder => `${folder}/`.startsWith(`${link}/`) || link.startsWith(`${folder}/`));

const wordsForLink = (link: string): string =>
  `\`${link}\` is a link, and links of a commit are not followed: it could lead anywhere. Put the file itself there.`;

function wordsForFailure(path: string, failed: string): string {
  const missing = /Cannot find (?:module|package) '([^'./][^']*)'/.exec(failed)?.[1];
  if (missing === undefined) return `\`${path}\` could not be read. ${failed}`;
  return `\`${path}\` needs the package \`${missing}\`, and the commit does not hold it: nothing is installed where migrations are read. Write it without, or let the app run its own: \`"migrations": { "expand": "<command>", "contract": "<command>" }\` in switchover.json.`;
}
