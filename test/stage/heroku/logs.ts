import type { LogFilter, LogLine, Logs } from './contract.ts';

const KEPT_LINES = 1500;
/** Logplex splits what is longer (logging article). Counted in characters here. */
const LONGEST = /.{1,10000}/gsu;

/** The app's Logplex: keeps the last 1,500 lines and hands each new one to those who tail. */
export function createLogs(): Logs {
  const kept: LogLine[] = [];
  const readers = new Set<(line: LogLine) => void>();

  return {
    emit({ source, process, text, at = new Date() }) {
      for (const part of text.match(LONGEST) ?? ['']) {
        const line = { at, source, process, text: part };
        kept.push(line);
        if (kept.length > KEPT_LINES) kept.shift();
        for (const read of readers) read(line);
      }
    },
    // Subscribes at once, not at the first `next`, so that no line falls between the kept and the new ones.
    read(filter, signal) {
      const queue = filter.lines > 0 ? kept.filter(line => passes(line, filter)).slice(-filter.lines) : [];
      let wake = () => {};
      const add = (line: LogLine) => {
        if (!passes(line, filter)) return;
        queue.push(line);
        wake();
      };
      const leave = () => {
        readers.delete(add);
        wake();
      };
      if (filter.tail && !signal.aborted) {
        readers.add(add);
        signal.addEventListener('abort', leave, { once: true });
      }
      return (async function* () {
        try {
          for (;;) {
            yield* queue.splice(0);
            if (!filter.tail || signal.aborted) return;
            if (queue.length > 0) continue;
            await new Promise<void>(resolve => {
              wake = resolve;
            });
          }
        } finally {
          leave();
        }
      })();
    },
  };
}

function passes(line: LogLine, { source, dyno, type }: LogFilter): boolean {
  if (source && line.source !== source) return false;
  if (dyno && line.process !== dyno) return false;
  return !type || line.process.split('.')[0] === type;
}
