import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Budget } from '../src/domain/budget.ts';
import type { FactBody } from '../src/domain/deploy.ts';
import { type Late, lateOnes } from '../src/late.ts';
import { Narrator } from '../src/narrator.ts';
import { Pace } from '../src/pace.ts';
import { lateReplies } from '../views/late.ts';
import { FakeMessages, FakeSlack } from './narrator-fakes.ts';
import { ANN, deployOf, STARTED_AT } from './sample-deploys.ts';

// Many deploys told at once, under Slack's own limits, in a time that the test turns on.

const busy = (s: number) => Object.assign(new Error('ratelimited'), { retryAfterMs: s * 1000 });
/** The fact that everybody must hear of. */
const LOUD = 15;
const FAILED: FactBody = { kind: 'trouble', stage: 'Build', error: 'no', attempt: 1 };
const END: FactBody = { kind: 'ended', outcome: 'succeeded', why: '' };

/** A Slack that keeps its limits: a message a second in each channel, 50 edits in any minute; and counts refusals. */
class StrictSlack extends FakeSlack {
  refusals = 0;
  away = false;
  readonly #posts = new Map<string, number>();
  #edits: number[] = [];

  override trouble = (what: 'post' | 'find' | 'update', channel: string) => {
    const now = Date.now();
    if (this.away) return { before: new Error('no answer') };
    const refused = this.strict(what, channel);
    if (refused) return refused;
    if (what === 'post') {
      if (now - (this.#posts.get(channel) ?? 0) < 1_000) return this.#refuse(1);
      this.#posts.set(channel, now);
    }
    if (what === 'update') {
      this.#edits = this.#edits.filter(at => at > now - 60_000);
      if (this.#edits.length >= 50) return this.#refuse(5);
      this.#edits.push(now);
    }
    return undefined;
  };

  /** Refusals of the test's own, by channel. */
  strict: (what: 'post' | 'find' | 'update', channel: string) => { before: Error } | undefined = () => undefined;

  #refuse(seconds: number) {
    this.refusals++;
    return { before: busy(seconds) };
  }
}

let slack: StrictSlack;
let messages: FakeMessages;
let facts: Map<string, [number, FactBody][]>;
let channels: Map<string, string>;
/** Facts whose replies are cards: edited with every fact. */
let cards: Set<number>;
let narrator: Narrator;
let others: Narrator[];
/** By how much, ms, the bot's clock is ahead of the one that dates the facts. */
let ahead: number;

function startNarrator(instance = 'one', pace = new Pace()): Narrator {
  return new Narrator({
    load: async id => {
      const told = facts.get(id);
      return told ? { ...deployOf(told, { channel: channels.get(id) ?? 'C1' }), id } : null;
    },
    messages,
    chat: slack,
    illustrate: async () => true,
    unheard: async () => {},
    pace,
    views: {
      // How many facts a root message shows can be read from it.
      root: deploy => ({ text: `${deploy.facts.length}`, blocks: [] }),
      reply: ({ seq, kind }, deploy) => {
        if (cards.has(seq))
          return { message: { text: `card of ${deploy.facts.length}`, blocks: [] }, broadcast: false, live: true };
        if (kind === 'trouble')
          return { message: { text: `<@U0ANN> look at fact ${seq}.`, blocks: [] }, broadcast: false };
        return seq % 3 === 0 || kind === 'ended'
          ? { message: { text: `fact ${seq}.`, blocks: [] }, broadcast: kind === 'ended' || seq === LOUD }
          : null;
      },
      late: (replies: readonly Late[]) => ({ text: replies.map(({ message }) => message.text).join(' '), blocks: [] }),
    },
    instance,
    now: () => Date.now() - ahead,
    log: { warn: () => {}, error: () => {} },
  });
}

beforeEach(() => {
  vi.useFakeTimers({ now: STARTED_AT });
  slack = new StrictSlack();
  messages = new FakeMessages();
  facts = new Map();
  channels = new Map();
  cards = new Set();
  ahead = 0;
  others = [];
  narrator = startNarrator();
});

afterEach(async () => {
  const stopped = Promise.all([narrator, ...others].map(each => each.stop()));
  await vi.advanceTimersByTimeAsync(10_000);
  await stopped;
  vi.useRealTimers();
});

const now = () => (Date.now() - ahead - STARTED_AT) / 1000;
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
function begin(id: string, channel = 'C1'): void {
  channels.set(id, channel);
  facts.set(id, [[now(), { kind: 'started', by: ANN }]]);
  messages.deploys.push(id);
  narrator.wake(id);
}
function happens(id: string, body: FactBody = { kind: 'uploaded', url: '', bytes: 1 }): void {
  facts.get(id)?.push([now(), body]);
  narrator.wake(id);
}

/** For how long, in s, the first fact that a root message does not show has been waiting for it. */
function ageOf(id: string): number {
  const root = slack.root(id);
  const shown = root ? Number(root.edits.at(-1) ?? root.text) : 0;
  const waiting = facts.get(id)?.[shown];
  return waiting ? now() - waiting[0] : 0;
}

describe('many deploys at once in one channel', () => {
  it.each([
    [20, 30],
    [100, 150],
  ])('%i of them: no root message is older than %i s, and last states overtake', async (count, limit) => {
    const ids = Array.from({ length: count }, (_, index) => `d${index}`);
    for (const id of ids) begin(id);
    let oldest = 0;
    const ended = new Map<string, number>();
    for (let second = 0; second < 600; second++) {
      // Each deploy comes to something new every 50 s, and they end one after the other.
      for (const [index, id] of ids.entries()) {
        if (ended.has(id) || (second + index) % 50 !== 0) continue;
        const isOver = second > 300 + (index * 200) / count;
        happens(id, isOver ? END : undefined);
        if (isOver) ended.set(id, second);
      }
      await seconds(1);
      oldest = Math.max(oldest, ...ids.map(ageOf));
    }
    expect(oldest).toBeLessThanOrEqual(limit);
    expect(slack.refusals).toBe(0);
    await seconds(count * 6);
    for (const id of ids) {
      const told = facts.get(id)?.length ?? 0;
      expect(slack.root(id)?.edits.at(-1)).toBe(`${told}`);
      const replies = slack.posted.filter(({ key }) => key.startsWith(`${id} reply`)).map(({ text }) => text);
      const order = replies.flatMap(text => text.match(/\d+/g) ?? []).map(Number);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(order.at(-1)).toBe(told);
    }
  });

  /** How long it takes, s, until its end is shown, where all the others have waited for long. */
  async function endsAmong(count: number, id: string): Promise<number> {
    const ids = Array.from({ length: count }, (_, index) => `d${index}`);
    for (const other of ids) begin(other);
    const busily = async (isOver: () => boolean): Promise<void> => {
      for (let second = 0; !isOver(); second++) {
        for (const [index, other] of ids.entries()) if (other !== id && (second + index) % 20 === 0) happens(other);
        await seconds(1);
      }
    };
    const from = now() + 240;
    await busily(() => now() >= from);
    happens(id, END);
    await busily(() => slack.root(id)?.edits.at(-1) === `${facts.get(id)?.length}`);
    return now() - from;
  }

  it.each([
    [45, 10],
    [100, 60],
  ])(
    'a last state is before all that has waited for less than a minute: among %i, within %i s',
    async (count, within) => {
      expect(await endsAmong(count, 'd30')).toBeLessThanOrEqual(within);
    },
  );

  it('a last state whose first edit failed is before all else, too', async () => {
    begin('d', 'C2');
    let failures = 0;
    slack.strict = (what, channel) =>
      what === 'update' && channel === 'C2' && failures++ === 0 ? { before: new Error('no answer') } : undefined;
    expect(await endsAmong(45, 'd')).toBeLessThanOrEqual(15);
    expect(failures).toBeGreaterThan(1);
  });

  it('what people must hear of does not wait behind what they need not', async () => {
    for (let index = 0; index < 30; index++) begin(`d${index}`);
    await seconds(60);
    for (let index = 0; index < 30; index++) for (let seq = 2; seq <= 9; seq++) happens(`d${index}`);
    for (let seq = 10; seq <= LOUD; seq++) happens('d29');
    const from = Date.now();
    await seconds(60);
    const loud = slack.posted.find(({ key, broadcast }) => key.startsWith('d29 ') && broadcast);
    expect(((loud?.at ?? Number.POSITIVE_INFINITY) - from) / 1000).toBeLessThan(6);
  });

  it.each([
    ['what people must hear of', END, /^fact 4/],
    ['what people are asked', undefined, /^card/],
    ['what somebody is called to', FAILED, /^<@U0ANN> look at fact 4/],
  ])('%s does not wait for what its own thread had asked a turn for', async (_, body, words) => {
    if (!body) cards.add(4);
    for (let index = 0; index < 60; index++) begin(`d${index}`);
    await seconds(90);
    for (let index = 0; index < 60; index++) for (let seq = 2; seq <= 3; seq++) happens(`d${index}`);
    await seconds(2);
    happens('d59', body);
    const from = Date.now();
    await seconds(120);
    const loud = slack.posted.find(({ key, text }) => key.startsWith('d59 ') && words.test(text));
    expect(((loud?.at ?? Number.POSITIVE_INFINITY) - from) / 1000).toBeLessThan(6);
    expect(slack.told('d59').slice(1, 3)).toEqual(['fact 3.', expect.stringMatching(words)]);
  });
});

describe('three processes that share what Slack allows', () => {
  /** Edits that were given a place. */
  let places: number;
  /** By how much, ms, each budget is used up. */
  let due: Map<string, number>;
  const shared = {
    alone: () => false,
    async take({ name, everyMs, atOnce }: Budget): Promise<number> {
      const ahead = Math.max(due.get(name) ?? 0, Date.now()) - Date.now();
      const wait = ahead - (atOnce - 1) * everyMs;
      if (wait > 0) return wait;
      due.set(name, Date.now() + ahead + everyMs);
      if (name === 'edits') places++;
      return 0;
    },
  };

  beforeEach(async () => {
    await narrator.stop();
    [places, due] = [0, new Map()];
    others = ['one', 'two', 'three'].map(instance => startNarrator(instance, new Pace(shared)));
  });
  const wakeAll = () => others.forEach(each => void each.wakeAll());

  it('show 100 stale root messages within 150 s, and take no place in vain', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `d${index}`);
    for (const [index, id] of ids.entries()) begin(id, `C${index}`);
    wakeAll();
    await seconds(60);
    places = 0;
    const claims = new Set<string>();
    const mayEdit = messages.mayEdit.bind(messages);
    messages.mayEdit = async (deploy, known, by) => {
      const may = await mayEdit(deploy, known, by);
      if (may) claims.add(`${deploy} by ${by}`);
      return may;
    };
    for (const id of ids) happens(id);
    wakeAll();
    await seconds(150);
    expect(ids.filter(id => ageOf(id) > 0)).toEqual([]);
    await seconds(60);
    // Nor does another process queue for what one waits to edit.
    expect([slack.edits.length, places, claims.size, slack.refusals]).toEqual([100, 100, 100, 0]);
  });
});

