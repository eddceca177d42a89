import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HerokuApp } from '../app.ts';
import { type LocalHeroku, startHeroku } from '../heroku.ts';
import { startRendezvous } from '../rendezvous.ts';
import { ACCEPT, tarball } from './rig.ts';

// With the words of the error-codes article: half a minute until R13 lasts 3 s here.
let heroku: LocalHeroku;
let shop: HerokuApp;
let ca: Buffer;

beforeAll(async () => {
  heroku = await startHeroku({ scale: 10 });
  shop = await heroku.createApp({ name: 'shop', formation: [] });
  await heroku.deploy(shop, await tarball({ 'top/Procfile': 'web: sleep 1000\n' }), 'a'.repeat(40));
  ca = await readFile(heroku.caFile);
});
afterAll(() => heroku.stop());

async function run(command: string, more: object = {}) {
  const response = await fetch(`${heroku.url}/apps/shop/dynos`, {
    method: 'POST',
    headers: { Accept: ACCEPT, Authorization: 'Bearer any' },
    body: JSON.stringify({ command, attach: true, ...more }),
  });
  const { name, attach_url: url } = (await response.json()) as { name: string; attach_url: string };
  return { status: response.status, name, url };
}

/** Connects as the CLI does. */
function connect(url: string): tls.TLSSocket {
  const { hostname: host, port, pathname } = new URL(url);
  const client = tls.connect({ host, port: Number(port), ca });
  client.write(`${pathname.slice(1)}\r\n`);
  return client;
}

/** What the log tells of a dyno, until it has ended. */
async function story(name: string): Promise<string[]> {
  const lines: string[] = [];
  const filter = { lines: 1_500, tail: true, dyno: name };
  for await (const { text } of shop.runtime.logs.read(filter, AbortSignal.timeout(20_000))) {
    lines.push(text);
    if (text === 'State changed from up to complete') break;
  }
  return lines;
}

describe.concurrent('an attached dyno', () => {
  it('starts when its client has come, whose terminal it is, and hangs up when it ends', async () => {
    const { name, url } = await run('echo "ready on $HEROKU_RELEASE_VERSION"; tr a-z A-Z; echo done >&2');
    const client = connect(url);
    const [greeting] = await once(client, 'data');
    expect(String(greeting)).toBe('rendezvous\r\n');
    client.write('hats\n\x04');
    expect(await text(client)).toBe('ready on v3\nHATS\ndone\n');
    expect(await story(name)).toEqual([
      'Awaiting client',
      'State changed from starting to up',
      expect.stringMatching(/^Starting process with command `echo "ready/),
      'Process exited with status 0',
      'State changed from up to complete',
    ]);
  });

  it('takes one client, who knows the secret', async () => {
    const { url } = await run('cat');
    expect(await text(connect(`${url}0`))).toBe('');
    const client = connect(url);
    await once(client, 'data');
    expect(await text(connect(url))).toBe('');
    client.write('\x04');
    expect(await text(client)).toBe('');
  });

  it('gives up with R13 when nobody comes, and its command has not run', async () => {
    const { name, url } = await run('echo never');
    expect(await story(name)).toEqual([
      'Awaiting client',
      'State changed from starting to up',
      'Error R13 (Attach error) -> Failed to attach to process',
      'Process exited with status 128',
      'State changed from up to complete',
    ]);
    expect(await text(connect(url))).toBe('');
  });

  it('gets SIGHUP when its client leaves, three times, then goes on with R16 if it cares not', async () => {
    const [meek, stubborn] = await Promise.all([
      run('echo up; sleep 100'),
      run("trap '' HUP; trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"),
    ]);
    for (const { url } of [meek, stubborn]) {
      const client = connect(url);
      await new Promise<void>(up => client.on('data', data => String(data) === 'up\n' && up()));
      client.destroy();
    }
    expect(await story(meek.name)).toEqual([
      ...['Awaiting client', 'State changed from starting to up', 'Starting process with command `echo up; sleep 100`'],
      'Client connection closed. Sending SIGHUP to all processes',
      'Process exited with status 129',
      'State changed from up to complete',
    ]);
    for await (const line of shop.runtime.logs.read({ lines: 1_500, tail: true }, AbortSignal.timeout(20_000)))
      if (line.text.startsWith('Error R16 (Detached)')) break;
    expect(shop.runtime.stop(stubborn.name)).toBe(true);
    expect((await story(stubborn.name)).slice(3)).toEqual([
      ...Array(3).fill('Client connection closed. Sending SIGHUP to all processes'),
      'Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external connection was closed.',
      'Stopping all processes with SIGTERM',
      'Process exited with status 9',
      'State changed from up to complete',
    ]);
  });

  it('is stopped when its time to live is over, which is a day at most', async () => {
    const { name, url } = await run('sleep 100', { time_to_live: 10 });
    await text(connect(url));
    expect(await story(name)).toContain('Process exited with status 143');
    expect((await run('true', { time_to_live: 86_401 })).status).toBe(422);
  });
});

it('a connection over which nothing goes is closed after an hour', async () => {
  const rendezvous = await startRendezvous({ scale: 3_600 });
  const { url, client } = rendezvous.meet();
  const { hostname: host, port, pathname } = new URL(url);
  const socket = tls.connect({ host, port: Number(port), ca: rendezvous.ca });
  const begun = performance.now();
  socket.write(`${pathname.slice(1)}\r\n`);
  expect(await client).not.toBe(null);
  await once(socket.resume(), 'close');
  expect(performance.now() - begun).toBeGreaterThan(990);
  await rendezvous.close();
});
