import { type Direction, filesOf, type PendingFile, type PendingMigrations } from './domain/gate.ts';
import { type Facts, judge } from './domain/migration.ts';
import { digestOf, type MigrationFile } from './domain/migration-file.ts';
import type { Migrations } from './domain/switchover-file.ts';
import type { Commit, Heroku, Migrator, SourceHost } from './outside.ts';

export type MigrationSources = {
  heroku: Pick<Heroku, 'config'>;
  source: Pick<SourceHost, 'tarball'>;
  migrator: Migrator;
  /** What the database's catalog says, read and never changed. */
  catalog: (databaseUrl: string) => Promise<Facts>;
};

export type Pending = { migrations: PendingMigrations | null; problems: string[] };

/** The commit's migrations that the app's database has not had, judged by what its catalog says; and what stands in their way. */
export async function pendingMigrations(
  { heroku, source, migrator, catalog }: MigrationSources,
  ask: { app: string; repository: string; commit: Commit; where: Migrations; sharedWith: readonly string[] },
): Promise<Pending> {
  const { app, repository, commit, where, sharedWith } = ask;
  if (where.kind === 'commands') {
    const why = 'switchover.json names commands for migrations, which this bot cannot run yet.';
    return { migrations: null, problems: [`${why} Take them out, and run them as before.`] };
  }
  const { place } = where;
  const [tarball, { DATABASE_URL: url }] = await Promise.all([
    source.tarball(repository, commit.sha),
    heroku.config(app),
  ]);
  if (!url) {
    const { files } = await migrator.read({
      tarball,
      place,
      applied: { [place.table]: [], [place.contractTable]: [] },
    });
    if (files.length === 0) return { migrations: null, problems: [] };
    const way = 'Attach a database, or take the folder out of the commit.';
    return {
      migrations: null,
      problems: [`${app} has no DATABASE_URL, and the commit has migrations in ${place.dir}. ${way}`],
    };
  }
  try {
    const applied = await migrator.applied(url, place);
    const { files, problems } = await migrator.read({ tarball, place, applied });
    if (files.length === 0) return { migrations: null, problems };
    return { migrations: judged(files, await catalog(url), { commit: commit.sha, place, sharedWith }), problems };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      migrations: null,
      problems: [`The database of ${app} could not be asked what it has had: ${why}. Try again in a minute.`],
    };
  }
}

function judged(
  files: readonly MigrationFile[],
  facts: Facts,
  { commit, place, sharedWith }: { commit: string } & Pick<PendingMigrations, 'place' | 'sharedWith'>,
): PendingMigrations {
  const verdicts = judge(
    files.map(({ path, sql }) => ({ file: path, sql })),
    facts,
  );
  const pending = files.flatMap(({ name, table, review }, index): PendingFile[] => {
    const verdict = verdicts[index];
    return verdict ? [{ ...verdict, name, table, review }] : [];
  });
  const unbound = { place, files: pending, sharedWith, digests: { expand: '', contract: '' } };
  const digest = (direction: Direction): string => {
    const names = new Set(filesOf(unbound, direction).map(({ file }) => file));
    return digestOf(
      commit,
      files.filter(({ path }) => names.has(path)),
    );
  };
  return { ...unbound, digests: { expand: digest('expand'), contract: digest('contract') } };
}
