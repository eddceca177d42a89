import { type Message, message, section } from './blocks.ts';

/** One emoji, a headline, and a sentence or two: how a deploy stands. In mrkdwn. */
export type State = { mark: string; headline: string; words: string };

/** A message in a deploy's thread. Broadcasts go to the channel too. `live`: edited when what it says has changed. */
export type Reply = { message: Message; broadcast: boolean; live?: boolean };

export const quiet = (headline: string, mark: string, lines: readonly string[]): Reply =>
  reply(headline, mark, lines, false);
export const loud = (headline: string, mark: string, lines: readonly string[]): Reply =>
  reply(headline, mark, lines, true);

function reply(headline: string, mark: string, lines: readonly string[], broadcast: boolean): Reply {
  const words = lines.filter(Boolean);
  return {
    message: message(`${headline}. ${words.join(' ')}`, [section(`${mark} *${headline}*`, ...words)]),
    broadcast,
  };
}
