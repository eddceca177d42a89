import type { InputBlock, ModalView, Option } from '@slack/types';
import type { AppSettings } from '../src/domain/app.ts';
import { ALL_APPS } from '../src/domain/lock.ts';
import type { SettingChange } from '../src/domain/settings-changes.ts';
import { type Message, message, section } from './blocks.ts';
import { freezesField } from './team-settings.ts';
import { channelLink, code, foreign, literal, mention } from './text.ts';

// Settings of an app: the form in which they are changed, and what its channel is told of a change.

/** What the form carries to whoever reads it. */
export type SettingsCarried = { app: string | null; version: number; channel: string | null };

const ROLES = [
  ['deployers', 'May deploy', 'deploy'],
  ['approvers', 'May approve', 'approve'],
  ['viewers', 'May see', 'see'],
  ['admins', 'May change these settings', 'administer'],
] as const;

/** `names`: of the groups that have a role, by id. */
export function settingsForm(
  settings: AppSettings | null,
  carried: SettingsCarried,
  names: ReadonlyMap<string, string>,
): ModalView {
  const text = (block: string, label: string, value: string | undefined, more: Partial<InputBlock> = {}): InputBlock =>
    input(
      block,
      label,
      { type: 'plain_text_input', ...(value ? { initial_value: value } : {}), max_length: 500 },
      more,
    );
  const people = ROLES.map(([block, label]) => {
    const initial = settings?.[block]?.filter(isPerson) ?? [];
    const picked = initial.length > 0 ? { initial_users: initial } : {};
    return input(block, label, { type: 'multi_users_select', ...picked }, { optional: true });
  });
  const given = ROLES.flatMap(([block, , verb]) =>
    (settings?.[block] ?? []).filter(id => !isPerson(id)).map(id => groupOption(block, verb, id, names.get(id) ?? id)),
  );
  const marked = [
    ...(settings?.fourEyes === false ? [] : [FOUR_EYES]),
    ...(settings?.startNeedsApproval ? [START] : []),
  ];
  return {
    type: 'modal',
    callback_id: 'settings',
    private_metadata: JSON.stringify(carried),
    title: plain(settings ? `Settings of ${settings.name}`.slice(0, 24) : 'Add an app'),
    submit: plain(settings ? 'Save' : 'Add it'),
    close: plain('Cancel'),
    blocks: [
      ...(settings ? [] : [text('name', 'Name of the Heroku app', undefined)]),
      text('repository', 'GitHub repository (owner/name)', settings?.repository, {
        ...(settings ? { hint: plain('Changed only by those who may add apps.') } : {}),
      }),
      settings
        ? input('defaultRef', 'Usual branch', {
            type: 'external_select',
            min_query_length: 0,
            initial_option: refOption(settings.defaultRef),
          })
        : text('defaultRef', 'Usual branch', 'main'),
      input('channel', 'Channel in which its deploys are told', {
        type: 'conversations_select',
        filter: { include: ['public', 'private'] },
        ...(settings ? { initial_conversation: settings.channel } : {}),
      }),
      ...people,
      input(
        'groups',
        'User groups, members of channels, and what they may',
        { type: 'multi_external_select', min_query_length: 0, ...(given.length > 0 ? { initial_options: given } : {}) },
        { optional: true },
      ),
      input(
        'allowedChannels',
        'Channels in which it may be asked for and shown',
        {
          type: 'multi_conversations_select',
          filter: { include: ['public', 'private'] },
          ...(settings?.allowedChannels?.length ? { initial_conversations: [...settings.allowedChannels] } : {}),
        },
        { optional: true, hint: plain('Beside its own. Empty: everywhere.') },
      ),
      input(
        'eyes',
        'A second person',
        { type: 'checkboxes', options: [FOUR_EYES, START], ...(marked.length > 0 ? { initial_options: marked } : {}) },
        { optional: true },
      ),
      input(
        'health',
        'When new code is not well after the switch',
        { type: 'checkboxes', options: [BACK], ...(settings?.autoRollback ? { initial_options: [BACK] } : {}) },
        { optional: true },
      ),
      freezesField(settings?.freezes ?? []),
      text('url', 'Its address, where that is not the one that Heroku names', settings?.url, { optional: true }),
      text('windowSeconds', 'Preboot window, seconds: boot timeout + 120', String(settings?.windowSeconds ?? 180)),
    ],
  };
}

const FOUR_EYES: Option = { text: { type: 'plain_text', text: 'approves contract migrations' }, value: 'fourEyes' };
const START: Option = { text: { type: 'plain_text', text: 'approves each start' }, value: 'startNeedsApproval' };

