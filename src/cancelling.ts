import { type Click, latest } from './domain/deploy.ts';
import type { Next, Run } from './run.ts';

// Calling a deploy off before its release. What was asked is recorded first, so that a kill does not forget it.

export const isCancelled = ({ deploy }: Run): boolean => latest(deploy, 'cancel asked') !== undefined;

/** Takes a press that comes before the release: a Cancel is recorded, and `answer` says what it means here. */
export async function cancelAsked(run: Run, { kind, by }: Click, answer: string): Promise<string> {
  if (kind !== 'cancel')
    return 'Nothing is released yet, so there is nothing to answer for or to undo. *Cancel* calls it off.';
  await run.record({ kind: 'cancel asked', by });
  return answer;
}

/** Hears what was pressed until now, before anything is released: true when the deploy was called off. */
export async function isCalledOff(run: Run): Promise<boolean> {
  await run.answerPresses(click => cancelAsked(run, click, 'Cancelled: nothing is built or released.'));
  return isCancelled(run);
}

/** The end of a deploy that was called off before its release. */
export function cancelled(run: Run): Promise<Next> {
  const added = latest(run.deploy, 'migrated') ? ' The migrations that only add were applied before, and stay.' : '';
  return run.end('cancelled', `It was called off before anything was released: the old code serves as before.${added}`);
}
