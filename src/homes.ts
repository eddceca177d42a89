import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { HomeApp } from './home-look.ts';

/** Whatever changes, a Home is brought up to date so soon; what comes together is shown together. */
const WITHIN_MS = 3_000;
/** A Home that could not be looked at or published is tried again after this. */
const AGAIN_MS = 30_000;
/** views.publish takes about 100 a minute in a workspace (tier 4). */
const EACH_MS = 700;

/** Who opened their Home, kept for those who come back. */
export interface HomeStore {
  opened(user: string): Promise<void>;
  /** Those who opened it within a week. */
  viewers(): Promise<string[]>;
}

type Parts<View> = {
  store: HomeStore;
  /** What the person may see of the apps. */
  look: (user: string) => Promise<readonly HomeApp[]>;
  draw: (apps: Awaited<ReturnType<Parts<View>['look']>>) => View;
  publish: (user: string, view: View) => Promise<void>;
  log: Pick<Logger, 'warn'>;
};

/** The bot's Home of each person: published when they open it, and again when something in it changed. */
export class Homes<View> {
  readonly #parts: Parts<View>;
  /** What each person's Home shows, so that the same is not sent twice. */
  readonly #shown = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;
  /** When the timer ends, by a stopwatch (ms). */
  #due = Number.POSITIVE_INFINITY;
  #working = Promise.resolve();
  #stopped = false;

  constructor(parts: Parts<View>) {
    this.#parts = parts;
  }

  async opened(user: string): Promise<void> {
    await this.#parts.store.opened(user);
    this.#shown.delete(user);
    if ((await this.#publish(user)) === 'failed') this.#soon(AGAIN_MS);
  }

  /** Something happened to a deploy or an app. */
  changed(): void {
    this.#soon(WITHIN_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#working;
  }

  /** All are brought up to date in so many ms, or sooner where that was meant already. */
  #soon(ms: number): void {
    if (this.#stopped) return;
    const due = performance.now() + ms;
    if (due >= this.#due) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#working = this.#working.then(() => this.#all());
    }, ms);
  }

  async #all(): Promise<void> {
    let failed = false;
    try {
      for (const user of await this.#parts.store.viewers()) {
        if (this.#stopped) return;
        const done = await this.#publish(user);
        if (done === 'failed') failed = true;
        if (done !== 'same') await new Promise(next => setTimeout(next, EACH_MS));
      }
    } catch (err) {
      failed = true;
      this.#parts.log.warn({ err }, 'Homes could not be brought up to date; trying again');
    }
    if (failed) this.#soon(AGAIN_MS);
  }

  /** What one person's Home meets is no reason to leave those of others as they are. */
  async #publish(user: string): Promise<'published' | 'same' | 'failed'> {
    const { look, draw, publish, log } = this.#parts;
    try {
      const view = draw(await look(user));
      const hash = createHash('sha256').update(JSON.stringify(view)).digest('base64url');
      if (this.#shown.get(user) === hash) return 'same';
      await publish(user, view);
      this.#shown.set(user, hash);
      return 'published';
    } catch (err) {
      log.warn({ err, user }, 'A Home could not be brought up to date; trying again');
      return 'failed';
    }
  }
}
