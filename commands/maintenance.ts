import type { Bot } from '../src/bot.ts';
import { readDuration } from '../src/domain/lock.ts';
import { nearest } from '../src/domain/nearest.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { closingAsked, doorStatus, maintenanceHelp, openingAnswer } from '../views/closings.ts';
import type { Answer } from './answer.ts';
import { APP, quoted, wordsOf } from './words.ts';

/** How it is typed, what for, and who may, for help. */
export const DOORS = [
  {
    role: 'deployer',
    typed: (app: string) => `\`/maintenance ${app} on for 15m we move the database\` or \`/maintenance ${app} off\``,
    does: 'closes it and opens it',
  },
  { role: 'viewer', typed: (app: string) => `\`/maintenance ${app} status\``, does: 'whether it is closed' },
] as const;

export type Keeper = Pick<Bot, 'askToClose' | 'openApp' | 'doorStatus'>;

const USAGE =
  '`/maintenance shop on for 15m we move the database`, `/maintenance shop off` or `/maintenance shop status`';

/** `/maintenance APP on|off|status [for 15m] [REASON]`. */
export async function maintenance(
  bot: Keeper,
  { user, channel, text, id }: { user: string; channel: string; text: string; id: string },
): Promise<Answer> {
  const [name, verb = 'status', ...rest] = wordsOf(text);
  if (name === undefined || /^(help|\?|-h|--help)$/i.test(name)) return maintenanceHelp();
  if (isVerb(name) && !isVerb(verb)) throw didYouMean(verb, name, rest);
  const app = appNamed(name);
  switch (verb.toLowerCase()) {
    case 'on':
      return closingAsked(await bot.askToClose({ user, channel, app, ...lengthAndReason(rest) }));
    case 'off':
      return openingAnswer(app, await bot.openApp({ user, app, request: id }));
    case 'status':
      return doorStatus(await bot.doorStatus({ user, app }));
    default: {
      const near = nearest(verb.toLowerCase(), VERBS);
      if (near) throw didYouMean(app, near, rest);
      throw new Refusal([`${quoted(verb)} is nothing that maintenance mode can do. Type ${USAGE}.`]);
    }
  }
}

const VERBS: readonly string[] = ['on', 'off', 'status'];
const isVerb = (word: string): boolean => VERBS.includes(word.toLowerCase());

const didYouMean = (app: string, verb: string, rest: readonly string[]): Refusal =>
  new Refusal([
    `Did you mean \`${['/maintenance', app, verb, ...rest].join(' ').replaceAll('`', '').slice(0, 150)}\`?`,
  ]);

/** Throws what to type. */
function appNamed(word: string): string {
  const app = word.replace(/^app:/i, '').toLowerCase();
  if (APP.test(app)) return app;
  const [, before = '', after = ''] = /^([a-z][a-z0-9-]+)[:#/=](.+)$/i.exec(word) ?? [];
  if (isVerb(after)) throw didYouMean(before.toLowerCase(), after.toLowerCase(), []);
  throw new Refusal([`${quoted(word)} is no name of a Heroku app. Type ${USAGE}.`]);
}

/** Whether it changes nothing. */
export function onlyLooks(text: string): boolean {
  const [, verb = 'status'] = wordsOf(text);
  return verb.toLowerCase() === 'status';
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
