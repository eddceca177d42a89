import type { KnownBlock, ModalView } from '@slack/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Slack, startSlack } from './stage/slack/slack.ts';
import { startStockBot } from './stock-bot.ts';

let slack: Slack;
let bot: Awaited<ReturnType<typeof startStockBot>>;

async function start(more: object = {}): Promise<void> {
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: {
      ann: { id: 'U0ANN', zone: 'Asia/Kolkata' },
      bob: 'U0BOB',
      gus: { id: 'U0GUS', guest: true, team: 'T0OTHER' },
    },
    channels: { deploys: 'C0DEPLOYS', office: { id: 'C0OFFICE', members: ['bob'] } },
    groups: { oncall: { id: 'S0ONCALL', members: ['ann', 'bob'] } },
    commands: ['/form'],
    shortcuts: [{ name: 'Cancel deploy', callback: 'cancel' }],
    scopes: ['commands', 'chat:write', 'app_mentions:read', 'users:read', 'usergroups:read', 'channels:read'],
    events: ['app_mention', 'app_home_opened'],
    limits: false,
    ...more,
  });
  bot = await startStockBot(slack, 'secret');
}
const stop = async (): Promise<void> => {
  await bot.stop();
  await slack.stop();
};
beforeEach(() => start());
afterEach(stop);

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const channel = '#deploys';
const appMenu: KnownBlock = {
  type: 'input',
  block_id: 'app',
  label: plain('App'),
  element: { type: 'external_select', action_id: 'app', min_query_length: 0 },
};
const reason: KnownBlock = {
  type: 'input',
  block_id: 'reason',
  label: plain('Reason'),
  element: { type: 'plain_text_input', action_id: 'reason', min_length: 3 },
};
const eyes: KnownBlock = {
  type: 'input',
  block_id: 'eyes',
  optional: true,
  label: plain('Approvers'),
  element: { type: 'multi_users_select', action_id: 'eyes', initial_users: ['U0BOB'] },
};
const form = (title: string, blocks: KnownBlock[], more: Partial<ModalView> = {}): ModalView => ({
  type: 'modal',
  callback_id: 'form',
  title: plain(title),
  submit: plain('Send'),
  blocks,
  ...more,
});
function opens(view: ModalView): void {
  bot.app.command('/form', async ({ ack, client, command }) => {
    await ack();
    await client.views.open({ trigger_id: command.trigger_id, view });
  });
}

