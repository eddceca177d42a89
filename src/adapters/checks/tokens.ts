import type pg from 'pg';
import { type Checked, type Finding, red, yellow } from '../../domain/checkup.ts';
import { type Keys, unseal } from '../sealing.ts';

/** The Heroku tokens that apps have of their own, by app. Never printed. */
export type OwnTokens = { tokens: ReadonlyMap<string, string> };

/** Whether every one of them can be opened, and with which key. */
export async function checkTokens(client: pg.Client, keys: Keys): Promise<Checked<OwnTokens>> {
  const { rows } = await client
    .query<{ app: string; sealed: string }>('SELECT app, sealed FROM app_tokens ORDER BY app')
    // An older bot has no such table yet: what is missing is said elsewhere.
    .catch(() => ({ rows: [] }));
  const tokens = new Map<string, string>();
  const findings = rows.flatMap(({ app, sealed }): Finding[] => {
    const what = `Heroku token of ${app}`;
    try {
      const { text, key } = unseal(keys, sealed, app);
      tokens.set(app, text);
      if (key === keys[0]) return [];
      const todo = '`npm run tokens -- rotate` seals it with TOKEN_KEY; then TOKEN_KEY_BEFORE can go.';
      return [yellow(what, 'It is sealed with TOKEN_KEY_BEFORE.', todo)];
    } catch (error) {
      const found = `It cannot be opened: ${keys.length === 0 ? 'TOKEN_KEY is not set' : (error as Error).message}. ${app} cannot be deployed.`;
      const todo = `Set TOKEN_KEY to the key of then, or give the token once more: \`npm run tokens -- set ${app}\`.`;
      return [red(what, found, todo)];
    }
  });
  return { tokens, findings };
}
