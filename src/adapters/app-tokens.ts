import type pg from 'pg';
import { Refusal } from '../domain/refusal.ts';
import type { Notice } from '../team.ts';
import { putNotices } from './notices.ts';
import { type Keys, nameOf, seal, unseal } from './sealing.ts';
import { inTransaction } from './transaction.ts';

export type TokenChange = { id: string; app: string; what: 'given' | 'taken away'; by: string; channel: string };
/** What is said in an app's channel of a change. */
type Words = (change: TokenChange) => Notice[];

type Queries = Pick<pg.Pool, 'query'>;

/** The Heroku token that an app has of its own; null when it has none. Throws a Refusal when it cannot be opened. */
export async function appToken(on: Queries, keys: Keys, app: string): Promise<string | null> {
  const { rows } = await on.query<{ sealed: string }>('SELECT sealed FROM app_tokens WHERE app = $1', [app]);
  if (!rows[0]) return null;
  try {
    return unseal(keys, rows[0].sealed, app).text;
  } catch (error) {
    const why = keys.length === 0 ? 'TOKEN_KEY is not set' : error instanceof Error ? error.message : error;
    throw new Refusal([
      `${app} has a Heroku token of its own, and it cannot be opened: ${why}. Whoever runs the bot sets TOKEN_KEY to the key of then, or gives the token once more: \`npm run tokens -- set ${app}\`.`,
    ]);
  }
}

/** Gives and takes away apps' own tokens. A change, its record and what is said of it are kept together, or none is. */
export function connectAppTokens(pool: pg.Pool, keys: Keys, words: Words) {
  const changed = async (client: pg.PoolClient, app: string, what: TokenChange['what'], by: string): Promise<void> => {
    const { rows } = await client.query<{ id: string; channel: string }>(
      `INSERT INTO app_token_changes (app, what, by) VALUES ($1, $2, $3)
       RETURNING id, (SELECT settings ->> 'channel' FROM apps WHERE name = $1) AS channel`,
      [app, what, by],
    );
    await putNotices(
      client,
      rows.flatMap(({ id, channel }) => words({ id, app, what, by, channel })),
    );
  };

  return {
    async set(app: string, token: string, by: string): Promise<void> {
      const [key] = keys;
      if (!key) throw new Error('There is no key to seal it with');
      await inTransaction(pool, async client => {
        await client.query(
          `INSERT INTO app_tokens (app, sealed, by) VALUES ($1, $2, $3)
           ON CONFLICT (app) DO UPDATE SET sealed = EXCLUDED.sealed, by = EXCLUDED.by, at = now()`,
          [app, seal(key, token, app), by],
        );
        await changed(client, app, 'given', by);
      });
    },

    /** False when it has none. */
    remove: (app: string, by: string): Promise<boolean> =>
      inTransaction(pool, async client => {
        const { rowCount } = await client.query('DELETE FROM app_tokens WHERE app = $1', [app]);
        if (rowCount) await changed(client, app, 'taken away', by);
        return rowCount === 1;
      }),

    /** Seals with the first key what another one had sealed: all of it, or nothing. Gives the apps. */
    rotate: (by: string): Promise<string[]> =>
      inTransaction(pool, async client => {
        const { rows } = await client.query<{ app: string; sealed: string }>(
          'SELECT app, sealed FROM app_tokens ORDER BY app FOR UPDATE',
        );
        const [now] = keys;
        const old = rows.flatMap(({ app, sealed }) => {
          const { text, key } = unseal(keys, sealed, app);
          return key === now || !now ? [] : [{ app, sealed: seal(now, text, app) }];
        });
        for (const { app, sealed } of old) {
          await client.query('UPDATE app_tokens SET sealed = $2 WHERE app = $1', [app, sealed]);
          await client.query(`INSERT INTO app_token_changes (app, what, by) VALUES ($1, 'sealed anew', $2)`, [app, by]);
        }
        return old.map(({ app }) => app);
      }),

    /** Which apps have one, with which of the keys each is sealed (null: none of them), and all that was done with them. */
    async list() {
      const { rows: tokens } = await pool.query<{ app: string; by: string; at: Date; key: string }>(
        `SELECT app, by, at, split_part(sealed, '.', 2) AS key FROM app_tokens ORDER BY app`,
      );
      const { rows: changes } = await pool.query<{ app: string; what: string; by: string; at: Date }>(
        'SELECT app, what, by, at FROM app_token_changes ORDER BY id',
      );
      const names = keys.map(nameOf);
      return { tokens: tokens.map(({ key, ...token }) => ({ ...token, key: names.indexOf(key) })), changes };
    },
  };
}
