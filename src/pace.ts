import type { Budget, Shared } from './domain/budget.ts';
import { POST_EVERY_MS, POSTS, type Poster, PostQueue, type Rank } from './post-queue.ts';
import { isGone } from './unheard.ts';

/** chat.update: 50 a minute for all of a workspace (tier 3). */
const EDITS: Budget = { name: 'edits', everyMs: 60_000 / 46, atOnce: 3 };
const LONGEST_PAUSE_MS = 60_000;
/** What only a person can mend is tried so often in the end. */
const GONE_PAUSE_MS = 5 * 60_000;
/** One message is not edited more often than people can read. */
const EDIT_EVERY_MS = 3_000;

/** chat.postEphemeral: 100 a minute for all of a workspace (tier 4). */
const WHISPERS: Budget = { name: 'whispers', everyMs: 60_000 / 90, atOnce: 10 };

/**
 * A last state overtakes whatever has waited for less than this: with up to 45 deploys at once that is all. Were it to overtake
 * more, others would be older than 150 s where there are a hundred, which often end together.
 */
const OVERTAKES_MS = 60_000;

/** `since`: when what it shows was found out of date. `isNeeded`: whether another process is not at it meanwhile. */
type Editor = {
  channel: string;
  last: boolean;
  since: number;
  isNeeded?: (() => Promise<boolean>) | undefined;
  wake: () => void;
};

const dueAt = ({ last, since }: Editor): number => since + (last ? 0 : OVERTAKES_MS);

/**
 * Keeps to the pace that Slack allows, and to what its refusals ask for. Waiting ends early when it is stopped. Its times are a
 * stopwatch's, ms: a clock that is set back must not silence it.
 */
export class Pace {
  readonly #posts = new PostQueue();
  readonly #editors = new Map<string, Editor>();
  /** Channels in which an edit was refused, and until when (ms) they are left alone. */
  readonly #editsRefused = new Map<string, number>();
  readonly #granted = new Set<string>();
  readonly #pauses = new Set<() => void>();
  readonly #shared: Shared | null;
  #nextWhisper = 0;
  #tokens = EDITS.atOnce;
  #countedAt = performance.now();
  #editsFrom = 0;
  /** When it is looked who may edit, ms, and what does away with that look. */
  #nextLook = Number.POSITIVE_INFINITY;
  #callOff = (): void => {};
  /** Whether an edit may be made is being asked of what all processes share. */
  #asking = false;
  #posting = false;
  /** Ends the wait for the next post. */
  #someoneCame: () => void = () => {};
  #stopped = false;

