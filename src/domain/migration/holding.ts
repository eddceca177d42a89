import type { Action, What } from './action.ts';
import type { Name } from './tree.ts';

// Locks that last: after a change of a table everybody waits for the rest of its transaction.

const keyOf = ({ schema, name }: Name): string => `${schema ?? 'public'}.${name}`;

/** Things that are locked themselves, or whose table is. */
const LOCKED: ReadonlySet<What> = new Set([
  ...(['table', 'view', 'materialized view', 'index', 'sequence', 'trigger', 'policy', 'rule'] as const),
  ...(['constraint', 'column'] as const),
]);

/** Follows the statements of one file, of which nothing but their text is known. */
export class Holding {
  #made = new Set<string>();
  /** What the functions that it defines do, by bare name: one may be any of its namesakes. */
  #functions = new Map<string, (() => readonly Action[])[]>();
  #holds = false;

  /** True once something that was there before the file is kept from those who write or read it. */
  get holds(): boolean {
    return this.#holds;
  }

  take(actions: readonly Action[]): void {
    for (const action of actions) this.#holds = this.#keepsOut(action) || this.#holds;
  }

  #keepsOut(action: Action): boolean {
    switch (action.kind) {
      case 'create table': {
        // With IF NOT EXISTS it may have been there before.
        if (!action.unlessThere) this.#made.add(keyOf(action.table));
        // Writers to a table that is referred to wait, and readers of a parent too.
        const { columns, constraints, partitionOf } = action;
        const others = [...columns, ...constraints].flatMap(({ references }) => references ?? []);
        return [...others, ...(partitionOf ? [partitionOf] : [])].some(table => this.#isOld(table));
      }
      case 'create':
        if (!action.unlessThere && !action.replace) this.#made.add(keyOf(action.thing.name));
        return action.thing.of !== null && this.#isOld(action.thing.of);
      case 'define function': {
        const { name } = action.thing.name;
        this.#functions.set(name, [...(this.#functions.get(name) ?? []), action.does]);
        return false;
      }
      case 'call':
        return action.functions.some(({ name }) => this.#call(name));
      case 'insert':
      case 'update':
      case 'delete':
      case 'validate constraint':
        return false;
      case 'restart sequence':
        return action.by === 'RESTART' && this.#isOld(action.table);
      case 'set option':
        return action.lock === 'ACCESS EXCLUSIVE' && this.#isOld(action.table);
      case 'create index':
      case 'reindex':
      case 'refresh view':
        return !action.concurrently && this.#isOld(action.table);
      case 'drop':
      case 'rename':
      case 'set schema':
      case 'change owner': {
        const { what, name, of } = action.thing;
        return LOCKED.has(what) && this.#isOld(of ?? name);
      }
      case 'dynamic':
        return true;
      case 'add constraint':
        return this.#areOld(action.table, action.constraint.references);
      case 'add column':
        return this.#areOld(action.table, action.column.references);
      case 'attach partition':
        return this.#areOld(action.table, action.partition);
      default:
        return 'table' in action && this.#isOld(action.table);
    }
  }

  #call(name: string): boolean {
    const bodies = this.#functions.get(name) ?? [];
    // It may call itself.
    this.#functions.delete(name);
    return bodies.flatMap(does => does()).filter(action => this.#keepsOut(action)).length > 0;
  }

  /** True when one of them is old: a foreign key locks both of its tables. */
  #areOld(...tables: readonly (Name | null)[]): boolean {
    return tables.some(table => table !== null && this.#isOld(table));
  }

  #isOld(table: Name): boolean {
    return !this.#made.has(keyOf(table));
  }
}
