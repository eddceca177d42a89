import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { HomeApp } from './home-look.ts';
import { retryAfterMs } from './pace.ts';

/** Whatever changes, a Home is brought up to date so soon; what comes together is shown together. */
const WITHIN_MS = 3_000;
/** A Home that could not be looked at or published is tried again after this, then after twice as long, and so on. */
const AGAIN_MS = 30_000;
const LONGEST_MS = 10 * 60_000;
/** Within an hour or so. Then it waits for its person, who gets it anew whenever they open it, or for what changes. */
const TRIES = 10;
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
  /** May reject with `retryAfterMs`, as a Chat does: Slack then wants none for so long. */
  publish: (user: string, view: View) => Promise<void>;
  log: Pick<Logger, 'warn'>;
};

/** The bot's Home of each person: published when they open it, and again when something in it changed. */
export class Homes<View> {
  readonly #parts: Parts<View>;
  /** What each person's Home shows, so that the same is not sent twice. */
  readonly #shown = new Map<string, string>();
  /** Whose Home failed, how often in a row, and when it is tried again, by a stopwatch (ms). */
  readonly #failed = new Map<string, { times: number; due: number }>();
  /** When all are looked at. */
  #allDue = Number.POSITIVE_INFINITY;
  /** Until then Slack takes none, by a stopwatch (ms). */
  #fullUntil = 0;
  #timer: NodeJS.Timeout | null = null;
  #busy = false;
  #working = Promise.resolve();
  #stopped = false;

  constructor(parts: Parts<View>) {
    this.#parts = parts;
  }

  async opened(user: string): Promise<void> {
    await this.#parts.store.opened(user);
    this.#shown.delete(user);
    this.#failed.delete(user);
    if (performance.now() < this.#fullUntil) this.#allWithin(0);
    else await this.#publish(user);
    this.#wake();
  }

  /** Something happened to a deploy or an app. */
  changed(): void {
    this.#allWithin(WITHIN_MS);
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#working;
  }

  #allWithin(ms: number): void {
    this.#allDue = Math.min(this.#allDue, performance.now() + ms);
  }

  /** Sets the clock to what is due next. */
  #wake(): void {
    if (this.#stopped || this.#busy) return;
    if (this.#timer) clearTimeout(this.#timer);
    const due = Math.min(this.#allDue, ...this.#trying().map(user => this.#failed.get(user)?.due ?? 0));
    if (due === Number.POSITIVE_INFINITY) return;
    const from = Math.max(due, this.#fullUntil);
    this.#timer = setTimeout(
      () => {
        this.#working = this.#bringUpToDate();
      },
      Math.max(0, Math.ceil(from - performance.now())),
    );
  }

  /** All, or those alone who are to be tried again. Of all those are left out whose pause is not over. */
  async #bringUpToDate(): Promise<void> {
    this.#busy = true;
    const all = this.#allDue <= performance.now();
    if (all) this.#allDue = Number.POSITIVE_INFINITY;
    try {
      for (const user of all ? await this.#parts.store.viewers() : this.#trying()) {
        if (this.#stopped) return;
        if ((this.#failed.get(user)?.due ?? 0) > performance.now()) continue;
        const done = await this.#publish(user);
        // What the others show is looked at again then.
        if (done === 'full') return;
        if (done !== 'same') await new Promise(next => setTimeout(next, EACH_MS));
      }
    } catch (err) {
      this.#allWithin(AGAIN_MS);
      this.#parts.log.warn({ err }, 'Homes could not be brought up to date; trying again');
    } finally {
      this.#busy = false;
      this.#wake();
    }
  }

  /** Whose Homes failed, and are tried again though nothing changes. */
  #trying(): string[] {
    return [...this.#failed].flatMap(([user, { times }]) => (times < TRIES ? [user] : []));
  }

  /** What one person's Home meets is no reason to leave those of others as they are. */
  async #publish(user: string): Promise<'published' | 'same' | 'failed' | 'full'> {
    const { look, draw, publish, log } = this.#parts;
    try {
      const view = draw(await look(user));
      const hash = createHash('sha256').update(JSON.stringify(view)).digest('base64url');
      const same = this.#shown.get(user) === hash;
      if (!same) await publish(user, view);
      this.#shown.set(user, hash);
      this.#failed.delete(user);
      return same ? 'same' : 'published';
    } catch (err) {
      const full = retryAfterMs(err);
      if (full > 0) {
        this.#fullUntil = performance.now() + full;
        this.#allWithin(0);
        return 'full';
      }
      const times = (this.#failed.get(user)?.times ?? 0) + 1;
      const pause = Math.min(AGAIN_MS * 2 ** (times - 1), LONGEST_MS);
      this.#failed.set(user, { times, due: performance.now() + pause });
      log.warn({ err, user, times }, 'A Home could not be brought up to date');
      return 'failed';
    }
  }
}
