import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUTTONS } from '../commands/buttons.ts';
import { FORMS, OPENS } from '../commands/forms.ts';
import { onlyReads } from '../commands/reading.ts';
import { PerhapsTaken } from '../src/adapters/inbox.ts';
import { BoltRig } from './bolt-rig.ts';

// What is kept of a request before Slack is answered, and what comes of it when the database is away or the bot died.

let bench: BoltRig;

beforeEach(async () => {
  bench = new BoltRig();
  await bench.start();
});

afterEach(() => bench.stop());

const form = (callback_id: string, values: object) => ({
  type: 'view_submission',
  view: {
    ...{ id: 'V1', callback_id, blocks: [{ type: 'divider' }], state: { values } },
    private_metadata: JSON.stringify({ value: 'd1', channel: 'C1', app: 'shop', version: 1 }),
  },
});
const HOLD = form('hold', { reason: { reason: { value: 'Not today.' } } });
const mention = (text: string) => ({ type: 'app_mention', user: 'U0ANN', channel: 'C1', ts: '7.7', text });

describe('what only reads', () => {
  it.each([
    ['help', ''],
    ['help', 'help'],
    ['status', 'status shop'],
    ['queue', 'queue'],
    ['history', 'history shop'],
    ['live', 'live shop main'],
    ['stats', 'stats shop'],
    ['a form', 'settings shop'],
    ['what cannot be read', 'shop main now'],
  ])('%s: `/deploy %s`', (_, text) => expect(onlyReads({ command: '/deploy', text })).toBe(true));

  it.each([
    ...['shop', 'shop main at 18:30', 'shop --plan', 'rollback shop', 'cancel shop', 'lock shop x', 'unlock all'],
    ...['app:status'],
  ])('is not `/deploy %s`', text => expect(onlyReads({ command: '/deploy', text })).toBe(false));

  it.each([
    ['shop', true],
    ['shop status', true],
    ['shop on', false],
    ['shop off', false],
    ['shop of', false],
  ])('`/maintenance %s`: %s', (text, reads) => expect(onlyReads({ command: '/maintenance', text })).toBe(reads));

  it('are buttons that open a form, and two more', () => {
    const press = (action_id: string) => onlyReads({ type: 'block_actions', actions: [{ action_id }] });
    const reading = Object.keys(BUTTONS).filter(press);
    expect(reading.toSorted()).toEqual(['history', 'not-now']);
    expect(Object.keys(OPENS).every(press)).toBe(true);
    expect([press('start:2'), press('of-another-version')]).toEqual([false, false]);
  });

  it('is no form that was sent', () => {
    for (const callback of [...Object.keys(FORMS), 'settings']) expect(onlyReads(form(callback, {}))).toBe(false);
  });

  it.each([
    ['<@U0BOT> status', true],
    ['<@U0BOT>', true],
    ['<@U0BOT> cancel', false],
    ['<@U0BOT> cancel shop', false],
    ['<@U0BOT|switchover>  Hold it: not today', false],
    ['<@U0BOT> shop', false],
  ])('of what the bot is told: %s, %s', (text, reads) => {
    expect(onlyReads({ type: 'event_callback', event: mention(text) })).toBe(reads);
  });

  it.each([
    ['a command', () => bench.types('status')],
    ['a form that opens', () => bench.presses('hold', 'd1')],
  ])('%s is acknowledged before the database is asked', async (_, send) => {
    const database = Promise.withResolvers<boolean>();
    bench.inbox.take = () => database.promise;
    expect((await send()).status).toBe(200);
    expect(bench.heard).toEqual([]);
    database.resolve(true);
    await bench.stop();
    expect(bench.heard).toHaveLength(1);
  });

  it('is answered all the same when the database does not say whether it came before', async () => {
    bench.inbox.take = async () => Promise.reject(new Error('away'));
    await bench.types('status');
    expect((await bench.hears('/respond')).text).not.toContain('Not taken');
  });
});

describe('more than anybody waits for', () => {
  it('is not looked up, which is said in place of an acknowledgement, and changes are taken all the same', async () => {
    const looked = Promise.withResolvers<[]>();
    bench.bot.status = () => looked.promise;
    // Some are worked on, and as many wait as are remembered.
    for (let sent = 0; sent < 2_100; sent += 100)
      await Promise.all(Array.from({ length: 100 }, (_, index) => bench.types(`status ${' '.repeat(sent + index)}`)));
    const late = await bench.types('status shop');
    expect(late).toMatchObject({ status: 200, body: expect.stringContaining('ask again in a minute') });
    expect(await bench.tells(mention('<@U0BOT> status'), { event_id: 'Ev2' })).toMatchObject({ status: 200 });
    expect(await bench.types('cancel shop')).toMatchObject({ status: 200, body: '' });
    looked.resolve([]);
    expect((await bench.hears('/respond')).text).not.toContain('ask again');
  });
});

