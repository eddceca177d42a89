import type { Deploy } from '../src/domain/deploy.ts';
import { oldCode, type WayBack, wayBack } from '../src/domain/readings.ts';
import { actions, type ButtonAsk, type Message, message, section } from './blocks.ts';
import { foreign, literal, prose } from './text.ts';

/** Plans the way back from what a deploy released: in the way in which it was deployed. */
export function backButton(deploy: Deploy): ButtonAsk {
  const { app, maintenance } = deploy.plan;
  const { version } = oldCode(deploy);
  return {
    label: `Go back to v${version}…`,
    action: 'plan-back',
    value: `${app} ${version}${maintenance ? ' maintenance' : ''}`,
    aloud: `Plan to go back to v${version} of ${literal(app, 30)}`,
  };
}

/** What came of calling a deploy off: where it is too late, with the way back or why there is none. */
export function cancelAnswer(answer: string, deploy: Deploy): Message {
  const back = wayBack(deploy);
  const text = [prose(answer), back ? backWords(back, deploy) : ''].filter(Boolean).join(' ');
  return message(text, [section(text), back?.kind === 'plan' ? actions(backButton(deploy)) : null]);
}

function backWords({ kind, version }: WayBack, { plan }: Deploy): string {
  return kind === 'plan'
    ? `What can still be done is to go back to v${version}: that is a plan of its own, shown first.`
    : `There is no way back to v${version} of ${foreign(plan.app)}: its contract migrations have destroyed what that code needs. What is wrong has to be mended in new code.`;
}
