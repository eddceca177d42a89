import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import { putNotices } from '../src/adapters/notices.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { connectSchedules } from '../src/adapters/schedules.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectStarts } from '../src/adapters/starts.ts';
import { Store } from '../src/adapters/store.ts';
import { Bot, type BotParts } from '../src/bot.ts';
import type { AppSettings } from '../src/domain/app.ts';
import { lateAnswer } from '../views/unheard.ts';
import { ANN, plan } from './sample-deploys.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

// What somebody asked is worked again when the bot died before it was answered: under the same name, with one effect.

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let store: Store;
let begun: string[];
let bot: Bot;
let app: string;
let apps = 0;
beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  store = new Store(pool);
});
beforeEach(async () => {
  begun = [];
  // Each test has an app of its own: receipts are for ever.
  app = `shop-${++apps}`;
  await pool.query('INSERT INTO apps (name, settings) VALUES ($1, $2)', [app, { ...shop, name: app }]);
  bot = new Bot({
    ledger: store,
    access: new Access({ ledger: store, directory, admins: [] }),
    begin: async deploy => void begun.push(deploy),
    news: async () => {},
    now: Date.now,
    ...{ locking: untouched, directory: untouched },
    starts: connectStarts(pool, () => []),
    schedules: connectSchedules(pool, 'one', () => []),
    ...{ doors: untouched, reports: untouched, sources: untouched },
  });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});

const shop: AppSettings = {
  ...{ name: plan.app, repository: 'acme/shop', defaultRef: 'main', channel: 'C1', windowSeconds: 180 },
  ...{ deployers: [ANN], approvers: [], fourEyes: true },
};
const directory = {
  person: async () => ({ is: 'member' as const, zone: 'UTC' }),
  group: async () => ({ name: '', members: [] }),
  groups: async () => [],
};
/** Whoever looks at the world again finds it as the first time has left it. */
const untouched = new Proxy({} as BotParts[keyof BotParts] & never, {
  get: (_, name) => {
    throw new Error(`${String(name)} was asked`);
  },
});

async function planned(id: string) {
  const shown = { id: `${app} ${id}`, plan: { ...plan, app }, digest: 'x', askedBy: ANN, channel: 'C1', due: null };
  await store.savePlan(shown);
  return shown;
}
async function started(id: string): Promise<void> {
  await store.createDeploy(await planned(id), ANN);
}
const end = (id: string) => store.append(`${app} ${id}`, { kind: 'ended', outcome: 'failed', why: '' }, 'ended');

describe('worked twice', () => {
  it('Start begins one deploy, and says so both times', async () => {
    await started('d1');
    const press = () => bot.start({ user: ANN, plan: `${app} d1` });
    expect(await press()).toMatchObject({ kind: 'started', deploy: `${app} d1`, place: null });
    await end('d1');
    expect(await press()).toMatchObject({ kind: 'started', deploy: `${app} d1` });
    expect((await pool.query('SELECT id FROM deploys WHERE app = $1', [app])).rowCount).toBe(1);
  });

  it('`/deploy cancel` calls off the deploy that it called off, and none behind it', async () => {
    for (const id of ['d1', 'd2', 'd3']) await started(id);
    await end('d1');
    const typed = (id: string) => bot.cancel({ user: ANN, app, id });
    expect((await typed('once')).answer).toContain('has left the queue');
    expect((await typed('once')).answer).toContain('has ended');
    expect((await store.running(app)).map(({ id }) => id)).toEqual([`${app} d3`]);
    await typed('once more');
    expect(await store.running(app)).toEqual([]);
  });

  it('`/deploy cancel` takes off the one that waits for its time, and none behind it', async () => {
    for (const id of ['s1', 's2']) {
      await planned(id);
      await pool.query('INSERT INTO schedules (id, app, by, due) VALUES ($1, $2, $3, now())', [
        `${app} ${id}`,
        app,
        ANN,
      ]);
    }
    const typed = () => bot.cancel({ user: ANN, app, id: 'off' });
    await typed();
    expect((await typed()).answer).toContain('was stopped while it took a deploy off');
    expect((await pool.query('SELECT 1 FROM schedules WHERE outcome IS NULL AND app = $1', [app])).rowCount).toBe(1);
  });

  it('a press has the answer that it was given, though its deploy has ended since', async () => {
    await started('d1');
    const press = (id: string) => bot.click({ user: ANN, id, deploy: `${app} d1`, kind: 'roll back' });
    await store.addClick(`${app} d1`, { id: 'pressed', kind: 'roll back', by: ANN, about: null, reason: null });
    await store.answerClick(`${app} d1`, 'pressed', 'Rolling back.', tooLate);
    await end('d1');
    const late = { id: 'late', kind: 'roll back', by: ANN, about: null, reason: null } as const;
    expect(await store.addClick(`${app} d1`, late)).toBe(false);
    expect(await store.clickedDeploy('late')).toBe(null);
    expect(await press('pressed')).toEqual({ answer: 'Rolling back.' });
    await expect(press('another')).rejects.toThrow('has ended');
  });
});

const tooLate = async (): Promise<void> => {
  throw new Error('It was still waited for');
};

it('an answer to a press that is waited for no longer is kept with what says so, once', async () => {
  await started('d1');
  const press = { kind: 'run them', by: ANN, about: null, reason: null } as const;
  await store.addClick(`${app} d1`, { id: 'slow', ...press });
  await pool.query("UPDATE clicks SET at = now() - interval '3 s' WHERE id = 'slow'");
  const answer = (late: (on: pg.PoolClient) => Promise<void>) =>
    store.answerClick(`${app} d1`, 'slow', 'Not run.', late);
  await expect(answer(tooLate)).rejects.toThrow('still waited for');
  expect(await store.clickAnswer('slow')).toBe(null);
  const notice = lateAnswer(app, { id: 'slow', ...press }, 'Not run.');
  await answer(on => putNotices(on, [notice]));
  const [said] = (await pool.query('SELECT channel, message FROM notices WHERE id = $1', [notice.id])).rows;
  expect(said).toMatchObject({
    channel: ANN,
    message: { text: `What came of your *Run them* on the deploy of ${app}: Not run.` },
  });
  await answer(tooLate);
});

it('deploys of one app that end at the same moment do not wait for each other for ever', async () => {
  for (let round = 0; round < 10; round++) {
    const ids = Array.from({ length: 5 }, (_, index) => `r${round}-${index}`);
    for (const id of ids) await started(id);
    const [first = '', ...waiting] = ids;
    await Promise.all([end(first), ...waiting.map(id => store.leaveQueue(`${app} ${id}`, ANN))]);
    expect(await store.running(app)).toEqual([]);
  }
});
