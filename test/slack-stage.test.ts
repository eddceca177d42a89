import { WebClient } from '@slack/web-api';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { slackLogger } from '../src/adapters/slack-client.ts';
import { type Slack, type SlackAsk, startSlack } from './stage/slack/slack.ts';

let slack: Slack;
let client: WebClient;

async function start(more: Partial<SlackAsk> = {}): Promise<void> {
  await slack?.stop();
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: { ann: 'U0ANN', bob: 'U0BOB' },
    channels: {
      deploys: 'C0DEPLOYS',
      random: { id: 'C0RANDOM', botIsIn: false },
      board: { id: 'C0BOARD', private: true, botIsIn: false },
    },
    limits: false,
    ...more,
  });
  client = clientOf('xoxb-1');
}

const clientOf = (token: string) =>
  new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: slackLogger(pino({ level: 'silent' })),
  });

beforeEach(() => start());
afterEach(async () => {
  vi.useRealTimers();
  await slack.stop();
});

const channel = 'C0DEPLOYS';
const refuses = (call: Promise<unknown>, error: string, more: object = {}) =>
  expect(call).rejects.toMatchObject({ data: { ok: false, error, ...more } });
const post = async (more: object = {}): Promise<string> => {
  const { ts = '' } = await client.chat.postMessage({ channel, text: 'Hats', ...more });
  return ts;
};

