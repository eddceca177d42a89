import { latest, type MigrationFailure, migrationsOf } from './domain/deploy.ts';
import { type Direction, filesOf } from './domain/gate.ts';
import { triesOf } from './migration-progress.ts';
import type { Run } from './run.ts';

// What is kept and said of migrations that failed, and of what they leave.

type Failed = { kind: 'failed'; failure: MigrationFailure };

/** Records it, once a try. */
export async function failed(run: Run, direction: Direction, failure: MigrationFailure): Promise<Failed> {
  await run.record({ kind: 'migration failed', direction, failure }, `migration failed ${direction} ${triesOf(run)}`);
  return { kind: 'failed', failure };
}

/** None of what is left began; what an earlier try has left there stays. */
export function notBegun(run: Run, direction: Direction, error: string): Promise<Failed> {
  const done = applied(run, direction);
  const file = filesOf(migrationsOf(run.deploy), direction).find(({ file }) => !done.includes(file))?.file ?? '';
  const earlier = latest(run.deploy, 'migration failed');
  const isLeft = earlier?.direction === direction && !done.includes(earlier.failure.file);
  const stays = isLeft ? earlier.failure.stays : null;
  return failed(run, direction, { file, error, stays, blockers: [], ran: false });
}

/** What failed and was taken back whole. */
export const nothingStays = (error: string) => ({ error, stays: null, blockers: [] });

/** What of a direction stays in the database though the rest failed. */
export function left(run: Run, direction: Direction, { stays, byCommand, ran }: MigrationFailure): string {
  if (ran === false && byCommand) return 'Nothing of it was run.';
  if (byCommand) return 'What the command had done by then stays: look at the database.';
  const before = applied(run, direction);
  const none = ran === false ? 'Nothing of it was run.' : 'Nothing of it stays.';
  const rest = stays === null ? none : `Part of it stays. To take that away: ${stays}`;
  return before.length > 0 ? `${rest} ${before.join(', ')} had been applied before, and stay.` : rest;
}

const applied = (run: Run, direction: Direction): string[] =>
  run.deploy.facts.flatMap(fact => (fact.kind === 'migrated' && fact.direction === direction ? [fact.file] : []));
