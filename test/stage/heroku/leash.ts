import { spawn } from 'node:child_process';

/** Holds process groups that must not outlive this process, even when it is killed with SIGKILL. */
export type Leash = {
  hold(group: number): void;
  free(group: number): void;
  close(): void;
};

// Each line is the whole list of groups that live. The end of the input means that the stage is dead or done: with
// SIGKILL nothing in the stage itself could still run, so a process outside of it does the killing.
const WATCH = `while read -r line; do groups=$line; done; for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done`;

/** One small shell for all dynos of an app, in a session of its own so that Ctrl-C does not end it first. */
export function startLeash(): Leash {
  const groups = new Set<number>();
  const watcher = spawn('sh', ['-c', WATCH], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  watcher.stdin.on('error', () => {});
  const tell = () => watcher.stdin.write(`${[...groups].join(' ')}\n`);
  return {
    hold(group) {
      groups.add(group);
      tell();
    },
    free(group) {
      groups.delete(group);
      tell();
    },
    close: () => watcher.stdin.end(),
  };
}
