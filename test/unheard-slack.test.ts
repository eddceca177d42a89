import { WebClient } from '@slack/web-api';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectSlack } from '../src/adapters/slack.ts';
import type { FactBody } from '../src/domain/deploy.ts';
import { Narrator } from '../src/narrator.ts';
import { Pace } from '../src/pace.ts';
import { bareBlocks, plainBlocks } from '../views/plain.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { FakeMessages } from './narrator-fakes.ts';
import { ANN, deployOf, STARTED_AT } from './sample-deploys.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';

// The same with Slack as it answers: a public channel that the bot is not in, and a thread that is gone.

let slack: Slack;
let narrator: Narrator;
let facts: [number, FactBody][];
let told: string[];

beforeEach(async () => {
  slack = await startSlack({
    ...{ signingSecret: 'secret', botToken: 'xoxb-1', users: { ann: { id: 'U0ANN' } } },
    channels: { deploys: { id: 'C0DEPLOYS', botIsIn: false } },
    scopes: ['chat:write', 'chat:write.public', 'channels:history'],
  });
  facts = [[0, { kind: 'started', by: ANN }]];
  told = [];
  const messages = new FakeMessages();
  const log = pino({ level: 'silent' });
  const access = { botToken: 'xoxb-1', slackApiUrl: slack.apiUrl, log };
  narrator = new Narrator({
    load: async () => deployOf(facts, { channel: 'C0DEPLOYS' }),
    ...{ messages, pace: new Pace(), instance: 'one', log, illustrate: async () => true, now: Date.now },
    chat: connectSlack({ ...access, plain: plainBlocks, bare: bareBlocks, unreadMs: 4_000 }),
    unheard: async (_, why) => void told.push(why),
    views: { root: rootMessage, reply: replyTo, late: () => ({ text: 'late', blocks: [] }) },
  });
});
afterEach(async () => {
  await narrator.stop();
  await slack.stop();
});

const { id } = deployOf([[0, { kind: 'started', by: ANN }]]);
const posted = () => slack.channel('deploys').messages();
function happens(body: FactBody): void {
  facts.push([(Date.now() - STARTED_AT) / 1000, body]);
  narrator.wake(id);
}
const CANCEL: FactBody = { kind: 'cancel asked', by: ANN };

describe('a channel that the bot is not in', () => {
  it.each([
    ['a 429', { status: 429, retryAfter: 1 }],
    ['a lost answer', { drop: 'before' as const }],
  ])('hears of a deploy after %s', async (_, trouble) => {
    slack.fails('chat.postMessage', trouble);
    narrator.wake(id);
    await expect.poll(() => posted().length, { timeout: 20_000 }).toBe(1);
  });

  it('gets no second root where the bot was out of it only for a moment', async () => {
    slack.fails('chat.postMessage', { drop: 'after' });
    narrator.wake(id);
    const looked = () => slack.calls.some(({ method }) => method === 'conversations.history');
    await expect.poll(looked, { timeout: 20_000 }).toBe(true);
    slack.removesBot('deploys', false);
    happens(CANCEL);
    const replies = () => posted().flatMap(message => message.thread());
    await expect.poll(() => replies().length, { timeout: 30_000 }).toBe(1);
    expect(posted().filter(({ inThreadOf }) => inThreadOf === null)).toHaveLength(1);
  });

  it('gets the root anew, with its buttons, when somebody deleted it before there was a reply', async () => {
    narrator.wake(id);
    await expect.poll(() => posted().length, { timeout: 20_000 }).toBe(1);
    const client = new WebClient('xoxb-1', { slackApiUrl: slack.apiUrl });
    const gone = posted()[0]?.ts ?? '';
    await client.chat.delete({ channel: 'C0DEPLOYS', ts: gone });
    happens(CANCEL);
    const replies = () => posted().flatMap(message => message.thread());
    await expect.poll(() => replies().map(({ text }) => text), { timeout: 30_000 }).toHaveLength(1);
    expect(replies()[0]?.text).toContain('is being called off');
    expect(replies()[0]?.inThreadOf?.ts).not.toBe(gone);
  });

  it('is told of to whoever started the deploy, when it was archived', async () => {
    slack.archives('deploys');
    narrator.wake(id);
    await expect.poll(() => told, { timeout: 20_000 }).toEqual(['archived']);
  });
});
