import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProber } from '../src/adapters/prober.ts';
import { createVisit, sharedLookup } from '../src/adapters/visit.ts';
import { isOwnPath } from '../src/domain/app.ts';
import { isNetwork, mayAsk } from '../src/domain/network.ts';
import { cases } from './fuzzing.ts';

const PRIVATE = [
  ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.1.1', '169.254.169.254', '172.16.0.1', '172.31.255.1'],
  ...['192.168.1.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::7f00:1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', 'fec0::1'],
  // Those that stand for an IPv4 address: mapped, translated (NAT64), 6to4 and Teredo.
  ...['::ffff:10.0.0.1', '::ffff:7f00:1', '::ffff:a9fe:a9fe', '64:ff9b::a00:1', '2002:7f00:1::', '2001:0:a00:1::'],
  ...['', 'shop', '127.1', '0x7f000001', '2130706433'],
];
const PUBLIC = ['1.1.1.1', '8.8.8.8', '100.128.0.1', '172.32.0.1', '192.167.0.1', '::ffff:8.8.8.8', '2606:4700::1111'];

describe('an address', () => {
  it('of a private, local or reserved network is not asked, however it is written', () => {
    const may = mayAsk([]);
    expect(PRIVATE.filter(may)).toEqual([]);
    expect(PUBLIC.filter(may)).toEqual(PUBLIC);
  });

  it('is asked where its network is allowed, and only that one', () => {
    const may = mayAsk(['10.1.0.0/16', '::1', 'fd00:7::/32']);
    const asked = ['10.1.2.3', '::ffff:10.1.2.3', '::1', 'fd00:7::9', '8.8.8.8'];
    expect(asked.filter(may)).toEqual(asked);
    expect(['10.2.0.1', '::2', 'fd00:8::1', '127.0.0.1'].filter(may)).toEqual([]);
  });

  it('mapped into IPv6 is judged as the IPv4 address that it is', () => {
    const may = mayAsk([]);
    fc.assert(
      fc.property(fc.ipV4(), address => may(`::ffff:${address}`) === may(address)),
      cases(),
    );
  });

  it('is allowed by networks that can be read, and by nothing else', () => {
    const good = ['10.0.0.0/8', '127.0.0.1', 'fd00::/8', '::1', '0.0.0.0/0'];
    expect(good.filter(isNetwork)).toEqual(good);
    expect(
      ['10.0.0.0/33', '10.0.0/8', 'localhost', 'fe80::1%eth0', '::/129', '10.0.0.0/8/8', '', '/'].filter(isNetwork),
    ).toEqual([]);
  });
});

it('a path of the app itself leads nowhere else', () => {
  expect(['/', '/version?a=1', '/a//b'].every(isOwnPath)).toBe(true);
  expect(['//evil.example/', '/\\evil.example', '/\t/evil.example', 'http://evil.example/', ''].some(isOwnPath)).toBe(
    false,
  );
});

describe('a visit', () => {
  let server: Server;
  let port: number;
  const asked: (string | undefined)[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.url);
      if (request.url?.startsWith('/away')) response.writeHead(302, { location: 'http://127.0.0.1:1/' });
      response.end('{"toString":"v4","a":{"b":"v5"}}');
    });
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  const never = new AbortController().signal;
  const HEADER = { path: '/', header: 'X-Release' };

  it('is refused at a private address before anything is sent, and the answer says why', async () => {
    const { ask } = createProber(createVisit([]));
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0x7f.1', '2130706433']) {
      const { status, problem } = await ask(`http://${host}:${port}/`, HEADER, never);
      expect(status, host).toBe(null);
      expect(problem, host).toMatch(
        /not on the internet: the bot goes there only where ALLOWED_PROBE_NETWORKS names it/,
      );
    }
    expect(asked).toEqual([]);
  });

  it('is refused where one address of several is private', async () => {
    const visit = createVisit(['127.0.0.0/8'], (_, __, found) =>
      found(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '10.0.0.7', family: 4 },
      ]),
    );
    await expect(visit(new URL(`http://shop.example:${port}/`), { signal: never })).rejects.toThrow(/10\.0\.0\.7/);
    expect(asked).toEqual([]);
  });

  it('goes to the very address that was looked at, though the name is another one a moment later', async () => {
    const answers = ['127.0.0.1', '10.0.0.7', '10.0.0.7'];
    const visit = createVisit(['127.0.0.0/8'], (_, __, found) =>
      found(null, [{ address: answers.shift() ?? '', family: 4 }]),
    );
    const response = await visit(new URL(`http://shop.example:${port}/rebinding`), { signal: never });
    response.destroy();
    expect([response.statusCode, asked.splice(0), answers.length]).toEqual([200, ['/rebinding'], 2]);
  });

  it('shares the lookup of a name with others that ask for it at that time, and its failure', async () => {
    const looked: string[] = [];
    const look = async (host: string) => {
      looked.push(host);
      await new Promise(setImmediate);
      if (host === 'gone.example') throw new Error('ENOTFOUND');
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const visit = createVisit(['127.0.0.0/8'], sharedLookup(look));
    const all = (host: string) =>
      Promise.allSettled([1, 2, 3].map(at => visit(new URL(`http://${host}:${port}/${at}`), { signal: never })));
    for (const done of await all('shop.example')) {
      if (done.status === 'rejected') throw done.reason;
      done.value.destroy();
    }
    expect(asked.splice(0).toSorted()).toEqual(['/1', '/2', '/3']);
    for (const done of await all('gone.example')) expect(done.status).toBe('rejected');
    expect(looked).toEqual(['shop.example', 'gone.example']);
    await all('gone.example');
    expect(looked).toHaveLength(3);
  });

  it('follows no redirect, and no path that leads to another host', async () => {
    const { ask } = createProber(createVisit(['127.0.0.0/8']));
    const base = `http://127.0.0.1:${port}/`;
    expect(await ask(base, { path: '/away', header: 'X-Release' }, never)).toMatchObject({
      status: 302,
      version: null,
    });
    expect(asked.splice(0)).toHaveLength(1);
    const away = await ask(base, { path: '//169.254.169.254/latest', header: 'X-Release' }, never);
    expect(away).toMatchObject({ status: null, problem: '//169.254.169.254/latest leads away from the app' });
  });

  it('reads of an answer only what is in it', async () => {
    const { ask } = createProber(createVisit(['127.0.0.0/8']));
    const read = async (json: string) => (await ask(`http://127.0.0.1:${port}/`, { path: '/', json }, never)).version;
    expect(await Promise.all(['a.b', 'a.b.length', '__proto__.a', 'constructor.length'].map(read))).toEqual([
      { release: 5 },
      ...[null, null, null],
    ]);
  });
});
