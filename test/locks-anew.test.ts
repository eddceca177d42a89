import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectLocks } from '../src/adapters/locks.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import type { Lock } from '../src/domain/lock.ts';
import { Locking } from '../src/locking.ts';
import type { Locks } from '../src/team.ts';
import { freedNotices, lockedNotices, lockReminders } from '../views/locks.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

// A lock whose time is over, and that somebody takes anew before anybody looked.

const [ANN, BOB, EVE] = ['U0ANN', 'U0BOB', 'U0EVE'];

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let locks: Locks;
let locking: Locking;
let requests = 0;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  const reminded = (lock: Lock) => lockReminders(lock, Date.now());
  locks = connectLocks(pool, { locked: lockedNotices, freed: freedNotices, reminded });
  locking = new Locking(locks);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});
afterEach(() => pool.query('DELETE FROM locks; DELETE FROM notices'));

const ask = (user: string) => ({ request: `asked ${++requests}`, user, scope: 'shop' });
const lock = (user: string) =>
  locking.lock({ ...ask(user), length: '2h', reason: 'We look at the queue', channel: 'C0SHOP' });
const isOver = () => pool.query("UPDATE locks SET until = now() - interval '1 s'");

/** What is kept to be said to them. */
async function told(user: string): Promise<string[]> {
  const asked = 'SELECT message FROM notices WHERE channel = $1 ORDER BY at, id';
  const { rows } = await pool.query<{ message: { text: string } }>(asked, [user]);
  return rows.map(({ message }) => message.text);
}

describe('whoever waits for a lock that is over and taken anew', () => {
  beforeEach(async () => {
    await lock(BOB);
    await locking.wait(EVE, 'shop');
    await isOver();
  });

  it.each([
    ['is let go', () => locking.unlock(ask(ANN))],
    ['is over, too', () => isOver().then(() => locks.tick())],
  ])('waits on, and is told once when that %s', async (_, end) => {
    expect(await lock(ANN)).toMatchObject({ kind: 'locked' });
    await locks.tick();
    expect(await told(EVE)).toEqual([]);
    await end();
    await locks.tick();
    expect(await told(EVE)).toEqual([
      expect.stringMatching(/^shop is free again.*while <@U0ANN> had it locked: `\/deploy shop` works now/),
    ]);
  });

  it('is not told that they waited for their own, where it was they who took it', async () => {
    await lock(EVE);
    await isOver();
    await locks.tick();
    expect(await told(EVE)).toEqual([expect.stringContaining('Your lock on shop is gone')]);
  });
});
