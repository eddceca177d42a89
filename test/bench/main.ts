import { writeFile } from 'node:fs/promises';
import { parseArgs, styleText } from 'node:util';
import { z } from 'zod';
import { ack } from './ack.ts';
import { type Ask, type Bench, isMet, type Report } from './bench.ts';
import { calls } from './calls.ts';
import { markdown, plainTable, targetCells } from './document.ts';
import { lint } from './lint.ts';
import { lostRequests } from './lost-requests.ts';
import { machine } from './machine.ts';
import { resume } from './resume.ts';
import { scale } from './scale.ts';
import { segal } from './segal.ts';
import { truth } from './truth.ts';

// `npm run bench`: how good the bot is beside what people would use instead, measured in one run. `-- --quick` takes 5
// minutes at most, `-- --only 3,7` runs some, `-- --json` prints all numbers. Ends with 1 when a target is missed. A full
// run writes docs/BENCHMARKS.md; `--write` makes any other do so.

const BENCHES: readonly Bench[] = [lostRequests, truth, ack, calls, scale, resume, lint, segal];

const options = z.strictObject({
  quick: z.boolean().default(false),
  json: z.boolean().default(false),
  write: z.boolean().default(false),
  only: z
    .string()
    .regex(/^\d(,\d)*$/, '--only takes numbers of benches, as in 3,7')
    .transform(text => text.split(',').map(Number))
    .optional(),
});

const undos: (() => Promise<unknown>)[] = [];
async function undoAll(): Promise<void> {
  for (const undo of undos.splice(0).reverse()) await undo().catch(error => console.error(error));
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void undoAll().finally(() => process.exit(130)));
}

async function measure(bench: Bench, quick: boolean): Promise<Report> {
  const from = performance.now();
  const { run, inQuick: _, ...rest } = bench;
  const say: Ask['say'] = text => console.error(styleText('dim', `  ${text}`));
  console.error(styleText('bold', `${bench.number}. ${bench.title}`));
  try {
    const found = await run({ quick, say, onEnd: undo => undos.push(undo) });
    return { ...rest, ...found, seconds: (performance.now() - from) / 1000 };
  } finally {
    await undoAll();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      write: { type: 'boolean' },
      only: { type: 'string' },
    },
  });
  const { quick, json, write, only } = options.parse(values);
  const isWanted = ({ number, inQuick }: Bench): boolean => (only ? only.includes(number) : !quick || inQuick);
  const skipped = BENCHES.flatMap(bench => {
    const name = `${bench.number} (${bench.title})`;
    if (!isWanted(bench)) return [name];
    return quick && bench.skipped ? [`of ${name} ${bench.skipped}`] : [];
  });
  const reports: Report[] = [];
  const broken: string[] = [];
  for (const bench of BENCHES.filter(isWanted)) {
    try {
      reports.push(await measure(bench, quick));
    } catch (error) {
      // An hour of the others is not to be lost with it.
      console.error(error);
      broken.push(`${bench.number} (${bench.title}), which broke: ${error instanceof Error ? error.message : error}`);
    }
  }

  const where = await machine();
  const targets = reports.flatMap(report => report.targets);
  if (json) console.log(JSON.stringify({ machine: where, skipped, broken, reports }, null, 2));
  else for (const report of reports) print(report);
  const missing = [...skipped, ...broken];
  if (!json && missing.length > 0) console.log(`\nNot run this time: ${missing.join('; ')}.`);
  if (write || (!quick && !only)) {
    await writeFile(new URL('../../docs/BENCHMARKS.md', import.meta.url), markdown(reports, where, missing));
  }
  return broken.length === 0 && targets.every(isMet) ? 0 : 1;
}

function print({ number, title, compares, tables, targets, notes, seconds }: Report): void {
  console.log(`\n${styleText('bold', `${number}. ${title}`)}  ${compares}`);
  for (const table of tables) console.log(`\n${table.title}\n${plainTable(table)}`);
  console.log();
  for (const target of targets) {
    const [what, wanted, measured] = targetCells(target);
    const mark = isMet(target) ? styleText('green', '✓') : styleText('red', '✗');
    console.log(`${mark} ${what}: ${measured} (target ${wanted})`);
  }
  for (const note of notes) console.log(styleText('dim', note));
  console.log(styleText('dim', `${Math.round(seconds)} s`));
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof z.ZodError ? z.prettifyError(error) : error);
  process.exitCode = 2;
}
// A server that is still closing keeps nobody waiting.
process.exit();
