import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HerokuApp } from '../app.ts';
import { type LocalHeroku, startHeroku } from '../heroku.ts';

// Appendix A of Heroku's schema (2026-02): each property must be there.
const FIELDS = {
  '/account':
    'allow_tracking beta created_at email federated id identity_provider last_login name sms_number suspended_at delinquent_at two_factor_authentication updated_at verified country_of_residence default_organization default_team',
  '/apps/shop':
    'acm archived_at buildpack_provided_description build_stack created_at generation git_url id internal_routing maintenance name owner organization team region released_at repo_size slug_size space stack updated_at web_url',
  '/apps/shop/features/preboot':
    'created_at description doc_url enabled id name state updated_at display_name feedback_email',
  '/apps/shop/formation/web': 'app command created_at dyno_size id quantity size type updated_at',
  '/apps/shop/dynos/web.1': 'attach_url command created_at id name release app size state type updated_at',
  '/apps/shop/releases/3':
    'addon_plan_names artifacts app created_at description id updated_at slug status user version current output_stream_url eligible_for_rollback',
} as const;
const BUILD_FIELDS =
  'app buildpacks created_at generation id output_stream_url source_blob release slug stack status updated_at user';
const SLUG_FIELDS =
  'blob buildpack_provided_description checksum commit commit_description created_at id process_types size stack updated_at deleted_at';

const SERVER = `require('node:http').createServer((_, response) => response.end(process.env.HEROKU_RELEASE_VERSION)).listen(process.env.PORT);`;
const ACCEPT = 'application/vnd.heroku+json; version=3';

let heroku: LocalHeroku;
let shop: HerokuApp;

type Json = Record<string, unknown>;
const call = async (method: string, path: string, body?: Json, headers: Record<string, string> = {}) => {
  const sent = { Accept: ACCEPT, Authorization: 'Bearer right', ...headers };
  const response = await fetch(`${heroku.url}${path}`, {
    method,
    headers: sent,
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json().catch(() => null)) as Json,
  };
};
const get = async (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers);

function tarball(
  files: Record<string, string>,
  extra: { name: string; type: 'symlink' | 'file'; linkname?: string }[] = [],
) {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  for (const entry of extra) tar.entry(entry, '');
  tar.finalize();
  return tar
    .pipe(createGzip())
    .toArray()
    .then(chunks => Buffer.concat(chunks));
}

const good = (release = 'true') =>
  tarball({ 'top/Procfile': `web: node server.cjs\nrelease: ${release}\n`, 'top/server.cjs': SERVER });

async function upload(source: Buffer): Promise<string> {
  const { json } = await call('POST', '/sources');
  const { put_url, get_url } = json.source_blob as { put_url: string; get_url: string };
  const stored = await fetch(put_url, { method: 'PUT', body: new Uint8Array(source), headers: { 'content-type': '' } });
  expect(stored.status).toBe(200);
  return get_url;
}

async function ended(path: string): Promise<Json> {
  await expect.poll(async () => (await get(path)).json.status, { timeout: 15_000, interval: 50 }).not.toBe('pending');
  return (await get(path)).json;
}

beforeAll(async () => {
  heroku = await startHeroku({ scale: 30, token: 'right' });
  shop = await heroku.createApp({ name: 'shop', preboot: true });
  await heroku.deploy(shop, await good(), 'a'.repeat(40));
});
afterAll(() => heroku.stop());

