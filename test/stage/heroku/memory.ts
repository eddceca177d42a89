import type { Timers } from './timers.ts';

/** Heroku looks, and says what it finds, about so often (error-codes article; logs of apps that had R14). */
const EVERY_MS = 20_000;
/** Memory of a dyno, MB (dyno-types article). */
const MB = new Map([
  ['Standard-2X', 1_024],
  ['Performance-M', 2_560],
  ['Performance-L', 14_336],
]);

/**
 * Looks what share of its memory a process uses. Above it the process swaps, which the log says each time (R14); with
 * twice as much it is killed (R15). The answer ends it.
 */
export function watchMemory(ask: {
  size: string;
  scale: number;
  timers: Timers;
  share: () => number;
  say: (text: string) => void;
  kill: () => void;
}): () => void {
  const look = (): void => {
    const share = ask.share();
    if (share > 1) {
      const used = Math.round(share * (MB.get(ask.size) ?? 512));
      ask.say(`Process running mem=${used}M(${(100 * share).toFixed(1)}%)`);
      ask.say(share < 2 ? 'Error R14 (Memory quota exceeded)' : 'Error R15 (Memory quota vastly exceeded)');
    }
    if (share < 2) {
      again();
      return;
    }
    ask.say('Stopping process with SIGKILL');
    ask.kill();
  };
  let cancel = (): void => {};
  const again = (): void => {
    cancel = ask.timers.after(EVERY_MS / ask.scale, look);
  };
  again();
  return () => cancel();
}
