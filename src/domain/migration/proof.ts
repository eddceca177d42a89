import type { Node } from 'libpg-query';
import type { Relation } from './relation.ts';
import { bodyOf, columnOf, conjuncts, constantOf } from './tree.ts';

// What valid constraints prove, so that Postgres need not read the table again.

/** True when a valid CHECK says that a column is not null (PostgreSQL 12 and later skip the scan then). */
export function provesNotNull(relation: Relation, column: string): boolean {
  return validConditions(relation).some(condition => {
    const test = bodyOf(condition, 'NullTest');
    return test?.nulltesttype === 'IS_NOT_NULL' && columnOf(test.arg) === column;
  });
}

/** True when valid CHECKs keep every row of a table inside the bounds that it is attached with. */
export function provesBound(relation: Relation, key: readonly string[], bound: Node | null): boolean {
  const spec = bodyOf(bound ?? undefined, 'PartitionBoundSpec');
  const [column] = key;
  if (!spec || column === undefined || key.length !== 1) return false;
  const known = relation.columns.get(column)?.notNull || provesNotNull(relation, column);
  if (!known) return false;
  const conditions = validConditions(relation);
  if (spec.strategy === 'l') {
    const allowed = (spec.listdatums ?? []).map(constantOf);
    return conditions.some(condition => {
      const values = valuesOf(condition, column);
      return values.length > 0 && values.every(value => allowed.includes(value));
    });
  }
  const lower = edge(spec.lowerdatums?.[0]);
  const upper = edge(spec.upperdatums?.[0]);
  const says = (operators: readonly string[], value: string | null) =>
    value === null || conditions.some(condition => compares(condition, column, operators, value));
  return spec.strategy === 'r' && says(['>='], lower) && says(['<'], upper);
}

function validConditions({ constraints }: Relation): Node[] {
  return [...constraints.values()].flatMap(({ kind, valid, expression }) =>
    kind === 'check' && valid && expression ? conjuncts(expression) : [],
  );
}

/** Null for MINVALUE and MAXVALUE, which are written as names. */
const edge = (node: Node | undefined): string | null => (node && 'ColumnRef' in node ? null : constantOf(node));

function compares(condition: Node, column: string, operators: readonly string[], value: string): boolean {
  const { name, lexpr, rexpr } = bodyOf(condition, 'A_Expr') ?? {};
  const operator = bodyOf(name?.[0], 'String')?.sval ?? '';
  return operators.includes(operator) && columnOf(lexpr) === column && constantOf(rexpr) === value;
}

/** The constants that `column = 1`, `column IN (1, 2)` and `column = ANY (ARRAY[…])` allow. */
export function valuesOf(condition: Node, column: string): string[] {
  const { kind, name, lexpr, rexpr } = bodyOf(condition, 'A_Expr') ?? {};
  if (columnOf(lexpr) !== column || bodyOf(name?.[0], 'String')?.sval !== '=') return [];
  const items = kind === 'AEXPR_OP' ? [rexpr] : (bodyOf(rexpr, 'List')?.items ?? arrayItems(rexpr));
  const values = items.map(constantOf);
  return values.every(value => value !== null) ? values : [];
}

function arrayItems(node: Node | undefined): Node[] {
  const cast = bodyOf(node, 'TypeCast');
  return cast ? arrayItems(cast.arg) : (bodyOf(node, 'A_ArrayExpr')?.elements ?? []);
}
