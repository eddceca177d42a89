import type { Node } from 'libpg-query';
import type { Action } from './action.ts';
import { parse, parseBlock } from './parser.ts';
import { definition, nameParts, stringOf } from './tree.ts';

// The code inside DO and CREATE FUNCTION: SQL in a string, whose statements count like those outside.

/** Reads a statement; `sql` is its text, which PL/pgSQL's parser wants whole. */
export type Read = (node: Node, sql: string) => Action[];

/** What a body does. `options` are those of its DO or CREATE FUNCTION, `sql` the text of that statement. */
export function readCode(options: readonly Node[] | undefined, sql: string, read: Read): Action[] {
  const body = definition(options, 'as')?.arg;
  // CREATE FUNCTION says its language, or has a body in SQL; DO may leave it out.
  const language = (stringOf(definition(options, 'language')?.arg) ?? 'plpgsql').toLowerCase();
  if (language === 'sql') return readText(body ? (nameParts(body)[0] ?? '') : '', read);
  if (language !== 'plpgsql') return [{ kind: 'dynamic', how: `code in ${language}` }];
  const tree = parseBlock(sql);
  return tree === null ? [{ kind: 'dynamic', how: 'a block that could not be read' }] : readTree(tree, read);
}

function readText(sql: string, read: Read): Action[] {
  const parsed = parse(sql);
  if (parsed.kind === 'unparsed') return [{ kind: 'dynamic', how: 'SQL that could not be read' }];
  return parsed.statements.flatMap(({ stmt }) => (stmt ? read(stmt, sql) : []));
}

const DYNAMIC = new Set(['PLpgSQL_stmt_dynexecute', 'PLpgSQL_stmt_dynfors', 'dynquery']);

/** In the order of the text. Every branch counts: which one runs is known only when it runs. */
function readTree(tree: unknown, read: Read): Action[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([key, child]): Action[] => {
    if (key === 'PLpgSQL_expr') return isStatement(child) ? readText(child.query, read) : [];
    const inside = readTree(child, read);
    return DYNAMIC.has(key) ? [{ kind: 'dynamic', how: 'EXECUTE' }, ...inside] : inside;
  });
}

/** `parseMode` 0 (RAW_PARSE_DEFAULT) marks whole statements; the others are expressions and assignments. */
function isStatement(value: unknown): value is { query: string } {
  if (typeof value !== 'object' || value === null || !('query' in value)) return false;
  return typeof value.query === 'string' && (!('parseMode' in value) || value.parseMode === 0);
}
