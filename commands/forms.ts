import type { ModalView } from '@slack/types';
import { z } from 'zod';
import { holdForm } from '../views/approval.ts';
import type { Answer } from './answer.ts';
import { click, type Door, type Press } from './buttons.ts';

/** What a form carries from the button that opened it to whoever reads it. */
export type Carried = { value: string; channel: string | null };

/** Buttons that ask for words first, by their action id: each opens the form of the same name. */
export const OPENS: { readonly [action: string]: (carried: Carried) => ModalView } = { hold: holdForm };

/** What is done with a form of ours, by its callback id. */
export const FORMS: { readonly [callback: string]: (bot: Door, press: Press & { reason: string }) => Promise<Answer> } =
  {
    hold: click('hold'),
  };

const carried = z.object({ value: z.string(), channel: z.string().nullable() });
const typed = z.object({ reason: z.object({ reason: z.object({ value: z.string() }) }) });

/** What was typed into a form, and what it carried. Throws for a form that is not ours. */
export function readForm(view: { private_metadata: string; state: { values: unknown } }): Carried & { reason: string } {
  return {
    ...carried.parse(JSON.parse(view.private_metadata)),
    reason: typed.parse(view.state.values).reason.reason.value,
  };
}
