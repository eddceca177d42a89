import type { ActionsBlock } from '@slack/types';
import type { Deploy, Fact, FactOf } from '../src/domain/deploy.ts';
import { latest } from '../src/domain/deploy.ts';
import { clicksOf, oldCode, type RootClick, wayBack } from '../src/domain/readings.ts';
import { backButton } from './back.ts';
import { type ButtonAsk, button, context, type Message, message, section } from './blocks.ts';
import { cardButtons } from './open-card.ts';
import { receiptOf } from './receipt.ts';
import { stateOf } from './state.ts';
import { stepCards } from './steps.ts';
import { dayAndTime, foreign, literal, mention, sentence, sha } from './text.ts';

/** The deploy's own message: edited while it goes on, and its receipt when it has ended. */
export function rootMessage(deploy: Deploy): Message {
  const { plan } = deploy;
  const { mark, headline, words } = stateOf(deploy);
  const ended = latest(deploy, 'ended');
  const trouble = ended ? null : troubleOf(deploy);
  return message(`${headline}. ${words}`, [
    section(`${mark} *${headline}*`, words),
    trouble,
    stepCards(deploy),
    ...(ended ? [section('*Receipt*', ...receiptOf(deploy))] : []),
    rootActions(deploy),
    context(
      `${sha(plan.commit.sha)} ${foreign(plan.commit.subject, 100)} · started by ${mention(deploy.startedBy)} ${dayAndTime(deploy.startedAt)}`,
    ),
  ]);
}

/** Shown until something goes well again. */
function troubleOf(deploy: Deploy): ReturnType<typeof section> | null {
  const last = deploy.facts.at(-1);
  return last?.kind === 'trouble' ? section(`:warning: *${troubleIn(last)}*`, troubleWords(last)) : null;
}

export const troubleIn = ({ stage }: FactOf<'trouble'>): string => `Trouble of our own in “${foreign(stage, 60)}”`;

export function troubleWords({ error, attempt }: FactOf<'trouble'>): string {
  return `Attempt ${attempt}: ${sentence(foreign(error, 400))} It is tried again by itself, and nothing is done twice. You need do nothing.`;
}

/** What can be pressed now, also on a card that asks something; null when there is nothing. */
export function rootActions(deploy: Deploy): ActionsBlock | null {
  const own = clicksOf(deploy).map(kind => button(BUTTONS[kind](deploy)));
  const back = wayBack(deploy);
  const elements = [
    ...cardButtons(deploy).filter(({ action_id }) => !own.some(known => known.action_id === action_id)),
    ...own,
    ...(back?.kind === 'plan' ? [button(backButton(deploy))] : []),
  ];
  return elements.length > 0 ? { type: 'actions', elements } : null;
}

const BUTTONS: Record<RootClick, (deploy: Deploy) => ButtonAsk> = {
  cancel: ({ id, plan, facts }) => ({
    label: 'Cancel',
    action: 'cancel',
    value: id,
    aloud: `Cancel the deploy of ${literal(plan.app, 30)}`,
    confirm: {
      title: `Cancel the deploy of ${literal(plan.app, 40)}?`,
      text: cancelMeans(facts.map(({ kind }) => kind)),
      yes: 'Cancel it',
      no: 'Go on deploying',
    },
  }),
  'roll back': deploy => ({
    label: 'Roll back',
    action: 'roll-back',
    value: deploy.id,
    aloud: `Roll ${literal(deploy.plan.app, 30)} back to v${oldCode(deploy).version}`,
    style: 'danger',
    confirm: {
      title: `Roll ${literal(deploy.plan.app, 40)} back to v${oldCode(deploy).version}?`,
      text: `A new release with the code of v${oldCode(deploy).version} takes the place of this deploy. It runs that code's release phase again. If it is not done when the routers switch, visitors see the new code for a while.`,
      yes: 'Roll back',
      no: 'Go on deploying',
    },
  }),
  'it serves': ({ id, plan }) => ({
    label: 'It serves',
    action: 'it-serves',
    value: id,
    aloud: `I looked: new code of ${literal(plan.app, 30)} serves`,
  }),
  'old code is gone': ({ id, plan }) => ({
    label: 'Old code is gone',
    action: 'old-code-is-gone',
    value: id,
    aloud: `I looked: old code of ${literal(plan.app, 30)} is gone`,
  }),
};

/** What calling it off does at this point. */
function cancelMeans(told: readonly Fact['kind'][]): string {
  if (told.includes('release started'))
    return 'Heroku cannot stop a release phase: when it has ended, this goes back at once, while old code still serves. What its command does stays done.';
  if (told.includes('build started')) return 'The build is stopped. Nothing is released: old code serves as before.';
  if (told.includes('migrating'))
    return 'Migrations are not broken off half-way: when those that only add have ended, so does the deploy, and they stay.';
  return 'Nothing has happened yet, and nothing will.';
}
