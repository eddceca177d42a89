import { WebClient } from '@slack/web-api';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { slackLogger } from '../src/adapters/slack-client.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';
import { startStockBot } from './stock-bot.ts';

let slack: Slack;
let bot: Awaited<ReturnType<typeof startStockBot>>;
let app: typeof bot.app;

async function startBot(signingSecret: string): Promise<void> {
  bot = await startStockBot(slack, signingSecret);
  app = bot.app;
}

beforeEach(async () => {
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: { ann: 'U0ANN', bob: 'U0BOB' },
    channels: { deploys: 'C0DEPLOYS' },
    commands: ['/deploy', '/slow', '/form'],
    limits: false,
  });
  await startBot('secret');
});

afterEach(async () => {
  vi.useRealTimers();
  await bot.stop();
  await slack.stop();
});

const channel = '#deploys';
const start = (value = 'plan-1') => [
  { type: 'section' as const, text: { type: 'mrkdwn' as const, text: 'Deploy *shop*?' } },
  {
    type: 'actions' as const,
    elements: [
      {
        type: 'button' as const,
        action_id: 'start',
        value,
        text: { type: 'plain_text' as const, text: 'Start' },
        confirm: {
          title: { type: 'plain_text' as const, text: 'Start?' },
          text: { type: 'mrkdwn' as const, text: 'Of <@U0ANN>' },
          confirm: { type: 'plain_text' as const, text: 'Start' },
          deny: { type: 'plain_text' as const, text: 'Wait' },
        },
      },
    ],
  },
];

