import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectAppTokens } from '../../src/adapters/app-tokens.ts';
import { tokenNotices } from '../../views/settings.ts';
import { commitOf, packCommit, type ShopRepository } from './apps/shop.ts';
import { BotProcess } from './bot.ts';
import { makeFolder } from './folder.ts';
import { type GitHub, startGitHub } from './github/github.ts';
import type { HerokuApp } from './heroku/app.ts';
import type { StartGroup } from './heroku/group.ts';
import { type HerokuRecord, type LocalHeroku, startHeroku } from './heroku/heroku.ts';
import { shopRepository, startPostgres } from './made.ts';
import { readManifest } from './slack/manifest.ts';
import { type Call, type Slack, startSlack } from './slack/slack.ts';

export type Stage = {
  heroku: LocalHeroku;
  slack: Slack;
  github: GitHub;
  bot: BotProcess;
  repository: ShopRepository;
  /** Another instance of the same bot, to be started and ended by whoever wants it; Slack does not talk to it by itself. */
  anotherBot(): BotProcess;
  /** The bot's own database. */
  database: pg.Pool;
  /** What the bot must keep to itself, by the name of its variable; tokens of apps too. */
  secrets: readonly { name: string; value: string }[];
  /** An app of the sample repository, deployed at v1 or another ref, known to the bot, told in the channel of its name. */
  addShop(
    name: string,
    more?: {
      ref?: string;
      defaultRef?: string;
      config?: Record<string, string>;
      settings?: Record<string, unknown>;
      /** On unless said otherwise. */
      preboot?: boolean;
      /** The bot is given a token of Heroku's for this app alone, and no other opens it. */
      ownToken?: boolean;
    },
  ): Promise<HerokuApp>;
  /** As many such apps without a database, which the bot learns of at once. */
  addApps(names: readonly string[], more?: { ref?: string; settings?: Record<string, unknown> }): Promise<HerokuApp[]>;
  stop(): Promise<void>;
};

/** ann deploys, bob approves too; vic may look, ada decides who may, and eve may nothing. */
export const PEOPLE = { ann: 'U0ANN', bob: 'U0BOB', vic: 'U0VIC', ada: 'U0ADA', eve: 'U0EVE' };

