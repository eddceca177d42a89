import { setTimeout as sleep } from 'node:timers/promises';

// Heroku's streams live on other hosts and take no token: the URL is the secret.

/** Nothing came for so long, not even a heartbeat: the connection is dead. */
const IDLE_MS = 90_000;
/** An output's address is 404 until its command has started. */
const STARTS_WITHIN_MS = 10 * 60_000;
const BACK_OFF_MS = [250, 500, 1_000, 2_000, 5_000];

const waited = (attempt: number): number => BACK_OFF_MS[attempt] ?? 5_000;

/**
 * Lines of a chunked text stream until it ends or is cut (then it rejects). NUL bytes are heartbeats (build and release
 * output article, 2014).
 */
export async function* readLines(url: string, signal: AbortSignal): AsyncGenerator<string> {
  const idle = new AbortController();
  const watchdog = setTimeout(() => idle.abort(new Error('The stream went silent')), IDLE_MS);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, idle.signal]) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new StreamRefused(response.status);
    }
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      watchdog.refresh();
      const lines = (rest + chunk.replaceAll('\0', '')).split('\n');
      rest = lines.pop() ?? '';
      yield* lines.map(line => line.replace(/\r$/, ''));
    }
    if (rest) yield rest;
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

/** Gives every line of an output once, though the connection may break: a new one replays it from its start. */
export async function followOutput(url: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
  const begun = performance.now();
  let given = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      let seen = 0;
      for await (const line of readLines(url, signal)) {
        if (++seen <= given) continue;
        given = seen;
        attempt = 0;
        onLine(line);
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const waiting = error instanceof StreamRefused && error.status === 404 && given === 0;
      // Its status is read afterwards anyway: an output that cannot be had is no reason to fail.
      if (performance.now() - begun > STARTS_WITHIN_MS || (!waiting && attempt >= 8)) return;
      await sleep(waited(attempt), undefined, { signal });
    }
  }
}

/** Reads until the answer is settled: at once, then ever more seldom. Rejects when the signal aborts. */
export async function settled<T>(
  read: () => Promise<T>,
  isSettled: (value: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    const value = await read();
    if (isSettled(value)) return value;
    await sleep(waited(attempt), undefined, { signal });
  }
}
