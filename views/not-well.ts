import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import { destroyed, goesBackAt, isAsExpected, isByTest, oldCode, waitsForApproval } from '../src/domain/readings.ts';
import { actions, type ButtonAsk, type Message, message, section } from './blocks.ts';
import { healthWords } from './health.ts';
import { undone } from './rollback-reply.ts';
import { expectedSwitch } from './step-words.ts';
import { foreign, literal, mention, sentence, time } from './text.ts';
import { loud, quiet, type Reply } from './thread.ts';

/** New code is not well: what was met, what happens by itself and when, and the buttons; then who answered. */
export function notWellCard(asked: FactOf<'not well'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const version = `v${latest(deploy, 'released')?.version}`;
  const answer = deploy.facts.find(
    (fact): fact is Answer => fact.seq > asked.seq && ANSWERS.some(is => is === fact.kind),
  );
  const headline = `${version} of ${app} is not well`;
  const lines = asked.complaints.map(
    ({ now, against }) => `• ${foreign(now, 200)}. ${sentence(foreign(against, 200))}`,
  );
  const words = answer ? answerWords(answer) : asking(asked, deploy);
  return message(`${headline}. ${words}`, [
    section(
      `${answer ? ':ballot_box_with_check:' : ':rotating_light:'} *${headline}*`,
      mention(startedBy),
      ...lines.slice(0, 12),
    ),
    section(words),
    answer ? null : actions(...(destroyed(deploy) ? [] : [backButton(deploy)]), keepButton(deploy)),
  ]);
}

const ANSWERS = ['kept', 'rollback asked', 'ended'] as const;
type Answer = FactOf<(typeof ANSWERS)[number]>;

function answerWords(answer: Answer): string {
  switch (answer.kind) {
    case 'kept':
      return answer.by
        ? `${mention(answer.by)} keeps it: ${sentence(foreign(answer.why, 300))} Nothing goes back by itself any more.`
        : `Nothing goes back: ${sentence(foreign(answer.why, 300))}`;
    case 'rollback asked':
      return answer.by ? `${mention(answer.by)} rolls it back.` : 'Nobody kept it, so it goes back by itself.';
    case 'ended':
      return 'Nobody answered: the first message says how it ended.';
    default:
      return answer satisfies never;
  }
}

function asking(asked: FactOf<'not well'>, deploy: Deploy): string {
  const backAt = goesBackAt(asked);
  if (backAt !== null) {
    return `*It goes back to the code of v${oldCode(deploy).version} by itself at ${time(backAt)}*, unless somebody keeps it.`;
  }
  if (destroyed(deploy)) {
    return 'There is no way back: the contract migrations destroyed what old code needs. Mend it, and deploy that. *Keep it* says that you know.';
  }
  const waiting = waitsForApproval(deploy)
    ? ' Its contract migrations wait for the answer; should it be well again for five minutes, they are asked on.'
    : isByTest(asked)
      ? ''
      : ' Should it be well again for five minutes, the deploy goes on.';
  const { config = [] } = asked;
  const vars = config.length > 0 ? ` It takes the config vars back as well, which undoes ${undone(config)}` : '';
  return `Nothing goes back by itself. *Roll back* makes a release of the code of v${oldCode(deploy).version}; until it serves, which takes a window of its own, visitors get this.${vars}${waiting}`;
}

export const backButton = (deploy: Deploy): ButtonAsk => ({
  label: 'Roll back',
  action: 'roll-back',
  value: deploy.id,
  aloud: `Roll ${literal(deploy.plan.app, 30)} back to v${oldCode(deploy).version}`,
  style: 'danger',
});

const keepButton = ({ id, plan }: Deploy): ButtonAsk => ({
  label: 'Keep it',
  action: 'keep-it',
  value: id,
  aloud: `Keep the new code of ${literal(plan.app, 30)}`,
});

/** That the app was not well already: nothing of that is blamed on the deploy. */
export function illAlready({ ill }: FactOf<'before'>, { plan }: Deploy): Reply | null {
  if (ill.length === 0) return null;
  return quiet(`${foreign(plan.app)} was not well before this deploy`, ':thermometer:', [
    ...ill.slice(0, 8).map(what => `• ${sentence(foreign(what, 200))}`),
    'This is what new code is compared with: what was so already is not blamed on it.',
  ]);
}

/** Nobody can tell whose errors they are: people are called, and nothing is done by itself. */
export function failingUnnamed({ since }: FactOf<'fails unnamed'>, then: Deploy): Reply {
  const { plan, startedBy } = then;
  const ours = `v${latest(then, 'released')?.version}`;
  const released = latest(then, 'released')?.releasedAt ?? since;
  return loud(`${foreign(plan.app)} answers with errors that do not say whose they are`, ':rotating_light:', [
    `${mention(startedBy)} Since ${time(since)} no answer to the probe named its release, and they fail. It had not failed before this deploy.`,
    `The switch was expected about ${time(expectedSwitch(then, released))}: after it this is most likely ${ours}, before it v${oldCode(then).version}. \`heroku logs -a ${foreign(plan.app, 40)}\` shows why.`,
    'Nothing goes back by itself, since it may be old code that fails. *Roll back* is on the first message.',
  ]);
}

/** What the smoke test found, where that is good; the rest is on the card. */
export function smokePassed({ results }: FactOf<'smoke test'>): Reply | null {
  if (!results.every(isAsExpected) || results.length === 0) return null;
  const seen = results.slice(0, 20).map(({ path, status }) => `${foreign(path, 100)} answered ${status}`);
  return quiet('New code passed its smoke test', ':white_check_mark:', [`${seen.join(', ')}.`]);
}

/** What came of watching new code, where that had been bad before; all else is in the receipt. */
export function judgement(fact: FactOf<'judged'>, deploy: Deploy): Reply | null {
  const was = latest(deploy, 'before')?.ill ?? [];
  if (fact.verdict !== 'well' || was.length === 0) return null;
  return quiet(`New code of ${foreign(deploy.plan.app)} is no worse than what was before`, ':thermometer:', [
    ...healthWords(fact.met),
    'That is not this deploy’s doing, but somebody should look.',
  ]);
}
