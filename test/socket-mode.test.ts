import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BotProcess } from './stage/bot.ts';
import { BOT } from './stage/slack/workspace.ts';
import { type Stage, startStage } from './stage/stage.ts';
import { whileInboxWaits } from './waiting-inbox.ts';

// The real bot without a public address: Slack reaches it over connections that it opens.

let stage: Stage;
let others: BotProcess[] = [];
beforeAll(async () => {
  stage = await startStage({ scale: 18, channels: ['hats', 'caps', 'shoes'], socketMode: true, limits: false });
  for (const name of ['hats', 'caps', 'shoes']) await stage.addShop(name);
}, 120_000);
afterEach(async () => {
  for (const other of others.splice(0)) await other.end('SIGTERM');
  if (!stage.bot.running) await stage.bot.start();
  expect(stage.slack.sockets.misfits).toEqual([]);
});
afterAll(async () => {
  for (const other of others) await other.end('SIGKILL');
  await stage?.stop();
});

const ann = () => stage.slack.person('ann');
const status = () => ann().types('/deploy status', { channel: 'hats' });

/** Another instance, with a connection of its own. */
async function startOther(): Promise<BotProcess> {
  const other = stage.anotherBot();
  others = [...others, other];
  await other.start();
  return other;
}

/** Rows of the inbox, and which of them are still to be worked. */
async function inbox(): Promise<{ ids: string[]; left: string[] }> {
  const { rows } = await stage.database.query<{ id: string; open: boolean }>(
    'SELECT id, body IS NOT NULL open FROM inbox',
  );
  return { ids: rows.map(({ id }) => id), left: rows.filter(({ open }) => open).map(({ id }) => id) };
}

