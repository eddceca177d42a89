import type pg from 'pg';
import type { Completion } from '../../domain/completion.ts';
import { isSameIndex } from './same-index.ts';

/**
 * `invalid` are indexes that cost every write and serve no query, as SQL names them; those of them that are `inTheWay` an
 * earlier try left behind, and the statement would not do its work beside them.
 */
export type Look = { done: boolean; invalid: string[]; inTheWay: string[] };

type Asked = { completion: Completion; sql: string; begun: boolean };

/**
 * What the catalog shows of a statement that cannot be rolled back. `begun`: an earlier run of ours sent it, and nobody
 * heard how it ended. Of another one the catalog cannot say that it is done where there is nothing to see.
 */
export async function lookAt(client: pg.Client, { completion, sql, begun }: Asked): Promise<Look> {
  const isTrue = async (question: string, values: string[]): Promise<boolean> =>
    (await client.query<{ done: boolean }>(question, values)).rows[0]?.done ?? false;
  const indexes = async (where: string, values: string[]): Promise<Index[]> =>
    (await client.query<Index>(`${INDEXES} WHERE ${where}`, values)).rows;
  switch (completion.kind) {
    case 'index made': {
      const { index, table } = completion;
      const [found] = await indexes('relname = $1 AND indrelid = to_regclass($2)', [index, table]);
      const invalid = namesOf(found && !found.valid ? [found] : []);
      return { done: found?.valid === true && (await isSameIndex(client, found, sql)), invalid, inTheWay: invalid };
    }
    case 'index gone': {
      const [found] = await indexes('indexrelid = to_regclass($1)', [completion.index]);
      return { done: !found && begun, invalid: namesOf(found && !found.valid ? [found] : []), inTheWay: [] };
    }
    case 'index rebuilt': {
      const ofItsTable = `NOT indisvalid AND indrelid = coalesce(
        (SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1)), to_regclass($1)::oid)`;
      const found = await indexes(ofItsTable, [completion.of]);
      return { done: false, invalid: namesOf(found), inTheWay: namesOf(found.filter(({ half }) => half)) };
    }
    case 'constraint valid':
      return seen(
        await isTrue(
          'SELECT convalidated AS done FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2',
          [completion.table, completion.constraint],
        ),
      );
    case 'enum value':
      return seen(
        await isTrue('SELECT true AS done FROM pg_enum WHERE enumtypid = to_regtype($1) AND enumlabel = $2', [
          completion.type,
          completion.value,
        ]),
      );
    default:
      return completion satisfies never;
  }
}

const seen = (done: boolean): Look => ({ done, invalid: [], inTheWay: [] });

type Index = { name: string; of: string; definition: string; valid: boolean; half: boolean };

const namesOf = (indexes: readonly Index[]): string[] => indexes.map(({ name }) => name);

// REINDEX CONCURRENTLY that was broken off leaves `…_ccnew` or `…_ccold` (postgresql.org, REINDEX).
const INDEXES = `SELECT indexrelid::regclass::text AS name, indrelid::regclass::text AS of,
    pg_get_indexdef(indexrelid) AS definition, indisvalid AS valid, relname ~ '_cc(new|old)[0-9]*$' AS half
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid`;
