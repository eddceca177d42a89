import type { ActionsBlock, Button, ConfirmationDialog, ContextBlock, KnownBlock, SectionBlock } from '@slack/types';
import { cut } from './text.ts';

// Builders that keep Slack's limits (reference/block-kit/blocks and /composition-objects) for any input.

export type Message = { text: string; blocks: KnownBlock[] };

/** The sentence that screen readers and notifications give, and what is drawn. */
export function message(text: string, blocks: (KnownBlock | null)[]): Message {
  return { text: cut(text, 3_000), blocks: blocks.filter(block => block !== null).slice(0, 50) };
}

export function section(...lines: string[]): SectionBlock {
  return { type: 'section', text: { type: 'mrkdwn', text: cut(lines.filter(Boolean).join('\n') || '…', 3_000) } };
}

export function context(...lines: string[]): ContextBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: cut(lines.join('\n') || '…', 2_000) }] };
}

/** `action` is what the press is known by (up to a colon: a view may have an id only once), `value` what it is about, `aloud` what a screen reader says. */
export type ButtonAsk = {
  label: string;
  action: string;
  value: string;
  aloud: string;
  style?: 'primary' | 'danger';
  confirm?: { title: string; text: string; yes: string; no: string };
};

export function actions(...asked: ButtonAsk[]): ActionsBlock | null {
  return asked.length > 0 ? { type: 'actions', elements: asked.map(button) } : null;
}

export function button({ label, action, value, aloud, style, confirm }: ButtonAsk): Button {
  return {
    type: 'button',
    action_id: action,
    text: { type: 'plain_text', text: cut(label, 75) },
    value: value.slice(0, 2_000),
    accessibility_label: cut(aloud, 75),
    ...(style ? { style } : {}),
    ...(confirm ? { confirm: dialog(confirm, style) } : {}),
  };
}

function dialog(
  { title, text, yes, no }: NonNullable<ButtonAsk['confirm']>,
  style?: 'primary' | 'danger',
): ConfirmationDialog {
  return {
    title: { type: 'plain_text', text: cut(title, 100) },
    text: { type: 'mrkdwn', text: cut(text, 300) },
    confirm: { type: 'plain_text', text: cut(yes, 30) },
    deny: { type: 'plain_text', text: cut(no, 30) },
    ...(style ? { style } : {}),
  };
}
