import { runner } from 'node-pg-migrate';
import type { Completion } from '../../domain/completion.ts';
import type { MigrationFile } from '../../domain/migration-file.ts';
import type { FileOutcome } from '../../domain/migration-outcome.ts';
import { lookAt } from './catalog-look.ts';
import { type Job, optionsFor, type Seen } from './job.ts';

/** CONCURRENTLY waits for others to end their transactions, and nobody waits for it. */
const CONCURRENT_MS = 600_000;

/** One statement that cannot be rolled back: looked for before it runs, and looked at before it is recorded. */
export async function runAlone(
  job: Job,
  file: MigrationFile,
  completion: Completion,
  seen: Seen,
): Promise<FileOutcome | null> {
  const { client } = job.session;
  const [{ sql, limitMs } = { sql: '', limitMs: null }] = file.steps;
  const begun = job.begun.includes(file.name);
  const before = await lookAt(client, { completion, sql, begun });
  if (before.inTheWay.length > 0) return leftBehind(before.inTheWay, 'An earlier try did not end');
  if (!before.done) {
    await client.query(`SET statement_timeout = ${limitMs ?? 0}`);
    if (completion.concurrent) await client.query(`SET lock_timeout = ${CONCURRENT_MS}`);
    seen.statement = 1;
    job.onProgress({ kind: 'statement', name: file.name, statement: 1 });
    const failed = await client.query(sql).then(
      () => null,
      (error: Error) => error,
    );
    const { invalid } = await lookAt(client, { completion, sql, begun });
    // What was so before is not of this try, except where the try before this one was ours too.
    const isOurs = begun && completion.kind === 'index gone';
    const left = invalid.filter(name => isOurs || !before.invalid.includes(name));
    if (left.length > 0) return leftBehind(left, failed?.message ?? 'Postgres passed over one of that name');
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
