import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { createProber } from '../src/adapters/prober.ts';
import { createVisit } from '../src/adapters/visit.ts';
import type { Probe } from '../src/domain/app.ts';

// An app of a few lines, to see exactly what the probe asks of it.
const servers: Server[] = [];
const prober = createProber(createVisit(['127.0.0.0/8', '::1']));
const HEADER: Probe = { path: '/', header: 'X-Heroku-Release-Version' };
const JSON_PATH: Probe = { path: '/version?full=1', json: 'app.release' };

type Seen = { url: string; headers: IncomingMessage['headers']; port: number | undefined };

async function start(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers, port: request.socket.remotePort });
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { seen, server, url, ask: (probe: Probe) => prober.ask(url, probe, new AbortController().signal) };
}

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const says = (body: unknown) => (_: IncomingMessage, response: ServerResponse) =>
  void response.end(typeof body === 'string' ? body : JSON.stringify(body));

describe.concurrent('a probe', () => {
  it('comes over a connection of its own each time, and past every cache', async () => {
    const { ask, seen } = await start((_, response) =>
      response.setHeader('X-Heroku-Release-Version', 'v42').end('hats'),
    );
    const answers = [await ask(HEADER), await ask(HEADER), await ask(HEADER)];
    expect(answers).toMatchObject(Array(3).fill({ status: 200, version: { release: 42 } }));
    expect(new Set(seen.map(({ port }) => port)).size).toBe(3);
    expect(new Set(seen.map(({ url }) => url)).size).toBe(3);
    expect(seen[0]?.headers).toMatchObject({
      'user-agent': 'Switchover-Probe',
      'cache-control': 'no-cache',
      connection: 'close',
    });
  });

  it('hears the version with the headers, and does not wait for the page', async () => {
    const closed = Promise.withResolvers<void>();
    const { ask } = await start((request, response) => {
      request.socket.once('close', () => closed.resolve());
      response.setHeader('X-Heroku-Release-Version', 'v7');
      setTimeout(() => response.write('the page goes on'), 200);
    });
    const { sentAt, receivedAt, version } = await ask(HEADER);
    expect(version).toEqual({ release: 7 });
    expect(receivedAt - sentAt).toBeGreaterThanOrEqual(190);
    await closed.promise;
  });

  it('reads the version out of JSON, and keeps the question that the path has', async () => {
    const { ask, seen } = await start(says({ app: { release: 42 } }));
    expect(await ask(JSON_PATH)).toMatchObject({ version: { release: 42 } });
    expect(seen[0]?.url).toMatch(/^\/version\?full=1&switchover=[0-9a-f]{12}$/);
    const commit = await start(says({ app: { release: 'ABCDEF0123' } }));
    expect(await commit.ask(JSON_PATH)).toMatchObject({ version: { commit: 'abcdef0123' } });
  });

  it('says nothing of the version where the answer does not', async () => {
    const bodies = [
      '<html>',
      '',
      {},
      { app: null },
      { app: 'v42' },
      { app: { release: {} } },
      { app: { release: 'x' } },
    ];
    for (const body of bodies) {
      const { ask } = await start(says(body));
      const answer = await ask(JSON_PATH);
      expect(answer).toMatchObject({ status: 200, version: null });
      expect(answer.problem).toBeUndefined();
    }
    const { ask } = await start(says('hats'));
    expect(await ask(HEADER)).toMatchObject({ status: 200, version: null });
  });

  it('reads no more than 64 KB of an answer that has no end', async () => {
    let sent = 0;
    const { ask } = await start((_, response) => {
      const more = setInterval(() => {
        response.write('x'.repeat(8_192));
        sent += 8_192;
      }, 1);
      response.once('close', () => clearInterval(more));
    });
    expect(await ask(JSON_PATH)).toMatchObject({ status: 200, version: null });
    expect(sent).toBeLessThan(1_000_000);
  });

  it('follows no redirect: another page says nothing of this app', async () => {
    const { ask, seen } = await start((_, response) => response.writeHead(302, { location: '/login' }).end());
    expect(await ask(HEADER)).toMatchObject({ status: 302, version: null });
    expect(seen).toHaveLength(1);
  });

  it('that fails is an answer too: it says what went wrong', async () => {
    const dropped = await start(request => void request.socket.destroy());
    expect(await dropped.ask(HEADER)).toMatchObject({ status: null, version: null, problem: 'socket hang up' });
    const cut = await start((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"app":');
      setTimeout(() => request.socket.destroy(), 50);
    });
    expect(await cut.ask(JSON_PATH)).toMatchObject({ status: null, version: null, problem: 'aborted' });
    const { server, ask } = await start(() => {});
    await new Promise(closed => server.close(closed));
    expect((await ask(HEADER)).problem).toContain('ECONNREFUSED');
    const nowhere = await prober.ask('http://localhost:1/', HEADER, new AbortController().signal);
    expect(nowhere.problem).toContain('ECONNREFUSED');
    for (const path of ['//', '//[', '//:99', '//elsewhere/'])
      expect((await dropped.ask({ ...HEADER, path })).problem, path).toMatch(/Invalid URL|leads away/);
  });

  it('waits ten seconds and no longer, also for the rest of a body', async () => {
    const never = await start(() => {});
    const stalled = await start((_, response) => void response.writeHead(200).write('{'));
    const answers = await Promise.all([never.ask(HEADER), stalled.ask(JSON_PATH)]);
    for (const { problem, sentAt, receivedAt } of answers) {
      expect(problem).toBe('no answer within 10 s');
      expect(receivedAt - sentAt).toBeLessThan(12_000);
    }
  });

  it('ends at once when it is called off', async () => {
    const { url } = await start(() => {});
    const off = new AbortController();
    setTimeout(() => off.abort(new Error('called off')), 50);
    await expect(prober.ask(url, HEADER, off.signal)).rejects.toThrow('called off');
    await expect(prober.ask(url, HEADER, off.signal)).rejects.toThrow('called off');
  });
});
