import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type Listening = { pid: number; port: number; stop(): Promise<void> };

/** A program of this folder as a process of its own, which says its port when it listens. It ends with this process. */
export async function startListening(program: string, args: readonly string[]): Promise<Listening> {
  const child: ChildProcess = fork(fileURLToPath(new URL(program, import.meta.url)), args, { stdio: 'inherit' });
  const ended = once(child, 'exit');
  const [said] = (await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => Promise.reject(new Error(`${program} ended with ${code} before it listened`))),
  ])) as [{ port: number }];
  return {
    pid: child.pid ?? 0,
    port: said.port,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
