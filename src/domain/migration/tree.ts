import type { DefElem, Node, RangeVar, TypeName } from 'libpg-query';
import { parseExpression } from './parser.ts';

// Small readings of the parser's trees: names, types, constants. What they mean is said elsewhere.

/** `schema` is null where the SQL leaves it to the search_path. */
export type Name = { schema: string | null; name: string };

/** `numeric(8,2)` is `{ name: 'numeric', mods: [8, 2] }`; built-in types go by Postgres's own names (`int4`, `bpchar`). */
export type ColumnType = { schema: string | null; name: string; mods: readonly number[]; array: boolean };

type TagOf<N> = N extends N ? keyof N : never;
export type Tag = TagOf<Node>;
export type Tree<T extends Tag> = Extract<Node, Record<T, unknown>>;

/** Of several tags: one of their trees. */
type AnyTree<T extends Tag> = T extends Tag ? Tree<T> : never;

const isTree = <T extends Tag>(value: unknown, tag: T): value is Tree<T> =>
  typeof value === 'object' && value !== null && tag in value;

export type Body<T extends Tag> = Tree<T> extends Record<T, infer B> ? B : never;

/** What is under a tag; undefined for another one. */
export function bodyOf<T extends Tag>(node: Node | undefined, tag: T): Body<T> | undefined {
  // The parser's trees name their own shape; TypeScript does not follow the tag through a type parameter.
  return isTree(node, tag) ? (node[tag as keyof Tree<T>] as Body<T>) : undefined;
}

/** Every tree with one of these tags in it, itself and those in subqueries included, in the order of the text. */
export function findAll<T extends Tag>(value: unknown, ...tags: readonly T[]): AnyTree<T>[] {
  const found: AnyTree<T>[] = [];
  // No recursion: a sum of thousands of terms is as deep as it is long.
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const tag of tags) if (isTree(next, tag)) found.push(next as AnyTree<T>);
    for (const child of Object.values(next).reverse()) left.push(child);
  }
  return found;
}

export function stringOf(node: Node | undefined): string | null {
  if (!node) return null;
  if ('String' in node) return node.String.sval ?? '';
  if ('A_Const' in node) return node.A_Const.sval ? (node.A_Const.sval.sval ?? '') : null;
  return null;
}

export const stringsOf = (nodes: readonly Node[] = []): string[] => nodes.map(node => stringOf(node) ?? '');

/** What is made TEMPORARY lies in a schema of its own, before all others. */
export const nameOf = (range: RangeVar | undefined): Name => ({
  schema: range?.schemaname ?? (range?.relpersistence === 't' ? 'pg_temp' : null),
  name: range?.relname ?? '',
});

export function nameFrom(parts: readonly string[]): Name {
  return { schema: parts.at(-2) ?? null, name: parts.at(-1) ?? '' };
}

/** The name of an object however the grammar wraps it: text, list, type or function with arguments. */
export function objectName(node: Node | undefined): Name {
  return nameFrom(nameParts(node));
}

export function nameParts(node: Node | undefined): string[] {
  if (!node) return [];
  if ('List' in node) return (node.List.items ?? []).flatMap(nameParts);
  if ('TypeName' in node) return stringsOf(node.TypeName.names);
  if ('ObjectWithArgs' in node) return stringsOf(node.ObjectWithArgs.objname);
  if ('RangeVar' in node) {
    const { schemaname, relname = '' } = node.RangeVar;
    return schemaname ? [schemaname, relname] : [relname];
  }
  if ('RoleSpec' in node) return [node.RoleSpec.rolename ?? ''];
  return [stringOf(node) ?? ''];
}

export function typeOf(type: TypeName | undefined): ColumnType | null {
  if (!type?.names) return null;
  const { schema, name } = nameFrom(stringsOf(type.names));
  const mods = (type.typmods ?? []).map(numberOf);
  return {
    schema: schema === 'pg_catalog' ? null : schema,
    name: name === 'decimal' ? 'numeric' : name,
    mods,
    array: (type.arrayBounds ?? []).length > 0,
  };
}

/** The type that `format_type` wrote. Read by the parser, so that both sides are called the same. */
export function typeFrom(text: string): ColumnType | null {
  const cast = parseExpression(`NULL::${text}`);
  return cast && 'TypeCast' in cast ? typeOf(cast.TypeCast.typeName) : null;
}

function numberOf(node: Node | undefined): number {
  if (!node) return 0;
  if ('Integer' in node) return node.Integer.ival ?? 0;
  return 'A_Const' in node ? (node.A_Const.ival?.ival ?? 0) : 0;
}

/** The column that an expression is, when it is nothing else. */
export function columnOf(node: Node | undefined): string | null {
  if (!node || !('ColumnRef' in node)) return null;
  const last = node.ColumnRef.fields?.at(-1);
  return last && 'String' in last ? (last.String.sval ?? null) : null;
}

export function columnsIn(node: Node | null | undefined): string[] {
  return [...new Set(findAll(node, 'ColumnRef').flatMap(ref => columnOf(ref) ?? []))];
}

/** The parts that all must be true: `a AND (b AND c)` has three. */
export function conjuncts(node: Node): Node[] {
  if ('BoolExpr' in node && node.BoolExpr.boolop === 'AND_EXPR') return (node.BoolExpr.args ?? []).flatMap(conjuncts);
  return [node];
}

/** A constant, however it is cast: `'2024-01-01'::date` gives `2024-01-01`. */
export function constantOf(node: Node | undefined): string | null {
  if (!node) return null;
  if ('TypeCast' in node) return constantOf(node.TypeCast.arg);
  if (!('A_Const' in node)) return null;
  const { isnull, ival, fval, sval, boolval, bsval } = node.A_Const;
  if (isnull) return null;
  if (ival) return String(ival.ival ?? 0);
  if (boolval) return String(boolval.boolval ?? false);
  return fval?.fval ?? sval?.sval ?? bsval?.bsval ?? '';
}

export const isNull = (node: Node): boolean =>
  'TypeCast' in node
    ? node.TypeCast.arg !== undefined && isNull(node.TypeCast.arg)
    : 'A_Const' in node && node.A_Const.isnull === true;

/** True for `(CONCURRENTLY)` and `(FULL on)`, false for `(FULL false)` and where the option is absent. */
export function optionIsOn(options: readonly Node[] | undefined, option: string): boolean {
  const found = definition(options, option);
  if (!found) return false;
  const said = stringOf(found.arg)?.toLowerCase() ?? (found.arg ? String(numberOf(found.arg)) : 'true');
  return ['true', 'on', '1', 'yes'].includes(said);
}

export function definition(options: readonly Node[] | undefined, name: string): DefElem | undefined {
  for (const option of options ?? []) {
    if ('DefElem' in option && option.DefElem.defname === name) return option.DefElem;
  }
  return undefined;
}
