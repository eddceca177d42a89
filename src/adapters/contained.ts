import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { WASM_FLAG } from '../domain/migration.ts';

/** How a contained program ended: `by` says who ended it, in words, when it was not the program itself. */
export type End = { by: string | null; code: number | null; said: string };

export type Contained = {
  /** One line of JSON to its stdin. */
  tell(message: unknown): void;
  /** It has so long from now on, unless this is called again. */
  mustAnswerIn(ms: number): void;
  kill(): void;
  ended: Promise<End>;
};

const MB = 1024 ** 2;
const HEAP_MB = 128;
const MOST_MEMORY = 256 * MB;
/** Seconds of processor time, so that not even one whose bot was killed turns for ever. */
const PROCESSOR_S = 120;
const LOOK_MS = 50;
const SAID_BYTES = 4_000;
const TOLD_BYTES = 32 * MB;
const TOO_MUCH_MEMORY = 'it took too much memory';

const modules = fileURLToPath(new URL('..', import.meta.resolve('node-pg-migrate/package.json')));
const nodePgMigrate = fileURLToPath(import.meta.resolve('node-pg-migrate'));
const own = ['.', '../domain', '../../package.json'].map(path => fileURLToPath(new URL(path, import.meta.url)));

/**
 * Runs one of our programs that loads code of somebody else: nothing in its environment, only `folder` and our own modules
 * to read, nothing to write, no processes, threads, add-ons or databases of Node's own, little memory and time. It tells
 * lines of JSON on descriptor 3. Node does not close the network to it.
 */
export function contain(
  program: URL,
  folder: string,
  { onMessage, signal }: { onMessage: (message: unknown) => void; signal?: AbortSignal | undefined },
): Contained {
  guardInspector();
  const child = start(fileURLToPath(program), folder);
  let by: string | null = null;
  const end = (why: string): void => {
    by ??= why;
    child.kill('SIGKILL');
  };
  const abort = () => end('we were asked to stop');
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();

  let deadline: NodeJS.Timeout | undefined;
  const watch = setInterval(async () => {
    if ((await memoryOf(child.pid)) > MOST_MEMORY) end(TOO_MUCH_MEMORY);
  }, LOOK_MS);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_BYTES);
    });
  }
  // A program that ends early leaves nobody to read what we tell it.
  child.stdin.on('error', () => {});
  listen(child.stdio[3], onMessage, () => end('it told too much'));

  const ended = new Promise<End>(resolve => {
    const done = (code: number | null, killedBy?: string | null) => {
      if (/heap out of memory/.test(said)) by ??= TOO_MUCH_MEMORY;
      else if (killedBy) by ??= `it was killed (${killedBy})`;
      clearTimeout(deadline);
      clearInterval(watch);
      signal?.removeEventListener('abort', abort);
      resolve({ by, code, said: said.trim() });
    };
    child.once('close', done).once('error', error => {
      said = error.message;
      done(null);
    });
  });
  return {
    tell: message => child.stdin.write(`${JSON.stringify(message)}\n`),
    mustAnswerIn: ms => {
      clearTimeout(deadline);
      deadline = setTimeout(() => end(`it did not end within ${ms / 1000} s`), ms);
    },
    kill: () => end('we were done with it'),
    ended,
  };
}

function start(program: string, folder: string) {
  const flags = [
    '--permission',
    ...[folder, modules, ...own].map(path => `--allow-fs-read=${path}`),
    `--max-old-space-size=${HEAP_MB}`,
    // It opens and writes any file, whatever --permission says.
    '--no-experimental-sqlite',
    // V8's own traces are written to any file that a flag names: one that is set now ends the program.
    '--freeze-flags-after-init',
    WASM_FLAG,
    '--no-warnings',
  ];
  // jiti would write what it compiled beside the files, and finds node-pg-migrate only where we say.
  const env = { JITI_FS_CACHE: 'false', JITI_ALIAS: JSON.stringify({ 'node-pg-migrate': nodePgMigrate }) };
  const limited = ['-c', `ulimit -t ${PROCESSOR_S}; exec "$@"`, 'sh', process.execPath, ...flags, program];
  // In a group of its own, so that a signal to its group does not reach us.
  return spawn('/bin/sh', limited, { cwd: folder, env, detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
}

/** Hears lines of JSON. What is no JSON, or too much of it, is not ours. */
function listen(input: unknown, onMessage: (message: unknown) => void, onTooMuch: () => void): void {
  if (!(input instanceof Readable)) return;
  let bytes = 0;
  input.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > TOLD_BYTES) onTooMuch();
  });
  createInterface({ input }).on('line', line => {
    const message = parsed(line);
    if (message !== undefined) onMessage(message);
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Bytes that are resident: heap and buffers, of which only the former has a limit in Node. Linux only. */
async function memoryOf(pid: number | undefined): Promise<number> {
  const [, pages = 0] = (await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')).split(' ').map(Number);
  return pages * 4096;
}

/** SIGUSR1 would open Node's inspector, through which whoever reaches loopback reads our memory. A listener stops that. */
function guardInspector(): void {
  if (process.listenerCount('SIGUSR1') === 0) process.on('SIGUSR1', () => {});
}
