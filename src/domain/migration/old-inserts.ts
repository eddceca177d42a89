import type { Node } from 'libpg-query';
import type { Column } from './action.ts';
import type { Known } from './known.ts';
import { bodyOf, columnOf, columnsIn, findAll, type Name, nameFrom, stringsOf } from './tree.ts';

// What old code, which leaves new columns out, writes into them: their default, or NULL.

/** Columns that old code leaves at NULL, and those that get a value of their own. */
type LeftOut = { empty: ReadonlySet<string>; filled: ReadonlySet<string> };

/** True when rows of old code keep a CHECK on these columns: new ones, each with a default or well off with NULL. */
export function oldInsertsPass(table: Name, columns: readonly string[], check: Node | null, known: Known): boolean {
  if (!known.areNew(table, columns)) return false;
  const isFilled = (name: string) => known.column(table, name)?.hasDefault === true;
  const left = { filled: new Set(columns.filter(isFilled)), empty: new Set(columns.filter(name => !isFilled(name))) };
  return left.empty.size === 0 || (check !== null && passes(check, left, known));
}

/** The same of a CHECK in the definition of a new column. */
export function newColumnPasses(name: string, hasDefault: boolean, check: Node, known: Known): boolean {
  const [own, none] = [new Set([name]), new Set<string>()];
  return passes(check, hasDefault ? { filled: own, empty: none } : { filled: none, empty: own }, known);
}

/** Functions whose values do not come twice. */
const APART = new Set([
  ...['gen_random_uuid', 'uuidv4', 'uuidv7', 'uuid_generate_v1', 'uuid_generate_v1mc', 'uuid_generate_v4'],
  ...['nextval', 'gen_random_bytes'],
]);

export function givesApart(value: Node): boolean {
  return findAll(value, 'FuncCall').some(({ FuncCall }) => APART.has(nameFrom(stringsOf(FuncCall.funcname)).name));
}

/** True when each row that leaves it out gets another value. */
export const isApart = ({ counter, default: value }: Column): boolean =>
  counter !== null || (value !== null && givesApart(value));

type Keys = { columns: readonly string[]; keys: readonly (string | Node)[]; nullsAlike: boolean };

/** True when two rows of old code never meet in a unique index on new columns: one of them is NULL, or each time another. */
export function neverMeet(table: Name, { columns, keys, nullsAlike }: Keys, known: Known): boolean {
  if (!known.areNew(table, columns)) return false;
  const empty = new Set(columns.filter(name => known.column(table, name)?.hasDefault === false));
  return keys.some(key => {
    if (typeof key !== 'string') return !nullsAlike && isNullThen(key, { empty, filled: new Set() }, known);
    return known.column(table, key)?.isApart === true || (!nullsAlike && empty.has(key));
  });
}

/** A CHECK forbids what makes it false; NULL it lets through. */
function passes(check: Node, left: LeftOut, known: Known): boolean {
  const both = bodyOf(check, 'BoolExpr');
  if (both?.boolop === 'AND_EXPR') return (both.args ?? []).every(part => passes(part, left, known));
  if (both?.boolop === 'OR_EXPR') return (both.args ?? []).some(part => passes(part, left, known));
  const test = bodyOf(check, 'NullTest');
  if (test?.nulltesttype === 'IS_NULL' && isNullThen(test.arg, left, known)) return true;
  if (isNullThen(check, left, known)) return true;
  // Whoever chose the default chose one that is allowed.
  const columns = columnsIn(check);
  return columns.length > 0 && columns.every(name => left.filled.has(name));
}

/** Operators of Postgres that give NULL when one side is NULL; `||` of arrays does not. */
const STRICT = /^([<>=+\-*/%&#]|<>|!=|<=|>=|!?~~?\*?|@>|<@|&&)$/;
const KINDS = new Set(['AEXPR_OP', 'AEXPR_IN', 'AEXPR_LIKE', 'AEXPR_ILIKE', 'AEXPR_SIMILAR', 'AEXPR_OP_ANY']);
const RANGES = /^AEXPR_(NOT_)?BETWEEN(_SYM)?$/;

/** Functions of Postgres that give NULL for NULL. */
const STRICT_CALLS = new Set([
  ...['length', 'char_length', 'character_length', 'octet_length', 'lower', 'upper', 'btrim', 'ltrim', 'rtrim', 'abs'],
  ...['round', 'floor', 'ceil', 'trunc', 'mod', 'date_trunc', 'date_part', 'extract', 'left', 'right', 'substring'],
  ...['cardinality', 'array_length', 'jsonb_typeof', 'json_typeof', 'jsonb_array_length', 'starts_with', 'regexp_like'],
]);

function isNullThen(node: Node | undefined, left: LeftOut, known: Known): boolean {
  if (!node) return false;
  const again = (part: Node | undefined) => isNullThen(part, left, known);
  const column = columnOf(node);
  if (column !== null) return left.empty.has(column);
  if ('TypeCast' in node) return again(node.TypeCast.arg);
  if ('CollateClause' in node) return again(node.CollateClause.arg);
  if ('BoolExpr' in node) return node.BoolExpr.boolop === 'NOT_EXPR' && again(node.BoolExpr.args?.[0]);
  if ('FuncCall' in node) {
    const { schema, name } = nameFrom(stringsOf(node.FuncCall.funcname));
    const isPostgres = schema === 'pg_catalog' || (schema === null && !known.isOwn(name));
    return isPostgres && STRICT_CALLS.has(name) && (node.FuncCall.args ?? []).some(again);
  }
  if (!('A_Expr' in node)) return false;
  const { kind = '', name = [], lexpr, rexpr } = node.A_Expr;
  if (RANGES.test(kind)) return again(lexpr);
  const operator = stringsOf(name).at(-1) ?? '';
  if (!KINDS.has(kind) || !STRICT.test(operator)) return false;
  return again(lexpr) || (kind === 'AEXPR_OP' && again(rexpr));
}
