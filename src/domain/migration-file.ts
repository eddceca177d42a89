import { createHash } from 'node:crypto';
import type { Node } from 'libpg-query';
import { type Completion, completionOf } from './completion.ts';
import type { Kind } from './migration/action.ts';
import { readHeader } from './migration/file-phase.ts';
import { Holding } from './migration/holding.ts';
import { readStatement } from './migration/read-statement.ts';
import { type Piece, readSource } from './migration/source.ts';
import { bodyOf } from './migration/tree.ts';
import type { Entry } from './migration-folder.ts';

/** One statement as it is sent. `limitMs` is its statement_timeout: 0 is none, null leaves what the file itself set. */
export type Step = { sql: string; limitMs: number | null };

/** A migration as it would be run. */
export type MigrationFile = {
  /** As it is recorded in `table`. */
  name: string;
  path: string;
  table: string;
  /** What the verdicts read: the file itself, or what its program gave, headed by what that said of itself. */
  sql: string;
  transaction: boolean;
  steps: readonly Step[];
  /** How to see that it is done; of files that run outside a transaction only. */
  completion: Completion | null;
  /** Why its SQL is not known before it runs, so that a person must look at the program; null when all is known. */
  review: string | null;
  /** Of the file as it lies in the commit: SHA-256. */
  source: string;
};

/** What a program did when it ran without a database. */
export type Recording = {
  steps: readonly string[];
  transaction: boolean;
  phase: string | null;
  reason: string | null;
  /** What it asked of the database. */
  asked: readonly string[];
};

export type FileReading = { file: MigrationFile; problems: string[] };

/** Changes of the schema that take longer keep everybody out for longer: they are better undone. */
const BRIEF_MS = 15_000;

/** A `.sql` file as it would be run; `problems` are sentences, and one without pieces has no steps. */
export function readSqlFile(entry: Entry, text: string): FileReading {
  const { header, pieces, unparsed } = readSource(text);
  const { transaction } = readHeader(header);
  const problems = unparsed
    ? [
        `\`${entry.path}\`, line ${unparsed.line}: Postgres would not understand \`${unparsed.sql}\` (${unparsed.message}). Commands of psql, COPY data and placeholders do not run in a migration: write it as SQL.`,
      ]
    : problemsOf(entry.path, pieces, transaction);
  return { file: fileOf(entry, text, text, { transaction, pieces, review: null }), problems };
}

/** A program, of `text`, as it would be run by its recording; one that asks the database has a `review`. */
export function readProgram(entry: Entry, text: string, recording: Recording): FileReading {
  const { steps, transaction, phase, reason, asked } = recording;
  const header = [
    phase === null ? '' : `-- phase: ${phase}${reason === null ? '' : ` -- reason: ${reason}`}\n`,
    transaction ? '' : '-- no-transaction\n',
  ].join('');
  const sql = header + steps.join('\n');
  const review =
    asked.length === 0
      ? null
      : `It asks the database while it runs (\`${asked[0]}\`), so what else it will do is not known before.`;
  const { pieces, unparsed } = readSource(sql);
  const file = fileOf(entry, text, sql, { transaction, pieces, review });
  // What was recorded of it is not what it will do, so there is nothing to judge.
  if (review !== null) return { file, problems: transaction ? [] : [wordsForNoWayBack(entry.path)] };
  if (!unparsed) return { file, problems: problemsOf(entry.path, pieces, transaction) };
  const problem = `\`${entry.path}\` gives SQL that Postgres would not understand: \`${unparsed.sql}\` (${unparsed.message}).`;
  return { file, problems: [problem] };
}

const wordsForNoWayBack = (path: string): string =>
  `\`${path}\` asks the database while it runs, and outside a transaction: what it does by halves could not be taken back. Take \`pgm.noTransaction()\` out, or split it.`;

function fileOf(
  { name, path, table }: Entry,
  text: string,
  sql: string,
  { transaction, pieces, review }: { transaction: boolean; pieces: readonly Piece[]; review: string | null },
): MigrationFile {
  const [only] = pieces;
  return {
    ...{ name, path, table, sql, transaction, review },
    steps: stepsOf(pieces, transaction),
    completion: !transaction && only ? completionOf(only.node) : null,
    source: sha256(text),
  };
}

