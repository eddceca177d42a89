import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HerokuApp } from './stage/heroku/app.ts';
import type { HerokuRecord } from './stage/heroku/heroku.ts';
import type { Message } from './stage/slack/slack.ts';
import { type Stage, startStage } from './stage/stage.ts';
import { startTraffic, type Visit } from './stage/traffic.ts';

// Deploys in maintenance mode, on real processes: of apps without preboot, and of a schema that old and new code cannot share.

const LONG = { withinMs: 90_000 };
let stage: Stage;
const requests: Extract<HerokuRecord, { record: 'request' }>[] = [];

beforeAll(async () => {
  stage = await startStage({
    scale: 15,
    channels: ['vests', 'broken'],
    onHeroku: record => {
      if (record.record === 'request') requests.push(record);
    },
  });
}, 60_000);
afterAll(() => stage.stop());

async function plan(name: string, typed: string): Promise<Message> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${name} ${typed}`, { channel: name });
  return ann.sees(
    message => message.channel === name && message.buttons().some(({ label }) => label === 'Start'),
    LONG,
  );
}

/** Waits until the app's deploy has come to that. */
async function recorded(app: string, fact: string): Promise<void> {
  const found = async (): Promise<boolean> => {
    const { rowCount } = await stage.database.query(
      'SELECT 1 FROM facts JOIN deploys ON deploys.id = deploy_id WHERE app = $1 AND kind = $2',
      [app, fact],
    );
    return rowCount !== 0;
  };
  await expect.poll(found, { timeout: 60_000, interval: 20, message: `${fact} of ${app}` }).toBe(true);
}

async function columns(app: HerokuApp): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: app.config.DATABASE_URL });
  await client.connect();
  const sql = "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'hats' ORDER BY 1";
  try {
    return (await client.query(sql)).rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

const loud = (channel: ReturnType<Stage['slack']['channel']>): string[] =>
  channel
    .messages()
    .filter(message => message.byBot && message.broadcast)
    .map(({ plain }) => plain.split('\n')[0] ?? '');

/** Router lines with an error of that app, other than the closed page's. */
const errors = (app: string): unknown[] =>
  requests.filter(request => request.app === app && request.status >= 500 && request.code !== 'H80');

describe('an app without preboot', () => {
  it('gets a schema that cannot overlap behind a closed page, though the bot is killed while no dyno runs', async () => {
    const app = await stage.addShop('vests', { preboot: false });
    const [ann, bob] = [stage.slack.person('ann'), stage.slack.person('bob')];
    const channel = stage.slack.channel('vests');
    await ann.types('/deploy vests renamed', { channel: 'vests' });
    const refused = await ann.sees(/Preboot is off for vests/);
    expect(refused.plain).toContain('--maintenance');
    expect(refused.plain).toMatch(/3_price_eur\.sql: /);

    const shown = await plan('vests', 'renamed --maintenance');
    expect(shown.plain).toMatch(/Visitors see a closed page for about .*No dyno runs meanwhile/s);
    const visits: Visit[] = [];
    const traffic = startTraffic({ url: `${app.runtime.url}/`, perSecond: 40, onVisit: visit => visits.push(visit) });
    await ann.presses('Start', { on: shown });
    const card = await channel.shows(/the deploy begins with your yes/, LONG);
    expect(stage.heroku.calls.filter(({ method, path }) => method !== 'GET' && path.includes('vests'))).toEqual([]);
    await bob.presses('Run them', { on: card });
    await recorded('vests', 'dynos stopped');
    await stage.bot.end('SIGKILL');
    await stage.bot.start();

    const served = await channel.shows(/New code serves: vests runs v5 and is open again/, LONG);
    expect(served.plain).toMatch(/Proved by the dyno list and boot lines.*web\.1, web\.2 are up on v5/s);
    expect(served.plain).toMatch(/Proved by probe.*visitors are let in.*all came from v5/s);
    expect(served.plain).toMatch(/Visitors saw a closed page for \d+ s/);
    const receipt = await channel.shows(/^\*Receipt\*$/m, LONG);
    expect(receipt.plain).toMatch(/Migrations while it was closed: .*3_price_eur\.sql/);
    await traffic.stop();

    expect(await columns(app)).toContain('price_eur');
    expect(app.builds).toHaveLength(2);
    expect(errors('vests')).toEqual([]);
    const closed = visits.filter(({ status }) => status === 503);
    expect(closed.length).toBeGreaterThan(10);
    // What old code answered came before, what new code answers comes after, and nobody got anything else. Of two visits at
    // once either may be the first.
    const firstSeen = (among: readonly Visit[]) => Math.min(...among.map(({ at, ms }) => at + ms));
    const lastSent = (among: readonly Visit[]) => Math.max(...among.map(({ at }) => at));
    const by = (version: string) => visits.filter(({ release }) => release === version);
    expect(visits.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expect(by('v4').length * by('v5').length).toBeGreaterThan(0);
    expect(lastSent(by('v4'))).toBeLessThanOrEqual(firstSeen(closed));
    expect(firstSeen(by('v5'))).toBeGreaterThanOrEqual(lastSent(closed));
    expect(loud(channel).map(line => line.replace(/^:\w+: \*|\*$/g, ''))).toEqual([
      'Contract migrations of vests: approved',
      'vests is being closed for its deploy',
      'New code serves: vests runs v5 and is open again',
    ]);
  });

  it('is open again with old code when new code crashes', async () => {
    const app = await stage.addShop('broken', { preboot: false });
    const channel = stage.slack.channel('broken');
    const ann = stage.slack.person('ann');
    await ann.presses('Start', { on: await plan('broken', 'crashes --maintenance') });
    await channel.shows(/The dynos of broken do not come up/, LONG);
    const open = await channel.shows(/broken is open again, with old code \(v6\)/, LONG);
    expect(open.plain).toMatch(/web\.\d crashed when it started, so it went back/);
    await channel.shows(/broken was rolled back/, LONG);
    const answer = await fetch(`${app.runtime.url}/`);
    expect(answer.status).toBe(200);
    expect(app.releases.at(-1)).toMatchObject({ version: 6, status: 'succeeded' });
  });
});
