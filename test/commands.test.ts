import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deploy } from '../src/domain/deploy.ts';
import { withRoles } from '../src/domain/permission.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { replyTo } from '../views/reply.ts';
import { BoltRig } from './bolt-rig.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { migrating, pending } from './sample-migrations.ts';

let bench: BoltRig;

const rootOfCard = (deploy: Deploy) => {
  const asked = deploy.facts.find(fact => fact.kind === 'approval asked');
  return asked ? replyTo(asked, deploy)?.message : null;
};

beforeEach(async () => {
  bench = new BoltRig();
  await bench.start();
});

afterEach(() => bench.stop());

describe('/deploy', () => {
  it('shows the plan to the asker alone', async () => {
    const asked: unknown[] = [];
    bench.bot.plan = async ask => {
      asked.push(ask);
      return { id: 'p1', plan, place: null, gate: OPEN };
    };
    expect((await bench.types('shop feature/x')).status).toBe(200);
    const told = await bench.hears('/respond');
    expect(told).toMatchObject({ response_type: 'ephemeral', text: expect.stringContaining('Plan: deploy') });
    expect(JSON.stringify(told.blocks)).toContain('"value":"p1"');
    expect(asked).toEqual([{ user: 'U0ANN', channel: 'C1', app: 'shop', ref: 'feature/x' }]);
  });

  it('without words helps with the apps of the asker', async () => {
    bench.bot.visible = async user => [
      withRoles({
        name: `kiosk-${user.toLowerCase()}`,
        repository: 'acme/kiosk',
        defaultRef: 'main',
        channel: 'C1',
        deployers: [],
        approvers: [],
        fourEyes: true,
        windowSeconds: 180,
      }),
    ];
    await bench.types('');
    expect(JSON.stringify(await bench.hears('/respond'))).toContain('kiosk-u0ann');
  });

  it('is acknowledged before anything is looked up', async () => {
    let release = (): void => {};
    bench.bot.plan = () =>
      new Promise(resolve => {
        release = () => resolve({ id: 'p1', plan, place: null, gate: OPEN });
      });
    const { status, body, ms } = await bench.types('shop');
    expect({ status, body }).toEqual({ status: 200, body: '' });
    expect(ms).toBeLessThan(1_500);
    expect(bench.heard).toEqual([]);
    release();
    await bench.hears('/respond');
  });

  it('that is refused says every reason', async () => {
    bench.bot.plan = async () => {
      throw new Refusal(['Preboot is off.', 'Ask <@U0BOB> first, not <!channel>.']);
    };
    await bench.types('shop');
    const told = JSON.stringify(await bench.hears('/respond'));
    expect(told).toContain('Preboot is off.');
    expect(told).toContain('Ask <@U0BOB> first, not &lt;!channel&gt;.');
  });

  it('with words that cannot be read says what to type', async () => {
    await bench.types('shop main now');
    expect(JSON.stringify(await bench.hears('/respond'))).toContain('`/deploy shop main`');
  });

  it('that breaks in the bot is our fault, under the id that is in the log', async () => {
    bench.bot.plan = async () => {
      throw new Error('secret detail');
    };
    expect((await bench.types('shop')).status).toBe(200);
    const told = JSON.stringify(await bench.hears('/respond'));
    const id = /e[0-9a-f]{8}/.exec(told)?.[0];
    expect(told).toContain('our fault');
    expect(told).not.toContain('secret detail');
    expect(bench.logged.find(line => line.id === id)).toMatchObject({ err: { message: 'secret detail' } });
  });
});

