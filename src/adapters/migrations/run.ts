import { createInterface } from 'node:readline';
import type pg from 'pg';
import type { MigrationFile } from '../../domain/migration-file.ts';
import { apply } from './apply.ts';
import { endWithTheBot, tell } from './disarm.ts';
import type { Patience } from './job.ts';
import { openSession, takeLock, Unusable } from './session.ts';

// A contained program: migrates over a connection of its own, which also holds the lock, so that both end together. Its
// stdin is lines: how to connect; once it has told that the lock is taken, what to run; then one for each migration that it
// told to begin, when the bot has kept that, with what speaks against it.

type Opening = { connection: pg.ClientConfig; lockMs: number; patience: Patience };
type Order = { dir: string; programs: string[]; files: MigrationFile[]; begun: string[] };
type Kept = { kept: string; objection: string | null };

endWithTheBot();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function next<T>(): Promise<T> {
  return JSON.parse((await lines.next()).value ?? 'null');
}

async function main(): Promise<void> {
  const { connection, lockMs, patience } = await next<Opening>();
  const session = await openSession(connection);
  const onProgress = (progress: object) => tell({ progress });
  const taken = await takeLock(session, lockMs, holders => onProgress({ kind: 'waits for the lock', holders }));
  if (taken) return tell({ busy: taken.holders });
  tell({ locked: true });

  const { dir, programs, files, begun } = await next<Order>();
  const begins = async ({ name, steps }: MigrationFile): Promise<string | null> => {
    onProgress({ kind: 'begins', name, statements: steps.length });
    return (await next<Kept>()).objection;
  };
  for (const file of files) {
    const { name, table } = file;
    const lost = await takeLock(session, lockMs, () => {});
    if (lost) return tell({ busy: lost.holders });
    tell({ began: { name, table } });
    const outcome = await apply({ session, dir, programs, patience, begun, begins, onProgress }, file);
    tell({ ended: { name, table, outcome } });
    if (!['applied', 'already applied', 'recorded'].includes(outcome.kind)) break;
  }
  await session.close();
}

try {
  await main();
  process.exit(0);
} catch (error) {
  if (error instanceof Unusable) tell({ unusable: error.message });
  else tell({ failed: `The connection to the database broke: ${error instanceof Error ? error.message : error}.` });
  process.exit(1);
}
