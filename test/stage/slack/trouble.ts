/** What is to go wrong with a call, ordered aloud by a test or the demo. */
export type Trouble = {
  /** HTTP status instead of an answer, without doing anything. With 429, `retryAfter` in seconds goes along. */
  status?: number;
  retryAfter?: number;
  /** Slack's own way of refusing. */
  error?: string;
  /** Drop the connection: before the call was taken, or after it was carried out. */
  drop?: 'before' | 'after';
  /** Wait so long before anything else. */
  delayMs?: number;
  /** Carry it out at once, and answer so long afterwards. */
  lateMs?: number;
  /** Told of each call that meets it. */
  met?: () => void;
};

/** Orders of trouble by method of the Web API. */
export class Troubles {
  readonly #ordered: { method: string; trouble: Trouble; left: number }[] = [];

  order(method: string, trouble: Trouble, times: number): void {
    this.#ordered.push({ method, trouble, left: times });
  }

  /** Takes back what has not happened yet. */
  clear(): void {
    this.#ordered.length = 0;
  }

  /** The trouble that this call meets, used up by it. */
  take(method: string): Trouble {
    const met = this.#ordered.find(order => order.left > 0 && order.method === method);
    if (!met) return {};
    met.left--;
    met.trouble.met?.();
    return met.trouble;
  }
}
