import { Agent, request } from 'node:http';

export type Sent = { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string };
/** One request: when it was due, how long after that its answer was there, and its status (null: the connection broke). */
export type Answered = { due: number; ms: number; status: number | null; headers: Record<string, unknown> };

export type Load = {
  readonly sent: number;
  /** Sends no more, and waits for the answers that are under way. */
  stop(): Promise<void>;
};

/**
 * Sends requests at a fixed rate, whether earlier ones were answered or not, and counts each from when it was due: a slow
 * server cannot slow the question down. `fresh` of them, evenly, come over connections of their own.
 */
export function openLoop(ask: {
  url: string;
  perSecond: number;
  fresh: number;
  next: (index: number) => Sent;
  onAnswer: (answer: Answered, index: number) => void;
}): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const open = new Set<Promise<void>>();
  const begun = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (let due = dueAt(sent); due <= performance.now(); due = dueAt(sent)) {
      const index = sent++;
      const isFresh = Math.floor((index + 1) * ask.fresh) > Math.floor(index * ask.fresh);
      const asking = send(ask.url, isFresh ? false : agent, ask.next(index), due).then(answer =>
        ask.onAnswer(answer, index),
      );
      open.add(asking);
      void asking.finally(() => open.delete(asking));
    }
  }, 1);
  const dueAt = (index: number): number => begun + (index / ask.perSecond) * 1000;
  return {
    get sent() {
      return sent;
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
    },
  };
}

/** As many requests as are answered when so many are always under way; gives how many a second. */
export async function flatOut(ask: {
  url: string;
  underWay: number;
  ms: number;
  next: (index: number) => Sent;
}): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: ask.underWay });
  const begun = performance.now();
  let answered = 0;
  let index = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - begun < ask.ms) {
      const { status } = await send(ask.url, agent, ask.next(index++), performance.now());
      if (status !== 200) throw new Error(`Answered with ${status}, flat out`);
      answered++;
    }
  };
  await Promise.all(Array.from({ length: ask.underWay }, one));
  agent.destroy();
  return (answered * 1000) / (performance.now() - begun);
}

/** One request, counted from when it was due (by `performance.now`). Never rejects. */
export function send(url: string, agent: Agent | false, { method = 'GET', headers = {}, body }: Sent, due: number) {
  return new Promise<Answered>(resolve => {
    const seen = (status: number | null, given: Record<string, unknown> = {}) =>
      resolve({ due, ms: performance.now() - due, status, headers: given });
    const asked = request(url, { agent, method, headers }, response => {
      response.resume();
      response.once('end', () => seen(response.statusCode ?? null, response.headers));
      response.once('error', () => seen(null));
    });
    asked.once('error', () => seen(null));
    asked.end(body);
  });
}
