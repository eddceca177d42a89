import type { NotBegun, Schedule } from '../src/domain/schedule.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { channelLink, code, dayAndTime, foreign, literal, mention, prose, sentence, sha } from './text.ts';

/** In the app's channel: what will be deployed when, until that is over; and to its owner what was not begun. */
export function scheduleNotices(
  schedule: Schedule,
): { id: string; channel: string; message: Message; owner?: string }[] {
  const { id, by, plan, outcome, why } = schedule;
  const app = foreign(plan.app);
  const words = `${mention(by)} chose ${dayAndTime(schedule.due)} for ${sha(plan.commit.sha)} ${foreign(plan.commit.subject, 100)}.`;
  const headline = outcome === null ? `${app} will be deployed ${dayAndTime(schedule.due)}` : HEADLINES[outcome](app);
  const card = message(`${headline}. ${words}`, [
    section(
      `${outcome === null ? ':alarm_clock:' : ':ballot_box_with_check:'} *${headline}*`,
      words,
      endWords(schedule),
    ),
    outcome === null
      ? actions({
          ...{ label: 'Take it off', action: 'unschedule', value: id },
          aloud: `Do not deploy ${literal(plan.app, 30)} at that time`,
        })
      : null,
  ]);
  const notices = [{ id: `schedule ${id}`, channel: plan.channel, owner: by, message: card }];
  if (outcome !== 'changed' && outcome !== 'refused') return notices;
  const told = `Your deploy of ${app} did not begin at its time`;
  const next = `${prose(sentence(why ?? ''), 1_500)} ${code(`/deploy ${plan.app}`)} plans it again.`;
  const toOwner = message(`${told}. ${next}`, [section(`:octagonal_sign: *${told}*`, next)]);
  return [...notices, { id: `schedule ${id} ${outcome}`, channel: by, message: toOwner }];
}

const HEADLINES: { readonly [outcome in NonNullable<Schedule['outcome']>]: (app: string) => string } = {
  begun: app => `The deploy of ${app} began at its time`,
  asked: app => `The deploy of ${app} asks a second person, at its time`,
  changed: app => `The deploy of ${app} did not begin: things changed`,
  refused: app => `The deploy of ${app} did not begin`,
  cancelled: app => `The deploy of ${app} was taken off`,
};

function endWords({ outcome, endedBy, why }: Schedule): string {
  if (outcome === 'cancelled') return `${mention(endedBy ?? '')} took it off. Nothing was begun.`;
  return why === null ? '' : prose(sentence(why), 1_500);
}

/** To whoever pressed. */
export function scheduled(at: number, channel: string): Message {
  const text = `It begins ${dayAndTime(at)}, if nothing changed by then. ${channelLink(channel)} shows it, and can take it off.`;
  return message(text, [section(`:alarm_clock: ${text}`)]);
}

/** Deploys that are wanted and have not begun, for status and Home. */
export const notBegunLines = (all: readonly NotBegun[]): string[] =>
  all.map(({ kind, by, plan, at }) =>
    kind === 'asked'
      ? `:raised_hand: ${sha(plan.commit.sha)}, by ${mention(by)}, waits for a second person since ${dayAndTime(at)}.`
      : `:alarm_clock: ${sha(plan.commit.sha)}, by ${mention(by)}, begins ${dayAndTime(at)}.`,
  );
