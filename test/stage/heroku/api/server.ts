import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { User } from '../app.ts';
import type { Platform } from '../platform.ts';
import type { Trouble, Troubles } from '../trouble.ts';
import { addonRoutes } from './addons.ts';
import { appRoutes } from './apps.ts';
import { buildRoutes } from './builds.ts';
import { dynoRoutes } from './dynos.ts';
import { formationRoutes } from './formation.ts';
import { openAddress } from './open.ts';
import { releaseRoutes } from './releases.ts';
import { type Call, type Handler, Refused, type Reply } from './routes.ts';

/** Every call as it was answered; `status` null when the connection was dropped. */
export type CallRecord = { at: Date; method: string; path: string; status: number | null; counted: boolean };

type Ask = {
  platform: Platform;
  user: User;
  /** Null: any token will do. */
  token: string | null;
  troubles: Troubles;
  onCall: (record: CallRecord) => void;
};

const all = {
  ...appRoutes,
  ...formationRoutes,
  ...dynoRoutes,
  ...buildRoutes,
  ...releaseRoutes,
  ...addonRoutes,
};
const routes = Object.entries(all).map(([name, handler]) => {
  const [method = '', path = ''] = name.split(' ');
  const names = [...path.matchAll(/:(\w+)/g)].map(([, param]) => param ?? '');
  return { method, pattern: new RegExp(`^${path.replace(/:\w+/g, '([^/]+)')}$`), names, handler };
});
const FREE = new Set(['/account/rate-limits']);
const VERSION = /application\/vnd\.heroku\+json\s*;\s*version=3(\.[\w-]+)?\s*($|[,;])/;
/** How soon a stream is cut that trouble was ordered for, ms. */
const CUT_AFTER_MS = 100;

