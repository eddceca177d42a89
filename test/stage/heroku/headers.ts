import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const VIA = '1.1 heroku-router';
/** A client's own id is kept when it looks like one (http-request-id article). */
const REQUEST_ID = /^[\w+/=-]{20,200}$/;

/** What the router's log line and the dyno are told of a request. */
export type Caller = { requestId: string; forwardedFor: string; port: number };

export function callerOf(request: IncomingMessage): Caller {
  const given = request.headers['x-request-id'];
  const address = request.socket.remoteAddress ?? '';
  const before = request.headers['x-forwarded-for'];
  return {
    requestId: typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID(),
    forwardedFor: before ? `${String(before)}, ${address}` : address,
    port: request.socket.localPort ?? 0,
  };
}

/** The request's headers as the dyno gets them: names, values, names, values. */
export function headersForDyno(request: IncomingMessage, caller: Caller): string[] {
  const kept = endToEnd(request, [
    'x-request-id',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-port',
    'expect',
  ]);
  const chunked = request.headers['transfer-encoding'] ? ['Transfer-Encoding', 'chunked'] : [];
  return [
    ...kept,
    ...chunked,
    ...['Connection', 'close'],
    ...['X-Request-Id', caller.requestId],
    ...['X-Forwarded-For', caller.forwardedFor],
    ...['X-Forwarded-Proto', 'http'],
    ...['X-Forwarded-Port', String(caller.port)],
    ...['X-Request-Start', String(Date.now())],
    ...['Via', VIA],
  ];
}

/** The dyno's headers as the client gets them. */
export function headersForClient(answer: IncomingMessage, caller: Caller): string[] {
  const ownId = answer.headers['x-request-id'] ? [] : ['X-Request-Id', caller.requestId];
  return [...endToEnd(answer, ['server']), ...routerHeaders(), ...ownId];
}

export function routerHeaders(): string[] {
  return ['Server', 'Heroku', 'Via', VIA];
}

function endToEnd(message: IncomingMessage, without: string[]): string[] {
  const named = message.headers.connection?.toLowerCase().split(/\s*,\s*/) ?? [];
  const dropped = new Set([...HOP_BY_HOP, ...named, ...without]);
  const { rawHeaders } = message;
  return rawHeaders.filter((_, index) => !dropped.has(rawHeaders[index - (index % 2)]!.toLowerCase()));
}
