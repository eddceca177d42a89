const SIZE = 4_500;
const REFILL_PER_MS = 75 / 60_000;

/** The account's bucket of API calls: 4,500, and 75 back each minute (rate limits, Platform API reference). */
export class Bucket {
  #tokens = SIZE;
  #at = performance.now();

  get remaining(): number {
    const now = performance.now();
    this.#tokens = Math.min(SIZE, this.#tokens + (now - this.#at) * REFILL_PER_MS);
    this.#at = now;
    return Math.floor(this.#tokens);
  }

  set remaining(tokens: number) {
    this.#tokens = tokens;
    this.#at = performance.now();
  }

  /** False when it is empty. */
  take(): boolean {
    if (this.remaining < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
