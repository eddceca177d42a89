import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Deploy, FactBody } from '../src/domain/deploy.ts';
import type { Late } from '../src/late.ts';
import { Narrator } from '../src/narrator.ts';
import { Pace } from '../src/pace.ts';
import { MessageRefused } from '../src/team.ts';
import { FakeMessages, FakeSlack } from './narrator-fakes.ts';
import { ANN, deployOf } from './sample-deploys.ts';

let slack: FakeSlack;
let messages: FakeMessages;
let facts: Map<string, [number, FactBody][]>;
let channels: Map<string, string>;
const narrators: Narrator[] = [];

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-23T12:00:00Z') });
  slack = new FakeSlack();
  messages = new FakeMessages();
  facts = new Map();
  channels = new Map();
});

afterEach(async () => {
  const stopped = Promise.all(narrators.splice(0).map(narrator => narrator.stop()));
  await vi.advanceTimersByTimeAsync(10_000);
  await stopped;
  vi.useRealTimers();
});

/** The root tells how many facts there are; a reply is made of every second fact, and of the last. */
const views = {
  root: (deploy: Deploy) => ({ text: `${deploy.id}: ${deploy.facts.length} facts`, blocks: [] }),
  reply: ({ seq, kind }: { seq: number; kind: string }, deploy: Deploy) =>
    seq % 2 === 0 || kind === 'ended'
      ? { message: { text: `${deploy.id}: fact ${seq}`, blocks: [] }, broadcast: kind === 'ended' }
      : null,
  late: (replies: readonly Late[]) => ({ text: replies.map(({ message }) => message.text).join(' + '), blocks: [] }),
};

function start(instance = 'one', pace = new Pace()): Narrator {
  const narrator = new Narrator({
    load: async id => {
      const told = facts.get(id);
      return told ? { ...deployOf(told, { channel: channels.get(id) ?? 'C1' }), id } : null;
    },
    messages,
    chat: slack,
    illustrate: async () => true,
    unheard: async () => {},
    pace,
    views,
    instance,
    now: Date.now,
    log: { warn: () => {}, error: () => {} },
  });
  narrators.push(narrator);
  return narrator;
}

function begin(deploy: string, channel = 'C1'): void {
  channels.set(deploy, channel);
  messages.deploys.push(deploy);
  facts.set(deploy, [[0, { kind: 'started', by: ANN }]]);
}

function happens(
  deploy: string,
  narrator: Narrator | null,
  body: FactBody = { kind: 'build started', build: 'b' },
): void {
  facts.get(deploy)?.push([(Date.now() - Date.parse('2026-11-23T12:00:00Z')) / 1000, body]);
  narrator?.wake(deploy);
}

const END: FactBody = { kind: 'ended', outcome: 'succeeded', why: '' };
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const busy = (s: number) => Object.assign(new Error('ratelimited'), { retryAfterMs: s * 1000 });

describe('what is told', () => {
  it('is one root message, then a reply for each fact worth one, in order, in its thread', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    for (let i = 0; i < 5; i++) happens('d1', narrator);
    happens('d1', narrator, END);
    await seconds(20);
    expect(slack.told('d1')).toEqual(['d1: 7 facts', 'd1: fact 2', 'd1: fact 4', 'd1: fact 6', 'd1: fact 7']);
    expect(slack.root('d1')?.edits).toEqual([]);
    const root = slack.root('d1');
    expect(slack.posted.slice(1).every(({ thread }) => thread === root?.ts)).toBe(true);
    expect(slack.posted.map(({ broadcast }) => broadcast)).toEqual([false, false, false, false, true]);
    expect(await messages.unfinished()).toEqual([]);
  });

  it('is resumed by a start, without anybody waking it', async () => {
    begin('d1');
    happens('d1', null);
    start();
    await seconds(5);
    expect(slack.told('d1')).toEqual(['d1: 2 facts', 'd1: fact 2']);
  });

  it('is taken over from a bot that died, also by one that runs already', async () => {
    start('two');
    await seconds(1);
    begin('d1');
    await seconds(25);
    expect(slack.told('d1')).toEqual(['d1: 1 facts']);
  });

  it('comes to a channel at most once a second, whichever deploys it is about', async () => {
    const narrator = start();
    for (const id of ['d1', 'd2', 'd3']) {
      begin(id);
      happens(id, narrator);
    }
    await seconds(15);
    const times = slack.posted.map(({ at }) => at);
    expect(times).toHaveLength(6);
    for (const [index, at] of times.entries()) {
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
    }
  });
});

