import type { ModalView, Option } from '@slack/types';
import { z } from 'zod';
import type { Administration, Typed } from '../src/administration.ts';
import { ALL_APPS } from '../src/domain/lock.ts';
import { refused } from '../views/answers.ts';
import {
  appOptions,
  groupOptions,
  refOptions,
  type SettingsCarried,
  settingsForm,
  settingsSaved,
} from '../views/settings.ts';
import { teamForm } from '../views/team-settings.ts';
import type { Answer, Speech } from './answer.ts';

export type Settings = Pick<
  Administration,
  'open' | 'save' | 'openTeam' | 'saveTeam' | 'apps' | 'groups' | 'names' | 'refs'
>;

/** `/deploy add` and `/deploy settings APP|all`: the form. */
export async function openSettings(
  settings: Settings,
  { user, app, channel }: { user: string; app: string | null; channel: string },
): Promise<ModalView> {
  if (app === ALL_APPS) {
    const { freezes, version } = await settings.openTeam({ user });
    return teamForm(freezes, { version, channel });
  }
  const [{ settings: known, version }, names] = await Promise.all([settings.open({ user, app }), settings.names()]);
  return settingsForm(known, { app, version, channel }, names);
}

type Sent = { user: string; view: { private_metadata: string; state: { values: unknown } } };
/** As a form shows them, by block. */
export type FormErrors = { response_action: 'errors'; errors: Record<string, string> };

/**
 * The form was sent. What is wrong is shown in it when that is known by `answerBy` (ms, by performance.now(); null when nobody
 * waits for an answer); else it closes in time, and its sender is told. Null when the form shows it.
 */
export async function sendSettings(
  settings: Settings,
  sent: Sent,
  form: { ack: (errors?: FormErrors) => Promise<unknown>; answerBy: number | null; log: Pick<Speech['log'], 'warn'> },
): Promise<Answer | null> {
  let waits = form.answerBy !== null;
  /** False when the form does not hear it. What was done is done all the same. */
  const acknowledge = async (errors?: FormErrors): Promise<boolean> => {
    if (!waits) return false;
    waits = false;
    try {
      await form.ack(errors);
      return true;
    } catch (err) {
      form.log.warn({ err }, 'a form of settings could not be answered');
      return false;
    }
  };
  const leftMs = Math.max(0, (form.answerBy ?? 0) - performance.now());
  const closing = setTimeout(() => void acknowledge(), leftMs);
  try {
    const read = await readSettings(settings, sent);
    if ('answer' in read) return read.answer;
    if (await acknowledge({ response_action: 'errors', errors: read.errors })) return null;
    const again = `\`/deploy ${read.app === null ? 'add' : `settings ${read.app}`}\` opens the form again.`;
    return refused([`Nothing was saved. ${read.told.join(' ')} ${again}`]);
  } finally {
    clearTimeout(closing);
    await acknowledge();
  }
}

/** `errors` by block to show in the form, and `told` where it is closed; or what to tell its sender. */
async function readSettings(
  settings: Settings,
  { user, view }: Sent,
): Promise<{ errors: Record<string, string>; told: string[]; app: string | null } | { answer: Answer }> {
  const { app, version } = carriedIn(view.private_metadata);
  const { typed, typedFreezes } = typedIn(view.state.values);
  const result =
    app === ALL_APPS
      ? await settings.saveTeam({ user, version, typedFreezes })
      : await settings.save({ user, app, version, typed, typedFreezes });
  if (result.kind !== 'wrong') return { answer: settingsSaved(result) };
  // What has no field of its own is shown at the first one.
  const errors = Object.entries(result.problems).map(([name, problem]) => {
    const block = FIELDS.has(name) && !(name === 'name' && app !== null) ? name : 'repository';
    return [block, problem] as const;
  });
  // It says "This must be …" under its field.
  const told = Object.entries(result.problems).map(([name, problem]) => problem.replace(/^This /, `\`${name}\` `));
  return { errors: Object.fromEntries(errors), told, app };
}

/** What a menu of ours offers for these words: apps that the asker may deploy, user groups and channels with each role, or branches, tags and commits of an app. */
export async function suggest(
  settings: Settings,
  { user, action, words, metadata }: { user: string; action: string; words: string; metadata: string },
): Promise<Option[]> {
  if (action === 'app') return appOptions(await settings.apps({ user, words }));
  if (action === 'groups') return groupOptions(await settings.groups(words));
  const { app, value } = about.parse(JSON.parse(metadata));
  const name = app ?? value;
  if (!['ref', 'defaultRef'].includes(action) || name === undefined) return [];
  const refs = await settings.refs({ user, app: name, words });
  return refOptions(action === 'ref' ? refs : refs.filter(ref => !COMMIT.test(ref)));
}

const about = z.object({ app: z.string().nullish(), value: z.string().optional() });
const COMMIT = /^[0-9a-f]{7,40}$/i;

const FIELDS: ReadonlySet<string> = new Set([
  ...['name', 'repository', 'defaultRef', 'channel', 'deployers', 'approvers', 'viewers', 'admins'],
  ...['allowedChannels', 'freezes', 'url', 'windowSeconds'],
]);

const carried = z.object({ app: z.string().nullable(), version: z.number(), channel: z.string().nullable() });
const carriedIn = (metadata: string): SettingsCarried => carried.parse(JSON.parse(metadata));

const option = z.object({ value: z.string() });
const field = z.looseObject({
  value: z.string().nullish(),
  selected_option: option.nullish(),
  selected_options: z.array(option).nullish(),
  selected_conversation: z.string().nullish(),
  selected_conversations: z.array(z.string()).nullish(),
  selected_users: z.array(z.string()).nullish(),
});
const state = z.record(z.string(), z.record(z.string(), field));

function typedIn(values: unknown): { typed: Typed; typedFreezes: string | null } {
  const fields = state.parse(values);
  const of = (name: string) => fields[name]?.[name];
  const chosen = of('groups')?.selected_options?.map(({ value }) => value.split(' ')) ?? [];
  const role = (list: string): string[] => [
    ...(of(list)?.selected_users ?? []),
    ...chosen.flatMap(([which, id = '']) => (which === list ? [id] : [])),
  ];
  const marks = new Set(of('eyes')?.selected_options?.map(({ value }) => value));
  const health = of('health')?.selected_options ?? [];
  const words = (name: string): string | undefined => of(name)?.value?.trim() || undefined;
  const typed = {
    ...(fields.name ? { name: words('name') } : {}),
    ...{ repository: words('repository'), defaultRef: of('defaultRef')?.selected_option?.value ?? words('defaultRef') },
    channel: of('channel')?.selected_conversation ?? undefined,
    ...{ deployers: role('deployers'), approvers: role('approvers'), viewers: role('viewers'), admins: role('admins') },
    allowedChannels: of('allowedChannels')?.selected_conversations ?? [],
    ...{ fourEyes: marks.has('fourEyes'), startNeedsApproval: marks.has('startNeedsApproval') },
    autoRollback: health.some(({ value }) => value === 'autoRollback'),
    ...{ url: words('url'), windowSeconds: Number(words('windowSeconds')) },
  };
  return { typed, typedFreezes: fields.freezes ? (words('freezes') ?? '') : null };
}
