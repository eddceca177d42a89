import { basename, dirname, extname, join } from 'node:path';
import type { Migration, RunnerOption } from 'node-pg-migrate';
import type { MigrationFile } from '../../domain/migration-file.ts';
import type { Blocker, MigrationProgress } from '../../domain/migration-outcome.ts';
import type { Session } from './session.ts';

/** How often a migration that finds a table in use tries again: at first after `firstMs`, then after twice as long. */
export type Patience = { tries: number; firstMs: number; withinMs: number };

export type Job = {
  session: Session;
  /** The unpacked commit. */
  dir: string;
  /** Programs of the commit that named types may come from. */
  programs: readonly string[];
  patience: Patience;
  /** Names of those that an earlier run began, of which nobody heard how they ended. */
  begun: readonly string[];
  /** Resolves when the bot has kept that this one begins: null, or why it must not. */
  begins: (file: MigrationFile) => Promise<string | null>;
  onProgress: (progress: MigrationProgress) => void;
};

/** What was seen of a migration under way: the statement that it is at, and whom that waited for last. */
export type Seen = { statement: number | null; blockers: Blocker[] };

/** What node-pg-migrate calls to have a migration's SQL. */
export type Actions = ConstructorParameters<typeof Migration>[2];

const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** To have node-pg-migrate see only this one file of its folder. */
export function optionsFor({ dir }: Job, { name, path, table }: MigrationFile, actions: Actions) {
  const place = join(dir, path);
  // node-pg-migrate takes the name to record from this.
  const id = join(dirname(place), `${name}${extname(place)}`);
  const loader = async () => [{ id, filePaths: [place], actions }];
  return {
    dir: dirname(place),
    ignorePattern: `(?!${basename(place).replace(/\W/g, '\\$&')}$).*`,
    file: name,
    direction: 'up',
    migrationsTable: table,
    checkOrder: false,
    noLock: true,
    logger: QUIET,
    migrationLoaderStrategies: [{ extensions: [extname(place)], loader }],
  } satisfies Partial<RunnerOption>;
}
