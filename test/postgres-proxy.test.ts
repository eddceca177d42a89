import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../src/adapters/database.ts';
import type { Embedded } from '../src/adapters/postgres.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';
import { type PostgresProxy, startPostgresProxy } from './torture/postgres-proxy.ts';

// What torture does to the bot's database must be what Postgres would do, or it proves nothing.

let folder: Folder;
let server: Embedded;
let proxy: PostgresProxy;
let pool: pg.Pool;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  proxy = await startPostgresProxy(server.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 1 });
  pool.on('error', () => {});
  await pool.query('CREATE TABLE hats (name text)');
});
afterAll(async () => {
  await pool.end();
  await proxy.stop();
  await server.stop();
  await folder.remove();
});

const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'taken',
    error => error.code,
  );

describe('the proxy before Postgres', () => {
  it('answers what writes with a full disk, and lets what reads pass', async () => {
    await pool.query("INSERT INTO hats VALUES ('fez')");
    proxy.isFull = true;
    expect(await codeOf(pool.query("INSERT INTO hats VALUES ('bowler')"))).toBe('53100');
    expect(await codeOf(pool.query('INSERT INTO hats VALUES ($1)', ['bowler']))).toBe('53100');
    expect(await codeOf(pool.query('WITH old AS (SELECT 1) DELETE FROM hats'))).toBe('53100');
    expect((await pool.query('SELECT name FROM hats WHERE name <> $1', [''])).rows).toEqual([{ name: 'fez' }]);
    proxy.isFull = false;
    expect(await codeOf(pool.query('INSERT INTO hats VALUES ($1)', ['panama']))).toBe('taken');
  });

  it('leaves a transaction failed in which a disk was full', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO hats VALUES ('beret')");
    proxy.isFull = true;
    expect(await codeOf(client.query("UPDATE hats SET name = 'cap'"))).toBe('53100');
    proxy.isFull = false;
    expect(await codeOf(client.query('SELECT 1'))).toBe('25P02');
    await client.query('ROLLBACK');
    client.release();
    expect((await pool.query("SELECT 1 FROM hats WHERE name = 'beret'")).rowCount).toBe(0);
  });

  it('refuses new connections when there are too many, and breaks those that are', async () => {
    proxy.refuses = true;
    proxy.cut();
    await expect.poll(() => codeOf(pool.query('SELECT 1')), { timeout: 5_000 }).toBe('53300');
    proxy.refuses = false;
    expect(await codeOf(pool.query('SELECT 1'))).toBe('taken');
  });

  it('makes messages late', async () => {
    const client = await pool.connect();
    proxy.lateMs = 100;
    const from = performance.now();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(performance.now() - from).toBeGreaterThan(95);
    proxy.lateMs = 0;
    client.release();
  });

  it('holds messages until it is let go on', async () => {
    const client = await pool.connect();
    const letGo = proxy.holds();
    const asked = client.query('SELECT 1 AS one').then(({ rows }) => rows);
    expect(await Promise.race([asked, sleep(200, 'held')])).toBe('held');
    letGo();
    expect(await asked).toEqual([{ one: 1 }]);
    client.release();
  });
});

it('a database that falls silent is given up for a new connection, and one that is only not asked is kept', async () => {
  const line = await startPostgresProxy(server.url);
  onTestFinished(line.stop);
  const database = await openDatabase({ url: line.url, dataDir: folder.dir, answerWithinMs: 300 }, () => {});
  const pid = async () => (await database.pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const before = await pid();
  await sleep(700);
  expect(await pid()).toBe(before);
  line.lateMs = 60_000;
  const [asked, begun] = [codeOf(database.pool.query('SELECT 1')), performance.now()];
  expect(await asked).toBe('ETIMEDOUT');
  expect(performance.now() - begun).toBeLessThan(10_000);
  line.lateMs = 0;
  expect(await pid()).not.toBe(before);
  await database.close();
});

it('a database that falls silent while the tables are brought up to date ends the start', async () => {
  const line = await startPostgresProxy(server.url);
  onTestFinished(line.stop);
  const silent = line.silentFrom('set_config');
  const opened = openDatabase({ url: line.url, dataDir: folder.dir, answerWithinMs: 300 }, () => {});
  expect(await codeOf(opened)).toBe('ETIMEDOUT');
  await silent;
});

it('a process that is frozen in a transaction gives up its locks, and whoever waits leaves nothing behind', async () => {
  const frozen = await openDatabase({ url: server.url, dataDir: folder.dir, answerWithinMs: 1_500 }, () => {});
  const other = await openDatabase({ url: server.url, dataDir: folder.dir, answerWithinMs: 1_500 }, () => {});
  onTestFinished(() => Promise.all([frozen.close(), other.close()]).then(() => {}));
  await pool.query('CREATE TABLE caps AS SELECT 1 AS id');
  const [client, keeper] = [await frozen.pool.connect(), await pool.connect()];
  const lock = 'SELECT 1 FROM caps WHERE id = 1 FOR UPDATE';
  await client.query('BEGIN');
  await client.query(lock);
  const begun = performance.now();
  expect(await codeOf(other.pool.query(lock))).toBe('taken');
  expect(performance.now() - begun).toBeGreaterThan(700);
  expect(await codeOf(client.query('COMMIT'))).not.toBe('taken');
  client.release(true);
  await keeper.query('BEGIN');
  await keeper.query(lock);
  expect(await codeOf(other.pool.query(lock))).toBe('55P03');
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  expect((await keeper.query(waiting)).rowCount).toBe(0);
  await keeper.query('ROLLBACK');
  keeper.release();
});
