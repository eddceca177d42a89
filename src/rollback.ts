import { recordBefore } from './before.ts';
import { cancelled, isCalledOff } from './cancelling.ts';
import { candidatesOf, chooseBack, configSince, LOOKED_AT } from './domain/back.ts';
import { type FactOf, latest } from './domain/deploy.ts';
import { buriedInWords, destroyed, oldCode, serves } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import { safeUntil } from './domain/window.ts';
import { followDeploy, followRelease, record } from './following.ts';
import { askedAgain, foundInFlight } from './in-flight.ts';
import { judge } from './judging.ts';
import { replacedBy, webNow } from './old-code.ts';
import { HerokuRefused, orNotBegun, type Release } from './outside.ts';
import type { Next, Run } from './run.ts';
import { commitOf } from './superseding.ts';
import { endOf, StillPending } from './unseen.ts';

// Going back, best while old code still serves. A rollback is a release of its own: Heroku runs the old code's release phase
// again, and only when that has succeeded are the bad dynos, which wait for the switch, replaced. A race. After the switch
// it is what `/deploy rollback` does, in the same turn: visitors get the bad code until the routers have switched back.

/** Takes the release back and follows that; ends the deploy where others released meanwhile, or Heroku or a migration forbids it. */
export async function undo(run: Run): Promise<Next> {
  const { heroku } = run.outside;
  const { plan } = run.deploy;
  const released = latest(run.deploy, 'released');
  const ours = released?.version ?? 0;
  const clockFrom = plan.maintenance ? (released?.releasedAt ?? 0) : followDeploy(run).watch.clockFrom;
  const releases = await heroku.releases(plan.app, LOOKED_AT);
  const intended = latest(run.deploy, 'rollback intended');
  if (!intended || !ourRollback(run, releases)) {
    const stranger = strangerIn(releases, released);
    if (stranger) return undoneBy(run, stranger);
  }
  if (!intended) {
    if (serves(run.deploy)) await judge(run);
    const to = await replacedBy(run, ours, releases);
    const why = serves(run.deploy) || destroyed(run.deploy) ? whyNotBack(run, to.version, releases) : null;
    if (why) {
      await run.record({ kind: 'rollback failed', why });
      return run.end('failed', `It could not go back: ${why} v${ours} serves on. Mend it, and deploy that.`);
    }
    const config = configSince(releases, ours);
    const intention = {
      ...(config.length > 0 ? { config } : {}),
      newest: releases[0]?.version ?? ours,
      safeUntil: safeUntil(run.deploy, clockFrom),
      to,
      // No call more: the sooner it is asked for, the more surely it beats the switch.
      web: released?.web ?? plan.web.quantity,
    };
    await run.record({ kind: 'rollback intended', ...intention });
  }
  let seen: readonly Release[] = [];
  const look = async () => {
    seen = await heroku.releases(plan.app, 10);
    return ourRollback(run, seen);
  };
  const known = await foundInFlight(run, intended !== undefined, look);
  // It may have come while ours was looked for.
  const stranger = known ? undefined : strangerIn(seen, released);
  if (stranger) return undoneBy(run, stranger);
  const begun = known ?? (await rollBack(run, intended !== undefined, look));
  if ('refused' in begun) {
    await run.record({ kind: 'rollback failed', why: begun.refused });
    return run.end(
      'failed',
      `Heroku refused to go back to v${oldCode(run.deploy).version}: ${begun.refused} ${plan.maintenance ? `${plan.app} was opened with v${ours}` : `v${ours} goes live when its window ends`}. Act now by hand: \`heroku releases -a ${plan.app}\`.`,
    );
  }
  await run.record({ kind: 'rolling back', release: begun.id, version: begun.version });
  const ended = await run
    .listening(
      signal =>
        endOf(
          run,
          { what: `v${begun.version}`, since: 'rolling back', status: begun.status },
          signal => heroku.releaseEnded(plan.app, begun, () => {}, signal),
          signal,
        ),
      async () => ({ answer: 'The rollback is under way: its thread says when it serves.' }),
    )
    .catch(error => (error instanceof StillPending ? error : Promise.reject(error)));
  if (ended instanceof StillPending || ended.status !== 'succeeded' || !ended.slug) {
    const why = `the release phase of v${begun.version} ${ended instanceof StillPending ? 'does not end' : 'failed'}`;
    await run.record({ kind: 'rollback failed', why });
    return run.end(
      'failed',
      `Going back failed: ${why}. v${ours} goes live, or is live. Act now by hand: \`heroku releases:output v${begun.version} -a ${plan.app}\` shows why.`,
    );
  }
  const [web, since] = await Promise.all([webNow(run), heroku.releases(plan.app, LOOKED_AT)]);
  const buried = buriedBy(ended.version, since, released);
  await run.record({
    ...{ kind: 'rollback released', version: ended.version, slug: ended.slug, web: web ?? undefined },
    ...{ releasedAt: Date.parse(ended.updatedAt), ...(buried.length > 0 ? { buried } : {}) },
  });
  return { to: plan.maintenance ? 'Start the dynos' : 'Rollback serves' };
}

