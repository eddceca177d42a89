import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logs, RequestRecord } from './contract.ts';
import { forward, reach } from './forward.ts';
import { type Caller, callerOf, routerHeaders } from './headers.ts';
import { createLane, type Lane } from './lane.ts';
import type { Backend, Outlook } from './outlook.ts';
import { errorPage, ROUTER_ERRORS, type RouterError } from './router-errors.ts';
import { routerLine } from './router-log.ts';

export type Limits = {
  connectMs: number;
  firstByteMs: number;
  queueMs: number;
  quarantineMs: number;
  attempts: number;
};

/** Heroku's own (http-routing and error-codes articles). Never scaled. */
export const HEROKU_LIMITS: Limits = {
  connectMs: 5_000,
  firstByteMs: 30_000,
  queueMs: 75_000,
  quarantineMs: 5_000,
  attempts: 10,
};

export type Router = {
  port: number;
  /** Requests in the queue. */
  readonly waiting: number;
  /** Something changed that a queued request may wait for. */
  changed(): void;
  close(): Promise<void>;
};

/** Where a request got to, and how it ended there. */
type Outcome = {
  code: RouterError | null;
  status: number;
  bytes: number;
  backend: Backend | null;
  connectMs: number | null;
  serviceMs: number | null;
};

const REFUSED_BY = {
  crashed: 'H10',
  'none scaled': 'H14',
  'none routable': 'H99',
  maintenance: 'H80',
  blank: 'H81',
} as const satisfies Record<Exclude<Outlook['kind'], 'up' | 'booting'>, RouterError>;

/**
 * The routers in front of one app: a reverse proxy on one loopback port. Each client connection meets one of several
 * routers at random, and each of them has its own outlook and its own quarantine.
 */
export async function startRouter(ask: {
  port: number;
  routers: number;
  outlook: (router: number) => Outlook;
  logs: Logs;
  /** Whether the next request is lost on its way here: its connection breaks, and nobody logs it. */
  loses?: (path: string) => boolean;
  onRequest: (record: RequestRecord) => void;
  limits?: Limits;
}): Promise<Router> {
  const limits = ask.limits ?? HEROKU_LIMITS;
  const lanes = Array.from({ length: ask.routers }, (_, number) => createLane(number, limits.quarantineMs));
  const laneOf = new WeakMap<Socket, Lane>();
  const queued = new Set<() => void>();

  /** Settles when something changed, the client left, or the time is up. */
  function change(response: ServerResponse, timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer);
        queued.delete(wake);
        response.off('close', wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      queued.add(wake);
      response.once('close', wake);
    });
  }

  async function carry(
    request: IncomingMessage,
    response: ServerResponse,
    lane: Lane,
    caller: Caller,
  ): Promise<Outcome> {
    const since = performance.now();
    let failed: Outcome | null = null;
    for (let attempts = 0; ; ) {
      const leftMs = limits.queueMs - (performance.now() - since);
      if (response.closed) return refusal('H27');
      const outlook = ask.outlook(lane.number);
      if (outlook.kind === 'booting') {
        if (leftMs <= 0) return refusal('H20');
        await change(response, leftMs);
        continue;
      }
      if (outlook.kind !== 'up') return refusal(REFUSED_BY[outlook.kind]);
      const backend = lane.pick(outlook.backends);
      if (!backend || attempts === limits.attempts || leftMs <= 0) return failed ?? refusal('H34');

      attempts += 1;
      const dialled = performance.now();
      const socket = await reach(backend.port, limits.connectMs);
      const connectMs = performance.now() - dialled;
      if (typeof socket === 'string') {
        lane.quarantine(backend);
        failed = { ...refusal(socket), backend, connectMs };
        continue;
      }
      const served = performance.now();
      const { firstByteMs } = limits;
      const end = await forward({ request, response, socket, caller, firstByteMs });
      return { ...end, backend, connectMs, serviceMs: performance.now() - served };
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = new Date();
    const since = performance.now();
    const lane = laneOf.get(request.socket)!;
    const caller = callerOf(request);
    const { code, status, bytes, backend, connectMs, serviceMs } = await carry(request, response, lane, caller);
    if (code && !response.headersSent) answerWithError(response, code);
    const record = {
      id: caller.requestId,
      at,
      router: lane.number,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      status: code ? ROUTER_ERRORS[code].status : status,
      code,
      dyno: backend && { id: backend.id, name: backend.name, release: backend.release },
      connectMs: Math.round(connectMs ?? 0),
      serviceMs: Math.round(serviceMs ?? 0),
      totalMs: Math.round(performance.now() - since),
      bytes,
    };
    const reached = serviceMs !== null ? 'app' : connectMs !== null ? 'dyno' : 'nothing';
    const host = request.headers.host ?? '';
    ask.logs.emit({ source: 'heroku', process: 'router', text: routerLine(record, { ...caller, host, reached }) });
    ask.onRequest(record);
  }

  const server = createServer((request, response) => {
    if (ask.loses?.(request.url ?? '/')) request.socket.destroy();
    else void serve(request, response);
  });
  // Node's 5 s would break off visitors who come back just then; Heroku's routers wait far longer [assumed: 90 s].
  server.keepAliveTimeout = 90_000;
  server.on('connection', (socket: Socket) => {
    laneOf.set(socket, lanes[Math.floor(Math.random() * lanes.length)]!);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ask.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get waiting() {
      return queued.size;
    },
    changed() {
      for (const wake of [...queued]) wake();
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function refusal(code: RouterError): Outcome {
  return { code, status: ROUTER_ERRORS[code].status, bytes: 0, backend: null, connectMs: null, serviceMs: null };
}

function answerWithError(response: ServerResponse, code: RouterError): void {
  if (response.destroyed) return;
  const type = ['Content-Type', 'text/html; charset=utf-8', 'Cache-Control', 'no-cache, no-store'];
  response.writeHead(ROUTER_ERRORS[code].status, [...routerHeaders(), ...type]).end(errorPage(code));
}
