import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** A way to Postgres that `admits` a line or hangs up on it, and lets through what the line says that it `hears`. */
async function openDoor(admits: () => boolean, hears: (said: Buffer) => boolean = () => true) {
  const lines = new Set<Socket>();
  const door = createServer(line => {
    if (!admits()) return void line.destroy();
    const postgres = connectTo(Number(new URL(server.url).port), '127.0.0.1');
    lines.add(line);
    line.on('data', said => hears(said) && postgres.write(said));
    postgres.pipe(line);
    for (const [end, other] of [
      [line, postgres],
      [postgres, line],
    ] as const) {
      end.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(server.url);
  url.port = String((door.address() as AddressInfo).port);
  const cut = () => {
    for (const line of lines) line.destroy();
  };
  return { url: url.href, cut, close: () => door.close() };
}

it('tries one connection at a time while the database is away', async () => {
  let away = false;
  const tries: number[] = [];
  const door = await openDoor(() => {
    if (away) tries.push(performance.now());
    return !away;
  });
  const heard = await hearNews(pool, door.url, () => {});
  const missed = new Promise<void>(resolve => heard.onMissed(resolve));
  away = true;
  door.cut();
  await expect.poll(() => tries.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(5);
  const apart = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  expect(Math.min(...apart)).toBeGreaterThan(300);
  away = false;
  await missed;
  await heard.stop();
  door.close();
});

it('gives a connection up that dies as it begins to listen', async () => {
  let deaf = 0;
  const door = await openDoor(
    () => true,
    said => !said.includes('LISTEN') || deaf-- <= 0,
  );
  const heard = await hearNews(pool, door.url, () => {});
  const missed = new Promise<string>(resolve => heard.onMissed(() => resolve('missed')));
  deaf = 1;
  door.cut();
  expect(await Promise.race([missed, sleep(15_000)])).toBe('missed');
  await heard.stop();
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
