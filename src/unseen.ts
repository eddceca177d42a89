import { isCancelled } from './cancelling.ts';
import { latest } from './domain/deploy.ts';
import type { Next, Run } from './run.ts';

// What Heroku was asked for and does not let us see the end of.

/** A release phase ends after an hour (release-phase article), a build after 15 minutes: what is pending for longer stays so. */
const PENDING_MINUTES = 75;

/** Heroku has called it pending for longer than it may be. */
export class StillPending extends Error {}

/** `since`: the fact of its beginning. */
type Begun = { what: string; since: 'build started' | 'release started' | 'rolling back'; status: string };

/** Its end, waited for as long as that may take; then it rejects with StillPending, and when tried again at once. */
export async function endOf<T>(
  run: Run,
  { what, since, status }: Begun,
  ended: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  if (status !== 'pending') return ended(signal);
  const from = Date.parse(latest(run.deploy, since)?.at ?? '');
  const leftMs = Math.ceil(from + PENDING_MINUTES * 60_000 - run.outside.time.now());
  const limit = leftMs > 0 ? AbortSignal.timeout(leftMs) : AbortSignal.abort();
  try {
    limit.throwIfAborted();
    return await ended(AbortSignal.any([signal, limit]));
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    const much = `${PENDING_MINUTES} minutes`;
    throw new StillPending(`Heroku has called ${what} pending for ${much}, which it may not be for more than an hour.`);
  }
}

/** Heroku does not let us see what it was asked for: it is tried again, unless somebody calls it off, or has. */
export async function calledOffUnseen(run: Run, error: Error): Promise<Next> {
  let isOver = isCancelled(run);
  await run.answerPresses(async click => {
    isOver ||= click.kind === 'cancel';
    return `${error.message} So it is not known whether anything is being released: look with \`heroku releases -a ${run.deploy.plan.app}\`.`;
  });
  if (!isOver) throw error;
  return run.end(
    'not proved',
    `It was called off while Heroku did not let this bot see what it had been asked for: ${error.message} Whether that is released nobody watches now: look with \`heroku releases -a ${run.deploy.plan.app}\`.`,
  );
}
