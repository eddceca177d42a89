import type { KnownBlock, ModalView } from '@slack/types';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Page as Stage, startPage } from '../stage/page/page.ts';
import { type Slack, startSlack } from '../stage/slack/slack.ts';
import { startStockBot } from '../stock-bot.ts';
import { openRoom, type Room } from './room.ts';

// What can be pressed, chosen and filled in on the page, with a bot that only answers.

let slack: Slack;
let bot: Awaited<ReturnType<typeof startStockBot>>;
let stage: Stage;
let room: Room;
let page: Room['page'];
beforeAll(async () => {
  room = await openRoom();
  page = room.page;
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: { ann: 'U0ANN', bob: 'U0BOB' },
    channels: { shop: 'C0SHOP', office: 'C0OFFICE' },
    shortcuts: [{ name: 'Cancel deploy', callback: 'cancel' }],
    scopes: ['commands', 'chat:write', 'app_mentions:read'],
    events: ['app_mention', 'app_home_opened'],
    limits: false,
  });
  bot = await startStockBot(slack, 'secret');
  stage = await startPage({
    slack,
    people: [
      { id: 'U0ANN', name: 'ann', role: 'deployer' },
      { id: 'U0BOB', name: 'bob', role: 'approver' },
    ],
    board: () => ({ bot: 'running', apps: [] }),
    turn: async () => {},
  });
});
afterAll(async () => {
  await room?.close();
  await stage?.stop();
  await bot?.stop();
  await slack?.stop();
});

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });
const option = (value: string) => ({ text: plain(value), value });

const settings: ModalView = {
  type: 'modal',
  callback_id: 'settings',
  title: plain('Settings of shop'),
  submit: plain('Save'),
  blocks: [
    {
      type: 'input',
      block_id: 'ref',
      label: plain('Branch'),
      element: { type: 'external_select', action_id: 'ref', min_query_length: 1 },
    },
    {
      type: 'input',
      block_id: 'eyes',
      label: plain('Approvers'),
      element: { type: 'multi_users_select', action_id: 'eyes' },
    },
    {
      type: 'input',
      block_id: 'rules',
      label: plain('Rules'),
      optional: true,
      element: { type: 'checkboxes', action_id: 'rules', options: [option('Four eyes'), option('Not on Fridays')] },
    },
    {
      type: 'input',
      block_id: 'soak',
      label: plain('Soak, in seconds'),
      element: { type: 'number_input', action_id: 'soak', is_decimal_allowed: false },
    },
    {
      type: 'input',
      block_id: 'from',
      label: plain('From'),
      optional: true,
      hint: plain('In your own time zone.'),
      element: { type: 'datepicker', action_id: 'from' },
    },
  ],
};
const home: KnownBlock[] = [
  { type: 'header', text: plain('Your apps') },
  {
    type: 'section',
    text: mrkdwn('*shop* runs `v5` of <@U0BOB>'),
    accessory: { type: 'overflow', action_id: 'more', options: [option('Settings'), option('History')] },
  },
  { type: 'divider' },
  { type: 'context', elements: [mrkdwn('Nothing waits for you.')] },
];

it('Home, menus with typeahead, forms, shortcuts and mentions work as in Slack', async () => {
  const { app } = bot;
  const done: unknown[] = [];
  app.event('app_home_opened', ({ event, client }) =>
    client.views.publish({ user_id: event.user, view: { type: 'home', blocks: home } }).then(() => {}),
  );
  app.action('more', async ({ ack, body, client, action }) => {
    await ack();
    done.push('selected_option' in action && action.selected_option?.value);
    if ('trigger_id' in body) await client.views.open({ trigger_id: body.trigger_id, view: settings });
  });
  app.options('ref', async ({ ack, options }) =>
    ack({ options: ['main', 'maintenance', 'next'].filter(ref => ref.startsWith(options.value)).map(option) }),
  );
  app.view('settings', async ({ ack, view: { state } }) => {
    done.push(state.values);
    if (state.values.soak?.soak?.value === '1') {
      await ack({ response_action: 'errors', errors: { soak: 'At least 2 s.' } });
    } else await ack();
  });
  app.shortcut('cancel', async ({ ack, shortcut }) => {
    await ack();
    done.push(shortcut.callback_id);
  });
  app.event('app_mention', async ({ event, say }) => {
    const blocks: KnownBlock[] = [{ type: 'section', text: mrkdwn('*Requests* of the last minute') }];
    const points = [20, 21, 20, 19, 22].map((value, second) => ({ label: `${second} s`, value }));
    const chart = {
      type: 'data_visualization',
      title: 'A second',
      chart: {
        ...{ type: 'line', series: [{ name: 'v5', data: points }] },
        axis_config: { categories: points.map(({ label }) => label) },
      },
    };
    await say({ text: 'Requests', thread_ts: event.ts, blocks: [...blocks, chart as unknown as KnownBlock] });
  });

  await page.goto(`${stage.url}?as=ann`);
  await page.getByRole('button', { name: 'Switchover' }).click();
  await page.getByText('Your apps').waitFor();
  await room.picture('widgets-home');
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Settings' }).click();

  const form = page.getByRole('dialog');
  await form.getByLabel('Branch').click();
  await form.getByLabel('Search').fill('mai');
  await form.getByRole('option', { name: 'maintenance' }).waitFor();
  await room.picture('typeahead');
  await form.getByRole('option', { name: 'main', exact: true }).click();
  await form.getByLabel('Approvers').click();
  await form.getByRole('option', { name: '@bob' }).click();
  await page.keyboard.press('Escape');
  await form.getByLabel('Four eyes').check();
  await form.getByLabel('Soak, in seconds').fill('1');
  await form.getByLabel('From').fill('2026-12-01');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('At least 2 s.').waitFor();
  await room.picture('widgets-form');
  await form.getByLabel('Soak, in seconds').fill('600');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'office' }).click();
  await page.getByLabel('Message #office').fill('@switchover how is it?');
  await page.keyboard.press('Enter');
  await page.getByText('1 reply').click();
  const thread = page.getByRole('complementary', { name: 'Thread' });
  await thread.getByText('of the last minute').waitFor();
  await room.picture('chart');
  await thread.getByRole('article').last().hover();
  await thread.getByLabel('More actions').last().click();
  await page.getByRole('menuitem', { name: 'Cancel deploy' }).click();
  await expect.poll(() => done.length).toBe(4);
  expect(done).toMatchObject([
    'Settings',
    { soak: { soak: { value: '1' } } },
    {
      ref: { ref: { selected_option: { value: 'main' } } },
      eyes: { eyes: { selected_users: ['U0BOB'] } },
      rules: { rules: { selected_options: [{ value: 'Four eyes' }] } },
      soak: { soak: { value: '600' } },
      from: { from: { selected_date: '2026-12-01' } },
    },
    'cancel',
  ]);
  expect(room.complaints).toEqual([]);
});
