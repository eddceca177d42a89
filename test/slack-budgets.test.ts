import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectSlackBudgets } from '../src/adapters/slack-budgets.ts';
import type { Shared } from '../src/domain/budget.ts';
import { Pace } from '../src/pace.ts';
import { RANKS } from '../src/post-queue.ts';

let dir: string;
let server: Embedded;
const pools: pg.Pool[] = [];
let paces: Pace[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'slack-budgets-'));
  server = await startEmbedded(dir, { fsync: false });
  await migrate(process());
});
afterEach(() => {
  for (const pace of paces) pace.stop();
  paces = [];
});
afterAll(async () => {
  await Promise.all(pools.map(pool => pool.end()));
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** The connections of one more process of the bot. */
function process(): pg.Pool {
  const pool = connect(server.url, () => {});
  pools.push(pool);
  return pool;
}
const sharing = (alone = false): Shared => connectSlackBudgets(process(), () => alone);
function pace(shared: Shared): Pace {
  const made = new Pace(shared);
  paces.push(made);
  return made;
}

describe('what Slack allows', () => {
  it('is shared by all processes: a few at once, then at the pace', async () => {
    const budget = { name: 'any', everyMs: 50, atOnce: 3 };
    const from = performance.now();
    const at: number[] = [];
    const taking = async (shared: Shared): Promise<void> => {
      while (performance.now() - from < 1_000) {
        const wait = await shared.take(budget);
        if (wait === 0) at.push(performance.now() - from);
        else await sleep(wait);
      }
    };
    await Promise.all([sharing(), sharing(), sharing()].map(taking));
    // What takes long to be told was taken earlier than it is seen here.
    expect(at.length).toBeLessThanOrEqual(3 + Math.ceil(Math.max(...at) / 50));
    expect(at.length).toBeGreaterThan(10);
    expect(at.filter(ms => ms < 45).length).toBeLessThanOrEqual(4);
  });

  it('is waited for at most a minute, though the clock of the database was set back by an hour', async () => {
    const [shared, pool] = [sharing(), process()];
    const budget = { name: 'set back', everyMs: 10_000, atOnce: 1 };
    expect(await shared.take(budget)).toBe(0);
    await pool.query("UPDATE slack_budgets SET due = due + interval '1 hour' WHERE name = 'set back'");
    expect(await shared.take(budget)).toBe(0);
    const wait = await shared.take(budget);
    expect(wait).toBeGreaterThan(5_000);
    expect(wait).toBeLessThanOrEqual(10_000);
  });

  it('makes posts of two processes in one channel a second apart, and those in two channels not', async () => {
    const [one, two] = [pace(sharing()), pace(sharing())];
    const from = performance.now();
    const at: Record<string, number[]> = { hats: [], caps: [] };
    const post = async (by: Pace, channel: string): Promise<void> => {
      await by.turn(channel, RANKS.loud);
      at[channel]?.push(performance.now() - from);
    };
    await Promise.all([post(one, 'hats'), post(two, 'hats'), post(two, 'hats'), post(one, 'caps')]);
    const [first = 0, second = 0, third = 0] = at.hats ?? [];
    expect(second - first).toBeGreaterThan(1_000);
    expect(third - second).toBeGreaterThan(1_000);
    expect(at.caps?.[0]).toBeLessThan(1_000);
  });

  it('lets the best go when its place has come, whatever waited first', async () => {
    const [one, two] = [pace(sharing()), pace(sharing())];
    await two.turn('ties', RANKS.loud);
    const order: string[] = [];
    const quiet = one.turn('ties', RANKS.quiet).then(() => order.push('quiet'));
    const loud = one.turn('ties', RANKS.loud).then(() => order.push('loud'));
    await Promise.all([quiet, loud]);
    expect(order).toEqual(['loud', 'quiet']);
  });

  it('makes edits of two processes keep to one budget', async () => {
    const granted: number[] = [];
    const from = performance.now();
    const edit = (by: Pace, id: string): Promise<void> =>
      new Promise(resolve => {
        const ask = (): void => {
          if (!by.mayEdit(id, { channel: 'hats', last: false, since: from, wake: ask })) return;
          granted.push(performance.now() - from);
          resolve();
        };
        ask();
      });
    const [one, two] = [pace(sharing()), pace(sharing())];
    await Promise.all(['a', 'b', 'c'].flatMap(id => [edit(one, id), edit(two, id)]));
    expect(granted.filter(ms => ms < 1_200)).toHaveLength(3);
    expect(Math.max(...granted)).toBeGreaterThan(3 * 1_300);
  });

  it('of the workspace is waited for by all channels at once, with few questions', async () => {
    const left = { until: performance.now() + 1_000, taken: 0, asked: 0 };
    const full: Shared = {
      alone: () => false,
      take: async ({ name }) => {
        left.asked++;
        if (name !== 'posts') return 0;
        if (performance.now() < left.until) return left.until - performance.now();
        left.taken++;
        return 0;
      },
    };
    const by = pace(full);
    await Promise.all(Array.from({ length: 20 }, (_, each) => by.turn(`c${each}`, RANKS.quiet)));
    expect(left.taken).toBe(20);
    expect(left.asked).toBeLessThan(50);
  });

  it('is not taken for what another process has said meanwhile', async () => {
    const [one, two] = [pace(sharing()), pace(sharing())];
    await two.turn('felts', RANKS.loud);
    const from = performance.now();
    await one.turn('felts', RANKS.loud, async () => performance.now() - from < 500);
    // No place was taken: the next one is given at once.
    const asked = performance.now();
    await one.turn('felts', RANKS.loud);
    expect(performance.now() - asked).toBeLessThan(700);
  });

  it('is not asked of the database by a process that is alone', async () => {
    const pool = process();
    const alone = pace(connectSlackBudgets(pool, () => true));
    await alone.turn('hats', RANKS.loud);
    await alone.whisper();
    expect(alone.mayEdit('a', { channel: 'hats', last: false, since: 0, wake: () => {} })).toBe(true);
    expect(pool.totalCount).toBe(0);
  });

  it('silences nobody when the database is away', async () => {
    const away: Shared = { alone: () => false, take: () => Promise.reject(new Error('no connection')) };
    const by = pace(away);
    await by.turn('hats', RANKS.loud);
    await by.whisper();
    await new Promise<void>(resolve => {
      expect(by.mayEdit('a', { channel: 'hats', last: false, since: 0, wake: resolve })).toBe(false);
    });
    expect(by.mayEdit('a', { channel: 'hats', last: false, since: 0, wake: () => {} })).toBe(true);
  });
});
