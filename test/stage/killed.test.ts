import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('heroku/main.ts', import.meta.url));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('a local Heroku that is killed leaves no server and no folder behind', { timeout: 90_000 }, async () => {
  const parent = await mkdtemp(join(tmpdir(), 'killed-'));
  await chmod(parent, 0o711);
  const heroku = spawn(process.execPath, [MAIN, '--port', '0'], {
    env: { ...process.env, TMPDIR: parent },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let said = '';
    heroku.stdout.on('data', chunk => {
      said += chunk;
    });
    await expect.poll(() => said, { timeout: 60_000 }).toMatch(/\nshop {4}http/);
    const [pidFile = ''] = readdirSync(parent)
      .map(folder => join(parent, folder, 'postgres/postgres/postmaster.pid'))
      .filter(existsSync);
    const postgres = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    expect(isAlive(postgres)).toBe(true);
    heroku.kill('SIGKILL');
    await once(heroku, 'exit');
    await expect.poll(() => readdirSync(parent), { timeout: 20_000 }).toEqual([]);
    await expect.poll(() => isAlive(postgres), { timeout: 20_000 }).toBe(false);
  } finally {
    heroku.kill('SIGKILL');
    await rm(parent, { recursive: true, force: true });
  }
});
