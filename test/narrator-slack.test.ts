import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectSlack } from '../src/adapters/slack.ts';
import { type Chat, MessageRefused } from '../src/team.ts';
import { bareBlocks, plainBlocks } from '../views/plain.ts';
import { rootMessage } from '../views/root.ts';
import { deploys } from './sample-deploys.ts';

type Call = { method: string; ask: Record<string, string> };
type Answer = { status?: number; headers?: Record<string, string>; body: unknown; afterMs?: number };

let server: Server;
let chat: Chat;
let calls: Call[];
let answer: (call: Call) => Answer | 'hang up';

beforeEach(async () => {
  calls = [];
  answer = () => ({ body: { ok: true, ts: '1.1' } });
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const ask = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    const call = { method: request.url?.replace('/api/', '') ?? '', ask };
    calls.push(call);
    const given = answer(call);
    if (given === 'hang up') return response.destroy();
    await sleep(given.afterMs ?? 0);
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
    response.end(JSON.stringify(given.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  const slackApiUrl = `http://127.0.0.1:${typeof at === 'object' ? at?.port : ''}/api`;
  chat = connectSlack({
    botToken: 'xoxb-1',
    slackApiUrl,
    log: pino({ level: 'silent' }),
    plain: plainBlocks,
    bare: bareBlocks,
    unreadMs: 50,
  });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const key = { deploy: 'd1', key: 'root' };
const message = rootMessage(deploys['old code still serving']);
const no = (error: string): Answer => ({ body: { ok: false, error } });
const lookOf = (blocks = ''): string => {
  if (blocks === '[]') return 'sentence';
  if (blocks.includes('Slack refused the rest')) return 'buttons';
  return blocks.includes('task_card') ? 'cards' : 'lines';
};
const looks = (): string[] => calls.map(({ ask }) => lookOf(ask.blocks));

describe('a post', () => {
  it('carries its label, links nobody by name, and gives its ts', async () => {
    expect(await chat.post({ channel: 'C1', thread: '9.9', broadcast: true, message, key })).toEqual({
      ts: '1.1',
      taken: 'whole',
    });
    expect(calls).toMatchObject([
      {
        method: 'chat.postMessage',
        ask: { channel: 'C1', thread_ts: '9.9', reply_broadcast: 'true', text: message.text, link_names: 'false' },
      },
    ]);
    expect(JSON.parse(calls[0]?.ask.metadata ?? '')).toEqual({ event_type: 'switchover', event_payload: key });
  });

  it('is drawn in lines where cards are not taken, and from then on at once', async () => {
    answer = ({ ask }) =>
      ask.blocks?.includes('task_card') ? no('invalid_blocks') : { body: { ok: true, ts: '1.1' } };
    await chat.post({ channel: 'C1', message, key });
    await chat.update({ channel: 'C1', ts: '1.1', message });
    expect(looks()).toEqual(['cards', 'lines', 'lines']);
  });

  it('goes out as its sentence when no blocks are taken at all', async () => {
    answer = ({ ask }) => (ask.blocks === '[]' ? { body: { ok: true, ts: '1.1' } } : no('invalid_blocks'));
    expect(await chat.post({ channel: 'C1', message, key })).toEqual({ ts: '1.1', taken: 'sentence' });
    expect(looks()).toEqual(['cards', 'lines', 'buttons', 'sentence']);
  });

  it('is given up after 8 s, however many looks were refused until then', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    // A second is 50 ms here.
    const second = 50;
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(ms => timeout((ms / 1_000) * second));
    try {
      answer = () => ({ ...no('invalid_blocks'), afterMs: 5 * second });
      const from = performance.now();
      await expect(chat.post({ channel: 'C1', message, key })).rejects.not.toBeInstanceOf(MessageRefused);
      expect(performance.now() - from).toBeLessThan(10 * second);
      expect(looks()).toEqual(['cards', 'lines']);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it.each(['msg_blocks_too_long', 'msg_too_long', 'invalid_blocks_format'])(
    'that Slack finds %s goes out with its sentence and its buttons',
    async code => {
      answer = ({ ask }) => (lookOf(ask.blocks) === 'buttons' ? { body: { ok: true, ts: '1.1' } } : no(code));
      expect(await chat.post({ channel: 'C1', message, key })).toEqual({ ts: '1.1', taken: 'whole' });
      expect(looks()).toEqual(['cards', 'lines', 'buttons']);
      const sent = calls.at(-1)?.ask.blocks ?? '';
      expect(sent).toContain('"action_id":"roll-back"');
      expect(sent).toContain(JSON.stringify(message.text).slice(1, -1));
    },
  );

  it('that was only too long does not take the cards from those after it', async () => {
    let left = 1;
    answer = () => (left-- > 0 ? no('msg_blocks_too_long') : { body: { ok: true, ts: '1.1' } });
    await chat.post({ channel: 'C1', message, key });
    await chat.update({ channel: 'C1', ts: '1.1', message });
    expect(looks()).toEqual(['cards', 'lines', 'cards']);
  });

  it('that Slack wants later says when, is not repeated, and holds up nothing else', async () => {
    answer = ({ ask }) =>
      ask.channel === 'CBUSY'
        ? { status: 429, headers: { 'retry-after': '7' }, body: { ok: false, error: 'ratelimited' } }
        : { body: { ok: true, ts: '1.1' } };
    const refused = chat.post({ channel: 'CBUSY', message, key });
    await expect(refused).rejects.toMatchObject({ retryAfterMs: 7_000 });
    const from = performance.now();
    expect(await chat.post({ channel: 'CFREE', message, key })).toEqual({ ts: '1.1', taken: 'whole' });
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(calls).toHaveLength(2);
  });

  it.each<[string, Answer | 'hang up']>([
    ['is refused', no('is_archived')],
    ['meets a broken Slack', { status: 503, body: {} }],
    ['loses its answer', 'hang up'],
  ])('that %s is sent once and rejects', async (_, given) => {
    answer = () => given;
    await expect(chat.post({ channel: 'C1', message, key })).rejects.toThrow();
    expect(calls).toHaveLength(1);
  });
});

describe('a refusal', () => {
  it.each([
    ['is_archived', 'archived'],
    ['channel_not_found', 'not in it'],
    ['not_in_channel', 'not in it'],
    ['restricted_action', 'not allowed'],
    ['thread_not_found', 'thread'],
    ['msg_too_long', null],
    ['cant_update_message', null],
    ['token_revoked', 'not now'],
    ['is_inactive', 'archived'],
    ['external_channel_migrating', 'not now'],
  ])('%s says that nothing was posted, and what is gone: %s', async (code, gone) => {
    answer = () => no(code);
    const refused = await chat.post({ channel: 'C1', message, key }).catch(error => error);
    expect(refused).toBeInstanceOf(MessageRefused);
    expect(refused).toMatchObject({ gone, message: expect.stringContaining(code) });
  });

  it.each(['fatal_error', 'internal_error', 'update_failed'])(
    '%s of Slack leaves open whether it was posted',
    async code => {
      answer = () => no(code);
      await expect(chat.post({ channel: 'C1', message, key })).rejects.not.toBeInstanceOf(MessageRefused);
    },
  );
});

describe('a lost post', () => {
  const posted = (deploy: string, name: string, ts: string) => ({
    ts,
    metadata: { event_type: 'switchover', event_payload: { deploy, key: name } },
  });

  it('is found in its channel by its label, page by page', async () => {
    answer = ({ ask }) =>
      ask.cursor
        ? { body: { ok: true, messages: [posted('d1', 'root', '5.5')] } }
        : {
            body: {
              ok: true,
              messages: [{ ts: '7.7' }, posted('d2', 'root', '6.6'), posted('d1', 'reply:4', '6.5')],
              response_metadata: { next_cursor: 'more' },
            },
          };
    expect(await chat.find({ channel: 'C1', key, after: 1_000_000_000_000 })).toBe('5.5');
    expect(calls[0]).toMatchObject({
      method: 'conversations.history',
      ask: { include_all_metadata: 'true', oldest: '999999940.000000' },
    });
  });

  it('is not found where there is no thread, nor where it can never be looked for', async () => {
    const look = () => chat.find({ channel: 'C1', key, after: 0 });
    answer = () => no('thread_not_found');
    expect(await look()).toBeNull();
    answer = () => no('not_in_channel');
    await expect(look()).rejects.toThrow('C1 cannot be read: the bot is not in it just now');
    await expect.poll(() => look().catch(() => 'not known')).toBeNull();
  });

  it('counts as not there where a refusal to read lasts, and never because Slack is in trouble', async () => {
    const clock = vi.spyOn(performance, 'now');
    const look = (at: number) => {
      clock.mockReturnValue(at);
      return chat.find({ channel: 'C1', key, after: 0 });
    };
    try {
      answer = () => no('internal_error');
      await expect(look(0)).rejects.toThrow('internal_error');
      await expect(look(500_000)).rejects.toThrow('internal_error');
      answer = () => no('missing_scope');
      await expect(look(600_000)).rejects.toThrow('missing_scope');
      await expect(look(719_000)).rejects.toThrow('missing_scope');
      expect(await look(721_000)).toBeNull();
      // A refusal of long ago says nothing of this one.
      await expect(look(1_322_000)).rejects.toThrow('missing_scope');
    } finally {
      clock.mockRestore();
    }
  });

  it('is looked for in its thread', async () => {
    answer = () => ({ body: { ok: true, messages: [{ ts: '9.9', metadata: { event_type: 'x' } }] } });
    expect(await chat.find({ channel: 'C1', thread: '9.9', key, after: 0 })).toBeNull();
    expect(calls).toMatchObject([{ method: 'conversations.replies', ask: { ts: '9.9' } }]);
  });
});

describe('an edit', () => {
  it('of a message that somebody deleted is no failure', async () => {
    answer = () => no('message_not_found');
    await chat.update({ channel: 'C1', ts: '1.1', message });
  });

  it('that is refused otherwise rejects', async () => {
    answer = () => no('cant_update_message');
    await expect(chat.update({ channel: 'C1', ts: '1.1', message })).rejects.toThrow('cant_update_message');
  });
});
