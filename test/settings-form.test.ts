import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendSettings } from '../commands/settings.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { BoltRig } from './bolt-rig.ts';

// Slack waits 3 s for what a form shows, and its work may take longer.

let bench: BoltRig;

beforeEach(async () => {
  bench = new BoltRig();
  await bench.start();
});

afterEach(() => bench.stop());

const SENT = {
  type: 'view_submission',
  view: {
    ...{ id: 'V1', callback_id: 'settings', blocks: [] },
    state: { values: { repository: { repository: { value: 'acme/shop' } } } },
    private_metadata: JSON.stringify({ channel: 'C1', app: 'shop', version: 1 }),
  },
};

describe('a form of settings whose work takes longer than Slack waits', () => {
  /** Keeping it takes a while as well. */
  beforeEach(() => {
    const { take } = bench.inbox;
    bench.inbox.take = async (...asked) => {
      await sleep(800);
      return take(...asked);
    };
  });

  it('closes in time, and its sender is told that it was saved', async () => {
    bench.settings.save = () => sleep(3_000, { kind: 'saved', app: 'shop' } as const);
    const { body, ms } = await bench.interacts(SENT);
    expect(body).toBe('');
    expect(ms).toBeLessThan(2_500);
    expect(bench.heard).toEqual([]);
    expect((await bench.hears('/api/chat.postEphemeral')).text).toMatch(/^Saved\./);
    expect(bench.heard).toHaveLength(1);
  });

  it('closes in time, and its sender is told what is wrong, and that nothing was saved', async () => {
    bench.settings.save = () =>
      sleep(3_000, { kind: 'wrong', problems: { name: 'Heroku sees no such app.' } } as const);
    const { body, ms } = await bench.interacts(SENT);
    expect(body).toBe('');
    expect(ms).toBeLessThan(2_500);
    expect((await bench.hears('/api/chat.postEphemeral')).text).toBe(
      'Nothing was saved. Heroku sees no such app. `/deploy settings shop` opens the form again.',
    );
  });

  it('closes in time, and its sender is told why it was refused', async () => {
    bench.settings.save = async () => {
      await sleep(3_000);
      throw new Refusal(['You may not change shop.']);
    };
    expect(await bench.interacts(SENT)).toMatchObject({ status: 200, body: '' });
    expect((await bench.hears('/api/chat.postEphemeral')).text).toBe('You may not change shop.');
  });
});

describe('a form of settings that Slack takes no answer to', () => {
  const sent = { user: 'U0ANN', view: SENT.view };
  const deaf = async () => Promise.reject(new Error('ERR_HTTP_HEADERS_SENT'));

  it.each([
    ['saved', { kind: 'saved', app: 'shop' }, /^Saved\./],
    ['wrong', { kind: 'wrong', problems: { name: 'No such app.' } }, /^Nothing was saved\. No such app\./],
    [
      'no number',
      { kind: 'wrong', problems: { windowSeconds: 'This must be so.' } },
      /saved\. `windowSeconds` must be so\./,
    ],
  ] as const)('is told as it is: %s', async (_, result, text) => {
    const form = { ack: deaf, answerBy: performance.now() + 1_000, log: { warn: () => {} } };
    const said = await sendSettings({ ...bench.settings, save: async () => result }, sent, form);
    expect(said?.text).toMatch(text);
  });
});
