import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPT, type Json, type Rig, startRig } from './rig.ts';

// Appendix A of Heroku's schema (2026-02): each property must be there.
const FIELDS = {
  '/account':
    'allow_tracking beta created_at email federated id identity_provider last_login name sms_number suspended_at delinquent_at two_factor_authentication updated_at verified country_of_residence default_organization default_team',
  '/account/rate-limits': 'remaining',
  '/apps/shop':
    'acm archived_at buildpack_provided_description build_stack created_at generation git_url id internal_routing maintenance name owner organization team region released_at repo_size slug_size space stack updated_at web_url',
  '/apps/shop/features/preboot':
    'created_at description doc_url enabled id name state updated_at display_name feedback_email',
  '/apps/shop/formation/web': 'app command created_at dyno_size id quantity size type updated_at',
  '/apps/shop/dynos/web.1': 'attach_url command created_at id name release app size state type updated_at',
  '/apps/shop/releases/3':
    'addon_plan_names artifacts app created_at description id updated_at slug status user version current output_stream_url eligible_for_rollback',
  '/addons/hat-store':
    'actions addon_service billing_entity app billed_price config_vars created_at id name plan provider_id provision_message state updated_at web_url',
} as const;
const BUILD_FIELDS =
  'app buildpacks created_at generation id output_stream_url source_blob release slug stack status updated_at user';
const SLUG_FIELDS =
  'blob buildpack_provided_description checksum commit commit_description created_at id process_types size stack updated_at deleted_at';
const ATTACHMENT_FIELDS = 'addon app created_at id name namespace updated_at web_url log_input_url';
const SESSION_FIELDS = 'created_at id logplex_url updated_at';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
  const attachedTo = new Set(['shop']);
  const plan = 'heroku-postgresql:standard-0';
  rig.shop.addons.push({ id: 'a1', name: 'hat-store', plan, createdAt: new Date(), attachedTo });
});
afterAll(() => rig.heroku.stop());

const versions = (list: Json[]) => list.map(({ version }) => version);

describe('the rules of the API', () => {
  it('a call without the right token is 401, without the version 406', async () => {
    const basic = (token: string) => `Basic ${Buffer.from(token).toString('base64')}`;
    for (const Authorization of ['', 'Bearer', 'Bearer wrong', basic(':wrong'), basic('right')]) {
      const refused = await rig.get('/account', { Authorization });
      expect(refused, Authorization).toMatchObject({ status: 401, json: { id: 'unauthorized' } });
    }
    for (const Authorization of ['Bearer right', basic(':right'), basic('me@example.com:right')]) {
      expect((await rig.get('/account', { Authorization })).status, Authorization).toBe(200);
    }
    for (const version of ['3', '3.sdk', '3.filters', '3.run-inside']) {
      const Accept = `application/vnd.heroku+json; version=${version}`;
      expect((await rig.get('/account', { Accept })).status, Accept).toBe(200);
    }
    for (const Accept of ['*/*', 'application/json', 'application/vnd.heroku+json; version=2', `${ACCEPT}0`]) {
      const refused = await rig.get('/account', { Accept });
      expect(refused, Accept).toMatchObject({ status: 406, json: { id: 'not_acceptable' } });
    }
  });

  it('an app of another account is 403 to the first, and that one’s token opens no other app', async () => {
    rig.shop.ownToken = 'own';
    try {
      const status = async (path: string, token: string) =>
        (await rig.get(path, { Authorization: `Bearer ${token}` })).status;
      expect([await status('/apps/shop', 'right'), await status('/apps/shop/releases', 'right')]).toEqual([403, 403]);
      expect([await status('/apps/shop', 'own'), await status('/account', 'own')]).toEqual([200, 200]);
      expect(await status('/apps/shop', 'other')).toBe(401);
      await rig.heroku.createApp({ name: 'till' });
      expect([await status('/apps/till', 'own'), await status('/apps/till', 'right')]).toEqual([403, 200]);
    } finally {
      rig.shop.ownToken = null;
    }
  });

  it('what is not there is 404 with a body, an unknown path too', async () => {
    const missing = { '/apps/hats': 'app', '/apps/shop/releases/99': 'release', '/apps/shop/dynos/web.9': 'dyno' };
    for (const [path, what] of Object.entries(missing)) {
      const json = { id: 'not_found', message: `Couldn't find that ${what}.` };
      expect(await rig.get(path)).toMatchObject({ status: 404, json });
    }
    for (const path of ['/', '//', '/apps/shop/hats', '/apps/shop/releases/', '/pb/account'])
      expect(await rig.get(path), path).toMatchObject({ status: 404, json: { id: 'not_found' } });
    expect(await rig.get('/apps/%zz')).toMatchObject({ status: 400, json: { id: 'bad_request' } });
  });

  it('calls use up the account, asking how many are left does not, and none left is 429', async () => {
    const left = async () => Number((await rig.get('/apps/shop')).headers.get('ratelimit-remaining'));
    const before = await left();
    await rig.get('/account/rate-limits');
    await rig.get('/apps/shop', { Authorization: 'Bearer wrong' });
    expect(await left()).toBe(before - 1);
    rig.heroku.platform.bucket.remaining = 0;
    const refused = await rig.get('/apps/shop');
    expect(refused).toMatchObject({ status: 429, json: { id: 'rate_limit', url: expect.any(String) } });
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect((await rig.get('/account/rate-limits')).json).toEqual({ remaining: 0 });
    rig.heroku.platform.bucket.remaining = 4_500;
  });

  it('every answer has its own request id, after the one that the client sent', async () => {
    const ids = (await rig.get('/apps/shop', { 'Request-Id': 'mine' })).headers.get('request-id')?.split(',');
    expect(ids).toEqual(['mine', expect.stringMatching(/^[\da-f-]{36}$/)]);
  });

  it('an answer that is known already is 304', async () => {
    const { headers } = await rig.get('/apps/shop/features');
    expect((await rig.get('/apps/shop/features', { 'If-None-Match': headers.get('etag') ?? '' })).status).toBe(304);
    expect((await rig.get('/apps/shop/features', { 'If-None-Match': '"other"' })).status).toBe(200);
    expect((await rig.get('/apps/shop/features', { 'If-Match': headers.get('etag') ?? '' })).status).toBe(200);
    expect(await rig.get('/apps/shop/features', { 'If-Match': '"other"' })).toMatchObject({
      status: 412,
      json: { id: 'precondition_failed' },
    });
  });

  it('a body that is no JSON is 400', async () => {
    const headers = { Accept: ACCEPT, Authorization: 'Bearer right' };
    const response = await fetch(`${rig.heroku.url}/apps/shop`, { method: 'PATCH', headers, body: '{ maintenance' });
    expect({ status: response.status, json: await response.json() }).toMatchObject({ status: 400 });
  });
});

