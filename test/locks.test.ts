import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectLocks } from '../src/adapters/locks.ts';
import { connectNotices } from '../src/adapters/notices.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { lockRefusals, readDuration } from '../src/domain/lock.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { Locking } from '../src/locking.ts';
import { Notifier } from '../src/notifier.ts';
import { Pace } from '../src/pace.ts';
import type { Locks } from '../src/team.ts';
import { freedNotices, lockedNotices, lockReminders } from '../views/locks.ts';
import { nobodyHears } from '../views/unheard.ts';
import { FakeSlack } from './narrator-fakes.ts';
import { startPostgres } from './stage/made.ts';

const [ANN, BOB, EVE] = ['U0ANN', 'U0BOB', 'U0EVE'];

let dir: string;
let server: Embedded;
let pool: pg.Pool;
let locks: Locks;
let locking: Locking;
let slack: FakeSlack;
let notifier: Notifier;
let pace: Pace;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'locks-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  locks = connectLocks(pool, {
    locked: lockedNotices,
    freed: freedNotices,
    reminded: lock => lockReminders(lock, Date.now()),
  });
  locking = new Locking(locks);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  slack = new FakeSlack();
  notifier = start('one');
});
afterEach(async () => {
  pace.stop();
  await notifier.stop();
  await pool.query('DELETE FROM locks');
  await pool.query('DELETE FROM notices');
});

function start(instance: string): Notifier {
  pace = new Pace();
  const notices = connectNotices(pool);
  return new Notifier({ notices, chat: slack, pace, instance, unheard: nobodyHears, log: { warn: () => {} } });
}

let requests = 0;
const lock = (user = BOB, more: Partial<Parameters<Locking['lock']>[0]> = {}) =>
  locking.lock({
    request: `lock ${++requests}`,
    user,
    scope: 'shop',
    length: null,
    reason: 'We look at the queue',
    channel: 'C0SHOP',
    ...more,
  });

/** What somebody, or a channel, has been told so far, and reads now. */
async function reads(channel: string, words: RegExp): Promise<void> {
  notifier.wake();
  const now = () =>
    slack.posted.filter(post => post.channel === channel).map(({ text, edits }) => edits.at(-1) ?? text);
  await expect.poll(() => now().join('\n'), { timeout: 10_000, interval: 20 }).toMatch(words);
}