describe('a card', () => {
  beforeEach(async () => {
    cards.add(2);
    begin('d1');
    await seconds(5);
  });

  it('that had to wait says what is true when it is posted', async () => {
    begin('d2');
    slack.strict = what => (what === 'post' && now() < 6 ? { before: busy(20) } : undefined);
    await seconds(1);
    happens('d1');
    await seconds(5);
    happens('d1', END);
    await seconds(60);
    expect(slack.told('d1').slice(1)).toEqual(['card of 3', 'fact 3.']);
  });

  it('that was on its way when its deploy ended is brought up to date', async () => {
    const post = slack.post.bind(slack);
    slack.post = async ask => {
      await new Promise(next => setTimeout(next, 5_000));
      return post(ask);
    };
    happens('d1');
    await seconds(2);
    happens('d1', END);
    await seconds(60);
    const card = slack.posted.find(({ text }) => text.startsWith('card'));
    expect([card?.text, card?.edits]).toEqual(['card of 2', ['card of 3']]);
    expect(await messages.unfinished()).toEqual([]);
  });
});

describe('edits', () => {
  it('of many cards keep to the budget that root messages have too, and come to their last state', async () => {
    cards.add(2);
    const ids = Array.from({ length: 30 }, (_, index) => `d${index}`);
    for (const [index, id] of ids.entries()) begin(id, `C${index}`);
    await seconds(5);
    for (const id of ids) happens(id);
    await seconds(5);
    for (let time = 0; time < 4; time++) {
      for (const id of ids) happens(id, { kind: 'build started', build: 'b' });
      await seconds(20);
    }
    await seconds(120);
    expect(slack.refusals).toBe(0);
    const shown = slack.posted.filter(({ text }) => text.startsWith('card')).map(({ edits }) => edits.at(-1));
    expect(shown).toEqual(ids.map(() => 'card of 6'));
  });

  it('that are refused keep no announcement waiting, nor one that hangs', async () => {
    cards.add(2);
    slack.strict = what => (what === 'update' ? { before: busy(60) } : undefined);
    begin('d1');
    begin('d2', 'C2');
    const update = slack.update.bind(slack);
    slack.update = ask => (ask.channel === 'C2' ? new Promise(() => {}) : update(ask));
    await seconds(3);
    for (const id of ['d1', 'd2']) happens(id);
    await seconds(3);
    for (const id of ['d1', 'd2']) for (let seq = 3; seq <= LOUD; seq++) happens(id);
    await seconds(8);
    for (const id of ['d1', 'd2']) expect(slack.told(id)).toContain(`fact ${LOUD}.`);
  });

  async function refusedIn(busyChannels: readonly string[]): Promise<Record<string, number[]>> {
    const asked: Record<string, number[]> = { CA: [], CB: [], CFREE: [] };
    slack.strict = (what, channel) => {
      if (what !== 'update') return undefined;
      asked[channel]?.push(now());
      return busyChannels.includes(channel) && now() < 30 ? { before: busy(30) } : undefined;
    };
    const ids = { d1: 'CA', d2: 'CB', d3: 'CFREE' };
    for (const [id, channel] of Object.entries(ids)) begin(id, channel);
    await seconds(2);
    for (let second = 0; second < 60; second++) {
      for (const id of Object.keys(ids)) happens(id, { kind: 'build started', build: 'b' });
      await seconds(1);
    }
    return asked;
  }

  it('that one channel refuses are left alone there, and delay no other channel', async () => {
    const asked = await refusedIn(['CA']);
    expect(asked.CA?.filter(at => at < 30)).toHaveLength(1);
    expect(asked.CFREE?.filter(at => at < 30).length).toBeGreaterThan(5);
    expect(asked.CA?.length).toBeGreaterThan(3);
    expect(slack.root('d1')?.edits.length).toBeGreaterThan(2);
  });

  it('that two channels refuse are the workspace’s to refuse: all wait', async () => {
    const asked = await refusedIn(['CA', 'CB']);
    const refused = Math.max(asked.CA?.[0] ?? 0, asked.CB?.[0] ?? 0);
    const meanwhile = Object.values(asked).flatMap(times => times.filter(at => at > refused && at < refused + 30));
    expect(meanwhile).toEqual([]);
    expect(asked.CFREE?.some(at => at >= refused + 30)).toBe(true);
  });
});