function stepsOf(pieces: readonly Piece[], transaction: boolean): Step[] {
  const ownLimit = pieces.some(({ node }) => bodyOf(node, 'VariableSetStmt')?.name === 'statement_timeout');
  if (ownLimit) return pieces.map(({ sql }) => ({ sql, limitMs: null }));
  const holding = new Holding();
  return pieces.map(({ sql, node }) => {
    const held = holding.holds;
    if (transaction && pieces.length > 1 && !held) holding.take(readStatement(node, sql));
    // While a table is kept from everybody, work on rows must be as brief as the change itself, which a call may do.
    const keeps = 'RefreshMatViewStmt' in node ? held : holding.holds;
    return { sql, limitMs: mayTakeLong(node, sql) && !keeps ? 0 : BRIEF_MS };
  });
}

const OF_ROWS = [
  ...(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'RefreshMatViewStmt'] as const),
  'CreateTableAsStmt',
] as const;

/** What a block may do and still be work on rows. */
const ROWS_ONLY: ReadonlySet<Kind> = new Set(['insert', 'update', 'delete', 'call', 'harmless']);

function isBlockOfRows(node: Node, sql: string): boolean {
  const actions = 'DoStmt' in node ? readStatement(node, sql) : [];
  return actions.length > 0 && actions.every(({ kind }) => ROWS_ONLY.has(kind));
}

/** Work on rows, and what goes on beside everybody else, takes as long as it takes. */
const mayTakeLong = (node: Node, sql: string): boolean =>
  OF_ROWS.some(tag => tag in node) ||
  isBlockOfRows(node, sql) ||
  (completionOf(node) !== null && !('AlterEnumStmt' in node));

function problemsOf(path: string, pieces: readonly Piece[], transaction: boolean): string[] {
  const ends = pieces.filter(({ node }) => isTransactionWord(node));
  const problems = ends.map(({ line, sql }) => `\`${path}\`, line ${line}: ${wordsForTransaction(sql)}`);
  if (transaction) return [...problems, ...pieces.flatMap(piece => problemInTransaction(path, piece))];
  const [only] = pieces;
  if (pieces.length === 1 && only && completionOf(only.node)) return problems;
  const wanted =
    'a CONCURRENTLY form that names its index, VALIDATE CONSTRAINT or ADD VALUE. Anything else runs in a transaction: split the file, or take `-- no-transaction` off.';
  const has = pieces.length === 1 ? `\`${only?.sql}\`` : `${pieces.length} statements`;
  return [
    ...problems,
    `\`${path}\` runs outside a transaction and has ${has}. After a kill nobody could say what of it was done, so such a file holds exactly one statement whose end the catalog shows: ${wanted}`,
  ];
}

/** BEGIN, COMMIT and ROLLBACK, in all their spellings; savepoints stay inside the transaction. */
function isTransactionWord(node: Node): boolean {
  const kind = bodyOf(node, 'TransactionStmt')?.kind;
  return kind !== undefined && !/SAVEPOINT|RELEASE|ROLLBACK_TO/.test(kind);
}

const wordsForTransaction = (sql: string): string =>
  `\`${sql}\` is not for a migration to say. Its transaction belongs to whoever runs it, or after a failure half of it would stay: take it out.`;

const LIKE_TRANSACTION = /\b(begin|start\s+transaction|commit|end|rollback|abort|prepare\s+transaction)\b/i;

/** Why SQL that a program sends while it runs may not be sent: it would begin or end the transaction. Null when it may. */
export function refusedWhileRunning(sql: string): string | null {
  const { pieces, unparsed } = readSource(sql);
  // A newer server may understand what this parser does not.
  if (unparsed) return LIKE_TRANSACTION.test(sql) ? wordsForTransaction(unparsed.sql) : null;
  const word = pieces.find(({ node }) => isTransactionWord(node));
  return word ? wordsForTransaction(word.sql) : null;
}

function problemInTransaction(path: string, { node, line, sql }: Piece): string[] {
  const concurrent = completionOf(node)?.concurrent || bodyOf(node, 'IndexStmt')?.concurrent;
  if (!concurrent && !('VacuumStmt' in node)) return [];
  return [
    `\`${path}\`, line ${line}: Postgres refuses \`${sql}\` inside a transaction (25001). Put it into a file of its own that starts with \`-- no-transaction\` (in a program: \`pgm.noTransaction()\`).`,
  ];
}

/** What an approval is bound to: the commit, its files and their SQL. Anything else gives another text. */
export function digestOf(commit: string, files: readonly MigrationFile[]): string {
  const bound = files.map(({ name, path, table, sql, transaction, steps, review, source }) => [
    ...[name, path, table, sql, transaction, review, source],
    steps.map(step => step.sql),
  ]);
  return sha256(JSON.stringify([commit, bound]));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
