import { DateTime } from 'luxon';
import { latest } from './domain/deploy.ts';
import { filesOf } from './domain/gate.ts';
import { isDoubted } from './domain/phase.ts';
import { destroyed, servedSince } from './domain/readings.ts';
import type { Phase } from './domain/watch.ts';
import { firstPhase } from './following.ts';
import type { Following, Release } from './outside.ts';
import { first, type Next, type Run } from './run.ts';

// Somebody else released other code: it takes the place of ours, also when ours serves already.

type Superseded = Extract<Phase, { kind: 'superseded' }>;

/** The release of other code than what is to be live; null when there is none. */
export async function otherRelease(run: Run): Promise<Release | null> {
  const { plan } = run.deploy;
  const live = (await run.outside.heroku.releases(plan.app, 10)).find(release => release.current);
  return live && live.slug !== (latest(run.deploy, 'released')?.slug ?? plan.live.slug) ? live : null;
}

/** The commit that a release was built from; null where Heroku does not know it. */
export const commitOf = async ({ outside, deploy }: Run, { slug }: Release): Promise<string | null> =>
  slug ? outside.heroku.slugCommit(deploy.plan.app, slug) : null;

/**
 * The work of a stage that waits for time, unless others release other code: that ends the deploy. `onDoubt`: what follows
 * where old code answers again.
 */
export async function unlessSuperseded(
  run: Run,
  following: Following,
  work: (signal: AbortSignal) => Promise<Next>,
  signal: AbortSignal,
  onDoubt: (phase: Phase) => Promise<Next>,
): Promise<Next> {
  const isOver = (phase: Phase): boolean => phase.kind === 'superseded' || isDoubted(phase);
  const over = firstPhase(run, following, isOver);
  const next = await first<Next | Phase>(signal, [work, over.until]);
  // What was told counts also where the work was done in the same moment.
  const ended = latest(run.deploy, 'ended') ? next : (over.told() ?? next);
  if (!('kind' in ended)) return ended;
  if (isDoubted(ended)) return onDoubt(ended);
  if (ended.kind !== 'superseded') throw new Error(`${run.deploy.id} is not superseded`);
  return superseded(run, ended);
}

/** Ends a deploy that other code took the place of, with what there was of ours until then. `isWatched`: to the end. */
export function superseded(run: Run, other: Omit<Superseded, 'kind'>, isWatched = false): Promise<Next> {
  const { deploy } = run;
  const at = other.at === undefined ? '' : ` at ${clock(other.at)}`;
  const theirs = `${other.by} released v${other.version} (${other.what})${at}`;
  const since = servedSince(deploy);
  if (since === null) return run.end('superseded', `${theirs}. This deploy does nothing more.`);
  const ours = `v${latest(deploy, 'released')?.version} went live at ${clock(since)}.`;
  const then = isWatched ? 'which takes its place' : 'so it was not watched to the end';
  const has = filesOf(deploy.plan.migrations, 'contract').length > 0;
  const schema = destroyed(deploy)
    ? ' Its contract migrations had run by then.'
    : ' Its contract migrations were not run.';
  return run.end('superseded', `${ours} ${theirs}, ${then}.${has ? schema : ''} This deploy does nothing more.`);
}

/** The same for what the list of releases says. */
export const supersededBy = (run: Run, { version, by, description, updatedAt }: Release): Promise<Next> =>
  superseded(run, { version, by, what: description, at: Date.parse(updatedAt) }, true);

const clock = (at: number): string => DateTime.fromMillis(at, { zone: 'utc' }).toFormat("d LLL HH:mm:ss 'UTC'");
