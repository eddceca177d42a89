import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { RequestRecord } from '../contract.ts';
import { createLogs } from '../logs.ts';
import type { Backend, Outlook } from '../outlook.ts';
import { HEROKU_LIMITS, type Limits, startRouter } from '../router.ts';

/** Routers in front of what `outlook` says at the moment, with Heroku's limits except those given. */
async function withRouters(outlook: () => Outlook, limits: Partial<Limits> = {}, routers = 1) {
  const logs = createLogs();
  const lines: string[] = [];
  const records: RequestRecord[] = [];
  const router = await startRouter({
    port: 0,
    routers,
    outlook,
    logs,
    onRequest: record => records.push(record),
    limits: { ...HEROKU_LIMITS, ...limits },
  });
  const tail = new AbortController();
  void (async () => {
    for await (const line of logs.read({ lines: 0, tail: true }, tail.signal)) lines.push(line.text);
  })();
  onTestFinished(async () => {
    tail.abort();
    await router.close();
  });
  const line = (pattern: RegExp) => vi.waitFor(() => expect(lines.join('\n')).toMatch(pattern));
  return { router, port: router.port, records, line };
}

const up = (...ports: number[]): Outlook => ({ kind: 'up', backends: ports.map(backend) });
const backend = (port: number, index: number): Backend => {
  return { id: `dyno-${port}`, name: `web.${index + 1}`, release: 1, port };
};

