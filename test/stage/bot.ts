import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { madeOnce } from './made.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** What the Procfile gives Node, as on a dyno. */
const FLAGS =
  readFileSync(new URL('../../Procfile', import.meta.url), 'utf8')
    .match(/^web: node (.*) src\/main\.ts$/m)?.[1]
    ?.split(' ') ?? [];
const settings = fileURLToPath(new URL('../../src/settings.ts', import.meta.url));

/** Node keeps here what it compiles of the bot, which then starts in half the time. */
async function compiled(): Promise<{ NODE_COMPILE_CACHE?: string }> {
  const cache = await madeOnce('compiled', dir => {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    // Without settings it loads all that it consists of, says what it misses and ends; one that is killed keeps nothing.
    execFile(process.execPath, [...FLAGS, main], { cwd: dir, env: { NODE_COMPILE_CACHE: dir } }, () => resolve());
    return ended;
  });
  return cache === null ? {} : { NODE_COMPILE_CACHE: cache };
}

/** The real bot as a process of its own, to be killed and started again. */
export class BotProcess {
  readonly #env: Record<string, string>;
  readonly #onPort: (port: number) => void;
  #child: ChildProcess | null = null;
  /** What it logged, JSON lines. */
  log = '';
  /** Where it listens; 0 before it first did. */
  port = 0;

  constructor(env: Record<string, string>, onPort: (port: number) => void) {
    this.#env = { ...env, PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
    this.#onPort = onPort;
  }

  /** Resolves when it listens. Modules to `preload` come before all of its own. */
  async start(preload: readonly string[] = []): Promise<void> {
    const execArgv = [...FLAGS, ...preload.flatMap(module => ['--import', module])];
    const env = { ...this.#env, ...(await compiled()) };
    const child = fork(main, { cwd: root, env, execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
    const ready = once(child, 'message').then(([message]) => message as { port: number });
    const died = once(child, 'exit').then(([status]) => {
      throw new Error(`The bot ended with ${status} before it was ready:\n${this.log.slice(-3_000)}`);
    });
    died.catch(() => {});
    this.port = (await Promise.race([ready, died])).port;
    this.#onPort(this.port);
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its status or signal, when it has ended. */
  get ending(): string {
    return `${this.#child?.exitCode ?? this.#child?.signalCode}`;
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Stops it in its tracks, as on a machine that hangs; it goes on with `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** For what was preloaded. */
  tell(message: object): void {
    if (this.running && this.#child?.connected) this.#child.send(message);
  }

  async importSettings(file: string): Promise<void> {
    const env = { ...this.#env, ...(await compiled()) };
    await promisify(execFile)(process.execPath, [settings, 'import', file], { cwd: root, env });
  }
}