  /** `shared`: with whom it shares what Slack allows; null when no other process uses the same token. */
  constructor(shared: Shared | null = null) {
    this.#shared = shared;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#pauses) end();
    for (const { go } of this.#posts.empty()) go();
  }

  /** Waits so many ms, or until the function given to `early` is called. */
  pause(ms: number, early: (end: () => void) => void = () => {}): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pauses.add(end);
      early(end);
    });
  }

  /**
   * Waits until the channel, and the workspace, may get another message and nothing better waits, and takes that place.
   * A rank that may change meanwhile is asked for. Where `isNeeded` says no then, no place is taken.
   */
  turn(channel: string, rank: Rank | (() => Rank), isNeeded?: () => Promise<boolean>): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const asked = typeof rank === 'function' ? rank : () => rank;
    return new Promise(go => {
      this.#posts.add({ channel, rank: asked, since: performance.now(), isNeeded, go });
      this.#someoneCame();
      if (!this.#posting) void this.#post();
    });
  }

  async #post(): Promise<void> {
    this.#posting = true;
    for (let next = this.#posts.next(performance.now()); next !== null; next = this.#posts.next(performance.now())) {
      if (typeof next !== 'number') await this.#go(next);
      else
        await this.pause(next, end => {
          this.#someoneCame = end;
        });
    }
    this.#posting = false;
  }

  async #go(poster: Poster): Promise<void> {
    const isAlone = !this.#shared || this.#shared.alone();
    if (!isAlone && !(await isNeeded(poster))) {
      this.#posts.release(poster);
      return poster.go();
    }
    const full = await this.#take(POSTS);
    const inChannel = { name: `posts in ${poster.channel}`, everyMs: POST_EVERY_MS, atOnce: 1 };
    const wait = full || (await this.#take(inChannel));
    if (wait === 0 || this.#stopped) return poster.go();
    // What is too much for the workspace is so for every channel.
    if (full) this.#posts.hold(performance.now() + full);
    this.#posts.putBack(poster, performance.now() + (full ? 0 : wait));
  }

  /** Takes a place among those of all processes: 0, or for how many ms there is none. */
  async #take(budget: Budget): Promise<number> {
    if (!this.#shared || this.#shared.alone()) return 0;
    // A database that does not answer is no reason to be silent: Slack itself refuses what is too much.
    return this.#shared.take(budget).catch(() => 0);
  }

  /** Waits until somebody may be told something that nobody else sees (chat.postEphemeral). */
  async whisper(): Promise<void> {
    const now = performance.now();
    const next = Math.max(this.#nextWhisper, now - WHISPERS.atOnce * WHISPERS.everyMs);
    this.#nextWhisper = next + WHISPERS.everyMs;
    if (next > now) await this.pause(next - now);
    for (let wait = await this.#take(WHISPERS); wait > 0 && !this.#stopped; wait = await this.#take(WHISPERS))
      await this.pause(wait);
  }

  /** Only this channel waits: a refusal there says nothing about others. */
  postRefused(channel: string, error: unknown): void {
    this.#posts.closeUntil(channel, performance.now() + Math.max(POST_EVERY_MS, retryAfterMs(error)));
  }

  /**
   * Slack does not say whether it means the channel or the workspace (chat.update, tier 3). So this channel waits; and
   * when another one is refused before that is over, all do. What failed for another reason says nothing about either.
   */
  editRefused(channel: string, error: unknown): void {
    const asked = retryAfterMs(error);
    if (asked === 0) return;
    const now = performance.now();
    const until = now + asked;
    for (const [other, end] of this.#editsRefused) {
      if (end <= now) this.#editsRefused.delete(other);
      else if (other !== channel) this.#editsFrom = Math.max(this.#editsFrom, end, until);
    }
    this.#editsRefused.set(channel, Math.max(until, this.#editsFreeAt(channel)));
    if (this.#editsFrom > now) this.#tokens = 0;
  }

  /** When a message that was edited at some time may be edited again at the soonest; last states need not wait. */
  nextEdit(channel: string, editedAt: number, last: boolean): number {
    return Math.max(editedAt + (last ? 0 : EDIT_EVERY_MS), this.#editsFrom, this.#editsFreeAt(channel));
  }

  /**
   * True when the message may be edited now. Else its place is kept, and `wake` is called when its turn has come, or where
   * `isNeeded` says no then: no place is taken for that.
   */
  mayEdit(id: string, editor: Editor): boolean {
    if (this.#granted.delete(id)) return true;
    this.#editors.set(id, editor);
    void this.#grant();
    return this.#granted.delete(id);
  }

  /** Grants what may be edited now; before it returns where no other process has a part in it. */
  async #grant(): Promise<void> {
    if (this.#asking) return;
    let refused = 0;
    for (let next = this.#nextEditor(); refused === 0 && next; next = this.#nextEditor()) {
      if (this.#shared?.alone() === false) {
        this.#asking = true;
        const isWanted = await isNeeded(next[1]);
        if (isWanted) refused = await this.#take(EDITS);
        this.#asking = false;
        if (!isWanted) {
          this.#editors.delete(next[0]);
          next[1].wake();
          continue;
        }
      }
      // A better one may have come while it was asked.
      const best = refused === 0 ? this.#nextEditor() : null;
      if (!best) continue;
      const [id, { wake }] = best;
      this.#tokens--;
      this.#editors.delete(id);
      this.#granted.add(id);
      wake();
    }
    this.#grantLater(refused);
  }

  /** Whose edit goes next; null while none may. */
  #nextEditor(): [string, Editor] | null {
    const now = performance.now();
    const from = Math.max(this.#countedAt, this.#editsFrom);
    this.#tokens = Math.min(EDITS.atOnce, this.#tokens + Math.max(0, now - from) / EDITS.everyMs);
    this.#countedAt = now;
    if (this.#tokens < 1 || this.#stopped) return null;
    const free = [...this.#editors].filter(([, { channel }]) => this.#editsFreeAt(channel) <= now);
    return free.sort(([, a], [, b]) => dueAt(a) - dueAt(b))[0] ?? null;
  }

  /** Looks again when there may be a place, in so many ms at the soonest; a later look that was to come is called off. */
  #grantLater(refused: number): void {
    if (this.#editors.size === 0 || this.#stopped) return;
    const now = performance.now();
    const open = Math.min(...[...this.#editors.values()].map(({ channel }) => this.#editsFreeAt(channel)));
    const refilled = Math.max(this.#editsFrom, now) + Math.max(refused, (1 - this.#tokens) * EDITS.everyMs);
    const at = Math.max(open, refilled) + 1;
    if (at >= this.#nextLook) return;
    this.#nextLook = at;
    this.#callOff();
    const look = this.pause(at - now, end => {
      this.#callOff = end;
    });
    void look.then(() => {
      if (this.#nextLook !== at) return;
      this.#nextLook = Number.POSITIVE_INFINITY;
      return this.#grant();
    });
  }

  #editsFreeAt(channel: string): number {
    return this.#editsRefused.get(channel) ?? 0;
  }
}

/** Where it cannot be asked, it is. */
const isNeeded = async (asks: { isNeeded?: (() => Promise<boolean>) | undefined }): Promise<boolean> =>
  asks.isNeeded?.().catch(() => true) ?? true;

/** A Chat's rejection may say when Slack will listen again; 0 when it does not. */
export function retryAfterMs(error: unknown): number {
  const ms = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : 0;
  return typeof ms === 'number' ? ms : 0;
}

/** How long to wait after so many failures in a row, ms: ever longer, and never less than Slack asks for. */
export function pauseAfter(error: unknown, failures: number): number {
  const longest = isGone(error) ? GONE_PAUSE_MS : LONGEST_PAUSE_MS;
  return Math.max(retryAfterMs(error), Math.min(1_000 * 2 ** failures, longest));
}
