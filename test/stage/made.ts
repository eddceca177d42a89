import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Embedded, startEmbedded } from '../../src/adapters/postgres.ts';
import { commitOf, makeShopRepository, type ShopRepository } from './apps/shop.ts';

// What takes a second to make and is the same for all, so that a run of tests makes it once: test/setup.ts says where.

/** The folder of this name, made when it is the first time; null when nothing is kept, as outside of a run of tests. */
export async function madeOnce(name: string, make: (dir: string) => Promise<unknown>): Promise<string | null> {
  const kept = process.env.SWITCHOVER_MADE;
  if (!kept) return null;
  const whole = join(kept, name);
  if (existsSync(whole)) return whole;
  const unfinished = await mkdtemp(`${whole}-`);
  await make(unfinished);
  // Files of tests run beside each other, and another may have been faster.
  await rename(unfinished, whole).catch(() => rm(unfinished, { recursive: true, force: true }));
  return whole;
}

/** As `startEmbedded`, but it does not wait for the disk. */
export async function startPostgres(dir: string, { fsync = false }: { fsync?: boolean } = {}): Promise<Embedded> {
  if (!existsSync(join(dir, 'postgres'))) {
    const made = await madeOnce('postgres', async empty => (await startEmbedded(empty, { fsync: false })).stop());
    if (made) await copy(made, dir);
  }
  return startEmbedded(dir, { fsync });
}

/** As `makeShopRepository`. */
export async function shopRepository(dir: string): Promise<ShopRepository> {
  const made = await madeOnce('shop', makeShopRepository);
  if (!made) return makeShopRepository(dir);
  await copy(made, dir);
  const [v1, v2, v3] = await Promise.all([commitOf(dir, 'v1'), commitOf(dir, 'v2'), commitOf(dir, 'v3')]);
  return { dir, commits: { v1, v2, v3 } };
}

/** With owners and modes: Postgres insists on them. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await promisify(execFile)('cp', ['-a', `${from}/.`, to]);
}