describe('buttons', () => {
  it('Start begins what was shown, and takes its place', async () => {
    const asked: unknown[] = [];
    bench.bot.start = async ask => {
      asked.push(ask);
      return { kind: 'started', deploy: 'd1', channel: 'C0DEPLOYS', place: null };
    };
    await bench.presses('start', 'p1');
    expect(await bench.hears('/respond')).toMatchObject({
      replace_original: true,
      text: expect.stringContaining('<#C0DEPLOYS>'),
    });
    expect(asked).toEqual([{ user: 'U0ANN', plan: 'p1' }]);
  });

  it('Start shows the new plan when the world changed', async () => {
    bench.bot.start = async () => ({ kind: 'changed', id: 'p2', plan, place: null, gate: OPEN, what: ['main moved.'] });
    await bench.presses('start', 'p1');
    const told = await bench.hears('/respond');
    expect(told.text).toContain('Not started');
    expect(JSON.stringify(told)).toContain('"value":"p2"');
  });

  it('a refused Start leaves the plan where it is', async () => {
    bench.bot.start = async () => {
      throw new Refusal(['Another deploy runs.']);
    };
    await bench.presses('start', 'p1');
    expect(await bench.hears('/respond')).toMatchObject({ replace_original: false, text: 'Another deploy runs.' });
  });

  it('Not now puts the plan away', async () => {
    await bench.presses('not-now', 'p1');
    expect(await bench.hears('/respond')).toMatchObject({
      replace_original: true,
      text: expect.stringContaining('Not started'),
    });
  });

  it.each([
    ['cancel', 'cancel'],
    ['roll-back', 'roll back'],
    ['run-them', 'run them'],
    ['open-the-app', 'open'],
    ['try-again', 'try again'],
  ])('%s is handed on, with a name of its own for each press, and answered in the thread', async (action, kind) => {
    const asked: { id: string }[] = [];
    bench.bot.click = async ask => {
      asked.push(ask);
      return { answer: 'Noted.' };
    };
    await bench.presses(action, 'd1', '1.1');
    expect(await bench.hears('/respond')).toMatchObject({ text: 'Noted.', thread_ts: '4.4' });
    await bench.presses(action, 'd1', '2.2');
    expect(asked).toMatchObject([
      { user: 'U0ANN', deploy: 'd1', kind },
      { user: 'U0ANN', deploy: 'd1', kind },
    ]);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(2);
  });
});

describe('a button that asks for words first', () => {
  it.each([
    ['hold', 'hold', 'Hold them'],
    ['it-serves', 'it serves', 'I checked'],
    ['old-code-is-gone', 'old code is gone', 'I checked'],
  ])('%s opens a form, and hands on what was written, once for each form', async (action, kind, submit) => {
    const asked: unknown[] = [];
    bench.bot.click = async ask => {
      asked.push(ask);
      return { answer: 'Held.' };
    };
    await bench.presses(action, 'd1 c1');
    const opened = await bench.hears('/api/views.open');
    const view = JSON.parse(String(opened.view));
    expect(opened.trigger_id).toBe('1.2');
    expect(view.submit.text).toBe(submit);
    expect(asked).toEqual([]);
    const state = { values: { reason: { reason: { type: 'plain_text_input', value: 'The report reads it.' } } } };
    const submitted = await bench.interacts({ type: 'view_submission', view: { ...view, id: 'V1', state } });
    expect(submitted).toMatchObject({ status: 200, body: '' });
    expect(await bench.hears('/api/chat.postEphemeral')).toMatchObject({ channel: 'C1', user: 'U0ANN', text: 'Held.' });
    const press = { user: 'U0ANN', deploy: 'd1', kind, about: 'c1', reason: 'The report reads it.' };
    expect(asked).toMatchObject([{ ...press, id: 'U0ANN V1' }]);
  });

  it('Run them, where other apps use the same database, wants it ticked that their owners know', async () => {
    const asked: unknown[] = [];
    bench.bot.click = async ask => {
      asked.push(ask);
      return { answer: 'Approved.' };
    };
    await bench.presses('run-them-for-all', 'd1 c1');
    const view = JSON.parse(String((await bench.hears('/api/views.open')).view));
    expect(JSON.stringify(view.blocks)).toContain('*reports*');
    const state = { values: { reason: { reason: { type: 'checkboxes', selected_options: [{ value: 'agree' }] } } } };
    await bench.interacts({ type: 'view_submission', view: { ...view, id: 'V1', state } });
    await bench.hears('/api/chat.postEphemeral');
    expect(asked).toMatchObject([{ deploy: 'd1', kind: 'run them', about: 'c1', reason: 'agree' }]);
  });
});

