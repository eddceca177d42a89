import type { Deploy, FactOf } from '../src/domain/deploy.ts';
import { asOf, goesOn } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { foreign, literal, mention } from './text.ts';

/** Asks what becomes of a deploy that this version of the bot cannot go on with: what is done, and what is not. */
export function parkedCard(parked: FactOf<'parked'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const steps = stepsOf(asOf(deploy, parked.seq));
  const named = (done: boolean): string =>
    steps.flatMap(({ step, state }) => ((state === 'done') === done ? [step] : [])).join(', ') || 'nothing';
  const goneOn = deploy.facts.some(fact => fact.seq > parked.seq && goesOn(fact));
  const headline = goneOn ? `The deploy of ${app} went on` : `This bot cannot go on with the deploy of ${app}`;
  const words = goneOn
    ? 'Another version of the bot knew how, or somebody ended it.'
    : `${mention(startedBy)} Another version of the bot left it at “${foreign(parked.stage, 60)}”, which this one does not know. Nothing is done until you say so.`;
  return message(`${headline}. ${words}`, [
    section(`${goneOn ? ':ballot_box_with_check:' : ':vertical_traffic_light:'} *${headline}*`, words),
    section(`*Done*: ${named(true)}.`, `*Not done*: ${named(false)}.`),
    goneOn
      ? null
      : section(
          '*What to do*: start the version of the bot that began it, and it goes on by itself. Or end it here, and see to the rest by hand.',
        ),
    goneOn
      ? null
      : actions({
          ...{ label: 'End it here', action: 'end-here', value: deploy.id, style: 'danger' },
          aloud: `End the deploy of ${literal(plan.app, 30)} here`,
          confirm: {
            title: `End the deploy of ${literal(plan.app, 40)} here?`,
            text: 'What was done stays done. What was not done is never done by this deploy.',
            yes: 'End it',
            no: 'Not yet',
          },
        }),
  ]);
}
