import { once } from 'node:events';
import { createServer } from 'node:http';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { onlyReads } from '../commands/reading.ts';
import { createBolt } from '../src/adapters/bolt.ts';
import { every } from '../src/adapters/health.ts';
import { clientOptions } from '../src/adapters/slack-client.ts';
import { BoltRig, signed } from './bolt-rig.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { createPorts } from './stage/heroku/ports.ts';

let bench: BoltRig;

beforeEach(async () => {
  bench = new BoltRig();
  await bench.start();
});

afterEach(() => bench.stop());

describe('what Slack did not send, or not now', () => {
  it.each<[string, Parameters<BoltRig['send']>[1], number]>([
    ['signed with another secret', { secret: 'f'.repeat(32) }, 401],
    ['with a signature of another form', { signature: 'v0=abc' }, 401],
    ['301 s old', { age: 302 }, 401],
    ['a day from the future', { age: -86_400 }, 401],
    ['61 s from the future', { age: -62 }, 401],
    ['a few seconds from the future', { age: -30 }, 200],
    ['some minutes old', { age: 280 }, 200],
  ])('%s: %j gives %i', async (_, changed, status) => {
    expect((await bench.types('', changed)).status).toBe(status);
  });

  it.each([
    ['text/plain', 415],
    ['application/json; charset=utf-8', 415],
    ['application/x-www-form-urlencoded', 200],
  ])('of the type %s: %i', async (type, status) => {
    expect((await bench.types('', { type })).status).toBe(status);
  });

  it('larger than anything of Slack', async () => {
    expect((await bench.types('x'.repeat(1024 * 1024))).status).toBe(413);
    expect(bench.kept.size).toBe(0);
  });

  it.each(['null', ' null', '7', '[]', '"x"', ''])('signed, with %j for an object, is refused', async payload => {
    expect((await bench.send({ payload })).status).toBe(400);
    const timestamp = Math.floor(Date.now() / 1000);
    const json = await bench.post(payload, timestamp, signed(timestamp, payload), 'application/json');
    expect(json.status).toBe(400);
    expect(bench.kept.size).toBe(0);
  });

  it.each(['/x', '/wp-login.php', '//', '/slack/events/', '/healthz', '/%zz'])(
    'posted to %s is not found, whatever it is, and the next request is taken',
    async path => {
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
        const unread = { method: 'POST', headers: { 'content-type': type }, body: '{}' };
        const answer = await fetch(`${bench.address}${path}`, { ...unread, signal: AbortSignal.timeout(2_000) });
        expect(answer.status).toBe(404);
      }
      expect((await bench.types('')).status).toBe(200);
    },
  );

  it('unsigned is kept nowhere, a check of the connection with something smuggled in neither', async () => {
    expect((await bench.types('shop', { secret: 'f'.repeat(32) })).status).toBe(401);
    const smuggled = { ssl_check: '1', command: '/deploy', text: 'cancel shop', user_id: 'U0ANN', team_id: 'T1' };
    expect((await bench.send(smuggled, { secret: 'f'.repeat(32) })).status).toBe(200);
    expect(bench.kept.size).toBe(0);
  });

  it.each([
    ['with the same signature', (signature: string) => signature, 200],
    ['with its signature in another form', (signature: string) => `${signature}=x`, 401],
  ])('the same request again, %s, does nothing', async (_, changed, status) => {
    let plans = 0;
    bench.bot.plan = async () => {
      plans++;
      return { id: 'p1', plan, place: null, gate: OPEN };
    };
    const body = new URLSearchParams({
      ...{ command: '/deploy', text: 'shop', user_id: 'U0ANN', channel_id: 'C1', team_id: 'T1' },
      response_url: `${bench.slackAddress}/respond/1`,
    });
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = signed(timestamp, body.toString());
    expect((await bench.post(body.toString(), timestamp, signature)).status).toBe(200);
    await bench.hears('/respond');
    expect((await bench.post(body.toString(), timestamp, changed(signature))).status).toBe(status);
    await bench.stop();
    expect(plans).toBe(1);
  });

  it('an event that comes again, signed anew, does nothing', async () => {
    let cancelled = 0;
    bench.bot.cancel = async () => ({ answer: `Cancelled ${++cancelled}.` });
    const event = { type: 'app_mention', user: 'U0ANN', channel: 'C1', ts: '7.7', text: '<@U0BOT> cancel shop' };
    await bench.tells(event, { event_id: 'Ev1', event_time: 1 });
    expect((await bench.tells(event, { event_id: 'Ev1', event_time: 2 })).status).toBe(200);
    await bench.stop();
    expect(cancelled).toBe(1);
  });

  it.each([
    ['a command', () => bench.types('cancel shop')],
    ['a command that only reads', () => bench.types('status')],
    ['a press', () => bench.presses('cancel', 'd1')],
  ])('%s that another instance had does nothing, and Slack need not send it again', async (_, send) => {
    bench.inbox.take = async () => false;
    expect((await send()).status).toBe(200);
    await bench.stop();
    expect(bench.heard).toEqual([]);
  });
});

