import { type MigrationBuilder, runner } from 'node-pg-migrate';
import type pg from 'pg';
import { parserReady } from '../../domain/migration.ts';
import { type MigrationFile, refusedWhileRunning } from '../../domain/migration-file.ts';
import { type Actions, type Job, optionsFor, type Seen } from './job.ts';
import { callUp, load, shorthandsOf } from './load.ts';
import { LOCK_MS } from './session.ts';

const BEFORE_EACH = 'SET LOCAL lock_timeout';
/** What node-pg-migrate itself sends around a migration. */
const AROUND: ReadonlySet<string> = new Set(['BEGIN', 'COMMIT', 'ROLLBACK']);

/** Runs a migration and records it in one transaction. */
export async function runInTransaction(job: Job, file: MigrationFile, seen: Seen): Promise<null> {
  const { client } = job.session;
  const program = { asks: false };
  const actions = file.review === null ? stepByStep(file) : await theProgram(job, file, program);
  const query = async (text: string | pg.QueryConfig, values?: unknown[]) => {
    if (typeof text === 'string' && text.startsWith(BEFORE_EACH)) {
      seen.statement = (seen.statement ?? 0) + 1;
      job.onProgress({ kind: 'statement', name: file.name, statement: seen.statement });
    }
    // What a program asks is known only now; once it has ended the transaction nobody could take the rest back.
    const sql = typeof text === 'string' ? text : text.text;
    const isOurs = file.review === null || (AROUND.has(sql) && !program.asks);
    const refused = isOurs ? null : refusedWhileRunning(sql);
    if (refused !== null) throw new Error(refused);
    return client.query(text, values);
  };
  // With `singleTransaction` what a program asks while `up` runs lies inside the transaction as well.
  await runner({
    ...optionsFor(job, file, actions),
    dbClient: Object.create(client, { query: { value: query } }),
    singleTransaction: true,
  });
  return null;
}

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

/** `running.asks` while its own code runs, which may send anything. */
async function theProgram(
  { dir, programs }: Job,
  { path }: MigrationFile,
  running: { asks: boolean },
): Promise<Actions> {
  await parserReady();
  const program = await load(dir, path);
  const earlier = await shorthandsOf(
    dir,
    programs.filter(other => other !== path),
  );
  const up = async (pgm: MigrationBuilder): Promise<void> => {
    running.asks = true;
    await callUp(program, pgm).finally(() => {
      running.asks = false;
    });
    if (!pgm.isUsingTransaction()) throw new Error('It wants no transaction, which it did not say when it was read.');
  };
  return { up, down: false, shorthands: { ...earlier, ...program.shorthands } };
}
