import type { Bot } from '../src/bot.ts';
import { readDuration } from '../src/domain/lock.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { closingAsked, doorStatus, maintenanceHelp, openingAnswer } from '../views/closings.ts';
import type { Answer } from './answer.ts';
import { appOf, quoted, wordsOf } from './words.ts';

export type Keeper = Pick<Bot, 'askToClose' | 'openApp' | 'doorStatus'>;

const USAGE =
  '`/maintenance shop on for 15m we move the database`, `/maintenance shop off` or `/maintenance shop status`';

/** `/maintenance APP on|off|status [for 15m] [REASON]`. */
export async function maintenance(
  bot: Keeper,
  { user, channel, text }: { user: string; channel: string; text: string },
): Promise<Answer> {
  const [name, verb = 'status', ...rest] = wordsOf(text);
  if (name === undefined || /^(help|\?|-h|--help)$/i.test(name)) return maintenanceHelp();
  const app = appOf(name, []);
  switch (verb.toLowerCase()) {
    case 'on':
      return closingAsked(await bot.askToClose({ user, channel, app, ...lengthAndReason(rest) }));
    case 'off':
      return openingAnswer(app, await bot.openApp({ user, app }));
    case 'status':
      return doorStatus(await bot.doorStatus({ user, app }));
    default:
      throw new Refusal([`${quoted(verb)} is nothing that maintenance mode can do. Type ${USAGE}.`]);
  }
}

function lengthAndReason(words: readonly string[]): { minutes: number | null; reason: string } {
  const [first, length = ''] = words;
  const ms = first?.toLowerCase() === 'for' ? readDuration(length) : null;
  if (first?.toLowerCase() === 'for' && ms === null) {
    throw new Refusal([`${quoted(length)} is no length of time. Say \`for 15m\` or \`for 2h\`, as in ${USAGE}.`]);
  }
  const reason = (ms === null ? words : words.slice(2)).join(' ');
  return { minutes: ms === null ? null : Math.round(ms / 60_000), reason: reason || 'No reason was given.' };
}
