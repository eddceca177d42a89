import type { Direction } from './domain/gate.ts';
import { blockersInWords, isOurs, type MigrationProgress } from './domain/migration-outcome.ts';
import type { Redact } from './domain/redaction.ts';
import type { Run } from './run.ts';

/** How often migrations that had failed were tried again by hand: what is told of each try has keys of its own. */
export const triesOf = ({ deploy }: Run): number =>
  deploy.facts.filter(fact => fact.kind === 'closed app answered').length;

/** True when an earlier run of this deploy, killed or stopped since, may still be at it in the database. */
export const isMigrating = ({ deploy }: Run, direction: Direction): boolean =>
  deploy.facts.some(fact => fact.kind === 'migrating' && fact.direction === direction);

/** Files that an earlier run began, of which it is not recorded how they ended. */
export const begunIn = ({ deploy }: Run, direction: Direction): string[] => {
  const begun = new Set<string>();
  for (const fact of deploy.facts) {
    if (fact.kind === 'migration begins' && fact.direction === direction) begun.add(fact.file);
    if (fact.kind === 'migrated' && fact.direction === direction) begun.delete(fact.file);
    if (fact.kind === 'migration failed' && fact.direction === direction) begun.delete(fact.failure.file);
  }
  return [...begun];
};

/**
 * Tells how far it is while it runs. That may be lost, what counts being recorded when it has ended; but that a file begins may
 * not: rejects, also when the deploy is not ours any more, and it must not begin. `mayNot`: what speaks against that one more
 * begins, looked at right before.
 */
export function progressOf(
  run: Run,
  direction: Direction,
  ask: {
    fileOf: (name: string) => string;
    redact: Redact;
    goesOn: boolean;
    mayNot: () => Promise<string | null>;
  },
) {
  const { fileOf, redact, goesOn } = ask;
  let last: Promise<unknown> = Promise.resolve();
  const begins = async (progress: MigrationProgress): Promise<string | null> => {
    const objection = progress.kind === 'begins' ? await ask.mayNot() : null;
    if (objection !== null) return objection;
    // The files before it may have taken hours, in which another process has come to own the deploy.
    if (progress.kind === 'begins') await run.mayAct();
    await record(progress);
    return null;
  };
  const record = (progress: MigrationProgress): Promise<void> => {
    const about = (file: string) => `${direction} ${file} ${triesOf(run)}`;
    switch (progress.kind) {
      case 'begins': {
        const file = fileOf(progress.name);
        return run.record({ kind: 'migration begins', direction, file }, `migration begins ${about(file)}`);
      }
      case 'tries again': {
        const { tries, error } = progress;
        const file = fileOf(progress.name);
        const blockers = progress.blockers.map(blocker => redact(blockersInWords([blocker])));
        const waits = { kind: 'migration waits', direction, file, why: redact(error), blockers } as const;
        return run.record(waits, `migration waits ${about(file)} ${tries}`);
      }
      case 'waits for the lock': {
        const own = goesOn && isOurs(progress.holders);
        const blockers = own ? [] : progress.holders.map(holder => redact(blockersInWords([holder])));
        const why = own
          ? 'What an earlier run of this deploy began goes on in the database, and is waited for until it has ended.'
          : 'Somebody else migrates this database.';
        return run.record(
          { kind: 'migration waits', direction, file: null, why, blockers },
          `migration waits ${about('')}`,
        );
      }
      case 'statement':
        return Promise.resolve();
      default:
        return progress satisfies never;
    }
  };
  return {
    tell: async (progress: MigrationProgress): Promise<string | null> => {
      const told = last.then(() => begins(progress));
      last = told.catch(() => {});
      if (progress.kind === 'begins') return told;
      await last;
      return null;
    },
    told: async (): Promise<void> => void (await last),
  };
}
