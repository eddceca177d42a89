import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HerokuApp } from './stage/heroku/app.ts';
import type { Message } from './stage/slack/slack.ts';
import { type Stage, startStage } from './stage/stage.ts';
import { whileInboxWaits } from './waiting-inbox.ts';

// The real process is killed in each stage, and between Slack taking a message and our record of it. Windows are 10 s,
// and 20 s where it is killed most.
let stage: Stage;

beforeAll(async () => {
  stage = await startStage({ scale: 18, channels: ['hats', 'lost', 'caps', 'slow', 'shown', 'asked', 'kept', 'late'] });
}, 60_000);
afterAll(() => stage.stop());

async function start(app: string): Promise<void> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${app}`, { channel: app });
  await ann.presses('Start', { on: await ann.sees(new RegExp(`Deploy ${app}\\?`)) });
}

/** What a deploy comes to, in order: kinds of its facts, and phases that they tell. */
const WAY = ['started', 'uploaded', 'build started', 'released', 'booting', 'old serves', 'mixed', 'new serves'];

/** Waits for a fact of the app's newest deploy, or for one that comes after it: a phase that nobody saw is not told. */
async function recorded(app: string, fact: string): Promise<void> {
  const found = async (): Promise<boolean> => {
    const { rowCount } = await stage.database.query(
      `SELECT 1 FROM facts JOIN deploys ON deploys.id = deploy_id
       WHERE app = $1 AND coalesce(data -> 'phase' ->> 'kind', kind) = ANY($2)`,
      [app, WAY.slice(WAY.indexOf(fact))],
    );
    return rowCount !== 0;
  };
  await expect.poll(found, { timeout: 60_000, interval: 20, message: `${fact} of ${app}` }).toBe(true);
}

async function killAndStart(): Promise<void> {
  await stage.bot.end('SIGKILL');
  await stage.bot.start();
}

/** The receipt, once the thread has caught up too. */
async function ended(app: string): Promise<Message> {
  const receipt = await stage.slack.channel(app).shows(/^\*Receipt\*$/m, { withinMs: 120_000 });
  await stage.slack.channel(app).shows(/Old code is gone/, { withinMs: 60_000 });
  return receipt;
}

const roots = (app: string): Message[] =>
  stage.slack
    .channel(app)
    .messages()
    .filter(message => message.byBot && message.inThreadOf === null);

const isPicture = ({ plain, files }: Message): boolean => files.length > 0 || plain.includes('Who answered for');

/** What must be true however often the bot died: counted by Heroku and Slack, not by the bot. */
function onceOnly(app: HerokuApp): void {
  const builds = stage.heroku.calls.filter(
    ({ method, path }) => `${method} ${path}` === `POST /apps/${app.name}/builds`,
  );
  expect(builds).toHaveLength(1);
  expect(app.builds).toHaveLength(2);
  expect(app.releases.at(-1)).toMatchObject({ version: 5, status: 'succeeded' });
  expect(roots(app.name)).toHaveLength(1);
  const said =
    roots(app.name)[0]
      ?.thread()
      .filter(reply => !isPicture(reply))
      .map(reply => reply.plain.split('\n')[0] ?? '') ?? [];
  expect(new Set(said).size).toBe(said.length);
  expect(said.filter(line => line.includes('New code serves'))).toHaveLength(1);
  expect(said.at(-1)).toContain('Old code is gone');
}

describe('a bot that is killed', () => {
  it('in each stage of a deploy, and started again, finishes it once', async () => {
    const app = await stage.addShop('hats');
    app.runtime.knobs.bootTimeoutMs = 240_000;
    await start('hats');
    for (const fact of WAY) {
      await recorded('hats', fact);
      await killAndStart();
    }
    expect((await ended('hats')).plain).toContain('hats is deployed');
    onceOnly(app);
  });

  it('between Slack taking a message and our record of it posts it once', async () => {
    const app = await stage.addShop('caps');
    const seen: string[] = [];
    const killed = { root: false, announcement: false };
    stage.slack.on('change', ({ kind, message }) => {
      if (kind !== 'posted' || message.channel !== 'caps' || !message.byBot || message.onlyTo) return;
      seen.push(message.text);
      const which = message.inThreadOf === null ? 'root' : message.broadcast ? 'announcement' : null;
      if (!which || killed[which]) return;
      killed[which] = true;
      void killAndStart();
    });
    await start('caps');
    expect((await ended('caps')).plain).toContain('caps is deployed');
    expect(killed).toEqual({ root: true, announcement: true });
    onceOnly(app);
  });

  it('between Slack sharing the picture and our record of it shows chart and picture once', async () => {
    await stage.addShop('shown');
    stage.slack.fails('files.completeUploadExternal', { lateMs: 10_000 });
    await start('shown');
    const isShared = () =>
      roots('shown')[0]
        ?.thread()
        .some(({ files }) => files.length === 1);
    await expect.poll(isShared, { timeout: 90_000, interval: 20 }).toBe(true);
    await killAndStart();
    const told = async (): Promise<boolean> => {
      const { rowCount } = await stage.database.query(
        `SELECT 1 FROM messages JOIN deploys ON deploys.id = deploy_id WHERE app = 'shown' AND key = 'all told'`,
      );
      return rowCount !== 0;
    };
    await expect.poll(told, { timeout: 90_000 }).toBe(true);
    const shown = roots('shown')[0]?.thread().filter(isPicture) ?? [];
    expect(shown.map(({ files }) => files.length)).toEqual([0, 1]);
    // The one that was carried out is on record when it would have been answered.
    const uploads = () =>
      stage.slack.calls
        .filter(({ method, args }) => method.startsWith('files.') && /shown/.test(JSON.stringify(args)))
        .map(({ method }) => method);
    await expect
      .poll(uploads, { timeout: 30_000 })
      .toEqual(['files.getUploadURLExternal', 'files.completeUploadExternal']);
  });

  it('right after it acknowledged what was asked has it worked, once and answered, by the other or the next one', async () => {
    const app = await stage.addShop('asked');
    const ann = stage.slack.person('ann');
    const left = async () => (await stage.database.query('SELECT 1 FROM inbox WHERE body IS NOT NULL')).rowCount;
    await ann.types('/deploy asked', { channel: 'asked' });
    await stage.bot.end('SIGKILL');
    expect(await left()).toBe(1);
    await stage.bot.start();
    const plan = await ann.sees(/Deploy asked\?/);

    const other = stage.anotherBot();
    await other.start();
    await ann.presses('Start', { on: plan });
    await stage.bot.end('SIGKILL');
    expect(await left()).toBe(1);
    await ann.sees(/The deploy has started/, { withinMs: 10_000 });
    await expect.poll(left, { timeout: 10_000 }).toBe(0);
    await other.end('SIGTERM');
    await stage.bot.start();
    await ended('asked');
    onceOnly(app);
    expect((await stage.database.query("SELECT id FROM deploys WHERE app = 'asked'")).rowCount).toBe(1);
  });

  it('gracefully while it takes a press answers it, and leaves it to the other one, which works it once', async () => {
    await stage.addShop('kept');
    const [ann, { database }] = [stage.slack.person('ann'), stage];
    await ann.types('/deploy kept', { channel: 'kept' });
    const plan = await ann.sees(/Deploy kept\?/);
    const other = stage.anotherBot();
    await other.start();
    const listens = () =>
      fetch(`http://127.0.0.1:${stage.bot.port}/healthz`).then(
        () => true,
        () => false,
      );
    // Longer than it has to work what it took.
    stage.heroku.fails('GET /apps/kept', { delayMs: 60_000, times: 9 });
    let left: Promise<void> | undefined;
    const taken = await whileInboxWaits(
      database,
      () => ann.presses('Start', { on: plan }),
      async () => {
        left = stage.bot.end('SIGTERM');
        await expect.poll(listens, { interval: 5 }).toBe(false);
      },
    );
    expect(taken).toMatchObject({ status: 200, error: null });
    const open = async () => (await database.query('SELECT 1 FROM inbox WHERE body IS NOT NULL')).rowCount;
    expect(await open()).toBe(1);
    const deploys = async () => (await database.query("SELECT 1 FROM deploys WHERE app = 'kept'")).rowCount;
    expect(await deploys()).toBe(0);
    stage.heroku.mends();
    await ann.sees(/The deploy has started/, { withinMs: 20_000 });
    await left;
    await recorded('kept', 'build started');
    expect([await open(), await deploys(), roots('kept').length]).toEqual([0, 1, 1]);
    await other.end('SIGTERM');
    await stage.bot.start();
  });

  it('gracefully leaves within 10 s, though Slack does not answer it', async () => {
    await stage.addShop('slow');
    stage.slack.fails('chat.update', { delayMs: 30_000 }, 5);
    await start('slow');
    await recorded('slow', 'booting');
    const from = performance.now();
    await stage.bot.end('SIGTERM');
    expect(performance.now() - from).toBeLessThan(10_000);
    await stage.bot.start();
  });

  it('gracefully keeps to the end which of what it was asked it has answered', async () => {
    await stage.addShop('late');
    stage.slack.fails('chat.update', { delayMs: 30_000 }, 5);
    await start('late');
    await recorded('late', 'booting');
    // It waits 4 s for its answers, and goes on to leave: this one comes while it waits for Slack.
    stage.heroku.fails('GET /apps/late', { delayMs: 5_500, times: 1 });
    await stage.slack.person('ann').types('/deploy late --plan', { channel: 'late' });
    await stage.bot.end('SIGTERM');
    expect((await stage.database.query('SELECT 1 FROM inbox WHERE body IS NOT NULL')).rowCount).toBe(0);
    await stage.bot.start();
  });

  it('or whose answers from Slack are lost, posts each message once', async () => {
    const app = await stage.addShop('lost');
    stage.slack.fails('chat.postMessage', { drop: 'after' }, 2);
    await start('lost');
    stage.slack.fails('chat.postMessage', { drop: 'after' }, 2);
    await ended('lost');
    onceOnly(app);
  });
});
