import type { Node } from 'libpg-query';
import type { IndexFacts, RelationFacts } from './facts.ts';
import { parseExpression } from './parser.ts';
import { type ColumnType, typeFrom } from './tree.ts';

export type KnownColumn = {
  type: ColumnType | null;
  /** Null where neither the catalog nor the batch says. */
  notNull: boolean | null;
  hasDefault: boolean | null;
  /** Numbered by a sequence that this batch made with it: `serial` or identity. */
  isCounted?: boolean;
  /** Each row that leaves it out gets a value of its own. */
  isApart?: boolean;
  isNew: boolean;
  /** The file of the batch that added it; 0 for what was there before. */
  file: number;
  views: readonly string[];
};

export type KnownConstraint = {
  kind: RelationFacts['constraints'][number]['kind'];
  valid: boolean;
  columns: readonly string[];
  expression: Node | null;
};

/** A table, view, index or sequence as it is at this point of the batch. `known`: its columns are all listed. */
export type Relation = {
  key: string;
  isNew: boolean;
  known: boolean;
  kind: RelationFacts['kind'] | null;
  bytes: number | null;
  rows: number | null;
  columns: Map<string, KnownColumn>;
  constraints: Map<string, KnownConstraint>;
  indexes: Map<string, IndexFacts>;
  partitionKey: readonly string[];
  /** `trigger touch`, `policy own_rows`. */
  things: Set<string>;
};

/** One of which nothing is known. */
export function blank(key: string): Relation {
  return {
    key,
    isNew: false,
    known: false,
    kind: null,
    bytes: null,
    rows: null,
    columns: new Map(),
    constraints: new Map(),
    indexes: new Map(),
    partitionKey: [],
    things: new Set(),
  };
}

/** One as the catalog has it. */
export function fromFacts(key: string, facts: RelationFacts): Relation {
  return {
    ...blank(key),
    known: true,
    kind: facts.kind,
    bytes: facts.bytes,
    rows: facts.rows,
    columns: new Map(
      Object.entries(facts.columns).map(([name, column]) => [
        name,
        { ...column, type: typeFrom(column.type), isNew: false, file: 0 },
      ]),
    ),
    constraints: new Map(
      facts.constraints.map(({ name, expression, ...constraint }) => [
        name,
        { ...constraint, expression: expression === null ? null : parseExpression(expression) },
      ]),
    ),
    indexes: new Map(facts.indexes.map(index => [index.name, index])),
    partitionKey: facts.partitionKey,
    things: new Set(facts.things),
  };
}
