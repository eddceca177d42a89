import type { Logger } from 'pino';
import type { Unheard } from './domain/unheard.ts';
import { Editing } from './editing.ts';
import { type Pace, retryAfterMs } from './pace.ts';
import { POST_EVERY_MS, RANKS } from './post-queue.ts';
import { settlesIn, TRIES } from './posting.ts';
import type { Chat, Notice, Posted } from './team.ts';
import { isGone } from './unheard.ts';

// Sends what belongs to no deploy: locks, freezes, maintenance. What is to be said is stored first, with what it is said
// of; so nothing is lost with a process, and nothing is said twice where that can be known.

type Unsent = Notice & { owner: string | null; at: string; ts: string | null; again: boolean };

/** A channel in which something new is to be said, or something that was said put into other words. */
type Place = { channel: string; isNew: boolean };

/** What is kept of them. `except`: ids of those that are to be left alone for now. */
export interface Notices {
  /** Where something waits that nobody else is at, the oldest first. */
  places(by: string, except: readonly string[]): Promise<Place[]>;
  /** Claims the oldest that waits there. */
  claim(by: string, place: Place, except: readonly string[]): Promise<Unsent | null>;
  /** Others need not wait for what was claimed. */
  free(by: string): Promise<void>;
  /** An earlier attempt had posted it, with words that may have been others. */
  found(id: string, ts: string): Promise<void>;
  sent(notice: Notice, ts: string): Promise<void>;
  /** Keeps one to be sent, unless there was one of its id. */
  once(notice: Notice): Promise<void>;
}

export type NotifierParts = {
  notices: Notices;
  chat: Chat;
  pace: Pace;
  instance: string;
  /** What its owner is told when its channel takes nothing. */
  unheard: (notice: Notice, owner: string, why: Unheard) => Notice;
  log: Pick<Logger, 'warn'>;
};

const SWEEP_EVERY_MS = 20_000;
const LONGEST_PAUSE_MS = 60_000;
/**
 * Others take a claim over after 20 s, and a post takes 8 at most: what we claimed longer ago than this is claimed, and
 * looked for, anew.
 */
const CLAIM_MS = 10_000;

