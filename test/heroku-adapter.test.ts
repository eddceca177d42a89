import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { connectHeroku } from '../src/adapters/heroku.ts';
import { connectHerokuByApp } from '../src/adapters/heroku-by-app.ts';
import { outputOf, readLines } from '../src/adapters/heroku-streams.ts';
import { HerokuRefused } from '../src/outside.ts';

// A Heroku of a few lines, to see exactly what reaches it.
const servers: Server[] = [];
const token = 'HRKU-marked-secret';

const listening = (server: Server, port: number): Promise<void> =>
  new Promise(done => server.listen(port, '127.0.0.1', done));

async function start(answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void) {
  const seen: { call: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    seen.push({ call: `${request.method} ${request.url}`, headers: request.headers });
    answer(request, response, seen.length);
  });
  servers.push(server);
  await listening(server, 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, url, server, heroku: connectHeroku({ url, token }) };
}

afterAll(() => {
  for (const server of servers) {
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
const mayAct = async () => {};

describe.concurrent('a call that changes something', () => {
  it('reaches Heroku once when the connection breaks, and is not repeated behind our back', async () => {
    const { heroku, seen } = await start(request => request.socket.destroy());
    await expect(heroku.startBuild('shop', ask, mayAct)).rejects.toThrow(
      'Heroku could not be asked POST /apps/shop/builds',
    );
    await new Promise(later => setTimeout(later, 2_500));
    expect(seen).toHaveLength(1);
  });

  it('is not repeated for a 503, since it may have been carried out', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 503, {}));
    await expect(heroku.rollBack('shop', 'r1', mayAct)).rejects.toThrow('503');
    expect(seen).toHaveLength(1);
  });

  it('rejects when its answer is cut off, instead of never', async () => {
    const { heroku, seen } = await start((request, response) => {
      response.writeHead(201, { 'content-length': 1000 }).write('{"id":');
      setTimeout(() => request.socket.destroy(), 50);
    });
    await expect(heroku.startBuild('shop', ask, mayAct)).rejects.toThrow('cut off');
    expect(seen).toHaveLength(1);
  });

  it('rejects within its limit when its answer stops in the middle, and hangs up', async () => {
    const closed = Promise.withResolvers<void>();
    const { heroku, seen } = await start((request, response) => {
      request.socket.once('close', () => closed.resolve());
      response.writeHead(201, { 'content-length': 1000 }).write('{"id":');
    });
    await expect(heroku.startBuild('shop', ask, mayAct)).rejects.toThrow('within 15 s');
    await closed.promise;
    expect(seen).toHaveLength(1);
  });

  it('rejects on a 304, which heroku-client alone would crash on', async () => {
    const { heroku } = await start((_, response) => void response.writeHead(304).end());
    await expect(heroku.startBuild('shop', ask, mayAct)).rejects.toThrow('304');
  });

  it('is sent again when nobody listened: it was surely not taken', async () => {
    const { heroku, seen, server, url } = await start((_, response) => json(response, 201, build));
    await new Promise(closed => server.close(closed));
    const asked = heroku.startBuild('shop', ask, mayAct);
    await new Promise(later => setTimeout(later, 1_000));
    await listening(server, Number(new URL(url).port));
    expect(await asked).toMatchObject({ id: 'b1' });
    expect(seen).toHaveLength(1);
  });

  it('is sent again when Heroku said that it took nothing: 429', async () => {
    const { heroku, seen } = await start((_, response, nth) =>
      nth === 1 ? json(response, 429, { id: 'rate_limit', message: 'Wait' }) : json(response, 201, build),
    );
    expect(await heroku.startBuild('shop', ask, mayAct)).toMatchObject({ id: 'b1', description: 'Switchover d1' });
    expect(seen).toHaveLength(2);
  });

  it('is not sent again when it is ours no more by then', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 429, { id: 'rate_limit', message: 'Wait' }));
    const lost = async (): Promise<void> => {
      if (seen.length > 0) throw new Error('Another process owns it');
    };
    await expect(heroku.startBuild('shop', ask, lost)).rejects.toThrow('Another process owns it');
    expect(seen).toHaveLength(1);
    await expect(heroku.setMaintenance('shop', true, lost)).rejects.toThrow('Another process owns it');
    expect(seen).toHaveLength(1);
  });

  it('is refused for good with what Heroku said, and never with the token', async () => {
    const { heroku } = await start((_, response) => json(response, 422, refusal));
    const refused = await heroku.startBuild('shop', ask, mayAct).catch(error => error);
    expect(refused).toBeInstanceOf(HerokuRefused);
    expect(refused).toMatchObject({ status: 422, id: 'invalid_params' });
    expect(JSON.stringify([refused.message, refused.stack, refused.cause])).not.toContain(token);
  });
});

