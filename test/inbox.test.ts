import { createConnection, createServer } from 'node:net';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { connectInbox, type Inbox, PerhapsTaken } from '../src/adapters/inbox.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let one: Inbox;
let two: Inbox;
beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
});
beforeEach(async () => {
  await pool.query('TRUNCATE inbox, instances');
  await pool.query("INSERT INTO instances (id) VALUES ('one'), ('two')");
  [one, two] = [open('one'), open('two')];
});
afterEach(async () => {
  await Promise.all([one.stop(), two.stop()]);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});

const open = (instance: string, url = server.url): Inbox => connectInbox({ pool, url, instance, onError: () => {} });
const dies = (instance: string) => pool.query('DELETE FROM instances WHERE id = $1', [instance]);
const bodies = async () => (await pool.query('SELECT id, body FROM inbox ORDER BY id')).rows;

it('a request is new once, whichever instance it reaches, however many come at once', async () => {
  const names = Array.from({ length: 500 }, (_, i) => `v0=${i}`);
  const all = [...names, ...names.toReversed()];
  const isNew = await Promise.all(all.map((name, i) => (i % 2 ? one : two).take(name, '{}')));
  expect(all.filter((_, i) => isNew[i]).toSorted()).toEqual(names.toSorted());
  expect(await one.take('v0=7', null)).toBe(false);
  expect(await two.take('v0=500', null)).toBe(true);
});

it('a request of which the answer to the claim was lost is claimed again, and what is worked is not', async () => {
  await one.take('v0=left', '{}');
  await two.take('v0=worked', '{}');
  await dies('one');
  const query = pool.query.bind(pool);
  const cut = vi.spyOn(pool, 'query').mockImplementationOnce(async (...asked: unknown[]) => {
    await query(...(asked as Parameters<typeof query>));
    throw new Error('Connection terminated unexpectedly');
  });
  await expect(two.claim()).rejects.toThrow('terminated');
  expect(cut).toHaveBeenCalledOnce();
  expect(await two.claim()).toEqual({ id: 'v0=left', body: '{}', giveUp: false });
  expect(await two.claim()).toBe(null);
  two.done('v0=left');
  two.done('v0=worked');
  await expect.poll(async () => (await bodies()).every(({ body }) => body === null)).toBe(true);
  expect(await two.claim()).toBe(null);
});

it('keeps any words that Slack may send', async () => {
  const body = JSON.stringify({ text: 'a\u0000b \ud800 “”' });
  await one.take('v0=1', body);
  expect(await bodies()).toEqual([{ id: 'v0=1', body }]);
});

it('what an instance took is its own while it lives, and then one other’s', async () => {
  for (const id of ['v0=a', 'v0=b']) await one.take(id, `{"id":"${id}"}`);
  await one.take('v0=read', null);
  await two.take('v0=c', '{}');
  one.done('v0=b');
  await expect.poll(async () => (await bodies()).filter(({ body }) => body === null)).toHaveLength(2);
  expect(await two.claim()).toBe(null);
  await dies('one');
  const three = open('three');
  await pool.query("INSERT INTO instances (id) VALUES ('three')");
  const claimed = await Promise.all([two.claim(), three.claim(), two.claim(), three.claim()]);
  expect(claimed.filter(left => left !== null)).toEqual([{ id: 'v0=a', body: '{"id":"v0=a"}', giveUp: false }]);
  await three.stop();
});

it('what a dead one left goes to one other only, however closely two ask for it', async () => {
  for (let round = 0; round < 200; round++) {
    await pool.query("INSERT INTO inbox (id, body, claimed_by) VALUES ($1, '{}', 'dead')", [`v0=${round}`]);
    const claimed = await Promise.all([one.claim(), two.claim(), one.claim(), two.claim()]);
    expect(claimed.filter(left => left !== null)).toHaveLength(1);
  }
});

it('what the dead one says afterwards does not end the work of the other', async () => {
  const dead = open('dead');
  await dead.take('v0=a', '{}');
  await two.claim();
  dead.done('v0=a');
  await dead.stop();
  expect(await bodies()).toEqual([{ id: 'v0=a', body: '{}' }]);
});

it('gives up what is too old, and what each instance died of', async () => {
  await one.take('v0=old', '{}');
  await pool.query("UPDATE inbox SET at = now() - interval '16 minutes'");
  await one.take('v0=deadly', '{}');
  await dies('one');
  expect(await two.claim()).toMatchObject({ id: 'v0=old', giveUp: true });
  const last: unknown[] = [];
  for (let death = 1; death <= 3; death++) {
    await pool.query("UPDATE inbox SET claimed_by = 'dead'");
    last.push((await two.claim())?.giveUp, (await two.claim())?.giveUp);
  }
  expect(last).toEqual([true, false, true, false, true, true]);
});

