import { parse } from './parser.ts';
import type { ColumnType, Name } from './tree.ts';

// Names, types and sizes as people and SQL read them.

/** As SQL wants it: quoted only where it must be, as `"Order"` and `"order"` must. */
export function quoted(name: string): string {
  const isPlain = /^[a-z_][a-z0-9_$]*$/.test(name) && parse(`TABLE ${name}`).kind === 'parsed';
  return isPlain ? name : `"${name.replaceAll('"', '""')}"`;
}

export function nameText({ schema, name }: Name): string {
  return schema === null ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** 44023414784 is `41 GB`: powers of 1024, as Postgres counts. */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  const amount = bytes / 1024 ** power;
  return `${amount < 10 && power > 0 ? amount.toFixed(1).replace('.0', '') : Math.round(amount)} ${units[power]}`;
}

/** 83142857 is `83 million`. */
export function countText(count: number): string {
  const rounded = Number(count.toPrecision(2));
  if (rounded >= 1e9) return `${rounded / 1e9} billion`;
  return rounded >= 1e6 ? `${rounded / 1e6} million` : rounded.toLocaleString('en');
}

const SIZES = /` \([\d.]+ (?:bytes|[kMGT]B)(?:, about [\d.,]+(?: [mb]illion)? rows)?\)/g;

/** Without how large tables are, as the rules say it: they grow by themselves. */
export const withoutSizes = (text: string): string => text.replace(SIZES, '`');

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  bool: 'boolean',
  bpchar: 'char',
  float4: 'real',
  float8: 'double precision',
  serial: 'integer',
  bigserial: 'bigint',
  smallserial: 'smallint',
  serial4: 'integer',
  serial8: 'bigint',
  serial2: 'smallint',
};

/** A type as SQL writes it; a counter's as the number that it counts in. */
export function typeText(type: ColumnType | null): string {
  if (!type) return 'text';
  const name = TYPE_NAMES[type.name] ?? quoted(type.name);
  // An interval's first modifier is a mask of its fields.
  const shown = type.name === 'interval' ? type.mods.slice(1) : type.mods;
  const mods = shown.length > 0 ? `(${shown.join(', ')})` : '';
  return `${type.schema === null ? '' : `${quoted(type.schema)}.`}${name}${mods}${type.array ? '[]' : ''}`;
}

/** The recipe for a constraint over an index that was built while everybody went on. */
export function overIndex(
  kind: 'UNIQUE' | 'PRIMARY KEY',
  table: Name,
  columns: readonly string[],
  name: string,
): string {
  const index = quoted(`${name}_ux`);
  return `-- no-transaction, in a migration of its own:
CREATE UNIQUE INDEX CONCURRENTLY ${index} ON ${nameText(table)} (${columns.map(quoted).join(', ')});
-- then:
ALTER TABLE ${nameText(table)} ADD CONSTRAINT ${quoted(name)} ${kind} USING INDEX ${index};`;
}