/** The Platform API on loopback: Heroku's rules first (token, version, calls left), then the route. */
export async function startApi(ask: Ask, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    respond(ask, request, response).catch(error => {
      if (request.destroyed && !request.complete) return;
      console.error(error);
      if (response.headersSent) response.destroy();
      else send(ask.platform, request, response, replyOf(ordered(500)), null);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function respond(ask: Ask, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(`http://${request.headers.host}${request.url}`) ?? new URL('http://nowhere/');
  const { method = 'GET' } = request;
  const trouble = ask.troubles.take(method, url.pathname);
  const serve = openAddress(url);
  if (serve) {
    if (trouble?.delayMs) await sleep(trouble.delayMs);
    if (trouble?.drop === 'before') request.socket.destroy();
    else if (trouble?.status) response.writeHead(trouble.status).end();
    else {
      if (trouble?.truncate || trouble?.drop) setTimeout(() => request.socket.destroy(), CUT_AFTER_MS);
      if (trouble?.trickleMs) trickle(response, trouble.trickleMs);
      await serve({ platform: ask.platform, url, request, response });
    }
    return;
  }
  const record: CallRecord = { at: new Date(), method, path: url.pathname, status: null, counted: false };
  const reply = await answer(ask, url, request, trouble, record);
  if (trouble?.lateMs) await sleep(trouble.lateMs);
  if (reply && trouble?.drop !== 'after') {
    record.status = reply.status;
    ask.onCall(record);
    send(ask.platform, request, response, reply, trouble);
    return;
  }
  ask.onCall(record);
  request.socket.destroy();
}

/** Each piece that is written comes so long after the one before, and the end after them all. */
function trickle(response: ServerResponse, ms: number): void {
  const [write, end] = [response.write.bind(response), response.end.bind(response)];
  let before: Promise<unknown> = Promise.resolve();
  response.write = (chunk: Buffer | string) => {
    before = before.then(() => sleep(ms)).then(() => response.destroyed || write(chunk));
    return true;
  };
  response.end = () => {
    void before.then(() => end());
    return response;
  };
}

/** Null when the connection is dropped before the call was taken. */
async function answer(
  ask: Ask,
  url: URL,
  request: IncomingMessage,
  trouble: Trouble | null,
  record: CallRecord,
): Promise<Reply | null> {
  if (trouble?.drop === 'before') return null;
  const body = await readBody(request);
  if (trouble?.delayMs) await sleep(trouble.delayMs);
  try {
    if (trouble?.status) throw ordered(trouble.status);
    checkToken(ask, request, url.pathname);
    if (!VERSION.test(request.headers.accept ?? '')) {
      throw new Refused(
        406,
        'not_acceptable',
        'The `Accept` header must specify `application/vnd.heroku+json; version=3`.',
      );
    }
    if (!FREE.has(url.pathname)) {
      record.counted = true;
      if (!ask.platform.bucket.take()) throw ordered(429);
    }
    const found = find(record.method, url.pathname);
    if (!found) throw new Refused(404, 'not_found', 'The requested API endpoint was not found.');
    const range = request.headers.range || 'id ..';
    const base = `http://${request.headers.host}`;
    const call: Call = { platform: ask.platform, user: ask.user, params: found.params, body: body(), range, base };
    return await found.handler(call);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return replyOf(error);
  }
}

function replyOf({ status, id, message }: Refused): Reply {
  const url = 'https://devcenter.heroku.com/articles/platform-api-reference#rate-limits';
  if (status !== 429) return { status, json: { id, message } };
  return { status, json: { id, message, url }, headers: { 'RateLimit-Remaining': '0' } };
}

function find(method: string, path: string): { handler: Handler; params: Record<string, string> } | null {
  for (const { method: wanted, pattern, names, handler } of routes) {
    const match = wanted === method && pattern.exec(path);
    if (!match) continue;
    const params = Object.fromEntries(names.map((name, i) => [name, decoded(match[i + 1] ?? '')]));
    return { handler, params };
  }
  return null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refused(400, 'bad_request', 'The path of the request cannot be read.');
  }
}

const MESSAGES: Record<number, [string, string]> = {
  401: ['unauthorized', 'Invalid credentials provided.'],
  403: ['forbidden', 'You do not have access to the app.'],
  404: ['not_found', "Couldn't find that app."],
  409: ['conflict', 'Another request is being carried out. Please try again.'],
  422: ['invalid_params', 'The request could not be carried out.'],
  429: ['rate_limit', 'Your account reached the API rate limit\nPlease wait a few minutes before making new requests'],
  500: ['internal_server_error', 'Internal server error.'],
  503: ['service_unavailable', 'Heroku is undergoing maintenance. Please try again later.'],
};

function ordered(status: number): Refused {
  const [id, message] = MESSAGES[status] ?? ['error', `Trouble ${status} was ordered.`];
  return new Refused(status, id, message);
}

/** `Bearer TOKEN`, or Basic with the token as password, as heroku-client and the CLI send it. */
function checkToken({ token, platform }: Ask, request: IncomingMessage, path: string): void {
  const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
  const isBasic = scheme.toLowerCase() === 'basic';
  const given = isBasic ? /(?<=:).*/s.exec(Buffer.from(value, 'base64').toString())?.[0] : value;
  const isKnown = token === null || given === token || platform.apps.some(({ ownToken }) => ownToken === given);
  if (!given || !isKnown) throw ordered(401);
  const app = platform.find(/^\/apps\/([^/]+)/.exec(path)?.[1] ?? '');
  const owner = app?.ownToken ?? token;
  if (app && owner !== null && given !== owner) throw ordered(403);
}

async function readBody(request: IncomingMessage): Promise<() => Record<string, unknown>> {
  const text = Buffer.concat(await request.toArray()).toString('utf8');
  return () => {
    try {
      const json: unknown = text ? JSON.parse(text) : {};
      return (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
    } catch {
      throw new Refused(400, 'bad_request', 'Unable to parse the JSON in the request body.');
    }
  };
}

function send(
  platform: Platform,
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  trouble: Trouble | null,
): void {
  const text = JSON.stringify(reply.json);
  const etag = `"${createHash('md5').update(text).digest('hex')}"`;
  const headers = {
    'Content-Type': 'application/json;charset=utf-8',
    ETag: etag,
    'Request-Id': [request.headers['request-id'], randomUUID()].flat().filter(Boolean).join(','),
    'RateLimit-Remaining': String(platform.bucket.remaining),
    'RateLimit-Multiplier': '1',
    'Oauth-Scope': 'global',
    'Oauth-Scope-Accepted': 'global',
    'X-Content-Type-Options': 'nosniff',
    Via: '1.1 spaces-router',
    ...reply.headers,
  };
  if (request.method === 'GET' && reply.status === 200 && request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  // Of a GET only [assumed: what a PATCH would compare it with is not said].
  const wanted = request.method === 'GET' && reply.status === 200 ? request.headers['if-match'] : undefined;
  if (wanted !== undefined && wanted !== '*' && wanted !== etag) {
    const body = JSON.stringify({ id: 'precondition_failed', message: 'The resource has changed since it was read.' });
    response.writeHead(412, headers).end(body);
    return;
  }
  response.writeHead(reply.status, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  if (!trouble?.truncate) {
    response.end(text);
    return;
  }
  response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
}
