import type { Node } from 'libpg-query';
import type { Action } from './action.ts';
import type { Known } from './known.ts';
import { learn } from './learn.ts';
import type { Finding, Rule, Scene, Transaction } from './rule.ts';
import { columnRules } from './rules/columns.ts';
import { constraintRules } from './rules/constraints.ts';
import { indexRules } from './rules/indexes.ts';
import { objectRules } from './rules/objects.ts';
import { rowRules } from './rules/rows.ts';
import { tableRules } from './rules/tables.ts';
import { transactionRules } from './rules/transactions.ts';
import { typeRules } from './rules/types.ts';
import { valueRules } from './rules/values.ts';
import { findAll } from './tree.ts';

const RULES: readonly Rule[] = [
  ...columnRules,
  ...typeRules,
  ...constraintRules,
  ...indexRules,
  ...tableRules,
  ...rowRules,
  ...objectRules,
  ...valueRules,
  ...transactionRules,
];

export type Step = { sql: string; node: Node | null; actions: readonly Action[] };

export const newTransaction = (): Transaction => ({
  locked: new Set(),
  notValid: new Set(),
  values: new Set(),
  warned: false,
});

/** What the rules say of one statement; `parts` are the phases of each thing that it does. */
export type Judged = { findings: Finding[]; parts: Part[] };
export type Part = 'expand' | 'contract' | 'either';

/** Judges the statements of one file, in order; `known` takes in what they do. */
export function judgeSteps(steps: readonly Step[], known: Known, inTransaction: boolean): Judged[] {
  let transaction = inTransaction ? newTransaction() : null;
  return steps.map((step, index) => {
    const later = steps.slice(index + 1).flatMap(({ actions }) => actions);
    const judged = step.actions.map((action, position) => {
      if (action.kind === 'start of transaction') transaction ??= newTransaction();
      if (action.kind === 'end of transaction') transaction = inTransaction ? newTransaction() : null;
      const scene = {
        known,
        later: [...step.actions.slice(position + 1), ...later],
        transaction,
        sql: step.sql,
        single: step.actions.length === 1,
      };
      return judgeAction(action, scene);
    });
    const findings = once([...judged.flat(), ...usesNewValue(step.node, transaction)]);
    return { findings, parts: judged.map(partOf) };
  });
}

/** What is not proven might be either, and so might what only loosens or swaps. */
function partOf(findings: readonly Finding[]): Part {
  if (findings.some(({ phase, harm }) => phase === 'contract' && harm !== 'unproven')) return 'contract';
  return findings.some(({ phase, firm }) => phase === 'expand' && firm) ? 'expand' : 'either';
}

function judgeAction(action: Action, scene: Scene): Finding[] {
  if (isDone(action, scene.known)) return [];
  const findings = RULES.flatMap(rule => rule(action, scene) ?? []);
  const waits = scene.transaction ? holdsLong(action, findings, scene, scene.transaction) : [];
  // A function is judged where it is called.
  const called =
    action.kind === 'call' ? action.functions.flatMap(({ name }) => scene.known.functions.get(name) ?? []) : [];
  const inside = called.flatMap(({ does }) =>
    does().flatMap(inner => (inner.kind === 'call' ? [] : judgeAction(inner, scene))),
  );
  if (scene.transaction) remember(action, scene.known, scene.transaction);
  learn(scene.known, action);
  return [...findings, ...waits, ...inside];
}

/** IF NOT EXISTS and IF EXISTS with nothing left to do, as far as the catalog or the batch tells. */
function isDone(action: Action, known: Known): boolean {
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

function remember(action: Action, known: Known, transaction: Transaction): void {
  if (action.kind === 'add enum value' && !known.isNew(action.thing)) transaction.values.add(action.value);
  if (action.kind !== 'add constraint' || !action.constraint.notValid) return;
  transaction.notValid.add(`${known.relation(action.table).key}.${action.constraint.name}`);
}

/** Locks last until the transaction ends: a second table, or slow work, makes everybody wait for both. */
function holdsLong(action: Action, findings: readonly Finding[], scene: Scene, transaction: Transaction): Finding[] {
  const isSlow =
    findings.some(({ lasts }) => lasts !== 'brief') ||
    ((action.kind === 'insert' || action.kind === 'create table' || action.kind === 'create') && action.slow);
  const waited = isSlow && transaction.locked.size > 0;
  for (const table of lockedBy(action, findings, scene)) transaction.locked.add(table);
  if (transaction.warned || !(waited || transaction.locked.size > 1)) return [];
  transaction.warned = true;
  const tables = [...transaction.locked].map(key => `\`${key.split('.').at(-1)}\``).join(', ');
  const finding: Finding = {
    rule: 'long-tx-multi-lock',
    phase: 'neutral',
    firm: false,
    lock: null,
    lasts: 'brief',
    harm: 'warns',
    noSafePhase: false,
    message: waited
      ? `This takes long while the transaction keeps everybody out of ${tables}.`
      : `One transaction keeps everybody out of ${tables} until it ends; two such can wait for each other.`,
    fix: 'One table a migration, and slow work in a migration of its own.',
  };
  return [finding];
}

/** Tables of old code that nobody else can read or write from here to the end of the transaction. */
function lockedBy(action: Action, findings: readonly Finding[], { known }: Scene): string[] {
  if (action.kind === 'create table') {
    const referenced = [...action.columns, ...action.constraints].flatMap(({ references }) => references ?? []);
    return referenced.map(name => known.relation(name)).flatMap(({ isNew, key }) => (isNew ? [] : [key]));
  }
  if (!findings.some(({ lock }) => lock === 'ACCESS EXCLUSIVE')) return [];
  if ('table' in action) return [known.relation(action.table).key];
  if (!('thing' in action)) return [];
  const { what, name, of } = action.thing;
  if (of) return [known.relation(of).key];
  return what === 'table' ? [known.relation(name).key] : [];
}

/** 55P04: a value added to an enum cannot be used before the transaction ends. */
function usesNewValue(node: Node | null, transaction: Transaction | null): Finding[] {
  if (!transaction || transaction.values.size === 0) return [];
  const used = findAll(node, 'A_Const').flatMap(({ A_Const: { sval } }) => sval?.sval ?? []);
  const value = used.find(text => transaction.values.has(text));
  if (value === undefined) return [];
  const finding: Finding = {
    rule: 'enum-add',
    phase: 'neutral',
    firm: false,
    lock: null,
    lasts: 'brief',
    harm: 'fails',
    noSafePhase: false,
    message: `'${value}' is new in this transaction and cannot be used before it ends (55P04).`,
    fix: 'Put ADD VALUE into a migration of its own, before this one.',
  };
  return [finding];
}

function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, message }) => {
    const key = `${rule} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