describe('the local Slack', () => {
  it('tells the bot who it is, and refuses other tokens and methods', async () => {
    expect(await client.auth.test()).toMatchObject({ ok: true, team_id: 'T0ACME', bot_id: 'B0SWITCH' });
    await refuses(clientOf('xoxb-2').auth.test(), 'invalid_auth');
    const bare = await fetch(`${slack.apiUrl}auth.test`, { method: 'POST' });
    expect(await bare.json()).toEqual({ ok: false, error: 'not_authed' });
    await refuses(client.apiCall('chat.postMesage', { channel }), 'unknown_method');
  });

  it('takes forms and JSON, and no JSON that cannot be read', async () => {
    const send = async (type: string, body: string) => {
      const headers = { authorization: 'Bearer xoxb-1', 'content-type': type };
      return (await fetch(`${slack.apiUrl}chat.postMessage`, { method: 'POST', headers, body })).json();
    };
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: '*Hats*' } }];
    expect(await send('application/json; charset=utf-8', JSON.stringify({ channel, blocks }))).toMatchObject({
      ok: true,
    });
    const form = (said: string) => new URLSearchParams({ channel, text: 'Hats', blocks: said }).toString();
    const urlencoded = 'application/x-www-form-urlencoded';
    expect(await send(urlencoded, form(JSON.stringify(blocks)))).toMatchObject({ ok: true });
    expect(await send(urlencoded, form('[{'))).toEqual({ ok: false, error: 'invalid_blocks_format' });
    expect(await send('application/json', '{')).toEqual({ ok: false, error: 'invalid_json' });
    expect(await send('text/plain', 'Hats')).toEqual({ ok: false, error: 'invalid_post_type' });
    expect(
      slack
        .channel('#deploys')
        .messages()
        .map(message => message.plain),
    ).toEqual(['*Hats*', '*Hats*']);
  });

  it('says which argument is missing, malformed or not known', async () => {
    const messages = (message: string) => ({ response_metadata: { messages: [expect.stringContaining(message)] } });
    await refuses(client.apiCall('chat.update', { channel, text: 'Hats' }), 'invalid_arguments', messages('field: ts'));
    await refuses(client.apiCall('chat.delete', { channel, ts: 'x' }), 'invalid_arguments', messages('must be a ts'));
    await refuses(client.apiCall('chat.postMessage', { channel, text: 'x', thread: '1' }), 'invalid_arguments');
    await refuses(client.apiCall('chat.postMessage', { channel }), 'no_text');
    await refuses(client.apiCall('chat.postMessage', { channel, text: '' }), 'no_text');
  });

  it('lets the bot speak where it may, and hides private channels from it', async () => {
    await refuses(client.chat.postMessage({ channel: 'C0NONE', text: 'Hats' }), 'channel_not_found');
    await refuses(client.chat.postMessage({ channel: 'C0BOARD', text: 'Hats' }), 'channel_not_found');
    expect(await client.chat.postMessage({ channel: 'C0RANDOM', text: 'Hats' })).toMatchObject({ ok: true });
    await refuses(client.chat.postEphemeral({ channel: 'C0RANDOM', user: 'U0ANN', text: 'Hats' }), 'not_in_channel');
    await refuses(client.chat.postEphemeral({ channel, user: 'U0WHO', text: 'Hats' }), 'user_not_in_channel');
    await refuses(client.conversations.history({ channel: 'C0RANDOM' }), 'not_in_channel');
    await start({ scopes: ['chat:write'] });
    await refuses(client.chat.postMessage({ channel: 'C0RANDOM', text: 'Hats' }), 'not_in_channel');
  });

  it('keeps the bot out of an archived channel, and of one that it was removed from', async () => {
    const ts = await post({ text: 'Hats' });
    slack.archives('#deploys');
    await refuses(client.chat.postMessage({ channel, text: 'Caps' }), 'is_archived');
    await refuses(client.chat.update({ channel, ts, text: 'Caps' }), 'is_inactive');
    await refuses(client.chat.postEphemeral({ channel, user: 'U0ANN', text: 'Caps' }), 'is_archived');
    slack.archives('#deploys', false);
    expect(await client.chat.update({ channel, ts, text: 'Caps' })).toMatchObject({ ok: true });
    slack.removesBot('#deploys');
    await refuses(client.conversations.history({ channel }), 'not_in_channel');
  });

  it('takes a message at once and answers late, when that was ordered', async () => {
    slack.fails('chat.postMessage', { lateMs: 300 });
    slack.fails('chat.postMessage', { status: 500 });
    const answer = client.chat.postMessage({ channel, text: 'Hats' });
    await slack.channel('#deploys').shows('Hats', { withinMs: 250 });
    expect(await Promise.race([answer, 'not yet'])).toBe('not yet');
    expect(await answer).toMatchObject({ ok: true });
    slack.mends();
    expect(await client.chat.postMessage({ channel, text: 'Caps' })).toMatchObject({ ok: true });
  });

  it('names the scope that is missing', async () => {
    await start({ scopes: ['commands'] });
    const calls: [string, object, string][] = [
      ['chat.postMessage', { channel, text: 'Hats' }, 'chat:write'],
      ['conversations.history', { channel }, 'channels:history'],
      ['conversations.info', { channel }, 'channels:read'],
      ['users.info', { user: 'U0ANN' }, 'users:read'],
    ];
    for (const [method, args, needed] of calls) {
      await refuses(client.apiCall(method, { ...args }), 'missing_scope', { needed, provided: 'commands' });
    }
  });

  it('keeps to its limits of blocks and text', async () => {
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3001) } }];
    await refuses(client.apiCall('chat.postMessage', { channel, text: 'Hats', blocks }), 'invalid_blocks', {
      response_metadata: { messages: ['[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]'] },
    });
    const long = Array(4).fill({ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(2_800) } });
    await refuses(client.apiCall('chat.postMessage', { channel, text: 'Hats', blocks: long }), 'msg_blocks_too_long');
    await refuses(client.chat.postMessage({ channel, text: 'x'.repeat(40_001) }), 'msg_too_long');
    const ts = await post({ text: 'x'.repeat(40_000) });
    await refuses(client.chat.update({ channel, ts, text: 'x'.repeat(4_001) }), 'msg_too_long');
    expect(await client.chat.update({ channel, ts, text: 'x'.repeat(4_000) })).toMatchObject({ ok: true });
    expect(slack.channel('deploys').messages()).toHaveLength(1);
  });

  it('takes labels of the right shape only, and shows them to who asks for them', async () => {
    const metadata = { event_type: 'deploy', event_payload: { id: 'd1' } };
    const ts = await post({ metadata });
    for (const wrong of [{ event_type: 'deploy' }, { ...metadata, id: 1 }, { ...metadata, event_payload: 'd1' }]) {
      await refuses(post({ metadata: wrong }), 'invalid_metadata_schema');
    }
    await client.chat.update({ channel, ts, text: 'Caps' });
    const labelled = await client.conversations.history({ channel, include_all_metadata: true });
    expect(labelled.messages).toMatchObject([{ ts, text: 'Caps', metadata, edited: { user: 'U0SWITCH' } }]);
    expect((await client.conversations.history({ channel })).messages?.[0]).not.toHaveProperty('metadata');
  });

  it('edits and deletes only messages of the bot that are still there', async () => {
    const ts = await post({ blocks: [{ type: 'divider' }] });
    await slack.person('ann').types('Good morning', { channel: '#deploys' });
    const hers = slack.channel('#deploys').messages().at(-1)?.ts ?? '';
    await refuses(client.chat.update({ channel, ts: hers, text: 'Hats' }), 'cant_update_message');
    await refuses(client.chat.delete({ channel, ts: hers }), 'cant_delete_message');
    await refuses(client.chat.update({ channel, ts: '1.000001', text: 'Hats' }), 'message_not_found');
    await client.chat.update({ channel, ts, text: 'Caps', blocks: [] });
    const [message] = slack.channel('#deploys').messages();
    expect(message?.plain).toBe('Caps');
    expect(message?.edits.map(({ plain }) => plain)).toEqual(['---']);
    await client.chat.delete({ channel, ts });
    await refuses(client.chat.update({ channel, ts, text: 'Hats' }), 'message_not_found');
  });

  it('keeps ephemeral messages for their one reader, out of every history', async () => {
    const { message_ts: ts = '' } = await client.chat.postEphemeral({ channel, user: 'U0ANN', text: 'A secret' });
    expect(
      slack
        .person('ann')
        .messages()
        .map(({ plain, onlyTo }) => [plain, onlyTo]),
    ).toEqual([['A secret', 'ann']]);
    expect(slack.person('bob').messages()).toEqual([]);
    expect(slack.channel('#deploys').messages()).toEqual([]);
    expect((await client.conversations.history({ channel })).messages).toEqual([]);
    await refuses(client.chat.update({ channel, ts, text: 'Hats' }), 'message_not_found');
  });

  it('keeps replies in their thread, and those for everybody in the channel too', async () => {
    const root = await post({ text: 'root' });
    const reply = await post({ text: 'reply', thread_ts: root });
    const loud = await post({ text: 'loud', thread_ts: root, reply_broadcast: true });
    await refuses(post({ thread_ts: reply }), 'cannot_reply_to_message');
    await refuses(post({ thread_ts: '1.000001' }), 'thread_not_found');
    const [first, second] = slack.channel('#deploys').messages();
    expect([first?.plain, second?.plain, second?.broadcast]).toEqual(['root', 'loud', true]);
    expect(first?.thread().map(message => message.plain)).toEqual(['reply', 'loud']);
    const history = await client.conversations.history({ channel });
    expect(history.messages?.map(({ ts }) => ts)).toEqual([loud, root]);
    expect(history.messages?.[1]).toMatchObject({ reply_count: 2, latest_reply: loud });
    const replies = await client.conversations.replies({ channel, ts: root });
    expect(replies.messages?.map(({ ts }) => ts)).toEqual([root, reply, loud]);
    await refuses(client.conversations.replies({ channel, ts: '1.000001' }), 'thread_not_found');
  });

  it('gives histories page by page, between two moments', async () => {
    const all: string[] = [];
    for (const text of ['a', 'b', 'c', 'd', 'e']) all.push(await post({ text }));
    const first = await client.conversations.history({ channel, limit: 2 });
    expect(first.messages?.map(({ text }) => text)).toEqual(['e', 'd']);
    const cursor = first.response_metadata?.next_cursor ?? '';
    const second = await client.conversations.history({ channel, limit: 3, cursor });
    expect(second).toMatchObject({ has_more: false, messages: [{ text: 'c' }, { text: 'b' }, { text: 'a' }] });
    await refuses(client.conversations.history({ channel, cursor: 'nonsense' }), 'invalid_cursor');
    const between = { channel, oldest: all[1] ?? '', latest: all[3] ?? '' };
    const texts = async (more: object) =>
      (await client.conversations.history({ ...between, ...more })).messages?.map(({ text }) => text);
    expect(await texts({})).toEqual(['c']);
    expect(await texts({ inclusive: true })).toEqual(['d', 'c', 'b']);
  });

  it('opens direct messages, which only that person sees', async () => {
    await client.chat.postMessage({ channel: 'U0ANN', text: 'For you' });
    expect((await slack.person('ann').sees('For you')).byBot).toBe(true);
    expect(slack.person('bob').messages()).toEqual([]);
  });

  it('fails as it was told to, and then no more', async () => {
    slack.fails('chat.postMessage', { status: 500 });
    await expect(post()).rejects.toThrow('500');
    slack.fails('chat.postMessage', { error: 'invalid_blocks' }, 2);
    await refuses(post(), 'invalid_blocks');
    await refuses(post(), 'invalid_blocks');
    slack.fails('chat.postMessage', { status: 429, retryAfter: 7 });
    await expect(post()).rejects.toMatchObject({ retryAfter: 7 });
    slack.fails('chat.postMessage', { drop: 'before' });
    await expect(post({ text: 'never taken' })).rejects.toThrow();
    slack.fails('chat.postMessage', { drop: 'after' });
    await expect(post({ text: 'answer lost' })).rejects.toThrow();
    slack.fails('chat.postMessage', { delayMs: 300 });
    const at = performance.now();
    await post({ text: 'late' });
    expect(performance.now() - at).toBeGreaterThan(290);
    expect(
      slack
        .channel('#deploys')
        .messages()
        .map(({ plain }) => plain),
    ).toEqual(['answer lost', 'late']);
    expect(slack.calls.map(({ status, ok, error }) => [status, ok, error])).toEqual([
      [500, false, 'internal_error'],
      [200, false, 'invalid_blocks'],
      [200, false, 'invalid_blocks'],
      [429, false, 'ratelimited'],
      [null, false, null],
      [null, false, null],
      [200, true, null],
    ]);
  });

  it('takes one message a second in each channel, and each method so many times a minute', async () => {
    await start({ limits: true });
    vi.useFakeTimers({ toFake: ['Date'] });
    const ts = await post();
    await expect(post()).rejects.toMatchObject({ retryAfter: 1 });
    expect(await client.chat.postMessage({ channel: 'C0RANDOM', text: 'Hats' })).toMatchObject({ ok: true });
    vi.advanceTimersByTime(1_000);
    await post();
    for (let edit = 0; edit < 50; edit++) await client.chat.update({ channel, ts, text: `Hat ${edit}` });
    await expect(client.chat.update({ channel, ts, text: 'One more' })).rejects.toMatchObject({ retryAfter: 2 });
    await expect(client.conversations.history({ channel })).resolves.toMatchObject({ ok: true });
    vi.advanceTimersByTime(2_000);
    await client.chat.update({ channel, ts, text: 'One more' });
    expect(slack.calls.filter(({ status }) => status === 429)).toHaveLength(2);
  });
});
