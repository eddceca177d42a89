import type { Node } from 'libpg-query';
import type { Action } from './action.ts';
import type { Known } from './known.ts';
import type { Finding, Lock, Transaction, Waiting } from './rule.ts';
import { findAll, type Name } from './tree.ts';

// What a transaction holds until it ends, and what that does to the statements after.

export const newTransaction = (limited: boolean): Transaction => ({
  limited,
  locked: new Map(),
  notValid: new Set(),
  values: new Set(),
  warned: false,
});

/** A table of old code that is locked until the end. `counts`: a second one makes two transactions wait for each other. */
type Kept = { key: string; from: Waiting; counts: boolean };

/** One action with what the rules said of it, and what it keeps from others. */
export type Held = { action: Action; findings: readonly Finding[]; keeps: readonly Kept[] };

const HAZARD = { phase: 'neutral', firm: false, lock: null, lasts: 'brief', noSafePhase: false } as const;

/** Locks last until the transaction ends: a second table, or slow work, makes others wait for both. */
export function holdsLong(statement: readonly Held[], transaction: Transaction): Finding[] {
  const { locked } = transaction;
  const before = [...locked];
  const waited = before.length > 0 && statement.some(isSlow);
  for (const { keeps } of statement) for (const kept of keeps) keep(kept, locked);
  const counted = [...locked].filter(([, { counts }]) => counts);
  if (transaction.warned || !(waited || counted.length > 1)) return [];
  transaction.warned = true;
  const shown = waited ? before : counted;
  const tables = shown.map(([key]) => `\`${key.replace(/^(public|pg_temp|\?\d+)\./, '')}\``).join(', ');
  const out = `keeps ${shown.some(([, { from }]) => from === 'everybody') ? 'everybody' : 'whoever writes'} out of ${tables}`;
  const finding: Finding = {
    ...HAZARD,
    rule: 'long-tx-multi-lock',
    harm: 'warns',
    message: waited
      ? `This takes long while the transaction ${out}.${transaction.limited ? ' Unless the file sets a statement_timeout, it is undone after 15 s.' : ''}`
      : `One transaction ${out} until it ends; two such can wait for each other.`,
    fix: 'One table a migration, and slow work in a migration of its own.',
  };
  return [finding];
}

function keep({ key, from, counts }: Kept, locked: Transaction['locked']): void {
  const before = locked.get(key);
  const stays = before?.from === 'everybody' ? before.from : from;
  locked.set(key, { from: stays, counts: counts || before?.counts === true });
}

function isSlow({ action, findings }: Held): boolean {
  return findings.some(({ lasts }) => lasts !== 'brief') || ('slow' in action && action.slow);
}

/** The tables (by their keys, `schema.name`) that an action keeps from others until its transaction ends, and from whom. */
export function tablesKept(action: Action, findings: readonly Finding[], known: Known): Kept[] {
  const referred = referencedBy(action).map(name => known.relation(name));
  const isNew = action.kind === 'create table' || ('table' in action && known.relation(action.table).isNew);
  // Those who write to a table that is referred to wait; the one statement that needs it with another is no second one.
  const others = referred.flatMap(({ isNew: isOwn, key }): Kept[] =>
    isOwn ? [] : [{ key, from: 'writers', counts: isNew }],
  );
  const key = keyOfKept(action, known);
  if (key === null || isNew) return others;
  if (findings.some(({ lock }) => lock === 'ACCESS EXCLUSIVE'))
    return [{ key, from: 'everybody', counts: true }, ...others];
  const stops = findings.some(({ lock }) => lock !== null && STOPS_WRITERS.has(lock));
  return stops ? [{ key, from: 'writers', counts: false }, ...others] : others;
}

const STOPS_WRITERS: ReadonlySet<Lock> = new Set(['EXCLUSIVE', 'SHARE ROW EXCLUSIVE', 'SHARE']);

/** The table that the locks of an action are on. */
function keyOfKept(action: Action, known: Known): string | null {
  if (action.kind === 'create table') return null;
  if (action.kind === 'attach partition') return known.relation(action.partition).key;
  if ('table' in action) return known.relation(action.table).key;
  if (!('thing' in action)) return null;
  const { what, name, of } = action.thing;
  if (of) return known.relation(of).key;
  return what === 'table' ? known.relation(name).key : null;
}

/** The tables that foreign keys of it refer to: writers to them must wait. */
export function referencedBy(action: Action): Name[] {
  if (action.kind === 'add column') return present(action.column.references);
  if (action.kind === 'add constraint') return present(action.constraint.references);
  if (action.kind !== 'create table') return [];
  return [...action.columns, ...action.constraints].flatMap(({ references }) => present(references));
}

const present = (name: Name | null): Name[] => (name === null ? [] : [name]);

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
