/** What is to go wrong with a call, ordered aloud by a test or the demo. */
export type Trouble = {
  /** Answer with this status and Heroku's body for it, without doing anything. */
  status?: number;
  /** Drop the connection: before the call was taken, or after it was carried out, unanswered. */
  drop?: 'before' | 'after';
  /** Carry it out, send half of the answer (of a stream: a moment of it), and drop the connection. */
  truncate?: boolean;
  /** Wait so long before anything else is done; it is done also when whoever called has gone by then. */
  delayMs?: number;
  /** Carry it out at once, and answer so long afterwards. */
  lateMs?: number;
  /** Of a stream: each piece comes so long after the one before. */
  trickleMs?: number;
  times?: number;
  /** Told of each call that meets it. */
  met?: () => void;
};

/** Orders of trouble by call: `POST /builds`, `GET /releases/*`, `GET /apps/shop/releases`, `GET /streams/*`. */
export class Troubles {
  readonly #ordered: { method: string; path: RegExp; trouble: Trouble; left: number }[] = [];

  order(call: string, trouble: Trouble): void {
    const [, method = '', path = ''] = /^([A-Z]+) (\/[\w/.*~-]*)$/.exec(call) ?? [];
    if (!method) throw new Error(`Order trouble for a method and a path, as in GET /releases/*, not for: ${call}`);
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}$`);
    this.#ordered.push({ method, path: pattern, trouble, left: trouble.times ?? 1 });
  }

  /** Takes back what has not happened yet. */
  clear(): void {
    this.#ordered.length = 0;
  }

  /** The trouble that this call meets, used up by it. The path may leave out `/apps/NAME`. */
  take(method: string, path: string): Trouble | null {
    const short = path.replace(/^\/apps\/[^/]+/, '') || path;
    const met = this.#ordered.find(
      order => order.left > 0 && order.method === method && (order.path.test(path) || order.path.test(short)),
    );
    if (!met) return null;
    met.left--;
    met.trouble.met?.();
    return met.trouble;
  }
}
