import type { Migrator } from '../outside.ts';
import { readCommit } from './commit-reader.ts';
import { runMigrations } from './migration-run.ts';
import type { Patience } from './migrations/job.ts';
import { holdersOf, namesIn } from './migrations/recorded.ts';
import { connectionTo } from './postgres.ts';
import { inFolder } from './tarball.ts';

/** A busy table is tried at most so often in so many ms; whoever else migrates is waited for that long. */
const PATIENCE: Patience = { tries: 10, firstMs: 1_000, withinMs: 600_000 };
const LOCK_MS = 60_000;

/** Reads and runs the migrations of an app, both in processes of their own: their code is not ours. */
export function createMigrator(
  { patience, lockMs }: { patience: Patience; lockMs: number } = { patience: PATIENCE, lockMs: LOCK_MS },
): Migrator {
  return {
    applied: (databaseUrl, place) => namesIn(connectionTo(databaseUrl), [place.table, place.contractTable]),
    holders: databaseUrl => holdersOf(connectionTo(databaseUrl)),
    read: ({ tarball, place, applied, signal }) => readCommit(tarball, place, applied, signal),
    run: ask => inFolder(dir => runMigrations(ask, dir, { patience, lockMs })),
  };
}
