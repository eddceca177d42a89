import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hearNews, type News } from '../src/adapters/news.ts';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { NEWS } from '../src/adapters/store.ts';
import { type Folder, makeFolder } from './stage/folder.ts';

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let news: News;
beforeAll(async () => {
  folder = await makeFolder();
  server = await startEmbedded(folder.dir, { fsync: false });
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

it('ends every wait when its connection was lost, since nobody heard what was told meanwhile', async () => {
  const missed = new Promise<void>(resolve => news.onMissed(resolve));
  const waits = [news.wait('d1', 60_000), news.wait('d2', 60_000)];
  await pool.query(`SELECT pg_terminate_backend(pid) FROM (${listeners}) AS l WHERE pid <> pg_backend_pid()`);
  await Promise.all([missed, ...waits]);
  const heard = news.wait('d3', 60_000);
  await pool.query(`SELECT pg_notify('${NEWS}', 'd3')`);
  await heard;
});