describe.concurrent('a read', () => {
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
    expect(seen).toMatchObject([
      {
        call: 'GET /apps/shop/releases',
        headers: { range: 'version ..; order=desc,max=5', accept: 'application/vnd.heroku+json; version=3' },
      },
    ]);
  });

  it('of builds gives the newest first, whatever the order of the page', async () => {
    const at = (day: number) => ({ ...build, id: `b${day}`, created_at: `2026-01-0${day}T00:00:00Z` });
    const { heroku } = await start((_, response) => json(response, 200, [at(2), at(3), at(1)]));
    expect((await heroku.builds('shop', 2)).map(found => found.id)).toEqual(['b3', 'b2']);
  });

  it('of builds is made by id where that order is refused', async () => {
    const { heroku, seen } = await start((request, response) =>
      request.headers.range?.startsWith('id')
        ? json(response, 206, [build])
        : json(response, 416, { id: 'requested_range_not_satisfiable', message: 'No.' }),
    );
    expect(await heroku.builds('shop', 2)).toMatchObject([{ id: 'b1' }]);
    expect(seen.map(({ headers }) => headers.range)).toEqual(['started_at ..; order=desc,max=2', 'id ..; max=1000']);
  });

  it('that is not as documented names the call and the field, at once', async () => {
    const { heroku, seen } = await start((_, response) => json(response, 200, { enabled: 'yes' }));
    await expect(heroku.preboot('shop')).rejects.toThrow(/GET \/apps\/shop\/features\/preboot.*enabled/);
    expect(seen).toHaveLength(1);
  });

  it('waits when the calls of the account are used up, and goes on', async () => {
    const { heroku, seen } = await start((_, response, nth) =>
      nth === 1 ? json(response, 429, { id: 'rate_limit', message: 'Wait' }) : json(response, 200, { remaining: 7 }),
    );
    const begun = performance.now();
    expect(await heroku.tokensLeft('shop')).toBe(7);
    expect(performance.now() - begun).toBeGreaterThan(5_000);
    expect(seen.map(({ call }) => call)).toEqual(Array(2).fill('GET /account/rate-limits'));
  });

  it('of a slug is made once: it never changes', async () => {
    const { heroku, seen } = await start((request, response) =>
      json(response, 200, { id: 's1', commit: request.url?.endsWith('s1') ? 'abc' : null }),
    );
    const commits = [await heroku.slugCommit('shop', 's1'), await heroku.slugCommit('shop', 's1')];
    expect([...commits, await heroku.slugCommit('shop', 's2'), await heroku.slugCommit('shop', 's2')]).toEqual([
      'abc',
      'abc',
      null,
      null,
    ]);
    expect(seen.map(({ call }) => call)).toEqual(['GET /apps/shop/slugs/s1', 'GET /apps/shop/slugs/s2']);
  });

  it('keeps a letter whole that comes in two pieces', async () => {
    const bytes = Buffer.from(JSON.stringify({ ...build, source_blob: { version_description: 'Hüte' } }));
    const cut = bytes.indexOf('ü') + 1;
    const { heroku } = await start((_, response) => {
      response.writeHead(200).write(bytes.subarray(0, cut));
      setTimeout(() => response.end(bytes.subarray(cut)), 50);
    });
    expect(await heroku.build('shop', 'b1')).toMatchObject({ description: 'Hüte' });
  });

  it('of shared databases names the other apps, and the owner where we are not let in', async () => {
    const addon = (id: string, owner: string, service: string) => ({
      ...{ id, name: `${service}-${id}`, app: { name: owner } },
      addon_service: { name: service },
    });
    const { heroku } = await start((request, response) => {
      switch (request.url) {
        case '/apps/shop/addons': {
          const own = [addon('1', 'shop', 'heroku-postgresql'), addon('2', 'shop', 'heroku-postgresql')];
          return json(response, 200, [
            ...own,
            addon('3', 'shop', 'papertrail'),
            addon('4', 'till', 'heroku-postgresql'),
          ]);
        }
        case '/addons/1/addon-attachments':
          return json(response, 200, [{ app: { name: 'shop' } }, { app: { name: 'till' } }, { app: { name: 'till' } }]);
        case '/addons/2/addon-attachments':
          return json(response, 200, [{ app: { name: 'shop' } }]);
        default:
          return json(response, 403, { id: 'forbidden', message: 'No.' });
      }
    });
    expect(await heroku.sharedDatabases('shop')).toEqual([
      { database: 'heroku-postgresql-1', apps: ['till'] },
      { database: 'heroku-postgresql-4', apps: ['till'] },
    ]);
  });
});

