import type { ColumnType } from './tree.ts';

/** What Postgres does when a column's type changes, as far as its values go. Indexes are another matter. */
export type TypeChange = 'none' | 'relabel' | 'narrow' | 'rewrite' | 'unknown';

const TEXTS = new Set(['text', 'varchar', 'citext']);
/** Stored the same way: what may become a type without a length of its own. */
const RELABELLED: Readonly<Record<string, readonly string[]>> = {
  text: ['xml'],
  varchar: ['xml'],
  bpchar: ['text', 'varchar', 'citext', 'xml', 'bpchar'],
  inet: ['cidr'],
  varbit: ['bit'],
  oid: ['int4', 'regclass'],
  int4: ['oid', 'regclass'],
  regclass: ['int4', 'oid'],
};
const ZONED = new Set(['timestamp', 'timestamptz']);
const TIMES = new Set(['time', 'timetz', 'timestamp', 'timestamptz', 'interval']);
const UTC = /^(etc\/)?(utc|uct|gmt|zulu|universal|greenwich|gmt[+-]?0)$/i;
const RANK: Readonly<Record<string, number>> = { int2: 1, int4: 2, int8: 3, float4: 11, float8: 12 };

/**
 * From what is stored now to what is asked for. Binary-coercible pairs and length functions as in PostgreSQL's pg_cast
 * and its `transform` support functions; `timeZone` is the session's, null when nobody knows.
 */
export function typeChange(from: ColumnType, to: ColumnType, timeZone: string | null): TypeChange {
  if (sameType(from, to)) return 'none';
  if (from.array || to.array) return 'rewrite';
  if (TEXTS.has(from.name) && TEXTS.has(to.name)) return lengths(from, to);
  if (to.mods.length === 0 && RELABELLED[to.name]?.includes(from.name)) return 'relabel';
  if (from.name === to.name) return sameFamily(from, to);
  if (ZONED.has(from.name) && ZONED.has(to.name)) {
    if (timeZone === null) return 'unknown';
    // Postgres sees through the change of zone, but not through a rounding after it.
    return UTC.test(timeZone) && (to.mods[0] ?? 6) === 6 ? 'relabel' : 'rewrite';
  }
  const [before, after] = [RANK[from.name] ?? 0, RANK[to.name] ?? 0];
  // Counters and floats each only among themselves.
  return before > after && after > 0 && before - after < 9 ? 'narrow' : 'rewrite';
}

function sameFamily(from: ColumnType, to: ColumnType): TypeChange {
  if (from.name === 'numeric') return numerics(from, to);
  if (from.name === 'varbit') return lengths(from, to);
  if (from.name === 'bpchar') return (from.mods[0] ?? 1) > (to.mods[0] ?? 1) ? 'narrow' : 'rewrite';
  return TIMES.has(from.name) ? precisions(from, to) : 'rewrite';
}

function lengths(from: ColumnType, to: ColumnType): TypeChange {
  const [before = Number.POSITIVE_INFINITY] = from.mods;
  const [after = Number.POSITIVE_INFINITY] = to.mods;
  return after >= before ? 'relabel' : 'narrow';
}

function numerics(from: ColumnType, to: ColumnType): TypeChange {
  if (to.mods.length === 0) return 'relabel';
  const [precision = 0, scale = 0] = to.mods;
  const [precisionBefore, scaleBefore = 0] = from.mods;
  if (precisionBefore === undefined) return 'narrow';
  if (precision - scale < precisionBefore - scaleBefore) return 'narrow';
  return scale === scaleBefore ? 'relabel' : 'rewrite';
}

/** Without one the precision is 6. Of an interval the first modifier is a mask of its fields. */
function precisions(from: ColumnType, to: ColumnType): TypeChange {
  const precision = ({ name, mods }: ColumnType) => (name === 'interval' ? mods[1] : mods[0]) ?? 6;
  const fields = ({ name, mods }: ColumnType) => (name === 'interval' ? (mods[0] ?? ALL_FIELDS) : ALL_FIELDS);
  if (fields(from) !== fields(to) && fields(to) !== ALL_FIELDS) return 'rewrite';
  return precision(to) >= precision(from) ? 'relabel' : 'narrow';
}

const ALL_FIELDS = 0x7fff;

export function sameType(a: ColumnType, b: ColumnType): boolean {
  return a.name === b.name && a.array === b.array && a.mods.join() === b.mods.join();
}
