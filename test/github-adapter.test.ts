import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import { connectGitHub } from '../src/adapters/github.ts';
import { NotFound } from '../src/outside.ts';

// What a real GitHub does on a bad day; the good ones are told in github.test.ts, from a real repository.
const servers: Server[] = [];
const token = 'ghp_marked_secret';
const SHA = 'a'.repeat(40);

async function start(answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void) {
  const seen: { call: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    seen.push({ call: `${request.method} ${request.url}`, headers: request.headers });
    answer(request, response, seen.length);
  });
  servers.push(server);
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, url, source: connectGitHub({ url, token }) };
}

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
const commit = (sha: string, message = 'Sell hats') => ({
  sha,
  commit: { message, author: { name: 'Hatty', date: '2026-01-01T00:00:00Z' } },
});

async function tarballOf(sha: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: `acme-shop-${sha.slice(0, 7)}/Procfile`, pax: { comment: sha } }, 'web: node server.js\n');
  tar.finalize();
  return Buffer.concat(await tar.pipe(createGzip()).toArray());
}

describe.concurrent('the source host, on a bad day,', () => {
  it('takes a file that breaks off for a failure and reads it again, never for an empty one', async () => {
    const { source, seen } = await start((request, response, nth) => {
      response.writeHead(200, { 'content-type': 'application/vnd.github.raw; charset=utf-8', 'content-length': 21 });
      if (nth > 1) return response.end('{"probe":{"path":"/"}');
      response.write('{"probe":');
      setTimeout(() => request.socket.destroy(), 50);
    });
    expect(await source.file('acme/shop', SHA, 'switchover.json')).toBe('{"probe":{"path":"/"}');
    expect(seen).toHaveLength(2);
  });

  it('is asked again after a 502 and a dropped connection', async () => {
    const { source, seen } = await start((request, response, nth) => {
      if (nth === 1) return json(response, 502, { message: 'Server Error' });
      if (nth === 2) return request.socket.destroy();
      return json(response, 200, commit(SHA, 'Sell hats\n\nAnd gloves'));
    });
    expect(await source.commit('acme/shop', 'team/hats')).toMatchObject({ sha: SHA, subject: 'Sell hats' });
    expect(seen[2]?.call).toMatch(/^GET \/repos\/acme\/shop\/commits\/team%2Fhats/);
  });

  it('is not asked again when it says no, and the token is not told', async () => {
    const { source, seen } = await start((_, response) => json(response, 401, { message: 'Bad credentials' }));
    const error = await source.commit('acme/shop', 'main').catch(error => error);
    expect(error).not.toBeInstanceOf(NotFound);
    expect(error.message).toContain('Bad credentials');
    expect(JSON.stringify([error, error.stack, error.cause])).not.toContain(token);
    expect(seen).toHaveLength(1);
  });

  it('is never led elsewhere by what is typed for a branch', async () => {
    const { source, seen } = await start((_, response) => json(response, 200, [{ ref: 'refs/heads/secret' }]));
    for (const typed of [
      '.~./.~./other/git/matching-refs/heads/',
      '../x',
      'a/./b',
      'a//b',
      '/a',
      '..',
      '.~',
      '~.\\./x',
    ])
      expect(await source.refs('acme/shop', typed), typed).toEqual([]);
    for (const name of ['.', '..']) {
      await expect(source.commit('acme/shop', name)).rejects.toBeInstanceOf(NotFound);
      await expect(source.refs(`acme/${name}`, 'a')).rejects.toBeInstanceOf(NotFound);
      await expect(source.refs(`${name}/shop`, 'a')).rejects.toBeInstanceOf(NotFound);
    }
    expect(seen).toEqual([]);
    expect(await source.refs('acme/shop', 'team/?#ha..ts')).toEqual(['secret', 'secret']);
    await source.refs('acme/shop', 'team/');
    expect(seen.map(({ call }) => call).toSorted()).toEqual([
      'GET /repos/acme/shop/git/matching-refs/heads/team',
      'GET /repos/acme/shop/git/matching-refs/heads/team/ha..ts',
      'GET /repos/acme/shop/git/matching-refs/tags/team',
      'GET /repos/acme/shop/git/matching-refs/tags/team/ha..ts',
    ]);
  });

  it('says not found for an empty repository, and for a name that is no commit', async () => {
    for (const status of [409, 422]) {
      const { source, seen } = await start((_, response) => json(response, status, { message: 'No commit found' }));
      await expect(source.commit('acme/shop', 'main')).rejects.toThrow(new NotFound('acme/shop has no main.'));
      expect(seen).toHaveLength(1);
    }
  });

  it('lists the newest of a long way, whose pages begin with the oldest', async () => {
    const way = Array.from({ length: 205 }, (_, nth) => commit(String(nth + 1).padStart(40, '0'), `Commit ${nth + 1}`));
    const { source, seen } = await start((request, response) => {
      const asked = new URL(request.url ?? '', 'http://github.test').searchParams;
      const [size, number] = [Number(asked.get('per_page')), Number(asked.get('page'))];
      const commits = way.slice((number - 1) * size, number * size);
      json(response, 200, { ahead_by: way.length, behind_by: 2, commits });
    });
    const { commits, total, behind } = await source.compare('acme/shop', 'v1', 'main');
    expect({ total, behind, listed: commits.length }).toEqual({ total: 205, behind: 2, listed: 20 });
    expect(commits.map(({ subject }) => subject).slice(0, 6)).toEqual(
      [205, 204, 203, 202, 201, 200].map(nth => `Commit ${nth}`),
    );
    expect(seen).toHaveLength(3);
  });

  it('has no text for a folder', async () => {
    const { source } = await start((_, response) => json(response, 200, [{ type: 'file', name: 'a' }]));
    expect(await source.file('acme/shop', SHA, 'switchover.json')).toBeNull();
  });

  it('that is not as documented names the fields', async () => {
    const { source } = await start((_, response) => json(response, 200, { sha: SHA, commit: {} }));
    await expect(source.commit('acme/shop', 'main')).rejects.toThrow(/not as documented: commit\.message/);
  });
});

