import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBolt } from '../src/adapters/bolt.ts';
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

  it('the same request again does nothing', async () => {
    let plans = 0;
    bench.bot.plan = async () => {
      plans++;
      return { id: 'p1', plan, place: null, gate: OPEN };
    };
    const body = new URLSearchParams({
      command: '/deploy',
      text: 'shop',
      user_id: 'U0ANN',
      channel_id: 'C1',
      response_url: `${bench.slackAddress}/respond/1`,
    });
    const timestamp = Math.floor(Date.now() / 1000);
    const again = (signature: string) => bench.post(body.toString(), timestamp, signature);
    const signature = signed(timestamp, body.toString());
    expect((await again(signature)).status).toBe(200);
    expect((await again(signature)).status).toBe(401);
    expect((await again(`${signature}=x`)).status).toBe(401);
    await bench.hears('/respond');
    expect(plans).toBe(1);
  });

  it('a request that another instance had is refused', async () => {
    bench.seen = async () => true;
    expect((await bench.types('')).status).toBe(401);
  });

  it('a store that does not answer delays nobody for long', async () => {
    bench.seen = () => new Promise(() => {});
    const { status, ms } = await bench.types('');
    expect(status).toBe(200);
    expect(ms).toBeLessThan(2_500);
  });

  it('a store that fails lets people go on', async () => {
    bench.seen = async () => {
      throw new Error('no database');
    };
    expect((await bench.types('')).status).toBe(200);
  });
});

describe('the process', () => {
  it('says that it is up, and nothing else to strangers', async () => {
    expect(await (await fetch(`${bench.address}/healthz`)).text()).toBe('ok');
    expect((await fetch(`${bench.address}/`)).status).toBe(404);
    expect((await fetch(`${bench.address}/slack/events`, { method: 'POST', body: '{}' })).status).toBe(401);
  });

  it('is up for Heroku in Socket Mode too, before Slack can be reached', async () => {
    const port = await createPorts().take();
    const bolt = createBolt({
      ...{ signingSecret: 'unused', botToken: 'xoxb-1', appToken: 'xapp-1', port, checks: {}, seen: async () => false },
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
