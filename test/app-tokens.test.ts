import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appToken, connectAppTokens } from '../src/adapters/app-tokens.ts';
import { connectHerokuByApp } from '../src/adapters/heroku-by-app.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { seal, unseal } from '../src/adapters/sealing.ts';
import { connectSettings } from '../src/adapters/settings.ts';
import { readTokenConfig } from '../src/config.ts';
import type { AppSettings } from '../src/domain/app.ts';
import type { Refusal } from '../src/domain/refusal.ts';
import { tokenNotices } from '../views/settings.ts';
import { cases } from './fuzzing.ts';
import { startPostgres } from './stage/made.ts';

const [KEY, OTHER] = [randomBytes(32), randomBytes(32)];
const TOKEN = 'HRKU-0123456789abcdef';
const program = fileURLToPath(new URL('../src/tokens.ts', import.meta.url));

describe('a seal', () => {
  it('opens for whom it was made, with its key, and for nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(63), (secret, at, other) => {
        const sealed = seal(KEY, secret.toWellFormed(), 'shop');
        expect(unseal([OTHER, KEY], sealed, 'shop').text).toBe(secret.toWellFormed());
        expect(() => unseal([KEY], sealed, 'till')).toThrow(/changed/);
        expect(() => unseal([OTHER], sealed, 'shop')).toThrow(/another key/);
        const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const place = at % sealed.length;
        const changed = sealed.slice(0, place) + ALPHABET[other] + sealed.slice(place + 1);
        // The last digit of base64url may stand for the same bytes.
        const bytes = (text: string) =>
          text.split('.').map((part, index) => (index < 2 ? part : Buffer.from(part, 'base64url').toString('hex')));
        if (bytes(changed).join() === bytes(sealed).join()) return;
        expect(() => unseal([KEY], changed, 'shop')).toThrow();
      }),
      cases(),
    );
  });

  it('is another one each time, and tells neither the secret nor the key', () => {
    const [one, two] = [seal(KEY, TOKEN, 'shop'), seal(KEY, TOKEN, 'shop')];
    expect(one).not.toBe(two);
    for (const part of one.split('.')) {
      const bytes = Buffer.from(part, 'base64url');
      expect(bytes.includes(TOKEN) || bytes.includes(KEY.subarray(0, 6))).toBe(false);
    }
  });
});

