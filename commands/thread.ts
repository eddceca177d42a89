import type { Deploy } from '../src/domain/deploy.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { deployNow, pressInstead, whatToSay } from '../views/thread-help.ts';
import type { Answer } from './answer.ts';
import { click, type Door, type Press } from './buttons.ts';
import { type Asked, deploy, onlyAsks } from './deploy.ts';
import { wordsOf } from './words.ts';

// Slash commands do not work in threads, so whoever reads a deploy's thread says there what they want of it, to the bot.

export type Talked = { user: string; channel: string; thread: string | null; text: string; id: string };

/** What is said in a thread, as the press that it stands for; some want a reason behind it. */
const SAID: readonly { words: RegExp; kind: Parameters<typeof click>[0]; wantsReason?: true }[] = [
  { words: /^(cancel|stop|abort)\b/i, kind: 'cancel' },
  { words: /^roll ?back\b/i, kind: 'roll back' },
  { words: /^keep it\b/i, kind: 'keep it' },
  { words: /^(go on|continue)\b/i, kind: 'go on' },
  { words: /^hold\b/i, kind: 'hold', wantsReason: true },
  { words: /^it serves\b/i, kind: 'it serves', wantsReason: true },
  { words: /^old code is gone\b/i, kind: 'old code is gone', wantsReason: true },
  { words: /^open\b/i, kind: 'open' },
  { words: /^try again\b/i, kind: 'try again' },
  { words: /^end here\b/i, kind: 'end here' },
];

/** The bot was named: in a deploy's thread about that deploy, elsewhere as with `/deploy`. */
export async function mention(bot: Asked & Door, { user, channel, thread, text, id }: Talked): Promise<Answer | null> {
  const words = saidTo(text);
  const known = thread === null ? null : await bot.deployAt({ user, channel, ts: thread });
  if (!known) return deploy(bot, { user, channel, text: words, id });
  if (words === '' || /^(help|\?)$/i.test(words)) return whatToSay(known);
  if (/^(status|how)\b/i.test(words)) return deployNow(known);
  if (/^(run (them|it)|approve)\b/i.test(words)) return pressInstead(known);
  const said = pressIn(words);
  if (!said) return whatToSay(known);
  const reason = words.replace(said.words, '').replace(/^[\s:,-]+/, '');
  return press(bot, { id, user, value: known.id, channel }, said, reason, known);
}

/** Whether it changes nothing, in a thread and elsewhere. */
export function onlyTalks(text: string): boolean {
  const words = saidTo(text);
  return pressIn(words) === undefined && onlyAsks(words);
}

/** Without the bot's own name in front. */
const saidTo = (text: string): string => wordsOf(text.replace(/^\s*<@[A-Z0-9]+(\|[^>]*)?>/, '')).join(' ');
const pressIn = (words: string) => SAID.find(({ words: pattern }) => pattern.test(words));

async function press(
  bot: Door,
  made: Press,
  { kind, wantsReason }: (typeof SAID)[number],
  reason: string,
  { plan }: Deploy,
): Promise<Answer> {
  if (wantsReason && !reason)
    throw new Refusal([`Say why, behind it: \`@Switchover ${kind} we looked at the log of ${plan.app}\`.`]);
  return click(kind)(bot, { ...made, ...(reason ? { reason } : {}) });
}

/** Whether a message is one of a deploy's, and how that stands, for the menu of a message. */
export async function shortcut(bot: Door, ask: { user: string; channel: string; ts: string }): Promise<Deploy> {
  const known = await bot.deployAt(ask);
  if (known) return known;
  throw new Refusal([
    'That message belongs to no deploy of this bot. Use this on the message of a deploy, or on one in its thread.',
  ]);
}
