import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ColumnDefinitions, jiti, type MigrationBuilder } from 'node-pg-migrate';

type Up = (pgm: MigrationBuilder, done: () => void) => unknown;

/** What node-pg-migrate takes from a program, and what it says of itself. */
export type Program = {
  up: Up;
  shorthands: ColumnDefinitions;
  phase: string | null;
  reason: string | null;
};

// jiti has read its settings from there when it was imported.
for (const name of Object.keys(process.env)) delete process.env[name];

/** Loads a migration's program: its code runs here. */
export async function load(dir: string, path: string): Promise<Program> {
  const found = await jiti.import<Record<string, unknown>>(join(dir, path));
  const { up, shorthands, phase, reason } = found;
  if (!isUp(up)) throw new Error('It exports no function `up`.');
  return {
    up,
    shorthands: isShorthands(shorthands) ? shorthands : {},
    phase: typeof phase === 'string' ? phase : null,
    reason: typeof reason === 'string' ? reason : null,
  };
}

const isShorthands = (value: unknown): value is ColumnDefinitions => typeof value === 'object' && value !== null;

const isUp = (value: unknown): value is Up => typeof value === 'function';

/** Runs `up`, written with a promise or, when it takes two arguments, with a callback: so does node-pg-migrate. */
export async function callUp({ up }: Program, pgm: MigrationBuilder): Promise<void> {
  if (up.length === 2) await new Promise<void>(done => up(pgm, done));
  else await up(pgm, () => {});
}

/** Types that earlier migrations named count in later ones. Read only where they are: loading runs code. */
export async function shorthandsOf(dir: string, paths: readonly string[]): Promise<ColumnDefinitions> {
  const found: ColumnDefinitions = {};
  for (const path of paths) {
    if (!/\bshorthands\b/.test(await readFile(join(dir, path), 'utf8'))) continue;
    // One that cannot be loaded ran long ago, and is not asked for.
    const program = await load(dir, path).catch(() => null);
    Object.assign(found, program?.shorthands);
  }
  return found;
}
