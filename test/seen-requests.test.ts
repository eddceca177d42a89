import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectSeenRequests, type SeenRequests } from '../src/adapters/seen-requests.ts';
import { type Folder, makeFolder } from './stage/folder.ts';

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let instances: [SeenRequests, SeenRequests];
beforeAll(async () => {
  folder = await makeFolder();
  server = await startEmbedded(folder.dir, { fsync: false });
  pool = connect(server.url, () => {});
  await migrate(pool);
  instances = [connectSeenRequests(server.url, () => {}), connectSeenRequests(server.url, () => {})];
});
afterAll(async () => {
  await Promise.all((instances ?? []).map(instance => instance.stop()));
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});

it('a request is new once, whichever instance it reaches, however many come at once', async () => {
  const names = Array.from({ length: 500 }, (_, i) => `v0=${i}`);
  const seen = await Promise.all(
    [...names, ...names.toReversed()].map((name, i) => (instances[i % 2] as SeenRequests).seen(name)),
  );
  const fresh = [...names, ...names.toReversed()].filter((_, i) => !seen[i]);
  expect(fresh.toSorted()).toEqual(names.toSorted());
  expect(await instances[0].seen('v0=7')).toBe(true);
  expect(await instances[1].seen('v0=500')).toBe(false);
});

it('waits for no other work of the bot, and says when the database cannot be asked', async () => {
  const busy = Array.from({ length: 6 }, () => pool.query('SELECT pg_sleep(1.5)'));
  const from = performance.now();
  expect(await instances[0].seen('v0=busy')).toBe(false);
  expect(performance.now() - from).toBeLessThan(1_000);
  await Promise.all(busy);
  await pool.query('ALTER TABLE seen_requests RENAME TO seen_no_more');
  await expect(instances[0].seen('v0=lost')).rejects.toThrow('seen_requests');
  await pool.query('ALTER TABLE seen_no_more RENAME TO seen_requests');
  expect(await instances[0].seen('v0=lost')).toBe(false);
});
