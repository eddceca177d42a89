import { stripVTControlCharacters } from 'node:util';
import { DateTime } from 'luxon';

export { sentence } from '../src/domain/refusal.ts';

// Everything that was not written by us goes through here before it is shown: in Slack's mrkdwn `<…>` makes mentions,
// links and broadcasts, and nobody's commit message may ping a channel.

/** Invisible or reordering: control characters, zero-width ones, those that change the direction of reading. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;
/** And fillers, joiners and variation selectors: nobody would miss them in a name, but SQL compares with them. */
const UNSEEN_IN_CODE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;
const PERSON = /^[UW][A-Z0-9]{2,}$/;

/** Foreign text as one line of mrkdwn that can form no mention, link or broadcast, of at most so many characters. */
export function foreign(text: string, most = 150): string {
  return cut(inert(seen(text)), most);
}

/** Foreign text in code style. */
export function code(text: string, most = 150): string {
  return `\`${foreign(text.replaceAll('`', 'ˋ'), most) || ' '}\``;
}

/** Foreign text where Slack reads no mrkdwn (labels, cards): nothing to escape, but nothing that looks like a mention either. */
export function literal(text: string, most = 150): string {
  return cut(seen(text).replaceAll('<', '‹').replaceAll('>', '›'), most);
}

/** Our own sentences: they may name people and channels, and what else they quote of others is escaped. */
export function prose(text: string, most = 1_000): string {
  const parts = text.split(/(<(?:@[UW]|#[CG])[A-Z0-9]{2,}>)/);
  return cut(
    parts
      .map((part, index) => (index % 2 ? part : inert(part.replace(UNSEEN, ' '))))
      .join('')
      .trim(),
    most,
  );
}

/** The last lines of an output as a code block: the end says what went wrong, so the beginning is what is cut. */
export function output(lines: readonly string[], most = 2_700): string {
  const kept: string[] = [];
  let left = most;
  for (const line of lines.slice(-20).reverse()) {
    const shown = foreign(line.replaceAll('`', 'ˋ'), 200);
    left -= shown.length + 1;
    if (left < 0) break;
    kept.unshift(shown);
  }
  return kept.some(Boolean) ? `\`\`\`\n${kept.join('\n')}\n\`\`\`` : '_It printed nothing._';
}

/** Foreign code as a block of its own lines. What cannot be seen is shown as �: an approver must see what is there. */
export function codeBlock(text: string, most: number): string {
  const lines = text.split('\n').map(line => line.replaceAll('\t', '  ').replace(UNSEEN_IN_CODE, '�'));
  return `\`\`\`${cut(inert(lines.join('\n').replaceAll('`', 'ˋ')), most) || ' '}\`\`\``;
}

/** mrkdwn of at most so many characters, never cut inside a mention, a date or an escape. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '');
  return `${head.replace(/<[^>]*$/, '').replace(/&\w*$/, '')}…`;
}

/** The same for lines of mrkdwn: cut after a line where there is one, and never inside a code block. */
export function shorter(text: string, most: number): string {
  const head = cut(text, most - 4);
  const lines = head.slice(0, head.lastIndexOf('\n') + 1);
  const kept = lines.length > most / 2 ? `${lines}…` : head;
  return kept.split('```').length % 2 === 0 ? `${kept}\`\`\`` : kept;
}

const seen = (text: string): string => stripVTControlCharacters(text).replace(/\s+/g, ' ').replace(UNSEEN, '').trim();
/** Text that Slack shows as it is, in mrkdwn too. */
export const inert = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A person, or whoever else has a role in an app: a user group, the members of a channel. */
export function mention(who: string): string {
  if (PERSON.test(who)) return `<@${who}>`;
  if (/^S[A-Z0-9]{2,}$/.test(who)) return `<!subteam^${who}>`;
  return channelLink(who);
}
export const channelLink = (channel: string): string =>
  /^[CG][A-Z0-9]{2,}$/.test(channel) ? `<#${channel}>` : foreign(channel, 60);

/** A moment (ms since 1970, or ISO) in the reader's own zone; where Slack cannot show that, in UTC. */
export function time(at: number | string): string {
  const moment = momentOf(at);
  return `<!date^${Math.floor(moment.toSeconds())}^{time_secs}|${moment.toFormat('HH:mm:ss')} UTC>`;
}

/** The same with its day. */
export function dayAndTime(at: number | string): string {
  const moment = momentOf(at);
  return `<!date^${Math.floor(moment.toSeconds())}^{date_short_pretty} {time_secs}|${moment.toFormat('yyyy-MM-dd HH:mm:ss')} UTC>`;
}

/** The time in words for where `<!date…>` is not understood. */
export const utc = (at: number | string): string => `${momentOf(at).toFormat('HH:mm:ss')} UTC`;

export const secondsOf = (at: number | string): number => Math.floor(momentOf(at).toSeconds());

function momentOf(at: number | string): DateTime {
  const moment =
    typeof at === 'number' ? DateTime.fromMillis(at, { zone: 'utc' }) : DateTime.fromISO(at, { zone: 'utc' });
  return moment.isValid ? moment : DateTime.fromMillis(0, { zone: 'utc' });
}

/** Seconds as people say them: `45 s`, `2 min 3 s`, `1 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}

export function secondsBetween(from: string, to: string): number {
  return momentOf(to).diff(momentOf(from)).as('seconds');
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

export const sha = (commit: string | null): string => code((commit ?? 'unknown').slice(0, 8));