describe('a bot in Socket Mode', () => {
  it('says on its port that it is up, and answers commands', async () => {
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${stage.bot.port}${path}`);
      return `${response.status} ${await response.text()}`;
    };
    expect(await ask('/healthz')).toBe('200 ok');
    expect(await ask('/readyz')).toBe('200 ready');
    expect(await ask('/slack/events')).toMatch(/^404/);
    expect(await status()).toMatchObject({ status: 200, error: null, body: '' });
    expect((await ann().sees(/hats/)).onlyTo).toBe('ann');
  });

  it('keeps what changes something before it says that it has taken it', async () => {
    await ann().types('/deploy hats', { channel: 'hats' });
    const on = await ann().sees(/Deploy hats\?/);
    const before = await inbox();
    let taken = false;
    const press = () =>
      ann()
        .presses('Start', { on })
        .finally(() => (taken = true));
    const pressed = await whileInboxWaits(stage.database, press, async () => expect(taken).toBe(false));
    expect(pressed).toMatchObject({ status: 200, error: null });
    expect((await inbox()).ids).toHaveLength(before.ids.length + 1);
    await ann().sees(/The deploy has started/);
  });

  it('says what is wrong with a form in its acknowledgement, and offers what may be chosen', async () => {
    const ada = stage.slack.person('ada');
    await ada.types('/deploy settings caps', { channel: 'caps' });
    const form = await ada.seesForm(/Settings of caps/);
    expect((await ada.searches(form, 'defaultRef', 'ce')).map(({ value }) => value)).toContain('cents');
    const wrong = await ada.fills({ repository: 'acme' });
    expect(wrong.errors.repository).toContain('owner/name');
    expect((await ada.fills({ repository: 'acme/shop', deployers: ['U0ANN', 'U0ADA'] })).errors).toEqual({});
    await stage.slack.channel('caps').shows(/The settings of caps were changed/);
  });

  it('loses nothing when Slack ends its connection', async () => {
    const { sockets } = stage.slack;
    const [old = 0] = sockets.numbers;
    const lock = () => ann().types('/deploy lock caps for 1h we count them', { channel: 'caps' });
    let next = 0;
    const locked = await whileInboxWaits(stage.database, lock, async () => {
      const opens = once(sockets, 'open');
      sockets.refreshes(old, 1_500);
      [next] = await opens;
    });
    expect(locked).toMatchObject({ status: 200, connection: old });
    while (sockets.numbers.includes(old)) expect(await status()).toMatchObject({ status: 200 });
    expect(await status()).toMatchObject({ status: 200, connection: next });
    expect(sockets.numbers).toEqual([next]);
    await stage.slack.channel('caps').shows(/caps is locked/);
    await ann().types('/deploy unlock caps', { channel: 'caps' });
  });

  it('opens another connection when one breaks, also when Slack asks to wait, and says meanwhile that it is not ready', async () => {
    const { sockets } = stage.slack;
    const [old = 0] = sockets.numbers;
    stage.slack.fails('apps.connections.open', { status: 429, retryAfter: 2 });
    sockets.breaks(old);
    const ready = async () => (await fetch(`http://127.0.0.1:${stage.bot.port}/readyz`)).text();
    await expect.poll(ready, { timeout: 1_500, interval: 20 }).toBe('not ready: socket mode');
    expect(await status()).toMatchObject({ status: null, error: 'dispatch_failed' });
    await expect.poll(() => sockets.numbers, { timeout: 10_000 }).toHaveLength(1);
    await expect.poll(ready).toBe('ready');
    expect(await status()).toMatchObject({ status: 200 });
  });

  it('does what it has kept, also when the connection broke before Slack heard that it was taken', async () => {
    const [old = 0] = stage.slack.sockets.numbers;
    const lock = () => ann().types('/deploy lock caps for 1h we mend them', { channel: 'caps' });
    const unheard = await whileInboxWaits(stage.database, lock, async () => stage.slack.sockets.breaks(old));
    expect(unheard).toMatchObject({ status: null, error: 'operation_timeout', connection: old });
    await stage.slack.channel('caps').shows(/caps is locked.*we mend them/s);
    expect((await inbox()).left).toEqual([]);
    await expect.poll(() => stage.slack.sockets.numbers).toHaveLength(1);
    await ann().types('/deploy unlock caps', { channel: 'caps' });
  });

  it('refuses what comes from another workspace', async () => {
    const response_url = `${stage.slack.url}/response/T0OTHER/1`;
    const from = { team_id: 'T0OTHER', api_app_id: BOT.app, user_id: 'U0ANN', channel_id: 'C0HATS', response_url };
    const taken = await stage.slack.sockets.command({ ...from, command: '/deploy', text: 'lock hats for 1h mine' });
    expect(taken).toMatchObject({ status: 200, body: '' });
    const answers = () => stage.slack.calls.filter(({ method, status }) => method === 'response_url' && status === 404);
    await expect
      .poll(() => answers().map(({ args }) => args.text))
      .toEqual([expect.stringContaining('this bot serves another workspace')]);
    // What others asked may be let go of a moment later.
    await expect.poll(async () => (await inbox()).left).toEqual([]);
    expect((await stage.database.query("SELECT 1 FROM locks WHERE scope = 'hats'")).rowCount).toBe(0);
  });

  it('and another instance, each with a connection, do each thing once, also one that Slack sends again', async () => {
    const other = await startOther();
    const before = await inbox();
    const cameAgain = () => `${stage.bot.log}${other.log}`.split('came again').length - 1;
    const again = cameAgain();
    const given = await Promise.all(Array.from({ length: 6 }, status));
    expect(new Set(given.map(taken => taken?.connection)).size).toBe(2);
    expect(given.every(taken => taken?.status === 200)).toBe(true);
    stage.slack.fails('events_api', { drop: 'after' });
    const lost = await ann().types('@switchover lock shoes for 1h we count them', { channel: 'shoes' });
    expect(lost).toMatchObject({ error: 'operation_timeout' });
    await expect.poll(cameAgain, { timeout: 10_000 }).toBe(again + 1);
    await stage.slack.channel('shoes').shows(/shoes is locked/);
    const { ids, left } = await inbox();
    expect(left).toEqual([]);
    expect(ids.filter(id => id.startsWith('Ev') && !before.ids.includes(id))).toHaveLength(1);
    const said = stage.slack
      .channel('shoes')
      .messages()
      .filter(({ byBot }) => byBot);
    expect(said).toHaveLength(1);
    await ann().types('/deploy unlock shoes', { channel: 'shoes' });
  });

  it('that is stopped closes its connection when what came is kept, and the other one is given all that follows', async () => {
    await startOther();
    const { sockets } = stage.slack;
    const [first = 0, second = 0] = sockets.numbers;
    if ((await status())?.connection === first) await status();
    let ended: Promise<void> | undefined;
    const closed: number[] = [];
    sockets.on('closed', number => closed.push(number));
    const lock = () => ann().types('/deploy lock shoes for 1h we stop', { channel: 'shoes' });
    const locked = await whileInboxWaits(stage.database, lock, async () => {
      ended = stage.bot.end('SIGTERM');
      await expect.poll(() => stage.bot.log, { interval: 5 }).toContain('Stopping');
      expect(closed).toEqual([]);
    });
    expect(locked).toMatchObject({ status: 200, connection: first });
    await expect.poll(() => sockets.numbers).toEqual([second]);
    expect(await status()).toMatchObject({ status: 200, connection: second });
    await ended;
    await stage.slack.channel('shoes').shows(/shoes is locked.*we stop/s);
    expect((await inbox()).left).toEqual([]);
  });

  it('that is killed after it took something has it done by the other one', async () => {
    const [first = 0] = stage.slack.sockets.numbers;
    const other = await startOther();
    const bots = (connection = 0) => (connection === first ? stage.bot : other);
    await ann().types('/deploy caps', { channel: 'caps' });
    const { connection } = await ann().presses('Start', { on: await ann().sees(/Deploy caps\?/) });
    await bots(connection).end('SIGKILL');
    expect((await inbox()).left).toHaveLength(1);
    await ann().sees(/The deploy has started/, { withinMs: 10_000 });
    await expect.poll(async () => (await inbox()).left, { timeout: 10_000 }).toEqual([]);
    expect((await stage.database.query("SELECT id FROM deploys WHERE app = 'caps'")).rowCount).toBe(1);
  });
});

it('a bot starts while Slack opens no connection, and has one as soon as it does', async () => {
  stage.slack.fails('apps.connections.open', { status: 503 }, 3);
  const before = stage.slack.sockets.numbers.length;
  const other = await startOther();
  await expect.poll(() => stage.slack.sockets.numbers.length, { timeout: 10_000 }).toBe(before + 1);
  expect(other.log).toContain('Slack opens no connection yet');
});

it('a bot whose app token Slack refuses does not start, and says so', async () => {
  stage.slack.fails('apps.connections.open', { error: 'not_allowed_token_type' });
  const other = stage.anotherBot();
  await expect(other.start()).rejects.toThrow(
    /cannot start.*Slack opens no connection for SLACK_APP_TOKEN.*not_allowed/s,
  );
});
