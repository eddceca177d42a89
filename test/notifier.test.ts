import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Notifier } from '../src/notifier.ts';
import { Pace } from '../src/pace.ts';
import { RANKS } from '../src/post-queue.ts';
import { MessageRefused, type Notice } from '../src/team.ts';
import { nobodyHears } from '../views/unheard.ts';
import { FakeSlack } from './narrator-fakes.ts';

// What belongs to no deploy, under Slack's limits, in a time that the test turns on.

type Row = Notice & {
  owner: string | null;
  at: number;
  ts: string | null;
  sent: unknown;
  claimed: boolean;
  claimedAt: number;
};
let slack: FakeSlack;
let pace: Pace;
let notifier: Notifier;
let kept: Map<string, Row>;
/** While true, what was sent cannot be noted. */
let away: boolean;

/** Places of those that all processes share, as they were taken. */
let places: string[];
let alone: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  [places, alone] = [[], true];
  slack = new FakeSlack();
  pace = new Pace({ alone: () => alone, take: async ({ name }) => places.push(name) - places.length });
  kept = new Map();
  away = false;
  const unsent = (except: readonly string[]) =>
    [...kept.values()].filter(({ id, message, sent }) => sent !== message && !except.includes(id));
  notifier = new Notifier({
    ...{ chat: slack, pace, instance: 'one', unheard: nobodyHears, log: { warn: () => {} } },
    notices: {
      places: async (_, except) => unsent(except).map(({ channel, ts }) => ({ channel, isNew: ts === null })),
      async claim(_, { channel, isNew }, except) {
        const next = unsent(except).find(row => row.channel === channel && (row.ts === null) === isNew);
        if (!next) return null;
        const again = next.claimed;
        next.claimed = true;
        next.claimedAt = Date.now();
        return { ...next, at: new Date(next.at).toISOString(), again };
      },
      free: async () => {},
      once: async ({ id, channel, message }) => void (kept.has(id) || says(id, channel, message.text)),
      found: async (id, ts) => void Object.assign(kept.get(id) ?? {}, { ts, claimed: false }),
      async sent({ id, message }, ts) {
        if (away) throw new Error('Connection terminated unexpectedly');
        Object.assign(kept.get(id) ?? {}, { ts, sent: message, claimed: false });
      },
    },
  });
});
afterEach(async () => {
  pace.stop();
  await notifier.stop();
  vi.useRealTimers();
});

const busy = (s: number) => Object.assign(new Error('ratelimited'), { retryAfterMs: s * 1000 });
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const EDITOR = { channel: 'C2', last: true, wake: () => {} };
const told = () => slack.posted.map(({ text }) => text);
function says(id: string, channel: string, text: string, owner: string | null = null): void {
  const fresh = { at: Date.now(), ts: null, sent: null, claimed: false, claimedAt: 0 };
  kept.set(id, { ...fresh, ...kept.get(id), id, channel, owner, message: { text, blocks: [] } });
  notifier.wake();
}

