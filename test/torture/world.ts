import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { Embedded } from '../../src/adapters/postgres.ts';
import { makeFolder } from '../stage/folder.ts';
import type { HerokuApp } from '../stage/heroku/app.ts';
import type { RequestRecord } from '../stage/heroku/contract.ts';
import { type StartGroup, startGroup } from '../stage/heroku/group.ts';
import { startShared } from '../stage/heroku/shared.ts';
import { startPostgres } from '../stage/made.ts';
import { PEOPLE, type Stage, startStage } from '../stage/stage.ts';
import { startTraffic } from '../stage/traffic.ts';
import { Bots } from './bots.ts';
import type { Evidence } from './evidence.ts';
import { type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts';
import { type Secrets, watchSecrets } from './secrets.ts';
import { addSeries, RAN } from './series.ts';
import { Standing } from './standing.ts';

/** A minute of Heroku's windows lasts 4 s here: short, and still twice as long as a boot on a busy machine. */
const SCALE = 15;
/** From the switch to the SIGTERM of old dynos, before it is scaled: 6 s here, so that a bot that was away can still hear it. */
const DRAIN_DELAY_MS = 90_000;
const REQUESTS_PER_SECOND = 5;

/** How an app is deployed: by files or by commands, under preboot or behind a closed page; or as real processes. */
export type Kind = 'files' | 'commands' | 'closed' | 'real';
export type App = { name: string; kind: Kind; heroku: HerokuApp };

export const APPS: Readonly<Record<string, Kind>> = {
  hats: 'files',
  caps: 'files',
  socks: 'commands',
  vests: 'closed',
  shop: 'real',
};

export type World = {
  stage: Stage;
  apps: readonly App[];
  bots: Bots;
  proxy: PostgresProxy;
  standing: Standing;
  secrets: Secrets;
  /** What Heroku and its routers know, as it comes. */
  failed: Evidence['failed'][number][];
  truths: Evidence['truths'][number][];
  /** Commits whose code cannot serve. */
  crashing: ReadonlySet<string>;
  /** The bot's database stops at once, as a server that crashes does, and comes back. */
  restartDatabase(): Promise<void>;
  readonly visits: number;
  stopTraffic(): Promise<void>;
  stop(): Promise<void>;
};

/** Apps under traffic, and so many processes of the bot on a database of their own behind a proxy. */
export async function startWorld(processes: number): Promise<World> {
  const folder = await makeFolder();
  const stops: (() => Promise<unknown>)[] = [folder.remove];
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo();
  };
  try {
    const dir = join(folder.dir, 'postgres');
    let server: Embedded = await startPostgres(dir);
    stops.push(() => server.stop());
    const proxy = await startPostgresProxy(server.url);
    stops.push(() => proxy.stop());
    const shared = startShared();
    stops.push(() => shared.stop());
    // Dynos that only say who they are share a process: what is tortured is the bot.
    const start: StartGroup = ask => {
      const isReal = ask.env.HEROKU_APP_NAME === 'shop' || existsSync(join(ask.dir, 'CRASHES'));
      return ask.env.PORT && !isReal ? shared.start(ask) : startGroup(ask);
    };
    const failed: World['failed'] = [];
    const truths: World['truths'] = [];
    const stage = await startStage({
      scale: SCALE,
      channels: Object.keys(APPS),
      botDatabase: proxy.url,
      start,
      onHeroku: record => {
        if (record.record === 'truth') truths.push(record);
        else if (record.record === 'request' && isFailure(record)) failed.push(record);
      },
    });
    stops.push(stage.stop);
    const crashing = await addSeries(stage.repository.dir);
    const apps = await Promise.all(
      Object.entries(APPS).map(async ([name, kind]): Promise<App> => {
        const settings = { approvers: [PEOPLE.ann, PEOPLE.bob], autoRollback: kind !== 'files' };
        const config = { BOOT_MS: '100', CHARGE_KEY: `charge/${randomBytes(12).toString('hex')}` };
        const heroku = await stage.addShop(name, {
          ...{ ref: 'main', config, settings, preboot: kind !== 'closed', ownToken: name === 'caps' },
        });
        heroku.runtime.knobs.drainDelayMs = DRAIN_DELAY_MS;
        await query(heroku, RAN);
        return { name, kind, heroku };
      }),
    );
    const bots = new Bots(stage, processes);
    // Before the stage, which ends its own bot with a SIGTERM that a frozen one never hears.
    stops.push(() => bots.end());
    const secrets = watchSecrets({ stage, apps, bots });
    stops.push(secrets.stop);
    const standing = new Standing(() => server.url);
    await standing.prepare();
    let visits = 0;
    const traffic = apps.map(({ heroku }) =>
      startTraffic({
        url: `${heroku.runtime.url}/`,
        perSecond: REQUESTS_PER_SECOND,
        onVisit: () => {
          visits++;
        },
      }),
    );
    const stopTraffic = async () => {
      await Promise.all(traffic.map(visitors => visitors.stop()));
    };
    stops.push(stopTraffic);
    const restartDatabase = async () => {
      await server.stop();
      server = await startPostgres(dir);
      proxy.leadsTo(server.url);
    };
    return {
      ...{ stage, apps, bots, proxy, standing, secrets, failed, truths, crashing, restartDatabase, stopTraffic, stop },
      get visits() {
        return visits;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks the app's own database, as its owner. */
export async function query(app: HerokuApp, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: app.config.DATABASE_URL });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The bot's own questions are not visits. */
const isFailure = ({ status, path }: RequestRecord): boolean => status >= 500 && !path.includes('switchover=');
