import type { Direction } from './domain/gate.ts';
import { blockersInWords, type MigrationProgress } from './domain/migration-outcome.ts';
import type { Redact } from './domain/redaction.ts';
import type { Run } from './run.ts';

/** How often migrations that had failed were tried again by hand: what is told of each try has keys of its own. */
export const triesOf = ({ deploy }: Run): number =>
  deploy.facts.filter(fact => fact.kind === 'closed app answered').length;

/** Tells how far it is while it runs. That may be lost: what counts is recorded when it has ended. */
export function progressOf(
  run: Run,
  direction: Direction,
  { fileOf, redact }: { fileOf: (name: string) => string; redact: Redact },
) {
  let last = Promise.resolve();
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
        const blockers = progress.holders.map(holder => redact(blockersInWords([holder])));
        const why = 'Somebody else migrates this database.';
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
    tell: (progress: MigrationProgress): void => {
      last = last.then(() => record(progress)).catch(() => {});
    },
    told: (): Promise<void> => last,
  };
}
