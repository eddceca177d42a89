import type { RequestListener } from 'node:http';
import type { CustomRoute } from '@slack/bolt';

/** What must be there for the bot to be of use, by name. Each is asked at every look, so they must be cheap. */
export type Checks = Readonly<Record<string, () => Promise<unknown>>>;

const ANSWER_WITHIN_MS = 1_000;

/** `/healthz`: the process is alive. `/readyz`: it can work, or what is missing; 503 then, and once it is stopping. */
export function healthRoutes(checks: Checks): CustomRoute[] {
  return [
    { path: '/healthz', method: 'GET', handler: (_, response) => void response.writeHead(200).end('ok') },
    {
      path: '/readyz',
      method: 'GET',
      handler: async (_, response) => {
        const missing = await missingOf(checks);
        response.writeHead(missing.length === 0 ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
        response.end(missing.length === 0 ? 'ready' : `not ready: ${missing.join(', ')}`);
      },
    },
  ];
}

/** The same where nothing else is listened to. */
export function healthListener(checks: Checks): RequestListener {
  const routes = healthRoutes(checks);
  return (request, response) => {
    const asked = request.url?.split('?')[0];
    const route = routes.find(({ path, method }) => path === asked && method === request.method);
    if (route) route.handler(Object.assign(request, { params: {} }), response);
    else response.writeHead(404).end();
  };
}

async function missingOf(checks: Checks): Promise<string[]> {
  const missing = Object.entries(checks).map(async ([name, check]) => {
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const tooLate = new Promise<never>((_, reject) => late.addEventListener('abort', () => reject(late.reason)));
    return Promise.race([check(), tooLate]).then(
      () => [],
      () => [name],
    );
  });
  return (await Promise.all(missing)).flat();
}

/** Asks at most every so many ms; between that everybody gets the last answer. */
export function every<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: Promise<T> | undefined;
  return () => {
    if (!answer || performance.now() - askedAt > ms) {
      askedAt = performance.now();
      answer = ask();
      answer.catch(() => {});
    }
    return answer;
  };
}
