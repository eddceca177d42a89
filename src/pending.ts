import { directDatabase } from './domain/direct-database.ts';
import {
  type Direction,
  filesOf,
  type PendingFile,
  type PendingMigrations,
  whileClosed,
  withoutSecretsIn,
} from './domain/gate.ts';
import { type Facts, judge } from './domain/migration.ts';
import { commandWarnings, pendingCommands } from './domain/migration-commands.ts';
import { digestOf, type MigrationFile } from './domain/migration-file.ts';
import { type Redact, redactingConfig } from './domain/redaction.ts';
import { judgeReleasePhase } from './domain/release-phase.ts';
import type { Migrations } from './domain/switchover-file.ts';
import type { Commit, Heroku, Migrator, SourceHost } from './outside.ts';

export type MigrationSources = {
  heroku: Pick<Heroku, 'config' | 'configSeen'>;
  source: Pick<SourceHost, 'tarball' | 'file'>;
  migrator: Migrator;
  /** What the database's catalog says, read and never changed. */
  catalog: (databaseUrl: string) => Promise<Facts>;
};

export type Pending = { migrations: PendingMigrations | null; problems: string[]; warnings: string[] };

type Asked = {
  app: string;
  repository: string;
  commit: Pick<Commit, 'sha'>;
  sharedWith: readonly string[];
  /** They run while the app is closed. */
  closed?: boolean;
};

/** The commit's migrations that the app's database has not had, judged by what its catalog says; and what stands in their way. */
export async function pendingMigrations(
  sources: MigrationSources,
  { where, ...ask }: Asked & { where: Migrations },
): Promise<Pending> {
  const { heroku, source } = sources;
  const { app, repository, commit, sharedWith } = ask;
  if (where.kind === 'commands') {
    const { expand, contract = null, plan = null } = where;
    const commands = { expand, contract, plan };
    const procfile = await source.file(repository, commit.sha, 'Procfile');
    return {
      migrations: pendingCommands(commit.sha, commands, sharedWith),
      problems: [],
      warnings: commandWarnings(commands, procfile),
    };
  }
  const [tarball, config] = await Promise.all([source.tarball(repository, commit.sha), heroku.config(app)]);
  const redact = redactingConfig(config, await heroku.configSeen(app));
  return withoutSecrets(await read(sources, ask, { where, tarball, config }), redact);
}

const withoutSecrets = ({ migrations, problems, warnings }: Pending, redact: Redact): Pending => ({
  migrations: migrations && withoutSecretsIn(migrations, redact),
  problems: problems.map(redact),
  warnings: warnings.map(redact),
});

type Found = {
  where: Extract<Migrations, { kind: 'files' }>;
  tarball: Uint8Array;
  config: Readonly<Record<string, string>>;
};

async function read(
  { migrator, catalog }: MigrationSources,
  { app, commit, sharedWith, closed = false }: Asked,
  { where, tarball, config }: Found,
): Promise<Pending> {
  const { place, maintenance } = where;
  const database = directDatabase(config);
  // Without a database nothing has run; an app that has no migrations either needs none.
  const nothing = { [place.table]: [], [place.contractTable]: [] };
  const applied =
    database.kind === 'direct' ? await answered(app, migrator.applied(database.url, place)) : { answer: nothing };
  if ('problem' in applied) return none([applied.problem]);
  const reading = await migrator.read({ tarball, place, applied: applied.answer });
  if (reading.files.length === 0) return none(reading.problems);
  if (database.kind === 'refused') return none([...reading.problems, database.reason]);
  const facts = await answered(app, catalog(database.url));
  if ('problem' in facts) return none([...reading.problems, facts.problem]);
  const migrations = judged(reading.files, facts.answer, {
    commit: commit.sha,
    place,
    maintenance,
    sharedWith,
    closed,
  });
  const destructive = filesOf(migrations, 'contract').map(({ file }) => file);
  const phase = judgeReleasePhase({ ...reading, destructive, place });
  return {
    migrations,
    problems: phase.kind === 'refused' ? [...reading.problems, phase.text] : reading.problems,
    warnings: phase.kind === 'warned' ? [phase.text] : [],
  };
}

const none = (problems: string[]): Pending => ({ migrations: null, problems, warnings: [] });

async function answered<T>(app: string, asked: Promise<T>): Promise<{ answer: T } | { problem: string }> {
  try {
    return { answer: await asked };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { problem: `The database of ${app} could not be asked what it has had: ${why}. Try again in a minute.` };
  }
}

function judged(
  files: readonly MigrationFile[],
  facts: Facts,
  {
    commit,
    closed,
    ...settings
  }: { commit: string; closed: boolean } & Pick<PendingMigrations, 'place' | 'maintenance' | 'sharedWith'>,
): PendingMigrations {
  const verdicts = judge(
    files.map(({ path, sql, review }) => ({ file: path, sql, review })),
    facts,
  );
  const pending = files.flatMap(({ name, table, review }, index): PendingFile[] => {
    const verdict = verdicts[index];
    return verdict ? [{ ...verdict, name, table, review }] : [];
  });
  const unbound = {
    ...settings,
    files: closed ? whileClosed(pending) : pending,
    digests: { expand: '', contract: '' },
  };
  const digest = (direction: Direction): string => {
    const names = new Set(filesOf(unbound, direction).map(({ file }) => file));
    return digestOf(
      commit,
      files.filter(({ path }) => names.has(path)),
    );
  };
  return { ...unbound, digests: { expand: digest('expand'), contract: digest('contract') } };
}
