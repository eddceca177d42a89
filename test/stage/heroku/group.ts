import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { Leash } from './leash.ts';

/** The processes of one dyno. */
export type Group = {
  /** The command's exit status, 128 + signal when a signal ended it; once all its processes have let go of the output. */
  exited: Promise<number>;
  /** Input of the command, to be ended by whoever has nothing to say. */
  stdin: Writable;
  /** To all processes; after a SIGTERM they may take their time, after a SIGKILL none is left. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): void;
};

const LEFT_BEHIND_MS = 1000;
const KILLED = 128 + constants.signals.SIGKILL;

export type StartGroup = (ask: {
  command: string;
  dir: string;
  env: Record<string, string>;
  leash: Leash;
  onLine?: ((text: string) => void) | undefined;
  onOutput?: ((chunk: Buffer) => void) | undefined;
}) => Group;

/** Starts `sh -c command` in a process group of its own, with this environment and nothing of ours. */
export const startGroup: StartGroup = ask => {
  const child = spawn('sh', ['-c', ask.command], {
    cwd: ask.dir,
    env: ask.env,
    detached: true,
    stdio: 'pipe',
  });
  const { pid, stdin, stdout, stderr } = child;
  // It may have closed its input.
  stdin.on('error', () => {});
  for (const input of [stdout, stderr]) {
    if (ask.onLine) createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }).on('line', ask.onLine);
    if (ask.onOutput) input.on('data', ask.onOutput);
  }
  if (pid) ask.leash.hold(pid);

  let stopping = false;
  let killed = false;
  const send = (name: NodeJS.Signals) => {
    try {
      if (pid) process.kill(-pid, name);
    } catch {
      // All of them are gone already.
    }
  };
  const kill = () => {
    send('SIGKILL');
    // A process that left the group may still hold the output; the dyno is over all the same.
    setTimeout(() => [stdout, stderr].forEach(stream => void stream.destroy()), LEFT_BEHIND_MS).unref();
  };
  const exited = new Promise<number>(resolve => {
    child.once('error', error => {
      ask.onLine?.(error.message);
      resolve(127);
    });
    // A dyno ends with its command, whatever else it had started; only a dyno that is being stopped waits for all.
    child.once('exit', () => stopping || kill());
    child.once('close', (code, signal) => {
      if (pid) ask.leash.free(pid);
      send('SIGKILL');
      // The shell may have gone at the SIGTERM, before the process that had to be killed.
      resolve(killed ? KILLED : (code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  });
  return {
    exited,
    stdin,
    signal(name) {
      if (name === 'SIGKILL') {
        killed = true;
        kill();
      } else {
        stopping ||= name === 'SIGTERM';
        send(name);
      }
    },
  };
};
