import { fork } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { StartGroup } from './group.ts';
import type { Said, Told } from './shared-dynos.ts';

/** One small process in place of those of all dynos, where there are hundreds and what they run does not matter. */
export type Shared = { start: StartGroup; stop(): Promise<void> };

/**
 * Web dynos answer every request with their release, as the npm package heroku-dyno-metadata tells it; any other command
 * ends at once, well. Booting takes as long as `bootDelayMs` says, and stopping no time.
 */
export function startShared(): Shared {
  const child = fork(fileURLToPath(new URL('shared-dynos.ts', import.meta.url)), { stdio: 'inherit' });
  const ended = once(child, 'exit');
  const tell = (told: Told): void => void (child.connected && child.send(told));
  const ends = new Map<number, (status: number) => void>();
  child.on('message', ({ closed }: Said) => ends.get(closed)?.(143));
  let count = 0;
  return {
    start: ({ env }) => {
      const dyno = ++count;
      const { promise: exited, resolve } = Promise.withResolvers<number>();
      ends.set(dyno, resolve);
      void exited.then(() => ends.delete(dyno));
      const stdin = new PassThrough();
      if (env.PORT) tell({ dyno, port: Number(env.PORT), release: env.HEROKU_RELEASE_VERSION ?? '' });
      else setImmediate(resolve, 0);
      return { exited, stdin, signal: name => (name === 'SIGHUP' ? undefined : tell({ dyno, close: true })) };
    },
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