it('waits for no other work of the bot', async () => {
  const busy = Array.from({ length: 6 }, () => pool.query('SELECT pg_sleep(1.5)'));
  const from = performance.now();
  expect(await one.take('v0=busy', '{}')).toBe(true);
  expect(performance.now() - from).toBeLessThan(1_000);
  await Promise.all(busy);
});

it('takes what was kept though the answer was lost, and says that it is new', async () => {
  const lines = await startProxy(server.url);
  const three = open('three', lines.url);
  await three.take('v0=before', null);
  lines.losesAnswerTo('INSERT INTO inbox');
  expect(await three.take('v0=lost', '{}')).toBe(true);
  expect(lines.lost).toBe(1);
  expect(await bodies()).toContainEqual({ id: 'v0=lost', body: '{}' });
  await three.stop();
  await lines.stop();
});

it('what it took long ago is not new to it, though it has forgotten it', async () => {
  await one.take('Ev1', '{}');
  await pool.query("UPDATE inbox SET at = now() - interval '2 min'");
  // It remembers nothing.
  const anew = open('one');
  expect(await anew.take('Ev1', '{}')).toBe(false);
  await anew.stop();
});

it('what was not taken in time is never worked, though it arrives later', async () => {
  const locked = await pool.connect();
  await locked.query('BEGIN; LOCK TABLE inbox');
  const from = performance.now();
  const late = await one.take('v0=late', '{}').catch(error => error);
  expect(late).toBeInstanceOf(PerhapsTaken);
  expect(performance.now() - from).toBeLessThan(1_500);
  // What was given up on our side still waits for the table on the server's.
  await locked.query('COMMIT');
  locked.release();
  await expect.poll(bodies).toEqual([{ id: 'v0=late', body: null }]);
  await dies('one');
  expect(await two.claim()).toBe(null);
  expect(await two.take('v0=late', '{}')).toBe(false);
});

it('what reached the database and got no answer is perhaps taken, and a peer works it when the one that took it dies', async () => {
  const lines = await startProxy(server.url);
  const three = open('three', lines.url);
  await three.take('v0=before', null);
  lines.losesAnswerTo('INSERT INTO inbox');
  // What gives it up has the same fate as the answer: the process dies before.
  const query = vi.spyOn(pool, 'query').mockImplementation(() => Promise.reject(new Error('dead')));
  const taking = three.take('v0=lost', '{}').catch(error => error);
  lines.breaks();
  const said = await taking;
  query.mockRestore();
  expect(said).toBeInstanceOf(PerhapsTaken);
  expect(await two.claim()).toEqual({ id: 'v0=lost', body: '{}', giveUp: false });
  await three.stop();
  await lines.stop();
});

it('what was never sent, or was refused by the database itself, is surely not taken', async () => {
  const nobody = open('three', 'postgres://x:y@127.0.0.1:1/x');
  const silent = createServer(() => {});
  await new Promise<void>(listening => silent.listen(0, '127.0.0.1', listening));
  const at = silent.address();
  const deaf = open('four', `postgres://x:y@127.0.0.1:${typeof at === 'object' ? at?.port : ''}/x`);
  await pool.query('ALTER TABLE inbox RENAME TO away');
  const errors = await Promise.all(
    [nobody, deaf, one].map((inbox, index) => inbox.take(`v0=${index}`, null).catch(error => error)),
  );
  await pool.query('ALTER TABLE away RENAME TO inbox');
  for (const error of errors) {
    expect(error.message).toContain('within 1000 ms');
    expect(error).not.toBeInstanceOf(PerhapsTaken);
  }
  await Promise.all([nobody.stop(), deaf.stop()]);
  silent.close();
});

/** Stands between us and Postgres, and can keep an answer to itself, and all that comes after that. */
async function startProxy(to: string) {
  const { hostname, port } = new URL(to);
  let waits: string | null = null;
  let isBroken = false;
  const proxy = {
    lost: 0,
    url: '',
    losesAnswerTo: (words: string) => {
      waits = words;
    },
    /** Whoever comes from now on is hung up on. */
    breaks: () => {
      isBroken = true;
    },
    stop: () => new Promise(closed => between.close(closed)),
  };
  const between = createServer(ours => {
    if (isBroken) return ours.destroy();
    const theirs = createConnection(Number(port), hostname);
    let isSilent = false;
    ours.on('data', data => {
      if (waits !== null && data.includes(waits)) {
        waits = null;
        proxy.lost++;
        isSilent = true;
      }
      theirs.write(data);
    });
    theirs.on('data', data => isSilent || ours.write(data));
    ours.on('error', () => {}).on('close', () => theirs.destroy());
    theirs.on('error', () => {}).on('close', () => ours.destroy());
  });
  await new Promise<void>(listening => between.listen(0, '127.0.0.1', listening));
  const at = between.address();
  const url = new URL(to);
  url.port = String(typeof at === 'object' ? at?.port : '');
  return Object.assign(proxy, { url: url.href });
}
