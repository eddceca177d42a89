import { type AppSettings, DEFAULT_PROBE, type Probe } from './domain/app.ts';
import { type ConnectionsNeeded, connectionsNeeded, poolOf } from './domain/connections.ts';
import type { Connections } from './domain/health.ts';
import { callsShort } from './domain/plan.ts';
import { Refusal } from './domain/refusal.ts';
import type { HerokuSituation, Situation } from './domain/situation.ts';
import { readSwitchoverFile } from './domain/switchover-file.ts';
import {
  type Answer,
  type Commit,
  type Heroku,
  HerokuRefused,
  NotFound,
  type Prober,
  type SourceHost,
} from './outside.ts';
import { type MigrationSources, pendingMigrations } from './pending.ts';

export type Sources = MigrationSources & {
  heroku: Heroku;
  source: SourceHost;
  prober: Prober;
  /** Connections to an app's database now; null where it has none that can be asked. */
  connections: (app: string) => Promise<Connections | null>;
};

/** Asks Heroku, GitHub and the app itself, all at once, what a plan must know. */
export async function gather(
  sources: Sources,
  settings: AppSettings,
  ref: string,
  { isNext, held, locks, asker, maintenance }: Pick<Situation, 'isNext' | 'held' | 'locks' | 'asker' | 'maintenance'>,
): Promise<Situation> {
  const { heroku, source, prober } = sources;
  await enoughCalls(heroku, settings.name);
  const [commit, app] = await Promise.all([
    absent(NotFound, source.commit(settings.repository, ref)),
    herokuSituation(heroku, settings),
  ]);
  const [file, changes] = await Promise.all([
    commit ? source.file(settings.repository, commit.sha, 'switchover.json') : null,
    changesOf(source, settings, app?.live?.commit ?? null, commit),
  ]);
  const { migrations: where, problems, ...declared } = readSwitchoverFile(file);
  // Read once for all that needs it: an account's calls are few.
  const vars = app ? heroku.config(settings.name) : null;
  vars?.catch(() => {});
  const sharedWith = app?.sharedDatabases.flatMap(({ apps }) => apps) ?? [];
  const pending =
    commit && app && problems.length === 0
      ? await pendingMigrations(
          { ...sources, heroku: { ...heroku, config: () => vars as Promise<Config> } },
          {
            app: settings.name,
            repository: settings.repository,
            commit,
            where,
            sharedWith,
            closed: maintenance,
          },
        )
      : { migrations: null, problems: [], warnings: [] };
  const probe = declared.probe ?? settings.probe ?? DEFAULT_PROBE;
  return {
    settings,
    ref,
    commit,
    heroku: app,
    changes,
    probe,
    probeDeclared: Boolean(declared.probe ?? settings.probe),
    probed: app ? await askOnce(prober, app.url, probe) : { problem: 'there is no app to ask' },
    problems: [...problems, ...pending.problems],
    migrations: pending.migrations,
    migrationWarnings: pending.warnings,
    held,
    soakSeconds: declared.soakSeconds,
    smoke: declared.smoke,
    connections: app && vars ? await connectionsOf(sources, settings, app, vars, declared.connections) : null,
    isNext,
    locks,
    asker,
    back: null,
    maintenance,
  };
}

/** Asked first, and free: with none left, everything else would only be refused, again and again. */
export async function enoughCalls(heroku: Pick<Heroku, 'tokensLeft'>, app: string): Promise<void> {
  const short = callsShort(await heroku.tokensLeft(app));
  if (short) throw new Refusal([short]);
}

/** What Heroku says of the app; null when it shows none. */
export async function herokuSituation(heroku: Heroku, settings: AppSettings): Promise<HerokuSituation | null> {
  const { name } = settings;
  const found = await absent(HerokuRefused, heroku.app(name));
  if (!found) return null;
  const [preboot, formation, releases, builds, sharedDatabases] = await Promise.all([
    heroku.preboot(name),
    heroku.formation(name),
    heroku.releases(name, 20),
    heroku.builds(name, 5),
    heroku.sharedDatabases(name),
  ]);
  const live = releases.find(release => release.current && release.slug);
  const last = builds.find(build => build.status === 'succeeded');
  return {
    url: settings.url ?? found.webUrl ?? `https://${name}.herokuapp.com/`,
    maintenance: found.maintenance,
    space: found.space,
    generation: found.generation,
    preboot,
    formation,
    live: live?.slug
      ? { id: live.id, version: live.version, slug: live.slug, commit: await heroku.slugCommit(name, live.slug) }
      : null,
    openBuilds: builds.filter(build => build.status === 'pending'),
    openReleases: releases.filter(release => release.status === 'pending'),
    sharedDatabases,
    lastBuildSeconds: last ? Math.round((Date.parse(last.updatedAt) - Date.parse(last.createdAt)) / 1000) : null,
  };
}

type Config = Awaited<ReturnType<Heroku['config']>>;

/** What old and new code need at once of the database; null where nobody says what a dyno holds, or it cannot be asked. */
export async function connectionsOf(
  { connections }: Pick<Sources, 'connections'>,
  { name }: AppSettings,
  { formation }: HerokuSituation,
  vars: Promise<Config>,
  declared: number | string | undefined,
): Promise<ConnectionsNeeded | null> {
  const pool = poolOf(await vars.catch(() => ({})), declared);
  const now = pool && (await connections(name).catch(() => null));
  return now && connectionsNeeded(now, pool, formation);
}

async function changesOf(source: SourceHost, { repository }: AppSettings, base: string | null, head: Commit | null) {
  if (!base || !head) return null;
  return absent(NotFound, source.compare(repository, base, head.sha));
}

/** Longer than the prober waits for an answer: that there is none is an answer, too. */
const ASKED_WITHIN_MS = 12_000;
/** Tries to get any answer: a connection that breaks says nothing of what the app's answers tell. */
const TRIES = 3;

/** What the probe reads from the app today, in its first answer. */
export async function askOnce(prober: Prober, url: string, probe: Probe): Promise<Situation['probed']> {
  const signal = AbortSignal.timeout(ASKED_WITHIN_MS);
  const unheard = { status: null, version: null, problem: `no answer within ${ASKED_WITHIN_MS / 1000} s` };
  let answer: Pick<Answer, 'status' | 'version' | 'problem'> = await prober
    .ask(url, probe, signal)
    .catch(() => unheard);
  for (let tries = 1; answer.status === null && tries < TRIES && !signal.aborted; tries++) {
    const again = await prober.ask(url, probe, signal).catch(() => null);
    answer = again ?? answer;
  }
  if (answer.version) {
    return { version: 'release' in answer.version ? `v${answer.version.release}` : answer.version.commit };
  }
  const where = 'header' in probe ? `no ${probe.header} header` : `no ${probe.json} in its JSON`;
  return { problem: answer.problem ?? `${probe.path} answered ${answer.status} with ${where}` };
}

/** Null when the world says that there is no such thing; any other failure stays one. */
export async function absent<T>(kind: typeof NotFound | typeof HerokuRefused, asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    if (error instanceof HerokuRefused && error.status !== 404) throw error;
    return null;
  }
}
