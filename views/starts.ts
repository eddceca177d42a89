import type { ModalView } from '@slack/types';
import type { Plan } from '../src/domain/plan.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { asking, type Carried } from './forms.ts';
import { planFacts } from './plan.ts';
import { foreign, literal, mention, sentence, sha } from './text.ts';

type Request = {
  id: string;
  app: string;
  by: string;
  emergency: string | null;
  answer: 'approved' | 'declined' | 'expired' | 'changed' | null;
  answeredBy: string | null;
  plan: Plan;
};

/** In the app's channel: who wants to deploy what, for a second person's yes. */
export function startNotices(request: Request): { id: string; channel: string; message: Message; owner?: string }[] {
  const { id, by, plan, answer, answeredBy } = request;
  const notices = [{ id: `start ${id}`, channel: plan.channel, owner: by, message: startCard(request) }];
  if (answer === null || answer === 'approved' || answeredBy === by) return notices;
  const headline = `Your deploy of ${foreign(plan.app)} was not started`;
  const words = `${endWords(request)} ${answer === 'declined' ? 'Talk to them.' : `\`/deploy ${foreign(plan.app, 40)}\` plans it again.`}`;
  const told = message(`${headline}. ${words}`, [section(`:octagonal_sign: *${headline}*`, words)]);
  return [...notices, { id: `start ${id} ${answer}`, channel: by, message: told }];
}

function startCard(request: Request): Message {
  const { id, by, emergency, plan, answer } = request;
  const app = foreign(plan.app);
  const who = plan.approvers.filter(user => user !== by);
  const asks =
    answer === null
      ? `${who.slice(0, 10).map(mention).join(', ') || 'Nobody may approve it yet.'} ${mention(by)} wants to deploy ${sha(plan.commit.sha)}. It begins with your yes, and is dropped after 2 hours.`
      : endWords(request);
  const why = emergency === null ? '' : `:rotating_light: *In a freeze*, because: ${sentence(foreign(emergency, 500))}`;
  const headline = answer === null ? `May this deploy of ${app} begin?` : `Deploy of ${app}: ${answer}`;
  return message(`${headline} ${asks}`, [
    section(`${answer === null ? ':raised_hand:' : ':ballot_box_with_check:'} *${headline}*`, asks, why),
    ...planFacts(plan),
    answer === null
      ? actions(
          {
            label: 'Approve',
            action: 'approve-start',
            value: id,
            style: 'primary',
            aloud: `Let ${literal(plan.app, 40)} be deployed`,
          },
          {
            label: 'Decline',
            action: 'decline-start',
            value: id,
            aloud: `Do not let ${literal(plan.app, 40)} be deployed`,
          },
        )
      : null,
  ]);
}

function endWords({ answer, answeredBy, by }: Request): string {
  const who = mention(answeredBy ?? '');
  switch (answer) {
    case 'approved':
      return `${who} approved it: it has begun.`;
    case 'declined':
      return answeredBy === by ? `${who} took it back.` : `${who} declined it.`;
    case 'expired':
      return 'Nobody answered for 2 hours.';
    case 'changed':
      return `${who} approved it, but things had changed since it was planned, so nothing was begun.`;
    case null:
      return '';
    default:
      return answer satisfies never;
  }
}

/** To the asker: a second person is asked. */
export function startAsked(channel: string): Message {
  const text = `A second person is asked in <#${channel}>. It begins with their yes; nothing has happened yet.`;
  return message(text, [section(`:raised_hand: ${text}`)]);
}

/** Why must it begin in a freeze? */
export const emergencyForm = (carried: Carried): ModalView =>
  asking('emergency-start', carried, {
    title: 'Emergency start',
    submit: 'Ask for it',
    label: 'Why can it not wait? A second person reads it before they say yes.',
  });
