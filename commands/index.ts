import type { App } from '@slack/bolt';
import { notDone, unknown } from '../views/answers.ts';
import { appForm } from '../views/forms.ts';
import { deployForm } from '../views/thread-help.ts';
import { type Answer, answer, type Speech } from './answer.ts';
import { BUTTONS, type Door } from './buttons.ts';
import { type Asked, deploy } from './deploy.ts';
import { FORMS, NEXT, OPENS, readForm } from './forms.ts';
import { type Keeper, maintenance } from './maintenance.ts';
import { openForm } from './open.ts';
import { type FormErrors, openSettings, type Settings, sendSettings, suggest } from './settings.ts';
import { mention, shortcut } from './thread.ts';

/** What commands and buttons need: the bot's one door, and a log for what is not the asker's fault. */
export type Registered = {
  bot: Asked & Door & Keeper;
  settings: Settings;
  homes: { opened(user: string): Promise<void> };
} & Speech;

/**
 * Everything that people can say. One listener a kind, which looks the name up: so nothing, not even a left-over of an
 * older version, goes unanswered. All but forms and menus are acknowledged by then.
 */
export function registerCommands(app: App, { bot, settings, homes, pace, log }: Registered): void {
  const speech = { pace, log };
  app.command(/^/, async ({ command, respond, client, context: { notDone } }) => {
    const { user_id: user, channel_id: channel, text, trigger_id } = command;
    const id = `${user} ${trigger_id}`;
    const openSettingsOf = async (name: string | null): Promise<void> => {
      await openForm(client, trigger_id, await openSettings(settings, { user, app: name, channel }));
    };
    const ask = { user, channel, text, id, openSettings: openSettingsOf };
    const said = () => named(COMMANDS, command.command)?.(bot, ask) ?? Promise.resolve(unknown('command'));
    await answer({ user, channel, respond, client, notDone }, speech, said);
  });

  app.action(
    { type: 'block_actions', action_id: /^/ },
    async ({ body, action, respond, client, context: { notDone } }) => {
      const user = body.user.id;
      const chosen = 'selected_option' in action ? action.selected_option : action;
      const value = chosen && 'value' in chosen && typeof chosen.value === 'string' ? chosen.value : '';
      const [name = ''] = action.action_id.split(':');
      const known = named(BUTTONS, name);
      const form = named(OPENS, name);
      const { channel_id: container, thread_ts: thread } = body.container;
      const channel = body.channel?.id ?? wordOrNull(container) ?? channelIn(body.view?.private_metadata);
      const press = { id: `${user} ${action.action_ts} ${action.action_id}`, user, value, channel };
      const pressedIn = body.view?.type === 'modal' ? body.view.id : null;
      const asker = { user, channel, thread: wordOrNull(thread), respond, client, form: pressedIn, notDone };
      const trigger_id = 'trigger_id' in body ? body.trigger_id : '';
      await answer(asker, speech, async () => {
        if (!form) return known ? known(bot, press) : unknown('button');
        await openForm(client, trigger_id, await form(bot, user, { value, channel }), { on: pressedIn });
        return null;
      });
    },
  );

  app.shortcut(/^/, async ({ body, client, context: { notDone } }) => {
    const user = body.user.id;
    const channel = 'channel' in body ? body.channel.id : null;
    await answer({ user, channel, client, notDone }, speech, async () => {
      if (body.type === 'shortcut' && body.callback_id === 'deploy-an-app') {
        await openForm(client, body.trigger_id, appForm({ value: '', channel: null }));
        return null;
      }
      if (body.type !== 'message_action' || body.callback_id !== 'deploy-actions') return unknown('shortcut');
      const found = await shortcut(bot, { user, channel: body.channel.id, ts: body.message_ts });
      await openForm(client, body.trigger_id, deployForm(found, body.channel.id));
      return null;
    });
  });

  app.event('app_mention', async ({ event, client, context: { notDone } }) => {
    const { user, channel, thread_ts: thread = null, ts, text } = event;
    if (user === undefined || event.bot_id !== undefined) return;
    const talked = { user, channel, thread, text, id: `${user} ${ts}` };
    await answer({ user, channel, thread: thread ?? null, client, notDone }, speech, () => mention(bot, talked));
  });

  app.event('app_home_opened', async ({ event, context }) => {
    if (event.tab === 'home' && !context.notDone) await homes.opened(event.user);
  });

  app.view(/^/, async ({ ack, body, view, client, context }) => {
    const user = body.user.id;
    if (context.notDone) {
      const [first] = Object.keys(view.state.values);
      if (first === undefined || context.again) {
        await ack();
        const channel = channelIn(view.private_metadata);
        return answer({ user, channel, client, notDone: context.notDone }, speech, async () => null);
      }
      // What was typed stays in the form.
      return ack({ response_action: 'errors', errors: { [first]: notDone(context.notDone).text } });
    }
    if (view.callback_id === 'settings') {
      const channel = channelIn(view.private_metadata);
      const form = { ack: (errors?: FormErrors) => ack(errors), answerBy: context.answerBy ?? null, log };
      return answer({ user, channel, client }, speech, () => sendSettings(settings, { user, view }, form));
    }
    const next = named(NEXT, view.callback_id);
    if (next) return ack({ response_action: 'update', view: next(readForm(view)) });
    const form = named(FORMS, view.callback_id);
    if (form) {
      // What lies below it was about the question that is answered now.
      await ack(view.previous_view_id ? { response_action: 'clear' } : undefined);
      const { channel, ...typed } = readForm(view);
      const press = { id: `${user} ${view.id}`, user, channel, ...typed };
      return answer({ user, channel, client }, speech, () => form(bot, press));
    }
    const { blocks } = unknown('form');
    const title = { type: 'plain_text', text: 'Out of date' } as const;
    await ack({ response_action: 'update', view: { type: 'modal', title, blocks } });
  });
  app.view({ type: 'view_closed', callback_id: /^/ }, async ({ ack }) => ack());
  app.options(/^/, async ({ ack, body, options, context }) => {
    if (context.notDone) return ack({ options: [] });
    const metadata = 'view' in body && body.view ? body.view.private_metadata : '';
    const asked = { user: body.user.id, action: options.action_id, words: options.value, metadata };
    const found = await suggest(settings, asked).catch(err => {
      log.warn({ err }, 'a menu could not be filled');
      return [];
    });
    await ack({ options: found });
  });
}

type Said = Parameters<typeof deploy>[1];
const COMMANDS: { readonly [command: string]: (bot: Registered['bot'], ask: Said) => Promise<Answer | null> } = {
  '/deploy': deploy,
  '/maintenance': maintenance,
};

const named = <T>(all: { readonly [name: string]: T }, name: string): T | undefined =>
  Object.hasOwn(all, name) ? all[name] : undefined;

/** A form that has buttons carries where their answers go. */
function channelIn(metadata: string | undefined): string | null {
  try {
    return wordOrNull(JSON.parse(metadata ?? 'null')?.channel);
  } catch {
    return null;
  }
}

const wordOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