describe('what is not of our workspace and app', () => {
  const menu = { type: 'block_suggestion', action_id: 'ref', block_id: 'ref', value: 'm' };
  it.each<[string, Record<string, unknown>, boolean]>([
    ['of our own', {}, true],
    ['of a person of another workspace, in a shared channel', { user: { id: 'U0FAR', team_id: 'T2' } }, true],
    ['without an app, as shortcuts are', { api_app_id: undefined }, true],
    ['of another workspace', { team: { id: 'T2' } }, false],
    ['of no workspace', { team: null }, false],
    ['of another app', { api_app_id: 'A2' }, false],
    ['of another organisation', { enterprise: { id: 'E2' } }, false],
    ['of another app, as JSON that is no such thing', { api_app_id: 7 }, false],
  ])('a press %s: %j, taken: %s', async (_, more, taken) => {
    if (more.enterprise) bench.workspace = async () => ({ team: 'T1', enterprise: 'E1', app: 'A1' });
    let clicks = 0;
    bench.bot.click = async () => ({ answer: `Pressed ${++clicks}.` });
    const response_url = `${bench.slackAddress}/respond/2`;
    const actions = [{ type: 'button', action_id: 'cancel', block_id: 'b', value: 'd1', action_ts: '1.1' }];
    const container = { type: 'message', message_ts: '5.5', channel_id: 'C1' };
    await bench.interacts({ type: 'block_actions', channel: { id: 'C1' }, container, response_url, actions, ...more });
    const { text } = await bench.hears('/respond');
    if (taken) expect(text).toBe('Pressed 1.');
    else expect(text).toMatch(/another workspace.*nothing was done/);
    expect([clicks, bench.kept.size]).toEqual(taken ? [1, 1] : [0, 0]);
  });

  it('with another address for its answer than Slack has: that hears nothing, the channel does', async () => {
    const heard: unknown[] = [];
    const stranger = createServer((request, response) => {
      heard.push(request.url);
      response.end();
    });
    try {
      await once(stranger.listen(0, '127.0.0.1'), 'listening');
      const address = stranger.address();
      const response_url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/respond/1`;
      const typed = { command: '/deploy', text: 'status', user_id: 'U0ANN', channel_id: 'C1', response_url };
      await bench.send({ ...typed, team_id: 'T1', api_app_id: 'A1' });
      expect(await bench.hears('/api/chat.postEphemeral')).toMatchObject({ channel: 'C1', user: 'U0ANN' });
      expect(heard).toEqual([]);
    } finally {
      stranger.close();
    }
  });

  it.each([
    ['https://hooks.slack.com/commands/T1/1/x', true],
    ['https://hooks.slack-gov.com/commands/T1/1/x', true],
    ['https://slack.com/api/chat.postMessage', true],
    ['http://hooks.slack.com/commands/T1/1/x', false],
    ['https://hooks.slack.com:8443/commands/T1/1/x', false],
    ['https://hooks.slack.com.example.com/commands/T1/1/x', false],
    ['https://hooks.slack.com@example.com/commands/T1/1/x', false],
    ['https://127.0.0.1/', false],
  ])('with an answer to %s: sent: %s', async (url, sent) => {
    const calls = vi.fn(async () => new Response());
    vi.stubGlobal('fetch', calls);
    try {
      const options = clientOptions({ slackApiUrl: 'https://slack.com/api/', log: pino({ level: 'silent' }) });
      const answered = options.fetch?.(url);
      if (sent) await answered;
      else await expect(answered).rejects.toThrow('is no address of Slack');
      expect(calls).toHaveBeenCalledTimes(sent ? 1 : 0);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('fills no menu, and shows a form nothing but why', async () => {
    bench.settings.refs = async () => ['main'];
    const view = { private_metadata: '{"value":"shop","channel":"C1"}', callback_id: 'deploy-ref', id: 'V1' };
    expect((await bench.interacts({ ...menu, view })).body).toContain('main');
    expect((await bench.interacts({ ...menu, view, team: { id: 'T2' } })).body).toBe('{"options":[]}');
    const values = { ref: { ref: { selected_option: { value: 'main' } } } };
    const sent = { type: 'view_submission', view: { ...view, state: { values } }, team: { id: 'T2' } };
    const answer = JSON.parse((await bench.interacts(sent)).body);
    expect(answer).toMatchObject({ response_action: 'errors', errors: { ref: expect.stringContaining('Not taken') } });
  });

  it('is told by where the app is installed: of an event, and of a form in a shared channel', async () => {
    const event = { type: 'app_mention', user: 'U0ANN', channel: 'C1', ts: '7.7', text: '<@U0BOT> status' };
    await bench.tells(event, {
      event_id: 'Ev1',
      team_id: 'T2',
      authorizations: [{ team_id: 'T1', enterprise_id: null }],
    });
    await bench.tells(event, { event_id: 'Ev2', team_id: 'T1', authorizations: [{ team_id: 'T2' }] });
    const view = { id: 'V1', callback_id: 'hold', private_metadata: '{"value":"d1","channel":null}' };
    const state = { values: { reason: { reason: { value: 'x' } } } };
    const form = { type: 'view_submission', team: { id: 'T2' }, view: { ...view, state, app_installed_team_id: 'T1' } };
    expect((await bench.interacts(form)).body).toBe('');
    await bench.stop();
    expect(bench.heard.map(({ body }) => /another workspace/.test(String(body.text)))).toEqual([false, true, false]);
  });

  it('is not known while Slack does not tell: nothing is taken', async () => {
    bench.workspace = () => new Promise(() => {});
    const { status, ms } = await bench.types('cancel shop');
    expect(status).toBe(200);
    expect(ms).toBeLessThan(2_500);
    expect((await bench.hears('/respond')).text).toContain('Not taken');
    expect(bench.kept.size).toBe(0);
  });
});

describe('the process', () => {
  it('says that it is up, and nothing else to strangers', async () => {
    const unsigned = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
    expect(await (await fetch(`${bench.address}/healthz`)).text()).toBe('ok');
    expect((await fetch(`${bench.address}/`)).status).toBe(404);
    expect((await fetch(`${bench.address}/slack/events`, unsigned)).status).toBe(401);
  });

  it('is up for Heroku in Socket Mode too, before Slack can be reached', async () => {
    const port = await createPorts().take();
    const bolt = createBolt({
      ...{ signingSecret: 'unused', botToken: 'xoxb-1', appToken: 'xapp-1', port, checks: {} },
      ...{ inbox: bench.inbox, workspace: bench.workspace, onlyReads },
      ...{ slackApiUrl: 'http://127.0.0.1:1/', log: pino({ level: 'silent' }) },
    });
    void bolt.start().catch(() => {});
    const healthy = async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status;
    await expect.poll(() => healthy().catch(() => null), { timeout: 10_000 }).toBe(200);
    await bolt.stop();
  });

  it('says whether it can work, and what is missing, within a second', async () => {
    const ask = async () => {
      const response = await fetch(`${bench.address}/readyz`);
      return `${response.status} ${await response.text()}`;
    };
    expect(await ask()).toBe('200 ready');
    bench.checks.postgres = async () => Promise.reject(new Error('away'));
    bench.checks.slack = () => new Promise(() => {});
    const from = performance.now();
    expect(await ask()).toBe('503 not ready: postgres, slack');
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  it('asks Postgres once however many look, and again when that is old', async () => {
    let asked = 0;
    const looks = () => Promise.all(Array.from({ length: 20 }, () => fetch(`${bench.address}/readyz`)));
    bench.checks.postgres = every(60_000, async () => asked++);
    await looks();
    expect(asked).toBe(1);
    bench.checks.postgres = every(1, async () => asked++);
    await expect.poll(() => looks().then(() => asked)).toBeGreaterThan(2);
  });

  it('finishes what it began before it stops, and does not wait for open connections', async () => {
    let release = (): void => {};
    bench.bot.plan = () =>
      new Promise(resolve => {
        release = () => resolve({ id: 'p1', plan, place: null, gate: OPEN });
      });
    await bench.types('shop');
    const from = performance.now();
    let stopped = false;
    const stopping = bench.stop().then(() => {
      stopped = true;
    });
    await expect(fetch(`${bench.address}/healthz`)).rejects.toThrow();
    expect(stopped).toBe(false);
    release();
    await stopping;
    expect(bench.heard.some(({ path }) => path.startsWith('/respond'))).toBe(true);
    expect(performance.now() - from).toBeLessThan(3_000);
  });
});
