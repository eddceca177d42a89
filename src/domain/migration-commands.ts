import { createHash } from 'node:crypto';
import type { Commands, PendingFile, PendingMigrations } from './gate.ts';
import type { StatementVerdict } from './migration.ts';

/** A command stands where a file of migrations would. */
const asFile = (
  command: string,
  phase: 'expand' | 'contract',
  review: string | null,
  statements: readonly StatementVerdict[],
): PendingFile => ({
  ...{ file: command, name: command, table: '', review, phase, statements: [...statements] },
  ...{ by: 'verdict', noSafePhase: false, mixed: false, loosened: null, transaction: true, problem: null },
});

const UNSEEN = 'What this command does is known only when it runs: it is not read before.';

export const contractByCommand = (
  { contract }: Commands,
  review: string | null = UNSEEN,
  statements: readonly StatementVerdict[] = [],
): PendingFile => asFile(contract ?? '', 'contract', review, statements);

/** What a plan can say of an app that migrates by its own commands, before anything of the commit can be run. */
export function pendingCommands(commit: string, commands: Commands, sharedWith: readonly string[]): PendingMigrations {
  const digest = createHash('sha256')
    .update(JSON.stringify([commit, commands]))
    .digest('hex');
  return {
    place: { dir: '', contractDir: '', table: '', contractTable: '' },
    files: [
      asFile(commands.expand, 'expand', UNSEEN, []),
      ...(commands.contract === null ? [] : [contractByCommand(commands)]),
    ],
    digests: { expand: digest, contract: digest },
    ...{ maintenance: false, sharedWith, commands },
  };
}

/** What a person should know before they start such a deploy. */
export function commandWarnings({ expand }: Commands, procfile: string | null): string[] {
  const runsRelease = procfile !== null && /^release:/m.test(procfile);
  return [
    `\`${expand}\` runs in the window, on the new release: Heroku runs one-off dynos on the current one. New dynos boot beside it, so booting must not need what it adds. If it fails, or is not through before the switch, the deploy is rolled back.`,
    ...(runsRelease
      ? [
          'The Procfile also has a `release:` command, which Heroku runs before that, without asking anybody. Take it out if it migrates too.',
        ]
      : []),
  ];
}
