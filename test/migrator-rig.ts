import pg from 'pg';
import { createMigrator } from '../src/adapters/migrator.ts';
import type { Embedded } from '../src/adapters/postgres.ts';
import { digestOf } from '../src/domain/migration-file.ts';
import type { FileOutcome, MigrationProgress } from '../src/domain/migration-outcome.ts';
import type { MigrationPlace } from '../src/domain/switchover-file.ts';
import type { MigrationReading, MigrationRun, Migrator } from '../src/outside.ts';
import { commitOf } from './commits.ts';
import { makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

export const PLACE: MigrationPlace = {
  dir: 'migrations',
  contractDir: 'migrations/contract',
  table: 'pgmigrations',
  contractTable: 'pgmigrations_contract',
};

const COMMIT = 'c0ffee'.padEnd(40, '0');

export type Ran = { run: MigrationRun; outcomes: Record<string, FileOutcome>; progress: MigrationProgress[] };

export type MigrationRig = {
  url: string;
  migrator: Migrator;
  /** An empty database of its own. */
  database(): Promise<string>;
  connect(url: string, application?: string): Promise<pg.Client>;
  stop(): Promise<void>;
};

export async function startMigrationRig(
  settings: Parameters<typeof createMigrator>[0] = {
    patience: { tries: 3, firstMs: 50, withinMs: 20_000 },
    lockMs: 15_000,
  },
): Promise<MigrationRig> {
  const folder = await makeFolder();
  const postgres: Embedded = await startPostgres(folder.dir);
  const clients: pg.Client[] = [];
  let databases = 0;
  const connect = async (url: string, application_name = 'test') => {
    const client = new pg.Client({ connectionString: url, application_name });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    url: postgres.url,
    migrator: createMigrator(settings),
    database: async () => {
      const name = `db${++databases}`;
      const client = await connect(postgres.url);
      await client.query(`CREATE DATABASE ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    connect,
    stop: async () => {
      await Promise.all(clients.map(client => client.end().catch(() => {})));
      await postgres.stop();
      await folder.remove();
    },
  };
}

/** Reads what a commit has pending, as a plan does. */
export async function readPending(migrator: Migrator, url: string | null, files: Record<string, string>) {
  const tarball = await commitOf(files);
  const applied = url === null ? {} : await migrator.applied(url, PLACE);
  return { tarball, ...(await migrator.read({ tarball, place: PLACE, applied })) };
}

/** Reads and runs all that a commit has pending, or what was read of it before. */
export async function runAll(
  migrator: Migrator,
  databaseUrl: string,
  files: Record<string, string>,
  {
    read,
    onProgress,
    objection = () => null,
    begun = [],
    signal = AbortSignal.timeout(50_000),
  }: {
    read?: MigrationReading & { tarball: Uint8Array };
    onProgress?: (progress: MigrationProgress) => void;
    objection?: (progress: MigrationProgress) => string | null;
    begun?: readonly string[];
    signal?: AbortSignal;
  } = {},
): Promise<Ran> {
  const { tarball, files: pending } = read ?? (await readPending(migrator, databaseUrl, files));
  const progress: MigrationProgress[] = [];
  const run = await migrator.run({
    databaseUrl,
    tarball,
    place: PLACE,
    commit: COMMIT,
    files: pending,
    digest: digestOf(COMMIT, pending),
    begun,
    onProgress: async said => {
      progress.push(said);
      onProgress?.(said);
      return objection(said);
    },
    signal,
  });
  const ran = run.kind === 'ran' ? run.files : [];
  return { run, outcomes: Object.fromEntries(ran.map(({ name, outcome }) => [name, outcome])), progress };
}
