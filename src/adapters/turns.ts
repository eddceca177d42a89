/** More than anybody waits for: a minute's work and a few MB. */
const MOST_WAITING = 2_000;
/** So many at once: one that the database or Slack keeps waiting holds up no other. */
const AT_ONCE = 16;
/** Nothing came for so long: there is time for other work. */
const QUIET_MS = 4;
/** However much comes, one begins each so many ms. */
const STARVED_MS = 100;

/**
 * Work that waits while requests keep coming, since acknowledging those has 3 s and this has minutes. In the order in which
 * it came, and never held up for good.
 */
export class Turns {
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #working = 0;
  #cameAt = Number.NEGATIVE_INFINITY;
  #begunAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** True when so much waits that more would only be forgotten by whoever asked. */
  get isFull(): boolean {
    return this.#waiting.length >= MOST_WAITING;
  }

  /** A request is here. */
  came(): void {
    this.#cameAt = performance.now();
  }

  /** Resolves, or rejects, as the work does when its turn has come. */
  take<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => work().then(resolve, reject));
      this.#next();
    });
  }

  #next(): void {
    if (this.#timer || this.#working === AT_ONCE || this.#waiting.length === 0) return;
    const waitMs = Math.min(this.#cameAt + QUIET_MS, this.#begunAt + STARVED_MS) - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#next();
      }, waitMs);
      return;
    }
    this.#begunAt = performance.now();
    this.#working++;
    void this.#waiting
      .shift()?.()
      .finally(() => {
        this.#working--;
        this.#next();
      });
    this.#next();
  }
}
