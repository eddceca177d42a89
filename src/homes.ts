import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { HomeApp } from './home-look.ts';

/** Whatever changes, a Home is brought up to date so soon; what comes together is shown together. */
const WITHIN_MS = 3_000;
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
  #working = Promise.resolve();
  #stopped = false;

  constructor(parts: Parts<View>) {
    this.#parts = parts;
  }

  async opened(user: string): Promise<void> {
    await this.#parts.store.opened(user);
    this.#shown.delete(user);
    await this.#publish(user);
  }

  /** Something happened to a deploy or an app. */
  changed(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#working = this.#working.then(() => this.#all());
    }, WITHIN_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#working;
  }

  async #all(): Promise<void> {
    try {
      for (const user of await this.#parts.store.viewers()) {
        if (this.#stopped) return;
        if (await this.#publish(user)) await new Promise(next => setTimeout(next, EACH_MS));
      }
    } catch (err) {
      this.#parts.log.warn({ err }, 'Homes could not be brought up to date; the next change tries again');
    }
  }

  async #publish(user: string): Promise<boolean> {
    const { look, draw, publish, log } = this.#parts;
    const view = draw(await look(user));
    const hash = createHash('sha256').update(JSON.stringify(view)).digest('base64url');
    if (this.#shown.get(user) === hash) return false;
    try {
      await publish(user, view);
      this.#shown.set(user, hash);
    } catch (err) {
      log.warn({ err, user }, 'A Home could not be published');
    }
    return true;
  }
}