describe('a lock', () => {
  it('is told in its channel, stops others with whom to ask, and not its owner', async () => {
    await lock();
    const held = await locking.on({ name: 'shop' });
    expect(lockRefusals(held, ANN).join()).toMatch(
      /shop is locked by <@U0BOB> since .*: We look at the queue\. Ask them/,
    );
    expect(lockRefusals(held, BOB)).toEqual([]);
    await reads('C0SHOP', /^shop is locked\. <@U0BOB>, until somebody unlocks it: We look at the queue\./);
  });

  it('on all stops every app', async () => {
    await lock(BOB, { scope: 'all' });
    expect(lockRefusals(await locking.on({ name: 'reports' }), ANN).join()).toContain('Every app is locked');
  });

  it('of somebody else is taken over only on purpose, and its owner is told', async () => {
    await lock();
    const held = await lock(ANN);
    if (held.kind !== 'held') throw new Error(held.kind);
    expect(held.lock.by).toBe(BOB);
    expect(await lock(ANN, { instead: held.lock.id, reason: 'I need it more' })).toMatchObject({ kind: 'locked' });
    await reads(BOB, /Your lock on shop was taken over.*<@U0ANN>.*I need it more/);
    await reads('C0SHOP', /shop was locked.*taken it over/);
  });

  it('is let go by its owner at once, by others only on purpose, and whoever was refused is told', async () => {
    await lock();
    await locking.wait(EVE, 'shop');
    const held = await locking.unlock({ request: `unlock ${++requests}`, user: ANN, scope: 'shop' });
    if (held.kind !== 'held') throw new Error(held.kind);
    expect(
      await locking.unlock({ request: `unlock ${++requests}`, user: ANN, scope: 'shop', id: held.lock.id }),
    ).toMatchObject({ kind: 'unlocked' });
    expect(await locking.unlock({ request: `unlock ${++requests}`, user: ANN, scope: 'shop' })).toMatchObject({
      kind: 'free',
    });
    await reads(BOB, /Your lock on shop is gone\. <@U0ANN> unlocked it/);
    await reads(EVE, /shop is free again.*`\/deploy shop` works now/);
    await reads('C0SHOP', /^shop is free again/);
  });

  it('that is gone is told as free only to those whom no other lock keeps waiting', async () => {
    await lock();
    await locking.wait(EVE, 'shop');
    await locking.wait(ANN, 'shop');
    await lock(ANN, { scope: 'all' });
    await locking.unlock({ request: `unlock ${++requests}`, user: BOB, scope: 'shop' });
    await reads(ANN, /shop is free again.*`\/deploy shop` works now/);
    expect(slack.posted.filter(({ channel }) => channel === EVE)).toEqual([]);
    await locking.unlock({ request: `unlock ${++requests}`, user: ANN, scope: 'all' });
    await reads(EVE, /Every app is free again.*`\/deploy shop` works now/);
  });

  it('is taken and let go once by what was typed once, whatever others did meanwhile', async () => {
    await lock(BOB, { request: 'typed' });
    await locking.unlock({ request: 'away', user: BOB, scope: 'shop' });
    await lock(BOB, { request: 'typed' });
    expect(await locking.on({ name: 'shop' })).toEqual([]);
    await lock(BOB, { request: 'typed later' });
    await locking.unlock({ request: 'away', user: BOB, scope: 'shop' });
    expect(await locking.on({ name: 'shop' })).toHaveLength(1);
  });

  it('with an end is gone at its time, also for an older offer to take it', async () => {
    await lock(BOB, { length: '2h' });
    const [held] = await locking.on({ name: 'shop' });
    expect(Date.parse(held?.until ?? '') - Date.now()).toBeGreaterThan(7_190_000);
    await pool.query("UPDATE locks SET until = now() - interval '1 s'");
    expect(await locking.on({ name: 'shop' })).toEqual([]);
    await locks.tick();
    await locks.tick();
    await reads(BOB, /Your lock on shop is gone\. It ended by itself/);
    expect(
      await locking.unlock({ request: `unlock ${++requests}`, user: ANN, scope: 'shop', id: held?.id ?? '' }),
    ).toMatchObject({ kind: 'free' });
    expect(slack.posted.filter(({ channel }) => channel === BOB)).toHaveLength(1);
  });

  it('reminds nobody of a lock that was freed before Slack took the reminder', async () => {
    await lock();
    await pool.query("UPDATE locks SET reminded_at = now() - interval '181 min'");
    slack.post = async () => {
      throw new Error('503');
    };
    const waits = async () => (await pool.query("SELECT 1 FROM notices WHERE id LIKE '% reminded %'")).rowCount;
    await locks.tick();
    expect(await waits()).toBe(1);
    await locking.unlock({ request: `unlock ${++requests}`, user: BOB, scope: 'shop' });
    expect(await waits()).toBe(0);
  });

  it('ends by the database’s clock, whatever ours says, and is told so', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5 * 3_600_000 });
    const taken = await lock(BOB, { length: '2h' }).finally(() => vi.useRealTimers());
    const { rows } = await pool.query<{ left: number; until: string }>(
      `SELECT extract(epoch FROM until - now())::float8 AS left, to_json(until) #>> '{}' AS until FROM locks`,
    );
    expect(rows[0]?.left).toBeGreaterThan(7_100);
    expect(rows[0]?.left).toBeLessThanOrEqual(7_200);
    expect(taken).toMatchObject({ kind: 'locked', lock: { until: rows[0]?.until } });
    const told = Math.floor(Date.parse(rows[0]?.until ?? '') / 1000);
    await reads('C0SHOP', new RegExp(`shop is locked.*until <!date\\^${told}\\^`));
    expect(await locking.on({ name: 'shop' })).toHaveLength(1);
  });

  it('that was taken days ago is told to be free where it was told', async () => {
    await lock();
    await reads('C0SHOP', /shop is locked/);
    await expect.poll(async () => (await pool.query('SELECT 1 FROM notices WHERE sent IS NULL')).rowCount).toBe(0);
    await pool.query("UPDATE notices SET at = at - interval '3 d', changed_at = changed_at - interval '3 d'");
    await locking.unlock({ request: `unlock ${++requests}`, user: BOB, scope: 'shop' });
    await reads('C0SHOP', /^shop is free again/);
  });

  it('that is over is told to be, also when somebody locks anew before anybody looked', async () => {
    await lock();
    await reads('C0SHOP', /^shop is locked/);
    await pool.query("UPDATE locks SET until = now() - interval '1 s'");
    await lock(ANN, { channel: 'C0ELSE' });
    await reads('C0SHOP', /^shop is free again.*It ended by itself/);
    await reads(BOB, /Your lock on shop is gone/);
    await reads('C0ELSE', /^shop is locked\. <@U0ANN>/);
  });

  it('reminds its owner every 3 hours', async () => {
    await lock();
    await locks.tick();
    await pool.query("UPDATE locks SET reminded_at = now() - interval '181 min'");
    await Promise.all([locks.tick(), locks.tick()]);
    await reads(BOB, /You still have shop locked/);
    expect(slack.posted.filter(({ channel }) => channel === BOB)).toHaveLength(1);
  });

  it.each([
    ['a length that is none', { length: '2 weeks' }, /no length of time/],
    ['no reason', { reason: '  ' }, /needs a reason/],
  ])('is refused for %s', async (_, more, why) => {
    const refused = await lock(BOB, more).catch(error => error);
    expect(refused).toBeInstanceOf(Refusal);
    expect(refused.message).toMatch(why);
  });
});