describe('a new one', () => {
  it('waits for no channel that Slack has closed but its own', async () => {
    pace.postRefused('C1', busy(60));
    says('n1', 'C1', 'Locked.');
    says('n2', 'C2', 'Closed.');
    says('n3', 'C3', 'Asked.');
    await seconds(2);
    expect(told()).toEqual(['Closed.', 'Asked.']);
    await seconds(60);
    expect(told()).toEqual(['Closed.', 'Asked.', 'Locked.']);
  });

  it('gets its turn in a channel that is full for minutes, and keeps to it', async () => {
    const until = Date.now() + 300_000;
    const deploy = async (): Promise<void> => {
      while (Date.now() < until) await pace.turn('C1', RANKS.loud);
    };
    for (let index = 0; index < 20; index++) void deploy();
    await seconds(1);
    says('n1', 'C1', 'Locked.');
    says('n2', 'C2', 'Closed.');
    await seconds(2);
    expect(told()).toEqual(['Closed.']);
    await seconds(28);
    expect(told()).toEqual(['Closed.', 'Locked.']);
  });

  it('that Slack will never take keeps no later one waiting', async () => {
    slack.trouble = (what, _, key) =>
      what === 'post' && key === 'n1' ? { before: new Error('msg_blocks_too_long') } : undefined;
    const tries = vi.spyOn(slack, 'post');
    says('n1', 'C1', 'Far too long.');
    await seconds(600);
    says('n2', 'C1', 'Closed.');
    await seconds(3);
    expect(told()).toEqual(['Closed.']);
    expect(tries.mock.calls.length).toBeLessThan(20);
  });

  it('of which Slack took the sentence alone is sent whole, and not for ever', async () => {
    slack.taken = 'sentence';
    says('n1', 'C1', 'Closed.');
    says('n2', 'U1', 'Closed.');
    await seconds(1.5);
    expect(slack.edits).toHaveLength(1);
    slack.taken = 'whole';
    await seconds(10);
    expect(slack.edits).toHaveLength(2);
    expect(kept.get('n1')?.sent).not.toBeNull();
    slack.taken = 'sentence';
    says('n1', 'C1', 'Open.');
    await seconds(600);
    expect(slack.edits).toHaveLength(2 + 5);
    expect(told()).toEqual(['Closed.', 'Closed.']);
  });

  it('that meets a limit closes its channel for all, and is the first when that is open again', async () => {
    let first = true;
    slack.trouble = what => {
      if (what !== 'post' || !first) return undefined;
      first = false;
      return { before: busy(30) };
    };
    says('n1', 'C1', 'Locked.');
    await seconds(1);
    says('n2', 'C1', 'Closed.');
    let turn = 0;
    const from = Date.now();
    void pace.turn('C1', RANKS.quiet).then(() => {
      turn = Date.now() - from;
    });
    await seconds(28);
    expect(told()).toEqual([]);
    await seconds(10);
    expect(told()).toEqual(['Locked.', 'Closed.']);
    expect(turn).toBeGreaterThan(29_000);
  });

  it('that hangs keeps nothing waiting in another channel, and is waited for at the end', async () => {
    const post = slack.post.bind(slack);
    slack.post = async ask => {
      if (ask.channel === 'C1') await new Promise(next => setTimeout(next, 8_000));
      return post(ask);
    };
    says('n1', 'C1', 'Locked.');
    await seconds(1);
    says('n2', 'C2', 'Closed.');
    await seconds(1);
    expect(told()).toEqual(['Closed.']);
    pace.stop();
    const stopped = notifier.stop();
    await seconds(8);
    await stopped;
    expect(told()).toEqual(['Closed.', 'Locked.']);
    expect(kept.get('n1')?.ts).toBe(slack.posted[1]?.ts);
  });
});

it('one whose answer was lost says in the end what was last to be said', async () => {
  let isFirst = true;
  slack.trouble = what => {
    if (what !== 'post' || !isFirst) return undefined;
    isFirst = false;
    return { after: new Error('socket hang up') };
  };
  says('n1', 'C1', 'Locked.');
  await seconds(1);
  says('n1', 'C1', 'Free again.');
  await seconds(30);
  expect(told()).toEqual(['Locked.']);
  expect(slack.posted[0]?.edits).toEqual(['Free again.']);
});

it('one that was looked for too long is claimed anew: others take it over after 20 s, and a post may take 8', async () => {
  slack.trouble = what => (what === 'post' && !searches ? { before: new Error('socket hang up') } : undefined);
  let searches = 0;
  const find = slack.find.bind(slack);
  slack.find = async ask => {
    if (++searches === 1) await new Promise(next => setTimeout(next, 13_000));
    return find(ask);
  };
  says('n1', 'C1', 'Locked.');
  await seconds(60);
  expect(told()).toEqual(['Locked.']);
  expect((slack.posted[0]?.at ?? 0) - (kept.get('n1')?.claimedAt ?? 0)).toBeLessThan(12_000);
});

