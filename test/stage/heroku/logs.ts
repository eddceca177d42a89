import type { LogFilter, LogLine, Logs } from './contract.ts';

const KEPT_LINES = 1500;
/** Logplex splits what is longer (logging article). Counted in characters here. */
const LONGEST = /.{1,10000}/gsu;

/** The app's Logplex: keeps the last 1,500 lines and hands each new one to those who tail. */
export function createLogs(): Logs {
  const kept: LogLine[] = [];
  const readers = new Set<(line: LogLine) => void>();
  let dropping = { left: 0, lines: 0, since: new Date() };

  let muddled = 0;
  let held: LogLine | null = null;
  /** Hands a line to those who tail; order is not promised (logging article), and frames may be sent again. */
  const hand = (line: LogLine): void => {
    if (muddled > 0 && !held) {
      muddled--;
      held = line;
      return;
    }
    const lines = held ? [line, held, held] : [line];
    held = null;
    for (const each of lines) for (const read of readers) read(each);
  };

  /** True for a line that finds the buffer full; after the last of them those who tail are told (L10, in logplex's words). */
  const isDropped = ({ at }: LogLine): boolean => {
    if (dropping.left === 0) return false;
    const { left, lines, since } = dropping;
    dropping = { left: left - 1, lines: lines + 1, since: lines === 0 ? at : since };
    if (dropping.left > 0) return true;
    const from = `${dropping.since.toISOString().slice(0, 19)}+00:00`;
    const text = `Error L10 (output buffer overflow): ${dropping.lines} messages dropped since ${from}.`;
    for (const read of readers) read({ at: new Date(), source: 'heroku', process: 'logplex', text });
    return true;
  };

  return {
    emit({ source, process, text, at = new Date() }) {
      for (const part of text.match(LONGEST) ?? ['']) {
        const line = { at, source, process, text: part };
        kept.push(line);
        if (kept.length > KEPT_LINES) kept.shift();
        if (!isDropped(line)) hand(line);
      }
    },
    drops(lines) {
      dropping = { left: lines, lines: 0, since: new Date() };
    },
    muddles(lines) {
      muddled = lines;
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
