import type { Facts } from './migration/facts.ts';
import { declaredPhase, type FilePhase, phaseOfFile, readAllowed, readHeader } from './migration/file-phase.ts';
import { type Judged, judgeSteps } from './migration/judge.ts';
import { Known } from './migration/known.ts';
import { readStatement } from './migration/read-statement.ts';
import {
  DURATIONS,
  type Finding,
  type Harm,
  type Lasts,
  LOCKS,
  type Lock,
  type Phase,
  strictest,
} from './migration/rule.ts';
import { type Piece, readSource } from './migration/source.ts';

export type { Facts } from './migration/facts.ts';
export { parserReady, WASM_FLAG } from './migration/parser.ts';
export type { Harm, Lasts, Lock, Phase } from './migration/rule.ts';

/**
 * A migration as SQL. Its path tells its folder and name; paths are shown as they are given. With a `review`, why its SQL
 * is not known before it runs, it waits until old code is gone, whatever was recorded of it. `byCommand`: the app's own
 * command runs it, in transactions only where it says so, and without our limits.
 */
export type Migration = { file: string; sql: string; review?: string | null; byCommand?: boolean };

/** `allowed` is the reason of an `-- allow: RULE reason` beside the statement. */
export type Hazard = {
  rule: string;
  harm: Harm;
  noSafePhase: boolean;
  lock: Lock | null;
  message: string;
  fix: string;
  allowed?: string;
};

export type StatementVerdict = {
  line: number;
  sql: string;
  phase: Phase;
  /** The strongest lock that it takes on what old code uses, and how long its slowest part lasts. */
  lock: Lock | null;
  lasts: Lasts;
  hazards: Hazard[];
};

export type Verdict = {
  file: string;
  /** The phase that it is run in; `by` is what decided. */
  phase: Phase;
  by: FilePhase['by'];
  /** Breaks old code before the release and new code after it: refused, unless a reason overrides it. */
  noSafePhase: boolean;
  /** Has to come before the release and after it: refused, "split it". */
  mixed: boolean;
  /** The reason in its header for running it earlier than the verdict says; shown to whoever approves. */
  loosened: string | null;
  transaction: boolean;
  /** What is wrong with what the file says of itself. */
  problem: string | null;
  statements: StatementVerdict[];
};

/**
 * Judges migrations in the order in which they run: what one makes, a later one may change. Without facts of the
 * target's catalog the careful answer is given. `parserReady` must have been awaited.
 */
export function judge(migrations: readonly Migration[], facts: Facts | null): Verdict[] {
  const known = new Known(facts);
  return migrations.map(migration => judgeOne(migration, known));
}

function judgeOne({ file, sql, review = null, byCommand = false }: Migration, known: Known): Verdict {
  const source = readSource(sql);
  const header = readHeader(source.header);
  known.startFile({ codeKnows: declaredPhase(file, header).phase === 'contract' });
  const steps = source.pieces.map(({ node, sql: text }) => ({ sql: text, node, actions: readStatement(node, text) }));
  const judged = judgeSteps(steps, known, !byCommand && header.transaction, !byCommand);
  const statements = source.pieces.map((piece, index) => statementVerdict(piece, judged[index]?.findings ?? []));
  const { unparsed } = source;
  if (unparsed) {
    const { findings = [] } =
      judgeSteps(
        [{ sql: unparsed.sql, node: null, actions: [{ kind: 'unparsed', message: unparsed.message }] }],
        known,
        false,
      )[0] ?? {};
    statements.push(statementVerdict({ ...unparsed, comments: [] }, findings));
  }
  const found = review === null ? strictest(statements.map(verdict => verdict.phase)) : 'contract';
  const { phase, by, loosened, problem } = phaseOfFile(file, header, found);
  return {
    file,
    phase,
    by,
    noSafePhase: judged.some(({ findings }) => findings.some(finding => finding.noSafePhase)),
    mixed: loosened === null && isMixed(judged),
    loosened,
    transaction: header.transaction,
    problem,
    statements,
  };
}

function isMixed(judged: readonly Judged[]): boolean {
  const parts = judged.flatMap(statement => statement.parts);
  return parts.includes('expand') && parts.includes('contract');
}

function statementVerdict(
  { line, sql, comments }: Omit<Piece, 'node'>,
  findings: readonly Finding[],
): StatementVerdict {
  const allowed = readAllowed(comments);
  const hazards = findings.flatMap(({ rule, harm, noSafePhase, lock, message, fix }): Hazard[] => {
    if (harm === null) return [];
    const reason = allowed.get(rule);
    return [{ rule, harm, noSafePhase, lock, message, fix, ...(reason === undefined ? {} : { allowed: reason }) }];
  });
  return {
    ...{ line, sql, hazards },
    phase: strictest(findings.map(({ phase }) => phase)),
    lock: LOCKS.find(lock => findings.some(finding => finding.lock === lock)) ?? null,
    lasts: DURATIONS.find(lasts => findings.some(finding => finding.lasts === lasts)) ?? 'brief',
  };
}

/** The hazards that still need somebody: not acknowledged, and not settled by running when old code is gone. */
export function openHazards({ phase, by, statements }: Verdict): Hazard[] {
  const waits = phase === 'contract' && by !== 'verdict';
  return statements
    .flatMap(({ hazards }) => hazards)
    .filter(({ harm, allowed, noSafePhase }) => allowed === undefined && !(waits && harm === 'breaks' && !noSafePhase));
}

/** True when it may run as it is: nothing open, not mixed, and a phase that is safe or was overridden with a reason. */
export function isClean(verdict: Verdict): boolean {
  return !verdict.mixed && verdict.problem === null && openHazards(verdict).length === 0;
}
