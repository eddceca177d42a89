import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pace } from '../src/pace.ts';
import { RANKS } from '../src/post-queue.ts';

// What Slack refuses, and whom that keeps waiting, in a time that the test turns on.

let pace: Pace;
let from: number;

beforeEach(() => {
  vi.useFakeTimers();
  pace = new Pace();
  from = performance.now();
});
afterEach(() => {
  pace.stop();
  vi.useRealTimers();
});

const busy = (s: number) => Object.assign(new Error('ratelimited'), { retryAfterMs: s * 1000 });
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const now = () => (performance.now() - from) / 1000;
/** For how many seconds no message of the channel may be edited. */
const closed = (channel: string) =>
  Math.max(0, pace.nextEdit(channel, Number.NEGATIVE_INFINITY, true) - performance.now()) / 1000;
/** When messages were edited, as each may be; seconds by their names. */
function edits(channel: string, names: readonly string[]): Record<string, number> {
  const at: Record<string, number> = {};
  for (const name of names) {
    const ask = (): void => {
      if (pace.mayEdit(name, { channel, last: true, since: performance.now(), wake: ask })) at[name] = now();
    };
    ask();
  }
  return at;
}

describe('an edit that fails', () => {
  it('for another reason than a limit closes no channel, though another one is closed', async () => {
    pace.editRefused('CA', busy(60));
    await seconds(1);
    pace.editRefused('CB', new Error('is_archived'));
    expect([closed('CA'), closed('CB'), closed('CFREE')]).toEqual([59, 0, 0]);
  });

  it('later, or with a shorter wait, opens no channel that Slack has closed', async () => {
    pace.editRefused('CA', busy(60));
    pace.editRefused('CA', new Error('no answer within 8 s'));
    expect(closed('CA')).toBe(60);
    pace.editRefused('CA', busy(5));
    expect(closed('CA')).toBe(60);
  });
});

describe('an edit that waits', () => {
  it('only for its place is not kept by one whose channel is closed', async () => {
    edits('CA', ['a1', 'a2', 'a3']);
    const inA = edits('CA', ['a4']);
    pace.editRefused('CA', busy(60));
    await seconds(5);
    const inB = edits('CB', ['b1', 'b2', 'b3', 'b4']);
    await seconds(5);
    expect(Object.keys(inB)).toEqual(['b1', 'b2', 'b3', 'b4']);
    expect(inA).toEqual({});
    await seconds(60);
    expect(inA.a4).toBeLessThan(62);
  });

  it('for all of the workspace goes when that is open again', async () => {
    pace.editRefused('CA', busy(30));
    pace.editRefused('CB', busy(30));
    const at = edits('CA', ['a']);
    await seconds(35);
    expect(at.a).toBeGreaterThanOrEqual(30);
    expect(at.a).toBeLessThan(32);
  });
});

it('an edit that another process is at when its turn comes takes no place of those that all share', async () => {
  pace.stop();
  const places: string[] = [];
  pace = new Pace({ alone: () => false, take: async ({ name }) => places.push(name) - places.length });
  const woken: string[] = [];
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const isNeeded = async () => name === 'b' || name === 'e';
    pace.mayEdit(name, { channel: 'C1', last: false, since: from, isNeeded, wake: () => woken.push(name) });
  }
  await seconds(1);
  expect([woken, places]).toEqual([
    ['a', 'b', 'c', 'd', 'e'],
    ['edits', 'edits'],
  ]);
});

describe('a channel that Slack closed for posts', () => {
  it('is not opened by an earlier post that fails', async () => {
    pace.postRefused('C1', busy(30));
    await seconds(2);
    pace.postRefused('C1', new Error('no answer within 8 s'));
    let at = 0;
    void pace.turn('C1', RANKS.loud).then(() => {
      at = now();
    });
    await seconds(60);
    expect(at).toBeGreaterThanOrEqual(30);
    expect(at).toBeLessThan(31);
  });

  it('while another process’s place was being asked for stays closed', async () => {
    pace.stop();
    pace = new Pace({
      alone: () => false,
      take: async () => {
        await new Promise(next => setTimeout(next, 100));
        return now() < 0.2 ? 500 : 0;
      },
    });
    let at = 0;
    void pace.turn('C1', RANKS.loud).then(() => {
      at = now();
    });
    await seconds(0.05);
    pace.postRefused('C1', busy(30));
    await seconds(60);
    expect(at).toBeGreaterThanOrEqual(30);
  });
});
