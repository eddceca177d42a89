import { type Message, message, section } from './blocks.ts';
import { time } from './text.ts';

const LINES_SHOWN = 20;

/** Replies that come late, in one: the first sentence of each, with its time. */
export function lateReplies(late: readonly { message: { text: string }; at: string }[]): Message {
  const lines = late.map(({ message: { text }, at }) => `• ${time(at)} ${text.split(/(?<=\.) /)[0] ?? ''}`);
  const more = lines.length > LINES_SHOWN ? [`and ${lines.length - LINES_SHOWN} more`] : [];
  const headline = 'What happened while this thread could not be written';
  return message(`${headline}: ${lines.length} things.`, [
    section(`:satellite_antenna: *${headline}*`, ...lines.slice(0, LINES_SHOWN), ...more),
  ]);
}
