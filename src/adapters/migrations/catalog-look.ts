import type pg from 'pg';
import type { Completion } from '../../domain/completion.ts';

/** `invalid` are indexes that an unfinished statement left behind, as SQL names them. */
export type Look = { done: boolean; invalid: string[] };

/** What the catalog shows of a statement that cannot be rolled back. */
export async function lookAt(client: pg.Client, completion: Completion): Promise<Look> {
  const ask = async (sql: string, values: string[]): Promise<Look> => {
    const [row] = (await client.query<Look>(sql, values)).rows;
    return { done: row?.done ?? false, invalid: row?.invalid ?? [] };
  };
  switch (completion.kind) {
    case 'index made':
      return ask(INDEX_MADE, [completion.index, completion.table]);
    case 'index gone':
      return ask("SELECT to_regclass($1) IS NULL AS done, '{}'::text[] AS invalid", [completion.index]);
    case 'index rebuilt':
      return ask(INDEX_REBUILT, [completion.of]);
    case 'constraint valid':
      return ask(
        "SELECT convalidated AS done, '{}'::text[] AS invalid FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2",
        [completion.table, completion.constraint],
      );
    case 'enum value':
      return ask(
        "SELECT true AS done, '{}'::text[] AS invalid FROM pg_enum WHERE enumtypid = to_regtype($1) AND enumlabel = $2",
        [completion.type, completion.value],
      );
    default:
      return completion satisfies never;
  }
}

const INDEX_MADE = `SELECT indisvalid AS done, CASE WHEN indisvalid THEN '{}' ELSE ARRAY[indexrelid::regclass::text] END AS invalid
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
  WHERE relname = $1 AND indrelid = to_regclass($2)`;

const INDEX_REBUILT = `SELECT false AS done, coalesce(array_agg(other.indexrelid::regclass::text), '{}') AS invalid
  FROM pg_index AS other
  WHERE NOT other.indisvalid AND other.indrelid = coalesce(
    (SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1)), to_regclass($1)::oid)`;