/** Sends stored notices and edits them: each is claimed first, so that two processes do not say the same. */
export class Notifier {
  readonly #parts: NotifierParts;
  /** Who sends in each place: one at a time, so that a channel that is full or closed keeps no other waiting. */
  readonly #senders = new Map<string, Promise<void>>();
  /** Notices that are left alone until then (by a stopwatch, ms), and how often in a row they were refused. */
  readonly #waiting = new Map<string, { until: number; failures: number }>();
  /** What Slack has, and nobody noted: in a person's channel it could not be looked for. */
  readonly #posted = new Map<string, { notice: Unsent; sent: Posted }>();
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
      const places = await notices.places(instance, this.#leftAlone()).catch(err => {
        log.warn({ err }, 'cannot look for notices; trying again');
        return [];
      });
      for (const place of places) this.#begin(place);
      if (this.#woken) continue;
      await pace.pause(this.#soonest(), end => {
        this.#wake = end;
      });
    }
    await Promise.all(this.#senders.values());
    try {
      for (const { notice, sent } of this.#posted.values()) await this.#noted(notice, sent);
      await notices.free(instance);
    } catch (err) {
      log.warn({ err }, 'others send the claimed notices 20 s later');
    }
  }

  #begin(place: Place): void {
    const { pace, log } = this.#parts;
    const name = `${place.channel} ${place.isNew}`;
    if (this.#senders.has(name)) return;
    const sending = this.#sendNext(place).catch(err => {
      log.warn({ err }, 'cannot claim a notice; trying again');
      return pace.pause(POST_EVERY_MS);
    });
    this.#senders.set(
      name,
      sending.then(() => {
        this.#senders.delete(name);
        this.wake();
      }),
    );
  }

  async #sendNext(place: Place): Promise<void> {
    const { notices, pace, instance } = this.#parts;
    if (place.isNew) await pace.turn(place.channel, RANKS.loud, () => this.#isLeft(place));
    if (pace.stopped) return;
    // Only now: a claim would not last as long as a turn may take.
    const claimedAt = performance.now();
    const notice = await notices.claim(instance, place, this.#leftAlone());
    if (!notice) return;
    const send = notice.ts === null ? this.#post(notice, claimedAt) : this.#edit(notice, notice.ts);
    await send.catch(err => this.#refuse(notice, err));
  }

  async #edit(notice: Unsent, ts: string): Promise<void> {
    const { id, channel, message } = notice;
    let woken = false;
    const wake = (): void => {
      woken = true;
      this.#waiting.delete(id);
      this.wake();
    };
    const isNeeded = () => this.#isLeft({ channel, isNew: false }, id);
    const done = await this.#editing.edit({ id: `notice ${id}`, channel, ts, message, last: true, isNeeded, wake });
    if (typeof done === 'number') {
      // It may have been woken in the moment in which it was told to wait.
      if (!woken) this.#waiting.set(id, { until: performance.now() + done, failures: 0 });
      return;
    }
    const failures = this.#editing.failures(`notice ${id}`);
    if (done === 'sentence' && failures < TRIES) {
      const wait = this.#editing.wait({ id: `notice ${id}`, channel, message, last: true });
      return void this.#waiting.set(id, { until: performance.now() + wait, failures });
    }
    this.#editing.forget(`notice ${id}`);
    await this.#noted(notice, { ts, taken: 'whole' });
  }

  async #post(notice: Unsent, claimedAt: number): Promise<void> {
    const { chat, pace, log } = this.#parts;
    const { id, channel, message, at, again } = notice;
    const unnoted = this.#posted.get(id);
    if (unnoted) return this.#noted(unnoted.notice, unnoted.sent);
    const key = { deploy: 'notice', key: id };
    const found = again && isChannel(channel) ? await chat.find({ channel, key, after: Date.parse(at) }) : null;
    // Its words may be those of an earlier attempt: it is brought up to date like any other.
    if (found) return this.#parts.notices.found(id, found);
    if (performance.now() - claimedAt > CLAIM_MS)
      return void this.#waiting.set(id, { until: performance.now() + POST_EVERY_MS, failures: 0 });
    const sentAt = performance.now();
    let sent: Posted;
    try {
      sent = await chat.post({ channel, message, key });
    } catch (err) {
      pace.postRefused(channel, err);
      await pace.pause(settlesIn(sentAt));
      if (retryAfterMs(err) === 0) throw err;
      // Said of the channel, not of the notice: that is the first to go when its channel is open again.
      return log.warn({ err, id, channel }, 'a channel takes no more for now; trying again');
    }
    this.#posted.set(id, { notice, sent });
    await this.#noted(notice, sent);
  }

  /** That of which Slack took the sentence alone is brought up to date like any other, where it can be. */
  async #noted(notice: Unsent, { ts, taken }: Posted): Promise<void> {
    const { notices } = this.#parts;
    await (taken === 'sentence' && isChannel(notice.channel) ? notices.found(notice.id, ts) : notices.sent(notice, ts));
    this.#posted.delete(notice.id);
    this.#waiting.delete(notice.id);
  }

  /** It waits, and no later one waits for it: it may be one that Slack will never take. */
  async #refuse(notice: Unsent, err: unknown): Promise<void> {
    const { notices, unheard, log } = this.#parts;
    const { id, channel, owner } = notice;
    const failures = (this.#waiting.get(id)?.failures ?? 0) + 1;
    // Others must not take over what they cannot know to be there.
    const longest = this.#posted.has(id) ? POST_EVERY_MS : LONGEST_PAUSE_MS;
    const pause = Math.max(retryAfterMs(err), Math.min(POST_EVERY_MS * 2 ** failures, longest));
    log.warn({ err, id, channel, pause }, 'could not say something in Slack; trying again');
    this.#waiting.set(id, { until: performance.now() + pause, failures });
    if (!owner || !isGone(err)) return;
    await notices
      .once(unheard(notice, owner, err.gone))
      .catch(err => log.warn({ err, id }, 'could not tell that a notice is not heard; trying again'));
  }

  /** Whether something is to be sent there that no other process is at, though it be the one named, which waits here. */
  async #isLeft(place: Place, waiting?: string): Promise<boolean> {
    const except = this.#leftAlone().filter(id => id !== waiting);
    const places = await this.#parts.notices.places(this.#parts.instance, except);
    return places.some(({ channel, isNew }) => channel === place.channel && isNew === place.isNew);
  }

  #leftAlone(): string[] {
    const now = performance.now();
    // What another process has sent is never heard of again.
    for (const [id, { until }] of this.#waiting) if (until < now - LONGEST_PAUSE_MS) this.#waiting.delete(id);
    return [...this.#waiting].filter(([, { until }]) => until > now).map(([id]) => id);
  }

  #soonest(): number {
    const waits = [...this.#waiting.values()].map(({ until }) => until - performance.now()).filter(wait => wait > 0);
    return Math.min(SWEEP_EVERY_MS, ...waits.map(wait => wait + 10));
  }
}

/** What was said to one person has a channel that only Slack knows: there it can neither be looked for nor edited. */
const isChannel = (channel: string): boolean => /^[CG]/.test(channel);
