import type { Bot } from '../src/bot.ts';
import { nearestOnes } from '../src/domain/nearest.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { statsOf } from '../src/domain/stats.ts';
import { help } from '../views/help.ts';
import { lockAnswer, lockInTheWay } from '../views/locks.ts';
import { planShown } from '../views/plan.ts';
import { commitIsLive, historyOf, queueOf, statusOfAll, statusOfApp } from '../views/reports.ts';
import { statsShown } from '../views/stats.ts';
import type { Answer } from './answer.ts';
import { pressed } from './buttons.ts';
import { DOORS } from './maintenance.ts';
import { parse, type Words } from './parse.ts';
import { USAGE, usage, VERBS } from './verbs.ts';

/** Deploys that statistics look at: each is read with all that happened to it. */
const COUNTED = 200;

/** What `/deploy` needs of the bot. */
export type Asked = Pick<
  Bot,
  'admins' | 'visible' | 'plan' | 'planAt' | 'planBack' | 'status' | 'history' | 'live' | 'cancel' | 'lock' | 'unlock'
>;

/** `id` names what was typed, once; `open` shows a form, where that is possible. */
type Ask = {
  user: string;
  channel: string;
  text: string;
  id: string;
  openSettings?: (app: string | null) => Promise<void>;
};

/** `/deploy …`: help, the plan of a deploy, or what one of its verbs asks for. */
export async function deploy(bot: Asked, ask: Ask): Promise<Answer | null> {
  return obey(bot, ask, parse(ask.text));
}

const ASKING: ReadonlySet<string> = new Set(['help', 'status', 'queue', 'history', 'live', 'stats', 'settings']);

/** Whether it changes nothing. What cannot be read does not, either. */
export function onlyAsks(text: string): boolean {
  try {
    return ASKING.has(parse(text).kind);
  } catch (error) {
    if (error instanceof Refusal) return true;
    throw error;
  }
}

async function obey(bot: Asked, { user, channel, id, openSettings }: Ask, words: Words): Promise<Answer | null> {
  switch (words.kind) {
    case 'help':
      return help(user, await bot.visible(user), {
        usages: [...Object.values(USAGE), FOR_ALL, ...DOORS],
        admins: bot.admins,
      });
    case 'deploy':
      await noVerb(bot, user, words.app);
      return planShown(
        await bot.plan({ user, channel, app: words.app, ref: words.ref, maintenance: words.maintenance }),
        { only: words.only },
      );
    case 'deploy at': {
      await noVerb(bot, user, words.app);
      const { app, ref, maintenance } = words;
      const { planned, at } = await bot.planAt({ user, channel, app, ref, maintenance, at: words.at });
      return planShown(planned, { at });
    }
    case 'back':
      return planShown(
        await bot.planBack({ user, channel, app: words.app, version: words.version, maintenance: words.maintenance }),
      );
    case 'status': {
      const status = await bot.status({ user, app: words.app });
      return Array.isArray(status) ? statusOfAll(status) : statusOfApp(status);
    }
    case 'queue': {
      const status = await bot.status({ user, app: null });
      if (!Array.isArray(status)) throw new Error('the status of all apps is a list');
      return queueOf(status.filter(({ app }) => words.app === null || app === words.app));
    }
    case 'history':
      return historyOf(words.app, await bot.history({ user, app: words.app }));
    case 'stats':
      return statsShown(words.app, statsOf(await bot.history({ user, app: words.app, most: COUNTED }), Date.now()));
    case 'live':
      return commitIsLive(await bot.live({ user, app: words.app, ref: words.ref }));
    case 'settings': {
      const typed = words.app === null ? 'add' : `settings ${words.app}`;
      if (!openSettings) throw new Refusal([`A form cannot open from here. Type \`/deploy ${typed}\` in a channel.`]);
      await openSettings(words.app);
      return null;
    }
    case 'cancel':
      return pressed(await bot.cancel({ user, app: words.app, id }));
    case 'lock': {
      const { scope, length, reason } = words;
      const done = await bot.lock({ user, scope, length, reason, channel, request: id });
      return done.kind === 'held' ? lockInTheWay(done.lock, 'lock') : lockAnswer(done.kind, done.lock);
    }
    case 'unlock': {
      const done = await bot.unlock({ user, scope: words.scope, request: id });
      return done.kind === 'held' ? lockInTheWay(done.lock, 'unlock') : lockAnswer(done.kind, done.lock);
    }
    default:
      return words satisfies never;
  }
}

const FOR_ALL = {
  role: 'adds apps',
  typed: () => '`/deploy settings all`',
  does: 'when nothing is deployed, of any app',
} as const;

/** Somebody who mistypes a verb should not be told that there is no such app. */
async function noVerb(bot: Asked, user: string, app: string): Promise<void> {
  const verbs = nearestOnes(app, Object.keys(VERBS)).filter(isVerb);
  if (verbs.length === 0 || (await bot.visible(user)).some(({ name }) => name === app)) return;
  throw new Refusal([`There is no app \`${app}\` here. Did you mean ${verbs.map(usage).join(', or ')}?`]);
}

const isVerb = (word: string): word is keyof typeof USAGE => Object.hasOwn(USAGE, word);
