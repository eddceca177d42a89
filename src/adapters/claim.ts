import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

/**
 * Makes the folder that the file is in ours, until the returned function is called or we end. Throws when another living
 * process has it. The file names that process and a port that it keeps open: after a restart of the machine, or in a
 * container, the number alone is soon another process's.
 */
export async function claim(file: string): Promise<() => Promise<void>> {
  const held = createServer(socket => socket.destroy()).unref();
  const port = await listen(held);
  for (;;) {
    try {
      await writeFile(file, `${process.pid} ${port}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const [owner = 0, kept = 0] = (await readFile(file, 'utf8').catch(() => '')).split(' ').map(Number);
    if (isAlive(owner) && (await isOpen(kept))) {
      held.close();
      throw new Error(
        `Process ${owner} already runs on ${file}. Stop it first, or give this one its own DATA_DIR or DATABASE_URL.`,
      );
    }
    await rm(file, { force: true });
  }
  return async () => {
    held.close();
    await rm(file, { force: true });
  };
}

export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function isOpen(port: number): Promise<boolean> {
  if (!(port > 0 && port < 65_536)) return false;
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise(answer => {
      socket.once('connect', () => answer(true)).once('error', () => answer(false));
    });
  } finally {
    socket.destroy();
  }
}
