import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { inTransaction } from '../src/adapters/transaction.ts';
import { type Folder, makeFolder } from './stage/folder.ts';

const fixture = fileURLToPath(new URL('fixtures/postgres-owner.ts', import.meta.url));
let folder: Folder;
let owners: ChildProcess[] = [];
let servers: Embedded[] = [];

beforeEach(async () => {
  folder = await makeFolder();
});

afterEach(async () => {
  for (const owner of owners) await killed(owner);
  for (const server of servers) await server.stop();
  owners = [];
  servers = [];
  // A server whose owner was killed in the test runs on: adopting it is the way to stop it.
  if (existsSync(join(folder.dir, 'postgres', 'postmaster.pid'))) await (await startEmbedded(folder.dir)).stop();
  await folder.remove();
});

function launch(): ChildProcess {
  const owner = fork(fixture, [folder.dir], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
  owners.push(owner);
  return owner;
}

async function killed(owner: ChildProcess): Promise<void> {
  if (owner.exitCode !== null || owner.signalCode !== null) return;
  owner.kill('SIGKILL');
  await once(owner, 'exit');
}

async function start(): Promise<Embedded> {
  const server = await startEmbedded(folder.dir, { fsync: false });
  servers.push(server);
  return server;
}

async function query<T extends pg.QueryResultRow>({ url }: Embedded, text: string): Promise<T[]> {
  const pool = connect(url, () => {});
  try {
    return (await pool.query<T>(text)).rows;
  } finally {
    await pool.end();
  }
}

const serverPid = async () =>
  Number((await readFile(join(folder.dir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);

describe('the private Postgres', () => {
  it('keeps what was written over a stop and a start, and its password to us', async () => {
    const first = await start();
    await query(first, `CREATE TABLE kept AS SELECT '{"a": "\\u2026"}'::jsonb AS a`);
    expect(await query(first, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
    await first.stop();
    expect(await query(await start(), 'SELECT a FROM kept')).toEqual([{ a: { a: '…' } }]);
    expect((await stat(join(folder.dir, 'password'))).mode & 0o777).toBe(0o600);
    await expect(query({ ...first, url: first.url.replace(/:[0-9a-f]+@/, ':wrong@') }, 'SELECT 1')).rejects.toThrow();
  });

  it('is adopted when it outlived a killed bot', async () => {
    const owner = launch();
    await once(owner, 'message');
    const pid = await serverPid();
    await killed(owner);
    await query(await start(), 'SELECT 1');
    expect(await serverPid()).toBe(pid);
  });

  it('is missed when it is killed, and started anew with what was written', async () => {
    let gone = 0;
    servers.push(await startEmbedded(folder.dir, { fsync: false, onGone: () => gone++ }));
    process.kill(await serverPid(), 'SIGKILL');
    await expect.poll(() => gone, { timeout: 10_000 }).toBe(1);
    await servers.at(-1)?.stop();
    expect(gone).toBe(1);
  });

  it('outlives a Ctrl-C until the bot has handed over, and then leaves nothing running', async () => {
    const owner = launch();
    await once(owner, 'message');
    process.kill(-(owner.pid ?? 0), 'SIGINT');
    expect(await once(owner, 'message')).toEqual(['answers', undefined]);
    expect(existsSync(join(folder.dir, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  it('that was killed while it was made is made again', async () => {
    const owner = launch();
    await expect.poll(async () => (await readdir(folder.dir)).includes('postgres.new'), { interval: 2 }).toBe(true);
    process.kill(-(owner.pid ?? 0), 'SIGKILL');
    await once(owner, 'exit');
    expect(await query(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('refuses a folder that another living process uses, and names the process', async () => {
    const owner = launch();
    await once(owner, 'message');
    await expect(start()).rejects.toThrow(`Process ${owner.pid} already runs on ${join(folder.dir, 'owner.pid')}`);
  });

  it('starts when the numbers that a dead owner and a dead server left behind belong to others now', async () => {
    await (await start()).stop();
    // Our own number lives, and nobody listens on port 1.
    await writeFile(join(folder.dir, 'owner.pid'), `${process.ppid} 1\n`);
    await writeFile(join(folder.dir, 'postgres', 'postmaster.pid'), `${process.ppid}\n/elsewhere\n0\n1\n`);
    expect(await query(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says where it went wrong, and lets go of the folder', async () => {
    await mkdir(join(folder.dir, 'postgres'), { mode: 0o700 });
    await expect(start()).rejects.toThrow(/The private Postgres in .* did not start: /);
    expect(existsSync(join(folder.dir, 'owner.pid'))).toBe(false);
  });

  it('in a folder that only root may enter says where to go, and runs there for anybody else', async () => {
    await chmod(folder.dir, 0o700);
    const inner = join(folder.dir, 'inner');
    const started = startEmbedded(inner, { fsync: false });
    if (process.getuid?.() === 0) await expect(started).rejects.toThrow(`may not enter ${folder.dir}`);
    else await (await started).stop();
  });
});

describe('the tables', () => {
  it('are made once when several bots start at the same time', async () => {
    const { url } = await start();
    const pools = [1, 2, 3].map(() => connect(url, () => {}));
    await Promise.all(pools.map(migrate));
    const found = await pools[0]?.query("SELECT 1 FROM pg_tables WHERE tablename IN ('deploys', 'facts', 'instances')");
    expect(found?.rowCount).toBe(3);
    await Promise.all(pools.map(pool => pool.end()));
  });
});

describe('a connection that breaks between two queries of a transaction', () => {
  it('fails that transaction, and not the process', async () => {
    const pool = connect((await start()).url, () => {});
    const work = inTransaction(pool, async client => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const broken = new Promise<void>(end => client.once('end', end));
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await broken;
      await client.query('SELECT 1');
    });
    await expect(work).rejects.toThrow(/not queryable/);
    expect((await pool.query('SELECT 1')).rowCount).toBe(1);
    await pool.end();
  });
});

describe('an address that cannot be read', () => {
  it('is refused without repeating its password', () => {
    const attempt = () => connect('postgres://bot:se#cret@host:port/x', () => {});
    expect(attempt).toThrow('special characters');
    expect(attempt).not.toThrow('cret');
  });
});
