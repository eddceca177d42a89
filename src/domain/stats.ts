import { type Deploy, latest } from './deploy.ts';
import { phaseFact } from './readings.ts';
import { quantile, secondsToServe, servedAt } from './usual.ts';

// How an app is deployed, in the four numbers of DORA (dora.dev/guides/dora-metrics-four-keys) and in those of preboot.

export const STATS_DAYS = 90;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** Seconds: half of them took no longer than `median`, nine of ten no longer than `most`. */
export type Spread = { median: number; most: number; longest: number };

export type Stats = {
  /** New code that was proved to serve, and how often a week. */
  served: number;
  perWeek: number;
  /** Of each commit, from its making until it served. */
  lead: Spread | null;
  /** Releases of new code, and how many of them had to be undone, at once or later. */
  released: number;
  undone: number;
  /** From the decision to go back until that was proved to serve. */
  restore: Spread | null;
  /** How long old code served on after a release. */
  window: Spread | null;
  /** From Start, or the deploy's turn, until new code served. */
  toServe: Spread | null;
};

/** Of deploys that ended in the last 90 days, newest first; `now` in ms. */
export function statsOf(deploys: readonly Deploy[], now: number): Stats {
  const recent = deploys.filter(({ startedAt }) => now - Date.parse(startedAt) < STATS_DAYS * DAY_MS);
  const fresh = recent.filter(({ plan }) => !plan.back);
  const served = fresh.filter(deploy => servedAt(deploy) !== null);
  const released = fresh.filter(deploy => latest(deploy, 'released'));
  const first = recent.at(-1);
  const span = first ? Math.max(WEEK_MS, now - Date.parse(first.startedAt)) : WEEK_MS;
  return {
    served: served.length,
    perWeek: served.length / (span / WEEK_MS),
    lead: spread(served.flatMap(leadTimes)),
    released: released.length,
    undone: released.filter(deploy => isUndone(deploy, recent)).length,
    restore: spread(recent.map(secondsToRestore)),
    window: spread(fresh.map(deploy => phaseFact(deploy, 'deploy')?.tally.windowSeconds ?? null)),
    toServe: spread(served.map(secondsToServe)),
  };
}

function spread(seconds: readonly (number | null)[]): Spread | null {
  const known = seconds.filter(value => value !== null);
  const [median, most, longest] = [0.5, 0.9, 1].map(share => quantile(known, share));
  return median == null || most == null || longest == null ? null : { median, most, longest };
}

/** Of every commit that the deploy brought; where they are not known, of its newest. */
function leadTimes(deploy: Deploy): number[] {
  const { commit, changes } = deploy.plan;
  const brought = changes && changes.commits.length > 0 ? changes.commits : [commit];
  const served = servedAt(deploy) ?? 0;
  return brought.flatMap(({ at }) => (at === undefined ? [] : [Math.max(0, (served - Date.parse(at)) / 1000)]));
}

/** By the deploy itself, or by the app's next one, which went back on purpose. */
function isUndone(deploy: Deploy, newestFirst: readonly Deploy[]): boolean {
  if (latest(deploy, 'rollback intended')) return true;
  const next = newestFirst.slice(0, newestFirst.indexOf(deploy)).findLast(later => latest(later, 'released'));
  return Boolean(next?.plan.back);
}

function secondsToRestore(deploy: Deploy): number | null {
  if (deploy.plan.back) return secondsToServe(deploy);
  const asked = latest(deploy, 'rollback asked')?.at ?? latest(deploy, 'rollback intended')?.at;
  const back = deploy.facts.find(
    fact =>
      (fact.kind === 'phase' && fact.of === 'rollback' && fact.phase.kind === 'new serves') ||
      (fact.kind === 'let in' && asked !== undefined),
  );
  return asked && back ? (Date.parse(back.at) - Date.parse(asked)) / 1000 : null;
}
