import type { Deploy } from '../src/domain/deploy.ts';
import { Refusal, withoutMentions } from '../src/domain/refusal.ts';
import { deployNow, pressInstead, whatToSay } from '../views/thread-help.ts';
import type { Answer } from './answer.ts';
import { click, type Door, type Press } from './buttons.ts';
import { type Asked, deploy, onlyAsks } from './deploy.ts';
import { parse } from './parse.ts';
import { quoted, wordsOf } from './words.ts';

// Slash commands do not work in threads, so whoever reads a deploy's thread says there what they want of it, to the bot.

export type Talked = { user: string; channel: string; thread: string | null; text: string; id: string };

/**
 * What is said in a thread, as the press that it stands for. Some take a reason, which some want: behind a colon, a dash
 * or `because`. It must be all of the sentence: people also talk of what they might do.
 */
const SAID: readonly { words: RegExp; kind: Parameters<typeof click>[0]; reason?: 'taken' | 'wanted' }[] = [
  { words: /^(?:cancel|stop|abort)\b/i, kind: 'cancel' },
  { words: /^roll ?back\b/i, kind: 'roll back' },
  { words: /^keep it\b/i, kind: 'keep it', reason: 'taken' },
  { words: /^(?:go on|continue)\b/i, kind: 'go on' },
  { words: /^hold\b/i, kind: 'hold', reason: 'wanted' },
  { words: /^it serves\b/i, kind: 'it serves', reason: 'wanted' },
  { words: /^old code is gone\b/i, kind: 'old code is gone', reason: 'wanted' },
  { words: /^open\b/i, kind: 'open' },
  { words: /^try again\b/i, kind: 'try again' },
  { words: /^end here\b/i, kind: 'end here' },
];
/** Behind the words: the deploy of the thread, as people call it. */
const THIS = /^(?:it|this|the(?= deploy)|deploy|now|please|[.,! ])+$/i;
const REASON = /^(?:(?:it|this|(?:(?:this|the) )?deploy)\b ?)?(?::|[–—-] |(?:, ?)?because\b) ?(.*)$/i;
const PLEASE_FIRST = /^please,? /i;
const PLEASE_LAST = /(?:,? (?:please|now)[.!]*)+$/i;

/** The bot was named: in a deploy's thread about that deploy, elsewhere as with `/deploy`. */
export async function mention(bot: Asked & Door, { user, channel, thread, text, id }: Talked): Promise<Answer | null> {
  const words = saidTo(text);
  const known = thread === null ? null : await bot.deployAt({ user, channel, ts: thread });
  if (!known) return deploy(bot, { user, channel, text: words, id });
  if (words === '' || /^(help|\?)$/i.test(words)) return whatToSay(known);
  if (/^(status[.!?]*$|how\b)/i.test(words) || words.toLowerCase() === `status ${known.plan.app}`)
    return deployNow(known);
  if (/^(run (them|it)|approve)\b/i.test(words)) return pressInstead(known);
  const said = pressIn(words);
  const reason = said && reasonIn(said, known);
  if (said && reason !== null) return press(bot, { id, user, value: known.id, channel }, said, reason ?? '', known);
  const elsewhere = commandIn(words, known);
  if (elsewhere) throw new Refusal([elsewhere]);
  if (said) throw new Refusal([notTaken(said, words, known)]);
  return whatToSay(known);
}

/** Whether it changes nothing, in a thread and elsewhere. */
export function onlyTalks(text: string): boolean {
  const words = saidTo(text);
  return pressIn(words) === undefined && onlyAsks(words);
}

/** Without the bot's own name in front. */
const saidTo = (text: string): string => wordsOf(text.replace(/^\s*<@[A-Z0-9]+(\|[^>]*)?>/, '')).join(' ');

type Said = (typeof SAID)[number] & { rest: string };

function pressIn(text: string): Said | undefined {
  const words = text.replace(PLEASE_FIRST, '');
  const said = SAID.find(({ words: pattern }) => pattern.test(words));
  return said && { ...said, rest: words.replace(said.words, '').trim() };
}

/** Why it is said, perhaps nothing; null when that sentence is no press on this deploy. */
function reasonIn({ rest, reason }: Said, { plan }: Deploy): string | null {
  if (rest === '' || THIS.test(rest) || rest.toLowerCase() === plan.app) return '';
  return (reason && REASON.exec(rest)?.[1]) ?? null;
}

/** That it is a command, perhaps of another app, and where to type it; null when it is none. */
function commandIn(text: string, { plan }: Deploy): string | null {
  const plain = text.replace(PLEASE_FIRST, '').replace(PLEASE_LAST, '');
  const words = plain.replace(/^(?:stop|abort)\b/i, 'cancel').replace(/^roll back\b/i, 'rollback');
  const app = appOfCommand(words);
  if (app === undefined) return null;
  const whose =
    app === null || app === plan.app
      ? 'Slash commands do not work in threads.'
      : `That is about ${app}, and this is the thread of a deploy of ${plan.app}.`;
  return `${whose} Nothing was done. Type \`/deploy ${withoutMentions(words).replaceAll('`', '')}\` in the channel.`;
}

/** The app, or `all`, of which `/deploy` would read one of its verbs (null: of none); undefined where it would not. */
function appOfCommand(words: string): string | null | undefined {
  try {
    const read = parse(words);
    if (read.kind === 'help' || read.kind === 'deploy' || read.kind === 'deploy at') return undefined;
    return 'app' in read ? read.app : read.scope;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function notTaken({ kind, reason }: Said, words: string, { plan }: Deploy): string {
  const alone = reason === 'wanted' ? [] : [`just \`${kind}\``];
  const how = [...alone, ...(reason ? [`\`${kind}: REASON\``] : [])].join(' or ');
  return `Nothing was done: ${quoted(words)} may only be talk. To press that on this deploy of ${plan.app}, say ${how}.`;
}

async function press(bot: Door, made: Press, said: Said, reason: string, { plan }: Deploy): Promise<Answer> {
  if (said.reason === 'wanted' && !reason)
    throw new Refusal([`Say why, behind it: \`@Switchover ${said.kind}: we looked at the log of ${plan.app}\`.`]);
  return click(said.kind)(bot, { ...made, ...(reason ? { reason } : {}) });
}

/** Whether a message is one of a deploy's, and how that stands, for the menu of a message. */
export async function shortcut(bot: Door, ask: { user: string; channel: string; ts: string }): Promise<Deploy> {
  const known = await bot.deployAt(ask);
  if (known) return known;
  throw new Refusal([
    'That message belongs to no deploy of this bot. Use this on the message of a deploy, or on one in its thread.',
  ]);
}
