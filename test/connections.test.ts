import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countConnections, withDatabases } from '../src/adapters/connections.ts';
import type { Embedded } from '../src/adapters/postgres.ts';
import { connectionsNeeded, connectionsShort, poolOf } from '../src/domain/connections.ts';
import { readSwitchoverFile } from '../src/domain/switchover-file.ts';
import type { Heroku } from '../src/outside.ts';
import { startPostgres } from './stage/made.ts';

describe('what a dyno may hold', () => {
  it.each<[string, Record<string, string>, number | string | undefined, ReturnType<typeof poolOf>]>([
    ['is not known where nothing says so', { WEB_CONCURRENCY: '2' }, undefined, null],
    [
      'is what a config var by the usual names says',
      { DB_POOL: '5' },
      undefined,
      { each: 5, from: 'DB_POOL', declared: false },
    ],
    [
      'is that for each of its processes',
      { RAILS_MAX_THREADS: '5', WEB_CONCURRENCY: '3' },
      undefined,
      { each: 15, from: 'RAILS_MAX_THREADS × WEB_CONCURRENCY', declared: false },
    ],
    [
      'is what switchover.json says before that',
      { DB_POOL: '5' },
      8,
      { each: 8, from: 'switchover.json', declared: true },
    ],
    [
      'is in the config var that switchover.json names',
      { POOL: '7' },
      'POOL',
      { each: 7, from: 'POOL', declared: true },
    ],
    ['is not known when that holds no number', { POOL: 'many', DB_POOL: '5' }, 'POOL', null],
    [
      'is not read from what is no number',
      { DB_POOL: '0', DATABASE_POOL: '9' },
      undefined,
      { each: 9, from: 'DATABASE_POOL', declared: false },
    ],
  ])('%s', (_, vars, declared, pool) => {
    expect(poolOf(vars, declared)).toEqual(pool);
  });

  it('is counted twice for web, once for others, and two for the release and a one-off', () => {
    const formation = [
      { type: 'web', quantity: 3 },
      { type: 'worker', quantity: 2 },
    ];
    const pool = { each: 5, from: 'DB_POOL', declared: false };
    const needed = connectionsNeeded({ limit: 41, used: 20 }, pool, formation);
    expect(needed).toMatchObject({ needed: 42, web: 3, workers: 2 });
    expect(connectionsShort(needed, 'shop')).toEqual({
      kind: 'warned',
      text: expect.stringMatching(/shop may need 42 .*2 × 3 web × 5 \+ 2 others × 5 \+ 2.*it takes 41.*convention/),
    });
    expect(connectionsShort({ ...needed, pool: { ...pool, declared: true } }, 'shop')?.kind).toBe('refused');
    expect(connectionsShort({ ...needed, limit: 42 }, 'shop')).toBeNull();
  });
});

describe('switchover.json', () => {
  it('names a smoke test and what a dyno holds', () => {
    const text = '{"smoke": [{"path": "/health"}, {"path": "/old", "status": [301, 308]}], "connections": "DB_POOL"}';
    expect(readSwitchoverFile(text)).toMatchObject({
      smoke: [
        { path: '/health', status: [200] },
        { path: '/old', status: [301, 308] },
      ],
      connections: 'DB_POOL',
      problems: [],
    });
  });

  it.each(['//', '//elsewhere/', '/\\[', '//:99', 'health'])('names no smoke test of another host: %s', path => {
    const { problems } = readSwitchoverFile(JSON.stringify({ smoke: [{ path }] }));
    expect(problems).toEqual([expect.stringMatching(/smoke\.0\.path.*must be a path of the app itself/)]);
  });

  it('is told what is wrong with them', () => {
    const { problems } = readSwitchoverFile(
      '{"smoke": [{"path": "health"}, {"path": "/", "status": 20}], "connections": "5"}',
    );
    expect(problems.join('\n')).toMatch(
      /smoke\.0\.path.*\n.*smoke\.1\.status.*must be a status such as 200.*\n.*connections.*must be a number, or/s,
    );
  });
});

describe('the connections of a database', () => {
  let dir: string;
  let server: Embedded;
  let url: string;
  const open: pg.Client[] = [];
  const connect = async (address = url): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: address });
    client.on('error', () => {});
    await client.connect();
    open.push(client);
    return client;
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'connections-'));
    server = await startPostgres(dir);
    const admin = await connect(server.url);
    await admin.query("CREATE ROLE shop LOGIN PASSWORD 'x' CONNECTION LIMIT 4");
    await admin.query('CREATE DATABASE shop OWNER shop');
    const address = new URL(server.url);
    Object.assign(address, { username: 'shop', password: 'x', pathname: '/shop' });
    url = address.href;
  });
  afterAll(async () => {
    for (const client of open) await client.end().catch(() => {});
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('are counted against the tightest limit, without the one that counts', async () => {
    expect(await countConnections(url)).toEqual({ limit: 4, used: 0 });
    await connect();
    await connect();
    expect(await countConnections(url)).toEqual({ limit: 4, used: 2 });
    // An account without a limit of its own is held to the server's.
    expect(await countConnections(server.url)).toMatchObject({ limit: 197, used: 3 });
  });

  it('cannot be counted any more when none is left, and that is an error of its own', async () => {
    await connect();
    await connect();
    await expect(countConnections(url)).rejects.toThrow(/too many connections for role/);
  });

  it('are all in use when it takes no more, and how many that are was known', async () => {
    const { connections } = withDatabases({ config: async () => ({ DATABASE_URL: url }) } as unknown as Heroku);
    await expect(connections('shop')).rejects.toThrow(/too many/);
    await open.pop()?.end();
    await expect.poll(() => connections('shop').catch(() => null)).toEqual({ limit: 4, used: 3 });
    await connect();
    expect(await connections('shop')).toEqual({ limit: 4, used: 4 });
  });

  it('are asked without a call of Heroku’s API where the address was read before', async () => {
    let calls = 0;
    const vars = { DATABASE_URL: server.url };
    const given = {
      config: async () => {
        calls++;
        return vars;
      },
    } as unknown as Heroku;
    const { heroku, connections } = withDatabases(given);
    expect(await heroku.config('shop')).toBe(vars);
    expect(await connections('shop')).toMatchObject({ limit: 197 });
    expect(await connections('shop')).toMatchObject({ limit: 197 });
    expect(calls).toBe(1);
    expect(await connections('other')).toMatchObject({ limit: 197 });
    expect(calls).toBe(2);
    const without = withDatabases({ config: async () => ({}) } as unknown as Heroku);
    expect(await without.connections('shop')).toBeNull();
  });
});