describe.concurrent('the source', () => {
  const upload = async (statuses: number[]) => {
    const stored: { bytes: Buffer; headers: IncomingMessage['headers'] }[] = [];
    const store = await start((request, response, nth) => {
      request.toArray().then(chunks => {
        stored.push({ bytes: Buffer.concat(chunks), headers: request.headers });
        response.writeHead(statuses[nth - 1] ?? 200).end();
      });
    });
    const put_url = `${store.url}/put?Signature=hidden`;
    const { heroku } = await start((_, response) =>
      json(response, 201, { source_blob: { put_url, get_url: 'http://source.test/get' } }),
    );
    return { heroku, stored };
  };

  it('goes whole to the signed address, again after a 503, without a content type and without the token', async () => {
    const { heroku, stored } = await upload([503]);
    expect(await heroku.uploadSource('shop', Buffer.from('tar'))).toBe('http://source.test/get');
    expect(stored.map(({ bytes }) => bytes.toString())).toEqual(['tar', 'tar']);
    expect(stored[1]?.headers).toMatchObject({ 'content-type': '', 'content-length': '3' });
    expect(stored[1]?.headers.authorization).toBeUndefined();
  });

  it('that is not taken is told without its signed address', async () => {
    const { heroku, stored } = await upload([403]);
    const error = await heroku.uploadSource('shop', Buffer.from('tar')).catch(error => error);
    expect(error.message).toBe('The source could not be stored: 403');
    expect(String(error.stack)).not.toContain('hidden');
    expect(stored).toHaveLength(1);
  });
});

