/** What is to go wrong with a call, ordered aloud by a test or the demo. */
export type Trouble = {
  /** Answer with this status and Heroku's body for it, without doing anything. */
  status?: number;
  /** Drop the connection: before the call was taken, or after it was carried out. */
  drop?: 'before' | 'after';
  /** Carry it out, send half of the answer, and drop the connection. */
  truncate?: boolean;
  /** Wait so long before anything else. */
  delayMs?: number;
  times?: number;
};

/** Orders of trouble by call: `POST /builds`, `GET /apps/shop/releases`, `POST /sources`. */
export class Troubles {
  readonly #ordered: { method: string; path: string; trouble: Trouble; left: number }[] = [];

  order(call: string, trouble: Trouble): void {
    const [method = '', path = ''] = call.split(' ');
    this.#ordered.push({ method, path, trouble, left: trouble.times ?? 1 });
  }

  /** The trouble that this call meets, used up by it. The path may leave out `/apps/NAME`. */
  take(method: string, path: string): Trouble | null {
    const short = path.replace(/^\/apps\/[^/]+/, '') || path;
    const met = this.#ordered.find(
      order => order.left > 0 && order.method === method && (order.path === path || order.path === short),
    );
    if (!met) return null;
    met.left--;
    return met.trouble;
  }
}
