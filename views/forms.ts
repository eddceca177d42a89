import type { ModalView, PlainTextInput } from '@slack/types';
import { type Deploy, migrationsOf } from '../src/domain/deploy.ts';
import { section } from './blocks.ts';
import { foreign, literal } from './text.ts';

// Forms that a button opens, for what a press alone does not say. Each hands on the button's value, and one answer.

/** What a form carries from the button that opened it to whoever reads it. */
export type Carried = { value: string; channel: string | null };

/** Why are they held? Kept for whoever plans the next deploy. */
export const holdForm = (carried: Carried): ModalView =>
  asking('hold', carried, {
    title: 'Hold migrations',
    submit: 'Hold them',
    label: 'Why? It is shown in the next plan of this app.',
  });

/** Why does somebody take a lock over, and for how long? */
export function lockForm(carried: Carried): ModalView {
  const form = asking('take-lock', carried, {
    title: 'Take the lock over',
    submit: 'Lock it',
    label: 'Why? It is told to whoever has it, and to everybody it stops.',
  });
  const element: PlainTextInput = {
    type: 'plain_text_input',
    action_id: 'length',
    max_length: 20,
    placeholder: { type: 'plain_text', text: '2h, 30m, 1d' },
  };
  const label = { type: 'plain_text', text: 'For how long? Empty: until you unlock it' } as const;
  return { ...form, blocks: [...form.blocks, { type: 'input', block_id: 'length', optional: true, label, element }] };
}

/** How does somebody know what could not be proved? It stays with the deploy for ever. */
export const checkedForm = (what: 'it-serves' | 'old-code-is-gone', carried: Carried): ModalView =>
  asking(what, carried, {
    title: what === 'it-serves' ? 'New code serves' : 'Old code is gone',
    submit: 'I checked',
    label: 'What did you look at, and what did it show? The thread and the receipt name you with it.',
    advice:
      what === 'it-serves'
        ? 'Say so only if you asked the app several times and every answer came from the new code. It is announced on your word.'
        : 'Say so only if `heroku ps` shows no dyno of a release before this one, and the log shows that the old web dynos exited.',
  });

/** A form that asks for words: one field, `reason`. */
export function asking(
  callback: string,
  carried: Carried,
  { title, submit, label, advice }: { title: string; submit: string; label: string; advice?: string },
): ModalView {
  const element: PlainTextInput = { type: 'plain_text_input', action_id: 'reason', max_length: 500 };
  return {
    ...frame(callback, carried, title, submit),
    blocks: [
      ...(advice ? [section(advice)] : []),
      { type: 'input', block_id: 'reason', label: { type: 'plain_text', text: label }, element },
    ],
  };
}

/** Which app? Those that whoever looks may deploy are looked up as they type. */
export const appForm = (carried: Carried): ModalView => ({
  ...frame('deploy-app', carried, 'Deploy', 'Next'),
  blocks: [
    {
      type: 'input',
      block_id: 'app',
      label: { type: 'plain_text', text: 'App' },
      element: { type: 'external_select', action_id: 'app', min_query_length: 0 },
    },
  ],
});

/** Which branch, tag or commit of an app? What is typed is looked up as it is typed. */
export const refForm = (carried: Carried): ModalView => ({
  ...frame('deploy-ref', carried, 'Deploy', 'Show the plan'),
  blocks: [
    section(
      `Of *${foreign(carried.value, 40)}*. A plan is shown first; nothing happens before you press *Start* on it.`,
    ),
    {
      type: 'input',
      block_id: 'ref',
      label: { type: 'plain_text', text: 'Branch, tag or commit' },
      element: { type: 'external_select', action_id: 'ref', min_query_length: 0 },
    },
  ],
});

/** Other apps use the same database: the approver says that their owners know. */
export function sharedForm(deploy: Deploy, carried: Carried): ModalView {
  const apps = migrationsOf(deploy)?.sharedWith.join(', ') ?? '';
  return {
    ...frame('run-them-for-all', carried, 'Run them for all', 'Run them'),
    blocks: [
      section(
        `The database of ${foreign(deploy.plan.app)} is also that of *${foreign(apps, 500)}*. What these migrations destroy is gone for them too, and no rollback brings it back.`,
      ),
      {
        type: 'input',
        block_id: 'reason',
        label: { type: 'plain_text', text: 'Their owners' },
        element: {
          type: 'checkboxes',
          action_id: 'reason',
          options: [{ text: { type: 'plain_text', text: literal(`know it, and agree: ${apps}`, 75) }, value: 'agree' }],
        },
      },
    ],
  };
}

function frame(callback: string, carried: Carried, title: string, submit: string): Omit<ModalView, 'blocks'> {
  return {
    type: 'modal',
    callback_id: callback,
    private_metadata: JSON.stringify(carried),
    title: { type: 'plain_text', text: title },
    submit: { type: 'plain_text', text: submit },
    close: { type: 'plain_text', text: 'Not now' },
  };
}
