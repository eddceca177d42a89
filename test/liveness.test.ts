import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { until } from '../src/adapters/clock.ts';
import { type Liveness, startLiveness } from '../src/adapters/liveness.ts';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { type Folder, makeFolder } from './stage/folder.ts';

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let one: Liveness;

const start = (id: string) => startLiveness({ pool, url: server.url, id, onError: () => {} });

beforeAll(async () => {
  folder = await makeFolder();
  server = await startEmbedded(folder.dir, { fsync: false });
  pool = connect(server.url, () => {});
  await migrate(pool);
  one = await start('one');
});
afterAll(async () => {
  await one?.stop();
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});

it('a process is alone until another comes, and again when that has left', async () => {
  expect(one.alone()).toBe(true);
  const two = await start('two');
  expect(two.alone()).toBe(false);
  await expect.poll(one.alone, { timeout: 5_000 }).toBe(false);
  await two.stop();
  await expect.poll(one.alone, { timeout: 5_000 }).toBe(true);
});

it('its time is the database’s, and a wait by it ends neither early nor late when our own clock is an hour off', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const right = Date.now();
  const databases = async () =>
    (await pool.query('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now')).rows[0].now;
  for (const off of [3_600_000, -3_600_000]) {
    vi.setSystemTime(right + off);
    expect(Math.abs(one.now() - (await databases()))).toBeLessThan(500);
    const at = (await databases()) + 1_000;
    const from = performance.now();
    await until(at, new AbortController().signal, one.now);
    expect(performance.now() - from).toBeGreaterThan(500);
    expect(performance.now() - from).toBeLessThan(5_000);
  }
  vi.useRealTimers();
});
