import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import type { Place } from '../src/domain/turn.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { duration, foreign, literal, mention, plural, prose } from './text.ts';

/** What stands before a deploy, as a sentence. */
export function placeWords({ ahead, behind, asks, waitSeconds }: Place): string {
  const first =
    ahead === 1 ? `the deploy of ${mention(behind)}` : `${plural(ahead, 'deploy')}, first that of ${mention(behind)}`;
  const long = asks
    ? 'That one waits for an approval of its contract migrations, up to a day: an approver may press *Hold* on its card.'
    : `About ${duration(waitSeconds)} to wait.`;
  return `It waits behind ${first}. ${long}`;
}

/** At its turn the world is another one than in the plan: its owner says whether to go on. */
export function turnCard(asked: FactOf<'planned again'>, deploy: Deploy): Message {
  const { id, plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const agreed = latest(deploy, 'agreed');
  const open = !agreed && !latest(deploy, 'cancel asked') && !latest(deploy, 'ended');
  const headline = open
    ? `Its turn has come, and things are different: deploy ${app} all the same?`
    : `The turn of ${app} has come`;
  const words = agreed
    ? `${mention(agreed.by)} said to go on.`
    : `${mention(startedBy)} Since the plan was made: ${asked.news.map(change => prose(change, 400)).join(' ')}`;
  return message(`${headline}. ${words}`, [
    section(`${open ? ':raised_hand:' : ':ballot_box_with_check:'} *${headline}*`, words),
    open
      ? actions(
          {
            ...{ label: 'Go on', action: 'go-on', value: id, style: 'primary' },
            aloud: `Deploy ${literal(plan.app, 30)} as it is planned now`,
          },
          { label: 'Cancel', action: 'cancel', value: id, aloud: `Cancel the deploy of ${literal(plan.app, 30)}` },
        )
      : null,
  ]);
}
