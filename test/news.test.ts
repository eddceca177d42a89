import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hearNews, type News } from '../src/adapters/news.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { NEWS } from '../src/adapters/store.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let news: News;
beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  pool = connect(server.url, () => {});
  news = await hearNews(pool, server.url, () => {}, 200);
});
afterAll(async () => {
  await news?.stop();
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});

const listeners = `SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN ${NEWS}' OR query = 'SELECT 1'`;

it('ends the waits for a deploy, and no others', async () => {
  let other = false;
  void news.wait('d2', 1_000).then(() => {
    other = true;
  });
  const told = news.wait('d1', 60_000);
  await pool.query(`SELECT pg_notify('${NEWS}', 'd1')`);
  await told;
  expect(other).toBe(false);
});

it('tries one connection at a time while the database is away', async () => {
  const url = new URL(server.url);
  let away = false;
  const tries: number[] = [];
  const lines = new Set<Socket>();
  const door = createServer(line => {
    if (away) tries.push(performance.now());
    if (away) return void line.destroy();
    const postgres = connectTo(Number(new URL(server.url).port), '127.0.0.1');
    lines.add(line);
    for (const [end, other] of [
      [line, postgres],
      [postgres, line],
    ] as const) {
      end.pipe(other);
      end.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  url.port = String((door.address() as AddressInfo).port);
  const cut = await hearNews(pool, url.href, () => {});
  const missed = new Promise<void>(resolve => cut.onMissed(resolve));
  away = true;
  for (const line of lines) line.destroy();
  await expect.poll(() => tries.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(5);
  const apart = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  expect(Math.min(...apart)).toBeGreaterThan(300);
  away = false;
  await missed;
  await cut.stop();
  door.close();
});

it('ends every wait when its connection was lost, since nobody heard what was told meanwhile', async () => {
  const missed = new Promise<void>(resolve => news.onMissed(resolve));
  const waits = [news.wait('d1', 60_000), news.wait('d2', 60_000)];
  await pool.query(`SELECT pg_terminate_backend(pid) FROM (${listeners}) AS l WHERE pid <> pg_backend_pid()`);
  await Promise.all([missed, ...waits]);
  const heard = news.wait('d3', 60_000);
  await pool.query(`SELECT pg_notify('${NEWS}', 'd3')`);
  await heard;
});
