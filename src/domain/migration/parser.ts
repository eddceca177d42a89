import { setFlagsFromString } from 'node:v8';
import { hasSqlDetails, loadModule, type Node, parsePlPgSQLSync, parseSync, type RawStmt } from 'libpg-query';

export const WASM_FLAG = '--wasm-tier-up-filter=1000000';

/** Postgres 18's own parser, as wasm. Await once before the rest of this file is used. */
export async function parserReady(): Promise<void> {
  // V8 would compile its largest function again after a few statements: 600 MB and half a second for nothing. So it may
  // do that only with a function that nobody has (`--liftoff-only` says the same, but is not heard once V8 runs).
  // Taken away where a migration's own code runs: there it is given at the start.
  setFlagsFromString?.(WASM_FLAG);
  await loadModule();
}

export type Parsed =
  | { kind: 'parsed'; statements: readonly RawStmt[] }
  /** `at`: characters (code points) before the place where the parser stopped. */
  | { kind: 'unparsed'; message: string; at: number };

/** Comments may be nested in comments, and the lexer takes the square of how deep they are: 80 kB of `/*` 4 s. */
const DEEPEST_COMMENT = 100;

/** Statements as trees. Never throws: what Postgres would not understand, or is too deep for it, is `unparsed`. */
export function parse(sql: string): Parsed {
  // Text after a NUL byte is silently ignored by the parser: what it hides could be anything.
  const nul = sql.indexOf('\0');
  if (nul >= 0) return { kind: 'unparsed', message: 'a NUL byte', at: [...sql.slice(0, nul)].length };
  const deep = tooDeepAt(sql);
  if (deep !== null)
    return { kind: 'unparsed', message: 'comments too deep in each other', at: [...sql.slice(0, deep)].length };
  if (sql === '') return { kind: 'parsed', statements: [] };
  try {
    return { kind: 'parsed', statements: parseSync(sql).stmts ?? [] };
  } catch (error) {
    // A RangeError too: an expression of 20,000 terms is more than the wasm stack holds.
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'unparsed', message, at: hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0 };
  }
}

/** Where more comments begin in each other than anybody writes; null when none do. Strings are not told from comments. */
function tooDeepAt(sql: string): number | null {
  let depth = 0;
  for (const { 0: mark, index } of sql.matchAll(/\/\*|\*\//g)) {
    depth = mark === '/*' ? depth + 1 : Math.max(0, depth - 1);
    if (depth > DEEPEST_COMMENT) return index;
  }
  return null;
}

/** The tree of a `DO` or `CREATE FUNCTION … LANGUAGE plpgsql`; null when Postgres could not run it. */
export function parseBlock(sql: string): unknown {
  try {
    return parsePlPgSQLSync(sql);
  } catch {
    return null;
  }
}

/** The tree of an expression, such as a CHECK's from the catalog; null when it is none. */
export function parseExpression(text: string): Node | null {
  const parsed = parse(`SELECT ${text}`);
  const statement = parsed.kind === 'parsed' ? parsed.statements[0]?.stmt : undefined;
  const target = statement && 'SelectStmt' in statement ? statement.SelectStmt.targetList?.[0] : undefined;
  return target && 'ResTarget' in target ? (target.ResTarget.val ?? null) : null;
}
