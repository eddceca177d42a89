import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { claim, isAlive } from './claim.ts';
import { type Binaries, binariesFor } from './postgres-binaries.ts';

// Where the bot keeps what it must not lose: DATABASE_URL, or a private Postgres of its own under the data folder.

export type Embedded = { url: string; stop(): Promise<void> };

type Server = { pid: number; port: number };

const START_MS = 60_000;
const STOP_MS = 10_000;
/** A server writes its process number a moment before it listens. */
const LISTENS_MS = 3_000;
const LOOK_EVERY_MS = 1_000;
const INVALID_PASSWORD = '28P01';

/**
 * A private Postgres in `dir`, on loopback, its data there and its password in a file that only we may read. One that
 * outlived a killed bot is adopted. Throws when another living process uses the folder. `onGone`: it has ended by itself.
 */
export async function startEmbedded(
  dir: string,
  { fsync = true, onGone = () => {} }: { fsync?: boolean; onGone?: () => void } = {},
): Promise<Embedded> {
  const folder = resolve(dir);
  const data = join(folder, 'postgres');
  await mkdir(folder, { recursive: true });
  const release = await claim(join(folder, 'owner.pid'));
  try {
    const passwordFile = join(folder, 'password');
    const password = await keptPassword(passwordFile);
    const urlOf = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
    let server = await leftover(data, urlOf);
    if (!server) {
      const binaries = await binariesFor(folder);
      if (!existsSync(data)) await makeCluster(folder, data, binaries, { passwordFile, fsync });
      server = await startServer(folder, data, binaries, urlOf, fsync);
    }
    const { pid, port } = server;
    // Else a bot that ends in an error would leave a server behind that nobody looks after.
    const onExit = () => void (isAlive(pid) && process.kill(pid, 'SIGINT'));
    process.once('exit', onExit);
    const looking = setInterval(() => {
      if (isAlive(pid)) return;
      clearInterval(looking);
      onGone();
    }, LOOK_EVERY_MS).unref();
    const stop = async () => {
      clearInterval(looking);
      process.off('exit', onExit);
      await stopServer(pid, data);
      await release();
    };
    return { url: urlOf(port), stop };
  } catch (error) {
    await release();
    throw error;
  }
}

/** How to connect to an address. Throws when it is none. */
export function connectionTo(url: string): Pick<pg.ClientConfig, 'connectionString' | 'ssl'> {
  // Not left to `new URL`, whose error carries the address, and so the password, into the log.
  const address = URL.parse(url);
  if (!address) throw new Error('DATABASE_URL is not an address: are all special characters in its password escaped?');
  const local = ['127.0.0.1', 'localhost', '[::1]', ''].includes(address.hostname);
  // Heroku Postgres demands TLS and signs its certificates itself (heroku-postgresql, "Connecting in Node.js").
  // An address with `?sslmode=` has the last word.
  return { connectionString: url, ...(local ? {} : { ssl: { rejectUnauthorized: false } }) };
}

/** A pool for our own few queries. Errors of idle connections are handed over, so that none ends the process. */
export function connect(url: string, onError: (error: Error) => void, more: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({
    ...connectionTo(url),
    // The smallest Heroku Postgres takes 20 connections, and two bots overlap when this one is deployed with preboot.
    max: 5,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'switchover',
    ...more,
  });
  pool.on('error', onError);
  // The pool listens to those that nobody uses: one that breaks in a transaction would end the process. Its next query says it.
  pool.on('connect', client => void client.on('error', () => {}));
  return pool;
}

/** Made beside and moved into place when it is whole: one that was killed half-way could never be started. */
async function makeCluster(
  folder: string,
  data: string,
  { initdb, as }: Binaries,
  { passwordFile, fsync }: { passwordFile: string; fsync: boolean },
): Promise<void> {
  const unfinished = `${data}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (as) for (const path of [unfinished, passwordFile]) await chown(path, as.uid, as.gid);
  const what = [`--pgdata=${unfinished}`, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  // By default the encoding follows the caller's locale; a bare container has none, and jsonb then refuses "\u2026".
  const how = ['--encoding=UTF8', '--no-locale', ...(fsync ? [] : ['--no-sync'])];
  await promisify(execFile)(initdb, [...what, ...how], { ...as, cwd: unfinished, env: {} }).catch(cause => {
    throw new Error(`The private Postgres in ${folder} could not be made`, { cause });
  });
  await rename(unfinished, data);
}

/** In a process group of its own: Ctrl-C goes to the whole group, and the bot needs its database to hand over. */
async function startServer(
  folder: string,
  data: string,
  { postgres, as }: Binaries,
  urlOf: (port: number) => string,
  fsync: boolean,
): Promise<Server> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: await freePort(),
    unix_socket_directories: '',
    shared_buffers: '32MB',
    max_connections: 200,
    fsync: fsync ? 'on' : 'off',
    timezone: 'UTC',
    log_checkpoints: 'off',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFile = join(folder, 'server.log');
  const log = await open(logFile, 'w');
  // Not our environment: it holds secrets, and the server may run as another user.
  const child = spawn(postgres, ['-D', data, ...flags], {
    ...as,
    cwd: data,
    env: {},
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`it ended with ${code}`);
  });
  try {
    await Promise.race([untilAnswers(urlOf(settings.port)), ended]);
    return { pid: child.pid ?? 0, port: settings.port };
  } catch (cause) {
    const said = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n');
    throw new Error(`The private Postgres in ${folder} did not start: ${said}`, { cause });
  } finally {
    ended.catch(() => {});
    await log.close();
  }
}

/** SIGINT is Postgres's fast shutdown, SIGQUIT its immediate one: open transactions are rolled back, nothing is lost. */
async function stopServer(pid: number, data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (isAlive(pid)) process.kill(pid, signal);
    // An adopted one may stay as a zombie when nobody reaps it: removing the file is the last that it does.
    for (const until = performance.now() + STOP_MS; performance.now() < until; await sleep(20)) {
      if (!isAlive(pid) || !existsSync(join(data, 'postmaster.pid'))) return;
    }
  }
}

/** A server that a killed bot left behind, once it answers. A `postmaster.pid` left by a dead one is removed. */
async function leftover(data: string, urlOf: (port: number) => string): Promise<Server | null> {
  const file = join(data, 'postmaster.pid');
  // The process on line 1, the port on line 4 (postgresql.org, "Database File Layout").
  const [pid = 0, , , port = 0] = (await readFile(file, 'utf8').catch(() => '')).split('\n').map(Number);
  if (isAlive(pid) && port && (await untilAnswers(urlOf(port)))) return { pid, port };
  await rm(file, { force: true });
  return null;
}

/** False when nobody listens there for a while: then the process that the file names is not Postgres any more. */
async function untilAnswers(url: string): Promise<boolean> {
  let silentSince = performance.now();
  for (const until = silentSince + START_MS; performance.now() < until; await sleep(50)) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return true;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      if (code === INVALID_PASSWORD) throw error;
      if (code !== 'ECONNREFUSED') silentSince = performance.now();
      if (performance.now() - silentSince > LISTENS_MS) return false;
    } finally {
      await client.end().catch(() => {});
    }
  }
  throw new Error('It does not answer, and has not ended either');
}

async function keptPassword(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => null);
  if (kept) return kept;
  const password = randomBytes(18).toString('hex');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(listening => probe.listen(0, '127.0.0.1', listening));
  const address = probe.address();
  await new Promise(closed => probe.close(closed));
  return typeof address === 'object' && address ? address.port : 0;
}
