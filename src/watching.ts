import { afterOldCode } from './approval.ts';
import { type Click, latest } from './domain/deploy.ts';
import { failsUnnamed } from './domain/health-gate.ts';
import { destroyed, isTakenBack, lastDoubt, openComplaint, smokeTestOf } from './domain/readings.ts';
import type { Phase } from './domain/watch.ts';
import { followDeploy, record } from './following.ts';
import { unlessIll } from './illness.ts';
import type { Following } from './outside.ts';
import { first, type Next, type Run } from './run.ts';
import { superseded } from './superseding.ts';

// The part of a deploy in which Heroku does the work and we find out what is true of it.

/** How long people are asked about what could not be proved, before the deploy ends as not proved. */
const ASKED_FOR_MS = 24 * 3_600_000;

/** Follows the switchover while it is in the phase that a stage stands for. */
export function watchWhile(kind: Phase['kind']): (run: Run) => Promise<Next> {
  return async run => {
    const following = followDeploy(run);
    const known = decided(run);
    if (known) return known;
    const work = async (signal: AbortSignal): Promise<Next> => {
      const phase = await following.until(phase => phase.kind !== kind, record(run, following), signal);
      return next(run, phase);
    };
    return run.listening<Next>(
      signal =>
        first(signal, [
          signal => unlessIll(run, following, work, signal),
          signal => tellUnnamed(run, following, signal),
        ]),
      click => pressed(run, following, click),
    );
  };
}

/** Says once that answers fail and do not say whose they are; then waits for whatever else ends the stage. */
async function tellUnnamed(run: Run, following: Following, signal: AbortSignal): Promise<never> {
  let since: number | null = null;
  await following.when(watch => {
    since = failsUnnamed(watch);
    return since !== null;
  }, signal);
  await run.record({ kind: 'fails unnamed', since: since ?? following.watch.now });
  await following.when(() => false, signal);
  throw new Error('It waits for ever');
}

/** What could not be proved is asked of a person, while the watch goes on: proof may still come. */
export async function askAPerson(run: Run): Promise<Next> {
  const following = followDeploy(run);
  const known = decided(run);
  if (known) return known;
  const asked = latest(run.deploy, 'phase');
  const until = Date.parse(asked?.at ?? '') + ASKED_FOR_MS;
  const work = async (signal: AbortSignal): Promise<Next> => {
    const expired = () => run.outside.time.now() > until;
    const phase = await following.until(
      phase => phase.kind !== 'not proved' || expired(),
      record(run, following),
      signal,
    );
    if (phase.kind !== 'not proved') return next(run, phase);
    return run.end(
      'not proved',
      'Nobody answered for a day. Look yourself which release serves before you deploy again.',
    );
  };
  return run.listening<Next>(
    signal => unlessIll(run, following, work, signal),
    click => pressed(run, following, click),
  );
}

/** What a press decided before this stage was killed: it was answered, so it does not come again. */
function decided(run: Run): Next | null {
  const { deploy } = run;
  const ended = latest(deploy, 'ended');
  if (ended) return { end: ended.outcome };
  if (latest(deploy, 'rollback asked')) return { to: 'Roll back' };
  if (openComplaint(deploy)) return { to: 'Not well' };
  const gone = deploy.facts.findLast(fact => fact.kind === 'checked' && fact.what === 'old gone');
  return gone && !isTakenBack(deploy, gone) ? alone(run) : null;
}

/** The stage that stands for a phase. */
export async function next(run: Run, phase: Phase): Promise<Next> {
  switch (phase.kind) {
    case 'booting':
      return { to: 'New dynos boot' };
    case 'old serves':
      return { to: 'Old code still serving' };
    case 'mixed':
      return { to: 'New code serves' };
    case 'new serves':
      return { to: isUntested(run) ? 'Smoke test' : 'Old code gone' };
    case 'old gone':
      return alone(run);
    case 'not proved':
      // That new code serves is proved: it is tested before anybody is asked for the rest.
      return { to: phase.missing === 'old gone' && isUntested(run) ? 'Smoke test' : 'Ask a person' };
    case 'crashed':
      await run.record({ kind: 'rollback asked', by: null, why: `${phase.dyno} ${phase.what}` });
      return { to: 'Roll back' };
    case 'superseded':
      return superseded(run, phase);
    default:
      return phase satisfies never;
  }
}