describe('what another process has said meanwhile', () => {
  const otherSays = (id: string) => Object.assign(kept.get(id) ?? {}, { ts: '1.1', sent: kept.get(id)?.message });
  beforeEach(() => {
    alone = false;
  });

  it('takes no place among the posts of all', async () => {
    pace.postRefused('C1', busy(10));
    says('n1', 'C1', 'Locked.');
    await seconds(5);
    otherSays('n1');
    await seconds(20);
    expect([told(), places]).toEqual([[], []]);
  });

  it('takes no place among the edits of all', async () => {
    says('n1', 'C1', 'Locked.');
    await seconds(5);
    for (let index = 0; index < 10; index++) pace.mayEdit(`d${index}`, { ...EDITOR, since: performance.now() });
    says('n1', 'C1', 'Free again.');
    await seconds(1);
    otherSays('n1');
    await seconds(60);
    expect(slack.edits).toEqual([]);
    expect(places.filter(name => name === 'edits')).toHaveLength(10);
  });
});

describe('a channel that takes nothing', () => {
  beforeEach(async () => {
    slack.trouble = (_, channel) =>
      channel === 'C1' ? { before: new MessageRefused('is_archived', 'archived') } : undefined;
    says('n1', 'C1', 'shop is closed.', 'U1');
    await seconds(600);
  });

  it('is told of once to whom its news belongs, with what is not read there', () => {
    expect(told()).toEqual([expect.stringMatching(/^Nobody in .* hears this: .* is archived\. .* shop is closed\.$/)]);
    expect(slack.posted[0]?.channel).toBe('U1');
  });

  it('gets what is missing when it is mended', async () => {
    slack.trouble = () => undefined;
    await seconds(300);
    expect(told().slice(1)).toEqual(['shop is closed.']);
  });
});

describe('what a person was told while the database was away', () => {
  beforeEach(async () => {
    away = true;
    says('n1', 'U1', 'Your lock is gone.');
    await seconds(60);
  });

  it('is told once, and what it says since then is an edit', async () => {
    says('n1', 'U1', 'Your lock was taken over.');
    away = false;
    await seconds(10);
    expect(told()).toEqual(['Your lock is gone.']);
    expect(slack.posted[0]?.edits).toEqual(['Your lock was taken over.']);
  });

  it('is noted at the end, before others may send it', async () => {
    pace.stop();
    away = false;
    await notifier.stop();
    expect(kept.get('n1')?.ts).toBe(slack.posted[0]?.ts);
    expect(told()).toHaveLength(1);
  });
});

it('an edit that must wait keeps no new one waiting, in its channel neither', async () => {
  says('n1', 'C1', 'Locked.');
  await seconds(5);
  slack.trouble = what => (what === 'update' ? { before: busy(30) } : undefined);
  says('n1', 'C1', 'Free again.');
  says('n2', 'C1', 'Closed.');
  says('n3', 'C2', 'Frozen.');
  await seconds(5);
  expect(told()).toEqual(['Locked.', 'Closed.', 'Frozen.']);
  slack.trouble = () => undefined;
  await seconds(60);
  expect(slack.posted[0]?.edits).toEqual(['Free again.']);
});

it('edits are among those that the workspace may have in a minute', async () => {
  for (let index = 0; index < 60; index++) says(`n${index}`, `C${index}`, 'Asked.');
  await seconds(10);
  expect(slack.posted).toHaveLength(60);
  const from = Date.now();
  for (let index = 0; index < 60; index++) says(`n${index}`, `C${index}`, 'Answered.');
  await seconds(120);
  expect(slack.edits).toHaveLength(60);
  expect(slack.edits.filter(({ at }) => at < from + 60_000).length).toBeLessThanOrEqual(50);
});
