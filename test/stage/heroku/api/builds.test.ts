import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hats, type Json, type Rig, readStream, releasePath, startRig, tarball } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.heroku.stop());

const logged = () => rig.shop.runtime.logs.read({ lines: 1_500, tail: false }, AbortSignal.timeout(1_000));

describe('a build', () => {
  it('of an uploaded source makes a release whose phase runs first, and both outputs can be read', async () => {
    const url = await rig.upload(await hats('echo migrating && sleep 0.3'));
    const source_blob = { url, version: 'b'.repeat(40), version_description: 'marker', checksum: null };
    const { status, json } = await rig.call('POST', '/apps/shop/builds', { source_blob });
    expect({ status, json }).toMatchObject({ status: 201, json: { status: 'pending', slug: null, release: null } });
    expect(await rig.call('POST', '/apps/shop/builds', { source_blob })).toMatchObject({
      status: 409,
      json: { id: 'conflict' },
    });
    // Succeeded comes first, the release a moment later.
    const path = `/apps/shop/builds/${json.id}`;
    expect(await rig.ended(path)).toMatchObject({ status: 'succeeded', release: null, source_blob });
    await expect.poll(async () => (await rig.get(path)).json.release, { interval: 20 }).not.toBeNull();
    const build = (await rig.get(path)).json;
    expect(await readStream(build.output_stream_url)).toContain('Procfile declares types -> web, worker, release');

    const release = (await rig.get(releasePath(build))).json;
    expect(release).toMatchObject({ status: 'pending', current: false, description: 'Deploy bbbbbbbb', version: 4 });
    expect(await readStream(release.output_stream_url)).toBe('migrating\n');
    // The output has ended, and its status is still open.
    expect((await rig.get(releasePath(build))).json).toMatchObject({ status: 'pending' });
    expect(await rig.ended(releasePath(build))).toMatchObject({ status: 'succeeded', current: true });
    const lines = [];
    for await (const { source, process, text } of logged()) if (process === 'api') lines.push(`${source}: ${text}`);
    expect(lines.slice(-5)).toEqual([
      'app: Build started by user owner@example.com',
      'app: Build succeeded',
      'app: Deploy bbbbbbbb by user owner@example.com',
      'app: Running release v4 commands by user owner@example.com',
      'app: Release v4 created by user owner@example.com',
    ]);
  });

  it('that fails releases nothing, and says why in its output', async () => {
    const before = rig.shop.releases.length;
    const wants = (dependencies: string) => ({
      Procfile: 'web: true\n',
      'package.json': `{"dependencies":${dependencies}}`,
    });
    const bad = [
      [{ README: 'x', 'a/b': 'x' }, 'There is no Procfile'],
      [wants('{"hats-that-nobody-has":"1"}'), '404 Not Found - GET hats-that-nobody-has'],
      [wants('{"../../outside":"1"}'), 'package.json cannot be read'],
      [wants('not JSON'), 'package.json cannot be read'],
    ] as const;
    for (const [files, why] of bad) {
      const build = await rig.build(await tarball(files));
      expect(build, why).toMatchObject({ status: 'failed', release: null, slug: null });
      expect(await readStream(build.output_stream_url)).toContain(why);
    }
    expect(await rig.build(Buffer.from('not a tarball'))).toMatchObject({ status: 'failed' });
    const wrong = await rig.build(await hats(), { checksum: `SHA256:${'0'.repeat(64)}` });
    expect(await readStream(wrong.output_stream_url)).toContain('checksum');
    const gone = await rig.call('POST', '/apps/shop/builds', { source_blob: { url: `${rig.heroku.url}/nowhere` } });
    expect(await rig.ended(`/apps/shop/builds/${gone.json.id}`)).toMatchObject({ status: 'failed' });
    expect((await rig.call('POST', '/apps/shop/builds', { source_blob: {} })).status).toBe(422);
    expect(rig.shop.releases).toHaveLength(before);
  });

  it('finds declared packages, and leaves those alone that the source brought', async () => {
    const build = await rig.build(
      await tarball({
        Procfile: "web: node server.cjs\nrelease: node -p \"require('pg') + typeof require('zod').z\"\n",
        'package.json': '{"dependencies":{"pg":"1","zod":"1"}}',
        'node_modules/pg/index.js': "module.exports = 'mine '",
        'server.cjs': "require('node:http').createServer((_, response) => response.end()).listen(process.env.PORT);",
      }),
    );
    const release = await rig.ended(releasePath(build));
    expect(await readStream(release.output_stream_url)).toBe('mine object\n');
  });

  it('can be cancelled while it runs, and not afterwards', async () => {
    rig.heroku.fails('GET /source-blobs/*', { delayMs: 5_000 });
    const url = await rig.upload(await hats());
    const { json } = await rig.call('POST', '/apps/shop/builds', { source_blob: { url } });
    const path = `/apps/shop/builds/${json.id}`;
    expect((await fetch(String(json.output_stream_url))).status).toBe(404);
    expect((await rig.call('DELETE', path)).status).toBe(200);
    expect(await rig.ended(path)).toMatchObject({ status: 'failed', release: null });
    expect(await readStream(json.output_stream_url)).toContain('cancelled');
    expect((await rig.call('DELETE', path)).status).toBe(422);
  });

  it('takes a source only at the address that was signed for it', async () => {
    const { json } = await rig.call('POST', '/apps/shop/sources');
    const { put_url, get_url } = json.source_blob as { put_url: string; get_url: string };
    expect((await fetch(get_url)).status).toBe(404);
    const put = (url: string, type: string) =>
      fetch(url, { method: 'PUT', body: 'x', headers: { 'content-type': type } });
    expect((await put(get_url, '')).status).toBe(403);
    expect((await put(put_url, 'application/gzip')).status).toBe(403);
    expect((await put(put_url, '')).status).toBe(200);
    expect(await (await fetch(get_url)).text()).toBe('x');
  });
});

