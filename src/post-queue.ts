/** Slack takes about one message a second in a channel (chat.postMessage: special tier). */
export const POST_EVERY_MS = 1_100;
/**
 * It takes "several hundred" a minute for all of a workspace (docs.slack.dev, apis/web-api/rate-limits), of which some may
 * come at once.
 */
export const POSTS = { name: 'posts', everyMs: 250, atOnce: 30 };

/**
 * Who goes first, as ms that others may come later and still be before it: what people must hear of and be asked for, what
 * begins a thread, all else. So nothing waits for ever.
 */
export const RANKS = { loud: 0, root: 5_000, quiet: 60_000 } as const;
export type Rank = (typeof RANKS)[keyof typeof RANKS];

/**
 * `rank`: asked whenever a place is given, since who waits may come to have more to say. `isNeeded`: whether another process
 * has not said it meanwhile.
 */
export type Poster = {
  channel: string;
  rank: () => Rank;
  since: number;
  isNeeded?: (() => Promise<boolean>) | undefined;
  go: () => void;
};

/** Who waits to post, and whose turn it is. Times are a stopwatch's, ms; whoever asks says which it is. */
export class PostQueue {
  #waiting: Poster[] = [];
  /** When each channel may get the message after its last one, ms. */
  readonly #nextIn = new Map<string, number>();
  /** Until when a channel takes nothing, whoever was last, ms. */
  readonly #closed = new Map<string, number>();
  /** Until when nobody may post, ms: others have used up what there is. */
  #heldUntil = 0;
  #left = POSTS.atOnce;
  #countedAt = 0;

  add(poster: Poster): void {
    this.#waiting.push(poster);
  }

  /** The one whose turn it is, taken out; else for how many ms nobody may post. Null when nobody waits. */
  next(now: number): Poster | number | null {
    this.#left = Math.min(POSTS.atOnce, this.#left + (now - this.#countedAt) / POSTS.everyMs);
    this.#countedAt = now;
    if (this.#waiting.length === 0) return null;
    if (this.#heldUntil > now) return this.#heldUntil - now;
    const freeAt = ({ channel }: Poster): number =>
      Math.max(this.#nextIn.get(channel) ?? 0, this.#closed.get(channel) ?? 0);
    const [best] = this.#waiting
      .filter(poster => freeAt(poster) <= now)
      .sort((a, b) => a.since + a.rank() - (b.since + b.rank()));
    if (best && this.#left >= 1) {
      this.#left--;
      this.#waiting = this.#waiting.filter(poster => poster !== best);
      this.#nextIn.set(best.channel, now + POST_EVERY_MS);
      return best;
    }
    return best ? (1 - this.#left) * POSTS.everyMs : Math.min(...this.#waiting.map(freeAt)) - now;
  }

  /** It did not post after all: its channel may get the next message then, in place of a second later. */
  putBack(poster: Poster, nextAt: number): void {
    this.#left++;
    this.#waiting.push(poster);
    this.#nextIn.set(poster.channel, nextAt);
  }

  /** The place that it was given is anybody's. */
  release({ channel }: Poster): void {
    this.#left++;
    this.#nextIn.delete(channel);
  }

  /** Nothing is posted anywhere before then. */
  hold(until: number): void {
    this.#heldUntil = until;
  }

  /** Nothing is posted in the channel before then, nor before what was said earlier. */
  closeUntil(channel: string, at: number): void {
    this.#closed.set(channel, Math.max(at, this.#closed.get(channel) ?? 0));
  }

  /** All who wait, taken out. */
  empty(): Poster[] {
    return this.#waiting.splice(0);
  }
}