describe('the rules of the API', () => {
  it('a call without the right token is 401, without the version 406, of an unknown app or path 404', async () => {
    expect(await get('/account', { Authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      json: { id: 'unauthorized' },
    });
    expect((await get('/account', { Authorization: `Basic ${Buffer.from(':right').toString('base64')}` })).status).toBe(
      200,
    );
    expect(await get('/account', { Accept: 'application/json' })).toMatchObject({
      status: 406,
      json: { id: 'not_acceptable' },
    });
    expect(await get('/apps/hats')).toMatchObject({
      status: 404,
      json: { id: 'not_found', message: "Couldn't find that app." },
    });
    expect(await get('/apps/shop/hats')).toMatchObject({ status: 404, json: { id: 'not_found' } });
  });

  it('calls use up the account, asking how many are left does not, and none left is 429', async () => {
    const before = Number((await get('/apps/shop')).headers.get('ratelimit-remaining'));
    await get('/account/rate-limits');
    expect(Number((await get('/apps/shop')).headers.get('ratelimit-remaining'))).toBe(before - 1);
    heroku.platform.bucket.remaining = 0;
    expect(await get('/apps/shop')).toMatchObject({ status: 429, json: { id: 'rate_limit' } });
    heroku.platform.bucket.remaining = 4_500;
  });

  it('every documented field is in every answer', async () => {
    for (const [path, fields] of Object.entries(FIELDS)) {
      expect(Object.keys((await get(path)).json), path).toEqual(expect.arrayContaining(fields.split(' ')));
    }
    const [build] = (await get('/apps/shop/builds')).json as unknown as Json[];
    expect(Object.keys(build ?? {})).toEqual(expect.arrayContaining(BUILD_FIELDS.split(' ')));
    const slug = await get(`/apps/shop/slugs/${shop.current?.slug?.id}`);
    expect(Object.keys(slug.json)).toEqual(expect.arrayContaining(SLUG_FIELDS.split(' ')));
    expect(slug.json.commit).toBe('a'.repeat(40));
  });

  it('an answer that is known already is 304', async () => {
    const { headers } = await get('/apps/shop/features');
    expect((await get('/apps/shop/features', { 'If-None-Match': headers.get('etag') ?? '' })).status).toBe(304);
  });

  it('lists are sorted by id unless asked otherwise, and cut at max with the next range', async () => {
    const newest = await get('/apps/shop/releases', { Range: 'version ..; order=desc,max=2' });
    expect((newest.json as unknown as Json[]).map(release => release.version)).toEqual([3, 2]);
    expect(newest.status).toBe(206);
    const next = await get('/apps/shop/releases', { Range: newest.headers.get('next-range') ?? '' });
    expect((next.json as unknown as Json[]).map(release => release.version)).toEqual([1]);
    const ids = ((await get('/apps/shop/releases')).json as unknown as Json[]).map(release => String(release.id));
    expect(ids).toEqual([...ids].sort());
    expect((await get('/apps/shop/releases', { Range: 'version ..; max=15, order=desc' })).status).toBe(200);
    expect((await get('/apps/shop/builds', { Range: 'colour ..' })).status).toBe(416);
  });

  it('preboot is refused for dyno types that cannot have it', async () => {
    const hobby = await heroku.createApp({ name: 'hobby', formation: [{ type: 'web', quantity: 1, size: 'Basic' }] });
    expect(await call('PATCH', `/apps/${hobby.name}/features/preboot`, { enabled: true })).toMatchObject({
      status: 422,
    });
  });
});

describe('builds and releases', () => {
  it('a build of an uploaded source makes a release whose phase runs first, and both outputs can be read', async () => {
    const url = await upload(await good('echo migrating && sleep 0.3'));
    const source = { url, version: 'b'.repeat(40), version_description: 'marker' };
    const { status, json } = await call('POST', '/apps/shop/builds', { source_blob: source });
    expect(status).toBe(201);
    expect(await call('POST', '/apps/shop/builds', { source_blob: source })).toMatchObject({ status: 409 });
    const build = await ended(`/apps/shop/builds/${json.id}`);
    expect(build).toMatchObject({ status: 'succeeded', source_blob: { version_description: 'marker' } });
    const output = await (await fetch(String(build.output_stream_url))).text();
    expect(output).toContain('Procfile declares types -> web, release');
    const path = `/apps/shop/releases/${(build.release as { id: string }).id}`;
    expect((await get(path)).json).toMatchObject({ status: 'pending', current: false, description: 'Deploy bbbbbbbb' });
    const release = await ended(path);
    expect(release).toMatchObject({ status: 'succeeded', current: true });
    expect((await (await fetch(String(release.output_stream_url))).text()).trim()).toBe('migrating');
  });

  it('a failing build releases nothing, and says why in its output', async () => {
    const before = shop.releases.length;
    const { json } = await call('POST', '/apps/shop/builds', {
      source_blob: { url: await upload(await tarball({ README: 'x', 'a/b': 'x' })) },
    });
    const build = await ended(`/apps/shop/builds/${json.id}`);
    expect(build).toMatchObject({ status: 'failed', release: null });
    expect(await (await fetch(String(build.output_stream_url))).text()).toContain('There is no Procfile');
    expect(shop.releases).toHaveLength(before);
  });

  it('a failing release phase changes nothing, but config vars that were set stay set', async () => {
    const version = shop.current?.version;
    const { json } = await call('POST', '/apps/shop/builds', {
      source_blob: { url: await upload(await good('exit 1')), version: 'c'.repeat(40) },
    });
    const build = await ended(`/apps/shop/builds/${json.id}`);
    expect(await ended(`/apps/shop/releases/${(build.release as { id: string }).id}`)).toMatchObject({
      status: 'failed',
      current: false,
    });
    expect(shop.current?.version).toBe(version);
    // The failed slug becomes current in nobody's eyes: setting a var releases the good one again.
    await call('PATCH', '/apps/shop/config-vars', { HAT: 'fez' });
    await shop.settled();
    expect((await get('/apps/shop/config-vars')).json).toMatchObject({ HAT: 'fez' });
  });

  it('a rollback is a new release, and one to a failed release is refused', async () => {
    const { json } = await call('POST', '/apps/shop/releases', {
      release: (await get('/apps/shop/releases/3')).json.id,
    });
    expect(json).toMatchObject({ description: 'Rollback to v3', version: shop.releases.at(-1)?.version });
    await shop.settled();
    const failed = shop.releases.find(release => release.status === 'failed');
    expect(await call('POST', '/apps/shop/releases', { release: failed?.id })).toMatchObject({ status: 422 });
  });

  it('a source that would reach out of its folder is not unpacked', async () => {
    const Procfile = 'web: true\n';
    const bad = [
      await tarball({ Procfile, '../../out': 'x' }),
      await tarball({ Procfile }, [{ name: 'link', type: 'symlink', linkname: '/etc' }]),
      await tarball({ Procfile }, [{ name: 'deep/link', type: 'symlink', linkname: '../../../etc' }]),
      Buffer.from('not a tarball'),
    ];
    for (const source of bad) {
      const { json } = await call('POST', '/apps/shop/builds', { source_blob: { url: await upload(source) } });
      expect(await ended(`/apps/shop/builds/${json.id}`)).toMatchObject({ status: 'failed' });
    }
  });
});

describe('streams', () => {
  it('an output is 404 before it starts, sends NUL bytes while nothing happens, and replays from where one asks', async () => {
    const { json } = await call('POST', '/apps/shop/builds', {
      source_blob: { url: await upload(await good('echo one && sleep 2 && echo two')) },
    });
    const build = await ended(`/apps/shop/builds/${json.id}`);
    const { output_stream_url: url } = (await get(`/apps/shop/releases/${(build.release as { id: string }).id}`)).json;
    await expect.poll(async () => (await fetch(String(url))).status).toBe(200);
    const text = await (await fetch(String(url))).text();
    expect(text).toContain('\0');
    expect(text.replaceAll('\0', '')).toBe('one\ntwo\n');
    const rest = await fetch(String(url), { headers: { Range: 'bytes=4-' } });
    expect({ status: rest.status, text: await rest.text() }).toEqual({ status: 206, text: 'two\n' });
    expect((await fetch(`${heroku.url}/streams/nothing`)).status).toBe(404);
  });

  it('a log session replays and then follows, as text and as events, on an address that needs no token', async () => {
    for (const accept of ['text/plain', 'text/event-stream']) {
      const { json } = await call('POST', '/apps/shop/log-sessions', { lines: 1500, tail: true });
      const leave = new AbortController();
      const response = await fetch(String(json.logplex_url), { headers: { accept }, signal: leave.signal });
      const line = `hello as ${accept}`;
      let read = '';
      shop.say(line);
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        read += chunk;
        if (read.includes(line)) break;
      }
      leave.abort();
      expect(read).toMatch(/^(id: 1\ndata: )?2\d{3}-\d\d-\d\dT\S+\+00:00 \w+\[\S+\]: /);
      expect(read).toContain(`app[api]: ${line}`);
    }
  });
});

describe('trouble that was ordered', () => {
  it('comes as ordered, as often as ordered, and only to that call', async () => {
    heroku.fails('GET /formation', { status: 503, times: 2 });
    const seen = [];
    for (let i = 0; i < 3; i++) seen.push((await get('/apps/shop/formation')).status);
    expect(seen).toEqual([503, 503, 200]);
    heroku.fails('GET /dynos', { truncate: true });
    await expect(
      fetch(`${heroku.url}/apps/shop/dynos`, { headers: { Accept: ACCEPT, Authorization: 'Bearer right' } }).then(r =>
        r.text(),
      ),
    ).rejects.toThrow();
  });

  it('a connection can be dropped before the call was taken, and after', async () => {
    for (const [drop, taken] of [
      ['before', false],
      ['after', true],
    ] as const) {
      heroku.fails('PATCH /apps/shop', { drop });
      await expect(call('PATCH', '/apps/shop', { maintenance: true })).rejects.toThrow();
      expect(shop.maintenance).toBe(taken);
      await call('PATCH', '/apps/shop', { maintenance: false });
    }
  });
});
