import { askForApproval, soak } from './approval.ts';
import { listenBefore, recordBefore } from './before.ts';
import { cancelAsked, cancelled, isCalledOff, isCancelled } from './cancelling.ts';
import { afterClosedRelease, closeForTheDeploy, openAgain, putBack } from './closed-deploy.ts';
import { startTheDynos, stopTheDynos } from './closed-dynos.ts';
import { candidatesOf, LOOKED_AT } from './domain/back.ts';
import { latest } from './domain/deploy.ts';
import { filesOf } from './domain/gate.ts';
import { hearsReleases } from './domain/proof.ts';
import { phaseFact } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import { followDeploy } from './following.ts';
import { askedAgain, foundInFlight } from './in-flight.ts';
import { judge } from './judging.ts';
import { askAboutTheClosedApp } from './maintenance.ts';
import { expandByCommand } from './migration-commands.ts';
import { contract, expand, open } from './migrations.ts';
import { notWell, smokeTest, watchNewCode } from './new-code.ts';
import { replacedBy, webNow } from './old-code.ts';
import { lastLines } from './output.ts';
import { type Build, HerokuRefused, NotBegun, NotFound, orNotBegun, type Release } from './outside.ts';
import { planAgain } from './queue.ts';
import { goBack, proveRollback, undo } from './rollback.ts';
import type { Next, Run, Stage } from './run.ts';
import { otherRelease, supersededBy } from './superseding.ts';
import { calledOffUnseen, endOf, StillPending } from './unseen.ts';
import { askAPerson, watchWhile } from './watching.ts';

// A deploy, top to bottom. Each stage looks whether its work is done already, acts, records, and names what comes next.
// It may run again after a kill, so nothing here repeats an effect without having looked for it. The names are what
// stored deploys stand on: never delete one while a deploy may be at it.

export const FIRST_STAGE = 'Take the turn';

export const recipe: { readonly [stage: string]: Stage } = {
  'Take the turn': beforeRelease(unlessCancelled(takeTheTurn)),
  'Plan again': beforeRelease(planAgain),
  'Go back': beforeRelease(hearingBefore(goBack)),
  'Expand the schema': beforeRelease(unlessCancelled(hearingBefore(expand))),
  'Upload the source': beforeRelease(unlessCancelled(hearingBefore(uploadTheSource))),
  Build: beforeRelease(hearingBefore(build)),
  Release: unlessStillPending(release),
  'Expand by command': expandByCommand,
  'New dynos boot': watchWhile('booting'),
  'Old code still serving': watchWhile('old serves'),
  'New code serves': watchWhile('mixed'),
  'Old code gone': watchWhile('new serves'),
  'Smoke test': smokeTest,
  'Ask a person': askAPerson,
  'Watch new code': watchNewCode,
  'Not well': notWell,
  Soak: soak,
  Approval: askForApproval,
  'Contract the schema': contract,
  'Close the app': beforeRelease(unlessCancelled(closeForTheDeploy)),
  'Stop the dynos': beforeRelease(unlessCancelled(stopTheDynos)),
  'Start the dynos': startTheDynos,
  'Open again': openAgain,
  'Put it back': putBack,
  'Open the app': open,
  'Ask about the closed app': askAboutTheClosedApp,
  'Roll back': undo,
  'Rollback serves': proveRollback,
  'Write the receipt': writeTheReceipt,
};

