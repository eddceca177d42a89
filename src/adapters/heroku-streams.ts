import { setTimeout as sleep } from 'node:timers/promises';
import { HerokuRefused } from '../outside.ts';
import { NotAsDocumented } from './heroku-shapes.ts';
import { piecesOf } from './pieces.ts';

// Heroku's streams live on other hosts and take no token: the URL is the secret.

/** Nothing came for so long, not even a heartbeat: the connection is dead. */
const IDLE_MS = 90_000;
/** An output's address is 404 until its command has started, which may have to wait for other releases. */
const STARTS_WITHIN_MS = 60_000;
const BROKEN_TIMES = 8;
/** A status that could not be read for so long is given up. */
const UNREADABLE_MS = 15 * 60_000;

/** What an output says of its end is not waited for, nor is one that says nothing for so long. */
const LAST_WORDS_MS = 5_000;
const SILENT_MS = 15_000;

const backOff = (attempt: number, most: number): number => Math.min(250 * 2 ** attempt, most);

/** So much of an output without a line end is handed on at once, in characters. */
const LONGEST_PIECE = 2_000;
/** So much of an output is handed on, in characters; it is followed to its end all the same. */
const MOST_OUTPUT = 20_000_000;
/** Longer than any of the log: it cuts lines at 10,000 bytes (Logplex's limits). */
const LONGEST_LINE = 16_000;

/**
 * Lines of a chunked text stream until it ends or is cut (then it rejects). Of a line that is too long the beginning: what
 * an app writes after it must not look like a line of its own.
 */
export async function* readLines(url: string, signal: AbortSignal): AsyncGenerator<string> {
  for await (const { text, begins } of readPieces(url, signal, LONGEST_LINE)) if (begins) yield text;
}

/** Of a line that is too long its first piece `begins` it. The same, however the stream was cut into chunks. */
type Piece = { text: string; begins: boolean };

async function* readPieces(url: string, signal: AbortSignal, longest: number): AsyncGenerator<Piece> {
  let rest = '';
  let begins = true;
  for await (const chunk of readText(url, signal)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      for (const text of piecesOf(line.replace(/\r$/, ''), longest)) {
        // Nothing but half of its line end may be left of a long one.
        if (begins || text) yield { text, begins };
        begins = false;
      }
      begins = true;
    }
    const pieces = piecesOf(rest, longest);
    rest = pieces.pop() ?? '';
    for (const text of pieces) {
      yield { text, begins };
      begins = false;
    }
  }
  if (rest) yield { text: rest, begins };
}

/** NUL bytes are heartbeats (build and release output article, 2014). */
async function* readText(url: string, signal: AbortSignal): AsyncGenerator<string> {
  const idle = new AbortController();
  const watchdog = setTimeout(() => idle.abort(new Error('The stream went silent')), IDLE_MS);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, idle.signal]) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new StreamRefused(response.status);
    }
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      watchdog.refresh();
      yield chunk.replaceAll('\0', '');
    }
  } finally {
    clearTimeout(watchdog);
  }
}

class StreamRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`The stream answered ${status}`);
    this.status = status;
  }
}

export type Output = {
  /** For how long nothing new has come of it, ms. */
  silentFor(): number;
  /** True when it was followed to its end; false when it never came, or broke for good. Rejects when the signal aborts. */
  follow(signal: AbortSignal, startsWithinMs?: number): Promise<boolean>;
};

/**
 * Gives every line of an output once, those that are too long in pieces, though its connection may break: a new one replays
 * it from its start.
 */
export function outputOf(url: string, onLine: (line: string) => void): Output {
  let given = 0;
  let givenAt = performance.now();
  let characters = 0;
  const give = (text: string) => {
    if (characters > MOST_OUTPUT) return;
    characters += text.length + 1;
    onLine(characters > MOST_OUTPUT ? '… the output goes on; it is not shown any further' : text);
  };
  return {
    silentFor: () => performance.now() - givenAt,
    follow: async (signal, startsWithinMs = STARTS_WITHIN_MS) => {
      const begun = performance.now();
      for (let attempt = 0; ; attempt++) {
        try {
          let seen = 0;
          for await (const { text } of readPieces(url, signal, LONGEST_PIECE)) {
            if (++seen <= given) continue;
            given = seen;
            givenAt = performance.now();
            attempt = 0;
            give(text);
          }
          return true;
        } catch (error) {
          signal.throwIfAborted();
          const isToCome = error instanceof StreamRefused && error.status === 404 && given === 0;
          // Its status is read afterwards anyway: an output that cannot be had is no reason to fail.
          if (isToCome ? performance.now() - begun >= startsWithinMs : attempt >= BROKEN_TIMES) return false;
          await sleep(backOff(attempt, 5_000), undefined, { signal });
        }
      }
    },
  };
}

/**
 * Reads until the answer is settled: at once, then ever more seldom. Failed reads are repeated, a refusal is not. Rejects
 * when the signal aborts.
 */
export async function settled<T>(
  read: () => Promise<T>,
  isSettled: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  let readAt = performance.now();
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const value = await read();
      if (isSettled(value)) return value;
      readAt = performance.now();
    } catch (error) {
      signal.throwIfAborted();
      const isFinal = error instanceof HerokuRefused || error instanceof NotAsDocumented;
      if (isFinal || performance.now() - readAt > UNREADABLE_MS) throw error;
    }
    await sleep(backOff(attempt, 10_000), undefined, { signal });
  }
}

/**
 * The status of what has an output, once that `isOver`. It can lag behind the output (heroku/cli#1271); and the output may break,
 * fall silent, or come only when others are through, while what was released goes on and must be watched. Rejects when the
 * signal aborts.
 */
export async function outputThenStatus<T extends object>(
  output: Output,
  read: () => Promise<T>,
  isOver: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const done = new AbortController();
  const both = AbortSignal.any([signal, done.signal]);
  const overInSilence = async (): Promise<T> => {
    for (let waitMs = SILENT_MS; ; ) {
      await sleep(waitMs, undefined, { signal: both });
      const silentMs = output.silentFor();
      waitMs = silentMs < SILENT_MS ? SILENT_MS - silentMs + 1 : SILENT_MS;
      const value = silentMs < SILENT_MS ? null : await read().catch(() => null);
      if (value && isOver(value)) return value;
    }
  };
  const first = await Promise.race([
    output.follow(both).then(whole => ({ whole, ended: null })),
    overInSilence().then(ended => ({ whole: false, ended })),
  ]).finally(() => done.abort());
  const ended = first.ended ?? (await settled(read, isOver, signal));
  // What could not be followed is read when all is over: people are told why it failed.
  if (!first.whole) {
    const last = AbortSignal.any([signal, AbortSignal.timeout(LAST_WORDS_MS)]);
    await output.follow(last, 0).catch(() => signal.throwIfAborted());
  }
  return ended;
}