describe.concurrent('a tarball', () => {
  const download = async (answer: (response: ServerResponse, nth: number) => void) => {
    const storage = await start((_, response, nth) => answer(response, nth));
    const api = await start((_, response) => response.writeHead(302, { location: `${storage.url}/tar` }).end());
    return { storage, source: api.source };
  };

  it('is fetched from where GitHub sends us, without the token', async () => {
    const tarball = await tarballOf(SHA);
    const { source, storage } = await download(response => void response.end(tarball));
    expect(Buffer.from(await source.tarball('acme/shop', SHA)).equals(tarball)).toBe(true);
    expect(storage.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('that breaks off is fetched again, and never built by half', async () => {
    const tarball = await tarballOf(SHA);
    const { source, storage } = await download((response, nth) => {
      response.writeHead(200, { 'content-length': tarball.length });
      if (nth > 1) return response.end(tarball);
      response.write(tarball.subarray(0, 40));
      setTimeout(() => response.destroy(), 50);
    });
    expect(Buffer.from(await source.tarball('acme/shop', SHA)).equals(tarball)).toBe(true);
    expect(storage.seen).toHaveLength(2);
  });

  it('of another commit is not taken for the one that was shown', async () => {
    const other = await tarballOf('b'.repeat(40));
    const { source } = await download(response => void response.end(other));
    await expect(source.tarball('acme/shop', SHA)).rejects.toThrow(`GitHub packed ${'b'.repeat(40)}`);
  });

  it('that is too large to build is told as such, once', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    const { source, storage } = await download(response => {
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    const refused = await source.tarball('acme/shop', SHA).catch(error => error);
    expect(refused).toBeInstanceOf(NotFound);
    expect(refused.message).toContain('over 250 MB');
    expect(storage.seen).toHaveLength(1);
  });
});
