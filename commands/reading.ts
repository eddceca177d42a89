import { z } from 'zod';
import { onlyAsks } from './deploy.ts';
import { OPENS } from './forms.ts';
import { onlyLooks } from './maintenance.ts';
import { onlyTalks } from './thread.ts';

// What only reads is acknowledged before anything is looked up; all else is kept first. So whatever is not known to read
// only is taken to change something: that costs a row, and the other mistake loses what somebody asked for.

const COMMANDS: { readonly [command: string]: (text: string) => boolean } = {
  '/deploy': onlyAsks,
  '/maintenance': onlyLooks,
};
/** Those that open a form, and these. */
const BUTTONS: ReadonlySet<string> = new Set([...Object.keys(OPENS), 'not-now', 'history']);
/** Shortcuts open a form, menus are filled, and nothing is lost with a form that was closed. */
const TYPES: ReadonlySet<string> = new Set(['shortcut', 'message_action', 'block_suggestion', 'view_closed']);

const request = z.object({
  type: z.string().optional(),
  command: z.string().optional(),
  text: z.string().default(''),
  actions: z.array(z.object({ action_id: z.string() })).default([]),
  event: z.object({ type: z.string(), text: z.string().default('') }).optional(),
});

/** True for a request of Slack's that changes nothing, so that it may be lost, and done twice. */
export function onlyReads(body: unknown): boolean {
  const read = request.safeParse(body);
  if (!read.success) return false;
  const { type = '', command, text, actions, event } = read.data;
  if (command !== undefined) return COMMANDS[command]?.(text) ?? true;
  if (event) return event.type !== 'app_mention' || onlyTalks(event.text);
  if (type === 'block_actions') return actions.every(({ action_id: id }) => BUTTONS.has(id.split(':')[0] ?? ''));
  return TYPES.has(type);
}