describe('a release', () => {
  it('whose phase fails changes nothing, but config vars that were set stay set', async () => {
    const current = rig.shop.current?.version;
    const build = await rig.build(await hats('exit 1'), { version: 'c'.repeat(40) });
    expect(build).toMatchObject({ status: 'succeeded' });
    const failed = await rig.ended(releasePath(build));
    expect(failed).toMatchObject({ status: 'failed', current: false, eligible_for_rollback: false });
    expect(rig.shop.current?.version).toBe(current);

    const slug = (build.slug as { id: string }).id;
    const again = await rig.call('POST', '/apps/shop/releases', { slug, description: 'Retry of it' });
    expect(again).toMatchObject({ status: 201, json: { description: 'Retry of it', slug: { id: slug } } });
    const set = rig.call('PATCH', '/apps/shop/config-vars', { HAT: 'fez', CAP: 'flat' });
    expect((await set).json).toMatchObject({ HAT: 'fez' });
    await rig.shop.settled();
    const [newest] = (await rig.get('/apps/shop/releases', { Range: 'version ..; order=desc,max=1' })).list;
    expect(newest).toMatchObject({ status: 'succeeded', current: true, description: 'Set HAT, CAP config vars' });
    await rig.call('PATCH', '/apps/shop/config-vars', { CAP: null });
    expect((await rig.get('/apps/shop/config-vars')).json).toMatchObject({ HAT: 'fez' });
    expect((await rig.get(`/apps/shop/releases/${newest?.version}/config-vars`)).json).toMatchObject({ CAP: 'flat' });
    expect((await rig.call('PATCH', '/apps/shop/config-vars', { HAT: 1 })).status).toBe(422);
    await rig.shop.settled();
  });

  it('waits for those before it, its output 404 until it starts', async () => {
    await rig.ended(releasePath(await rig.build(await hats('sleep 0.5 && echo done'))));
    const [first, second] = await Promise.all(
      ['one', 'two'].map(value => rig.call('PATCH', '/apps/shop/config-vars', { VALUE: value })),
    );
    expect([first?.status, second?.status]).toEqual([200, 200]);
    const [later, sooner] = rig.shop.releases.slice(-2).reverse();
    const path = `/apps/shop/releases/${later?.version}`;
    expect(sooner?.status).toBe('pending');
    const { status, output_stream_url: url } = (await rig.get(path)).json;
    expect(status).toBe('pending');
    expect((await fetch(String(url))).status).toBe(404);
    await rig.ended(`/apps/shop/releases/${sooner?.version}`);
    expect(await rig.ended(path)).toMatchObject({ status: 'succeeded', current: true });
    expect(await readStream(url)).toBe('done\n');
  });

  it('can be rolled back to, which is a new release with its code and its config vars', async () => {
    const v3 = (await rig.get('/apps/shop/releases/3')).json;
    const { status, json } = await rig.call('POST', '/apps/shop/releases', { release: v3.id });
    expect({ status, json }).toMatchObject({
      status: 201,
      json: { description: 'Rollback to v3', version: rig.shop.releases.at(-1)?.version, slug: v3.slug },
    });
    expect(await rig.ended(`/apps/shop/releases/${json.version}`)).toMatchObject({
      status: 'succeeded',
      current: true,
    });
    expect((await rig.get('/apps/shop/config-vars')).json).toEqual({});
    const failed = rig.shop.releases.find(release => release.status === 'failed');
    for (const release of [failed?.id, rig.shop.releases[0]?.id])
      expect(await rig.call('POST', '/apps/shop/releases', { release })).toMatchObject({ status: 422 });
    expect((await rig.call('POST', '/apps/shop/releases', { release: 'none' })).status).toBe(404);
    expect((await rig.call('POST', '/apps/shop/releases', { slug: 'none' })).status).toBe(404);
  });
});

