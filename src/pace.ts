import { POST_EVERY_MS, PostQueue, type Rank } from './post-queue.ts';

/** chat.update: 50 a minute for all of a workspace (tier 3): so many in any minute, of which a few may come at once. */
const EDITS_A_MINUTE = 46;
const EDITS_AT_ONCE = 3;
const LONGEST_PAUSE_MS = 60_000;
/** One message is not edited more often than people can read. */
const EDIT_EVERY_MS = 3_000;

/** chat.postEphemeral: 100 a minute for all of a workspace (tier 4), of which a few may come at once. */
const CALL_EVERY_MS = 60_000 / 90;
const CALLS_AT_ONCE = 10;

/** A last state overtakes whatever has waited for less than this; nothing waits for ever. */
const OVERTAKES_MS = 60_000;

/** `since`: when what it shows was found out of date. */
type Editor = { channel: string; last: boolean; since: number; wake: () => void };

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
  readonly #nextCall = new Map<string, number>();
  #tokens = EDITS_AT_ONCE;
  #countedAt = performance.now();
  #editsFrom = 0;
  #granting = false;
  #posting = false;
  /** Ends the wait for the next post. */
  #someoneCame: () => void = () => {};
  #stopped = false;

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

  /** Waits until the channel, and the workspace, may get another message and nothing better waits, and takes that place. */
  turn(channel: string, rank: Rank): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise(go => {
      this.#posts.add({ channel, rank, since: performance.now(), go });
      this.#someoneCame();
      if (!this.#posting) void this.#post();
    });
  }

  async #post(): Promise<void> {
    this.#posting = true;
    for (let next = this.#posts.next(performance.now()); next !== null; next = this.#posts.next(performance.now())) {
      if (typeof next !== 'number') next.go();
      else
        await this.pause(next, end => {
          this.#someoneCame = end;
        });
    }
    this.#posting = false;
  }

  /** Waits until Slack may be asked for that once more. */
  call(method: 'chat.postEphemeral'): Promise<void> {
    const now = performance.now();
    const next = Math.max(this.#nextCall.get(method) ?? 0, now - CALLS_AT_ONCE * CALL_EVERY_MS);
    this.#nextCall.set(method, next + CALL_EVERY_MS);
    return next > now ? this.pause(next - now) : Promise.resolve();
  }

  /** Only this channel waits: a refusal there says nothing about others. */
  postRefused(channel: string, error: unknown): void {
    this.#posts.closeUntil(channel, performance.now() + Math.max(POST_EVERY_MS, retryAfterMs(error)));
  }

  /**
   * Slack does not say whether it means the channel or the workspace (chat.update, tier 3). So this channel waits; and
   * when another one is refused before that is over, all do.
   */
  editRefused(channel: string, error: unknown): void {
    const now = performance.now();
    const until = now + retryAfterMs(error);
    for (const [other, end] of this.#editsRefused) {
      if (end <= now) this.#editsRefused.delete(other);
      else if (other !== channel) this.#editsFrom = Math.max(this.#editsFrom, end, until);
    }
    this.#editsRefused.set(channel, until);
    if (this.#editsFrom > now) this.#tokens = 0;
  }

  /** When a message that was edited at some time may be edited again at the soonest; last states need not wait. */
  nextEdit(channel: string, editedAt: number, last: boolean): number {
    const refused = this.#editsRefused.get(channel) ?? 0;
    return Math.max(editedAt + (last ? 0 : EDIT_EVERY_MS), this.#editsFrom, refused);
  }

  /** True when the message may be edited now. Else its place is kept, and `wake` is called when its turn has come. */
  mayEdit(id: string, editor: Editor): boolean {
    if (this.#granted.delete(id)) return true;
    this.#editors.set(id, editor);
    this.#grant();
    return this.#granted.delete(id);
  }

  #grant(): void {
    const now = performance.now();
    const from = Math.max(this.#countedAt, this.#editsFrom);
    this.#tokens = Math.min(EDITS_AT_ONCE, this.#tokens + (Math.max(0, now - from) * EDITS_A_MINUTE) / 60_000);
    this.#countedAt = now;
    const freeAt = ({ channel }: Editor): number => this.#editsRefused.get(channel) ?? 0;
    while (this.#tokens >= 1 && !this.#stopped) {
      const free = [...this.#editors].filter(([, editor]) => freeAt(editor) <= now);
      const [best] = free.sort(([, a], [, b]) => dueAt(a) - dueAt(b));
      if (!best) break;
      const [id, { wake }] = best;
      this.#tokens--;
      this.#editors.delete(id);
      this.#granted.add(id);
      wake();
    }
    if (this.#editors.size === 0 || this.#stopped || this.#granting) return;
    this.#granting = true;
    const soonest = Math.min(...[...this.#editors.values()].map(freeAt));
    const refill = Math.max(0, ((1 - this.#tokens) * 60_000) / EDITS_A_MINUTE);
    const wait = Math.max(this.#editsFrom - now, 0) + Math.max(soonest - now, refill);
    void this.pause(wait + 1).then(() => {
      this.#granting = false;
      this.#grant();
    });
  }
}

/** A Chat's rejection may say when Slack will listen again; 0 when it does not. */
export function retryAfterMs(error: unknown): number {
  const ms = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : 0;
  return typeof ms === 'number' ? ms : 0;
}

/** How long to wait after so many failures in a row, ms: ever longer, and never less than Slack asks for. */
export function pauseAfter(error: unknown, failures: number): number {
  return Math.max(retryAfterMs(error), Math.min(1_000 * 2 ** failures, LONGEST_PAUSE_MS));
}
