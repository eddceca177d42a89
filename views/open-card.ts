import type { Button } from '@slack/types';
import { type Deploy, latest } from '../src/domain/deploy.ts';
import { openComplaint } from '../src/domain/readings.ts';
import { approvalCard, closedCard } from './approval.ts';
import type { Message } from './blocks.ts';
import { notWellCard } from './not-well.ts';
import { parkedCard } from './parked.ts';
import { turnCard } from './queue.ts';

/** What only the card itself may ask: it shows what is said yes to. */
const ON_THE_CARD: readonly string[] = ['run-them', 'run-them-for-all', 'hold', 'show-file'];

/** The card in a deploy's thread that waits for an answer now; null when none does. */
export function openCard(deploy: Deploy): Message | null {
  const ill = openComplaint(deploy);
  const [asked, turn, closed, parked] = [
    latest(deploy, 'approval asked'),
    latest(deploy, 'planned again'),
    latest(deploy, 'left closed'),
    latest(deploy, 'parked'),
  ];
  const cards = [
    ill && notWellCard(ill, deploy),
    parked && parkedCard(parked, deploy),
    closed && closedCard(closed, deploy),
    asked && approvalCard(asked, deploy),
    turn && turn.news.length > 0 ? turnCard(turn, deploy) : undefined,
  ];
  return cards.find(card => card && buttonsOf(card).length > 0) ?? null;
}

/** Its buttons, where the deploy's own message may have them too. */
export function cardButtons(deploy: Deploy): Button[] {
  const card = openCard(deploy);
  return card
    ? buttonsOf(card).filter(({ action_id = '' }) => !ON_THE_CARD.includes(action_id.split(':')[0] ?? ''))
    : [];
}

const buttonsOf = ({ blocks }: Message): Button[] =>
  blocks.flatMap(block =>
    block.type === 'actions' ? block.elements.filter(element => element.type === 'button') : [],
  );