describe('what changes something', () => {
  it.each([
    ['a command', () => bench.types('cancel shop')],
    ['a press', () => bench.presses('cancel', 'd1')],
    ['a form', () => bench.interacts(HOLD)],
    ['a word to the bot', () => bench.tells(mention('<@U0BOT> cancel shop'), { event_id: 'Ev1' })],
  ])('%s is kept before it is acknowledged, and let go when it is answered', async (_, send) => {
    const { take } = bench.inbox;
    const [asked, kept] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    bench.inbox.take = async (id, body) => {
      asked.resolve();
      await kept.promise;
      return take(id, body);
    };
    let isAcknowledged = false;
    const sent = send().finally(() => {
      isAcknowledged = true;
    });
    await asked.promise;
    await new Promise(next => setTimeout(next, 100));
    expect(isAcknowledged).toBe(false);
    kept.resolve();
    expect((await sent).status).toBe(200);
    await bench.stop();
    expect([...bench.kept.values()]).toEqual([null]);
  });

  it('is kept without what nobody needs', async () => {
    bench.inbox.done = () => {};
    await bench.interacts({ ...HOLD, message: { blocks: ['long'] } });
    const [kept] = bench.kept.values();
    expect(JSON.parse(kept ?? '')).toMatchObject({
      type: 'view_submission',
      user: { id: 'U0ANN' },
      view: { id: 'V1' },
    });
    expect(kept).not.toMatch(/"token"|divider|long/);
  });

  describe.each([
    ['is away', new Error('away'), /^Not taken: .*nothing was done\. Try again in a minute/],
    [
      'does not say whether it has kept it',
      new PerhapsTaken('late'),
      /^It is not known whether this was taken: .*if nothing comes of it, ask again/,
    ],
  ])('while the database %s', (_, error, words) => {
    beforeEach(() => {
      bench.inbox.take = () => Promise.reject(error);
      bench.inbox.done = () => Promise.reject(new Error('nothing was taken'));
      bench.bot.click = bench.bot.cancel = async () => Promise.reject(new Error('nothing may be done'));
    });

    it.each([
      ['a command', () => bench.types('cancel shop'), '/respond'],
      ['a press', () => bench.presses('cancel', 'd1'), '/respond'],
      [
        'a word to the bot',
        () => bench.tells(mention('<@U0BOT> cancel shop'), { event_id: 'Ev1' }),
        '/api/chat.postEphemeral',
      ],
    ])('%s is not worked, and it says so', async (_, send, where) => {
      const { status, body } = await send();
      expect({ status, body }).toEqual({ status: 200, body: '' });
      expect((await bench.hears(where)).text).toMatch(words);
    });

    it('a form stays as it was filled in', async () => {
      const { body } = await bench.interacts(HOLD);
      expect(JSON.parse(body)).toEqual({
        response_action: 'errors',
        errors: { reason: expect.stringMatching(words) },
      });
    });
  });
});

describe('what another instance left', () => {
  function left(body: object, giveUp = false): void {
    const all = [{ id: 'x', body: JSON.stringify({ user: { id: 'U0ANN' }, team: { id: 'T1' }, ...body }), giveUp }];
    bench.inbox.claim = async () => all.shift() ?? null;
  }
  const press = () => ({
    type: 'block_actions',
    channel: { id: 'C1' },
    container: { type: 'message', message_ts: '5.5', channel_id: 'C1' },
    response_url: `${bench.slackAddress}/respond/2`,
    actions: [{ type: 'button', action_id: 'cancel', block_id: 'b', value: 'd1', action_ts: '12.34' }],
  });

  it('is worked under the name that it had, and answered', async () => {
    const ids: string[] = [];
    bench.bot.click = async ({ id }) => {
      ids.push(id);
      return { answer: 'Cancelled.' };
    };
    await bench.presses('cancel', 'd1');
    left(press());
    await bench.workLeft();
    await bench.stop();
    expect(ids).toEqual(['U0ANN 12.34 cancel', 'U0ANN 12.34 cancel']);
    expect(bench.kept.get('x')).toBe(null);
    expect(bench.heard.filter(({ body }) => body.text === 'Cancelled.')).toHaveLength(2);
  });

  it('too long ago is answered and not worked', async () => {
    bench.bot.click = async () => Promise.reject(new Error('too late'));
    left(press(), true);
    await bench.workLeft();
    expect((await bench.hears('/respond')).text).toMatch(/was stopped while .* ask again/);
    await bench.stop();
    expect(bench.kept.get('x')).toBe(null);
  });

  it('is answered in the channel where its own address is used up', async () => {
    bench.answers = 404;
    left(press());
    await bench.workLeft();
    expect(await bench.hears('/api/chat.postEphemeral')).toMatchObject({ channel: 'C1', user: 'U0ANN' });
  });

  it('of settings that are wrong is told in the channel: the form is gone', async () => {
    bench.settings.save = async () => ({ kind: 'wrong', problems: { name: 'Heroku sees no app of that name.' } });
    left(form('settings', { repository: { repository: { value: 'acme/shop' } } }));
    await bench.workLeft();
    expect((await bench.hears('/api/chat.postEphemeral')).text).toContain('Heroku sees no app of that name.');
  });
});

describe('an answer', () => {
  const event = () => bench.tells(mention('<@U0BOT> status'), { event_id: `Ev${Math.random()}` });

  it('that Slack asks to wait with is given when the time is over', async () => {
    bench.refusals.push(1);
    const from = performance.now();
    await event();
    await expect.poll(() => bench.heard.length, { timeout: 5_000 }).toBe(2);
    expect(performance.now() - from).toBeGreaterThan(900);
    expect(new Set(bench.heard.map(({ path }) => path))).toEqual(new Set(['/api/chat.postEphemeral']));
  });

  it('is one of not more than Slack takes a minute', async () => {
    for (let index = 0; index < 16; index++) void event();
    await expect.poll(() => bench.heard.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(10);
    const before = bench.heard.length;
    await new Promise(next => setTimeout(next, 1_000));
    expect(bench.heard.length - before).toBeLessThanOrEqual(3);
  });

  it('stands in for a form that Slack does not open now', async () => {
    bench.refusals.push(7);
    await bench.presses('hold', 'd1');
    expect((await bench.hears('/respond')).text).toMatch(/for 7 s, so the form did not open\. Nothing was done/);
  });
});
