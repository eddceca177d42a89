import { isClean, openHazards, type StatementVerdict, type Verdict } from './migration.ts';
import type { Redact } from './redaction.ts';
import { withoutMentions } from './refusal.ts';
import type { MigrationPlace } from './switchover-file.ts';

export type Direction = 'expand' | 'contract';

/** `name` is how it is recorded in `table`; `review`: why its SQL cannot be known before it runs. */
export type PendingFile = Verdict & { name: string; table: string; review: string | null };

/** A commit's migrations that the database has not had, in the order in which they run, as a plan keeps them. */
export type PendingMigrations = {
  place: MigrationPlace;
  files: readonly PendingFile[];
  /** Of the commit, and the files and SQL of each direction: what an approval is bound to. */
  digests: Readonly<Record<Direction, string>>;
  /** The app is closed while its contract migrations run. */
  maintenance: boolean;
  /** Other apps that use the same database. */
  sharedWith: readonly string[];
  /** The app migrates by these, each in a one-off dyno; what stands in `files` is what is known of them. */
  commands?: Commands;
};

/** Shell commands of an app on another stack. `plan` prints the SQL that `contract` would run. */
export type Commands = { expand: string; contract: string | null; plan: string | null };

/** Contract migrations that somebody held in an earlier deploy. */
export type Held = { file: string; by: string | null; why: string };

/** Whoever approves them must know that they do not see all: what looks like a secret may be more than one. */
const HIDDEN = 'Part of its SQL looks like a secret and is hidden: read the file itself before you say yes.';

/** As they may be kept and shown: no secret is left in the SQL, and in what is said of it. Names stay: files are run by them. */
export function withoutSecretsIn(pending: PendingMigrations, redact: Redact): PendingMigrations {
  const perhaps = (text: string | null) => text && redact(text);
  const statement = ({ sql, hazards, ...verdict }: StatementVerdict): StatementVerdict => ({
    ...{ ...verdict, sql: redact(sql) },
    hazards: hazards.map(({ message, fix, allowed, ...hazard }) => ({
      ...{ ...hazard, message: redact(message), fix: redact(fix) },
      ...(allowed === undefined ? {} : { allowed: redact(allowed) }),
    })),
  });
  const files = pending.files.map(({ review, loosened, problem, statements, ...file }) => {
    const shown = statements.map(statement);
    const isWhole = shown.every(({ sql }, index) => sql === statements[index]?.sql);
    const said = [perhaps(review), isWhole ? null : HIDDEN].filter(words => words !== null);
    return {
      ...{ ...file, loosened: perhaps(loosened), problem: perhaps(problem), statements: shown },
      review: said.length > 0 ? said.join(' ') : null,
    };
  });
  return { ...pending, files };
}

/** True when a file runs before old code is gone though it destroys: by its own reason, which whoever wrote it gave. */
export const hasLoosened = (pending: PendingMigrations | null): boolean =>
  (pending?.files ?? []).some(({ loosened }) => loosened !== null);

/** Those that run in one direction. What is neutral goes first, with what only adds. */
export function filesOf(pending: PendingMigrations | null, direction: Direction): PendingFile[] {
  return (pending?.files ?? []).filter(({ phase }) => (phase === 'contract') === (direction === 'contract'));
}

/**
 * As they run while the app is `closed` and no dyno is there: when any of them could not run before the release, all do
 * afterwards, in one go and in their order, with an approval.
 */
export function whileClosed(files: readonly PendingFile[]): PendingFile[] {
  const cannotOverlap = files.some(({ phase, mixed, noSafePhase }) => phase === 'contract' || mixed || noSafePhase);
  return files.map(file => (cannotOverlap ? { ...file, phase: 'contract', mixed: false } : file));
}

/** Every reason why these migrations cannot be run around a switchover, or while the app is `closed`. */
export function gateReasons({ files, commands }: PendingMigrations, { closed = false } = {}): string[] {
  if (closed && commands?.contract) {
    return [
      'The contract command can be shown only once its release is there, so nobody could approve it before the app is closed. Leave `--maintenance` out: it is asked after the switchover.',
    ];
  }
  const reasons = files.flatMap(verdict => {
    const { file, mixed, problem } = verdict;
    const unsafe = openHazards(verdict).filter(hazard => (hazard.noSafePhase && !closed) || hazard.harm === 'fails');
    return [
      ...(problem === null ? [] : [`${file}: ${problem}`]),
      ...(mixed
        ? [
            `${file}: part of it must come before the release and part after old code is gone. Split it into two files, the second one in \`contract/\`, and push.`,
          ]
        : []),
      ...unsafe.map(
        ({ rule, message, fix, noSafePhase }) =>
          `${file}: ${message} The safe way: ${fix} ${noSafePhase ? 'Or run it behind a closed page, with `--maintenance`. ' : ''}If you know better, say why above the statement: \`-- allow: ${rule} your reason\`.`,
      ),
      ...barred(verdict, files),
    ];
  });
  return reasons.map(withoutMentions);
}

/** node-pg-migrate runs a folder in order and checks it for ever: what waits may not stand before what cannot. */
function barred({ file, phase }: PendingFile, verdicts: readonly PendingFile[]): string[] {
  if (phase !== 'contract') return [];
  const after = verdicts.slice(verdicts.findIndex(known => known.file === file) + 1);
  const blocked = after.filter(known => known.phase !== 'contract' && folderOf(known.file) === folderOf(file));
  if (blocked.length === 0) return [];
  const names = blocked.map(known => known.file).join(', ');
  return [
    `${file} waits until old code is gone, and stands before ${names} in the same folder, which cannot wait. Move it to \`contract/\`, or deploy what comes before it first, and push.`,
  ];
}

const folderOf = (file: string): string => file.slice(0, file.lastIndexOf('/') + 1);

/** What a person should know before they start: what blocks visitors, what nobody can judge, what was held. */
export function gateWarnings(pending: PendingMigrations, held: readonly Held[]): string[] {
  const contract = filesOf(pending, 'contract');
  const risky = filesOf(pending, 'expand').filter(verdict => !isClean(verdict));
  const warnings = [
    ...risky.flatMap(verdict => openHazards(verdict).map(({ message }) => `${verdict.file}: ${message}`)),
    // Of commands the plan's own list says so.
    ...pending.files.flatMap(({ file, review }) => (review === null || pending.commands ? [] : [`${file}: ${review}`])),
    ...pending.files.flatMap(({ file, loosened }) =>
      loosened === null ? [] : [`${file} runs earlier than its verdict says. Its reason: ${loosened}`],
    ),
  ];
  return [
    ...warnings.map(withoutMentions),
    ...contract.flatMap(({ file }) => {
      const hold = held.find(known => known.file === file);
      if (!hold) return [];
      const by = hold.by ? ` by <@${hold.by}>` : '';
      return [`${withoutMentions(file)} was held${by}: ${withoutMentions(hold.why)} It will be asked again.`];
    }),
    ...(contract.length > 0 && pending.sharedWith.length > 0
      ? [`${pending.sharedWith.join(', ')} use the same database: the contract migrations reach them too.`]
      : []),
  ];
}
