/** Slack takes about one message a second in a channel (chat.postMessage: special tier). */
export const POST_EVERY_MS = 1_100;
/** chat.update: 50 a minute for all of a workspace (tier 3); 45 leaves room for last states. */
const EDITS_A_MINUTE = 45;
const EDIT_EVERY_MS = 3_000;

/** Keeps to the pace that Slack allows, and to what its refusals ask for. Waiting ends early when it is stopped. */
export class Pace {
  readonly #nextPost = new Map<string, number>();
  readonly #pauses = new Set<() => void>();
  #editsFrom = 0;
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    for (const end of this.#pauses) end();
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

  /** Waits until the channel may get another message, and takes that place. */
  async turn(channel: string): Promise<void> {
    for (;;) {
      const wait = (this.#nextPost.get(channel) ?? 0) - Date.now();
      if (wait <= 0 || this.#stopped) break;
      await this.pause(wait);
    }
    this.#nextPost.set(channel, Date.now() + POST_EVERY_MS);
  }

  /** Only this channel waits: a refusal there says nothing about others. */
  postRefused(channel: string, error: unknown): void {
    this.#nextPost.set(channel, Date.now() + Math.max(POST_EVERY_MS, retryAfterMs(error)));
  }

  /** The budget of edits is the whole workspace's. */
  editRefused(error: unknown): void {
    this.#editsFrom = Math.max(this.#editsFrom, Date.now() + retryAfterMs(error));
  }

  /** When a message that was edited at some time may be edited again, with so many deploys told at once; last states need not wait. */
  nextEdit(editedAt: number, deploys: number, last: boolean): number {
    const gap = last ? 0 : Math.max(EDIT_EVERY_MS, (60_000 * deploys) / EDITS_A_MINUTE);
    return Math.max(editedAt + gap, this.#editsFrom);
  }
}

/** A Chat's rejection may say when Slack will listen again; 0 when it does not. */
export function retryAfterMs(error: unknown): number {
  const ms = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : 0;
  return typeof ms === 'number' ? ms : 0;
}
