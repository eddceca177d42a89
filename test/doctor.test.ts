import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAppTokens } from '../src/adapters/app-tokens.ts';
import { createAsk } from '../src/adapters/checks/ask.ts';
import { connect } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectSettings } from '../src/adapters/settings.ts';
import { judgeClock, judgeNode, judgeScopes } from '../src/domain/checkup.ts';
import type { SettingsStore } from '../src/team.ts';
import { makeFolder } from './stage/folder.ts';
import { startGitHub } from './stage/github/github.ts';
import { type LocalHeroku, startHeroku } from './stage/heroku/heroku.ts';
import { shopRepository, startPostgres } from './stage/made.ts';
import { readManifest } from './stage/slack/manifest.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SECRETS = {
  SLACK_SIGNING_SECRET: 'badc0ffee0ddf00dbadc0ffee0ddf00d',
  SLACK_BOT_TOKEN: 'xoxb-marked-bot',
  SLACK_APP_TOKEN: 'xapp-marked-app',
  HEROKU_API_KEY: 'HRKU-marked-heroku',
  GITHUB_TOKEN: 'ghp_marked-github',
};

const stops: (() => unknown)[] = [];
let heroku: LocalHeroku;
let slack: Slack;
let settings: SettingsStore;
let database: pg.Pool;
let env: Record<string, string>;
let dataDir: string;

