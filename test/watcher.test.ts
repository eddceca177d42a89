import { createGzip } from 'node:zlib';
import pino from 'pino';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { connectHeroku } from '../src/adapters/heroku.ts';
import { createProber } from '../src/adapters/prober.ts';
import { createVisit } from '../src/adapters/visit.ts';
import { createWatcher } from '../src/adapters/watcher.ts';
import { DEFAULT_PROBE } from '../src/domain/app.ts';
import type { Goal, Phase, Watch } from '../src/domain/watch.ts';
import type { HerokuApp, ReleaseModel } from './stage/heroku/app.ts';
import { type HerokuRecord, type LocalHeroku, startHeroku } from './stage/heroku/heroku.ts';

// The whole proof, against real processes behind the local Heroku's routers: only time is shortened, 180 s to 10 s.
const WINDOW_MS = 10_000;
const SERVER = `
const { createServer } = require('node:http');
const { env } = process;
const server = createServer((_, response) => {
  if (env.QUIET !== 'yes') response.setHeader('X-Heroku-Release-Version', env.HEROKU_RELEASE_VERSION);
  response.end('hats');
});
setTimeout(() => server.listen(env.PORT), Number(env.BOOT_MS ?? 300));
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

let heroku: LocalHeroku;
const truth: Extract<HerokuRecord, { record: 'truth' }>[] = [];
const kept = new Map<string, Watch>();
let apps = 0;

beforeAll(async () => {
  const onRecord = (record: HerokuRecord) => void (record.record === 'truth' && truth.push(record));
  heroku = await startHeroku({ scale: 18, onRecord });
});
afterAll(() => heroku.stop());

async function source(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'Procfile' }, 'web: node server.cjs\n');
  tar.entry({ name: 'server.cjs' }, SERVER);
  tar.finalize();
  return Buffer.concat(await tar.pipe(createGzip()).toArray());
}

async function deployed(config: Record<string, string> = {}): Promise<HerokuApp> {
  const app = await heroku.createApp({ name: `hats-${++apps}`, preboot: true, config });
  await heroku.deploy(app, await source(), 'a'.repeat(40));
  return app;
}

async function released(config: Record<string, string> = {}): Promise<{ app: HerokuApp; goal: Goal }> {
  const app = await deployed(config);
  return { app, goal: goalOf(app, await release(app)) };
}

async function release(app: HerokuApp) {
  const build = await heroku.deploy(app, await source(), 'b'.repeat(40));
  if (!build.release?.slug) throw new Error('not released');
  return build.release;
}

const goalOf = (app: HerokuApp, made: ReleaseModel): Goal => ({
  ours: made.version,
  slug: made.slug?.id ?? '',
  commit: 'b'.repeat(40),
  oldCommit: 'a'.repeat(40),
  oldWeb: ['web.1', 'web.2'],
  web: 2,
  releasedAt: made.updatedAt.getTime(),
  windowMs: app.runtime.windowMs,
});

function newWatcher() {
  return createWatcher({
    heroku: connectHeroku({ url: heroku.url, token: 'any' }),
    prober: createProber(createVisit(['127.0.0.0/8'])),
    store: { load: async key => kept.get(key) ?? null, save: async (key, watch) => void kept.set(key, watch) },
    log: pino({ level: 'silent' }),
  });
}

const asked = (app: HerokuApp) => ({ deploy: app.name, app: app.name, url: app.runtime.url, probe: DEFAULT_PROBE });

async function scale(app: HerokuApp, quantity: number): Promise<void> {
  const headers = { Accept: 'application/vnd.heroku+json; version=3', Authorization: 'Bearer any' };
  const body = JSON.stringify({ quantity });
  await fetch(`${heroku.url}/apps/${app.name}/formation/web`, { method: 'PATCH', headers, body });
}

type Seen = { phase: Phase; at: number };

async function follow(app: HerokuApp, goal: Goal, until: Phase['kind'], watcher = newWatcher()): Promise<Seen[]> {
  const seen: Seen[] = [];
  const following = watcher.follow({ ...asked(app), goal });
  await following.until(
    phase => phase.kind === until,
    async phase => void seen.push({ phase, at: Date.now() }),
    AbortSignal.timeout(60_000),
  );
  if (until === 'old gone') watcher.forget(app.name);
  return seen;
}

const at = (seen: Seen[], kind: Phase['kind']) => seen.find(({ phase }) => phase.kind === kind)?.at ?? Number.NaN;
const happened = (app: HerokuApp, kind: string, version: number) => {
  const records = truth.filter(record => record.app === app.name && record.kind === kind && record.release === version);
  return Math.max(...records.map(record => record.at.getTime()));
};

describe.concurrent('the watch of a real switchover', () => {
  it('says each thing when it is true and not before, with routers that differ by 2 s', async ({ expect }) => {
    const { app, goal } = await released();
    app.runtime.knobs.switchSkewMs = 2_000;
    const seen = await follow(app, goal, 'old gone');
    // That all are up may be told before the first answer.
    const kinds = new Set(seen.map(({ phase }) => phase.kind));
    expect([...kinds]).toEqual(['booting', 'old serves', 'mixed', 'new serves', 'old gone']);
    const late = at(seen, 'new serves') - happened(app, 'switched', goal.ours);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(4_000);
    expect(at(seen, 'old gone')).toBeGreaterThanOrEqual(happened(app, 'dyno-exited', goal.ours - 1));
    expect(happened(app, 'switched', goal.ours) - goal.releasedAt).toBeGreaterThan(WINDOW_MS - 500);
    // One log session, and single reads: nothing is asked at intervals.
    const calls = heroku.calls.filter(({ path }) => path.startsWith(`/apps/${app.name}/`));
    expect(calls.filter(({ path }) => path.endsWith('/log-sessions'))).toHaveLength(1);
    expect(calls.length).toBeLessThan(14);
  });

  it('is proved by the log where answers say nothing, and later', async ({ expect }) => {
    const { app, goal } = await released({ QUIET: 'yes' });
    const seen = await follow(app, goal, 'old gone');
    const kinds = seen.map(({ phase }) => phase.kind);
    expect([...new Set(kinds)]).toEqual(['booting', 'old serves', 'new serves', 'old gone']);
    expect(seen.find(({ phase }) => phase.kind === 'new serves')?.phase).toMatchObject({ evidence: { by: 'logs' } });
    expect(at(seen, 'new serves')).toBeGreaterThanOrEqual(happened(app, 'switched', goal.ours));
  });

  it.for<[string, (app: HerokuApp) => unknown]>([
    ['lines of it were dropped', app => heroku.dropsLogs(app, 3)],
    ['somebody scaled down', app => scale(app, 1)],
  ])('is not proved by the log when %s in the window', async ([, disturb], { expect }) => {
    const { app, goal } = await released({ QUIET: 'yes' });
    const watcher = newWatcher();
    await follow(app, goal, 'old serves', watcher);
    // Well after the changes of state that a release is told with.
    await expect.poll(() => Date.now() - goal.releasedAt, { timeout: 10_000 }).toBeGreaterThan(4_000);
    await disturb(app);
    const following = watcher.follow({ ...asked(app), goal });
    // By the log's own time: as long as the proof would take, and half as long again.
    const loggedSince = () => {
      const over = [happened(app, 'switched', goal.ours), happened(app, 'dyno-exited', goal.ours - 1)];
      return Math.min(...over) > 0 ? (following.watch.logTo ?? 0) - Math.max(...over) : 0;
    };
    await expect.poll(loggedSince, { timeout: 40_000 }).toBeGreaterThan(6_500);
    expect(following.watch.served).toBe(null);
    watcher.forget(app.name);
  });

  it('is not proved by dynos that a rollback stops while they boot, but by those of the switch', async ({ expect }) => {
    const app = await deployed({ QUIET: 'yes' });
    const good = app.current;
    const bad = app.setConfig({ BOOT_MS: '5500' }, heroku.user);
    const bootedFor = () => Date.now() - happened(app, 'dyno-started', bad.version);
    await expect.poll(() => Number.isFinite(bootedFor()) && bootedFor() > 3_500, { timeout: 10_000 }).toBe(true);
    const back = app.release({ description: 'Rollback to v3', slug: good?.slug ?? null, user: heroku.user });
    await app.settled();
    const seen = await follow(app, goalOf(app, back), 'new serves');
    const switched = happened(app, 'switched', back.version);
    expect(switched).toBeGreaterThan(0);
    expect(at(seen, 'new serves')).toBeGreaterThanOrEqual(switched);
    expect(happened(app, 'dyno-sigterm', bad.version)).toBeLessThan(back.updatedAt.getTime() + 1_000);
  });

  it('goes on in another process, which closes the gap in the log by what the session replays', async ({ expect }) => {
    const { app, goal } = await released();
    const first = newWatcher();
    await follow(app, goal, 'old serves', first);
    first.forget(app.name);
    const seen = await follow(app, goal, 'old gone');
    expect(seen.map(({ phase }) => phase.kind)).toEqual(['old serves', 'mixed', 'new serves', 'old gone']);
  });

  it('survives a log session that breaks, a list that fails and an answer that is cut', async ({ expect }) => {
    const { app, goal } = await released();
    const path = `/apps/${app.name}`;
    heroku.fails(`POST ${path}/log-sessions`, { status: 503, times: 1 });
    heroku.fails(`GET ${path}/dynos`, { truncate: true, times: 2 });
    heroku.fails(`GET ${path}/releases`, { status: 500, times: 1 });
    const seen = await follow(app, goal, 'old gone');
    expect(at(seen, 'new serves')).toBeGreaterThanOrEqual(happened(app, 'switched', goal.ours));
  });
});