/** Everything that the bot needs, on this machine, and the bot: it listens when this resolves. `scale` as in startHeroku. */
export async function startStage(ask: {
  scale: number;
  /** Channels, which are also the names of apps that may be added. */
  channels: readonly string[];
  onHeroku?: (record: HerokuRecord) => void;
  onSlack?: (call: Call) => void;
  botEnv?: Record<string, string>;
  /** Any, when not given. */
  signingSecret?: string;
  /** Slack reaches the bot in Socket Mode; over HTTP when not given. */
  socketMode?: boolean;
  /** Starts the processes of all dynos; each has its own when not given. */
  start?: StartGroup;
  /** Slack's rate limits; on when not given. */
  limits?: boolean;
  /** Address of the bot's database, which is empty; one on the server of the apps' databases when not given. */
  botDatabase?: string;
  /** The bot's database writes to the disk before it answers; off when not given. */
  fsync?: boolean;
}): Promise<Stage> {
  const folder = await makeFolder();
  // Undone from the last to the first, also when a later one never started.
  const stops: (() => Promise<unknown>)[] = [folder.remove];
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo();
  };
  try {
    const repository = await shopRepository(join(folder.dir, 'shop'));
    const postgres = await startPostgres(join(folder.dir, 'postgres'), { fsync: ask.fsync ?? false });
    stops.push(postgres.stop);
    const secrets = {
      token: `HRKU-${randomBytes(8).toString('hex')}`,
      github: `ghp_${randomBytes(8).toString('hex')}`,
    };
    const { onHeroku: onRecord } = ask;
    const heroku = await startHeroku({
      scale: ask.scale,
      token: secrets.token,
      postgres: postgres.url,
      ...(onRecord && { onRecord }),
      ...(ask.start && { start: ask.start }),
    });
    stops.push(heroku.stop);
    const github = await startGitHub({ repositories: { 'acme/shop': repository.dir }, token: secrets.github });
    stops.push(github.stop);
    const { signingSecret = randomBytes(16).toString('hex') } = ask;
    const botToken = `xoxb-${randomBytes(8).toString('hex')}`;
    const appToken = ask.socketMode ? `xapp-${randomBytes(8).toString('hex')}` : null;
    const channelOf = (name: string): string => `C0${name.toUpperCase().replace(/\W/g, '')}`;
    const channels = Object.fromEntries(ask.channels.map(name => [name, channelOf(name)]));
    const { onSlack } = ask;
    const slack = await startSlack({
      signingSecret,
      botToken,
      ...(appToken && { appToken }),
      users: { ...PEOPLE, gus: { id: 'U0GUS', guest: true } },
      groups: { ops: { id: 'S0OPS', members: ['vic'] } },
      channels,
      limits: ask.limits ?? true,
      ...(await readManifest(new URL('../../manifest.yml', import.meta.url))),
      ...(onSlack && { onRecord: onSlack }),
    });
    stops.push(() => slack.stop());

    const url = ask.botDatabase ?? (await createDatabase(postgres.url, 'bot'));
    const database = new pg.Pool({ connectionString: url, max: 3 });
    stops.push(() => database.end());
    const tokenKey = randomBytes(32);
    const env = {
      SLACK_SIGNING_SECRET: signingSecret,
      SLACK_BOT_TOKEN: botToken,
      ...(appToken && { SLACK_APP_TOKEN: appToken }),
      SLACK_API_URL: slack.apiUrl,
      HEROKU_API_KEY: secrets.token,
      HEROKU_API_URL: heroku.url,
      NODE_EXTRA_CA_CERTS: heroku.caFile,
      GITHUB_TOKEN: secrets.github,
      GITHUB_API_URL: github.url,
      DATABASE_URL: url,
      TOKEN_KEY: tokenKey.toString('base64'),
      PORT: '0',
      // Its apps run on this machine.
      ALLOWED_PROBE_NETWORKS: '127.0.0.0/8',
      ADMIN_USERS: PEOPLE.ada,
      ...ask.botEnv,
    };
    const bot = new BotProcess(env, port => {
      slack.botUrl = `http://127.0.0.1:${port}/slack/events`;
    });
    stops.push(() => bot.end('SIGTERM'));
    await bot.start();

    const settingsOf = (app: HerokuApp, defaultRef: string, settings: Record<string, unknown>) => ({
      name: app.name,
      repository: 'acme/shop',
      defaultRef,
      channel: channelOf(app.name),
      deployers: [PEOPLE.ann, PEOPLE.bob],
      approvers: [PEOPLE.bob],
      windowSeconds: app.runtime.windowMs / 1000,
      ...settings,
    });
    const tell = async (apps: readonly ReturnType<typeof settingsOf>[]): Promise<void> => {
      const file = join(folder.dir, `${apps[0]?.name}.json`);
      await writeFile(file, JSON.stringify({ apps }));
      await bot.importSettings(file);
    };
    const addShop: Stage['addShop'] = async (
      name,
      { ref = 'v1', defaultRef = 'main', config = {}, settings = {}, preboot = true, ownToken = false } = {},
    ) => {
      const app = await heroku.createApp({ name, preboot, config });
      await heroku.addDatabase(app);
      const sha = await commitOf(repository.dir, ref);
      await heroku.deploy(app, await packCommit(repository.dir, sha), sha);
      await tell([settingsOf(app, defaultRef, settings)]);
      if (ownToken) await giveToken(app);
      return app;
    };
    const giveToken = async (app: HerokuApp): Promise<void> => {
      const value = `HRKU-${randomBytes(8).toString('hex')}`;
      await connectAppTokens(database, [tokenKey], tokenNotices).set(app.name, value, 'console');
      app.ownToken = value;
      known.push({ name: `the token of ${app.name}`, value });
    };
    const addApps: Stage['addApps'] = async (names, { ref = 'v1', settings = {} } = {}) => {
      const sha = await commitOf(repository.dir, ref);
      const source = await packCommit(repository.dir, sha);
      const apps: HerokuApp[] = [];
      for (const name of names) {
        const app = await heroku.createApp({ name, preboot: true });
        await heroku.deploy(app, source, sha);
        apps.push(app);
      }
      await tell(apps.map(app => settingsOf(app, 'main', settings)));
      return apps;
    };
    const kept = ['SLACK_SIGNING_SECRET', 'SLACK_BOT_TOKEN', 'HEROKU_API_KEY', 'GITHUB_TOKEN', 'TOKEN_KEY'] as const;
    const passwords = [['DATABASE_URL', new URL(url).password] as const].filter(([, value]) => value !== '');
    const ofApp = appToken ? [['SLACK_APP_TOKEN', appToken] as const] : [];
    const variables = [...kept.map(name => [name, env[name]] as const), ...ofApp, ...passwords];
    const known: { name: string; value: string }[] = variables.map(([name, value]) => ({ name, value }));
    const anotherBot = () => new BotProcess(env, () => {});
    return { heroku, slack, github, bot, anotherBot, repository, database, secrets: known, addShop, addApps, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const address = new URL(server);
  address.pathname = `/${name}`;
  return address.href;
}
