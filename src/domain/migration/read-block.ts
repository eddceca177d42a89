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
  if (language === 'sql') return readText(body ? (nameParts(body)[0] ?? '') : '', read).map(perhaps);
  if (language !== 'plpgsql') return [{ kind: 'dynamic', how: `code in ${language}` }];
  const tree = parseBlock(sql);
  if (tree === null) return [{ kind: 'dynamic', how: 'a block that could not be read' }];
  return readTree(tree, read).map(perhaps);
}

/** In which branch it stands, and what it is set back to, is known only when it runs. */
const perhaps = (action: Action): Action => (action.kind === 'search path' ? { ...action, path: null } : action);

function readText(sql: string, read: Read): Action[] {
  const parsed = parse(sql);
  if (parsed.kind === 'unparsed') return [{ kind: 'dynamic', how: 'SQL that could not be read' }];
  return parsed.statements.flatMap(({ stmt }) => (stmt ? read(stmt, sql) : []));
}

const DYNAMIC = new Set(['PLpgSQL_stmt_dynexecute', 'PLpgSQL_stmt_dynfors', 'dynquery']);

/** In the order of the text. Every branch counts: which one runs is known only when it runs. */
function readTree(tree: unknown, read: Read): Action[] {
  const found: Action[][] = [];
  // No recursion: a thousand blocks in each other are more than the stack holds.
  const left: [key: string, value: unknown][] = [['', tree]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [key, value] = next;
    if (DYNAMIC.has(key)) found.push([{ kind: 'dynamic', how: 'EXECUTE' }]);
    if (key === 'PLpgSQL_expr') found.push(isQuery(value) ? readQuery(value, read) : []);
    else if (typeof value === 'object' && value !== null)
      for (const child of Object.entries(value).reverse()) left.push(child);
  }
  return found.flat();
}

/** `parseMode` as in Postgres's RawParseMode: 0 a statement, 1 a type, 2 an expression, above an assignment. */
type Query = { query: string; parseMode?: number };

function isQuery(value: unknown): value is Query {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'string';
}

/** What stands before the sign of an assignment. */
const TARGET = /^((?:"[^"]*"|\[[^\]]*\]|[^:="[])*):?=/;

function readQuery({ query, parseMode = 0 }: Query, read: Read): Action[] {
  if (parseMode === 0) return readText(query, read);
  // Whatever does something has parentheses.
  if (parseMode === 1 || !query.includes('(')) return [];
  const [sign = '', target = ''] = parseMode > 2 ? (TARGET.exec(query) ?? []) : [];
  const expressions = [query.slice(sign.length), ...(target.includes('(') ? [target] : [])];
  return expressions.flatMap(expression => readText(`SELECT ${expression}`, read));
}