beforeAll(async () => {
  const { dir, remove } = await makeFolder();
  stops.push(remove);
  dataDir = dir;
  const postgres = await startPostgres(join(dir, 'database'));
  stops.push(postgres.stop);
  database = connect(postgres.url, () => {});
  stops.push(() => database.end());
  settings = connectSettings(database, { app: () => [], team: () => [] });
  heroku = await startHeroku({ token: SECRETS.HEROKU_API_KEY });
  stops.push(heroku.stop);
  await heroku.createApp({ name: 'shop', preboot: true });
  await heroku.createApp({ name: 'till' });
  const { scopes } = await readManifest(new URL('../manifest.yml', import.meta.url));
  slack = await startSlack({
    signingSecret: SECRETS.SLACK_SIGNING_SECRET,
    botToken: SECRETS.SLACK_BOT_TOKEN,
    appToken: SECRETS.SLACK_APP_TOKEN,
    users: {},
    channels: {
      shop: 'C0SHOP',
      till: { id: 'C0TILL', botIsIn: false },
      vault: { id: 'C0VAULT', private: true, botIsIn: false },
    },
    scopes,
  });
  stops.push(() => slack.stop());
  const shop = await shopRepository(join(dir, 'shop'));
  const github = await startGitHub({ repositories: { 'acme/shop': shop.dir }, token: SECRETS.GITHUB_TOKEN });
  stops.push(github.stop);
  env = {
    ...SECRETS,
    SLACK_API_URL: slack.apiUrl,
    HEROKU_API_URL: heroku.url,
    GITHUB_API_URL: github.url,
    DATABASE_URL: postgres.url,
    ALLOWED_PROBE_NETWORKS: '127.0.0.0/8',
    ADMIN_USERS: 'U0ADA',
  };
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** A server that answers everything with these headers. */
async function answering(headers: Record<string, string>, status = 200): Promise<string> {
  const server: Server = createServer((_, response) => response.writeHead(status, headers).end('{}'));
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  stops.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** An address at which nobody listens any more. */
async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise(closed => server.close(closed));
  return `http://127.0.0.1:${port}`;
}

/** What the doctor prints, and how it ends. */
async function doctor(more: Record<string, string> = {}): Promise<{ said: string; status: number }> {
  const whole = { ...env, PATH: process.env.PATH ?? '', DATA_DIR: '/nonexistent', ...more };
  return new Promise(done => {
    execFile(process.execPath, ['src/doctor.ts'], { cwd: root, env: whole }, (error, stdout, stderr) => {
      done({ said: stdout + stderr, status: typeof error?.code === 'number' ? error.code : error ? -1 : 0 });
    });
  });
}

const app = (name: string, more: object = {}) => ({
  ...{ name, repository: 'acme/shop', defaultRef: 'main', channel: `C0${name.toUpperCase()}` },
  ...{ deployers: ['U0ANN'], approvers: [], fourEyes: true, windowSeconds: 180 },
  ...more,
});

const isMarked = (said: string): string[] =>
  [...Object.values(SECRETS), new URL(env.DATABASE_URL ?? '').password].filter(secret => said.includes(secret));

describe('the doctor', () => {
  it('finds a new database without tables, and changes nothing in it', async () => {
    const { said, status } = await doctor();
    expect(status).toBe(1);
    expect(said).toMatch(/red +Postgres, tables +Not there yet: 0001_first-deploy/);
    expect(said).toContain('node src/migrate.ts');
    const { rows } = await database.query("SELECT FROM pg_tables WHERE schemaname = 'public'");
    expect(rows).toHaveLength(0);
  });

  it('is content with a bot that is set up, and ends well', async () => {
    await migrate(database);
    await settings.save(app('shop', { url: await answering({ 'x-heroku-release-version': 'v7' }) }), 'console', null);
    const { said, status } = await doctor();
    expect(said).toContain('\n0 red, 0 yellow');
    expect(said).toMatch(/green +Admins +U0ADA may add apps/);
    expect(said).toContain('The bot can work.');
    for (const line of [
      /green +Postgres, direct +Locks hold and notifications are heard/,
      /green +Postgres, tables +Up to date/,
      /green +Slack bot token +The bot is @switchover in acme/,
      /green +Slack scopes +\d+ granted, as manifest.yml asks/,
      /green +Slack app token +Slack opens a connection/,
      /green +Slack channel C0SHOP +The bot is in it \(shop\)/,
      /green +Heroku token +It acts as owner@example.com/,
      /green +Heroku calls left +4\d\d\d of 4,500/,
      /green +Heroku app shop +The account may deploy it \(owner\)/,
      /green +Heroku app shop, preboot +On/,
      /green +GitHub acme\/shop +Its main can be read/,
      /green +App shop +It says that it runs v7/,
      /green +Clock +Within 1 s of .*Slack/,
    ]) {
      expect(said).toMatch(line);
    }
    expect(status).toBe(0);
    expect(isMarked(said)).toEqual([]);
  });

  it('looks at an app with the token that it has of its own, and says when that cannot be opened', async () => {
    const [now, before] = [randomBytes(32), randomBytes(32)];
    const own = 'HRKU-of-the-shop-alone-0123';
    await connectAppTokens(database, [now], () => []).set('shop', own, 'console');
    const refused = await doctor({ TOKEN_KEY: now.toString('base64') });
    expect(refused.said).toMatch(/red +Heroku token of shop +Heroku refuses it.*npm run tokens -- set shop/s);
    expect(refused.said).toMatch(/green +Heroku token +It acts as owner@example.com/);
    const rotating = { TOKEN_KEY: before.toString('hex'), TOKEN_KEY_BEFORE: now.toString('hex') };
    expect((await doctor(rotating)).said).toMatch(/yellow +Heroku token of shop +It is sealed with TOKEN_KEY_BEFORE/);
    const closed = await doctor({ TOKEN_KEY: before.toString('hex') });
    expect(closed.said).toMatch(/red +Heroku token of shop +It cannot be opened: it was sealed with another key/);
    expect((await doctor()).said).toMatch(/red +Heroku token of shop +It cannot be opened: TOKEN_KEY is not set/);
    expect(refused.said + closed.said).not.toContain(own);
    await connectAppTokens(database, [now], () => []).remove('shop', 'console');
  });

  it('names everything that is wrong with the apps at once, each with what to do', async () => {
    const url = await answering({}, 500);
    await settings.save(app('till', { repository: 'acme/till', url }), 'console', null);
    await settings.save(app('vault', { defaultRef: 'gone' }), 'console', null);
    const { said, status } = await doctor();
    for (const line of [
      /yellow Slack channel C0TILL +The bot is not in it \(till\).*\n +→ Say `\/invite @switchover` in it/,
      /red +Slack channel C0VAULT +There is no such channel, or it is private/,
      /yellow Heroku app till, preboot +Off.*\n +→ `heroku features:enable preboot -a till`/,
      /red +Heroku app vault +owner@example.com does not see it: Couldn't find that app\.\n +→ .*heroku access:add owner@example.com -a vault/,
      /red +GitHub acme\/till +The token does not see it/,
      /red +GitHub acme\/shop +It is seen, but its gone cannot be read/,
      /yellow App till +It does not say which version it runs: \/ answered 500 with no X-Heroku-Release-Version header/,
      /green +App shop/,
    ]) {
      expect(said).toMatch(line);
    }
    expect(status).toBe(1);
    await database.query("DELETE FROM apps WHERE name <> 'shop'");
  });

  it('goes on with a bad configuration, and names no value of it', async () => {
    const { said, status } = await doctor({
      SLACK_BOT_TOKEN: 'xoxp-marked-wrong',
      GITHUB_TOKEN: '',
      PORT: 'eighty',
      HEROKU_API_KEY: 'HRKU-marked-stolen',
    });
    expect(said).toMatch(/red +SLACK_BOT_TOKEN +Not as it must be\.\n +→ It begins with xoxb-/);
    expect(said).toMatch(/red +GITHUB_TOKEN +Not set/);
    expect(said).toMatch(/red +PORT/);
    expect(said).toMatch(
      /red +Heroku token +Heroku refuses it: Invalid credentials provided\.\n +→ .*authorizations:create/,
    );
    expect(said).toMatch(/green +Postgres, tables/);
    expect(said).toMatch(/green +Slack app token/);
    expect(said).not.toMatch(/marked|eighty/);
    expect(status).toBe(1);
  });

  it('tells a server that refuses or is away from one that is there', async () => {
    slack.fails('auth.test', { error: `token_revoked ${SECRETS.SLACK_BOT_TOKEN}` });
    heroku.fails('GET /account/rate-limits', { status: 503 });
    const { said, status } = await doctor({
      SLACK_APP_TOKEN: 'xapp-marked-other',
      GITHUB_API_URL: await nobody(),
      DATABASE_URL: 'postgres://bot:marked-password@127.0.0.1:1/none',
    });
    expect(said).toMatch(/red +Slack bot token +Slack refuses it \(token_revoked •••\)/);
    expect(said).toMatch(/red +Slack app token +Slack opens no connection for it \(invalid_auth\)/);
    expect(said).toMatch(/yellow Heroku calls left +Heroku does not say/);
    expect(said).toMatch(/red +GitHub +It could not be looked at: GitHub cannot be reached \(ECONNREFUSED\)/);
    expect(said).toMatch(/red +Postgres +It cannot be used: .*ECONNREFUSED/);
    expect(said).toMatch(/green +Heroku token/);
    expect(said).not.toContain('marked');
    expect(status).toBe(1);
  });

  it('takes no address of a pooler', async () => {
    const { said } = await doctor({ DATABASE_URL: `${env.DATABASE_URL}?pgbouncer=true` });
    expect(said).toMatch(/red +Postgres, direct +The address is that of a connection pooler/);
  });

  it('leaves the private database to a bot that runs on it, and makes none', async () => {
    const held = await doctor({ DATABASE_URL: '', DATA_DIR: dataDir });
    expect(held.said).toMatch(/yellow Postgres +The private one does not start: Process \d+ already runs on /);
    const none = await doctor({ DATABASE_URL: '' });
    expect(none.said).toMatch(/yellow Postgres +No DATABASE_URL: the bot will make a private one under \/nonexistent/);
    expect(none.said).toMatch(/yellow Apps +There is none yet/);
    expect([held.status, none.status]).toEqual([0, 0]);
  });

  it('waits for no server longer than it must', async () => {
    const server = createServer(() => {});
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
    stops.push(
      () => server.close(),
      () => server.closeAllConnections(),
    );
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await expect(createAsk(200).ask({ of: 'Slack', url, token: 'x' })).rejects.toThrow(
      'Slack did not answer within 0.2 s',
    );
  });

  it('hears from the Date of the answers how far off this machine is', async () => {
    const date = new Date(Date.now() + 120_000).toUTCString();
    const { ask, ahead } = createAsk();
    await ask({ of: 'Slack', url: await answering({ date }), token: 'x' });
    expect(judgeClock(ahead)).toMatchObject({
      level: 'red',
      found: expect.stringMatching(/1(19|20|21) s behind Slack/),
    });
  });
});

describe('what the doctor judges', () => {
  it('believes the clock in the middle', () => {
    const level = (...ms: number[]) => judgeClock(new Map(ms.map((one, index) => [`server ${index}`, one]))).level;
    expect([level(300, -400, 90_000), level(8_000, 9_000), level(-61_000, -61_000, 0), level()]).toEqual([
      ...['green', 'yellow', 'red', 'yellow'],
    ]);
  });

  it('asks for scopes that are missing, leaves optional ones, and wants surplus ones away', () => {
    const asked = { needed: ['chat:write'], optional: ['chat:write.public'] };
    expect(judgeScopes(asked, ['chat:write', 'chat:write.public']).level).toBe('green');
    expect(judgeScopes(asked, ['chat:write.public'])).toMatchObject({
      level: 'red',
      found: 'Not granted: chat:write.',
    });
    expect(judgeScopes(asked, ['chat:write'])).toMatchObject({
      level: 'yellow',
      found: 'Not granted, though optional: chat:write.public (it posts only where it was invited).',
    });
    expect(judgeScopes(asked, ['chat:write', 'chat:write.public', 'admin']).found).toContain('admin');
  });

  it('wants the Node that the bot is tried with', () => {
    const levels = ['v22.18.0', 'v24.0.0', 'v26.1.0'].map(version => judgeNode(version, '24.x').level);
    expect(levels).toEqual(['red', 'green', 'yellow']);
  });
});