describe.concurrent('a log session', () => {
  const all = async (log: AsyncIterable<string>) => {
    const lines: string[] = [];
    for await (const line of log) lines.push(line);
    return lines;
  };
  const SESSION_AT = '2026-11-24T10:00:00Z';
  const session = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
    const stream = await start(answer);
    const api = await start((_, response) =>
      json(response, 201, { logplex_url: `${stream.url}/sessions/1`, created_at: SESSION_AT }),
    );
    return { ...api, stream };
  };

  it('is asked for with what came before, read without the token, and ends with its stream', async () => {
    const { heroku, seen, stream } = await session((_, response) => {
      response.writeHead(200).write('one\ntw');
      setTimeout(() => response.end('o\n\0'), 30);
    });
    expect(await all(heroku.openLog('shop', AbortSignal.timeout(5_000)))).toEqual(['one', 'two']);
    expect(seen.map(({ call }) => call)).toEqual(['POST /apps/shop/log-sessions']);
    expect(stream.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('tells when it had less to replay than was asked for: then nothing is older', async () => {
    const said = (second: number, by = 'app[web.1]'): string =>
      `2026-11-24T10:00:0${second}.900000+00:00 ${by}: hats\n`;
    const whole = async (lines: readonly string[], connectMs = 0): Promise<boolean> => {
      const { heroku } = await session(async (_, response) => {
        await sleep(connectMs);
        response.writeHead(200).end(lines.join(''));
      });
      const onWhole = vi.fn();
      for await (const _ of heroku.openLog('shop', AbortSignal.timeout(5_000), onWhole));
      return onWhole.mock.calls.length === 1;
    };
    // Made within second 0, and the clocks may differ by 2 s.
    expect(await whole([said(0), said(2)])).toBe(false);
    expect(await whole([said(0), said(4)])).toBe(true);
    // What was said until the stream was connected to is replayed too, and 1,500 lines need not reach back to before.
    expect(await whole([said(0), said(4)], 2_000)).toBe(false);
    expect(await whole([said(0), said(4), said(6)], 2_000)).toBe(true);
    // An add-on stamps its lines by a clock of its own.
    expect(await whole([said(0), said(9, 'app[heroku-postgresql]')])).toBe(false);
    expect(await whole([...Array<string>(1_499).fill(said(0)), said(4)])).toBe(true);
    expect(await whole([...Array<string>(1_500).fill(said(0)), said(4)])).toBe(false);
  });

  it('hangs up when it is stopped', async () => {
    const closed = Promise.withResolvers<void>();
    const { heroku } = await session((request, response) => {
      request.socket.once('close', () => closed.resolve());
      response.writeHead(200).write('one\n');
    });
    const stopping = new AbortController();
    const lines: string[] = [];
    const read = async () => {
      for await (const line of heroku.openLog('shop', stopping.signal)) {
        lines.push(line);
        stopping.abort(new Error('stopped'));
      }
    };
    await expect(read()).rejects.toThrow('stopped');
    await closed.promise;
    expect(lines).toEqual(['one']);
  });

  it('that is refused, or cut, rejects', async () => {
    const refused = await session((_, response) => void response.writeHead(403).end());
    await expect(all(refused.heroku.openLog('shop', AbortSignal.timeout(5_000)))).rejects.toThrow('403');
    const cut = await session((request, response) => {
      response.writeHead(200).write('one\n');
      setTimeout(() => request.socket.destroy(), 30);
    });
    await expect(all(cut.heroku.openLog('shop', AbortSignal.timeout(5_000)))).rejects.toThrow();
  });
});

it('a heroku-client that cannot be kept from repeating calls is not used', () => {
  const { prototype } = createRequire(import.meta.url)('heroku-client/lib/request');
  const { isRetryAllowed } = prototype;
  prototype.isRetryAllowed = undefined;
  try {
    expect(() => connectHeroku({ url: 'http://127.0.0.1:1', token })).toThrow('cannot be kept from repeating');
  } finally {
    prototype.isRetryAllowed = isRetryAllowed;
  }
});

describe.concurrent('an output', () => {
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

  it('is ended by what its status says, though reads fail and the status lags behind', async () => {
    let reads = 0;
    const release = {
      ...{ id: 'r1', version: 7, status: 'pending', current: false, description: 'Deploy', slug: { id: 's1' } },
      ...{ user: build.user, created_at: build.created_at, updated_at: build.updated_at },
    };
    const { heroku, url } = await start((request, response) => {
      if (request.url === '/streams/r1') return response.end('migrated\n');
      reads++;
      if (reads === 2) return request.socket.destroy();
      return json(response, 200, { ...release, status: reads > 3 ? 'succeeded' : 'pending', current: reads > 3 });
    });
    const begun = { ...(await heroku.release('shop', 'r1')), outputUrl: `${url}/streams/r1` };
    const lines: string[] = [];
    const ended = await heroku.releaseEnded('shop', begun, line => lines.push(line), AbortSignal.timeout(20_000));
    expect(ended).toMatchObject({ status: 'succeeded', version: 7 });
    expect(lines).toEqual(['migrated']);
  });

  it('that says nothing does not hide that its release is over: what it said is read for 5 s at most', async () => {
    const release = {
      ...{ id: 'r1', version: 7, status: 'pending', current: false, description: 'Deploy', slug: { id: 's1' } },
      ...{ user: build.user, created_at: build.created_at, updated_at: build.updated_at },
    };
    let isOver = false;
    const { heroku, url } = await start((request, response) => {
      if (request.url !== '/streams/r1')
        return json(response, 200, { ...release, ...(isOver && { status: 'failed' }) });
      // Its connection stays open, and its heart beats.
      response.writeHead(200).write('migrating\n');
      const beat = setInterval(() => response.write('\0'), 1_000);
      response.on('close', () => clearInterval(beat));
      setTimeout(() => {
        isOver = true;
      }, 3_000);
    });
    const begun = { ...(await heroku.release('shop', 'r1')), outputUrl: `${url}/streams/r1` };
    const [lines, from] = [[] as string[], performance.now()];
    const ended = await heroku.releaseEnded('shop', begun, line => lines.push(line), AbortSignal.timeout(60_000));
    expect(ended).toMatchObject({ status: 'failed' });
    expect(lines).toEqual(['migrating']);
    expect(performance.now() - from).toBeLessThan(25_000);
  }, 40_000);

  it('is left at once when the deploy parks, whatever it waits for', async () => {
    const { heroku, url } = await start((request, response) => {
      if (request.url === '/streams/b1') return response.writeHead(404).end();
      return json(response, 200, build);
    });
    const begun = { ...(await heroku.build('shop', 'b1')), outputUrl: `${url}/streams/b1` };
    const parking = new AbortController();
    setTimeout(() => parking.abort(new Error('parked')), 300);
    const begunAt = performance.now();
    await expect(heroku.buildEnded('shop', begun, () => {}, parking.signal)).rejects.toThrow();
    expect(performance.now() - begunAt).toBeLessThan(2_000);
  });

  it('without line ends is handed on in pieces, the same however it comes, and of a line of the log the beginning', async () => {
    const long = `${'x'.repeat(1_999)}😀${'y'.repeat(3_000)}`;
    const text = `a\r\n${long}\r\n${'z'.repeat(2_000)}\r\n\n${'w'.repeat(4_000)}`;
    const cuts = [1, 2, 1_000, 2_003, 4_004, 5_007, 7_008, 7_009];
    const { url } = await start((request, response) => {
      if (request.url === '/log') return response.end(`${'l'.repeat(40_000)}\r\nnext\n`);
      const bytes = Buffer.from(text);
      // Broken off once, it is replayed from its start in other chunks.
      const at = request.url === '/again' ? cuts : [];
      const chunks = [0, ...at].map((from, nth) => bytes.subarray(from, at[nth] ?? bytes.length));
      const next = (): unknown =>
        chunks.length ? response.write(chunks.shift()) && setTimeout(next, 5) : response.end();
      return void next();
    });
    const [whole, again]: string[][] = [[], []];
    await outputOf(`${url}/whole`, piece => whole?.push(piece)).follow(AbortSignal.timeout(5_000));
    await outputOf(`${url}/again`, piece => again?.push(piece)).follow(AbortSignal.timeout(5_000));
    expect(whole?.map(piece => piece.length)).toEqual([1, 1_999, 2_000, 1_002, 2_000, 0, 2_000, 2_000]);
    expect(whole?.every(piece => piece.isWellFormed())).toBe(true);
    expect(again).toEqual(whole);
    const lines: string[] = [];
    for await (const line of readLines(`${url}/log`, AbortSignal.timeout(5_000))) lines.push(line.slice(0, 4));
    expect(lines).toEqual(['llll', 'next']);
  });

  it('without line ends and without end keeps nobody waiting, and is not handed on for ever', async () => {
    const chunk = '.'.repeat(64 * 1024);
    let left = 24 * 16;
    const { url } = await start((_, response) => {
      const go = () => {
        while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', go);
        response.end();
      };
      go();
    });
    let [longest, last, given] = [0, performance.now(), 0];
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 10);
    let said = '';
    await outputOf(url, piece => {
      given += piece.length;
      said = piece;
    }).follow(AbortSignal.timeout(60_000));
    clearInterval(beat);
    expect(longest).toBeLessThan(1_500);
    expect(given).toBeLessThan(21_000_000);
    expect(said).toBe('… the output goes on; it is not shown any further');
  });

  it('that never came is given up, and read when it is there after all', async () => {
    const lines: string[] = [];
    const { url } = await start((_, response, nth) =>
      nth === 1 ? response.writeHead(404).end() : response.end('one\ntwo\n'),
    );
    const output = outputOf(`${url}/streams/b1`, line => lines.push(line));
    expect(await output.follow(AbortSignal.timeout(5_000), 0)).toBe(false);
    expect(await output.follow(AbortSignal.timeout(5_000), 0)).toBe(true);
    expect(await output.follow(AbortSignal.timeout(5_000), 0)).toBe(true);
    expect(lines).toEqual(['one', 'two']);
  });
});

describe('the config vars of an app', () => {
  it('are remembered by app, whatever token they were read with', async () => {
    let reads = 0;
    const { url } = await start((_, response) => json(response, 200, { TILL: `value ${++reads}` }));
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    const tokens = ['HRKU-first-token', 'HRKU-second-token'];
    const heroku = connectHerokuByApp({ url, token, tokenOf: async () => tokens.shift() ?? null });
    try {
      await heroku.config('shop');
      now += 60_000;
      await heroku.config('shop');
    } finally {
      clock.mockRestore();
    }
    expect((await heroku.configSeen('shop')).map(({ value }) => value)).toEqual(['value 1', 'value 2']);
    expect(await heroku.configSeen('till')).toEqual([]);
  });
});
