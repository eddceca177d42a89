import { afterAll, beforeAll, describe, it } from 'vitest';
import type { HerokuApp } from './stage/heroku/app.ts';
import type { RequestRecord } from './stage/heroku/contract.ts';
import type { Message } from './stage/slack/slack.ts';
import { type Stage, startStage } from './stage/stage.ts';
import { startTraffic } from './stage/traffic.ts';

// New code that is not well, on real processes: only Heroku's windows are shortened, to 10 s; the countdown is not.
const SCALE = 18;
const NAMES = ['weak', 'hungry', 'brushed', 'tested'] as const;
const LONG = { withinMs: 150_000 };

let stage: Stage;
/** Of its own: its bot is killed, and nobody else is to miss it. */
let killed: Stage;
const requests: (RequestRecord & { app: string })[] = [];
const open = (channels: readonly string[]): Promise<Stage> =>
  startStage({
    scale: SCALE,
    channels,
    onHeroku: record => {
      if (record.record === 'request') requests.push(record);
    },
  });
beforeAll(async () => {
  // One after the other: the first is to be stopped when there is no second.
  stage = await open(NAMES);
  killed = await open(['sick']);
}, 60_000);
afterAll(async () => {
  await Promise.all([stage?.stop(), killed?.stop()]);
});

type Channel = ReturnType<Stage['slack']['channel']>;
const visitors = (app: HerokuApp) => startTraffic({ url: `${app.runtime.url}/`, perSecond: 20, onVisit: () => {} });

async function start(
  name: string,
  ref: string,
  on = stage,
): Promise<{ plan: string; channel: Channel; root: Message }> {
  const ann = on.slack.person('ann');
  await ann.types(`/deploy ${name} ${ref}`, { channel: name });
  const plan = await ann.sees(
    message => message.channel === name && message.buttons().some(({ label }) => label === 'Start'),
    LONG,
  );
  const { plain } = plan;
  await ann.presses('Start', { on: plan });
  const channel = on.slack.channel(name);
  return {
    plan: plain,
    channel,
    root: await channel.shows(({ byBot, inThreadOf }) => byBot && inThreadOf === null, LONG),
  };
}

const titles = (root: Message): string[] => root.thread().map(reply => reply.plain.split('\n')[0] ?? '');
const labels = (message: Message): string[] => message.buttons().map(({ label }) => label);

