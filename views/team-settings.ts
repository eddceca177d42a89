import type { InputBlock, ModalView, SectionBlock } from '@slack/types';
import type { Freeze } from '../src/domain/freeze.ts';
import { freezeLine } from '../src/domain/freeze-lines.ts';
import { ALL_APPS } from '../src/domain/lock.ts';
import { type Message, message, section } from './blocks.ts';
import { code, foreign, mention } from './text.ts';

// What holds for every app: so far when nothing is deployed.

/** What a text field takes. */
const FIELD = 3_000;

/** The field for freezes, of an app or of all: one a line. What does not fit into it is not lost by it either. */
export function freezesField(freezes: readonly Freeze[]): InputBlock | SectionBlock {
  const lines = freezes.map(freezeLine).join('\n');
  if (lines.length > FIELD) return section('Its freezes are too many for a form: change them with `npm run settings`.');
  return {
    ...{ type: 'input', block_id: 'freezes', optional: true },
    label: { type: 'plain_text', text: 'When nothing is deployed, one freeze a line' },
    hint: {
      type: 'plain_text',
      text: 'fri 16:00 - mon 08:00 Europe/Berlin: why, or 2026-12-20 - 2026-12-27: why. Without a zone it is yours.',
    },
    element: {
      ...{ type: 'plain_text_input', action_id: 'freezes', multiline: true, max_length: FIELD },
      ...(lines ? { initial_value: lines } : {}),
    },
  };
}

/** `/deploy settings all`. */
export const teamForm = (
  freezes: readonly Freeze[],
  { version, channel }: { version: number; channel: string | null },
): ModalView => ({
  type: 'modal',
  callback_id: 'settings',
  private_metadata: JSON.stringify({ app: ALL_APPS, version, channel }),
  title: { type: 'plain_text', text: 'Settings of every app' },
  submit: { type: 'plain_text', text: 'Save' },
  close: { type: 'plain_text', text: 'Cancel' },
  blocks: [freezesField(freezes)],
});

/** Told in the channels of all apps: who changed what. */
export function teamNotices(change: {
  version: number;
  freezes: readonly Freeze[];
  before: readonly Freeze[];
  by: string;
  channels: readonly string[];
}): { id: string; channel: string; message: Message }[] {
  const { version, freezes, before, by, channels } = change;
  const [was, is] = [before.map(freezeLine), freezes.map(freezeLine)];
  const lines = [
    ...was.filter(line => !is.includes(line)).map(line => `• taken away: ${code(line, 300)}`),
    ...is.filter(line => !was.includes(line)).map(line => `• new: ${code(line, 300)}`),
  ];
  const who = /^[UW][A-Z0-9]{2,}$/.test(by) ? mention(by) : foreign(by, 60);
  const headline = 'The freezes of every app were changed';
  const told = message(`${headline} by ${who}. ${lines.join(' ')}`, [
    section(`:snowflake: *${headline}*`, `By ${who}. This is version ${version}.`, ...lines.slice(0, 20)),
  ]);
  return channels.map(channel => ({ id: `settings of all ${version} ${channel}`, channel, message: told }));
}