describe('answers', () => {
  it('have every documented field', async () => {
    for (const [path, fields] of Object.entries(FIELDS)) {
      expect(Object.keys((await rig.get(path)).json), path).toEqual(expect.arrayContaining(fields.split(' ')));
    }
    const first = async (path: string) => Object.keys((await rig.get(path)).list[0] ?? {});
    expect(await first('/apps/shop/builds')).toEqual(expect.arrayContaining(BUILD_FIELDS.split(' ')));
    for (const path of ['/apps/shop/addon-attachments', '/addons/a1/addon-attachments', '/addon-attachments'])
      expect(await first(path), path).toEqual(expect.arrayContaining(ATTACHMENT_FIELDS.split(' ')));
    const slug = await rig.get(`/apps/shop/slugs/${rig.shop.current?.slug?.id}`);
    expect(Object.keys(slug.json)).toEqual(expect.arrayContaining(SLUG_FIELDS.split(' ')));
    expect(slug.json).toMatchObject({ commit: 'a'.repeat(40), process_types: { web: 'node server.cjs' } });
    const session = await rig.call('POST', '/apps/shop/log-sessions', {});
    expect(session.status).toBe(201);
    expect(Object.keys(session.json)).toEqual(expect.arrayContaining(SESSION_FIELDS.split(' ')));
  });

  it('lists are sorted by id unless asked otherwise, and cut at max with the next range', async () => {
    const path = '/apps/shop/releases';
    for (const Range of [
      'version ..; order=desc,max=2',
      'version ..; max=2, order=desc',
      'version ..; max=2; order=desc',
    ]) {
      const newest = await rig.get(path, { Range });
      expect({ status: newest.status, versions: versions(newest.list) }, Range).toEqual({
        status: 206,
        versions: [3, 2],
      });
      expect(newest.headers.get('content-range')).toBe('version 3..2; max=2, order=desc');
      const next = await rig.get(path, { Range: newest.headers.get('next-range') ?? '' });
      expect({ status: next.status, versions: versions(next.list) }).toEqual({ status: 200, versions: [1] });
      expect(next.headers.has('next-range')).toBe(false);
    }
    expect(versions((await rig.get(path, { Range: 'version 2..3' })).list)).toEqual([2, 3]);
    for (const list of [path, '/apps/shop/dynos', '/apps/shop/formation']) {
      const { headers, list: shown } = await rig.get(list);
      const ids = shown.map(({ id }) => String(id));
      expect(ids, list).toEqual(ids.toSorted());
      expect(headers.get('content-range')).toBe(`id ${ids[0]}..${ids.at(-1)}; max=200`);
      expect(headers.get('accept-ranges')).toMatch(/^id/);
    }
  });

  it('a range that cannot be read, or by what is not sorted, is 416', async () => {
    for (const Range of [
      'colour ..',
      'version',
      'version ..; max=none',
      'version ..; max=1001',
      'version ..; order=up',
      'version a..b',
    ])
      expect(await rig.get('/apps/shop/releases', { Range }), Range).toMatchObject({
        status: 416,
        json: { id: 'requested_range_not_satisfiable' },
      });
  });
});

