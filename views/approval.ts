import type { ModalView } from '@slack/types';
import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { fileSections } from './migrations.ts';
import { foreign, literal, mention, time } from './text.ts';

/** Asks for a yes to exactly what it shows; once somebody answered, it says who and how. */
export function approvalCard(asked: FactOf<'approval asked'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const { headline, words } = standing(asked, deploy);
  const open = isOpen(deploy);
  return message(`${headline}. ${words}`, [
    section(`${open ? ':lock:' : ':ballot_box_with_check:'} *${headline}*`, words),
    ...fileSections(plan),
    section(
      `*Afterwards* ${app} cannot go back to v${plan.live.version} or before: that code needs what is destroyed here.`,
      ...(plan.migrations && plan.migrations.sharedWith.length > 0
        ? [
            `*Also reached*: ${foreign(plan.migrations.sharedWith.join(', '), 300)} use the same database. Ask their owners first.`,
          ]
        : []),
    ),
    open
      ? actions(
          {
            label: 'Run them',
            action: 'run-them',
            value: `${deploy.id} ${asked.digest}`,
            aloud: `Run the contract migrations of ${literal(plan.app, 30)}`,
            style: 'danger',
            confirm: {
              title: `Change the database of ${literal(plan.app, 40)} for good?`,
              text: `What these migrations destroy cannot be brought back by a rollback. Started by ${mention(startedBy)}; you are the second pair of eyes.`,
              yes: 'Run them',
              no: 'Not yet',
            },
          },
          {
            label: 'Hold',
            action: 'hold',
            value: `${deploy.id} ${asked.digest}`,
            aloud: `Hold the contract migrations of ${literal(plan.app, 30)}`,
          },
        )
      : null,
  ]);
}

function isOpen(deploy: Deploy): boolean {
  return !latest(deploy, 'approved') && !latest(deploy, 'held') && !latest(deploy, 'ended');
}

function standing(asked: FactOf<'approval asked'>, deploy: Deploy): { headline: string; words: string } {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const approved = latest(deploy, 'approved');
  if (approved) {
    return {
      headline: `Contract migrations of ${app}: approved`,
      words: `${mention(approved.by)} approved them at ${time(approved.at)}.`,
    };
  }
  const held = latest(deploy, 'held');
  if (held) {
    const who = held.by ? `${mention(held.by)} held them` : 'Held';
    return {
      headline: `Contract migrations of ${app}: held`,
      words: `${who}: ${foreign(held.why, 500)} They are asked again at the next deploy.`,
    };
  }
  const eyes = plan.approvers.filter(user => !plan.fourEyes || user !== startedBy);
  const who = eyes.length > 0 ? eyes.slice(0, 10).map(mention).join(', ') : 'There is nobody yet who may';
  return {
    headline: `Approve what ${app} no longer needs?`,
    words: `${who}: new code serves, old code is gone (proved above). These migrations destroy what only old code used. Nothing runs without you; asked ${time(asked.at)}, held after a day.`,
  };
}

/** Migrations failed half-way behind a closed door: whether to open it, only a person can say. */
export function closedCard(asked: FactOf<'left closed'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const answered = deploy.facts.find(
    (fact): fact is FactOf<'closed app answered'> => fact.kind === 'closed app answered' && fact.seq > asked.seq,
  );
  const failure = deploy.facts.findLast(fact => fact.kind === 'migration failed' && fact.seq < asked.seq);
  const why =
    failure?.kind === 'migration failed'
      ? `${foreign(failure.failure.file, 100)}: ${foreign(failure.failure.error, 500)}`
      : '';
  const who = [...new Set([startedBy, ...plan.approvers])].slice(0, 10).map(mention).join(', ');
  const words = answered
    ? `${mention(answered.by)} ${answered.what === 'open' ? 'opened it' : 'had them tried again'} at ${time(answered.at)}.`
    : `${who}: its contract migrations failed half-way (${why}). What was applied before stays. Open it if the new code can live with that, or mend the cause and try again.`;
  const headline = answered ? `${app} was closed` : `${app} is closed: visitors are turned away`;
  return message(`${headline}. ${words}`, [
    section(`${answered ? ':ballot_box_with_check:' : ':rotating_light:'} *${headline}*`, words),
    answered || latest(deploy, 'ended')
      ? null
      : actions(
          {
            label: 'Try again',
            action: 'try-again',
            value: deploy.id,
            aloud: `Try the migrations of ${literal(plan.app, 30)} again`,
            style: 'primary',
          },
          {
            label: 'Open',
            action: 'open-the-app',
            value: deploy.id,
            aloud: `Open ${literal(plan.app, 30)} as it is`,
            confirm: {
              title: `Open ${literal(plan.app, 40)} as it is?`,
              text: 'Visitors meet the new code with a half changed schema. What is left of the migrations is asked again at the next deploy.',
              yes: 'Open',
              no: 'Not yet',
            },
          },
        ),
  ]);
}

/** Why are they held? Kept for whoever plans the next deploy. */
export function holdForm(carried: { value: string; channel: string | null }): ModalView {
  return {
    type: 'modal',
    callback_id: 'hold',
    private_metadata: JSON.stringify(carried),
    title: { type: 'plain_text', text: 'Hold migrations' },
    submit: { type: 'plain_text', text: 'Hold them' },
    close: { type: 'plain_text', text: 'Not now' },
    blocks: [
      {
        type: 'input',
        block_id: 'reason',
        label: { type: 'plain_text', text: 'Why? It is shown in the next plan of this app.' },
        element: { type: 'plain_text_input', action_id: 'reason', max_length: 500 },
      },
    ],
  };
}