it.each([
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['1h30m', 5_400_000],
  ['90min', 5_400_000],
  ['3d', 259_200_000],
  ['31d', null],
  ['0h', null],
  ['2x', null],
  ['h', null],
])('%s is read as %s ms', (text, ms) => {
  expect(readDuration(text)).toBe(ms);
});

describe('a notice', () => {
  it('whose answer was lost is found again, not posted twice', async () => {
    const lost = { after: new Error('socket hang up') };
    let first = true;
    slack.trouble = what => {
      if (what !== 'post' || !first) return undefined;
      first = false;
      return lost;
    };
    await lock();
    await reads('C0SHOP', /shop is locked/);
    const sent = async () => (await pool.query('SELECT sent FROM notices')).rows.map(row => row.sent !== null);
    await expect.poll(sent, { timeout: 10_000 }).toEqual([true]);
    expect(slack.posted).toHaveLength(1);
  });

  it('that Slack refuses keeps no other channel waiting', async () => {
    slack.trouble = (_, channel) => (channel === 'C0SHOP' ? { before: new Error('is_archived') } : undefined);
    await lock();
    await lock(BOB, { scope: 'reports', channel: 'C0REPORTS' });
    await reads('C0REPORTS', /reports is locked/);
    expect(slack.posted.filter(({ channel }) => channel === 'C0SHOP')).toEqual([]);
  });

  it('that a bot had claimed when it stopped is sent by another at once, and once', async () => {
    slack.trouble = what => (what === 'post' ? { before: new Error('fatal_error') } : undefined);
    await lock();
    notifier.wake();
    const claimed = "SELECT 1 FROM notices WHERE sent IS NULL AND claimed_by = 'one'";
    await expect.poll(async () => (await pool.query(claimed)).rowCount, { timeout: 10_000 }).toBe(1);
    pace.stop();
    await notifier.stop();
    expect(slack.posted).toEqual([]);
    slack.trouble = () => undefined;
    notifier = start('two');
    await reads('C0SHOP', /shop is locked/);
    expect(slack.posted).toHaveLength(1);
  });

  it('is claimed by one of many bots at a time, and looked for by the next', async () => {
    pace.stop();
    await notifier.stop();
    await lock();
    const notices = connectNotices(pool);
    const place = { channel: 'C0SHOP', isNew: true };
    expect(await notices.places('bot 0', [])).toEqual([place]);
    const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => notices.claim(`bot ${n}`, place, [])));
    const [first, ...more] = claims.filter(claim => claim !== null);
    expect([first?.again, more]).toEqual([false, []]);
    expect(await notices.places('another', [])).toEqual([]);
    await pool.query("UPDATE notices SET claimed_at = claimed_at - interval '21 s'");
    expect(await notices.places('another', [first?.id ?? ''])).toEqual([]);
    const second = await notices.claim('another', place, []);
    expect(second).toMatchObject({ id: first?.id, again: true });
    if (second) await notices.sent(second, '1.1');
    expect(await notices.places('another', [])).toEqual([]);
    await locking.unlock({ request: `unlock ${++requests}`, user: BOB, scope: 'shop' });
    expect(await notices.places('another', [])).toContainEqual({ channel: 'C0SHOP', isNew: false });
    expect(await notices.claim('another', place, [])).toBeNull();
  });

  it('is sent by one of several bots', async () => {
    const [mine, other] = [pace, start('two')];
    await lock();
    other.wake();
    await reads('C0SHOP', /shop is locked/);
    expect(slack.posted).toHaveLength(1);
    pace.stop();
    await other.stop();
    pace = mine;
  });
});
