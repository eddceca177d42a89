import type { Node } from 'libpg-query';
import type { Action } from './action.ts';
import type { Definition, Known } from './known.ts';
import { learn } from './learn.ts';
import type { Finding, Rule, Scene } from './rule.ts';
import { columnRules } from './rules/columns.ts';
import { constraintRules } from './rules/constraints.ts';
import { indexRules } from './rules/indexes.ts';
import { objectRules } from './rules/objects.ts';
import { rowRules } from './rules/rows.ts';
import { settingRules } from './rules/settings.ts';
import { tableRules } from './rules/tables.ts';
import { transactionRules } from './rules/transactions.ts';
import { typeRules } from './rules/types.ts';
import { valueRules } from './rules/values.ts';
import { type Held, holdsLong, newTransaction, remember, tablesKept, usesNewValue } from './transaction.ts';

const RULES: readonly Rule[] = [
  ...columnRules,
  ...typeRules,
  ...constraintRules,
  ...indexRules,
  ...tableRules,
  ...rowRules,
  ...objectRules,
  ...valueRules,
  ...settingRules,
  ...transactionRules,
];

/** A statement as it is judged; without a node it could not be parsed. */
export type Step = { sql: string; node: Node | null; actions: readonly Action[] };

/** What the rules say of one statement; `parts` are the phases of each thing that it does. */
export type Judged = { findings: Finding[]; parts: Part[] };
export type Part = 'expand' | 'contract' | 'either';

/** Judges the statements of one file, in order; `known` takes in what they do. `limited`: it is we who run them. */
export function judgeSteps(steps: readonly Step[], known: Known, inTransaction: boolean, limited = true): Judged[] {
  let transaction = inTransaction ? newTransaction(limited) : null;
  return steps.map(({ sql, node, actions }, index) => {
    const after = () => steps.slice(index + 1).flatMap(step => step.actions);
    if (actions.some(({ kind }) => kind === 'start of transaction')) transaction ??= newTransaction(limited);
    if (actions.some(({ kind }) => kind === 'end of transaction'))
      transaction = inTransaction ? newTransaction(limited) : null;
    const scene = { known, transaction, sql, single: actions.length === 1 };
    const judged = actions.flatMap((action, position) =>
      judgeAction(action, { ...scene, later: () => [...actions.slice(position + 1), ...after()] }),
    );
    const waits = transaction ? [...holdsLong(judged, transaction), ...usesNewValue(node, transaction)] : [];
    return {
      findings: once([...judged.flatMap(({ findings }) => findings), ...waits]),
      parts: judged.map(({ findings }) => partOf(findings)),
    };
  });
}

/** What is not proven might be either, and so might what only loosens or swaps. */
function partOf(findings: readonly Finding[]): Part {
  if (findings.some(({ phase, harm }) => phase === 'contract' && harm !== 'unproven')) return 'contract';
  return findings.some(({ phase, firm }) => phase === 'expand' && firm) ? 'expand' : 'either';
}

/** Bodies that are followed from one statement: one in another, a thousand are more than the stack holds. */
const MOST_FOLLOWED = 50;

/** `followed`: bodies of functions that were judged already, for one may call itself. */
function judgeAction(action: Action, scene: Scene, followed = new Set<unknown>()): Held[] {
  const { known, transaction } = scene;
  if (isDone(action, known)) return [];
  const findings = RULES.flatMap(rule => rule(action, scene) ?? []);
  const keeps = tablesKept(action, findings, known);
  if (transaction) remember(action, known, transaction);
  learn(known, action);
  const inside = calledBy(action, known).flatMap(definition => {
    if (followed.has(definition)) return [];
    if (followed.size === MOST_FOLLOWED) return judgeAction({ kind: 'dynamic', how: 'functions in functions' }, scene);
    followed.add(definition);
    return definition.does().flatMap(inner => judgeAction(inner, scene, followed));
  });
  return [{ action, findings, keeps }, ...inside];
}

/** A function is judged where it is called. */
function calledBy(action: Action, known: Known): Definition[] {
  return action.kind === 'call' ? action.functions.flatMap(name => known.definitions(name)) : [];
}

/** IF NOT EXISTS and IF EXISTS with nothing left to do, as far as the catalog or the batch tells. */
function isDone(action: Action, known: Known): boolean {
  if ('table' in action && !known.isSure(action.table)) return false;
  switch (action.kind) {
    case 'add column':
      return action.unlessThere && known.relation(action.table).columns.has(action.column.name);
    case 'drop column': {
      const relation = known.relation(action.table);
      return action.ifThere && relation.known && !relation.columns.has(action.column);
    }
    case 'create index':
      return action.unlessThere && known.relation(action.table).indexes.get(action.name ?? '')?.valid === true;
    case 'create table':
      return action.unlessThere && known.relation(action.table).known;
    default:
      return false;
  }
}

function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, message }) => {
    const key = `${rule} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
