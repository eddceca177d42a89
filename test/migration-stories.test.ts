import pg from 'pg';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { commitOf, packCommit } from './stage/apps/shop.ts';
import type { HerokuApp } from './stage/heroku/app.ts';
import type { HerokuRecord } from './stage/heroku/heroku.ts';
import { type Stage, startStage } from './stage/stage.ts';
import { startTraffic, type Visit } from './stage/traffic.ts';

// Schema changes around a deploy, on real processes: the branch `cents` replaces a column of the shop.

const SCALE = 15;
const NAMES = ['gowns', 'wigs', 'boots', 'veils', 'capes', 'socks'];
const LONG = { withinMs: 90_000 };

let stage: Stage;
const requests: Extract<HerokuRecord, { record: 'request' }>[] = [];
beforeAll(async () => {
  stage = await startStage({
    scale: SCALE,
    channels: NAMES,
    onHeroku: record => {
      if (record.record === 'request') requests.push(record);
    },
  });
}, 60_000);
afterAll(() => stage.stop());

const failed = (app: string) => requests.filter(request => request.app === app && request.status >= 500);

async function ask(app: HerokuApp, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: app.config.DATABASE_URL });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function columns(app: HerokuApp): Promise<unknown[]> {
  const rows = await ask(
    app,
    "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'hats' ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

async function start(
  name: string,
  ref = 'cents',
): Promise<{ plan: string; channel: ReturnType<Stage['slack']['channel']> }> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${name} ${ref}`, { channel: name });
  const plan = await ann.sees(
    message => message.channel === name && message.buttons().some(({ label }) => label === 'Start'),
    LONG,
  );
  const { plain } = plan;
  // Where the world has changed meanwhile, another plan stands in its place.
  while (plan.buttons().some(({ label }) => label === 'Start')) {
    const before = plan.plain;
    await ann.presses('Start', { on: plan });
    await vi.waitUntil(() => plan.plain !== before, { timeout: LONG.withinMs });
  }
  return { plan: plain, channel: stage.slack.channel(name) };
}

describe.concurrent('a deploy that replaces a column', () => {
  it('adds before the release, destroys after a second yes, and loses no visitor', async ({ expect }) => {
    const app = await stage.addShop('gowns', { ref: 'main' });
    const from = requests.length;
    const visits: Visit[] = [];
    const url = `${app.runtime.url}/`;
    const traffic = startTraffic({ url, perSecond: 50, writesEvery: 9, onVisit: visit => visits.push(visit) });
    const { plan, channel } = await start('gowns');
    expect(plan).toMatch(/Migrations before the release.*3_price_cents\.sql.*4_fill_cents\.sql/s);
    expect(plan).toMatch(/Migrations after old code is gone.*5_drop_price\.sql.*Destroys `price`/s);

    const card = await channel.shows(/Approve what gowns no longer needs/, LONG);
    expect(card.plain).toContain('ALTER TABLE hats DROP COLUMN price');
    expect(card.plain).toContain('cannot go back to v4');
    expect(await columns(app)).toEqual(['id', 'name', 'price', 'price_cents', 'stock']);

    const [ann, bob] = [stage.slack.person('ann'), stage.slack.person('bob')];
    await ann.presses('Run them', { on: card });
    await ann.sees(/You may not approve contract migrations of gowns/);
    await bob.types('/deploy gowns', { channel: 'gowns' });
    await bob.sees(/waits for an approval of its contract migrations/);
    await bob.presses('Run them', { on: card });
    await channel.shows(
      message => message.inThreadOf !== null && /Contract migrations are done/.test(message.plain),
      LONG,
    );
    await channel.shows(/^\*Receipt\*$/m, LONG);
    await traffic.stop();
    expect(await columns(app)).toEqual(['id', 'name', 'price_cents', 'stock']);
    expect((await channel.shows(/Contract migrations of gowns: approved/)).buttons()).toEqual([]);
    expect(requests.length - from).toBeGreaterThan(500);
    expect(failed('gowns')).toEqual([]);
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
    // A fez cost 25, and each visitor who wrote raised that by 1, whichever code took it.
    const writers = visits.filter(({ wrote }) => wrote).map(({ release }) => release);
    expect(new Set(writers)).toEqual(new Set(['v4', 'v5']));
    expect(await ask(app, "SELECT price_cents FROM hats WHERE name = 'Fez'")).toEqual([
      { price_cents: (25 + writers.length) * 100 },
    ]);
  });

  it('holds what somebody has a reason against, and says so in the next plan', async ({ expect }) => {
    const app = await stage.addShop('wigs', { ref: 'main' });
    const { channel } = await start('wigs');
    const card = await channel.shows(/Approve what wigs no longer needs/, LONG);
    const bob = stage.slack.person('bob');
    await bob.presses('Hold', { on: card });
    await bob.fills('The report still reads it.');
    await channel.shows(/Contract migrations of wigs: held/, LONG);
    await channel.shows(/^\*Receipt\*$/m, LONG);
    expect(await columns(app)).toContain('price');
    const ann = stage.slack.person('ann');
    await ann.types('/deploy wigs cents', { channel: 'wigs' });
    const next = await ann.sees(message => message.channel === 'wigs' && /was held/.test(message.plain), LONG);
    expect(next.plain).toContain('The report still reads it.');
  });
});

describe.concurrent('a naive order loses visitors while old code serves', () => {
  it('when the column is dropped first', async ({ expect }) => {
    const app = await stage.addShop('veils', { ref: 'main' });
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 50, onVisit: () => {} });
    await ask(app, 'ALTER TABLE hats DROP COLUMN price');
    await expect.poll(() => failed('veils').length, { timeout: 20_000 }).toBeGreaterThan(20);
    await traffic.stop();
  });

  it('when the release phase migrates, though preboot is on', async ({ expect }) => {
    const app = await stage.addShop('capes', { ref: 'main' });
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 50, onVisit: () => {} });
    const { dir } = stage.repository;
    const sha = await commitOf(dir, 'cents-at-once');
    await stage.heroku.deploy(app, await packCommit(dir, sha), sha);
    await expect.poll(() => failed('capes').length, { timeout: 20_000 }).toBeGreaterThan(20);
    await traffic.stop();
  });
});

describe('a killed bot', () => {
  it('waits for the app’s own command that it had started, and starts it no second time', async ({ expect }) => {
    const app = await stage.addShop('socks', { ref: 'main' });
    const { plan, channel } = await start('socks', 'cents-by-command');
    expect(plan).toMatch(/Migrations once it is released.*node migrate\.js expand/s);
    const card = await channel.shows(/Approve what socks no longer needs/, LONG);
    expect(card.plain).toContain('ALTER TABLE hats DROP COLUMN price');
    await stage.slack.person('bob').presses('Run them', { on: card });
    const runs = async () => (await ask(app, 'SELECT what FROM runs')).map(({ what }) => what);
    await expect.poll(runs, { timeout: 60_000, interval: 20 }).toEqual(['expand', 'contract']);
    await stage.bot.end('SIGKILL');
    await stage.bot.start();
    await channel.shows(/^\*Receipt\*$/m, LONG);
    expect(await runs()).toEqual(['expand', 'contract']);
    expect(await columns(app)).toEqual(['id', 'name', 'price_cents', 'stock']);
    expect(failed('socks')).toEqual([]);
  });

  it('still hears that new code is not well, goes on with what was approved, and runs it once', async ({ expect }) => {
    const app = await stage.addShop('boots', { ref: 'main', settings: { autoRollback: true } });
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 20, onVisit: () => {} });
    const { channel } = await start('boots');
    await channel.shows(/Old code is still serving/, LONG);
    await stage.bot.end('SIGKILL');
    await stage.bot.start();
    const card = await channel.shows(/Approve what boots no longer needs/, LONG);
    await stage.bot.end('SIGKILL');
    await stage.bot.start();
    await ask(app, 'ALTER TABLE hats RENAME TO mislaid');
    const ill = await channel.shows(/v5 of boots is not well.*requests failed.*Nothing goes back by itself/s, LONG);
    await channel.shows(/Approve what boots no longer needs.*New code is not well/s, LONG);
    expect(card.buttons()).toEqual([]);
    await ask(app, 'ALTER TABLE mislaid RENAME TO hats');
    await traffic.stop();
    await stage.slack.person('ann').presses('Keep it', { on: ill });
    await channel.shows(/New code was not well.*@ann keeps it/s, LONG);
    await stage.slack.person('bob').presses('Run them', { on: card });
    const approved = () =>
      stage.database.query(
        "SELECT 1 FROM facts JOIN deploys ON deploys.id = deploy_id WHERE kind = 'approved' AND app = 'boots'",
      );
    await expect.poll(async () => (await approved()).rowCount, { timeout: 20_000, interval: 5 }).toBe(1);
    await stage.bot.end('SIGKILL');
    await stage.bot.start();
    await channel.shows(/^\*Receipt\*$/m, LONG);
    expect(await columns(app)).not.toContain('price');
    const done = await channel.shows(message => /Contract migrations are done/.test(message.plain), LONG);
    expect(done.byBot).toBe(true);
  });
});
