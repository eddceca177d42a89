import { type Deploy, latest, type Tally } from './domain/deploy.ts';
import { kindOf } from './domain/health.ts';
import { isDoubted, samePhase } from './domain/phase.ts';
import { logKnownFromRelease } from './domain/proof.ts';
import { oldCode, serves } from './domain/readings.ts';
import { type Goal, newestOf, type Phase, type Watch } from './domain/watch.ts';
import type { Following, Watcher } from './outside.ts';
import type { Run } from './run.ts';

// The watch of a release that a deploy made, and the facts that come of it.

const DOUBTS: readonly Phase['kind'][] = ['mixed', 'not proved'];

/** The watch of this deploy's own release. */
export function followDeploy(run: Run): Following {
  const { deploy } = run;
  const released = latest(deploy, 'released');
  if (!released) throw new Error(`${deploy.id} has no release to watch`);
  const checked = deploy.facts.findLast(fact => fact.kind === 'checked' && fact.what === 'new serves');
  // Their word was of then: where old code has answered since, it is asked again.
  const doubts = deploy.facts.filter(fact => fact.kind === 'phase' && DOUBTS.includes(fact.phase.kind));
  const following = followRelease(run, released, asked(deploy));
  const holds = checked?.kind === 'checked' && checked.seq > (doubts.at(-1)?.seq ?? 0);
  if (holds && !following.watch.served) following.checked(checked.by);
  return following;
}

/** The same while people are waited for; null when it serves nobody yet, or too many others wait to watch it too. */
export function followSparingly(run: Run): Following | null {
  const { deploy, outside } = run;
  const released = latest(deploy, 'released');
  return released ? outside.watcher.followSparingly(watchOf(run, released, asked(deploy))) : null;
}

/** The watch of a release that the deploy made: its own, or the one that went back. */
export const followRelease = (run: Run, released: Released, asked: Asked): Following =>
  run.outside.watcher.follow(watchOf(run, released, asked));

type Released = { version: number; slug: string; releasedAt: number; web?: number | undefined };

/** What was known of a release before it was asked for: its commit, and how many web dynos there were. */
type Asked = { commit: string | null; web: number | undefined };

const asked = (deploy: Deploy): Asked => ({
  commit: deploy.plan.commit.sha,
  web: latest(deploy, 'going back')?.web ?? deploy.plan.web.quantity,
});

function watchOf({ deploy }: Run, released: Released, { commit, web }: Asked): Parameters<Watcher['follow']>[0] {
  const { plan } = deploy;
  const now = released.web ?? plan.web.quantity;
  // Who came late to the release cannot tell whether somebody scaled before or after it: then the more must go.
  const were = Math.max(now, web ?? 0);
  const goal: Goal = {
    ours: released.version,
    slug: released.slug,
    commit,
    oldCommit: servedBefore(deploy, released),
    oldWeb: Array.from({ length: were }, (_, i) => `web.${i + 1}`),
    web: now,
    releasedAt: released.releasedAt,
    windowMs: plan.windowSeconds * 1000,
    before: latest(deploy, 'before')?.sample ?? null,
  };
  return { deploy: deploy.id, app: plan.app, url: plan.url, probe: plan.probe, goal };
}

/** The commit that served when it was released. What goes back after the switch replaces what the deploy brought. */
function servedBefore(deploy: Deploy, { version }: Released): string | null {
  const { plan } = deploy;
  const isBack = version !== latest(deploy, 'released')?.version;
  return isBack && serves(deploy) ? plan.commit.sha : oldCode(deploy).commit;
}

/** Appends a fact for each phase that the watch comes to, once, also when a restarted bot comes to it again. */
export function record(run: Run, following: Following, of: 'deploy' | 'rollback' = 'deploy', tallied = following) {
  const tell = async (phase: Phase): Promise<void> => {
    const known = phasesTold(run, of);
    const last = known.at(-1);
    if (last && samePhase(last, phase)) return;
    const version = newestOf(following.watch);
    const tally = tallyOf(tallied.watch);
    await run.record({ kind: 'phase', of, version, phase, tally }, `phase of ${of} ${known.length + 1}`);
  };
  return async (phase: Phase): Promise<void> => {
    for (const { at, what } of following.watch.meddling) {
      const isTold = run.deploy.facts.some(fact => fact.kind === 'meddled' && fact.on === at && fact.what === what);
      if (!isTold) await run.record({ kind: 'meddled', on: at, what }, `meddled ${at} ${what}`);
    }
    const { served } = following.watch;
    const told = phasesTold(run, of).findLast(phase => phase.kind === 'new serves' || isDoubted(phase));
    // A bot that was away may find old code gone already: that new code serves is said all the same, and first.
    if (served && told?.kind !== 'new serves' && isAfterwards(phase)) {
      await tell({ kind: 'new serves', at: served.at, evidence: served.evidence });
    }
    await tell(phase);
  };
}

/** Waits for the first phase of which that is true, and tells it: it counts, though the next one may have come meanwhile. */
export function firstPhase(run: Run, following: Following, isOver: (phase: Phase) => boolean) {
  const tell = record(run, following);
  let told: Phase | null = null;
  const until = (signal: AbortSignal): Promise<Phase> =>
    following.until(
      phase => told !== null || isOver(phase),
      async phase => {
        if (told !== null || !isOver(phase)) return;
        await tell(phase);
        told = phase;
      },
      signal,
    );
  return { until, told: (): Phase | null => told };
}

const isAfterwards = (phase: Phase): boolean =>
  phase.kind === 'old gone' || (phase.kind === 'not proved' && phase.missing === 'old gone');

const phasesTold = ({ deploy }: Run, of: 'deploy' | 'rollback'): Phase[] =>
  deploy.facts.flatMap(fact => (fact.kind === 'phase' && fact.of === of ? [fact.phase] : []));

/** What was counted until now, as a fact keeps it: the log is known `from` a time (ms; null: the release) `until` one (null: still). */
export function tallyOf(watch: Watch): Tally {
  const { answers, failures, firstNewAt, goal, logFrom, logTo, logOpen } = watch;
  const from = logKnownFromRelease(watch) ? null : logFrom;
  return {
    answers,
    failures,
    log: logFrom === null ? null : { from, until: logOpen ? null : logTo },
    windowSeconds: firstNewAt === null ? null : (firstNewAt - goal.releasedAt) / 1000,
    ahead: aheadOf(watch),
  };
}

/** Workers restart at once, with new code, while web waits for the switch (preboot article). */
function aheadOf({ health }: Watch): Tally['ahead'] {
  const up = Object.entries(health.dynos).flatMap(([name, { upAt }]) =>
    kindOf(name) === 'web' || upAt === null ? [] : [{ name, upAt }],
  );
  return up.length === 0 ? null : { dynos: up.map(({ name }) => name), since: Math.min(...up.map(({ upAt }) => upAt)) };
}