/** The newest that succeeded is live: one that failed, is in its release phase or was taken back is in nobody's way. */
function strangerIn(releases: readonly Release[], ours: FactOf<'released'> | undefined): Release | undefined {
  const newest = releases.find(({ version, status }) => version > (ours?.version ?? 0) && status === 'succeeded');
  return newest?.slug === ours?.slug ? undefined : newest;
}

async function undoneBy(run: Run, stranger: Release): Promise<Next> {
  const { by, version, description } = stranger;
  const live = run.deploy.plan.maintenance ? { release: version, commit: await commitOf(run, stranger) } : undefined;
  return run.end(
    'superseded',
    `${by} released v${version} (${description}) meanwhile: going back would undo that. Nothing more is done.`,
    live,
  );
}

/** Other code that went live after ours while the rollback waited behind it. */
function buriedBy(back: number, releases: readonly Release[], ours: FactOf<'released'> | undefined): string[] {
  const before = releases.filter(({ version, status }) => version < back && status === 'succeeded');
  const last = Math.max(...before.filter(({ slug }) => slug === ours?.slug).map(({ version }) => version));
  return before
    .filter(({ version }) => version > last)
    .map(({ version, description, by }) => `v${version} (${description}, by ${by})`);
}

/** After the switch the rules are those of any going back: Heroku must still have it, and the schema that it needs. */
function whyNotBack(run: Run, version: number, releases: readonly Release[]): string | null {
  if (destroyed(run.deploy)) return 'The contract migrations destroyed what old code needs.';
  const chosen = chooseBack(candidatesOf(releases, null), version);
  return 'refused' in chosen ? chosen.refused.join(' ') : null;
}

/** Makes a release of an older one's code, on purpose and as planned; from there on it is a deploy like any other. */
export async function goBack(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  const { back, app } = plan;
  if (!back) throw new Error(`${run.deploy.id} has no release to go back to`);
  const { heroku } = run.outside;
  const asked = latest(run.deploy, 'going back') !== undefined;
  if (!asked) await recordBefore(run);
  if (!asked) {
    const [releases, web] = await Promise.all([heroku.releases(app, LOOKED_AT), webNow(run)]);
    // Not what was planned, whatever has been done since: between the turn and this lies the closing, or the bot was away.
    const other = releases.find(({ version, status }) => version > plan.live.version && status !== 'failed');
    if (other) return overtaken(run, other);
    await run.record({ kind: 'going back', newest: releases[0]?.version ?? 0, web: web ?? undefined });
  }
  const newest = latest(run.deploy, 'going back')?.newest ?? Number.POSITIVE_INFINITY;
  const look = async () =>
    (await heroku.releases(app, 10)).find(
      ({ version, description }) => version > newest && description === wordsFor(back.version),
    );
  const known = await foundInFlight(run, asked, look);
  if (!known && (await isCalledOff(run))) return cancelled(run);
  const other = known ? undefined : (await heroku.releases(app, 1)).find(({ version }) => version > newest);
  if (other) return overtaken(run, other);
  const ask = () => orNotBegun(heroku.rollBack(app, back.id, run.mayAct));
  const begun = known ?? (await askedAgain(run, asked, ask, look));
  await run.record({ kind: 'went back', release: begun.id });
  return { to: 'Release' };
}

