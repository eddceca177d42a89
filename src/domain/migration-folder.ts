import { compareMigrationFileNames } from 'node-pg-migrate/utils/comparators';
import type { MigrationPlace } from './switchover-file.ts';

/** A migration in a commit, by its place alone: `name` is what node-pg-migrate records of it in `table`. */
export type Entry = { name: string; path: string; table: string; kind: 'sql' | 'code' };

/**
 * Names in a table, in the order in which they ran. What has the table's name and shape in another schema, where `public` has
 * none, goes by both names (`legacy.pgmigrations`) and is not read.
 */
export type Applied = Readonly<Record<string, readonly string[]>>;

const MIGRATION = /\.(sql|[cm]?[jt]s)$/;
const LONGEST_NAME = 255;
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The migrations among a commit's paths, in the order in which node-pg-migrate 9 runs them, expand folder first. */
export function findMigrations(
  paths: readonly string[],
  { dir, contractDir, table, contractTable }: MigrationPlace,
): { entries: Entry[]; problems: string[] } {
  const folders = [entriesIn(paths, dir, table), entriesIn(paths, contractDir, contractTable)];
  return {
    entries: folders.flatMap(({ entries }) => entries),
    problems: folders.flatMap(({ problems }) => problems),
  };
}

function entriesIn(paths: readonly string[], dir: string, table: string): { entries: Entry[]; problems: string[] } {
  const inside = paths.filter(path => path.startsWith(`${dir}/`)).map(path => path.slice(dir.length + 1));
  // Folders below are not looked into, and hidden files are not migrations: so does node-pg-migrate.
  const files = inside.filter(file => !file.includes('/') && !file.startsWith('.') && MIGRATION.test(file));
  // A deploy never runs the way back. By default node-pg-migrate would run it as another migration, and first.
  const forward = files.filter(file => !/\.d\.[cm]?ts$/.test(file) && !isWayBack(file, files));
  const problems = forward.flatMap(file => problemsOf(`${dir}/${file}`, file));
  const entries = forward
    .filter(file => /^\d/.test(file))
    .sort((a, b) => compareMigrationFileNames(a, b, QUIET))
    .map((file): Entry => {
      const kind = file.endsWith('.sql') ? 'sql' : 'code';
      return { name: nameOf(file), path: `${dir}/${file}`, table, kind };
    });
  const names = entries.map(({ name }) => name);
  const twice = entries.filter(({ name }, index) => names.indexOf(name) !== index);
  return {
    entries,
    problems: [
      ...problems,
      ...twice.map(
        ({ path, name }) =>
          `\`${path}\` would be recorded as \`${name}\`, as another file beside it is: only one of them would ever run. Give it a name of its own.`,
      ),
    ],
  };
}

const isWayBack = (file: string, files: readonly string[]): boolean =>
  file.endsWith('.down.sql') && files.includes(file.replace(/\.down\.sql$/, '.up.sql'));

/** As node-pg-migrate 9 calls a pair `1_a.up.sql` and `1_a.down.sql` (`loader: 'sql'`): `1_a`. */
const nameOf = (file: string): string => file.replace(/\.up\.sql$/, '.sql').replace(/\.[^.]+$/, '');

function problemsOf(path: string, file: string): string[] {
  const problems: string[] = [];
  if (!/^\d/.test(file)) {
    problems.push(
      `\`${path}\` has no number in front, so nobody knows when it would run. Rename it, such as \`1700000000000_${file}\`, or move it elsewhere.`,
    );
  }
  if (/['\\\p{Cc}]/u.test(file) || file.length > LONGEST_NAME) {
    problems.push(
      `\`${path}\` cannot be recorded: node-pg-migrate writes names of up to ${LONGEST_NAME} characters, and breaks at a quote or backslash. Rename it.`,
    );
  }
  return problems;
}

export type Pending = {
  /** In the order in which they would run. */
  entries: Entry[];
  /** Recorded as run, but not in this commit: another branch's, or newer than it. */
  unknown: string[];
  problems: string[];
};

/** What of a commit's migrations the tables have not yet. */
export function pendingOf(entries: readonly Entry[], applied: Applied): Pending {
  const ranAs = ({ name, path, table }: Entry): string | undefined =>
    // Pairs are recorded so by those who never chose node-pg-migrate's loader for them.
    [name, ...(path.endsWith('.up.sql') ? [`${name}.up`] : [])].find(known => applied[table]?.includes(known));
  const pending = entries.filter(entry => ranAs(entry) === undefined);
  const held = new Set(entries.map(entry => `${entry.table} ${ranAs(entry)}`));
  const unknown = Object.entries(applied).flatMap(([table, names]) =>
    names.filter(name => !held.has(`${table} ${name}`) && !name.endsWith('.down')),
  );
  const problems = pending.flatMap(entry => {
    const later = entries.slice(entries.indexOf(entry) + 1);
    const overtaken = later.find(other => other.table === entry.table && ranAs(other) !== undefined);
    if (!overtaken) return [];
    return `\`${entry.path}\` has not run, but \`${overtaken.path}\` behind it has: whoever runs node-pg-migrate by hand is refused from then on, for ever. Give it a number behind all that ran.`;
  });
  return { entries: pending, unknown, problems: [...problems, ...keptElsewhere(entries, applied)] };
}

/** To run them all once more, because the table in which they are recorded was not found, would do everything twice. */
function keptElsewhere(entries: readonly Entry[], applied: Applied): string[] {
  const tables = [...new Set(entries.map(({ table }) => table))];
  return Object.keys(applied).flatMap(other => {
    const table = tables.find(name => other.endsWith(`.${name}`));
    if (table === undefined) return [];
    const ours = `CREATE TABLE public.${table} (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`;
    return `What has run is read from \`public.${table}\`, and there is none, but a table \`${other}\`: with that, migrations that have run would run once more. If it is this app's, \`ALTER TABLE ${other} SET SCHEMA public\` and take \`migrationsSchema\` out of its settings, or let the app run its own commands (\`"migrations": { "expand": "<command>" }\` in switchover.json). If it is another app's, \`${ours}\`. Then plan again.`;
  });
}