describe('the root message', () => {
  it('is edited at most every three seconds, and only when it would change', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(1);
    for (let i = 0; i < 20; i++) {
      happens('d1', narrator, { kind: 'build started', build: 'b' });
      await seconds(0.5);
    }
    await seconds(30);
    const times = slack.edits.map(({ at }) => at);
    for (const [index, at] of times.entries()) {
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(3_000);
    }
    expect(times.length).toBeLessThanOrEqual(5);
    expect(slack.edits.at(-1)?.text).toBe('d1: 21 facts');
  });

  it('is edited more rarely when many deploys run', async () => {
    const narrator = start();
    const many = Array.from({ length: 9 }, (_, i) => `d${i}`);
    for (const id of many) begin(id, `C${id}`);
    for (const id of many) narrator.wake(id);
    for (let second = 0; second < 60; second++) {
      for (const id of many) happens(id, narrator, { kind: 'uploaded', url: '', bytes: 1 });
      await seconds(1);
    }
    expect(slack.edits.filter(({ text }) => text.startsWith('d3')).length).toBeLessThanOrEqual(6);
    expect(slack.edits.length).toBeLessThanOrEqual(50);
  });

  it('gets its last state at once', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(0.1);
    happens('d1', narrator, END);
    await seconds(0.1);
    expect(slack.root('d1')?.edits).toEqual(['d1: 2 facts']);
  });

  it('does not hold up the thread when Slack wants no more edits', async () => {
    const narrator = start();
    slack.trouble = what => (what === 'update' ? { before: busy(30) } : undefined);
    begin('d1');
    narrator.wake('d1');
    await seconds(4);
    happens('d1', narrator);
    await seconds(2);
    happens('d1', narrator);
    happens('d1', narrator);
    await seconds(3);
    expect(slack.told('d1')).toEqual(['d1: 1 facts', 'd1: fact 2', 'd1: fact 4']);
    slack.trouble = () => undefined;
    await seconds(35);
    expect(slack.root('d1')?.edits).toEqual(['d1: 4 facts']);
  });
});