const overtaken = (run: Run, { by, version, description }: Release): Promise<Next> =>
  run.end(
    'stopped',
    withoutMentions(
      `${by} released v${version} (${description}) meanwhile: going back would undo that. Nothing was begun: plan it again.`,
    ),
  );

/** What Heroku calls a rollback (heroku.md, releases). */
const wordsFor = (version: number): string => `Rollback to v${version}`;

/** A rollback takes no marker: ours is the one to our target that is newer than what there was when we meant to ask. */
function ourRollback(run: Run, releases: readonly Release[]): Release | undefined {
  const newest = latest(run.deploy, 'rollback intended')?.newest ?? Number.POSITIVE_INFINITY;
  const description = wordsFor(oldCode(run.deploy).version);
  return releases.find(release => release.version > newest && release.description === description);
}

async function rollBack(
  run: Run,
  asked: boolean,
  look: () => Promise<Release | undefined>,
): Promise<Release | { refused: string }> {
  const { app } = run.deploy.plan;
  try {
    const ask = () => run.outside.heroku.rollBack(app, oldCode(run.deploy).id, run.mayAct);
    return await askedAgain(run, asked, ask, look);
  } catch (error) {
    if (error instanceof HerokuRefused) return { refused: error.message };
    throw error;
  }
}

/** The deploy ends when the rollback itself is proved to serve; the first watch goes on, to tell what users saw. */
export async function proveRollback(run: Run): Promise<Next> {
  const { deploy } = run;
  const { plan } = deploy;
  const back = latest(deploy, 'rollback released');
  if (!back) throw new Error(`${deploy.id} has no rollback to watch`);
  const seen = followDeploy(run);
  // The same commit serves before and after: only a release number can tell them apart.
  const old = oldCode(deploy);
  const web = latest(deploy, 'rollback intended')?.web;
  const following = followRelease(run, back, { commit: old.commit, web });
  // What was bad and served is to be gone as well.
  const wasLive = serves(deploy);
  const settled = [...(wasLive ? [] : ['new serves']), 'old gone', 'not proved', 'crashed', 'superseded'];
  const phase = await run.listening(
    signal => following.until(phase => settled.includes(phase.kind), record(run, following, 'rollback', seen), signal),
    async () => ({ answer: 'The rollback is under way: its thread says when it serves.' }),
  );
  const version = `v${back.version}`;
  switch (phase.kind) {
    case 'new serves':
    case 'old gone':
      return run.end(
        'rolled back',
        `${plan.app} serves the code of v${old.version} again, as ${version}.${buriedInWords(deploy)}`,
      );
    case 'crashed':
      return run.end(
        'failed',
        `The old code crashes too when it boots again (${phase.dyno} ${phase.what}), as ${version}. Act now by hand: \`heroku logs -a ${plan.app}\`.`,
      );
    case 'superseded':
      return run.end(
        'superseded',
        `${phase.by} released v${phase.version} (${phase.what}) meanwhile. This deploy does nothing more.`,
      );
    default:
      if (wasLive && following.watch.served) {
        return run.end(
          'rolled back',
          `${plan.app} serves the code of v${old.version} again, as ${version}. That v${seen.watch.goal.ours} is gone could not be proved: look with \`heroku ps -a ${plan.app}\`.`,
        );
      }
      return run.end(
        'not proved',
        `${version} went back to the code of v${old.version}, but that it serves could not be proved. Look which release answers before you deploy again.`,
      );
  }
}
