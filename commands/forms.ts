import type { ModalView } from '@slack/types';
import { z } from 'zod';
import { Refusal } from '../src/domain/refusal.ts';
import { appForm, type Carried, checkedForm, holdForm, lockForm, refForm, sharedForm } from '../views/forms.ts';
import { lockAnswer, lockInTheWay } from '../views/locks.ts';
import { planShown } from '../views/plan.ts';
import { emergencyForm } from '../views/starts.ts';
import { wholeFile } from '../views/whole-file.ts';
import type { Answer } from './answer.ts';
import { begin, click, type Door, type Press } from './buttons.ts';

/** Buttons that open something, by their action id: mostly the form of the same name. */
export const OPENS: {
  readonly [action: string]: (bot: Door, user: string, carried: Carried) => Promise<ModalView>;
} = {
  hold: async (_, _user, carried) => holdForm(carried),
  'it-serves': async (_, _user, carried) => checkedForm('it-serves', carried),
  'old-code-is-gone': async (_, _user, carried) => checkedForm('old-code-is-gone', carried),
  'run-them-for-all': async (bot, user, carried) =>
    sharedForm(await bot.show({ user, deploy: idIn(carried), channel: carried.channel }), carried),
  'deploy-app': async (_, _user, carried) => appForm(carried),
  'deploy-ref': async (_, _user, carried) => refForm(carried),
  'take-lock': async (_, _user, carried) => lockForm(carried),
  'emergency-start': async (_, _user, carried) => emergencyForm(carried),
  'show-file': async (bot, user, carried) => {
    const [, seq, index] = carried.value.split(' ').map(Number);
    const view = wholeFile(
      await bot.show({ user, deploy: idIn(carried), channel: carried.channel }),
      seq ?? 0,
      index ?? -1,
    );
    if (!view) throw new Refusal(['That file is not part of this deploy any more. The newest card shows what is.']);
    return view;
  },
};

const idIn = ({ value }: Carried): string => value.split(' ')[0] ?? '';

/** What is done with a form of ours, by its callback id. */
export const FORMS: { readonly [callback: string]: (bot: Door, press: Press & Typed) => Promise<Answer> } = {
  hold: click('hold'),
  'it-serves': click('it serves'),
  'old-code-is-gone': click('old code is gone'),
  'run-them-for-all': click('run them'),
  'deploy-ref': async (bot, { user, value, ref, channel }) =>
    planShown(await bot.plan({ user, channel: channel ?? '', app: value, ref })),
  'emergency-start': (bot, { user, value, reason }) => begin(bot, { user, plan: value, emergency: reason }),
  'take-lock': async (bot, { id: request, user, value, reason, length, channel }) => {
    const [scope = '', instead = ''] = value.split(' ');
    const done = await bot.lock({ user, scope, length, reason, channel: channel ?? '', instead, request });
    return done.kind === 'held' ? lockInTheWay(done.lock, 'lock') : lockAnswer(done.kind, done.lock);
  },
};

/** A form that leads to another one, which takes its place. */
export const NEXT: { readonly [callback: string]: (typed: Carried & Typed) => ModalView } = {
  'deploy-app': ({ app, channel }) => refForm({ value: app ?? '', channel }),
};

const carried = z.object({ value: z.string(), channel: z.string().nullable() });
const words = z.object({ value: z.string() }).transform(({ value }) => value);
const ticks = z
  .object({ selected_options: z.array(z.object({ value: z.string() })).min(1) })
  .transform(({ selected_options }) => selected_options.map(({ value }) => value).join(' '));
const chosen = z
  .object({ selected_option: z.object({ value: z.string() }) })
  .transform(one => one.selected_option.value);
const typed = z.object({
  reason: z.object({ reason: z.union([words, ticks]) }).optional(),
  app: z.object({ app: chosen }).optional(),
  ref: z.object({ ref: chosen }).optional(),
  length: z.object({ length: z.object({ value: z.string().nullish() }) }).optional(),
});

/** `length`: of time, as typed. `app`, `ref`: as chosen. */
type Typed = { reason: string; length: string | null; app: string | null; ref: string | null };

/** What was typed into a form, and what it carried. Throws for a form that is not ours. */
export function readForm(view: { private_metadata: string; state: { values: unknown } }): Carried & Typed {
  const { reason, length, app, ref } = typed.parse(view.state.values);
  return {
    ...carried.parse(JSON.parse(view.private_metadata)),
    reason: reason?.reason ?? '',
    app: app?.app ?? null,
    ref: ref?.ref ?? null,
    length: length?.length.value || null,
  };
}
