import type { Node } from 'libpg-query';
import type { Action, ActionOf } from './action.ts';
import type { Known } from './known.ts';
import type { Finding, Transaction } from './rule.ts';
import { findAll, type Name } from './tree.ts';

// What a transaction holds until it ends, and what that does to the statements after.

export const newTransaction = (): Transaction => ({
  locked: new Set(),
  notValid: new Set(),
  values: new Set(),
  warned: false,
});

/** One action with what the rules said of it; `keeps` are the tables of old code that it keeps from everybody. */
export type Held = { action: Action; findings: readonly Finding[]; keeps: readonly string[] };

const HAZARD = { phase: 'neutral', firm: false, lock: null, lasts: 'brief', noSafePhase: false } as const;

/** Locks last until the transaction ends: a second table, or slow work, makes everybody wait for both. */
export function holdsLong(statement: readonly Held[], transaction: Transaction): Finding[] {
  const waited = transaction.locked.size > 0 && statement.some(isSlow);
  for (const { keeps } of statement) for (const table of keeps) transaction.locked.add(table);
  if (transaction.warned || !(waited || transaction.locked.size > 1)) return [];
  transaction.warned = true;
  const tables = [...transaction.locked].map(key => `\`${key.replace(/^(public|pg_temp|\?\d+)\./, '')}\``).join(', ');
  const finding: Finding = {
    ...HAZARD,
    rule: 'long-tx-multi-lock',
    harm: 'warns',
    message: waited
      ? `This takes long while the transaction keeps everybody out of ${tables}. Unless the file sets a statement_timeout, it is undone after 15 s.`
      : `One transaction keeps everybody out of ${tables} until it ends; two such can wait for each other.`,
    fix: 'One table a migration, and slow work in a migration of its own.',
  };
  return [finding];
}

function isSlow({ action, findings }: Held): boolean {
  return findings.some(({ lasts }) => lasts !== 'brief') || ('slow' in action && action.slow);
}

/** Keys (`schema.name`) of the tables that an action keeps from others until its transaction ends. */
export function tablesKept(action: Action, findings: readonly Finding[], known: Known): string[] {
  if (action.kind === 'create table') {
    return referencedBy(action)
      .map(name => known.relation(name))
      .flatMap(({ isNew, key }) => (isNew ? [] : [key]));
  }
  if (!findings.some(({ lock }) => lock === 'ACCESS EXCLUSIVE')) return [];
  if (action.kind === 'attach partition') return [known.relation(action.partition).key];
  if ('table' in action) return [known.relation(action.table).key];
  if (!('thing' in action)) return [];
  const { what, name, of } = action.thing;
  if (of) return [known.relation(of).key];
  return what === 'table' ? [known.relation(name).key] : [];
}

/** The tables that a new one refers to: writers to them must wait. */
export function referencedBy({ columns, constraints }: ActionOf<'create table'>): Name[] {
  return [...columns, ...constraints].flatMap(({ references }) => references ?? []);
}

/** Takes in what later statements of the transaction must not rely on yet. */
export function remember(action: Action, known: Known, transaction: Transaction): void {
  if (action.kind === 'add enum value' && !known.isNew(action.thing)) transaction.values.add(action.value);
  if (action.kind !== 'add constraint' || !action.constraint.notValid) return;
  transaction.notValid.add(`${known.relation(action.table).key}.${action.constraint.name}`);
}

/** 55P04: a value added to an enum cannot be used before the transaction ends. */
export function usesNewValue(node: Node | null, transaction: Transaction): Finding[] {
  if (transaction.values.size === 0) return [];
  const used = findAll(node, 'A_Const').flatMap(({ A_Const: { sval } }) => sval?.sval ?? []);
  const value = used.find(text => transaction.values.has(text));
  if (value === undefined) return [];
  const finding: Finding = {
    ...HAZARD,
    rule: 'enum-add',
    harm: 'fails',
    message: `'${value}' is new in this transaction and cannot be used before it ends (55P04).`,
    fix: 'Put ADD VALUE into a migration of its own, before this one.',
  };
  return [finding];
}
