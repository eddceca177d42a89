import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { makeFolder } from '../folder.ts';
import { type CallRecord, startApi } from './api/server.ts';
import { type BuildModel, HerokuApp, type User } from './app.ts';
import type { FormationEntry, RequestRecord, TruthRecord } from './contract.ts';
import type { StartGroup } from './group.ts';
import { Platform } from './platform.ts';
import { startRendezvous } from './rendezvous.ts';
import { startAppRuntime } from './runtime.ts';
import { type Trouble, Troubles } from './trouble.ts';

export type HerokuRecord =
  | ({ record: 'call' } & CallRecord)
  | ({ record: 'request'; app: string } & RequestRecord)
  | ({ record: 'truth'; app: string } & TruthRecord);

export type LocalHeroku = {
  url: string;
  user: User;
  /** Certificate of the rendezvous for attached dynos, a PEM file: for NODE_EXTRA_CA_CERTS. */
  caFile: string;
  calls: CallRecord[];
  platform: Platform;
  createApp(ask: {
    name: string;
    formation?: FormationEntry[];
    preboot?: boolean;
    config?: Record<string, string>;
    port?: number;
  }): Promise<HerokuApp>;
  /** The app's own database as an add-on; other apps can be attached to it. */
  addDatabase(app: HerokuApp, attachedTo?: string[]): Promise<void>;
  /** Builds and releases a tarball as its owner would, and resolves when its web dynos are up. Throws when it fails. */
  deploy(app: HerokuApp, tarball: Buffer, commit: string): Promise<BuildModel>;
  fails(call: string, trouble: Trouble): void;
  /** Takes back all trouble that was ordered and has not happened yet. */
  mends(): void;
  /** Breaks the connection of everybody who reads the app's log now. */
  cutsLogs(app: HerokuApp): void;
  /** Drops the next lines for everybody who reads the app's log now: its buffer has overflowed (L10). */
  dropsLogs(app: HerokuApp, lines: number): void;
  /** The next lines reach everybody who reads the app's log late, after the one behind them, and twice. */
  muddlesLogs(app: HerokuApp, lines: number): void;
  /** Breaks the connection of everybody who is attached to a dyno now. */
  cutsAttached(): void;
  stop(): Promise<void>;
};

const WEB: FormationEntry[] = [{ type: 'web', quantity: 2, size: 'Standard-1X' }];

