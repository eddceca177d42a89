import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Folder = { dir: string; remove(): Promise<void> };

/** An empty folder of one's own, which a Postgres that is not run by root can pass through. */
export async function makeFolder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'switchover-'));
  await chmod(dir, 0o711);
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