async function listenOn(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const webApp = (listener: RequestListener) => listenOn(createServer(listener));

/** A port on which nothing listens, nor will: that of a connection's other end. One that was closed is soon somebody else's. */
async function closedPort(): Promise<number> {
  const socket = connect(await listenOn(createTcpServer()), '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => void socket.destroy());
  return socket.localPort ?? 0;
}

type Sent = { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent; path?: string };

async function send(port: number, { body = '', ...rest }: Sent = {}) {
  const request = httpRequest({ host: '127.0.0.1', port, agent: false, ...rest });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

test('an answer goes through with the headers that Heroku adds, and leaves one line in the log', async () => {
  const port = await webApp((_, response) => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('Server', 'express');
    response.writeHead(201).end('made');
  });
  const router = await withRouters(() => up(port));
  const answer = await send(router.port, { method: 'POST', path: '/orders?x=1', headers: { host: 'shop.test' } });
  expect(answer).toMatchObject({ status: 201, body: 'made' });
  expect(answer.headers).toMatchObject({ server: 'Heroku', via: '1.1 heroku-router', 'set-cookie': ['a=1', 'b=2'] });
  await router.line(
    /^at=info method=POST path="\/orders\?x=1" host=shop\.test request_id=[\w-]{36} fwd="127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=201 bytes=4 protocol=http1\.1 tls=false$/,
  );
  expect(router.records).toMatchObject([
    { method: 'POST', status: 201, code: null, bytes: 4, dyno: { name: 'web.1' } },
  ]);
});

test('the dyno is told who asked, and hop-by-hop headers stay between the hops', async () => {
  const port = await webApp((request, response) => response.end(JSON.stringify(request.headers)));
  const router = await withRouters(() => up(port));
  const headers = {
    Connection: 'X-Secret, close',
    'X-Secret': 'of this hop',
    'Proxy-Authorization': 'mine',
    'X-Forwarded-For': '203.0.113.9',
    'X-Request-Id': 'my-own-request-id-of-36-characters',
  };
  const seen = JSON.parse((await send(router.port, { headers })).body);
  expect(seen).toMatchObject({
    'x-forwarded-for': '203.0.113.9, 127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(router.port),
    'x-request-id': 'my-own-request-id-of-36-characters',
    via: '1.1 heroku-router',
    connection: 'close',
  });
  expect(seen).not.toHaveProperty('x-secret');
  expect(seen).not.toHaveProperty('proxy-authorization');
  await router.line(/request_id=my-own-request-id-of-36-characters fwd="203\.0\.113\.9, 127\.0\.0\.1"/);
});

test('bodies stream both ways: the first part is through before the last is sent', async () => {
  const port = await webApp((request, response) => request.pipe(response));
  const router = await withRouters(() => up(port));
  const request = httpRequest({ host: '127.0.0.1', port: router.port, method: 'POST', agent: false });
  request.write('first ');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const [first] = await once(response, 'data');
  expect(String(first)).toBe('first ');
  request.end('last');
  expect(await text(response)).toBe('last');
  await router.line(/status=200 bytes=10/);
});

test('a client that keeps its connection open is served over it again, by any dyno but by the same router', async () => {
  const ports = await Promise.all([1, 2].map(() => webApp((_, response) => response.end('hello'))));
  const router = await withRouters(() => up(...ports), {}, 20);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  for (let n = 0; n < 20; n++) expect(await send(router.port, { agent })).toMatchObject({ status: 200 });
  expect(new Set(router.records.map(record => record.router)).size).toBe(1);
  expect(new Set(router.records.map(record => record.dyno?.name))).toEqual(new Set(['web.1', 'web.2']));
  for (let n = 0; n < 20; n++) await send(router.port);
  expect(new Set(router.records.map(record => record.router)).size).toBeGreaterThan(3);
});

test.each([
  ['crashed', 503, /^at=error code=H10 desc="App crashed" .* dyno= connect= service= status=503 bytes= protocol/],
  [
    'none scaled',
    503,
    /^at=error code=H14 desc="No web processes running" .* dyno= connect= service= status=503 bytes= /,
  ],
  ['none routable', 503, /^at=error code=H99 desc="Platform error" .* dyno= connect= service= status=503 bytes= /],
  ['maintenance', 503, /^at=info code=H80 desc="Maintenance mode" .* dyno= connect= service= status=503 bytes= /],
  ['blank', 502, /^at=error code=H81 desc="Blank app" .* status=502/],
] as const)('an app that is %s is answered for with an error page', async (kind, status, line) => {
  const router = await withRouters(() => ({ kind }));
  const answer = await send(router.port, { method: 'POST', body: 'order' });
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject({ server: 'Heroku', 'content-type': 'text/html; charset=utf-8' });
  expect(answer.body).toMatch(kind === 'maintenance' ? /Offline for Maintenance/ : /Application error/);
  await router.line(line);
});

test('a request waits in the queue while the dynos boot', async () => {
  const port = await webApp((_, response) => response.end('hello'));
  let outlook: Outlook = { kind: 'booting' };
  const router = await withRouters(() => outlook);
  const answer = send(router.port);
  await vi.waitFor(() => expect(router.router.waiting).toBe(1));
  outlook = up(port);
  router.router.changed();
  expect(await answer).toMatchObject({ status: 200, body: 'hello' });
  expect(router.records[0]!.totalMs).toBeGreaterThan(router.records[0]!.serviceMs);
});

test('H20: it does not wait for ever', async () => {
  const router = await withRouters(() => ({ kind: 'booting' }), { queueMs: 200 });
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(/^at=error code=H20 desc="App boot timeout" .* dyno= connect= service= status=503 bytes= /);
  expect(router.records[0]!.totalMs).toBeGreaterThanOrEqual(199);
});

test('H12: the app has 30 seconds for the first byte, here 200 ms', async () => {
  const port = await webApp(() => {});
  const router = await withRouters(() => up(port), { firstByteMs: 200 });
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(
    /^at=error code=H12 desc="Request timeout" .* dyno=web\.1 connect=\d+ms service=\d{3,}ms status=503 bytes=0 /,
  );
});

test('an answer whose first byte came in time may take as long as it likes', async () => {
  const port = await webApp((_, response) => {
    response.write('slow ');
    setTimeout(() => response.end('but sure'), 400);
  });
  const router = await withRouters(() => up(port), { firstByteMs: 200 });
  expect(await send(router.port)).toMatchObject({ status: 200, body: 'slow but sure' });
});

test('H13: the app hangs up without an answer', async () => {
  const port = await webApp(request => request.socket.destroy());
  const router = await withRouters(() => up(port));
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(
    /^at=error code=H13 desc="Connection closed without response" .* dyno=web\.1 connect=\d+ms service=\d+ms status=503 bytes=0 /,
  );
});

test.each(['hello', 'HTTP/1.1 042 What'])('H17: what the app answers is not HTTP: %s', async answer => {
  const port = await listenOn(createTcpServer(socket => void socket.end(`${answer}\r\n\r\n`)));
  const router = await withRouters(() => up(port));
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(/^at=error code=H17 desc="Poorly formatted HTTP response"/);
});

test('H18: the app breaks off in the middle of its answer', async () => {
  const port = await webApp((_, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('half', () => response.destroy());
  });
  const router = await withRouters(() => up(port));
  await expect(send(router.port)).rejects.toThrow();
  await router.line(
    /^sock=backend at=error code=H18 desc="Server Request Interrupted" .* dyno=web\.1 .* status=503 bytes=4 /,
  );
});

test('H27: the client leaves before the answer, from the queue too', async () => {
  const port = await webApp(() => {});
  let outlook = up(port);
  const router = await withRouters(() => outlook);
  const leave = async () => {
    const client = connect(router.port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    setTimeout(() => client.destroy(), 100);
    await once(client, 'close');
  };
  await leave();
  await router.line(
    /^sock=client at=warning code=H27 desc="Client Request Interrupted" .* dyno=web\.1 .* status=499 bytes=0 /,
  );
  outlook = { kind: 'booting' };
  await leave();
  await router.line(/code=H27 .* dyno= connect= service= status=499 bytes= /);
});

test('H21: a dyno that refuses is left alone for a while and another one is asked', async () => {
  const [closed, open] = [await closedPort(), await webApp((_, response) => response.end('hello'))];
  const router = await withRouters(() => up(closed, open));
  for (let n = 0; n < 20; n++) expect(await send(router.port)).toMatchObject({ status: 200 });
  expect(new Set(router.records.map(record => record.dyno?.name))).toEqual(new Set(['web.2']));
});

test('H21 when all refuse, then H34 while all are in quarantine, and both end with it', async () => {
  const closed = await closedPort();
  const router = await withRouters(() => up(closed), { quarantineMs: 300 });
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(
    /^at=error code=H21 desc="Backend connection refused" .* dyno=web\.1 connect=\d+ms service= status=503 bytes=0 /,
  );
  expect(await send(router.port)).toMatchObject({ status: 503 });
  expect(router.records.at(-1)).toMatchObject({ code: 'H34', dyno: null });
  await vi.waitFor(async () => {
    await send(router.port);
    expect(router.records.at(-1)!.code).toBe('H21');
  });
});

test('ten dynos are tried, not an eleventh', async () => {
  const ports = await Promise.all(Array.from({ length: 15 }, closedPort));
  const seen: number[] = [];
  const router = await withRouters(() => {
    seen.push(1);
    return up(...ports);
  });
  await send(router.port);
  expect(router.records).toMatchObject([{ code: 'H21' }]);
  expect(seen).toHaveLength(11);
});

test('H19: a dyno that takes no connection is given 5 seconds, here 300 ms', async () => {
  // Its backlog is full and it never accepts: the next handshake gets no answer.
  const deaf = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = Number(String((await once(child.stdout, 'data'))[0]));
  const filling = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => filling.forEach(socket => void socket.destroy()));
  await once(filling[0]!, 'connect');
  const router = await withRouters(() => up(port), { connectMs: 300 });
  expect(await send(router.port)).toMatchObject({ status: 503 });
  await router.line(
    /^at=error code=H19 desc="Backend connection timeout" .* dyno=web\.1 connect=\d{3,}ms service= status=503 bytes=0 /,
  );
});
