import type { Node } from 'libpg-query';
import type { Volatility } from './facts.ts';
import type { ColumnType, Name } from './tree.ts';

/** What a statement makes, changes or drops. Views, tables, indexes and sequences share one name space. */
export type What =
  | 'table'
  | 'view'
  | 'materialized view'
  | 'index'
  | 'sequence'
  | 'function'
  | 'type'
  | 'domain'
  | 'schema'
  | 'extension'
  | 'trigger'
  | 'policy'
  | 'rule'
  | 'constraint'
  | 'column'
  | 'role'
  | 'database'
  | 'event trigger'
  | 'publication'
  | 'subscription'
  | 'server'
  | 'statistics'
  | 'other';

/**
 * An object by name; `of` is its table where its name belongs to one (trigger, policy, rule, constraint, column). `takes`:
 * the types of a function's arguments, where they are said.
 */
export type Thing = { what: What; name: Name; of: Name | null; takes?: string };

export type Column = {
  name: string;
  type: ColumnType | null;
  notNull: boolean;
  default: Node | null;
  generated: 'stored' | 'virtual' | null;
  /** Numbered by Postgres: `serial` or `GENERATED … AS IDENTITY`. */
  counter: 'serial' | 'identity' | null;
  checks: readonly Node[];
  unique: boolean;
  /** UNIQUE NULLS NOT DISTINCT. */
  nullsAlike: boolean;
  primary: boolean;
  references: Name | null;
};

/** What a view shows, and nothing else: all rows of a table, and its columns where it lists them; null is `*`. */
export type StandsFor = { table: Name; columns: readonly string[] | null };

/** Columns of a view, as far as they are said, and a table of which it has all. */
export type Shows = { names: readonly string[]; allOf: Name | null };

export type Constraint = {
  kind: 'check' | 'foreign key' | 'unique' | 'primary key' | 'exclusion' | 'not null';
  name: string | null;
  columns: readonly string[];
  /** Of a CHECK. */
  expression: Node | null;
  references: Name | null;
  usingIndex: string | null;
  /** NULLS NOT DISTINCT. */
  nullsAlike: boolean;
  notValid: boolean;
  enforced: boolean;
};

/** A part of ALTER TABLE, or of CREATE INDEX, UPDATE and so on: one thing done to one table. */
export type TableAction =
  | { kind: 'add column'; column: Column; unlessThere: boolean }
  | { kind: 'drop column'; column: string; ifThere: boolean }
  | { kind: 'set default'; column: string; default: Node }
  | { kind: 'drop default'; column: string }
  | { kind: 'set generated'; column: string }
  /** `how`: GENERATED ALWAYS, or an option of its sequence. */
  | { kind: 'change identity'; column: string; how: string }
  | { kind: 'set not null'; column: string }
  | { kind: 'drop not null'; column: string }
  | { kind: 'change type'; column: string; type: ColumnType | null; using: Node | null; collated: boolean }
  | { kind: 'add constraint'; constraint: Constraint }
  | { kind: 'enforce constraint'; name: string }
  | { kind: 'validate constraint'; name: string }
  | { kind: 'attach partition'; partition: Name; bound: Node | null }
  | { kind: 'detach partition'; partition: Name; concurrently: boolean }
  | { kind: 'leave parent' }
  | { kind: 'rewrite storage'; how: string }
  | { kind: 'row security'; on: boolean }
  | { kind: 'switch trigger'; on: boolean }
  | { kind: 'create trigger'; name: string; replace: boolean }
  | { kind: 'set option'; lock: 'ACCESS EXCLUSIVE' | 'SHARE UPDATE EXCLUSIVE' }
  | {
      kind: 'create index';
      name: string | null;
      /** Every column of its keys, those in expressions and INCLUDE too. */
      columns: readonly string[];
      /** Its keys: bare columns, and expressions. */
      keys: readonly (string | Node)[];
      unique: boolean;
      /** NULLS NOT DISTINCT. */
      nullsAlike: boolean;
      concurrently: boolean;
      unlessThere: boolean;
      /** `ON ONLY parent`: made invalid at once, nothing is read. */
      onlyParent: boolean;
    }
  | { kind: 'reindex'; what: string; concurrently: boolean }
  | { kind: 'refresh view'; concurrently: boolean }
  | { kind: 'truncate' }
  | { kind: 'delete'; where: Node | null }
  | { kind: 'update'; where: Node | null }
  /** `slow`: rows come from a query or a file, not from VALUES. */
  | { kind: 'insert'; slow: boolean }
  | { kind: 'limit sequence'; how: string }
  /** `to` is null for the number that it once started with. */
  | { kind: 'restart sequence'; to: number | null; by: 'RESTART' | 'setval' }
  | { kind: 'lock table'; mode: string };

export type Action =
  | (TableAction & { table: Name })
  | {
      kind: 'create table';
      table: Name;
      unlessThere: boolean;
      temporary: boolean;
      partitionOf: Name | null;
      columns: readonly Column[];
      constraints: readonly Constraint[];
      /** `CREATE TABLE … AS` and SELECT INTO read for as long as their query. */
      slow: boolean;
    }
  | {
      kind: 'create';
      thing: Thing;
      unlessThere: boolean;
      replace: boolean;
      tightens: boolean;
      slow: boolean;
      /** Of a view that is nothing but `SELECT … FROM` one table. */
      standsFor: StandsFor | null;
      /** Of a view. */
      shows?: Shows;
    }
  | { kind: 'drop'; thing: Thing; cascade: boolean; concurrently: boolean; ifThere: boolean }
  | { kind: 'rename'; thing: Thing; to: string }
  | { kind: 'set schema'; thing: Thing; to: string }
  | { kind: 'change owner'; thing: Thing }
  /** ALTER ROLE and ALTER DATABASE: of every connection from then on. */
  | { kind: 'change settings'; thing: Thing; how: string }
  | { kind: 'replace'; thing: Thing }
  | { kind: 'revoke'; thing: Thing }
  | { kind: 'add enum value'; thing: Thing; value: string }
  | { kind: 'rename enum value'; thing: Thing; from: string; to: string }
  | { kind: 'create domain'; thing: Thing; base: ColumnType | null; constrained: boolean; required: boolean }
  | { kind: 'tighten domain'; thing: Thing; notValid: boolean }
  | { kind: 'loosen domain'; thing: Thing }
  /** `does`: what a call of it does. Read when it is called only. */
  | { kind: 'define function'; thing: Thing; replace: boolean; volatility: Volatility; does: () => readonly Action[] }
  | { kind: 'call'; functions: readonly Name[] }
  | { kind: 'dynamic'; how: string }
  /** Empty: the usual one again. Null: nobody knows which. */
  | { kind: 'search path'; path: readonly string[] | null }
  /** The user of the session changes, and with it what `$user` means on the search path. */
  | { kind: 'role' }
  | { kind: 'time zone'; zone: string }
  /** A statement that Postgres refuses inside a transaction, besides those CONCURRENTLY. */
  | { kind: 'alone'; what: string }
  | { kind: 'start of transaction' }
  | { kind: 'end of transaction' }
  | { kind: 'harmless' }
  | { kind: 'unparsed'; message: string };

export type Kind = Action['kind'];
export type ActionOf<K extends Kind> = Extract<Action, { kind: K }>;
