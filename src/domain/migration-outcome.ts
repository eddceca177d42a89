/** Who keeps a lock that a migration waits for. `ageMs`: since its transaction began. */
export type Blocker = { pid: number; application: string; state: string; ageMs: number };

/** What our connections that migrate call themselves. */
export const OUR_APPLICATION = 'switchover migrations';

/** True when nobody but an earlier run of ours, or its statement that goes on without it, keeps a lock. */
export const isOurs = (holders: readonly Blocker[]): boolean =>
  holders.every(({ application }) => application === OUR_APPLICATION);

export type FileOutcome =
  /** `ms` is null when the one who ran it could not say so any more. */
  | { kind: 'applied'; ms: number | null }
  | { kind: 'already applied' }
  /** The catalog showed that it was done, by a try that could not say so any more: it was only recorded. */
  | { kind: 'recorded' }
  /** Nothing of it stayed. `error` is for people, `code` Postgres's SQLSTATE; `statement` counts from 1. */
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

const NEXT: Readonly<Record<string, string>> = {
  '55P03': 'Others have it in use, and nobody is made to wait longer: ask them, or try when it is free.',
  '40P01': 'It and others waited for each other, each time: try when less is going on.',
  '57014':
    'It took longer than others may be kept waiting. Work on rows after a change of a table belongs into a migration of its own, for the table is locked until the end: split the file. Else find a way that does not lock so long, or put `SET LOCAL statement_timeout` at its start.',
};

/** What Postgres said, with what to do next where its own words do not tell. */
export function errorInWords(message: string, code: string | null): string {
  const said = code === null ? message : `${message} (${code})`;
  const next = NEXT[code ?? ''];
  return next === undefined ? said : `${said}. ${next}`;
}

/** One line: `psql (process 12, active, for 3 s); …`, empty for none. */
export function blockersInWords(blockers: readonly Blocker[]): string {
  return blockers
    .map(
      ({ application, pid, state, ageMs }) =>
        `${application} (process ${pid}, ${state}, for ${Math.round(ageMs / 1000)} s)`,
    )
    .join('; ');
}

export const wordsForBusy = (holders: readonly Blocker[]): string =>
  `Somebody else migrates this database: ${blockersInWords(holders) || 'nobody knows who'}. Wait until that has ended, then try again.`;
