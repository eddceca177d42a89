import type { NotDone } from '../src/domain/not-done.ts';
import type { Place } from '../src/domain/turn.ts';
import { type Message, message, section } from './blocks.ts';
import { placeWords } from './queue.ts';
import { channelLink, foreign, plural, prose } from './text.ts';

// Short answers that only the asker sees.

/** Every reason why not, at once. */
export function refused(reasons: readonly string[]): Message {
  const [only] = reasons;
  return message(prose(reasons.join(' '), 2_900) || 'That cannot be done.', [
    reasons.length === 1 && only !== undefined
      ? section(`:no_entry: ${prose(only, 2_900)}`)
      : section(`:no_entry: *Not possible now*, for ${plural(reasons.length, 'reason')}:`),
    ...(reasons.length > 1 ? reasons.slice(0, 40).map(reason => section(`• ${prose(reason, 2_900)}`)) : []),
  ]);
}

/** Something of ours broke: whose fault, by which name to report it, and what to do. */
export function ourFault(id: string): Message {
  const text = `Something went wrong in this bot: this is our fault, not yours. It is logged as ${foreign(id)}. Try again in a minute; if it happens again, give that number to whoever runs the bot.`;
  return message(text, [section(`:boom: ${text}`)]);
}

/** It was not even begun, as far as is known, or cannot be brought to its end. */
export function notDone(why: NotDone): Message {
  return message(NOT_DONE[why], [section(`:no_entry: ${NOT_DONE[why]}`)]);
}

const NOT_DONE: { readonly [why in NotDone]: string } = {
  'not taken':
    'Not taken: the bot cannot reach its database or Slack just now, so nothing was done. Try again in a minute; if that does not help, tell whoever runs the bot.',
  'perhaps taken':
    'It is not known whether this was taken: the bot’s database did not answer in time. Wait a minute: if nothing comes of it, ask again; if that does not help, tell whoever runs the bot.',
  'not ours':
    'Not taken: this bot serves another workspace than the one that this came from, so nothing was done. Ask somebody of that workspace.',
  left: 'The bot was stopped while it worked on what you asked for, and that is too long ago to go on with. It may be done, or a part of it: look at `/deploy status`, and ask again if it is not.',
};

export function started({ channel, place }: { channel: string; place: Place | null }): Message {
  const text = place
    ? `The deploy is queued. ${placeWords(place)} Its thread is in ${channelLink(channel)}.`
    : `The deploy has started. Follow its thread in ${channelLink(channel)}.`;
  return message(text, [section(`:rocket: ${text}`)]);
}

export function notStarted(): Message {
  const text = 'Not started. Nothing was changed.';
  return message(text, [section(text)]);
}

/** What came of a press. */
export function answered(answer: string): Message {
  const text = prose(answer) || 'Taken.';
  return message(text, [section(text)]);
}

/** Left-overs: a command, button or form that this version of the bot does not know. */
export function unknown(what: 'command' | 'button' | 'form' | 'shortcut'): Message {
  const text = `This bot does not know that ${what} (any more). Nothing was done. \`/deploy help\` shows what it can do.`;
  return message(text, [section(text)]);
}