describe('a bot and its people', () => {
  it('go through a command, a press, edits, replies and an announcement', async () => {
    app.command('/deploy', async ({ ack, command, respond }) => {
      await ack();
      await respond({ text: `Deploy ${command.text}?`, blocks: start(`${command.user_id} ${command.text}`) });
    });
    app.action('start', async ({ ack, body, respond, client, action }) => {
      await ack();
      await respond({ text: 'Started', replace_original: true });
      const text = `${'value' in action ? action.value : ''} by <@${body.user.id}>`;
      const { ts = '' } = await client.chat.postMessage({ channel: 'C0DEPLOYS', text });
      await client.chat.update({ channel: 'C0DEPLOYS', ts, text: 'New code serves' });
      const reply = { channel: 'C0DEPLOYS', thread_ts: ts, reply_broadcast: true };
      await client.chat.postMessage({ ...reply, text: `<@${body.user.id}> shop is out` });
    });
    const feed: string[] = [];
    slack.on('change', ({ kind, message }) => feed.push(`${kind} ${message}`));

    const [ann, bob] = [slack.person('ann'), slack.person('bob')];
    expect(await ann.types('/deploy shop & <b>', { channel })).toMatchObject({ status: 200, error: null });
    const pressed = await ann.presses('Start');
    expect(pressed).toMatchObject({ status: 200, confirm: 'Start?\nOf @ann\n[Start] [Wait]' });
    const announced = await slack.channel(channel).shows('@ann shop is out');
    expect(announced.inThreadOf?.plain).toBe('New code serves');
    const [root, again] = slack.channel(channel).messages();
    expect(root?.edits.map(({ plain }) => plain)).toEqual(['U0ANN shop & <b> by @ann']);
    expect(root?.thread().map(({ plain }) => plain)).toEqual(['@ann shop is out']);
    expect(again?.broadcast).toBe(true);
    expect(ann.messages()[0]?.plain).toBe('Started');
    expect(bob.messages().map(({ plain }) => plain)).toEqual(['New code serves', '@ann shop is out']);
    expect(feed).toEqual([
      'posted #deploys switchover (only ann sees this): Deploy *shop*?\n  [Start]',
      'edited #deploys switchover (only ann sees this, edited): Started',
      'posted #deploys switchover: U0ANN shop & <b> by @ann',
      'edited #deploys switchover (edited): New code serves',
      'posted     #deploys switchover (also in the channel): @ann shop is out',
    ]);
  });

  it('meet the message that was pressed, unless only one could see it', async () => {
    const bodies: { message?: unknown; container: unknown }[] = [];
    app.command('/deploy', async ({ ack, respond, client }) => {
      await ack();
      await client.chat.postMessage({ channel: 'C0DEPLOYS', text: 'Deploy?', blocks: start() });
      await respond({ text: 'Deploy?', blocks: start() });
    });
    app.action('start', async ({ ack, body }) => {
      await ack();
      if (body.type === 'block_actions') bodies.push({ message: body.message, container: body.container });
    });
    await slack.person('ann').types('/deploy shop', { channel });
    await slack.person('ann').sees(({ onlyTo }) => onlyTo === 'ann');
    await slack.person('ann').presses('Start');
    await slack.person('bob').presses('Start');
    expect(bodies).toMatchObject([
      { container: { is_ephemeral: true }, message: undefined },
      { container: { is_ephemeral: false }, message: { text: 'Deploy?', bot_id: 'B0SWITCH' } },
    ]);
  });

  it('can press what an edit has taken away since, as from a window that is behind', async () => {
    const values: unknown[] = [];
    app.command('/deploy', async ({ ack, client }) => {
      const { ts = '' } = await client.chat.postMessage({
        channel: 'C0DEPLOYS',
        text: 'Deploy?',
        blocks: start('old'),
      });
      await client.chat.update({ channel: 'C0DEPLOYS', ts, text: 'Too late', blocks: [] });
      await ack();
    });
    app.action('start', async ({ ack, action }) => {
      values.push('value' in action && action.value);
      await ack();
    });
    const ann = slack.person('ann');
    await ann.types('/deploy shop', { channel });
    const message = await slack.channel(channel).shows('Too late');
    await expect(ann.presses('Start', { withinMs: 50 })).rejects.toThrow('ann did not show');
    expect(await ann.presses('Start', { on: message })).toMatchObject({ status: 200 });
    expect(values).toEqual(['old']);
    await expect(ann.presses('Stop', { on: message })).rejects.toThrow('no button “Stop”');
  });

  it('learn from Slack itself that the bot did not answer', async () => {
    app.command('/slow', async () => {});
    const ann = slack.person('ann');
    const [slow] = await Promise.all([
      ann.types('/slow', { channel }),
      ann.sees(/^\/slow failed with the error "(operation_timeout|dispatch_failed)"$/),
    ]);
    expect(slow?.ms).toBeGreaterThan(2_900);
    await bot.stop();
    expect(await ann.types('/deploy shop', { channel })).toMatchObject({ error: 'dispatch_failed', status: null });
    await ann.sees('/deploy failed with the error "dispatch_failed"');
    expect(slack.person('bob').messages()).toEqual([]);
    await startBot('secret');
  });

  it('do not get through with another signing secret', async () => {
    await bot.stop();
    await startBot('another');
    expect(await slack.person('ann').types('/deploy shop', { channel })).toMatchObject({ status: 401 });
  });

  it('get no commands in threads, and none that there is not', async () => {
    const ann = slack.person('ann');
    await ann.types('Good morning', { channel });
    const thread = await slack.channel(channel).shows('Good morning');
    expect(await ann.types('/deploy shop', { channel, thread })).toBeNull();
    await ann.sees('/deploy is not supported in threads');
    await ann.types('/depoly shop', { channel });
    await ann.sees('/depoly is not a valid command');
  });

  it('read an answer that comes with the acknowledgement, by one or by all', async () => {
    app.command('/deploy', async ({ ack }) => ack('Which app?'));
    app.command('/slow', async ({ ack }) => ack({ response_type: 'in_channel', text: 'For all' }));
    await slack.person('ann').types('/deploy', { channel });
    expect((await slack.person('ann').sees('Which app?')).onlyTo).toBe('ann');
    await slack.person('ann').types('/slow', { channel });
    expect((await slack.person('bob').sees('For all')).onlyTo).toBeNull();
  });

  it('use an address for answers five times within half an hour', async () => {
    const urls: string[] = [];
    app.command('/deploy', async ({ ack, command }) => {
      urls.push(command.response_url);
      await ack();
    });
    const answer = async (url = '', body: object = { text: 'Hats' }) => {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      return [response.status, Object(await response.json()).error];
    };
    await slack.person('ann').types('/deploy a', { channel });
    await slack.person('ann').types('/deploy b', { channel });
    for (let use = 0; use < 5; use++) expect(await answer(urls[0])).toEqual([200, undefined]);
    expect(await answer(urls[0])).toEqual([404, 'used_url']);
    expect(await answer(urls[1], { blocks: [{ type: 'sction' }] })).toEqual([400, 'invalid_blocks']);
    expect(await answer(urls[1], { txt: 'Hats' })).toEqual([400, 'invalid_payload']);
    expect(await answer(`${slack.url}/response/none`)).toEqual([404, 'invalid_url']);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.advanceTimersByTime(30 * 60_000 + 1);
    expect(await answer(urls[1])).toEqual([404, 'expired_url']);
    expect(slack.person('ann').messages()).toHaveLength(5);
  });

  it('take away a message by its address', async () => {
    app.command('/deploy', async ({ ack, respond }) => {
      await ack();
      await respond({ text: 'Deploy?', blocks: start() });
    });
    app.action('start', async ({ ack, respond }) => {
      await respond({ delete_original: true });
      await ack();
    });
    await slack.person('ann').types('/deploy', { channel });
    await slack.person('ann').presses('Start');
    expect(slack.person('ann').messages()).toEqual([]);
  });

  it('open one form with a trigger, within three seconds', async () => {
    const triggers: string[] = [];
    app.command('/form', async ({ ack, command }) => {
      triggers.push(command.trigger_id);
      await ack();
    });
    const view = {
      type: 'modal' as const,
      title: { type: 'plain_text' as const, text: 'Deploy' },
      blocks: [{ type: 'divider' as const }],
    };
    const client = new WebClient('xoxb-1', {
      slackApiUrl: slack.apiUrl,
      logger: slackLogger(pino({ level: 'silent' })),
    });
    const open = (trigger_id = '', more: object = {}) => client.views.open({ trigger_id, view: { ...view, ...more } });
    const ann = slack.person('ann');
    for (let time = 0; time < 3; time++) await ann.types('/form', { channel });

    const opened = await open(triggers[0]);
    expect(slack.forms.map(({ user }) => user)).toEqual(['U0ANN']);
    await expect(open(triggers[0])).rejects.toThrow('exchanged_trigger_id');
    await expect(open('none')).rejects.toThrow('invalid_trigger_id');
    await expect(open(triggers[1], { title: { type: 'plain_text', text: 'x'.repeat(25) } })).rejects.toThrow(
      'invalid_arguments',
    );
    const update = { view_id: opened.view?.id ?? '', view };
    await expect(client.views.update({ ...update, hash: 'old' })).rejects.toThrow('hash_conflict');
    expect(await client.views.update({ ...update, hash: opened.view?.hash ?? '' })).toMatchObject({ ok: true });
    await expect(client.views.update({ view_id: 'V0', view })).rejects.toThrow('not_found');

    await client.views.publish({ user_id: 'U0ANN', view: { type: 'home', blocks: view.blocks } });
    expect(slack.home('ann')?.blocks).toMatchObject([{ type: 'divider' }]);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.advanceTimersByTime(3_001);
    await expect(open(triggers[2])).rejects.toThrow('expired_trigger_id');
  });

  it('show all that was said when something else was awaited', async () => {
    await slack.person('ann').types('Good morning', { channel });
    await expect(slack.channel(channel).shows(/Good night/, { withinMs: 50 })).rejects.toThrow(
      '#deploys did not show /Good night/ within 50 ms, but:\n#deploys ann: Good morning',
    );
    const morning = await slack.channel(channel).shows('Good morning');
    await expect(slack.channel(channel).shows('Good', { after: morning, withinMs: 50 })).rejects.toThrow(
      'did not show',
    );
    const [night] = await Promise.all([
      slack.channel(channel).shows(/Good/, { after: morning }),
      slack.person('bob').types('Good night', { channel }),
    ]);
    expect(night.who).toBe('bob');
  });
});