describe('said only once, never lost', () => {
  it('a post whose answer was lost is found again instead of being repeated', async () => {
    const narrator = start();
    let lost = 0;
    slack.trouble = what => (what === 'post' && lost++ === 0 ? { after: new Error('socket hang up') } : undefined);
    begin('d1');
    narrator.wake('d1');
    await seconds(10);
    expect(slack.told('d1')).toEqual(['d1: 1 facts']);
    happens('d1', narrator);
    await seconds(10);
    expect(slack.told('d1')).toEqual(['d1: 1 facts', 'd1: fact 2']);
    expect(slack.root('d1')?.edits.at(-1)).toBe('d1: 2 facts');
  });

  it('a root message that Slack posts after all, long after it got no answer, is not posted again', async () => {
    const post = slack.post.bind(slack);
    let calls = 0;
    slack.post = async ask => {
      if (++calls > 1) return post(ask);
      setTimeout(() => void post(ask), 17_000);
      await new Promise(next => setTimeout(next, 8_000));
      throw new Error('no answer within 8 s');
    };
    begin('d1');
    start().wake('d1');
    await seconds(60);
    expect(slack.told('d1').filter(text => text.startsWith('d1: '))).toHaveLength(1);
    expect(calls).toBe(1);
  });

  it('a state that Slack carries out after all, long after it got no answer, does not stay over a later one', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(5);
    const update = slack.update.bind(slack);
    let calls = 0;
    slack.update = async ask => {
      if (++calls > 1) return update(ask);
      setTimeout(() => void update(ask), 18_000);
      await new Promise(next => setTimeout(next, 8_000));
      throw new Error('no answer within 8 s');
    };
    happens('d1', narrator);
    await seconds(4);
    happens('d1', narrator, END);
    await seconds(10);
    expect(slack.root('d1')?.edits).toEqual(['d1: 3 facts']);
    await seconds(60);
    expect(slack.root('d1')?.edits).toEqual(['d1: 3 facts', 'd1: 2 facts', 'd1: 3 facts']);
    expect(await messages.unfinished()).toEqual([]);
  });

  it('a newer state is not kept waiting by one that may have to be shown twice', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(5);
    slack.trouble = what => (what === 'update' ? { before: new Error('socket hang up') } : undefined);
    happens('d1', narrator);
    await seconds(1);
    slack.trouble = () => undefined;
    await seconds(6);
    happens('d1', narrator, END);
    await seconds(1);
    expect(slack.root('d1')?.edits).toEqual(['d1: 2 facts', 'd1: 3 facts']);
    await seconds(60);
    expect(slack.root('d1')?.edits).toEqual(['d1: 2 facts', 'd1: 3 facts', 'd1: 3 facts']);
  });

  it('a bot that died after Slack took the post, before it was kept, posts it no second time when it is back', async () => {
    const keep = messages.keep.bind(messages);
    messages.keep = async () => {
      throw new Error('killed');
    };
    begin('d1');
    const dead = start('one');
    await seconds(0.2);
    await dead.stop();
    expect(slack.told('d1')).toHaveLength(1);
    messages.keep = keep;
    start('two');
    await seconds(45);
    happens('d1', narrators.at(-1) ?? null);
    await seconds(45);
    expect(slack.told('d1')).toEqual(['d1: 1 facts', 'd1: fact 2']);
  });

  it('a bot that died before it posted leaves nothing out', async () => {
    begin('d1');
    await messages.claim({ deploy: 'd1', key: 'root', by: 'dead' });
    start('two');
    await seconds(45);
    expect(slack.told('d1')).toEqual(['d1: 1 facts']);
  });

  it('a bot that was frozen between its claim and its post looks whether another one has posted meanwhile', async () => {
    const claim = messages.claim.bind(messages);
    messages.claim = async ask => {
      const claimed = await claim(ask);
      if (ask.by === 'frozen') await new Promise(thawed => setTimeout(thawed, 30_000));
      return claimed;
    };
    begin('d1');
    start('frozen');
    await seconds(22);
    start('two');
    await seconds(90);
    expect(slack.told('d1')).toEqual(['d1: 1 facts']);
  });

  it('a bot that was frozen between its claim and its edit looks whether another one has edited meanwhile', async () => {
    begin('d1');
    start('frozen');
    await seconds(5);
    const { mayEdit } = messages;
    messages.mayEdit = async (deploy, known, by) => {
      const may = await mayEdit.call(messages, deploy, known, by);
      if (by === 'frozen') await new Promise(thawed => setTimeout(thawed, 30_000));
      return may;
    };
    happens('d1', narrators[0] ?? null);
    await seconds(2);
    const other = start('two');
    await seconds(20);
    happens('d1', other);
    await seconds(60);
    expect(slack.root('d1')?.edits).toEqual(['d1: 2 facts', 'd1: 3 facts']);
  });

  it('a bot whose clock is set back by an hour tells on at its pace', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(5);
    vi.setSystemTime(Date.now() - 3_600_000);
    for (let i = 0; i < 3; i++) happens('d1', narrator);
    await seconds(10);
    expect(slack.told('d1')).toEqual(['d1: 1 facts', 'd1: fact 2', 'd1: fact 4']);
    expect(slack.root('d1')?.edits.at(-1)).toBe('d1: 4 facts');
  });

  it('two bots that tell the same deploy make one thread', async () => {
    const [one, two] = [start('one'), start('two')];
    begin('d1');
    for (let i = 0; i < 6; i++) {
      happens('d1', one);
      two.wake('d1');
      await seconds(2);
    }
    await seconds(60);
    expect(slack.told('d1').filter(text => text.includes('fact 4'))).toHaveLength(1);
    expect(slack.posted.filter(({ key }) => key === 'd1 root')).toHaveLength(1);
    expect(slack.posted).toHaveLength(4);
  });
});

