import { createInterface } from 'node:readline';
import { type ColumnDefinitions, MigrationBuilder } from 'node-pg-migrate';
import type { Recording } from '../../domain/migration-file.ts';
import { endWithTheBot, tell } from './disarm.ts';
import { callUp, load, type Program, shorthandsOf } from './load.ts';

// A contained program: runs migrations against a recorder instead of a database, and tells what they would have done.
// Its stdin is one line, `{ dir, earlier, wanted }`, paths from `dir`.

type Ask = { dir: string; earlier: string[]; wanted: string[] };

const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function record(program: Program, shorthands: ColumnDefinitions): Promise<Recording> {
  const asked: string[] = [];
  const ask = (query: unknown): void => {
    asked.push(String(typeof query === 'object' && query !== null && 'text' in query ? query.text : query).trim());
  };
  const database = {
    query: async (query: unknown) => {
      ask(query);
      return { rows: [], rowCount: 0 };
    },
    select: async (query: unknown) => {
      ask(query);
      return [];
    },
  };
  // The recorder stands for node-pg-migrate's connection, of which the builder uses these two.
  const pgm = new MigrationBuilder(database as never, { ...shorthands }, false, QUIET);
  try {
    await callUp(program, pgm);
  } catch (error) {
    // It may have stumbled over the answer that a recorder cannot give.
    if (asked.length === 0) throw error;
  }
  const { phase, reason } = program;
  return { steps: [...pgm.getSqlSteps()], transaction: pgm.isUsingTransaction(), phase, reason, asked };
}

async function recordTwice(program: Program, shorthands: ColumnDefinitions): Promise<Recording> {
  const recording = await record(program, shorthands);
  const again = await record(program, shorthands);
  if (recording.asked.length === 0 && JSON.stringify(again) !== JSON.stringify(recording)) {
    throw new Error(
      'It gives other SQL each time (a clock, or chance): nobody could approve it. Let Postgres do that.',
    );
  }
  return recording;
}

async function main({ dir, earlier, wanted }: Ask): Promise<void> {
  const shorthands = await shorthandsOf(dir, earlier);
  for (const path of wanted) {
    tell({ path, reading: true });
    try {
      const program = await load(dir, path);
      Object.assign(shorthands, program.shorthands);
      tell({ path, recording: await recordTwice(program, shorthands) });
    } catch (error) {
      tell({ path, failed: error instanceof Error ? error.message : String(error) });
    }
  }
}

endWithTheBot();
createInterface({ input: process.stdin }).once('line', async line => {
  await main(JSON.parse(line));
  process.exit();
});
