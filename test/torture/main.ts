import { parseArgs } from 'node:util';
import { tortureOnce } from './round.ts';
import { table } from './table.ts';
import { Tally } from './tally.ts';

// npm run torture -- --minutes 10 --seed 7 [--runs 1] [--bots 2] [--trouble 60] [--keep DIR]
// Kills the bot anywhere, breaks what it stands on, and checks from outside that every deploy still ended exactly once.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    /** So many, however long they take. */
    runs: { type: 'string' },
    bots: { type: 'string' },
    /** Seconds of trouble in each run. */
    trouble: { type: 'string', default: '60' },
    keep: { type: 'string' },
  },
});
const number = (text: string, name: string): number => {
  const read = Number(text);
  if (!(read > 0)) throw new Error(`--${name} takes a number above 0, not ${text}`);
  return read;
};
// Bots that were started must not outlive us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const runs = values.runs === undefined ? null : number(values.runs, 'runs');
const until = performance.now() + number(values.minutes, 'minutes') * 60_000;
const tally = new Tally();
for (let seed = number(values.seed, 'seed'); ; seed++) {
  await tortureOnce({
    seed,
    troubleMs: number(values.trouble, 'trouble') * 1000,
    bots: values.bots === undefined ? null : number(values.bots, 'bots'),
    tally,
    keep: values.keep ?? null,
    say: text => console.log(text),
  });
  if (runs === null ? performance.now() > until : tally.runs >= runs) break;
}
console.log(`\n${table(tally)}`);
process.exit(tally.violations.length === 0 ? 0 : 1);
