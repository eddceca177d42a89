import { LOOKED_AT, liveBefore } from './domain/back.ts';
import type { Plan } from './domain/plan.ts';
import type { Release } from './outside.ts';
import type { Run } from './run.ts';

// What a release of ours takes the place of. Between a plan and its release others may change config vars, add-ons or code,
// and each of these makes a release: going back behind theirs would undo it. And they may scale: each old web dyno that
// there is at the release must be seen to go.

/** What was live until our release `version` was made. */
export async function replacedBy(run: Run, version: number, known?: readonly Release[]): Promise<Plan['live']> {
  const { heroku } = run.outside;
  const { app, live } = run.deploy.plan;
  // Releases are numbered one by one.
  if (version === live.version + 1) return live;
  const before = liveBefore(known ?? (await heroku.releases(app, LOOKED_AT)), version);
  if (!before?.slug || before.version <= live.version) return live;
  const { id, slug } = before;
  const commit = slug === live.slug ? live.commit : await heroku.slugCommit(app, slug);
  return { id, version: before.version, slug, commit };
}

/**
 * Web dynos that the app should have now: old code's until a release is made, and as many of new code after it. Null when
 * it has no such process type (any more). Undefined when Heroku does not say: nothing waits for that, and those of the plan are
 * looked for.
 */
export async function webNow({ outside, deploy }: Run): Promise<number | null | undefined> {
  const formation = await outside.heroku.formation(deploy.plan.app).catch(() => null);
  return formation ? (formation.find(({ type }) => type === 'web')?.quantity ?? null) : undefined;
}