describe('when Slack says no', () => {
  it('nothing is left out or put in another order, however long it takes', async () => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(5);
    slack.trouble = what => (what === 'post' ? { before: new Error('is_archived') } : undefined);
    for (let i = 0; i < 4; i++) happens('d1', narrator);
    await seconds(600);
    slack.trouble = () => undefined;
    await seconds(120);
    expect(slack.told('d1')).toEqual(['d1: 1 facts', 'd1: fact 2', 'd1: fact 4']);
  });

  it('a channel that must wait delays no other', async () => {
    const narrator = start();
    slack.trouble = (what, channel) => (what === 'post' && channel === 'CBUSY' ? { before: busy(60) } : undefined);
    begin('d1', 'CBUSY');
    begin('d2', 'CFREE');
    happens('d1', narrator);
    happens('d2', narrator);
    await seconds(5);
    expect(slack.told('d2')).toEqual(['d2: 2 facts', 'd2: fact 2']);
    expect(slack.told('d1')).toEqual([]);
    slack.trouble = () => undefined;
    await seconds(70);
    expect(slack.told('d1')).toEqual(['d1: 2 facts', 'd1: fact 2']);
  });

  it('a channel that must wait is left alone by all of its deploys', async () => {
    const narrator = start();
    const asked: number[] = [];
    slack.trouble = what => {
      if (what !== 'post') return undefined;
      asked.push(Date.now());
      return asked.length === 1 ? { before: busy(30) } : undefined;
    };
    begin('d1');
    begin('d2');
    narrator.wake('d1');
    narrator.wake('d2');
    await seconds(45);
    expect(asked).toHaveLength(3);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(30_000);
  });

  it('a deploy whose calls hang delays no other', async () => {
    const narrator = start();
    const post = slack.post.bind(slack);
    slack.post = ask => (ask.channel === 'CSLOW' ? new Promise(() => {}) : post(ask));
    begin('d1', 'CSLOW');
    begin('d2', 'CFREE');
    narrator.wake('d1');
    narrator.wake('d2');
    await seconds(5);
    expect(slack.told('d2')).toEqual(['d2: 1 facts']);
  });

  it('to all but a sentence, the whole message is sent again until it is taken, and not for ever', async () => {
    slack.taken = 'sentence';
    begin('d');
    const narrator = start();
    narrator.wake('d');
    await vi.advanceTimersByTimeAsync(3_000);
    const few = slack.edits.length;
    expect(few).toBeGreaterThan(0);
    slack.taken = 'whole';
    await vi.advanceTimersByTimeAsync(20_000);
    expect(slack.edits.length).toBe(few + 1);
    slack.taken = 'sentence';
    happens('d', narrator);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    // Five in a row, and from then on once for what is new.
    expect(slack.edits.length).toBe(few + 1 + 5);
    happens('d', narrator);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(slack.edits.length).toBe(few + 1 + 5 + 1);
  });

  it('to all but a sentence, it is not asked for ever either where others edit, too', async () => {
    slack.taken = 'sentence';
    begin('d');
    // Every place must be asked for, so each edit is begun twice.
    const pace = new Pace({ alone: () => false, take: async () => 0 });
    start('one', pace).wake('d');
    await vi.advanceTimersByTimeAsync(30 * 60_000);
    expect(slack.edits).toHaveLength(4);
  });

  it.each([
    ['an edit', null, 5 + 1],
    ['all that the bot asks', 'not now', 17 + 17],
  ] as const)('to %s, it is asked so often in the end, and the deploy is told', async (_, gone, tries) => {
    const narrator = start();
    begin('d1');
    narrator.wake('d1');
    await seconds(5);
    let asked = 0;
    slack.trouble = what => (what === 'update' && ++asked ? { before: new MessageRefused('no', gone) } : undefined);
    happens('d1', narrator);
    await seconds(15 * 60);
    happens('d1', narrator, END);
    await seconds(15 * 60);
    expect([asked, await messages.unfinished()]).toEqual([tries, gone ? ['d1'] : []]);
    slack.trouble = () => undefined;
    await seconds(65);
    expect(slack.root('d1')?.edits).toEqual(gone ? ['d1: 3 facts'] : []);
  });

  it('it is asked no sooner than it said', async () => {
    const narrator = start();
    const asked: number[] = [];
    slack.trouble = what => {
      if (what !== 'post') return undefined;
      asked.push(Date.now());
      return asked.length === 1 ? { before: busy(17) } : undefined;
    };
    begin('d1');
    narrator.wake('d1');
    for (let i = 0; i < 10; i++) {
      await seconds(3);
      narrator.wake('d1');
    }
    expect(asked).toHaveLength(2);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(17_000);
  });
});

describe('stopping', () => {
  it('waits for what is on its way, and begins nothing more', async () => {
    const narrator = start();
    const post = slack.post.bind(slack);
    slack.post = async ask => {
      await new Promise(next => setTimeout(next, 2_000));
      return post(ask);
    };
    begin('d1');
    happens('d1', narrator);
    await seconds(1);
    const stopped = narrator.stop();
    await seconds(3);
    await stopped;
    expect(slack.told('d1')).toEqual(['d1: 2 facts']);
    expect((await messages.of('d1')).map(({ key, ts }) => [key, ts])).toEqual([['root', slack.root('d1')?.ts]]);
  });
});