describe.concurrent('new code that', () => {
  it('is as bad as the code before it is not blamed for that, and that is said', async ({ expect }) => {
    const app = await stage.addShop('weak', { ref: 'fails', settings: { autoRollback: true } });
    const traffic = visitors(app);
    // So much as there is to see of it before anybody deploys.
    await expect
      .poll(() => requests.filter(({ app }) => app === 'weak').length, { timeout: 30_000 })
      .toBeGreaterThan(60);
    const { channel, root } = await start('weak', 'fails-too');
    const before = await channel.shows(/weak was not well before this deploy/, LONG);
    expect(before.plain).toMatch(/\d+ of \d+ requests failed \(5xx × \d+\)/);
    const receipt = await channel.shows(/^\*Receipt\*$/m, LONG);
    await traffic.stop();
    expect(receipt.plain).toContain('weak is deployed');
    expect(receipt.plain).toMatch(/Health: new code was well.*Visitors: \d+ of \d+ requests failed/);
    await channel.shows(/New code of weak is no worse than what was before/, LONG);
    expect(titles(root).join('\n')).not.toMatch(/is not well/);
    expect(app.releases.at(-1)?.version).toBe(5);
  });

  it('breaks a worker is taken back while old code still serves, and visitors see nothing of it', async ({
    expect,
  }) => {
    const app = await stage.addShop('brushed', { ref: 'with-worker', settings: { windowSeconds: 30 } });
    // A window of 30 s: going back is a race, and not what is looked at here.
    app.runtime.knobs.bootTimeoutMs = 420_000;
    const worker = app.formation.find(({ type }) => type === 'worker');
    if (worker) worker.quantity = 1;
    app.runtime.scale(app.formation);
    await expect
      .poll(() => app.runtime.dynos().filter(({ type, state }) => type === 'worker' && state === 'up').length)
      .toBe(1);
    const traffic = visitors(app);
    const { plan, channel } = await start('brushed', 'worker-crashes');
    expect(plan).toContain('worker restart at once and run new code while web still serves old code');
    await channel.shows(/worker\.1 of v5 crashed 2 times/, LONG);
    const receipt = await channel.shows(/^\*Receipt\*$/m, LONG);
    await traffic.stop();
    expect(receipt.plain).toContain('serves the code of v4 again, as v6');
    expect(requests.some(({ app, dyno }) => app === 'brushed' && dyno?.release === 5)).toBe(false);
  });

  it('hangs up on visitors is found, and the next is not blamed for that but for the memory that it wants', async ({
    expect,
  }) => {
    // The longer window is the bot's alone: it watches for a third of it.
    const app = await stage.addShop('hungry', { settings: { windowSeconds: 60 } });
    app.runtime.knobs.memory = ({ type, release }) => (type === 'web' && release.version > 5 ? 1.3 : 0.4);
    // Few: the log's last 1,500 lines are to tell of more than a minute.
    const traffic = startTraffic({ url: `${app.runtime.url}/cart`, perSecond: 8, onVisit: () => {} });
    const first = await start('hungry', 'hangs-up');
    const cut = await first.channel.shows(/v5 of hungry is not well/, LONG);
    expect(cut.plain).toMatch(/\d+ of \d+ requests failed \(H13 × \d+\)\. Before: 0 of \d+ requests failed/);
    await stage.slack.person('ann').presses('Keep it', { on: cut });
    await first.channel.shows(/hungry is deployed/, LONG);
    // What is said of memory is compared with a minute at least.
    await expect.poll(() => Date.now() - app.createdAt.getTime(), { timeout: 60_000 }).toBeGreaterThan(65_000);
    const { channel } = await start('hungry', 'hangs-up-too');
    const before = await channel.shows(/hungry was not well before this deploy/, LONG);
    expect(before.plain).toMatch(/\d+ of \d+ requests failed \(H13 × \d+\)/);
    const swaps = await channel.shows(/v6 of hungry is not well/, LONG);
    await traffic.stop();
    expect(swaps.plain).toMatch(/web\.\d uses more memory than it has \(R14 × \d+\)\. Before: none did/);
    expect(swaps.plain).not.toContain('H13');
  });

  it('does not pass its smoke test is kept when somebody says so', async ({ expect }) => {
    await stage.addShop('tested', { settings: { autoRollback: true } });
    const { plan, channel } = await start('tested', 'smoke');
    expect(plan).toMatch(/Connections to the database: up to 22 of 120 .*5 a dyno, by `switchover\.json`/);
    const card = await channel.shows(/v5 of tested is not well.*\/ answered 200\. The smoke test wants 204/s, LONG);
    await stage.slack.person('ann').presses('Keep it', { on: card });
    await channel.shows(/@ann keeps it/, LONG);
    const receipt = await channel.shows(/^\*Receipt\*$/m, LONG);
    expect(receipt.plain).toMatch(/Health: new code was \*not well\*: \/ answered 200/);
    expect(receipt.plain).toMatch(/Database: at most \d+ of 120 connections were in use at once/);
  });

  it('fails after the switch is told with a countdown, which outlives the bot, and goes back by itself', async ({
    expect,
  }) => {
    const app = await killed.addShop('sick', { settings: { autoRollback: true } });
    const traffic = visitors(app);
    const { plan, channel, root } = await start('sick', 'fails', killed);
    expect(plan).toContain('30 s after that was told (90 s where it is only slow), unless somebody keeps it');
    const card = await channel.shows(/v5 of sick is not well/, LONG);
    expect(card.broadcast).toBe(true);
    expect(card.plain).toMatch(/@ann/);
    expect(card.plain).toMatch(/\d+ of \d+ requests failed \(5xx × \d+\)\. Before: 0 of \d+ requests failed/);
    await channel.shows(/goes back to the code of v4 by itself at/, LONG);
    expect(labels(card)).toEqual(['Roll back', 'Keep it']);
    await killed.bot.end('SIGKILL');
    await killed.bot.start();
    await channel.shows(/Rolled back: sick serves/, LONG);
    const receipt = await channel.shows(/^\*Receipt\*$/m, LONG);
    await traffic.stop();
    expect(receipt.plain).toContain('sick was rolled back');
    expect(receipt.plain).toContain('serves the code of v4 again, as v6');
    const told = titles(root);
    expect(told.findIndex(title => /not well/.test(title))).toBeLessThan(
      told.findIndex(title => /Rolled back: sick serves/.test(title)),
    );
    expect(card.plain).toContain('Nobody kept it, so it goes back by itself.');
    expect(labels(card)).toEqual([]);
    const [last] = requests.filter(({ app, status }) => app === 'sick' && status === 200).slice(-1);
    expect(last?.dyno?.release).toBe(6);
    const rollbacks = app.releases.filter(({ description }) => description.startsWith('Rollback'));
    expect(rollbacks).toHaveLength(1);
    const [asked] = root.thread().filter(({ plain }) => /^.*Rolling sick back/.test(plain));
    const waited = (rollbacks[0]?.createdAt.getTime() ?? 0) - Number(card.ts) * 1000;
    expect(asked).toBeDefined();
    expect(waited).toBeGreaterThan(27_000);
    const ann = killed.slack.person('ann');
    await ann.types('/deploy rollback sick v5', { channel: 'sick' });
    await ann.sees(/Go back to v5 of sick\?/, LONG);
  });
});
