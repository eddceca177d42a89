import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deploy, FactBody } from '../src/domain/deploy.ts';
import { Narrator } from '../src/narrator.ts';
import { Pace } from '../src/pace.ts';
import { MessageRefused } from '../src/team.ts';
import { unheardNotice } from '../views/unheard.ts';
import { FakeMessages, FakeSlack } from './narrator-fakes.ts';
import { ANN, deployOf, deploys, STARTED_AT } from './sample-deploys.ts';
import { expectSafe } from './untrusted.ts';

// What Slack refuses for good, and where it does not let the bot look.

let slack: FakeSlack;
let messages: FakeMessages;
let facts: [number, FactBody][];
let narrator: Narrator;
/** To whom it was said that the channel takes nothing, as id and reason. */
let said: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: STARTED_AT });
  slack = new FakeSlack();
  messages = new FakeMessages();
  facts = [[0, { kind: 'started', by: ANN }]];
  said = [];
  narrator = new Narrator({
    load: async () => deployOf(facts),
    ...{ messages, chat: slack, pace: new Pace(), instance: 'one', illustrate: async () => true, now: Date.now },
    unheard: async (deploy, why) => {
      const { id } = unheardNotice(deploy, why);
      if (!said.includes(`${id}: ${why}`)) said.push(`${id}: ${why}`);
    },
    views: {
      root: ({ facts }: Deploy) => ({ text: `${facts.length} facts`, blocks: [] }),
      reply: ({ seq, kind }) =>
        kind === 'started' ? null : { message: { text: `fact ${seq}`, blocks: [] }, broadcast: false },
      late: replies => ({ text: replies.map(({ message }) => message.text).join(' + '), blocks: [] }),
    },
    log: { warn: () => {}, error: () => {} },
  });
  messages.deploys.push(deployOf(facts).id);
});

afterEach(async () => {
  const stopped = narrator.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  await stopped;
  vi.useRealTimers();
});

const { id } = deployOf([[0, { kind: 'started', by: ANN }]]);
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const END: FactBody = { kind: 'ended', outcome: 'succeeded', why: '' };
function happens(body: FactBody = { kind: 'build started', build: 'b' }): void {
  facts.push([(Date.now() - STARTED_AT) / 1000, body]);
  narrator.wake(id);
}
const texts = (): string[] => slack.posted.map(({ text }) => text);
const archived = { before: new MessageRefused('is_archived', 'archived') };

describe('a channel in which the bot may post but not read', () => {
  it('hears of everything after a 429, which surely posted nothing', async () => {
    let left = 1;
    slack.trouble = what => {
      if (what === 'find') return { before: new Error('not_in_channel') };
      if (what !== 'post' || left-- <= 0) return undefined;
      return { before: Object.assign(new Error('ratelimited'), { retryAfterMs: 2_000 }) };
    };
    happens();
    await seconds(30);
    expect(texts()).toEqual(['2 facts', 'fact 2']);
  });

  it('hears of everything after a plain no', async () => {
    let left = 1;
    slack.trouble = what => {
      if (what === 'find') return { before: new Error('not_in_channel') };
      return what === 'post' && left-- > 0 ? { before: new MessageRefused('too_many', null) } : undefined;
    };
    happens();
    await seconds(30);
    expect(texts()).toEqual(['2 facts', 'fact 2']);
  });
});

it('a message whose answer was lost is not posted again, though the channel took nothing and was not readable in between', async () => {
  let posts = 0;
  slack.trouble = what => {
    if (what !== 'post' || posts > 2) return undefined;
    if (++posts === 1) return { after: new Error('no answer') };
    return { before: new MessageRefused('not_in_channel', 'not in it') };
  };
  const find = slack.find.bind(slack);
  slack.find = async ask => (posts > 2 ? find(ask) : null);
  narrator.wake(id);
  await seconds(120);
  expect(posts).toBeGreaterThan(2);
  expect(slack.posted.filter(({ key }) => key === `${id} root`)).toHaveLength(1);
});

describe('a root message that somebody deleted', () => {
  /** Slack knows no thread of it. */
  function deleted(): void {
    const gone = slack.root(id)?.ts;
    const post = slack.post.bind(slack);
    slack.post = ask =>
      ask.thread === gone ? Promise.reject(new MessageRefused('thread_not_found', 'thread')) : post(ask);
    for (const known of slack.posted) if (known.ts === gone) known.key = 'deleted';
  }

  it.each([
    ['goes on', []],
    ['has ended by then', [END]],
  ])('before its first reply is posted anew, and the thread is there, when the deploy %s', async (_, then) => {
    narrator.wake(id);
    await seconds(5);
    deleted();
    happens();
    for (const body of then) happens(body);
    await seconds(60);
    const root = slack.root(id);
    expect(root?.text).toBe(`${facts.length} facts`);
    const replies = slack.posted.filter(({ thread }) => thread !== undefined);
    expect(replies.map(({ text }) => text)).toEqual(['fact 2', ...then.map(() => 'fact 3')]);
    expect(new Set(replies.map(({ thread }) => thread))).toEqual(new Set([root?.ts]));
    expect(await messages.unfinished()).toEqual(then.length > 0 ? [] : [id]);
  });
});

describe('a channel that takes nothing any more', () => {
  it('is tried ever more seldom, whoever started the deploy is told, and all comes when it is mended', async () => {
    narrator.wake(id);
    await seconds(5);
    let tried = 0;
    slack.trouble = what => {
      if (what === 'post') tried++;
      return what === 'find' ? undefined : archived;
    };
    happens();
    await seconds(5);
    expect(said).toEqual([`unheard ${id}: archived`]);
    await seconds(3_600);
    expect(tried).toBeLessThanOrEqual(20);
    happens(END);
    await seconds(600);
    expect(said).toEqual([`unheard ${id}: archived`, `unheard ${id} at its end: archived`]);
    slack.trouble = () => undefined;
    await seconds(400);
    expect(texts()).toEqual(['1 facts', 'fact 2 + fact 3']);
    expect(slack.root(id)?.edits.at(-1)).toBe('3 facts');
    expect(await messages.unfinished()).toEqual([]);
  });

  it('is told of though nothing but an edit was to come', async () => {
    happens();
    await seconds(10);
    slack.trouble = () => archived;
    facts.push([20, { kind: 'started', by: ANN }]);
    narrator.wake(id);
    await seconds(60);
    expect(said).toEqual([`unheard ${id}: archived`]);
  });

  it.each(['archived', 'not in it', 'not allowed'] as const)(
    '(%s) is told with how the deploy stands, and what to do',
    why => {
      const running = unheardNotice(deploys['old code still serving'], why);
      expectSafe(running.message);
      expect(running.channel).toBe(ANN);
      const words = JSON.stringify(running.message.blocks);
      for (const part of ['Nobody in <#C0DEPLOYS> hears', '/deploy status shop', 'within five minutes'])
        expect(words).toContain(part);
      const over = unheardNotice(deploys.succeeded, why);
      expectSafe(over.message);
      expect(over.id).not.toBe(running.id);
      expect(JSON.stringify(over.message.blocks)).not.toContain('It goes on');
    },
  );
});
