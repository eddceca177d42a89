import type { KnownBlock, ModalView } from '@slack/types';
import type { Deploy } from '../src/domain/deploy.ts';
import { type Message, message, section } from './blocks.ts';
import { openCard } from './open-card.ts';
import { rootActions } from './root.ts';
import { stateOf } from './state.ts';
import { code, foreign, literal } from './text.ts';

/** Kinds of words that the bot understands in a deploy's thread, with what they do. */
const WORDS = [
  ['status', 'how it stands'],
  ['cancel', 'calls it off; while old code serves, goes back; later, shows the way back'],
  ['roll back', 'the same'],
  ['keep it: REASON', 'new code that is not well'],
  ['approve', 'shows what would be destroyed, to be pressed'],
  ['go on', 'after it waited and things changed'],
  ['hold: REASON', 'leaves its contract migrations for the next deploy'],
  ['it serves: REASON', 'you looked, and new code serves'],
  ['old code is gone: REASON', 'you looked, and old code is gone'],
  ['open', 'an app that failed migrations left closed'],
  ['try again', 'the migrations that failed'],
  ['end here', 'a deploy that this version of the bot cannot go on with'],
] as const;

export function whatToSay(deploy: Deploy): Message {
  const { mark, headline, words } = stateOf(deploy);
  return message(`${headline}. ${words} Say to me in this thread: ${WORDS.map(([said]) => said).join(', ')}.`, [
    section(`${mark} *${headline}*`, words),
    section('*Say to me in this thread*', ...WORDS.map(([said, does]) => `• ${code(said)} ${does}`)),
  ]);
}

/** How a deploy stands, for whoever asked in its thread. */
export function deployNow(deploy: Deploy): Message {
  const { mark, headline, words } = stateOf(deploy);
  return message(`${headline}. ${words}`, [section(`${mark} *${headline}*`, words)]);
}

/** What destroys is not said in passing: whoever says it is shown what they say yes to. */
export function pressInstead(deploy: Deploy): Message {
  const card = openCard(deploy);
  const text = card
    ? 'Contract migrations are approved on their card, which shows what they destroy: press *Run them* here or there.'
    : 'No contract migrations wait for an approval now.';
  return message(text, [section(text), ...(card?.blocks ?? [])]);
}

/** From the menu of a message: what can be done with its deploy now. `channel`: where answers go. */
export function deployForm(deploy: Deploy, channel: string): ModalView {
  const { mark, headline, words } = stateOf(deploy);
  const card = openCard(deploy)?.blocks ?? [];
  const known = new Set(idsIn(card));
  const { elements = [] } = rootActions(deploy) ?? {};
  const rest = elements.filter(element => !known.has(element.action_id ?? ''));
  return {
    type: 'modal',
    private_metadata: JSON.stringify({ channel }),
    title: { type: 'plain_text', text: literal(`Deploy of ${deploy.plan.app}`, 24) },
    close: { type: 'plain_text', text: 'Close' },
    blocks: [
      section(`${mark} *${headline}*`, words),
      ...card,
      ...(rest.length > 0 ? [{ type: 'actions' as const, elements: rest }] : []),
      ...(card.length + rest.length > 0
        ? []
        : [section(`There is nothing to decide about this deploy of ${foreign(deploy.plan.app)} now.`)]),
    ],
  };
}

const idsIn = (blocks: readonly KnownBlock[]): string[] =>
  blocks.flatMap(block => (block.type === 'actions' ? block.elements.flatMap(({ action_id }) => action_id ?? []) : []));

/** What came of a press in a form, in its place. `channel`: where answers to its own buttons go. */
export const answerForm = ({ blocks }: Message, channel: string | null): ModalView => ({
  type: 'modal',
  private_metadata: JSON.stringify({ channel }),
  title: { type: 'plain_text', text: 'Switchover' },
  close: { type: 'plain_text', text: 'Close' },
  blocks,
});