describe('an app', () => {
  it('is closed for maintenance and opened again without a release', async () => {
    const before = rig.shop.releases.length;
    for (const [maintenance, status] of [
      [true, 503],
      [false, 200],
    ] as const) {
      expect(await rig.call('PATCH', '/apps/shop', { maintenance })).toMatchObject({
        status: 200,
        json: { maintenance },
      });
      expect((await fetch(rig.shop.runtime.url)).status).toBe(status);
    }
    expect(await rig.call('PATCH', '/apps/shop', { maintenance: 'on' })).toMatchObject({ status: 422 });
    expect(await rig.call('PATCH', '/apps/shop', { name: 'hats' })).toMatchObject({ status: 422 });
    expect(rig.shop.releases).toHaveLength(before);
  });

  it('has preboot switched by its feature, and not with dyno types that cannot have it', async () => {
    const path = '/apps/shop/features/preboot';
    expect(await rig.call('PATCH', path, { enabled: false })).toMatchObject({ status: 200, json: { enabled: false } });
    expect(await rig.call('PATCH', path, { enabled: true })).toMatchObject({ status: 200, json: { enabled: true } });
    expect(await rig.get('/apps/shop/features/spdy')).toMatchObject({ status: 404 });
    for (const size of ['Eco', 'Basic']) {
      await rig.heroku.createApp({ name: size.toLowerCase(), formation: [{ type: 'web', quantity: 1, size }] });
      const refused = await rig.call('PATCH', `/apps/${size.toLowerCase()}/features/preboot`, { enabled: true });
      expect(refused, size).toMatchObject({ status: 422, json: { id: 'invalid_params' } });
    }
  });

  it('shows each type of its Procfile in the formation, and scales as the schema says and as the CLI says', async () => {
    const shown = (await rig.get('/apps/shop/formation')).list.map(({ type, quantity }) => `${type}=${quantity}`);
    expect(shown.toSorted()).toEqual(['release=0', 'web=2', 'worker=0']);
    const scale = (...updates: unknown[]) => rig.call('PATCH', '/apps/shop/formation', { updates });
    expect(await scale({ type: 'web', quantity: '+1', size: 'standard-2x' })).toMatchObject({
      status: 200,
      json: [{ type: 'web', quantity: 3, size: 'Standard-2X', dyno_size: { name: 'Standard-2X' } }],
    });
    expect((await scale({ type: 'web', quantity: 2, dyno_size: { name: 'Standard-1X' } })).json).toMatchObject([
      { quantity: 2, size: 'Standard-1X' },
    ]);
    const types = async () => (await rig.get('/apps/shop/dynos')).list.map(({ type }) => type);
    await scale({ type: 'worker', quantity: 1 });
    expect(await types()).toContain('worker');
    await scale({ type: 'worker', quantity: 0 });
    expect(await types()).not.toContain('worker');
    expect(await scale({ type: 'hats', quantity: 1 })).toMatchObject({
      status: 404,
      json: { message: "Couldn't find that process type (hats)." },
    });
    const tooMany = { type: 'web', quantity: 101 };
    for (const wrong of [{ type: 'web', quantity: 'many' }, { type: 'web', quantity: -1 }, tooMany, null])
      expect(await scale(wrong)).toMatchObject({ status: 422, json: { id: 'invalid_params' } });
    const half = await scale({ type: 'worker', quantity: 5 }, { type: 'web', size: 'huge' });
    expect(half.status).toBe(422);
    expect((await rig.get('/apps/shop/formation/worker')).json).toMatchObject({ quantity: 0 });
  });

  it('restarts and stops dynos by name, by type and all, each answered with 202 and nothing', async () => {
    const ids = async () => (await rig.get('/apps/shop/dynos')).list.map(({ id }) => id);
    const calls = [
      ['DELETE', '/apps/shop/dynos/web.1', 1],
      ['POST', '/apps/shop/dynos/web.2/actions/stop', 1],
      ['DELETE', '/apps/shop/formations/web', 2],
      ['POST', '/apps/shop/formations/web/actions/stop', 2],
      ['DELETE', '/apps/shop/dynos', 2],
    ] as const;
    for (const [method, path, changed] of calls) {
      const before = await ids();
      expect(await rig.call(method, path), path).toMatchObject({ status: 202, json: {} });
      expect(
        (await ids()).filter(id => !before.includes(id)),
        path,
      ).toHaveLength(changed);
    }
    expect((await rig.call('DELETE', '/apps/shop/dynos/web.9')).status).toBe(404);
    expect((await rig.call('DELETE', '/apps/shop/formations/hats')).status).toBe(404);
  });

  it('runs a one-off dyno detached, with its own variables, and logs what it says', async () => {
    const asked = { command: 'echo $GREETING from $DYNO', env: { GREETING: 'hello' } };
    const { status, json } = await rig.call('POST', '/apps/shop/dynos', asked);
    expect({ status, json }).toMatchObject({
      status: 201,
      json: { type: 'run', attach_url: null, command: asked.command },
    });
    const leave = AbortSignal.timeout(5_000);
    for await (const { text } of rig.shop.runtime.logs.read({ lines: 100, tail: true }, leave))
      if (text === `hello from ${json.name}`) break;
    expect(leave.aborted).toBe(false);
    expect((await rig.call('POST', '/apps/shop/dynos', {})).status).toBe(422);
  });
});

