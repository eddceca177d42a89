/**
 * What the target's catalog says of itself, read and never changed. Relations are keyed `schema.name`, functions and
 * types by bare name: where two share one, the more careful of both is kept.
 */
export type Facts = {
  /** `server_version_num`: 180004 is 18.4. */
  version: number;
  timeZone: string;
  searchPath: readonly string[];
  relations: Readonly<Record<string, RelationFacts>>;
  functions: Readonly<Record<string, Volatility>>;
  /** Those that are neither Postgres's own nor an extension's: how many share a bare name. */
  ownFunctions: Readonly<Record<string, number>>;
  /** Domains by name; `constrained` when it has a CHECK or NOT NULL of its own, `required` when NOT NULL without a default. */
  domains: Readonly<Record<string, { base: string; constrained: boolean; required: boolean }>>;
  /** What else has a name: `type public.mood`, `schema app`, `extension hstore`. */
  things: readonly string[];
};

export type Volatility = 'immutable' | 'stable' | 'volatile';

export type RelationFacts = {
  kind: 'table' | 'partitioned' | 'foreign table' | 'view' | 'materialized view' | 'sequence' | 'index';
  /** Postgres's own estimate; null when it never counted. */
  rows: number | null;
  /** With indexes and partitions. */
  bytes: number;
  columns: Readonly<Record<string, ColumnFacts>>;
  constraints: readonly ConstraintFacts[];
  indexes: readonly IndexFacts[];
  /** Of a sequence: 0 when it was never used, null when it could not be read. */
  lastValue: number | null;
  /** Of a partitioned table: its key, when that is plain columns. */
  partitionKey: readonly string[];
  /** What has a name on it only: `trigger touch`, `policy own_rows`. */
  things: readonly string[];
};

export type ColumnFacts = {
  /** As `format_type` writes it: `character varying(20)`. */
  type: string;
  notNull: boolean;
  hasDefault: boolean;
  /** Views that read it: Postgres refuses to change its type (0A000). */
  views: readonly string[];
};

export type ConstraintFacts = {
  name: string;
  kind: 'check' | 'foreign key' | 'primary key' | 'unique' | 'exclusion' | 'not null' | 'other';
  valid: boolean;
  columns: readonly string[];
  /** Of a CHECK: its expression, as `pg_get_expr` writes it. */
  expression: string | null;
};

export type IndexFacts = {
  name: string;
  unique: boolean;
  /** False after a CREATE INDEX CONCURRENTLY that failed. */
  valid: boolean;
  /** Every column that it needs, those of its expressions and predicate too. */
  columns: readonly string[];
  /** True for an index of bare columns without WHERE: Postgres may keep it when a column's type changes. */
  plain: boolean;
};