describe('Deploy an app', () => {
  it('asks which app, of those that one may deploy, then what of it, and shows the plan', async () => {
    const asked: unknown[] = [];
    bench.settings.apps = async ask => {
      asked.push(ask);
      return ['kiosk'];
    };
    bench.bot.plan = async ask => {
      asked.push(ask);
      return { id: 'p1', plan, place: null, gate: OPEN };
    };
    await bench.interacts({ type: 'shortcut', callback_id: 'deploy-an-app', action_ts: '1.1' });
    const view = JSON.parse(String((await bench.hears('/api/views.open')).view));
    const about = { type: 'view', view: { ...view, id: 'V1' } };
    const { body } = await bench.interacts({
      ...about,
      type: 'block_suggestion',
      action_id: 'app',
      block_id: 'app',
      value: 'k',
    });
    expect(JSON.parse(body).options.map(({ value }: { value: string }) => value)).toEqual(['kiosk']);
    const chosen = (name: string, value: string) => ({
      values: { [name]: { [name]: { selected_option: { value } } } },
    });
    const sent = (form: object, state: object) =>
      bench.interacts({ type: 'view_submission', view: { ...form, id: 'V1', state } });
    const next = JSON.parse((await sent(view, chosen('app', 'kiosk'))).body);
    expect(next.response_action).toBe('update');
    expect(JSON.stringify(next.view.blocks)).toContain('*kiosk*');
    await sent(next.view, chosen('ref', 'next'));
    expect(await bench.hears('/api/chat.postMessage')).toMatchObject({
      channel: 'U0ANN',
      text: expect.stringContaining('Plan: deploy'),
    });
    expect(asked).toEqual([
      { user: 'U0ANN', words: 'k' },
      { user: 'U0ANN', channel: '', app: 'kiosk', ref: 'next' },
    ]);
  });
});

describe('Show all', () => {
  const long = (): Deploy => {
    const deploy = migrating['waiting for an approval'];
    const sql = `DROP TABLE old_hats; -- ${'<@U0BOB> & more '.repeat(900)}the end`;
    const files = pending.files.map(file => ({
      ...file,
      statements: file.statements.map(statement => ({ ...statement, sql })),
    }));
    return { ...deploy, plan: { ...deploy.plan, migrations: { ...pending, files } } };
  };

  it('opens a migration that is too long for its card, to its last word', async () => {
    const card = JSON.stringify(rootOfCard(long()));
    const value = /"action_id":"show-file:\d+"[^}]*},"value":"([^"]+)"/.exec(card)?.[1] ?? '';
    bench.bot.show = async () => long();
    await bench.presses('show-file', value);
    const view = JSON.parse(String((await bench.hears('/api/views.open')).view));
    const shown = view.blocks.map((block: { text: { text: string } }) => block.text.text);
    expect(shown.every((text: string) => text.length <= 3_000)).toBe(true);
    expect(shown.join('')).toContain('the end```');
    expect(shown.join('')).toContain('&lt;@U0BOB&gt; &amp; more');
  });

  it('of a file that is gone says so', async () => {
    await bench.presses('show-file', 'd1 99 7');
    expect(JSON.stringify(await bench.hears('/respond'))).toContain('not part of this deploy any more');
  });
});

describe('what the bot does not know', () => {
  it.each(['/undeploy', '/deployment'])('the command %s is answered', async command => {
    await bench.types('shop', {}, command);
    expect(JSON.stringify(await bench.hears('/respond'))).toContain('does not know that command');
  });

  it.each(['old-button', 'constructor', '__proto__', 'toString'])('the button %s is answered', async action => {
    await bench.presses(action, 'x');
    expect(await bench.hears('/respond')).toMatchObject({ text: expect.stringContaining('does not know that button') });
  });

  it('a form is answered where it stands', async () => {
    const { status, body } = await bench.interacts({
      type: 'view_submission',
      view: { id: 'V1', callback_id: 'old', type: 'modal', state: { values: {} } },
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ response_action: 'update' });
    expect(body).toContain('does not know that form');
  });

  it('a form that was closed and a search for options are acknowledged', async () => {
    const closed = await bench.interacts({
      type: 'view_closed',
      view: { id: 'V1', callback_id: 'old', type: 'modal' },
    });
    expect(closed).toMatchObject({ status: 200, body: '' });
    const options = await bench.interacts({ type: 'block_suggestion', action_id: 'old', block_id: 'b', value: 'x' });
    expect(JSON.parse(options.body)).toEqual({ options: [] });
  });

  it('a shortcut is answered in person', async () => {
    await bench.interacts({ type: 'shortcut', callback_id: 'old', action_ts: '1.1' });
    expect(await bench.hears('/api/chat.postMessage')).toMatchObject({ channel: 'U0ANN' });
  });
});

describe('an answer', () => {
  it('whose address does not work any more comes as a private message', async () => {
    bench.answers = 404;
    await bench.types('');
    expect(await bench.hears('/api/chat.postEphemeral')).toMatchObject({ channel: 'C1', user: 'U0ANN' });
  });

  it.each(['not_in_channel', 'channel_not_found'])(
    'that Slack shows nobody there (%s) comes in person',
    async error => {
      bench.answers = 404;
      bench.errors.push(error);
      await bench.types('');
      expect(await bench.hears('/api/chat.postMessage')).toMatchObject({ channel: 'U0ANN' });
    },
  );
});