/** A Heroku on loopback whose dynos are processes. `token` null takes any. `postgres`: a server for add-ons, superuser URL. */
export async function startHeroku(
  ask: {
    port?: number;
    scale?: number;
    routers?: number;
    token?: string | null;
    postgres?: string;
    /** Starts the processes of dynos; each dyno has its own when not given. */
    start?: StartGroup;
    onRecord?: (record: HerokuRecord) => void;
  } = {},
): Promise<LocalHeroku> {
  const { scale = 1, routers = 3, token = null, start, onRecord = () => {} } = ask;
  const rendezvous = await startRendezvous({ scale });
  const platform = new Platform(rendezvous);
  const troubles = new Troubles();
  const calls: CallRecord[] = [];
  const user = { id: randomUUID(), email: 'owner@example.com' };
  const onCall = (record: CallRecord): void => {
    calls.push(record);
    onRecord({ record: 'call', ...record });
  };
  const server = await startApi({ platform, user, token, troubles, onCall }, ask.port ?? 0);
  const { dir, remove } = await makeFolder();
  const caFile = join(dir, 'ca.pem');
  await writeFile(caFile, rendezvous.ca);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const createApp: LocalHeroku['createApp'] = async ({
    name,
    formation = WEB,
    preboot = false,
    config = {},
    port = 0,
  }) => {
    if (platform.find(name)) throw new Error(`There is an app ${name} already`);
    const runtime = await startAppRuntime({
      app: { id: randomUUID(), name, domain: `${name}.herokuapp.test` },
      scale,
      routers,
      port,
      formation,
      preboot,
      ...(start && { start }),
      onRequest: record => onRecord({ record: 'request', app: name, ...record }),
      onTruth: record => onRecord({ record: 'truth', app: name, ...record }),
    });
    const folder = join(dir, name);
    await mkdir(folder);
    const app = new HerokuApp({ name, dir: folder, preboot, formation, config, runtime });
    platform.apps.push(app);
    app.release({ description: 'Initial release', slug: null, user });
    app.release({ description: 'Enable Logplex', slug: null, user });
    return app;
  };

  return {
    url,
    user,
    caFile,
    calls,
    platform,
    createApp,
    addDatabase: async (app, attachedTo = []) => {
      if (!ask.postgres) throw new Error('This local Heroku was started without a Postgres for add-ons');
      const address = await createDatabase(ask.postgres, app.name);
      const name = `postgresql-${app.name}-1`;
      const plan = 'heroku-postgresql:standard-0';
      app.addons.push({
        id: randomUUID(),
        name,
        plan,
        createdAt: new Date(),
        attachedTo: new Set([app.name, ...attachedTo]),
      });
      for (const attached of [app.name, ...attachedTo]) {
        const to = platform.find(attached);
        if (!to) throw new Error(`There is no app ${attached} to attach ${name} to`);
        to.config.DATABASE_URL = address;
        const description = `Attach DATABASE (@ref:${name})`;
        to.say(`${description} by user ${user.email}`);
        to.release({ description, slug: to.current?.slug ?? null, user, phase: false });
      }
    },
    deploy: async (app, tarball, commit) => {
      const id = randomUUID();
      platform.sources.set(id, tarball);
      const blob = `${url}/source-blobs/${id}?signature=get`;
      const build = app.build({ url: blob, checksum: null, version: commit, version_description: null }, user);
      if (!build) throw new Error(`Another build of ${app.name} is running`);
      await until(() => build.status !== 'pending');
      await app.settled();
      if (build.release?.status !== 'succeeded')
        throw new Error(`The deploy failed:\n${build.output.text}${build.release?.output?.text ?? ''}`);
      const startedAt = performance.now();
      await until(() => {
        const web = app.runtime.dynos().filter(({ type }) => type === 'web');
        if (web.some(({ state }) => state === 'crashed')) throw new Error(`${app.name} crashed while it booted`);
        return web.every(({ state }) => state === 'up');
      });
      refuseShortWindow(app, performance.now() - startedAt);
      return build;
    },
    fails: (call, trouble) => troubles.order(call, trouble),
    mends: () => troubles.clear(),
    cutsLogs: app => {
      for (const reader of platform.reading) if (reader.app === app) reader.response.destroy();
    },
    dropsLogs: (app, lines) => app.runtime.logs.drops(lines),
    muddlesLogs: (app, lines) => app.runtime.logs.muddles(lines),
    cutsAttached: () => rendezvous.cut(),
    stop: async () => {
      await Promise.all(platform.apps.map(app => app.close()));
      await rendezvous.close();
      server.closeAllConnections();
      await new Promise(closed => server.close(closed));
      await remove();
    },
  };
}

/** A window in which new dynos can hardly boot would show things that never happen on the real thing. */
function refuseShortWindow({ name, runtime }: HerokuApp, bootMs: number): void {
  const least = 2 * bootMs + 2_000;
  if (runtime.windowMs >= least) return;
  throw new Error(
    `${name} boots in ${Math.round(bootMs)} ms; at this scale its preboot window is ${Math.round(runtime.windowMs)} ms, ` +
      `and must be ${Math.round(least)} ms at least (twice the boot and 2 s). Choose a smaller scale.`,
  );
}

async function until(isSo: () => boolean): Promise<void> {
  const from = performance.now();
  while (!isSo()) {
    if (performance.now() - from > 120_000) throw new Error('The local Heroku waited for two minutes in vain');
    await new Promise(next => setTimeout(next, 20));
  }
}

/** Of the plan standard-0 (goldlapel.com, 2026-03). The server is shared here, so each app's role is held to it. */
const STANDARD_0_CONNECTIONS = 120;

async function createDatabase(server: string, app: string): Promise<string> {
  const name = `${app.replaceAll('-', '_')}_${randomUUID().slice(0, 8)}`;
  const password = randomUUID();
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}' CONNECTION LIMIT ${STANDARD_0_CONNECTIONS}`);
    await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
  } finally {
    await client.end();
  }
  const address = new URL(server);
  Object.assign(address, { username: name, password, pathname: `/${name}` });
  return address.href;
}
