import type { Bot } from '../src/bot.ts';
import { help } from '../views/answers.ts';
import { planShown } from '../views/plan.ts';
import type { Answer } from './answer.ts';
import { parse } from './parse.ts';

/** `/deploy …`: help, or the plan of a deploy. */
export async function deploy(
  bot: Pick<Bot, 'apps' | 'plan'>,
  ask: { user: string; channel: string; text: string },
): Promise<Answer> {
  const words = parse(ask.text);
  switch (words.kind) {
    case 'help':
      return help(await bot.apps(ask.user));
    case 'deploy': {
      return planShown(await bot.plan({ user: ask.user, channel: ask.channel, app: words.app, ref: words.ref }));
    }
    default:
      return words satisfies never;
  }
}
