import type { Deploy, StepReading } from './deploy.ts';
import { stepsOf } from './step-readings.ts';

// How long things of an app usually take, by its last deploys.

/** Below that, a deploy says more of itself than of the app. */
const SAMPLES = 3;
const SAMPLES_OF_TAIL = 5;

/** The value that this share (0 to 1) of the values does not exceed; null of none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Seconds of a step, from its begin to its end; null while it has not ended. */
export const secondsOfStep = ({ from, to }: StepReading): number | null =>
  from === null || to === null ? null : (Date.parse(to) - Date.parse(from)) / 1000;

/** The median of each step, seconds, of those that were done at least three times. */
export function usualSteps(deploys: readonly Deploy[]): Record<string, number> {
  const seen = new Map<string, number[]>();
  for (const reading of deploys.flatMap(stepsOf)) {
    const seconds = reading.state === 'done' ? secondsOfStep(reading) : null;
    if (seconds !== null) seen.set(reading.step, [...(seen.get(reading.step) ?? []), seconds]);
  }
  return Object.fromEntries(
    [...seen].flatMap(([step, seconds]) => {
      const median = seconds.length < SAMPLES ? null : quantile(seconds, 0.5);
      return median === null ? [] : [[step, median]];
    }),
  );
}

/** When new code was first proved to serve, ms; null when it never was. */
export function servedAt({ facts, plan }: Deploy): number | null {
  const fact = facts.find(
    fact =>
      (plan.maintenance && fact.kind === 'let in' && fact.proof !== null) ||
      (fact.kind === 'phase' && fact.of === 'deploy' && fact.phase.kind === 'new serves'),
  );
  return fact ? Date.parse(fact.at) : null;
}

/** From its begin, or its turn where it waited for one, until new code served; null when it never did. */
export function secondsToServe(deploy: Deploy): number | null {
  const served = servedAt(deploy);
  const began = deploy.facts.findLast(({ kind }) => kind === 'turn came')?.at ?? deploy.startedAt;
  return served === null ? null : (served - Date.parse(began)) / 1000;
}

/**
 * Seconds within which nine of ten such deploys of the app served: of new code, or back to old; null where too few are
 * known, and for those behind a closed page, which has its own length.
 */
export function usualSeconds(deploys: readonly Deploy[], { back, maintenance }: Deploy['plan']): number | null {
  if (maintenance) return null;
  const alike = deploys.filter(({ plan }) => !plan.maintenance && Boolean(plan.back) === Boolean(back));
  const seconds = alike.map(secondsToServe).filter(known => known !== null);
  return seconds.length < SAMPLES_OF_TAIL ? null : quantile(seconds, 0.9);
}