describe('trouble that was ordered', () => {
  beforeEach(() => void rig.heroku.calls.splice(0));

  it('comes as ordered, as often as ordered, only to that call, and every call is on record', async () => {
    rig.heroku.fails('GET /formation', { status: 503, times: 2 });
    rig.heroku.fails('GET /releases/*', { status: 429 });
    const seen = [];
    for (const path of ['/formation', '/formation', '/formation', '/releases', '/releases/3', '/releases/3'])
      seen.push((await rig.get(`/apps/shop${path}`)).status);
    expect(seen).toEqual([503, 503, 200, 200, 429, 200]);
    expect(rig.heroku.calls.map(({ status }) => status)).toEqual(seen);
    expect(rig.heroku.calls.map(({ counted }) => counted)).toEqual([false, false, true, true, false, true]);
    expect(() => rig.heroku.fails('releases', { status: 503 })).toThrow('a method and a path');
  });

  it('an answer can be late, or be cut in the middle', async () => {
    rig.heroku.fails('GET /dynos', { delayMs: 300 });
    const begun = performance.now();
    expect((await rig.get('/apps/shop/dynos')).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295);
    rig.heroku.fails('GET /dynos', { truncate: true });
    const headers = { Accept: ACCEPT, Authorization: 'Bearer right' };
    const cut = await fetch(`${rig.heroku.url}/apps/shop/dynos`, { headers });
    expect(cut.status).toBe(200);
    await expect(cut.text()).rejects.toThrow();
  });

  it('a connection can be dropped before the call was taken, and after', async () => {
    for (const [drop, taken] of [
      ['before', false],
      ['after', true],
    ] as const) {
      rig.heroku.fails('PATCH /apps/shop', { drop });
      await expect(rig.call('PATCH', '/apps/shop', { maintenance: true })).rejects.toThrow();
      expect(rig.shop.maintenance).toBe(taken);
      await rig.call('PATCH', '/apps/shop', { maintenance: false });
    }
  });

  it('a call is carried out also when whoever made it has gone', async () => {
    rig.heroku.fails('PATCH /apps/shop', { delayMs: 400 });
    const headers = { Accept: ACCEPT, Authorization: 'Bearer right' };
    const gone = fetch(`${rig.heroku.url}/apps/shop`, {
      ...{ method: 'PATCH', headers, body: JSON.stringify({ maintenance: true }) },
      signal: AbortSignal.timeout(100),
    });
    await expect(gone).rejects.toThrow('aborted');
    expect(rig.shop.maintenance).toBe(false);
    await expect.poll(() => rig.shop.maintenance).toBe(true);
    await rig.call('PATCH', '/apps/shop', { maintenance: false });
  });
});
