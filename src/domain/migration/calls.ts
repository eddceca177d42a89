import { BUILTINS } from './builtins.ts';
import type { Known } from './known.ts';
import type { Name } from './tree.ts';

/** Of the functions that are called those that nobody can read here, and that may do more than compute. */
export function strangeCalls(functions: readonly Name[], known: Known): Name[] {
  return functions.filter(call => isStrange(call, known));
}

function isStrange(call: Name, known: Known): boolean {
  const { schema, name } = call;
  const volatility = known.facts?.functions[name] ?? 'volatile';
  // Postgres lets only volatile functions write.
  if (schema !== 'pg_catalog' && known.isOwn(name)) return volatility === 'volatile';
  // What the batch defines itself is judged by what it does.
  if (known.definitions(call).length > 0) return false;
  // With a schema of its own it may be anybody's; the catalog would have told.
  if (schema !== null && schema !== 'pg_catalog' && !known.facts) return true;
  return !BUILTINS.has(name) && volatility === 'volatile';
}
