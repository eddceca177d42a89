import type { Node, SelectStmt } from 'libpg-query';
import type { Action } from './action.ts';
import { readSetval } from './read-settings.ts';
import { type Body, bodyOf, constantOf, findAll, type Name, nameFrom, nameOf, nameParts, stringsOf } from './tree.ts';

// Statements on rows. What a WITH clause and a function do counts as much as the statement itself.

/** Everything that a SELECT, INSERT, UPDATE, DELETE or MERGE does to rows, in subqueries too, and whom it calls. */
export function readRows(node: Node): Action[] {
  const rows = findAll(node, 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt').flatMap((tree): Action[] => {
    if ('MergeStmt' in tree) return readMerge(tree.MergeStmt);
    if ('InsertStmt' in tree) {
      const { relation, selectStmt } = tree.InsertStmt;
      return [{ kind: 'insert', table: nameOf(relation), slow: readsTables(selectStmt) }];
    }
    const [kind, { relation, whereClause: where = null }] =
      'UpdateStmt' in tree ? (['update', tree.UpdateStmt] as const) : (['delete', tree.DeleteStmt] as const);
    return [{ kind, table: nameOf(relation), where }];
  });
  return [...rows, ...readCalls(node)];
}

function readMerge({ relation, mergeWhenClauses = [] }: Body<'MergeStmt'>): Action[] {
  const table = nameOf(relation);
  const does = new Set(mergeWhenClauses.map(clause => bodyOf(clause, 'MergeWhenClause')?.commandType));
  const found: Action[] = does.has('CMD_DELETE') ? [{ kind: 'delete', table, where: null }] : [];
  if (does.has('CMD_UPDATE')) found.push({ kind: 'update', table, where: null });
  return found.length > 0 ? found : [{ kind: 'insert', table, slow: true }];
}

/** A SELECT: what it does to rows, the functions that it calls, and a table that it makes. */
export function readSelect(statement: SelectStmt): Action[] {
  const into = statement.intoClause;
  const made = into ? [madeFromQuery(nameOf(into.rel), into.rel?.relpersistence === 't')] : [];
  return [...made, ...readRows({ SelectStmt: statement })];
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

/** Settings that decide what a name without a schema means. */
const ABOUT_NAMES: ReadonlySet<string | null> = new Set(['search_path', 'role', 'session_authorization', null]);

/** The functions called anywhere inside: in a FROM or a WHERE they do the same as in a target list. */
export function readCalls(tree: unknown): Action[] {
  const calls = findAll(tree, 'FuncCall').map(({ FuncCall: { funcname, args = [] } }) => ({
    name: nameFrom(stringsOf(funcname)),
    args,
  }));
  if (calls.length === 0) return [];
  const moves = calls.some(
    ({ name, args }) => name.name === 'set_config' && ABOUT_NAMES.has(constantOf(args[0])?.toLowerCase() ?? null),
  );
  return [
    { kind: 'call', functions: calls.map(({ name }) => name) },
    ...calls.flatMap(({ name, args }) => (name.name === 'setval' ? readSetval(args) : [])),
    ...(moves ? [{ kind: 'search path', path: null } satisfies Action] : []),
  ];
}

function readsTables(query: Node | undefined): boolean {
  return (bodyOf(query, 'SelectStmt')?.fromClause ?? []).length > 0;
}

export const rangesIn = (nodes: readonly Node[] = []): Name[] => nodes.map(node => nameFrom(nameParts(node)));