/** Between Start and its turn the world may have moved: then nothing is begun. */
async function takeTheTurn(run: Run): Promise<Next> {
  if (latest(run.deploy, 'queued') && !latest(run.deploy, 'planned again')) {
    await run.record({ kind: 'turn came' });
    const left = latest(run.deploy, 'ended');
    return left ? { end: left.outcome } : { to: 'Plan again' };
  }
  const { plan } = run.deploy;
  const { heroku } = run.outside;
  const [app, releases, { reasons, floor }] = await Promise.all([
    heroku.app(plan.app),
    heroku.releases(plan.app, plan.back ? LOOKED_AT : 10),
    run.outside.notNow(run.deploy),
  ]);
  const live = releases.find(release => release.current);
  const pending = releases.find(release => release.status === 'pending');
  if (live && live.version !== plan.live.version) {
    return run.end(
      'stopped',
      `v${live.version} (${live.description}, by ${live.by}) went live after the plan was made. Nothing was begun: plan it again.`,
    );
  }
  if (pending) {
    return run.end(
      'stopped',
      `v${pending.version} by ${pending.by} is still in its release phase. Nothing was begun: plan it again when that has ended.`,
    );
  }
  if (app.maintenance) {
    return run.end(
      'stopped',
      `${plan.app} was put into maintenance mode after the plan was made. Nothing was begun: plan it again when it is open.`,
    );
  }
  // Both may have come while it was planned: a lock, and migrations that took what older code needs.
  const back = candidatesOf(releases, floor).find(({ release }) => release.version === plan.back?.version);
  const against = [...reasons, ...(back?.refused ? [back.refused] : [])];
  if (against.length > 0) return run.end('stopped', `${against.join(' ')} Nothing was begun.`);
  if (plan.maintenance && filesOf(plan.migrations, 'contract').length > 0) return { to: 'Approval' };
  listenBefore(run);
  if (plan.back) return { to: plan.maintenance ? 'Close the app' : 'Go back' };
  return { to: 'Expand the schema' };
}

async function uploadTheSource(run: Run): Promise<Next> {
  const { app, repository, commit } = run.deploy.plan;
  const tarball = await run.outside.source.tarball(repository, commit.sha);
  await run.mayAct();
  const url = await run.outside.heroku.uploadSource(app, tarball);
  await run.record({ kind: 'uploaded', url, bytes: tarball.byteLength });
  return { to: run.deploy.plan.maintenance ? 'Close the app' : 'Build' };
}

async function build(run: Run): Promise<Next> {
  const { heroku } = run.outside;
  const { app, commit } = run.deploy.plan;
  const asked = latest(run.deploy, 'build asked') !== undefined;
  const look = () => ourBuild(run);
  const known = await foundInFlight(run, asked, look);
  if (!known && (await isCalledOff(run))) return cancelled(run);
  const begun = known ?? (await askedAgain(run, asked, () => startBuild(run, commit.sha), look));
  await run.record({ kind: 'build started', build: begun.id });
  const stop = (): Promise<void> => heroku.cancelBuild(app, begun.id, run.mayAct);
  if (isCancelled(run)) await stop();
  const lines = lastLines();
  const ended = await run.listening(
    signal =>
      endOf(
        run,
        { what: 'the build', since: 'build started', status: begun.status },
        signal => heroku.buildEnded(app, begun, lines.push, signal),
        signal,
      ),
    async click => {
      const answer = await cancelAsked(run, click, 'The build is being stopped. Nothing is released.');
      if (isCancelled(run)) await stop();
      return { answer };
    },
  );
  if (ended.status === 'failed' && isCancelled(run)) return cancelled(run);
  if (ended.status === 'failed' || !ended.slug || !ended.release) {
    await run.record({ kind: 'build failed', lines: await lines.kept(run) });
    return run.end(
      'failed',
      'The build failed, so nothing was released: the old code serves as before. Mend what the last lines show, push, and deploy again.',
    );
  }
  // One that had ended when we came back may be live by now.
  if (begun.status === 'pending') await recordBefore(run);
  await run.record({ kind: 'built', slug: ended.slug, release: ended.release });
  return { to: 'Release' };
}

const marker = (run: Run): string => `Switchover ${run.deploy.id}`;

async function ourBuild(run: Run): Promise<Build | undefined> {
  const builds = await run.outside.heroku.builds(run.deploy.plan.app, 20);
  return builds.find(known => known.description === marker(run));
}

async function startBuild(run: Run, commit: string): Promise<Build> {
  const url = latest(run.deploy, 'uploaded')?.url ?? '';
  await run.record({ kind: 'build asked' });
  return orNotBegun(
    run.outside.heroku.startBuild(run.deploy.plan.app, { url, commit, marker: marker(run) }, run.mayAct),
  );
}

