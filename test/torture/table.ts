import { quantile } from '../bench/statistics.ts';
import { FAULTS, nameOf } from './faults.ts';
import { STAGES } from './kills.ts';
import type { Tally } from './tally.ts';

/** Stages of the recipe in which nobody was struck. */
export const missed = ({ byStage }: Tally): string[] => STAGES.filter(stage => !byStage.has(stage));

/** How soon another process has what one left behind, and how soon one that is asked to has left; s. */
const TARGETS = { killed: 5, frozen: 20, left: 10 };

/** Those that stayed for longer after a SIGTERM, ms. */
export const stayed = ({ left }: Tally): number[] => left.filter(ms => ms > TARGETS.left * 1000);

/** What was counted, for a terminal. `options`: those that a run needs to be as it was, beside its seed. */
export function table(tally: Tally, options: string): string {
  const { kills, takeOvers, left } = tally;
  return [
    `${tally.runs} runs, ${tally.struck} kills: ${listed(Object.entries(kills))}; ${tally.visits} visits`,
    '',
    'Kills by the stage of a deploy that the process ran',
    ...[...STAGES, ...[...tally.byStage.keys()].filter(stage => !STAGES.includes(stage))].map(stage =>
      row(stage, tally.byStage.get(stage) ?? 0),
    ),
    ...(missed(tally).length > 0 ? [`  Not hit yet: ${missed(tally).join(', ')}`] : []),
    '',
    'Faults that were met',
    ...FAULTS.map(nameOf)
      .sort()
      .map(name => row(name, tally.faults.get(name) ?? 0)),
    '',
    'Deploys by outcome',
    ...sorted(tally.outcomes).map(([name, times]) => row(name, times)),
    '',
    'Answers to people in place of a plan',
    ...sorted(tally.answers).map(([name, times]) => row(name, times)),
    '',
    'Take-over by another process, and leaving at a SIGTERM',
    times(`killed, target ${TARGETS.killed} s`, takeOvers.killed),
    times('killed while its database failed, too', takeOvers.troubled),
    times(`frozen, target ${TARGETS.frozen} s`, takeOvers.frozen),
    times(`left, target ${TARGETS.left} s`, left),
    '',
    ...(tally.problems.length > 0 ? ['Trouble of torture’s own', ...tally.problems.map(what => `  ${what}`), ''] : []),
    tally.violations.length === 0
      ? 'No violation'
      : `${tally.violations.length} violations\n${tally.violations.map(({ seed, check, what }) => `  --seed ${seed} --runs 1${options}: ${check}: ${what}`).join('\n')}`,
  ].join('\n');
}

const row = (name: string, times: number): string => `  ${name.padEnd(48)} ${String(times).padStart(6)}`;
const listed = (counts: [string, number][]): string => counts.map(([name, times]) => `${name} ${times}`).join(', ');
const sorted = (counts: ReadonlyMap<string, number>) => [...counts].sort(([a], [b]) => a.localeCompare(b));

function times(name: string, ms: readonly number[]): string {
  if (ms.length === 0) return `${row(name, 0)}`;
  const [half, longest] = [quantile(ms, 0.5), Math.max(...ms)].map(value => `${(value / 1000).toFixed(1)} s`);
  return `${row(name, ms.length)}  median ${half}, longest ${longest}`;
}
