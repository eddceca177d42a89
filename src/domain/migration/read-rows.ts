import type { Node, SelectStmt } from 'libpg-query';
import type { Action } from './action.ts';
import { bodyOf, findAll, type Name, nameFrom, nameOf, nameParts, stringsOf } from './tree.ts';

// Statements on rows. What a WITH clause does to them counts as much as the statement itself.

/** Everything that a SELECT, INSERT, UPDATE, DELETE or MERGE does to rows, in subqueries too. */
export function readRows(node: Node): Action[] {
  const deletes = findAll(node, 'DeleteStmt').map(
    ({ DeleteStmt: { relation, whereClause = null } }): Action => ({
      kind: 'delete',
      table: nameOf(relation),
      where: whereClause,
    }),
  );
  const updates = findAll(node, 'UpdateStmt').map(
    ({ UpdateStmt: { relation, whereClause = null } }): Action => ({
      kind: 'update',
      table: nameOf(relation),
      where: whereClause,
    }),
  );
  const inserts = findAll(node, 'InsertStmt').map(
    ({ InsertStmt: { relation, selectStmt } }): Action => ({
      kind: 'insert',
      table: nameOf(relation),
      slow: readsTables(selectStmt),
    }),
  );
  const merges = findAll(node, 'MergeStmt').flatMap(({ MergeStmt: { relation, mergeWhenClauses = [] } }) => {
    const table = nameOf(relation);
    const does = new Set(mergeWhenClauses.map(clause => bodyOf(clause, 'MergeWhenClause')?.commandType));
    const found: Action[] = does.has('CMD_DELETE') ? [{ kind: 'delete', table, where: null }] : [];
    if (does.has('CMD_UPDATE')) found.push({ kind: 'update', table, where: null });
    return found.length > 0 ? found : [{ kind: 'insert', table, slow: true } satisfies Action];
  });
  return [...deletes, ...updates, ...inserts, ...merges];
}

/** A SELECT: the functions that it calls, a table that it makes, and what its WITH does. */
export function readSelect(statement: SelectStmt): Action[] {
  const rows = readRows({ SelectStmt: statement });
  const into = statement.intoClause;
  const made: Action[] = into ? [madeFromQuery(nameOf(into.rel), into.rel?.relpersistence === 't')] : [];
  const calls = callsIn(statement.targetList);
  return [...rows, ...made, ...(calls.length > 0 ? [{ kind: 'call', functions: calls } satisfies Action] : [])];
}

/** `CREATE TABLE … AS`: nothing is known of its columns. */
export function madeFromQuery(table: Name, temporary: boolean, unlessThere = false): Action {
  return {
    kind: 'create table',
    table,
    unlessThere,
    temporary,
    partitionOf: null,
    columns: [],
    constraints: [],
    slow: true,
  };
}

function callsIn(tree: unknown): Name[] {
  return findAll(tree, 'FuncCall').map(({ FuncCall }) => nameFrom(stringsOf(FuncCall.funcname)));
}

function readsTables(query: Node | undefined): boolean {
  return (bodyOf(query, 'SelectStmt')?.fromClause ?? []).length > 0;
}

export const rangesIn = (nodes: readonly Node[] = []): Name[] => nodes.map(node => nameFrom(nameParts(node)));
