import type { Logger } from 'pino';
import { Editing } from './editing.ts';
import { type Pace, retryAfterMs } from './pace.ts';
import { POST_EVERY_MS, RANKS } from './post-queue.ts';
import type { Chat, Message } from './team.ts';

// Sends what belongs to no deploy: locks, freezes, maintenance. What is to be said is stored first, with what it is said
// of; so nothing is lost with a process, and nothing is said twice where that can be known.

type Unsent = { id: string; channel: string; message: Message; at: string; ts: string | null; again: boolean };

/** What is kept of them. */
export interface Notices {
  claim(by: string, except: { channels: readonly string[]; ids: readonly string[] }): Promise<Unsent | null>;
  /** Others need not wait for what was claimed. */
  free(by: string): Promise<void>;
  sent(notice: { id: string; channel: string; message: Message }, ts: string): Promise<void>;
}

export type NotifierParts = {
  notices: Notices;
  chat: Chat;
  pace: Pace;
  instance: string;
  log: Pick<Logger, 'warn'>;
};

const SWEEP_EVERY_MS = 20_000;
const LONGEST_PAUSE_MS = 60_000;
/** Others take a claim over after 20 s: what we claimed longer ago than this is claimed, and looked for, anew. */
const CLAIM_MS = 15_000;

export class Notifier {
  readonly #parts: NotifierParts;
  /** Channels that refused something, and until when (by a stopwatch, ms) they are left alone. */
  readonly #refused = new Map<string, { until: number; failures: number }>();
  /** Notices whose edit must wait, and until when (ms). */
  readonly #waiting = new Map<string, number>();
  readonly #editing: Editing;
  readonly #done: Promise<void>;
  #woken = false;
  #wake = (): void => {};

  constructor(parts: NotifierParts) {
    this.#parts = parts;
    this.#editing = new Editing(parts);
    this.#done = this.#run();
  }

  /** To be called when there are new ones. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Resolves when nothing is on its way any more; `pace` must have been stopped. */
  stop(): Promise<void> {
    return this.#done;
  }

  async #run(): Promise<void> {
    const { notices, pace, instance, log } = this.#parts;
    while (!pace.stopped) {
      this.#woken = false;
      const claimedAt = performance.now();
      const next = await notices.claim(instance, this.#leftAlone()).catch(err => {
        log.warn({ err }, 'cannot look for notices; trying again');
        return null;
      });
      if (next) {
        await this.#send(next, claimedAt).catch(err => this.#refuse(next, err));
      } else if (!this.#woken) {
        await pace.pause(this.#soonest(), end => {
          this.#wake = end;
        });
      }
    }
    await notices.free(instance).catch(err => log.warn({ err }, 'others send the claimed notices 20 s later'));
  }

  async #send(notice: Unsent, claimedAt: number): Promise<void> {
    const { notices, chat, pace } = this.#parts;
    const { id, channel, message, ts } = notice;
    if (ts !== null) {
      const wake = (): void => {
        this.#waiting.delete(id);
        this.wake();
      };
      const done = await this.#editing.edit({ id: `notice ${id}`, channel, ts, message, last: true, wake });
      if (done !== 'edited') return void this.#waiting.set(id, performance.now() + done);
      this.#editing.forget(`notice ${id}`);
      await notices.sent(notice, ts);
    } else {
      await pace.turn(channel, RANKS.loud);
      if (pace.stopped) return;
      const key = { deploy: 'notice', key: id };
      // What was said to one person has a channel that only Slack knows: there it cannot be looked for.
      const found =
        notice.again && /^[CG]/.test(channel) ? await chat.find({ channel, key, after: Date.parse(notice.at) }) : null;
      if (!found && performance.now() - claimedAt > CLAIM_MS) return;
      await notices.sent(notice, found ?? (await chat.post({ channel, message, key })));
    }
    this.#refused.delete(channel);
  }

  #refuse({ id, channel }: Unsent, err: unknown): void {
    const failures = (this.#refused.get(channel)?.failures ?? 0) + 1;
    const pause = Math.max(retryAfterMs(err), Math.min(POST_EVERY_MS * 2 ** failures, LONGEST_PAUSE_MS));
    this.#parts.log.warn({ err, id, channel, pause }, 'could not say something in Slack; trying again');
    this.#refused.set(channel, { until: performance.now() + pause, failures });
  }

  #leftAlone(): { channels: string[]; ids: string[] } {
    const now = performance.now();
    for (const [id, until] of this.#waiting) if (until <= now) this.#waiting.delete(id);
    const channels = [...this.#refused].filter(([, { until }]) => until > now).map(([channel]) => channel);
    return { channels, ids: [...this.#waiting.keys()] };
  }

  #soonest(): number {
    const all = [...[...this.#refused.values()].map(({ until }) => until), ...this.#waiting.values()];
    const untils = all.map(until => until - performance.now()).filter(wait => wait > 0);
    return Math.min(SWEEP_EVERY_MS, ...untils.map(wait => wait + 10));
  }
}
