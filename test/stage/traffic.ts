import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/** One request of a visitor as the visitor saw it. `status` null: the connection broke. Times in ms since 1970. */
export type Visit = {
  id: string;
  at: number;
  ms: number;
  status: number | null;
  release: string | null;
  wrote: boolean;
};

export type Traffic = {
  /** Requests sent so far. */
  readonly sent: number;
  stop(): Promise<void>;
};

/**
 * Visitors at a fixed rate, whether earlier ones were answered or not; every other one keeps its connection, and of
 * `writesEvery` one writes.
 */
export function startTraffic(ask: {
  url: string;
  perSecond: number;
  writesEvery?: number;
  onVisit: (visit: Visit) => void;
}): Traffic {
  const kept = new Agent({ keepAlive: true, maxSockets: 20 });
  const open = new Set<Promise<void>>();
  const begun = performance.now();
  let sent = 0;
  // By the clock, not by the timer: what a late timer missed is sent at once.
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - begun) / 1000) * ask.perSecond; sent++) {
      const writes = ask.writesEvery !== undefined && sent % ask.writesEvery === 0;
      const visiting = visit(ask.url, sent % 2 === 0 ? kept : false, writes).then(ask.onVisit);
      open.add(visiting);
      void visiting.finally(() => open.delete(visiting));
    }
  }, 10);
  return {
    get sent() {
      return sent;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      kept.destroy();
    },
  };
}

function visit(url: string, agent: Agent | false, wrote: boolean): Promise<Visit> {
  const id = randomUUID();
  const at = Date.now();
  const from = performance.now();
  return new Promise(resolve => {
    const seen = (status: number | null, release: string | null) =>
      resolve({ id, at, ms: Math.round(performance.now() - from), status, release, wrote });
    const asked = request(url, { agent, method: wrote ? 'POST' : 'GET', headers: { 'X-Request-Id': id } }, response => {
      const release = response.headers['x-heroku-release-version'];
      response.resume();
      response.once('end', () => seen(response.statusCode ?? null, typeof release === 'string' ? release : null));
      response.once('error', () => seen(null, null));
    });
    asked.once('error', () => seen(null, null));
    asked.end();
  });
}
