import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { basename, dirname, extname, join, relative } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import type { Facts, Hazard, Migration, Verdict } from './domain/migration.ts';

// `npm run lint-migrations -- DIR|FILE… [--json] [--database-url URL]`: the verdicts of a deploy's plan, for a pull request.
// Ends with 0 when all is clean, 1 when somebody must look, 2 when something could not be read.

// Half of the time would go into stripping types, so the rest is imported when the cache is on.
enableCompileCache();
const { isClean, judge, parserReady } = await import('./domain/migration.ts');

/** What could not be read, and why. */
type Unread = { file: string; why: string };

type Asked = { paths: string[]; json: boolean; url: string | null };

function readArguments(): Asked | null {
  try {
    const { values, positionals: paths } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, 'database-url': { type: 'string' } },
    });
    return paths.length > 0 ? { paths, json: values.json ?? false, url: values['database-url'] ?? null } : null;
  } catch {
    return null;
  }
}

/** The migrations at a path in the order in which they run: by name, those in folders (`contract/`) after those beside. */
function filesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const files = entries.filter(entry => entry.isFile() && /\.(sql|[cm]?[jt]s)$/.test(entry.name));
  // A deploy never runs the way back.
  const forward = files.filter(({ name }) => !/\.down\.|\.d\.[cm]?ts$/.test(name));
  const folders = entries.filter(entry => entry.isDirectory());
  return [...forward, ...folders].flatMap(({ name }) => filesAt(join(path, name)));
}

async function readAll(paths: readonly string[]): Promise<{ migrations: Migration[]; unread: Unread[] }> {
  const unread: Unread[] = [];
  const attempt = <T>(file: string, read: () => T): T[] => {
    try {
      return [read()];
    } catch (error) {
      unread.push({ file, why: error instanceof Error ? error.message : String(error) });
      return [];
    }
  };
  const files = paths.flatMap(path => attempt(path, () => filesAt(path)).flat());
  const programs = await readPrograms(files.filter(file => !file.endsWith('.sql')));
  const migrations = files.flatMap((file): Migration[] => {
    const program = programs.get(file);
    if (!program) return attempt(file, () => ({ file, sql: readFileSync(file, 'utf8') }));
    if (program.why !== null) unread.push({ file, why: program.why });
    return program.sql === null ? [] : [{ file, sql: program.sql, review: program.why }];
  });
  return { migrations, unread };
}

/** What programs would run, found out by running them without a database, and what of them cannot be found out so. */
async function readPrograms(
  files: readonly string[],
): Promise<Map<string, { sql: string | null; why: string | null }>> {
  const found = new Map<string, { sql: string | null; why: string | null }>();
  for (const [root, inside] of Map.groupBy(files, rootOf)) {
    // The one who compiles and runs them is loaded only by those who have any.
    const { readEntries } = await import('./adapters/commit-reader.ts');
    const entries = inside.map(file => {
      const path = relative(root, realpathSync(file));
      return { name: basename(path, extname(path)), path, table: '', kind: 'code' as const };
    });
    const readings = await readEntries(root, entries, entries);
    for (const [index, file] of inside.entries()) {
      const reading = readings[index];
      const read = reading && 'file' in reading ? reading.file : null;
      found.set(file, { sql: read?.sql ?? null, why: read ? read.review : (reading?.problems.join(' ') ?? null) });
    }
  }
  return found;
}

/** The folder that a program may read: its package's, or else its own. */
function rootOf(file: string): string {
  const own = dirname(realpathSync(file));
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return own;
}

async function factsOf(url: string | null, unread: Unread[]): Promise<Facts | null> {
  if (url === null) return null;
  // The driver is loaded only by those who ask for it: it takes as long as everything else together.
  const { readCatalog } = await import('./adapters/catalog.ts');
  return readCatalog(url).catch(error => {
    unread.push({ file: 'the database', why: error instanceof Error ? error.message : String(error) });
    return null;
  });
}

/** What CI gets; the field names are a promise. */
function entryOf({ file, phase, noSafePhase, mixed, statements }: Verdict) {
  const hazardOf = ({ rule, lock, message, fix, allowed }: Hazard) => ({
    ...{ rule, lock, message, fix },
    ...(allowed === undefined ? {} : { allowed }),
  });
  return {
    ...{ file, phase, noSafePhase, mixed },
    statements: statements.map(({ line, sql, phase, hazards }) => ({
      line,
      sql,
      phase,
      hazards: hazards.map(hazardOf),
    })),
  };
}

function print(verdict: Verdict): void {
  const { file, phase, by, statements } = verdict;
  const mark = isClean(verdict) ? styleText('green', '✓') : styleText('red', '✗');
  console.log(`${mark} ${styleText('bold', file)}  ${phase}${by === 'verdict' ? '' : ` (by its ${by})`}`);
  for (const note of notesOn(verdict)) console.log(`    ${note}`);
  for (const { line, hazards } of statements) for (const hazard of hazards) printHazard(line, hazard);
}

function notesOn({ mixed, loosened, problem }: Verdict): string[] {
  return [
    mixed ? 'Part of it must come before the release and part after old code is gone: split it into two files.' : null,
    loosened === null ? null : `It says that it may run earlier: ${loosened}`,
    problem,
  ].filter(note => note !== null);
}

function printHazard(line: number, { rule, lock, message, fix, allowed }: Hazard): void {
  const name = allowed === undefined ? styleText('yellow', rule) : styleText('dim', `${rule}, allowed: ${allowed}`);
  console.log(`    line ${line}: ${name}${lock ? styleText('dim', `  ${lock}`) : ''}`);
  console.log(`      ${message}`);
  if (allowed === undefined) console.log(styleText('dim', fix.replace(/^/gm, '        ')));
}

async function lint({ paths, json, url }: Asked): Promise<0 | 1 | 2> {
  const { migrations, unread } = await readAll(paths);
  const facts = await factsOf(url, unread);
  await parserReady();
  const verdicts = judge(migrations, facts);
  if (json) console.log(JSON.stringify(verdicts.map(entryOf), null, 2));
  else for (const verdict of verdicts) print(verdict);
  for (const { file, why } of unread) console.error(`${file} was not read: ${why}`);
  if (unread.length > 0) return 2;
  return verdicts.every(isClean) ? 0 : 1;
}

const asked = readArguments();
if (!asked) console.error('Say `npm run lint-migrations -- DIR|FILE… [--json] [--database-url URL]`.');
process.exitCode = asked ? await lint(asked) : 2;
