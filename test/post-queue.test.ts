import { describe, expect, it } from 'vitest';
import { PostQueue, RANKS, type Rank } from '../src/post-queue.ts';

const T0 = 5_000_000;

/** Messages as they go out, on a clock that is turned to the next moment at which one may. */
function posted(ask: {
  queue: PostQueue;
  until: number;
  comes?: (now: number) => void;
}): { name: string; at: number }[] {
  const out: { name: string; at: number }[] = [];
  for (let now = T0; now < T0 + ask.until; ) {
    const next = ask.queue.next(now);
    if (next !== null && typeof next !== 'number') {
      out.push({ name: next.channel, at: now - T0 });
      continue;
    }
    now += Math.min(next ?? 100, 100) + 1;
    ask.comes?.(now);
  }
  return out;
}

const add = (queue: PostQueue, channel: string, rank: Rank = RANKS.quiet, since = T0) =>
  queue.add({ channel, rank: () => rank, since, go: () => {} });

describe('messages to one workspace', () => {
  it('come a second apart in a channel, and at once in others', () => {
    const queue = new PostQueue();
    for (const channel of ['hats', 'hats', 'caps', 'hats']) add(queue, channel);
    const out = posted({ queue, until: 5_000 });
    expect(out.filter(({ at }) => at < 1_000).map(({ name }) => name)).toEqual(['hats', 'caps']);
    const hats = out.filter(({ name }) => name === 'hats').map(({ at }) => at);
    expect(hats).toHaveLength(3);
    for (const [index, at] of hats.entries()) expect(at - (hats[index - 1] ?? -2_000)).toBeGreaterThan(1_000);
  });

  it('are never more than several hundred in any minute', () => {
    const queue = new PostQueue();
    for (let each = 0; each < 1_000; each++) add(queue, `c${each}`);
    const out = posted({ queue, until: 240_000 });
    const most = Math.max(...out.map(({ at }) => out.filter(other => other.at >= at && other.at < at + 60_000).length));
    expect(most).toBeLessThanOrEqual(271);
    expect(most).toBeGreaterThan(235);
  });

  it('begin with what people must hear of, then with what begins a thread', () => {
    const queue = new PostQueue();
    for (let each = 0; each < 300; each++) add(queue, `quiet${each}`);
    for (let each = 0; each < 20; each++) add(queue, `root${each}`, RANKS.root);
    for (let each = 0; each < 20; each++) add(queue, `loud${each}`, RANKS.loud);
    const names = posted({ queue, until: 20_000 }).map(({ name }) => name.replace(/\d+/, ''));
    expect(names.slice(0, 41)).toEqual([...Array(20).fill('loud'), ...Array(20).fill('root'), 'quiet']);
  });

  it('do not wait for ever, however many louder ones come', () => {
    const queue = new PostQueue();
    add(queue, 'patient');
    for (let each = 0; each < 30; each++) add(queue, `first${each}`, RANKS.loud);
    let count = 0;
    const comes = (now: number) => add(queue, `loud${count++}`, RANKS.loud, now);
    const out = posted({ queue, until: 300_000, comes });
    const at = out.find(({ name }) => name === 'patient')?.at;
    expect(at).toBeGreaterThan(60_000);
    expect(at).toBeLessThan(240_000);
  });

  it('wait in the channel that refused one, and in no other', () => {
    const queue = new PostQueue();
    queue.closeUntil('hats', T0 + 30_000);
    add(queue, 'hats', RANKS.loud);
    add(queue, 'caps');
    const out = posted({ queue, until: 40_000 });
    expect(out).toEqual([
      { name: 'caps', at: 0 },
      { name: 'hats', at: expect.toSatisfy((at: number) => at >= 30_000 && at < 30_200) },
    ]);
  });

  it('that did not go out after all leave their channel to whom it is closed, and to nobody sooner', () => {
    const queue = new PostQueue();
    const takeOut = (at: number) => {
      const next = queue.next(at);
      if (next === null || typeof next === 'number') throw new Error('nobody may post');
      return next;
    };
    add(queue, 'hats');
    queue.putBack(takeOut(T0), T0 + 200);
    const again = takeOut(T0 + 200);
    queue.closeUntil('hats', T0 + 30_000);
    queue.closeUntil('hats', T0 + 2_000);
    queue.putBack(again, T0 + 400);
    expect(queue.next(T0 + 400)).toBe(29_600);
  });
});
