import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectHeroku } from '../src/adapters/heroku.ts';
import { HerokuRefused } from '../src/outside.ts';

// A Heroku of a few lines, to see exactly what reaches it.
const servers: Server[] = [];
const token = 'HRKU-marked-secret';

async function start(answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void) {
  const seen: { call: string; range: string | undefined; accept: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { range, accept } = request.headers;
    seen.push({ call: `${request.method} ${request.url}`, range, accept });
    answer(request, response, seen.length);
  });
  servers.push(server);
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, url, heroku: connectHeroku({ url, token }) };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const refusal = { id: 'invalid_params', message: 'No such slug.' };
const build = {
  id: 'b1',
  status: 'pending',
  source_blob: { version_description: 'Switchover d1' },
  user: { email: 'a@example.com' },
  output_stream_url: 'http://127.0.0.1/streams/b1',
  slug: null,
  release: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};
const ask = { url: 'http://source', commit: 'c', marker: 'Switchover d1' };

describe('a call that changes something', () => {
  it('reaches Heroku once when the connection breaks, and is not repeated behind our back', async () => {
    const { heroku, seen } = await start(request => request.socket.destroy());
    await expect(heroku.startBuild('shop', ask)).rejects.toThrow('Heroku could not be asked POST /apps/shop/builds');
    await new Promise(later => setTimeout(later, 2_500));
    expect(seen).toHaveLength(1);
  });

  it('is not repeated for a 503, since it may have been carried out', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 503, {}));
    await expect(heroku.rollBack('shop', 'r1')).rejects.toThrow('503');
    expect(seen).toHaveLength(1);
  });

  it('rejects when its answer is cut off, instead of never', async () => {
    const { heroku, seen } = await start((request, response) => {
      response.writeHead(201, { 'content-length': 1000 }).write('{"id":');
      setTimeout(() => request.socket.destroy(), 50);
    });
    await expect(heroku.startBuild('shop', ask)).rejects.toThrow('cut off');
    expect(seen).toHaveLength(1);
  });

  it('is sent again when Heroku said that it took nothing: 429', async () => {
    const { heroku, seen } = await start((_, response, nth) =>
      nth === 1 ? json(response, 429, { id: 'rate_limit', message: 'Wait' }) : json(response, 201, build),
    );
    expect(await heroku.startBuild('shop', ask)).toMatchObject({ id: 'b1', description: 'Switchover d1' });
    expect(seen).toHaveLength(2);
  });

  it('is refused for good with what Heroku said, and never with the token', async () => {
    const { heroku } = await start((_, response) => json(response, 422, refusal));
    const refused = await heroku.startBuild('shop', ask).catch(error => error);
    expect(refused).toBeInstanceOf(HerokuRefused);
    expect(refused).toMatchObject({ status: 422, id: 'invalid_params' });
    expect(JSON.stringify([refused.message, refused.stack, refused.cause])).not.toContain(token);
  });
});

describe('a read', () => {
  it('is repeated after a broken connection, a cut answer and a 503', async () => {
    const { heroku, seen } = await start((request, response, nth) => {
      if (nth === 1) request.socket.destroy();
      else if (nth === 2) json(response, 503, {});
      else json(response, 200, { enabled: true });
    });
    expect(await heroku.preboot('shop')).toBe(true);
    expect(seen).toHaveLength(3);
  });

  it('is not repeated for a plain no', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 404, { id: 'not_found', message: 'No.' }));
    await expect(heroku.app('shop')).rejects.toThrow(HerokuRefused);
    expect(seen).toHaveLength(1);
  });

  it('of releases asks for the newest: the default page is not', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 200, []));
    await heroku.releases('shop', 5);
    expect(seen).toEqual([
      {
        call: 'GET /apps/shop/releases',
        range: 'version ..; order=desc,max=5',
        accept: 'application/vnd.heroku+json; version=3',
      },
    ]);
  });

  it('of builds gives the newest first, whatever the order of the page', async () => {
    const at = (day: number) => ({ ...build, id: `b${day}`, created_at: `2026-01-0${day}T00:00:00Z` });
    const { heroku } = await start((_, response) => json(response, 200, [at(2), at(3), at(1)]));
    expect((await heroku.builds('shop', 2)).map(found => found.id)).toEqual(['b3', 'b2']);
  });

  it('that is not as documented names the call and the field', async () => {
    const { heroku } = await start((_, response) => json(response, 200, { enabled: 'yes' }));
    await expect(heroku.preboot('shop')).rejects.toThrow(/GET \/apps\/shop\/features\/preboot.*enabled/);
  }, 30_000);
});

describe('an output', () => {
  const follow = async (url: string, heroku: ReturnType<typeof connectHeroku>) => {
    const lines: string[] = [];
    const begun = { ...(await heroku.build('shop', 'b1')), outputUrl: `${url}/streams/b1` };
    const ended = await heroku.buildEnded('shop', begun, line => lines.push(line), AbortSignal.timeout(20_000));
    return { lines, ended };
  };

  it('is waited for, read without its heartbeats, and given once though the connection breaks', async () => {
    let asked = 0;
    let built = false;
    const { heroku, url } = await start((request, response) => {
      if (!request.url?.startsWith('/streams')) {
        const done = { status: 'succeeded', slug: { id: 's1' }, release: built ? { id: 'r1' } : null };
        built = asked > 2;
        return json(response, 200, asked > 2 ? { ...build, ...done } : build);
      }
      asked++;
      if (asked === 1) return response.writeHead(404).end();
      response.writeHead(200).write('one\n\0\0tw');
      if (asked === 2) return void setTimeout(() => request.socket.destroy(), 50);
      response.end('ö\nthree');
    });
    const { lines, ended } = await follow(url, heroku);
    expect(lines).toEqual(['one', 'twö', 'three']);
    expect(ended).toMatchObject({ status: 'succeeded', release: 'r1' });
  });
});
