import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Embedded } from '../src/adapters/postgres.ts';
import { makeShopRepository, packCommit, type ShopRepository } from './stage/apps/shop.ts';
import { buildSlug } from './stage/heroku/builder.ts';
import { startPostgres } from './stage/made.ts';

const run = promisify(execFile);

let dir: string;
let shop: ShopRepository;
let postgres: Embedded;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shop-'));
  // Where tests run as root, Postgres runs as somebody else, who must get in.
  await chmod(dir, 0o711);
  [shop, postgres] = await Promise.all([
    makeShopRepository(join(dir, 'repository')),
    startPostgres(join(dir, 'postgres')),
  ]);
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** A slug as the local Heroku builds it, from a data URL in place of a source. */
async function slug(ref: string): Promise<{ dir: string; types: Record<string, string>; said: string[] }> {
  const at = await mkdtemp(join(dir, 'slug-'));
  const said: string[] = [];
  const source = `data:application/gzip;base64,${(await packCommit(shop.dir, ref)).toString('base64')}`;
  const types = await buildSlug(source, at, line => said.push(line));
  return { dir: at, types, said };
}

const environment = (more: Record<string, string> = {}) => ({
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
  DATABASE_URL: postgres.url,
  HEROKU_RELEASE_VERSION: 'v7',
  DYNO: 'web.1',
  BOOT_MS: '200',
  ...more,
});

async function release(ref: string, more: Record<string, string> = {}): Promise<string> {
  const { dir: cwd, types } = await slug(ref);
  return (await run('sh', ['-c', types.release ?? ''], { cwd, env: environment(more) })).stdout;
}

async function boot(ref: string): Promise<{ url: string; child: ChildProcess; said: string[] }> {
  const { dir: cwd, types } = await slug(ref);
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  probe.close();
  const child = spawn('sh', ['-c', `exec ${types.web}`], { cwd, env: environment({ PORT: String(port) }) });
  children.add(child);
  const said: string[] = [];
  const listening = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        said.push(line);
        if (line.startsWith('Listening')) resolve();
      });
    }
    child.once('exit', code => reject(new Error(`exited ${code}: ${said.join('\n')}`)));
  });
  await listening;
  return { url: `http://127.0.0.1:${port}`, child, said };
}

describe('the sample app', () => {
  it('has the same history whenever it is made', async () => {
    const again = await makeShopRepository(join(dir, 'again'));
    expect(again.commits).toEqual(shop.commits);
    const log = await run('git', ['-C', shop.dir, 'log', '--format=%D %s', 'next']);
    expect(log.stdout.trim().split('\n')).toEqual([
      'tag: v3, next Show what is left of each hat',
      expect.stringMatching(/HEAD -> main.* Count the hats in stock$/),
      ' Tell <!channel> that R&D <sells> hats *now*',
      'tag: v1 Open the shop',
    ]);
  });

  it('migrates its database in the release phase, and each version shows what it reads', async () => {
    expect(await release('v1')).toContain('1_hats');
    const first = await boot('v1');
    const answer = await fetch(first.url);
    expect(answer.headers.get('x-heroku-release-version')).toBe('v7');
    expect(answer.headers.get('x-heroku-dyno-name')).toBe('web.1');
    expect(await answer.text()).toBe('Bowler: 40 EUR\nFez: 25 EUR\nPanama: 60 EUR\n');

    expect(await release('next')).toContain('2_stock');
    expect(await (await fetch(first.url)).text()).toContain('Bowler: 40 EUR\n');
    const third = await boot('next');
    expect(await (await fetch(third.url)).text()).toContain('Fez: 25 EUR, 12 left\n');
    expect(await (await fetch(`${third.url}/version`)).json()).toMatchObject({ release: 'v7' });
    for (const { child } of [first, third]) child.kill('SIGTERM');
  });

  it('serves on after a SIGTERM what it had begun, and leaves although clients keep their connections', async () => {
    const { url, child, said } = await boot('v2');
    const agent = new Agent({ keepAlive: true });
    const ask = () =>
      new Promise<number | undefined>((resolve, reject) => {
        get(url, { agent }, answer => {
          answer.resume().once('end', () => resolve(answer.statusCode));
        }).once('error', reject);
      });
    expect(await ask()).toBe(200);
    const database = new pg.Client(postgres.url);
    await database.connect();
    await database.query('BEGIN; LOCK TABLE hats');
    const begun = ask();
    const waiting = async () => (await database.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount;
    await vi.waitUntil(waiting, { timeout: 10_000 });
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await vi.waitUntil(() => said.includes('Closing'), { timeout: 10_000 });
    await expect(fetch(url)).rejects.toThrow();
    const at = Date.now();
    await database.query('COMMIT');
    await database.end();
    expect(await begun).toBe(200);
    expect(await gone).toEqual([0, null]);
    // Node would keep an idle connection for 5 s.
    expect(Date.now() - at).toBeLessThan(4_000);
    agent.destroy();
  });

  it('crashes on the way up on its branch for that', async () => {
    await expect(boot('crashes')).rejects.toThrow(/exited 1.*There are no hats/s);
  });

  it('cannot be built on the branch that wants a package that nobody has', async () => {
    await expect(slug('bad-build')).rejects.toThrow('Dependencies could not be installed');
  });

  it('fails or takes long in the release phase on the branches for that', async () => {
    await expect(release('bad-release')).rejects.toMatchObject({ code: 1, stdout: 'No such hat\n' });
    const at = Date.now();
    await release('slow-release', { SLOW_RELEASE_MS: '2000' });
    expect(Date.now() - at).toBeGreaterThanOrEqual(2_000);
  });
});