describe('the token of an app', () => {
  let dir: string;
  let server: Embedded;
  let pool: pg.Pool;
  let heroku: Server;
  let herokuUrl: string;
  /** Whose calls came: the path, and the token that it carried. */
  const seen: string[] = [];
  const shop: AppSettings = {
    ...{ name: 'shop', repository: 'acme/shop', defaultRef: 'main', channel: 'C0SHOP', windowSeconds: 180 },
    ...{ deployers: ['U0ANN'], approvers: [], fourEyes: true },
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tokens-'));
    server = await startPostgres(dir);
    pool = connect(server.url, () => {});
    await migrate(pool);
    for (const name of ['shop', 'till'])
      await connectSettings(pool, { app: () => [], team: () => [] }).save({ ...shop, name }, 'console', null);
    heroku = createServer((request, response) => {
      // As heroku-client sends it: Basic, with no name.
      const [, sent = ''] = request.headers.authorization?.split(' ') ?? [];
      const token = Buffer.from(sent, 'base64').toString().slice(1);
      seen.push(`${request.url} ${token}`);
      if (token === 'HRKU-unknown-token')
        return void response.writeHead(401).end('{"id":"unauthorized","message":"No"}');
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name: 'shop', web_url: null, maintenance: false, remaining: 7 }));
    });
    await new Promise<void>(listening => heroku.listen(0, '127.0.0.1', listening));
    herokuUrl = `http://127.0.0.1:${(heroku.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    heroku?.close();
    await pool?.end();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** `npm run tokens`; gives all that it said, and what others could see of its command line. */
  async function tokens(
    ask: string[],
    input = '',
    keys: Record<string, string> = { TOKEN_KEY: KEY.toString('base64') },
  ) {
    const env = { ...keys, DATABASE_URL: server.url, HEROKU_API_URL: herokuUrl, PATH: process.env.PATH ?? '' };
    const child = spawn(process.execPath, [program, ...ask], { env, cwd: dir });
    const line = await readFile(`/proc/${child.pid}/cmdline`, 'utf8').catch(() => '');
    child.stdin.on('error', () => {}).end(input);
    const closed = once(child, 'close');
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [status] = await closed;
    return { said: out + err, status, line };
  }
  const everywhere = async (): Promise<string> => {
    const { rows } = await pool.query(
      "SELECT table_to_xml(oid, true, false, '')::text AS rows FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    );
    return rows.map(({ rows }) => rows).join('\n');
  };

  it('is read from stdin, tried at Heroku, kept sealed, and told of without it', async () => {
    const { said, status, line } = await tokens(['set', 'shop'], `${TOKEN}\n`);
    expect([said, status]).toEqual([expect.stringContaining('Kept. The bot uses it for shop'), 0]);
    expect(seen.at(-1)).toBe(`/apps/shop ${TOKEN}`);
    expect(said + line).not.toContain(TOKEN);
    const stored = await everywhere();
    expect(stored).not.toContain(TOKEN);
    expect(stored).toContain('shop has a new Heroku token of its own');
    expect(await appToken(pool, [KEY], 'shop')).toBe(TOKEN);
    expect(await appToken(pool, [KEY], 'till')).toBeNull();
    const listed = await tokens(['list']);
    expect(listed.said).toMatch(/shop: given by .* at the console, .*; sealed with TOKEN_KEY\./);
    expect(listed.said).not.toContain(TOKEN);
  });

  it('is not kept when Heroku does not take it, the app is unknown, there is no key or it is no token', async () => {
    const before = await everywhere();
    expect((await tokens(['set', 'shop'], 'HRKU-unknown-token\n')).said).toMatch(/Nothing was changed.*Heroku refused/);
    expect((await tokens(['set', 'vault'], TOKEN)).said).toContain('There is no app vault here');
    expect((await tokens(['set', 'shop'], 'two words\n')).said).toContain('That is no token');
    expect((await tokens(['set', 'shop'], TOKEN, {})).said).toMatch(/TOKEN_KEY is 32 random bytes.*openssl rand/);
    expect((await tokens(['set', 'shop'], TOKEN, { TOKEN_KEY: 'short' })).said).toContain(
      'TOKEN_KEY is 32 random bytes',
    );
    expect((await tokens(['rotate'])).said).toContain('TOKEN_KEY_BEFORE is the TOKEN_KEY of before');
    expect(await everywhere()).toBe(before);
  });

  it('cannot be moved to another app, and without its key the refusal says what to do', async () => {
    await pool.query("INSERT INTO app_tokens SELECT 'till', sealed, by, at FROM app_tokens WHERE app = 'shop'");
    const why = async (keys: Buffer[], app: string) =>
      ((await appToken(pool, keys, app).catch(error => error)) as Refusal).reasons[0];
    expect(await why([KEY], 'till')).toMatch(/cannot be opened: it was changed.*npm run tokens -- set till/);
    expect(await why([OTHER], 'shop')).toMatch(/sealed with another key/);
    expect(await why([], 'shop')).toMatch(/TOKEN_KEY is not set/);
    await pool.query("DELETE FROM app_tokens WHERE app = 'till'");
  });

  it('is sealed anew when the key is changed, all of them or none, and both keys open meanwhile', async () => {
    const both = { TOKEN_KEY: OTHER.toString('hex'), TOKEN_KEY_BEFORE: KEY.toString('base64') };
    const { keys } = readTokenConfig(both, 'rotate');
    expect(await appToken(pool, keys, 'shop')).toBe(TOKEN);
    expect((await tokens(['list'], '', both)).said).toContain('sealed with TOKEN_KEY_BEFORE');
    expect((await tokens(['rotate'], '', { ...both, TOKEN_KEY_BEFORE: randomBytes(32).toString('hex') })).status).toBe(
      1,
    );
    expect((await tokens(['rotate'], '', both)).said).toContain('Sealed with TOKEN_KEY now: shop.');
    expect(await appToken(pool, [OTHER], 'shop')).toBe(TOKEN);
    expect((await tokens(['rotate'], '', both)).said).toContain('all of them were');
  });

  it('is used for that app alone, from the next call on, and still when the database is away', async () => {
    let away = false;
    const tokenOf = (app: string) =>
      away ? Promise.reject(new Error('connection refused')) : appToken(pool, [OTHER], app);
    const byApp = connectHerokuByApp({ url: herokuUrl, token: 'HRKU-the-usual-one', tokenOf });
    seen.length = 0;
    await byApp.app('shop');
    await byApp.app('till');
    expect([await byApp.tokensLeft('shop'), await byApp.tokensLeft('till')]).toEqual([7, 7]);
    expect(seen.sort()).toEqual([
      `/account/rate-limits ${TOKEN}`,
      '/account/rate-limits HRKU-the-usual-one',
      `/apps/shop ${TOKEN}`,
      '/apps/till HRKU-the-usual-one',
    ]);
    away = true;
    await expect(byApp.app('vault')).rejects.toThrow('connection refused');
    await byApp.app('shop');
  });

  it('is taken away by one who says so, and that is kept', async () => {
    expect((await tokens(['remove', 'shop'])).said).toContain('the bot uses HEROKU_API_KEY for shop');
    expect((await tokens(['remove', 'shop'])).said).toContain('shop has no token of its own');
    const all = connectAppTokens(pool, [OTHER], tokenNotices);
    const { tokens: left, changes } = await all.list();
    expect([left, changes.map(({ app, what }) => `${app} ${what}`)]).toEqual([
      [],
      ['shop given', 'shop sealed anew', 'shop taken away'],
    ]);
    expect(await everywhere()).toContain('no Heroku token of its own any more');
  });
});
