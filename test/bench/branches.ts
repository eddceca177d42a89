import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The two versions of the shop between which a column is replaced, and the new one as each way of deploying needs it. */
export const OLD = 'bench-old';
/** Adds before the release; what destroys lies in `contract/`. */
export const NEW = 'bench-new';
/** Migrates nothing by itself. */
export const NEW_BY_HAND = 'bench-new-by-hand';
/** Migrates everything in its release phase. */
export const NEW_AT_ONCE = 'bench-new-at-once';

/**
 * Adds these branches to the sample app's repository. Unlike the shop they do not ask their database while they boot, so
 * that a schema that does not fit costs them no more than each request that needs it.
 */
export async function addBranches(dir: string): Promise<void> {
  const git = (...args: string[]) => run('git', ['-C', dir, ...args]);
  const server = join(dir, 'server.js');
  const branch = async (name: string, from: string, change: () => Promise<void>): Promise<void> => {
    await git('checkout', '--quiet', '-b', name, from);
    await change();
    await git('-c', 'user.name=Hatty', '-c', 'user.email=hatty@example.com', 'commit', '--quiet', '--all', '-m', name);
  };
  const bootAlone = async (): Promise<void> => {
    const text = await readFile(server, 'utf8');
    const changed = text.replace('pool.query(QUERY), sleep', 'sleep');
    if (changed === text) throw new Error('The shop no longer boots as it did');
    await writeFile(server, changed);
  };
  await branch(OLD, 'main', bootAlone);
  await branch(NEW, 'cents', bootAlone);
  await branch(NEW_AT_ONCE, 'cents-at-once', bootAlone);
  await branch(NEW_BY_HAND, NEW, () => writeFile(join(dir, 'Procfile'), 'web: node server.js\n'));
  await git('checkout', '--quiet', 'main');
}

/** Commits of an app that is hardly anything, one after the other: `tiny-0`, `tiny-1`, … Its processes are not run. */
export async function addTinyCommits(dir: string, count: number): Promise<string[]> {
  const git = (...args: string[]) => run('git', ['-C', dir, ...args]);
  const who = ['-c', 'user.name=Hatty', '-c', 'user.email=hatty@example.com'];
  await git('checkout', '--quiet', '--orphan', 'tiny');
  await git('rm', '-r', '--quiet', '--force', '.');
  await writeFile(join(dir, 'Procfile'), 'web: tiny\n');
  const names = Array.from({ length: count }, (_, i) => `tiny-${i}`);
  for (const name of names) {
    await writeFile(join(dir, 'README.md'), `${name}\n`);
    await git('add', '--all');
    await git(...who, 'commit', '--quiet', '-m', name);
    await git('tag', name);
  }
  await git('checkout', '--quiet', 'main');
  return names;
}