describe('a person in the local Slack', () => {
  it('names the bot in a thread, and the bot is told where and by whom', async () => {
    const told: object[] = [];
    bot.app.event('app_mention', async ({ event, body, say }) => {
      told.push({ ...event, team: body.team_id });
      await say({ text: 'shop runs v5', thread_ts: event.thread_ts ?? event.ts });
    });
    const ann = slack.person('ann');
    await ann.types('Is it out?', { channel });
    const root = await slack.channel(channel).shows('Is it out?');
    expect(await ann.mentions(root, 'status of #deploys & <b>')).toMatchObject({ status: 200 });
    expect((await ann.sees('shop runs v5')).inThreadOf?.plain).toBe('Is it out?');
    expect(told).toMatchObject([
      {
        type: 'app_mention',
        user: 'U0ANN',
        channel: 'C0DEPLOYS',
        thread_ts: root.ts,
        text: '<@U0SWITCH> status of <#C0DEPLOYS> &amp; &lt;b&gt;',
        team: 'T0ACME',
      },
    ]);
  });

  it('is not heard by a bot that may not read mentions, or does not listen to them', async () => {
    for (const more of [{ scopes: ['chat:write'] }, { events: [] }]) {
      await stop();
      await start(more);
      expect(await slack.person('ann').types('@switchover hello', { channel })).toBeNull();
    }
  });

  it('is told again about by an event that was not taken, which is counted', async () => {
    const tries: (string | undefined)[] = [];
    const retried = new Promise<void>(done => {
      bot.app.event('app_mention', async ({ context }) => {
        tries.push(context.retryNum === undefined ? undefined : `${context.retryNum} ${context.retryReason}`);
        done();
      });
    });
    const { botUrl } = slack;
    slack.botUrl = `${botUrl}/elsewhere`;
    const first = slack.person('ann').types('@switchover hello', { channel });
    expect(await first).toMatchObject({ error: 'dispatch_failed' });
    slack.botUrl = botUrl;
    await retried;
    expect(tries).toEqual(['1 http_error']);
  });

  it('opens Home, which is published for one person alone and can be pressed', async () => {
    const button = { type: 'button' as const, action_id: 'deploy', text: plain('Deploy shop') };
    bot.app.event('app_home_opened', async ({ event, client }) => {
      const words = 'view' in event && event.view ? 'Seen before' : 'Your apps';
      const text = { type: 'mrkdwn' as const, text: `${words}, <@${event.user}>` };
      const blocks: KnownBlock[] = [{ type: 'section', text, accessory: button }];
      await client.views.publish({ user_id: event.user, view: { type: 'home', blocks } });
    });
    const pressed: object[] = [];
    bot.app.action('deploy', async ({ ack, body }) => {
      await ack();
      pressed.push(body);
    });
    const ann = slack.person('ann');
    await ann.opensHome();
    const home = await ann.seesHome('Your apps, @ann');
    expect(slack.home('bob')).toBeUndefined();
    expect(await ann.presses('Deploy shop', { on: home })).toMatchObject({ status: 200 });
    expect(pressed).toMatchObject([{ container: { type: 'view', view_id: home.id }, view: { type: 'home' } }]);
    expect(pressed[0]).not.toHaveProperty('message');
    await ann.opensHome();
    expect((await ann.seesHome('Seen before')).id).toBe(home.id);
  });

  it('uses an entry of a message’s menu, also on a reply', async () => {
    const used: object[] = [];
    bot.app.shortcut({ callback_id: 'cancel', type: 'message_action' }, async ({ ack, body, respond }) => {
      await ack();
      used.push(body);
      await respond({ text: 'Cancelled' });
    });
    const ann = slack.person('ann');
    await ann.types('Good morning', { channel });
    const root = await slack.channel(channel).shows('Good morning');
    await slack.person('bob').types('Hats?', { channel, thread: root });
    await ann.uses('Cancel deploy', await ann.sees('Hats?'));
    expect((await ann.sees('Cancelled')).onlyTo).toBe('ann');
    expect(used).toMatchObject([{ callback_id: 'cancel', message: { text: 'Hats?', thread_ts: root.ts } }]);
    expect(() => ann.uses('Cancel', root)).toThrow('there are: Cancel deploy');
  });

  it('types into a menu that the bot fills, and sends what was offered', async () => {
    bot.app.options('app', async ({ ack, options: { value, block_id } }) => {
      const found = ['shop', 'shipping'].filter(name => name.startsWith(value));
      expect(block_id).toBe('app');
      await ack({ options: found.map(name => ({ text: plain(name.toUpperCase()), value: name })) });
    });
    const sent: unknown[] = [];
    bot.app.view('form', async ({ ack, view }) => {
      sent.push(view.state.values);
      await ack();
    });
    opens(form('Deploy', [appMenu, eyes]));
    const ann = slack.person('ann');
    await ann.types('/form', { channel });
    const open = await ann.seesForm('Deploy');
    expect((await ann.searches(open, 'app', 'shi')).map(({ value }) => value)).toEqual(['shipping']);
    await expect(ann.fills({ App: 'SHOP' })).rejects.toThrow('no option “SHOP”');
    await ann.searches(open, 'app', '');
    await ann.fills({ App: 'SHOP' });
    expect(sent).toEqual([
      {
        app: { app: { type: 'external_select', selected_option: { text: plain('SHOP'), value: 'shop' } } },
        eyes: { eyes: { type: 'multi_users_select', selected_users: ['U0BOB'] } },
      },
    ]);
    expect(slack.forms).toEqual([]);
  });

  it('is shown no offers that Slack would not take, and none from a bot without an address for them', async () => {
    bot.app.options('app', async ({ ack }) => ack({ options: [{ text: plain('x'.repeat(76)), value: 'shop' }] }));
    opens(form('Deploy', [appMenu]));
    const ann = slack.person('ann');
    await ann.types('/form', { channel });
    await expect(ann.searches(await ann.seesForm(), 'app', '')).rejects.toThrow('invalid_options');
    await stop();
    await start({ suggests: false });
    opens(form('Deploy', [appMenu]));
    await slack.person('ann').types('/form', { channel });
    const open = await slack.person('ann').seesForm();
    await expect(slack.person('ann').searches(open, 'app', '')).rejects.toThrow('no_options_load_url');
  });

  it('is told at the field what is wrong: by Slack, then by the bot', async () => {
    bot.app.view('form', async ({ ack, view }) => {
      const { value } = view.state.values.reason?.reason ?? {};
      if (value === 'hats') await ack({ response_action: 'errors', errors: { reason: 'Hats are no reason.' } });
      else await ack();
    });
    opens(form('Lock', [reason]));
    const ann = slack.person('ann');
    await ann.types('/form', { channel });
    expect(await ann.fills({})).toMatchObject({
      status: null,
      errors: { reason: 'Please complete this required field.' },
    });
    expect(await ann.fills('ha')).toMatchObject({ errors: { reason: 'Please enter at least 3 characters.' } });
    expect(await ann.fills('hats')).toMatchObject({ status: 200, errors: { reason: 'Hats are no reason.' } });
    expect(slack.forms).toHaveLength(1);
    expect((await ann.fills('They are late.')).errors).toEqual({});
    expect(slack.forms).toEqual([]);
  });

  it('goes from form to form, three deep, and out of all of them', async () => {
    bot.app.view('form', async ({ ack, view }) => {
      if (view.title.text === 'One') await ack({ response_action: 'update', view: form('Two', [reason]) });
      else if (view.title.text === 'Two') await ack({ response_action: 'push', view: form('Three', [reason]) });
      else await ack({ response_action: 'clear' });
    });
    opens(form('One', [reason]));
    const ann = slack.person('ann');
    await ann.types('/form', { channel });
    const one = await ann.seesForm('One');
    await ann.fills('because');
    const two = await ann.seesForm('Two');
    expect(two.id).toBe(one.id);
    await ann.fills('because');
    expect(await ann.seesForm('Three')).toMatchObject({ previous: two.id, root: two.id });
    expect(slack.forms).toHaveLength(2);
    await ann.fills('because');
    expect(slack.forms).toEqual([]);
  });

  it('keeps a form that was answered with what Slack would not take', async () => {
    bot.app.view('form', async ({ ack }) => ack({ response_action: 'errors', errors: { reasn: 'A typing error' } }));
    opens(form('Lock', [reason]));
    await slack.person('ann').types('/form', { channel });
    const { error, errors } = await slack.person('ann').fills('because');
    expect({ error, ...errors }).toMatchObject({
      error: 'dispatch_failed',
      reason: expect.stringContaining('no field reasn'),
    });
    expect(slack.forms).toHaveLength(1);
  });

  it('closes a form by hand, of which the bot hears when it asked to', async () => {
    const closed: string[] = [];
    bot.app.view({ type: 'view_closed', callback_id: 'form' }, async ({ ack, view, body }) => {
      await ack();
      closed.push(`${view.title.text} ${'is_cleared' in body && body.is_cleared}`);
    });
    opens(form('Lock', [reason], { notify_on_close: true }));
    await slack.person('ann').types('/form', { channel });
    await slack.person('ann').closes();
    expect(slack.forms).toEqual([]);
    expect(closed).toEqual(['Lock false']);
  });

  it('chooses from a menu on a message, with what else stands chosen there', async () => {
    const option = (value: string) => ({ text: plain(value.toUpperCase()), value });
    const acted: object[] = [];
    bot.app.action(/^/, async ({ ack, body, action }) => {
      await ack();
      acted.push({ action, state: 'state' in body ? body.state : null });
    });
    bot.app.command('/form', async ({ ack, respond }) => {
      await ack();
      await respond({
        text: 'Which?',
        blocks: [
          {
            type: 'actions',
            block_id: 'row',
            elements: [
              {
                type: 'static_select',
                action_id: 'ref',
                options: [option('main'), option('next')],
                initial_option: option('main'),
              },
              { type: 'overflow', action_id: 'more', options: [option('cancel')] },
            ],
          },
        ],
      });
    });
    const ann = slack.person('ann');
    await ann.types('/form', { channel });
    const on = await ann.sees(({ onlyTo }) => onlyTo === 'ann');
    await ann.chooses('NEXT', { in: 'ref', on });
    await ann.chooses('cancel', { in: 'more', on });
    const main = { row: { ref: { type: 'static_select', selected_option: option('main') } } };
    expect(acted).toMatchObject([
      {
        action: { type: 'static_select', selected_option: option('next') },
        state: { values: { row: { ref: { selected_option: option('next') } } } },
      },
      { action: { type: 'overflow', selected_option: option('cancel') }, state: { values: main } },
    ]);
  });

  it('is known to the bot with a time zone, as guest or stranger, in groups and channels', async () => {
    const { client } = bot.app;
    const token = 'xoxb-1';
    expect((await client.users.info({ token, user: 'U0ANN' })).user).toMatchObject({
      tz: 'Asia/Kolkata',
      tz_label: 'India Standard Time',
      tz_offset: 19_800,
      is_restricted: false,
      is_stranger: false,
    });
    expect((await client.users.info({ token, user: 'U0GUS' })).user).toMatchObject({
      is_restricted: true,
      is_stranger: true,
    });
    expect((await client.users.info({ token, user: 'U0SWITCH' })).user).toMatchObject({ is_bot: true });
    expect((await client.usergroups.list({ token })).usergroups).toMatchObject([{ id: 'S0ONCALL', handle: 'oncall' }]);
    expect((await client.usergroups.users.list({ token, usergroup: 'S0ONCALL' })).users).toEqual(['U0ANN', 'U0BOB']);
    await expect(client.usergroups.users.list({ token, usergroup: 'S0NONE' })).rejects.toThrow('no_such_subteam');
    expect((await client.conversations.members({ token, channel: 'C0OFFICE' })).members).toEqual(['U0BOB', 'U0SWITCH']);
    await slack.person('bob').types('Only here', { channel: 'office' });
    expect(slack.person('ann').messages()).toEqual([]);
  });
});
