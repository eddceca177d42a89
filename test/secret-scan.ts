import { readdir, readFile } from 'node:fs/promises';
import type pg from 'pg';

// Looks for marked secrets where nobody may find them: what a run has left behind, and what others can see of processes
// while it goes on. Each marked value should be one that stands nowhere else in the world.

/** A secret of a run, by a name that may be printed. */
export type Marked = { name: string; value: string };

/** Of a place in which secrets were found: what it is, and their names. */
export type Leak = string;

const spellings = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1),
  // As `to_jsonb` writes bytes.
  Buffer.from(value).toString('hex'),
];

/** Names of the secrets that stand in a text, in any usual spelling. */
export const secretsOf = (text: string, marked: readonly Marked[]): string[] =>
  marked.filter(({ value }) => spellings(value).some(spelt => text.includes(spelt))).map(({ name }) => name);

const leaksOf = (place: string, text: string, marked: readonly Marked[]): Leak[] =>
  secretsOf(text, marked).map(name => `${place} holds ${name}`);

/** What a run has left: texts by the name of their place (logs, what Slack got), and every row of every table of the bot's database. */
export async function scanForSecrets(ask: {
  marked: readonly Marked[];
  texts: Readonly<Record<string, string>>;
  database: Pick<pg.Pool, 'query'>;
}): Promise<Leak[]> {
  const { marked, texts, database } = ask;
  const { rows: tables } = await database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const found = Object.entries(texts).flatMap(([place, text]) => leaksOf(place, text, marked));
  for (const { name } of tables) {
    const { rows } = await database.query<{ row: string }>(`SELECT to_jsonb(kept)::text AS row FROM ${name} AS kept`);
    found.push(...new Set(rows.flatMap(({ row }) => leaksOf(name, row, marked))));
  }
  return found;
}

const LOOK_MS = 100;

/**
 * Looks, until it is stopped, at the command lines of all processes, which everybody on a machine may read, and at the
 * environment of those that the bots (their pids now) start: they alone may have secrets there.
 */
export function watchProcesses(marked: readonly Marked[], bots: () => readonly number[], everyMs = LOOK_MS) {
  const found = new Set<Leak>();
  let looking = true;
  const look = async (): Promise<void> => {
    while (looking) {
      const parents = new Map<number, number>();
      const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
      await Promise.all(
        pids.map(async pid => {
          const line = await read(pid, 'cmdline');
          for (const name of secretsOf(line, marked)) found.add(`The command line of ${programIn(line)} holds ${name}`);
          parents.set(pid, Number(/^PPid:\s*(\d+)/m.exec(await read(pid, 'status'))?.[1] ?? 0));
        }),
      );
      for (const pid of pids) {
        if (!bots().some(bot => descends(pid, bot, parents))) continue;
        const program = programIn(await read(pid, 'cmdline'));
        for (const name of secretsOf(await read(pid, 'environ'), marked))
          found.add(`The environment of ${program}, which the bot started, holds ${name}`);
      }
      await new Promise(later => setTimeout(later, everyMs));
    }
  };
  const looked = look();
  return {
    found: (): Leak[] => [...found].sort(),
    stop: async (): Promise<Leak[]> => {
      looking = false;
      await looked;
      return [...found].sort();
    },
  };
}

/** Nothing, when it has ended meanwhile. */
const read = (pid: number, what: string): Promise<string> => readFile(`/proc/${pid}/${what}`, 'utf8').catch(() => '');
/** Its first two words: a program, and what it runs. */
const programIn = (line: string): string => line.split('\0').slice(0, 2).join(' ');

function descends(pid: number, from: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at = parents.get(pid) ?? 0; at > 1; at = parents.get(at) ?? 0) if (at === from) return true;
  return false;
}
