import type {
  ActionsBlock,
  Button,
  ConfirmationDialog,
  ContextBlock,
  KnownBlock,
  MrkdwnElement,
  SectionBlock,
} from '@slack/types';
import { cut, shorter } from './text.ts';

// Builders that keep Slack's limits (reference/block-kit/blocks and /composition-objects) for any input.

export type Message = { text: string; blocks: KnownBlock[] };

/**
 * Characters in all blocks of a message together: Slack takes "12,000 with a buffer for block containers" (bolt-js #2509),
 * and has refused 11,341 (#2867: msg_blocks_too_long).
 */
const MESSAGE = 10_000;
/** Names and values of what can be pressed, and kinds: nobody reads them. */
const UNREAD: ReadonlySet<string> = new Set(['type', 'action_id', 'block_id', 'task_id', 'value', 'style', 'status']);

/** The sentence that screen readers and notifications give, and what is drawn. */
export function message(text: string, blocks: (KnownBlock | null)[]): Message {
  return { text: cut(text, 3_000), blocks: fitting(blocks.filter(block => block !== null).slice(0, 50)) };
}

/** As many of the sections as a message takes with a headline, and a word on how many more there are. */
export function asManyAsFit(sections: readonly SectionBlock[], more: (left: number) => string): SectionBlock[] {
  let left = MESSAGE - 600;
  const fit = sections.findIndex((block, index) => {
    left -= lengthOf(block);
    return left < 0 || index === 45;
  });
  return fit < 0 ? [...sections] : [...sections.slice(0, fit), section(more(sections.length - fit))];
}

/** The blocks, the longest texts among them cut until Slack takes all of them together. */
function fitting(blocks: KnownBlock[]): KnownBlock[] {
  const long = blocks.filter(isSection);
  const rest = lengthOf(blocks) - long.reduce((sum, { text }) => sum + text.text.length, 0);
  const most = fairShare(
    long.map(({ text }) => text.text.length),
    MESSAGE - rest,
  );
  return blocks.map(block =>
    isSection(block) && block.text.text.length > most
      ? { ...block, text: { ...block.text, text: shorter(block.text.text, most) } }
      : block,
  );
}

/** How long each may be at most, so that all of them together are no longer than `most`. */
export function fairShare(lengths: readonly number[], most: number): number {
  let left = most;
  for (const [index, length] of [...lengths].sort((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - index));
    if (length > share) return Math.max(share, 100);
    left -= length;
  }
  return Number.POSITIVE_INFINITY;
}

const isSection = (block: KnownBlock): block is SectionBlock & { text: MrkdwnElement } =>
  block.type === 'section' && block.text !== undefined;

/** Characters of what is read in it. */
function lengthOf(shown: unknown): number {
  if (typeof shown === 'string') return shown.length;
  if (typeof shown !== 'object' || shown === null) return 0;
  return Object.entries(shown).reduce((sum, [key, inner]) => sum + (UNREAD.has(key) ? 0 : lengthOf(inner)), 0);
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
