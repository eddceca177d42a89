import type { Bot } from '../src/bot.ts';
import type { Click } from '../src/domain/deploy.ts';
import { answered, notStarted, started } from '../views/answers.ts';
import { cancelAnswer } from '../views/back.ts';
import { doorAnswer, openingAnswer } from '../views/closings.ts';
import { lockAnswer, lockInTheWay } from '../views/locks.ts';
import { planChanged, planShown } from '../views/plan.ts';
import { historyOf } from '../views/reports.ts';
import { scheduled } from '../views/schedules.ts';
import { startAsked } from '../views/starts.ts';
import type { Answer } from './answer.ts';

/** A press: who, on what, and the name by which it is taken only once. */
export type Press = { id: string; user: string; value: string; channel?: string | null };

export type Door = Pick<
  Bot,
  | 'start'
  | 'schedule'
  | 'unschedule'
  | 'click'
  | 'show'
  | 'planBack'
  | 'lock'
  | 'unlock'
  | 'closeApp'
  | 'openApp'
  | 'openDoor'
  | 'door'
  | 'deployAt'
  | 'plan'
  | 'history'
  | 'answerStart'
>;

/** Every button of ours, by its action id. */
export const BUTTONS: { readonly [action: string]: (bot: Door, press: Press) => Promise<Answer> } = {
  start: (bot, { user, value }) => begin(bot, { user, plan: value }),
  schedule: async (bot, { user, value, channel }) => {
    const at = await bot.schedule({ user, plan: value });
    return { ...scheduled(at, channel ?? ''), instead: true };
  },
  unschedule: async (bot, { user, value }) => answered(await bot.unschedule({ user, id: value })),
  'not-now': async () => ({ ...notStarted(), instead: true }),
  'plan-back': async (bot, { user, value, channel }) => {
    const [app = '', version = '', mode] = value.split(' ');
    const maintenance = mode === 'maintenance';
    return planShown(await bot.planBack({ user, channel: channel ?? '', app, version: Number(version), maintenance }));
  },
  // From Home, which has no channel: the answer comes as a message of its own.
  'plan-deploy': async (bot, { user, value, channel }) =>
    planShown(await bot.plan({ user, channel: channel ?? '', app: value, ref: null })),
  history: async (bot, { user, value }) => historyOf(value, await bot.history({ user, app: value })),
  'go-on': click('go on'),
  'approve-start': async (bot, { user, value }) => answered(await bot.answerStart({ user, id: value, yes: true })),
  'decline-start': async (bot, { user, value }) => answered(await bot.answerStart({ user, id: value, yes: false })),
  unlock: async (bot, { id: request, user, value }) => {
    const [scope = '', id = ''] = value.split(' ');
    const done = await bot.unlock({ user, scope, id, request });
    return {
      ...(done.kind === 'held' ? lockInTheWay(done.lock, 'unlock') : lockAnswer(done.kind, done.lock)),
      instead: true,
    };
  },
  'close-app': async (bot, { user, value }) => {
    const { app } = await bot.closeApp({ user, id: value });
    return {
      ...doorAnswer(`${app} is being closed. The channel says when visitors get the closed page.`),
      instead: true,
    };
  },
  'open-door': async (bot, { id: request, user, value }) => {
    const { app, opening } = await bot.openDoor({ user, id: value, request });
    return openingAnswer(app, opening);
  },
  'open-anyway': async (bot, { id: request, user, value }) => {
    const [app = '', closing = null] = value.split(' ');
    return { ...openingAnswer(app, await bot.openApp({ user, app, request, closing, anyway: true })), instead: true };
  },
  'extend-door': door('extend', 'It stays closed for 15 minutes more.'),
  'stop-workers': door('stop workers', 'The workers are being stopped. They start again when the app opens.'),
  cancel: click('cancel'),
  'roll-back': click('roll back'),
  'keep-it': click('keep it'),
  'run-them': click('run them'),
  'open-the-app': click('open'),
  'try-again': click('try again'),
  'end-here': click('end here'),
};

/** Starts a plan: at once, behind others, or with a second person's yes. */
export async function begin(
  bot: Pick<Door, 'start'>,
  ask: { user: string; plan: string; emergency?: string },
): Promise<Answer> {
  const result = await bot.start(ask);
  switch (result.kind) {
    case 'started':
      return { ...started(result), instead: true };
    case 'asked':
      return { ...startAsked(result.channel), instead: true };
    case 'changed':
      return { ...planChanged(result, result.what), instead: true };
    default:
      return result satisfies never;
  }
}

/** A press on a closed app's own message. */
function door(kind: Parameters<Bot['door']>[0]['kind'], done: string) {
  return async (bot: Door, { id: request, user, value }: Press): Promise<Answer> => {
    await bot.door({ user, id: value, kind, request });
    return doorAnswer(done);
  };
}

/** A press that the run of a deploy answers. Its value is the deploy, and the digest of what it is about if any. */
export function click(kind: Click['kind']) {
  return async (
    bot: Pick<Door, 'click'>,
    { id, user, value, reason }: Press & { reason?: string },
  ): Promise<Answer> => {
    const [deploy = '', about] = value.split(' ');
    return pressed(
      await bot.click({ user, id, deploy, kind, about: about ?? null, ...(reason === undefined ? {} : { reason }) }),
    );
  };
}

/** `calledOff`: the deploy that was to be called off, for what can be done where it is too late. */
export const pressed = ({ answer, calledOff }: Awaited<ReturnType<Door['click']>>): Answer =>
  calledOff ? cancelAnswer(answer, calledOff) : answered(answer);