const BACK: Option = {
  text: { type: 'plain_text', text: 'it goes back by itself, 30 s after that was told (slow: 90 s)' },
  value: 'autoRollback',
};

const plain = (text: string) => ({ type: 'plain_text' as const, text });
const isPerson = (id: string): boolean => /^[UW]/.test(id);

function input(block: string, label: string, element: object, more: Partial<InputBlock> = {}): InputBlock {
  return {
    ...{ type: 'input', block_id: block, label: plain(label) },
    element: { ...element, action_id: block } as InputBlock['element'],
    ...more,
  };
}

const groupOption = (list: string, verb: string, id: string, name: string): Option => ({
  text: plain(literal(id.startsWith('S') ? `@${name} may ${verb}` : `members of #${name} may ${verb}`, 75)),
  value: `${list} ${id}`,
});

/** What the menu of groups offers: each user group or channel with each role. */
export const groupOptions = (groups: readonly { id: string; name: string }[]): Option[] =>
  groups.flatMap(({ id, name }) => ROLES.map(([list, , verb]) => groupOption(list, verb, id, name))).slice(0, 100);

export const appOptions = (apps: readonly string[]): Option[] =>
  apps.map(name => ({ text: plain(literal(name, 75)), value: name }));

export const refOptions = (refs: readonly string[]): Option[] => refs.filter(ref => ref.length <= 150).map(refOption);

/** git takes a name of nothing but invisible characters, and Slack no empty one. */
const refOption = (ref: string): Option => ({ text: plain(literal(ref, 75) || '�'), value: ref });

/** Told in the app's channel, and in the one that it had until then: who changed what, old and new. */
export function settingsNotices({
  settings: { name, channel },
  version,
  by,
  changes,
}: {
  settings: AppSettings;
  version: number;
  by: string;
  changes: readonly SettingChange[];
}): { id: string; channel: string; message: Message }[] {
  const headline =
    version === 1 ? `${foreign(name)} can be deployed here now` : `The settings of ${foreign(name)} were changed`;
  const lines = changes.map(({ name: setting, from, to }) =>
    version === 1 ? `• ${code(setting)}: ${shown(to)}` : `• ${code(setting)}: ${shown(from)} → ${shown(to)}`,
  );
  const text = `${headline} by ${mention(by)}.`;
  const told = message(text, [
    section(`:gear: *${headline}*`, `By ${mention(by)}. This is version ${version}.`, ...lines.slice(0, 30)),
  ]);
  const before = version === 1 ? undefined : changes.find(({ name: setting }) => setting === 'channel')?.from;
  // Whoever takes an app out of the team's sight does so in front of them.
  const there = before ? [{ id: `settings ${name} ${version} ${before}`, channel: before, message: told }] : [];
  return [{ id: `settings ${name} ${version}`, channel, message: told }, ...there];
}

/** A value in which people and channels are named as Slack names them. */
const shown = (value: string): string =>
  value
    .split(', ')
    .map(item =>
      /^[CG][A-Z0-9]{6,}$/.test(item)
        ? channelLink(item)
        : /^[UW][A-Z0-9]{3,}$/.test(item)
          ? mention(item)
          : foreign(item, 200),
    )
    .join(', ');

/** Told in the app's channel: that it was given a Heroku token of its own, or that this was taken away; never the token. */
export function tokenNotices(change: {
  id: string;
  app: string;
  what: 'given' | 'taken away';
  by: string;
  channel: string;
}): { id: string; channel: string; message: Message }[] {
  const headline =
    change.what === 'given'
      ? `${foreign(change.app)} has a new Heroku token of its own`
      : `${foreign(change.app)} has no Heroku token of its own any more`;
  const words = `By ${foreign(change.by, 80)}. ${change.what === 'given' ? 'The bot deploys it with that.' : 'The bot deploys it with the usual one.'}`;
  const told = message(`${headline}. ${words}`, [section(`:key: *${headline}*`, words)]);
  return [{ id: `token ${change.app} ${change.id}`, channel: change.channel, message: told }];
}

/** To whoever saved it. */
export function settingsSaved({ kind, app }: { kind: 'saved' | 'same'; app: string }): Message {
  const whose = app === ALL_APPS ? 'every app' : foreign(app);
  const text =
    kind === 'same'
      ? `Nothing was different: the settings of ${whose} are as they were.`
      : app === ALL_APPS
        ? 'Saved. The channels of all apps are told what changed.'
        : `Saved. Its channel is told what changed. ${code(`/deploy ${app}`)} plans a deploy.`;
  return message(text, [section(text)]);
}
