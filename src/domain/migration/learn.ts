import type { Action, Column, Constraint, TableAction } from './action.ts';
import { strangeCalls } from './calls.ts';
import type { Known } from './known.ts';
import { givesApart, isApart } from './old-inserts.ts';
import type { KnownColumn, Relation } from './relation.ts';
import type { Name } from './tree.ts';

/** Takes in what an action does, so that the statements after it are judged against it. */
export function learn(known: Known, action: Action): void {
  if ('table' in action && action.kind !== 'create table') {
    learnChange(known.relation(action.table), action, known.file);
    return;
  }
  switch (action.kind) {
    case 'create table':
      learnTable(known, action);
      return;
    case 'create': {
      // IF NOT EXISTS and OR REPLACE leave what is there; extensions mostly are.
      const isUnsure = known.facts !== null || action.thing.what === 'extension';
      const mayBeThere = action.replace || (action.unlessThere && isUnsure);
      if (!mayBeThere || known.isAbsent(action.thing)) known.makeThing(action.thing);
      const { what, name, of } = action.thing;
      if (of) known.relation(of).things.add(`${what} ${name.name}`);
      return;
    }
    case 'define function':
      if (!action.replace || known.isAbsent(action.thing)) known.makeThing(action.thing);
      known.define(action);
      return;
    case 'create domain':
      known.makeThing(action.thing);
      known.domains.set(action.thing.name.name, action);
      return;
    case 'drop':
      if (action.thing.what === 'constraint' && action.thing.of) {
        known.relation(action.thing.of).constraints.delete(action.thing.name.name);
      } else known.forget(action.thing);
      if (action.thing.of)
        known.relation(action.thing.of).things.delete(`${action.thing.what} ${action.thing.name.name}`);
      return;
    case 'rename':
      learnRename(known, action);
      return;
    case 'set schema':
      if (action.thing.what === 'table' || action.thing.what === 'view') {
        known.rename(action.thing.name, { schema: action.to, name: action.thing.name.name });
      } else known.noteName(action.thing.name.name);
      return;
    case 'time zone':
      known.timeZone = action.zone;
      return;
    case 'search path':
      known.setPath(action.path);
      return;
    case 'role':
    case 'dynamic':
      known.doubtPath();
      return;
    case 'call':
      if (strangeCalls(action.functions, known).length > 0) known.doubtPath();
      return;
    default:
      return;
  }
}

function learnTable(known: Known, action: Extract<Action, { kind: 'create table' }>): void {
  const there = known.relation(action.table);
  // Where the catalog has it already, this ran before, or fails: its table is in use.
  if (there.known && !there.isNew) return;
  // Without a catalog nobody can tell whether IF NOT EXISTS finds one, with what columns.
  if (action.unlessThere && known.facts === null) return;
  const relation = known.makeRelation(action.table);
  if (action.partitionOf) relation.partitionKey = known.relation(action.partitionOf).partitionKey;
  for (const column of action.columns) relation.columns.set(column.name, knownColumn(column, known.file));
  for (const constraint of action.constraints) learnConstraint(relation, constraint);
}

function learnRename(known: Known, { thing, to }: Extract<Action, { kind: 'rename' }>): void {
  const table = thing.of ? known.relation(thing.of) : null;
  if (table && thing.what === 'column') moveKey(table.columns, thing.name.name, to);
  if (table && thing.what === 'constraint') moveKey(table.constraints, thing.name.name, to);
  if (thing.what === 'table' || thing.what === 'view' || thing.what === 'materialized view') {
    known.rename(thing.name, { schema: thing.name.schema, name: to });
  } else if (!table) known.noteName(to);
  if (table?.things.delete(`${thing.what} ${thing.name.name}`)) table.things.add(`${thing.what} ${to}`);
}

function moveKey<V>(map: Map<string, V>, from: string, to: string): void {
  const value = map.get(from);
  if (value === undefined) return;
  map.delete(from);
  map.set(to, value);
}

function learnChange(relation: Relation, action: TableAction & { table: Name }, file: number): void {
  const change = (name: string, to: Partial<KnownColumn>) => {
    relation.columns.set(name, { ...(relation.columns.get(name) ?? UNKNOWN), ...to });
  };
  switch (action.kind) {
    case 'add column': {
      const { column, unlessThere } = action;
      if (!unlessThere || !relation.columns.has(column.name))
        relation.columns.set(column.name, knownColumn(column, file));
      return;
    }
    case 'drop column':
      relation.columns.delete(action.column);
      return;
    case 'set default':
      change(action.column, { hasDefault: true, isApart: givesApart(action.default) });
      return;
    case 'drop default':
      change(action.column, { hasDefault: false, isApart: false });
      return;
    case 'set not null':
      change(action.column, { notNull: true });
      return;
    case 'drop not null':
      change(action.column, { notNull: false });
      return;
    case 'change type':
      change(action.column, { type: action.type });
      return;
    case 'add constraint':
      if (action.constraint.kind === 'primary key') {
        for (const column of action.constraint.columns) change(column, { notNull: true });
      }
      learnConstraint(relation, action.constraint);
      return;
    case 'validate constraint': {
      const constraint = relation.constraints.get(action.name);
      if (!constraint) return;
      constraint.valid = true;
      if (constraint.kind === 'not null') for (const column of constraint.columns) change(column, { notNull: true });
      return;
    }
    case 'create trigger':
      relation.things.add(`trigger ${action.name}`);
      return;
    case 'create index': {
      const { name, unique, columns } = action;
      if (name) relation.indexes.set(name, { name, unique, valid: true, columns, plain: true });
      return;
    }
    default:
      return;
  }
}

const UNKNOWN: KnownColumn = { type: null, notNull: null, hasDefault: null, isNew: false, file: 0, views: [] };

function knownColumn(column: Column, file: number): KnownColumn {
  const { type, notNull, default: value, counter, generated } = column;
  const hasDefault = value !== null || counter !== null || generated !== null;
  return {
    type,
    notNull: notNull || counter !== null,
    hasDefault,
    isCounted: counter !== null,
    isApart: isApart(column),
    isNew: true,
    file,
    views: [],
  };
}

function learnConstraint(
  relation: Relation,
  { kind, name, columns, expression, notValid, enforced }: Constraint,
): void {
  // Postgres names what has no name; VALIDATE can only name it back when it was guessed right.
  const key = name ?? `${relation.key.split('.').at(-1)}_${columns.join('_')}_${SUFFIX[kind]}`;
  relation.constraints.set(key, { kind, columns, expression, valid: !notValid && enforced });
}

const SUFFIX: Readonly<Record<Constraint['kind'], string>> = {
  check: 'check',
  'foreign key': 'fkey',
  unique: 'key',
  'primary key': 'pkey',
  exclusion: 'excl',
  'not null': 'not_null',
};
