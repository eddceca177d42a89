import { parseArgs } from 'node:util';
import { STAGES } from './kills.ts';
import { tortureOnce } from './round.ts';
import { missed, stayed, table } from './table.ts';
import { Tally } from './tally.ts';

// npm run torture -- --minutes 10 --seed 7 [--runs 1] [--at-once 1] [--bots 2] [--trouble 60] [--aim STAGE,STAGE]
//   [--keep DIR]
// Kills the bot anywhere, breaks what it stands on, and checks from outside that every deploy still ended exactly once.

/** Kills, of which no stage may go without. */
const SOAK = 1_000;
/** Runs that are aimed at what was missed, at most. */
const AIMED = 6;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    /** So many, however long they take. */
    runs: { type: 'string' },
    /** So many of them next to each other. */
    'at-once': { type: 'string', default: '1' },
    bots: { type: 'string' },
    /** Seconds of trouble in each run. */
    trouble: { type: 'string', default: '60' },
    /** Strikes only in deploys that come to one of these. */
    aim: { type: 'string' },
    keep: { type: 'string' },
  },
});
const aim = values.aim?.split(',') ?? null;
const unknown = aim?.filter(stage => !STAGES.includes(stage)) ?? [];
if (unknown.length > 0) throw new Error(`There is no stage ${unknown.join(', ')}: ${STAGES.join(', ')}`);
const number = (text: string, name: string): number => {
  const read = Number(text);
  if (!(read > 0)) throw new Error(`--${name} takes a number above 0, not ${text}`);
  return read;
};
const runs = values.runs === undefined ? Number.POSITIVE_INFINITY : number(values.runs, 'runs');
const minutes = values.runs === undefined ? number(values.minutes, 'minutes') : Number.POSITIVE_INFINITY;
const until = performance.now() + minutes * 60_000;
const tally = new Tally();
const first = number(values.seed, 'seed');
let begun = 0;
const options = Object.entries({ bots: values.bots, trouble: values.trouble, aim: values.aim && `'${values.aim}'` })
  .map(([name, value]) => (value === undefined ? '' : ` --${name} ${value}`))
  .join('');
const end = (status: number): never => {
  console.log(`\nSeeds ${first} to ${first + begun - 1}${options}\n${table(tally, options)}`);
  process.exit(status);
};
// Bots that were started must not outlive us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(130));

const torture = (at: readonly string[] | null): Promise<void> =>
  tortureOnce({
    seed: first + begun++,
    troubleMs: number(values.trouble, 'trouble') * 1000,
    bots: values.bots === undefined ? null : number(values.bots, 'bots'),
    ...{ aim: at, tally },
    keep: values.keep ?? null,
    say: text => console.log(text),
  });
async function oneAfterTheOther(): Promise<void> {
  do await torture(aim);
  while (begun < runs && performance.now() < until);
}
await Promise.all(Array.from({ length: number(values['at-once'], 'at-once') }, oneAfterTheOther));
// A soak that never struck at some stage says nothing of that one.
const isSoak = tally.struck >= SOAK;
for (let left = AIMED; isSoak && left > 0 && missed(tally).length > 0; left--) {
  console.log(`Not hit yet, and aimed at: ${missed(tally).join(', ')}`);
  await torture(missed(tally));
}
const isBad = tally.violations.length + tally.problems.length + stayed(tally).length > 0;
end(isBad || (isSoak && missed(tally).length > 0) ? 1 : 0);
