import { configSince, LOOKED_AT } from './domain/back.ts';
import { latest } from './domain/deploy.ts';
import { type Complaint, verdictOf } from './domain/health-gate.ts';
import { destroyed } from './domain/readings.ts';
import type { Watch } from './domain/watch.ts';
import type { Following } from './outside.ts';
import { first, type Next, type Run } from './run.ts';

// The gate, as the stages after the switch ask it.

/** How long people have to say that it stays. */
const COUNTDOWN_S = 30;
/** Code that has just booted is slow, and then perhaps not: by then the newest minute is one that came after the complaint. */
const WARM_UP_S = 90;
export const NOT_WELL: Next = { to: 'Not well' };

/** The work of a stage after the switch. A complaint comes first, whatever else ends at the same moment. */
export async function unlessIll(
  run: Run,
  following: Following,
  work: (signal: AbortSignal) => Promise<Next>,
  signal: AbortSignal,
): Promise<Next> {
  let found: readonly Complaint[] = [];
  const isIll = (watch: Watch): boolean => {
    const verdict = verdictOf(watch);
    // Never once somebody kept it.
    if (verdict.kind !== 'ill' || latest(run.deploy, 'kept')?.by) return false;
    found = verdict.complaints;
    return true;
  };
  const ended = await first<Next | null>(signal, [
    async signal => {
      await following.when(isIll, signal);
      return null;
    },
    work,
  ]);
  isIll(following.watch);
  return ended && (found.length === 0 || latest(run.deploy, 'ended')) ? ended : complain(run, found);
}

/** Says that new code is not well, once until somebody has answered. */
export async function complain(run: Run, complaints: readonly Complaint[]): Promise<Next> {
  const { plan, facts } = run.deploy;
  const times = facts.filter(({ kind }) => kind === 'kept').length;
  // Never to what somebody went back from, nor to code whose schema is gone; nor when it had been well for long.
  const bySelf = plan.autoRollback && !plan.back && !destroyed(run.deploy) && !latest(run.deploy, 'approval asked');
  // Nor when that would undo a config var that somebody has set since: they may depend on it.
  const config = await changedConfig(run);
  const countdown = isSlowOnly(complaints) ? WARM_UP_S : COUNTDOWN_S;
  const backIn = bySelf && config.length === 0 ? countdown : null;
  const undone = config.length > 0 ? { config } : {};
  await run.record({ kind: 'not well', complaints, backIn, ...undone }, `not well ${times}`);
  return NOT_WELL;
}

/** Nothing has failed: it may get warm. */
export const isSlowOnly = (complaints: readonly Complaint[]): boolean => complaints.every(({ slow }) => slow);

/**
 * What was done to config vars since the deploy's release, in Heroku's words: a release holds those with which it was made,
 * and a rollback brings them back (heroku.md, releases).
 */
export async function changedConfig(run: Run): Promise<string[]> {
  const released = latest(run.deploy, 'released');
  if (!released) return [];
  return configSince(await run.outside.heroku.releases(run.deploy.plan.app, LOOKED_AT), released.version);
}

/** Signs that something is wrong are waited for, until they are more or gone. */
export const settled = (following: Following, signal: AbortSignal): Promise<void> =>
  following.when(watch => verdictOf(watch).kind !== 'suspicious', signal);