async function release(run: Run): Promise<Next> {
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const begun = await heroku.release(
    app,
    latest(run.deploy, 'built')?.release ?? latest(run.deploy, 'went back')?.release ?? '',
  );
  await run.record({ kind: 'release started', version: begun.version });
  const lines = lastLines();
  const ended = await run.listening(
    signal =>
      endOf(
        run,
        { what: `v${begun.version}`, since: 'release started', status: begun.status },
        signal => heroku.releaseEnded(app, begun, lines.push, signal),
        signal,
      ),
    async click => ({
      answer: await cancelAsked(
        run,
        click,
        'Heroku cannot stop a release phase. When it has ended, this goes back at once, before the routers switch.',
      ),
    }),
  );
  if (ended.status !== 'succeeded' || !ended.slug) {
    await run.record({ kind: 'release failed', version: ended.version, lines: await lines.kept(run) });
    return run.end(
      'failed',
      `The release phase of v${ended.version} failed, so it never went live: the old code serves as before. What its command had already done stays done: look before you deploy again.`,
    );
  }
  const [replaces, web] = await Promise.all([replacedBy(run, ended.version), webNow(run)]);
  await run.record({ ...released(ended, ended.slug), replaces, web: web ?? undefined });
  const asked = latest(run.deploy, 'cancel asked');
  if (!asked && web !== null) return afterRelease(run);
  // Nobody would answer visitors, and of a closed app nothing is destroyed yet.
  const why = asked ? 'the deploy was cancelled' : `v${ended.version} has no process type \`web\``;
  await run.record({ kind: 'rollback asked', by: asked?.by ?? null, why });
  return { to: 'Roll back' };
}

function afterRelease(run: Run): Next {
  const { migrations, maintenance } = run.deploy.plan;
  if (migrations?.commands) return { to: 'Expand by command' };
  return maintenance ? afterClosedRelease(run) : { to: 'New dynos boot' };
}

function released(release: Release, slug: string) {
  const releasedAt = Date.parse(release.updatedAt);
  const phaseSeconds = Math.max(0, (releasedAt - Date.parse(release.createdAt)) / 1000);
  return { kind: 'released', release: release.id, version: release.version, slug, releasedAt, phaseSeconds } as const;
}

async function writeTheReceipt(run: Run): Promise<Next> {
  await judge(run);
  const { plan } = run.deploy;
  const watch = plan.maintenance ? null : followDeploy(run).watch;
  // By a log that is whole the watch knows of every release, once it has read which they are.
  const knowsOfNone = watch && hearsReleases(watch) && !watch.superseded && !watch.asks.releases;
  const other = knowsOfNone ? null : await otherRelease(run);
  if (other) return supersededBy(run, other);
  const version = phaseFact(run.deploy, 'deploy')?.version ?? latest(run.deploy, 'released')?.version;
  const code = plan.back ? `the code of v${plan.back.version} again` : plan.commit.sha.slice(0, 8);
  return run.end('succeeded', `${plan.app} runs ${code}, as v${version}.`);
}

/**
 * While nothing is released, a plain no from Heroku or GitHub ends the deploy: asking again would not help. What was asked
 * to make a release goes on by itself, whatever Heroku says to a look at it: then only a no to that request does.
 */
function beforeRelease(stage: Stage): Stage {
  return async run => {
    try {
      return await stage(run);
    } catch (error) {
      if (error instanceof StillPending) return calledOffUnseen(run, error);
      const isAsked = (latest(run.deploy, 'build asked') ?? latest(run.deploy, 'going back')) !== undefined;
      const isNo = error instanceof HerokuRefused || error instanceof NotFound;
      if (!isNo) throw error;
      if (isAsked && !(error instanceof NotBegun)) return calledOffUnseen(run, error);
      return run.end(
        'failed',
        withoutMentions(`${error.message} Nothing was released: the old code serves as before.`),
      );
    }
  };
}

function unlessStillPending(stage: Stage): Stage {
  return run =>
    stage(run).catch(error => {
      if (error instanceof StillPending) return calledOffUnseen(run, error);
      throw error;
    });
}

/** A stage in which it is still listened to how the app is without this deploy. */
function hearingBefore(stage: Stage): Stage {
  return async run => {
    listenBefore(run);
    return stage(run);
  };
}

/** A stage that is not begun when somebody called the deploy off before it. */
function unlessCancelled(stage: Stage): Stage {
  return async run => ((await isCalledOff(run)) ? cancelled(run) : stage(run));
}
