/** Who keeps a lock that a migration waits for. `ageMs`: since its transaction began. */
export type Blocker = { pid: number; application: string; state: string; ageMs: number };

export type FileOutcome =
  /** `ms` is null when the one who ran it could not say so any more. */
  | { kind: 'applied'; ms: number | null }
  | { kind: 'already applied' }
  /** The catalog showed that it was done, by a try that could not say so any more: it was only recorded. */
  | { kind: 'recorded' }
  /** Nothing of it stayed. `code` is Postgres's SQLSTATE, `statement` counts from 1. */
  | { kind: 'rolled back'; error: string; code: string | null; statement: number | null; blockers: Blocker[] }
  /** It cannot be rolled back and is not done either: `wayOut` is SQL for a person. */
  | { kind: 'left behind'; error: string; wayOut: string }
  /** Nobody could say whether it ran; running again finds out. */
  | { kind: 'unclear'; error: string }
  /** One before it failed. */
  | { kind: 'not begun' };

export type MigrationProgress =
  | { kind: 'waits for the lock'; holders: Blocker[] }
  | { kind: 'begins'; name: string; statements: number }
  | { kind: 'statement'; name: string; statement: number }
  | { kind: 'tries again'; name: string; tries: number; inMs: number; error: string; blockers: Blocker[] };

const IN_WORDS: Readonly<Record<string, string>> = {
  '55P03': 'It was tried until patience ran out. Ask whoever is named, or wait until it is free; then try again.',
  '40P01': 'It and others waited for each other, each time. Try again when less is going on.',
  '57014':
    'It took longer than a change that others wait for may take. Find a way that does not lock so long, or put `SET LOCAL statement_timeout` at its start.',
  '25P03': 'It held a transaction open without doing anything.',
};

/** What became of a migration, for people: what happened, why, and what to do next. */
export function outcomeInWords(name: string, outcome: FileOutcome): string {
  const file = `\`${name}\``;
  switch (outcome.kind) {
    case 'applied':
      return `${file} ran${outcome.ms === null ? '' : ` in ${(outcome.ms / 1000).toFixed(1)} s`}.`;
    case 'already applied':
      return `${file} had run before.`;
    case 'recorded':
      return `${file} was done before, as the catalog shows, and is recorded now.`;
    case 'rolled back': {
      const { error, code, statement, blockers } = outcome;
      const where = statement === null ? '' : ` at statement ${statement}`;
      const inTheWay = blockers.length === 0 ? '' : ` In its way: ${blockersInWords(blockers)}.`;
      const next = IN_WORDS[code ?? ''] ?? 'Mend it, push, and deploy again.';
      return `${file} failed${where}, and nothing of it stayed: ${error}${code === null ? '' : ` (${code})`}.${inTheWay} ${next}`;
    }
    case 'left behind':
      return `${file} did not end, and cannot be rolled back. ${outcome.error} Drop it, then try again: \`${outcome.wayOut}\``;
    case 'unclear':
      return `Nobody knows yet whether ${file} ran. ${outcome.error} Try again: that looks first.`;
    case 'not begun':
      return `${file} was not begun.`;
    default:
      return outcome satisfies never;
  }
}

export function blockersInWords(blockers: readonly Blocker[]): string {
  return blockers
    .map(
      ({ application, pid, state, ageMs }) =>
        `${application} (process ${pid}, ${state}, for ${Math.round(ageMs / 1000)} s)`,
    )
    .join('; ');
}