const isUntested = ({ deploy }: Run): boolean => Boolean(deploy.plan.smoke) && !smokeTestOf(deploy);

/** Where a deploy goes when new code serves alone, however that was found. */
const alone = (run: Run): Next => (isUntested(run) ? { to: 'Smoke test' } : afterOldCode(run));

const NOT_ASKED = 'The contract migrations are not asked now: that comes when old code is gone.';
export const NO_WAY_BACK =
  'There is no way back: the contract migrations destroyed what old code needs. Mend it, and deploy that.';
export const GONE_NOTED = 'Noted: you looked, and old code is gone.';

/** Takes their word that old code is gone; false where nobody is asked for it. */
export async function saidGone(run: Run, { by, reason }: Click): Promise<boolean> {
  const phase = latest(run.deploy, 'phase')?.phase;
  if (phase?.kind !== 'not proved' || phase.missing !== 'old gone') return false;
  const why = reason ?? 'No reason was given.';
  await run.record(
    { kind: 'checked', by, what: 'old gone', why },
    `checked old gone ${lastDoubt(run.deploy)?.seq ?? 0}`,
  );
  return true;
}

/** A button: each phase allows what is true and safe in it, and answers the rest. */
async function pressed(run: Run, following: Following, click: Click): Promise<{ answer: string; instead?: Next }> {
  const phase = latest(run.deploy, 'phase')?.phase;
  const missing = phase?.kind === 'not proved' ? phase.missing : null;
  const asked = latest(run.deploy, 'phase')?.seq ?? 0;
  const reason = click.reason ?? 'No reason was given.';
  switch (click.kind) {
    case 'cancel':
    case 'roll back':
      if (missing === 'old gone') {
        const why = 'New code serves; that old code is gone was not proved, and nobody waits for it any more.';
        return {
          answer: 'It ends here.',
          instead: await run.end('not proved', `${why} Contract migrations were not run.`),
        };
      }
      if (following.watch.served) {
        return {
          answer: 'New code serves already, so this deploy can no longer be undone unseen.',
        };
      }
      if (destroyed(run.deploy)) return { answer: NO_WAY_BACK };
      await run.record({ kind: 'rollback asked', by: click.by, why: 'asked in Slack' });
      return { answer: 'Rolling back.', instead: { to: 'Roll back' } };
    case 'it serves':
      if (missing !== 'new serves')
        return { answer: 'That is not in question now: see the newest state on the message.' };
      await run.record(
        { kind: 'checked', by: click.by, what: 'new serves', why: reason },
        `checked new serves ${asked}`,
      );
      following.checked(click.by);
      return { answer: 'Noted: you looked, and new code serves.' };
    case 'old code is gone':
      if (!(await saidGone(run, click)))
        return { answer: 'That is not in question now: see the newest state on the message.' };
      return { answer: GONE_NOTED, instead: alone(run) };
    case 'go on':
      return { answer: 'It has gone on long since: see the newest state on the message.' };
    case 'keep it':
      return { answer: 'Nobody asked whether it stays: see the newest state on the message.' };
    case 'hold':
      // It was asked already, and somebody who goes back waits behind it.
      if (latest(run.deploy, 'soaking')) {
        const why = 'Old code answered again after it was said to be gone, and nobody waits for proof any more.';
        return {
          answer: 'It ends here, with its contract migrations left for later.',
          instead: await run.end('not proved', `${why} Contract migrations were not run.`),
        };
      }
      return { answer: NOT_ASKED };
    case 'run them':
    case 'open':
    case 'try again':
    case 'end here':
      return { answer: NOT_ASKED };
    default:
      return click.kind satisfies never;
  }
}
