import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Folder = { dir: string; remove(): Promise<void> };

// With SIGKILL nothing of ours could still run, so a shell outside does the cleaning: its input ends without a word. A
// server of ours in the folder writes its number on line 1 (postgresql.org, "Database File Layout").
const WATCH = `read -r word
[ "$word" = removed ] && exit
pid=$(head -n 1 "$1/postgres/postgres/postmaster.pid" 2>/dev/null)
[ -n "$pid" ] && kill -s QUIT "$pid" 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null; [ -e "$1" ] || exit; sleep 0.5; done`;

/** An empty folder of one's own, which a Postgres that is not run by root can pass through. Gone when we are killed, too. */
export async function makeFolder(): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'switchover-'));
  await chmod(dir, 0o711);
  // In a session of its own, so that Ctrl-C does not end it first.
  const watcher = spawn('sh', ['-c', WATCH, 'sh', dir], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watcher.on('error', () => {});
  watcher.stdin.on('error', () => {});
  watcher.unref();
  if ('unref' in watcher.stdin && typeof watcher.stdin.unref === 'function') watcher.stdin.unref();
  return {
    dir,
    remove: async () => {
      await rm(dir, { recursive: true, force: true });
      watcher.stdin.end('removed\n');
    },
  };
}