describe('Slack away for an hour', () => {
  // The first was being posted when Slack went away.
  const CAUGHT_UP = ['fact 3.', 'fact 6. fact 9. fact 12.', 'fact 15.', 'fact 17.'];
  async function comeBack(): Promise<string[]> {
    begin('d1');
    await seconds(5);
    slack.away = true;
    for (let seq = 2; seq <= 16; seq++) {
      happens('d1');
      await seconds(240);
    }
    happens('d1', END);
    slack.away = false;
    await seconds(120);
    return slack.told('d1').slice(1);
  }

  it('is caught up with in order, the quiet ones shortened', async () => {
    expect(await comeBack()).toEqual(CAUGHT_UP);
    expect(slack.root('d1')?.edits.at(-1)).toBe('17');
  });

  it('is caught up with once, though the bot dies after Slack took what was shortened', async () => {
    let killed = false;
    const post = slack.post.bind(slack);
    slack.post = async ask => {
      const ts = await post(ask);
      if (!ask.message.text.includes('. ') || killed) return ts;
      killed = true;
      void narrator.stop();
      narrator = startNarrator('two');
      return new Promise(() => {});
    };
    expect(await comeBack()).toEqual(CAUGHT_UP);
    expect(killed).toBe(true);
  });

  it('is not what a bot whose clock is an hour ahead takes it for', async () => {
    ahead = 3_600_000;
    vi.setSystemTime(STARTED_AT + ahead);
    begin('d1');
    for (let seq = 2; seq <= 6; seq++) happens('d1');
    await seconds(30);
    expect(slack.told('d1').slice(1)).toEqual(['fact 3.', 'fact 6.']);
  });

  it('calls whom it would have called: what does so is told by itself', () => {
    const missing = ['Old code serves.', 'Look at it, <@U0ANN>.', 'It is gone.'].map((text, index) => ({
      ...{ message: { text, blocks: [] }, broadcast: false, fact: { seq: index, at: '2026-01-01T00:00:00.000Z' } },
    }));
    const now = Date.parse('2026-01-01T01:00:00.000Z');
    expect([lateOnes(missing, new Set(), now), lateOnes(missing.slice(1), new Set(), now)]).toEqual([1, 0]);
  });

  it('is said so, with the time of each', () => {
    const late = lateReplies([
      { message: { text: 'Old code is still serving. It will for a while.' }, at: '2026-11-23T12:00:00Z' },
      { message: { text: 'New code serves: shop runs v5. Proved.' }, at: '2026-11-23T12:03:00Z' },
    ]);
    expect(JSON.stringify(late)).toMatch(/could not be written.*12:00:00.*Old code is still serving\.\\n/);
    expect(JSON.stringify(late)).not.toContain('for a while');
  });
});
