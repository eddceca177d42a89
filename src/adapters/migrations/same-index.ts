import pg from 'pg';

const SPACE = String.raw`(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)`;
const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s"().]+)`;
const BETWEEN = `(?:${SPACE}+CONCURRENTLY)?(?:${SPACE}+IF${SPACE}+NOT${SPACE}+EXISTS)?${SPACE}+${NAME}${SPACE}*`;
const QUALIFIED = `${NAME}(?:${SPACE}*\\.${SPACE}*${NAME})*`;
/** All up to the table of a statement that Postgres has parsed: what is left says which index it is. */
const HEAD = new RegExp(
  `^${SPACE}*CREATE${SPACE}+(UNIQUE${SPACE}+)?INDEX${BETWEEN}ON${SPACE}*(?:ONLY${SPACE}+)?${QUALIFIED}`,
  'i',
);

/**
 * True when the statement would make the very index that is there. Postgres is asked to make it once more on an empty copy
 * of the table, for it alone writes both in the same words: it adds casts, and turns IN and BETWEEN into others.
 */
export async function isSameIndex(
  client: pg.Client,
  { of, definition }: { of: string; definition: string },
  sql: string,
): Promise<boolean> {
  const wanted = HEAD.exec(sql);
  if (!wanted) return false;
  const unique = wanted[1] ? 'UNIQUE ' : '';
  await client.query('BEGIN');
  try {
    await client.query(`CREATE TEMP TABLE switchover_copy (LIKE ${of})`);
    await client.query(`CREATE ${unique}INDEX ON pg_temp.switchover_copy ${sql.slice(wanted[0].length)}`);
    const [made] = (
      await client.query<{ definition: string }>(
        "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = 'pg_temp.switchover_copy'::regclass",
      )
    ).rows;
    return made !== undefined && whatOf(made.definition) === whatOf(definition);
  } catch (error) {
    // What cannot be made on a copy (class 42) is not known to be the same: the statement itself will tell.
    if (error instanceof pg.DatabaseError && error.code?.startsWith('42')) return false;
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}

const whatOf = (definition: string): string =>
  definition.replace(HEAD, (_, unique: string | undefined) => (unique ? 'UNIQUE' : ''));
