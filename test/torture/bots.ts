import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BotProcess } from '../stage/bot.ts';
import type { Stage } from '../stage/stage.ts';

export type Version = 'same' | 'newer';

/** Whatever its database goes through: Heroku gives up on a web dyno then (R10). */
const STARTED_WITHIN_MS = 60_000;
/** It leaves within 10 s. */
const LEFT_WITHIN_MS = 15_000;

const CLOCK = fileURLToPath(new URL('preload/clock.ts', import.meta.url));
const NEWER = fileURLToPath(new URL('preload/newer.ts', import.meta.url));

/** One of the bot's processes, whichever is running in its place now. */
export type Bot = {
  readonly name: string;
  readonly process: BotProcess;
  version: Version;
  frozen: boolean;
  /** It is being started or ended. */
  busy: boolean;
};

/** The processes of the bot on one database. Slack is answered by one that runs, as Heroku's router would choose. */
export class Bots {
  readonly all: readonly Bot[];
  /** What those said last that ended by themselves. */
  readonly lastWords: string[] = [];
  readonly #stage: Stage;
  #isOver = false;

  constructor(stage: Stage, count: number) {
    this.#stage = stage;
    const all = [stage.bot, ...Array.from({ length: count - 1 }, () => stage.anotherBot())];
    this.all = all.map((process, index) => ({
      name: `bot ${index + 1}`,
      process,
      version: 'same',
      frozen: false,
      busy: false,
    }));
    // A frozen one would not even notice that nobody is left who could thaw it.
    process.once('exit', this.#killAll);
  }

  get standing(): Bot[] {
    return this.all.filter(({ process, frozen, busy }) => process.running && !frozen && !busy);
  }

  /** Starts it, again when it ends before it listens: its database may be away just then. */
  async start(bot: Bot, version: Version, mayGoOn: () => boolean): Promise<void> {
    bot.version = version;
    const from = performance.now();
    while (!bot.process.running && mayGoOn()) {
      const starting = bot.process
        .start(version === 'newer' ? [CLOCK, NEWER] : [CLOCK])
        .then(() => this.answer())
        .catch(() => sleep(500));
      await this.#within(STARTED_WITHIN_MS, bot, 'neither listened nor ended', starting);
    }
    const ms = performance.now() - from;
    if (ms > STARTED_WITHIN_MS)
      this.lastWords.push(
        `${bot.name} took ${Math.round(ms / 1000)} s to start: ${bot.process.log.trim().slice(-3_000)}`,
      );
  }

  /** Ends it, if need be by force. */
  async stop(bot: Bot, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#within(LEFT_WITHIN_MS, bot, `did not end after ${signal}`, bot.process.end(signal));
  }

  /** Node may hang where it ends (nodejs/node, 54918): what does is killed, and what it and its threads did is kept. */
  async #within(ms: number, bot: Bot, what: string, work: Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      const { pid, log } = bot.process;
      const words = `${bot.name} ${what} within ${ms / 1000} s; its threads: ${threadsOf(pid)}; ${log.trim().slice(-3_000)}`;
      this.lastWords.push(words);
      void bot.process.end('SIGKILL');
    }, ms);
    await work.finally(() => clearTimeout(timer));
  }

  /** Starts again what ended by itself, as Heroku does. */
  async tend(isDone: () => boolean): Promise<void> {
    const isOver = () => this.#isOver || isDone();
    for (; !isOver(); await sleep(200)) {
      for (const bot of this.all.filter(({ process, busy }) => !process.running && !busy)) {
        bot.busy = true;
        this.lastWords.push(`${bot.name} ended with ${bot.process.ending}: ${bot.process.log.trim().slice(-1_500)}`);
        await this.start(bot, bot.version, () => !isOver());
        bot.busy = false;
        this.answer();
      }
    }
  }

  /** Replaces one in peace, as a deploy of the bot does. */
  async renew(bot: Bot): Promise<void> {
    bot.busy = true;
    await this.stop(bot, 'SIGTERM');
    await this.start(bot, 'newer', () => true);
    bot.busy = false;
    this.answer();
  }

  /** Lets one that stands answer Slack. */
  answer(): void {
    const [first] = this.standing.filter(({ process }) => process.port > 0);
    if (first) this.#stage.slack.botUrl = `http://127.0.0.1:${first.process.port}/slack/events`;
  }

  /** By the name under which the bot's database knows the process. */
  named(instance: string): Bot | undefined {
    return this.all.find(({ process }) => instanceOf(process) === instance);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    process.off('exit', this.#killAll);
    for (const bot of this.all) await bot.process.end('SIGKILL');
  }

  readonly #killAll = (): void => {
    for (const bot of this.all) if (bot.process.running) process.kill(bot.process.pid, 'SIGKILL');
  };
}

/** What each waits for in the kernel, where that can be read. */
function threadsOf(pid: number): string {
  const at = `/proc/${pid}/task`;
  const told = (thread: string, file: string): string => readFileSync(`${at}/${thread}/${file}`, 'utf8').trim();
  try {
    const threads = readdirSync(at).map(thread => `${told(thread, 'comm')} ${told(thread, 'wchan')}`);
    return threads.join(', ');
  } catch {
    return 'not known';
  }
}

/** What it calls itself in its log, newest first. */
export function instanceOf({ log }: BotProcess): string | null {
  const at = log.lastIndexOf('"instance":"');
  return at < 0 ? null : (/"instance":"([^"]+)"/.exec(log.slice(at))?.[1] ?? null);
}