describe('streams', () => {
  it('an output sends NUL bytes while nothing happens, and replays from where one asks', async () => {
    const build = await rig.build(await hats('echo one && sleep 1.5 && echo two'));
    const { output_stream_url } = (await rig.get(releasePath(build))).json;
    const url = String(output_stream_url);
    await expect.poll(async () => (await fetch(url, { method: 'HEAD' })).status).toBe(200);
    const text = await (await fetch(url)).text();
    expect(text).toContain('\0');
    expect(text.replaceAll('\0', '')).toBe('one\ntwo\n');
    const rest = await fetch(url, { headers: { Range: 'bytes=4-' } });
    expect({ status: rest.status, text: await rest.text() }).toEqual({ status: 206, text: 'two\n' });
    expect((await fetch(`${rig.heroku.url}/streams/nothing`)).status).toBe(404);
  });

  async function* follow(url: unknown, accept = 'text/plain'): AsyncGenerator<string> {
    const response = await fetch(String(url), { headers: { accept } });
    let read = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      read += chunk;
      yield read;
    }
  }
  const session = async (ask: Json = {}) =>
    (await rig.call('POST', '/apps/shop/log-sessions', { lines: 1_500, tail: true, ...ask })).json;

  it('a log session replays and then follows, as text and as events, on an address that needs no token', async () => {
    for (const accept of ['text/plain', 'text/event-stream']) {
      const said = `hello as ${accept}`;
      let last = '';
      for await (const read of follow((await session()).logplex_url, accept)) {
        if (last === '') rig.shop.say(said);
        last = read;
        if (read.includes(said)) break;
      }
      expect(last).toMatch(/^(id: 1\ndata: )?2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 \w+\[\S+\]: /);
      expect(last).toContain(`app[api]: ${said}\n`);
    }
  });

  it('a log session shows what was asked for, ends when it was not to follow, and cannot be opened for ever', async () => {
    const { id, logplex_url } = await session({ lines: 3, tail: false, source: 'app', dyno_name: 'api' });
    const lines = (await readStream(logplex_url)).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toContain(' app[api]: ');
    const known = rig.heroku.platform.sessions.get(String(id));
    expect((known?.until ?? 0) - Date.now()).toBeGreaterThan(5 * 60_000);
    if (known) known.until = Date.now() - 1;
    expect((await fetch(String(logplex_url))).status).toBe(404);
    expect((await rig.call('POST', '/apps/shop/log-sessions', { lines: 1_501 })).status).toBe(422);
  });

  it('streams come slowly, and whole, when that is ordered', async () => {
    const [build] = rig.heroku.platform.apps[0]?.builds ?? [];
    const output_stream_url = `${rig.heroku.url}/streams/${build?.id}`;
    const path = `/streams/${build?.id}`;
    const whole = await (await fetch(output_stream_url)).text();
    rig.heroku.fails(`GET ${path}`, { trickleMs: 100 });
    rig.heroku.fails('GET /apps/shop', { status: 500 });
    const from = performance.now();
    expect(await (await fetch(output_stream_url)).text()).toBe(whole);
    expect(performance.now() - from).toBeGreaterThan(95);
    rig.heroku.mends();
    expect((await rig.call('GET', '/apps/shop')).status).toBe(200);
  });

  it('streams break when that is ordered', async () => {
    const { logplex_url } = await session();
    const broken = async () => {
      for await (const _ of follow(logplex_url)) rig.heroku.cutsLogs(rig.shop);
    };
    await expect(broken()).rejects.toThrow();
    rig.heroku.fails('GET /log-sessions/*', { truncate: true });
    await expect(readStream((await session()).logplex_url)).rejects.toThrow();
    rig.heroku.fails('GET /log-sessions/*', { status: 403 });
    expect((await fetch(String((await session()).logplex_url))).status).toBe(403);
  });
});
