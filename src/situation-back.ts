import type { AppSettings } from './domain/app.ts';
import { DEFAULT_PROBE } from './domain/app.ts';
import { type Back, candidatesOf, chooseBack, configSince, LOOKED_AT } from './domain/back.ts';
import type { Situation } from './domain/situation.ts';
import { readSwitchoverFile } from './domain/switchover-file.ts';
import { NotFound } from './outside.ts';
import { absent, askOnce, connectionsOf, enoughCalls, herokuSituation, type Sources } from './situation.ts';

/** What a plan that goes back must know: to a release by its number, or to the newest other code. */
export async function gatherBack(
  sources: Sources,
  settings: AppSettings,
  version: number | null,
  {
    isNext,
    floor,
    locks,
    asker,
    maintenance,
  }: Pick<Situation, 'isNext' | 'locks' | 'asker' | 'maintenance'> & { floor: number | null },
): Promise<Situation | { refused: string[] }> {
  const { heroku, source, prober } = sources;
  const { name, repository } = settings;
  await enoughCalls(heroku, name);
  const [app, releases] = await Promise.all([herokuSituation(heroku, settings), heroku.releases(name, LOOKED_AT)]);
  const candidates = candidatesOf(releases, floor);
  const chosen = chooseBack(candidates, version);
  if ('refused' in chosen) return chosen;
  const { release } = chosen;
  const sha = release.slug ? await heroku.slugCommit(name, release.slug) : null;
  const live = app?.live?.commit ?? null;
  const [commit, gone, file] = sha
    ? await Promise.all([
        absent(NotFound, source.commit(repository, sha)),
        live ? absent(NotFound, source.compare(repository, sha, live)) : null,
        absent(NotFound, source.file(repository, sha, 'switchover.json')),
      ])
    : [null, null, null];
  const { probe: declared, smoke, connections } = readSwitchoverFile(file);
  const probe = declared ?? settings.probe ?? DEFAULT_PROBE;
  const back: Back = {
    ...{ id: release.id, version: release.version },
    gone: gone && { commits: gone.commits, total: gone.total },
    config: configSince(releases, release.version),
    candidates: candidates.flatMap(({ release: { version, description, by, createdAt }, refused }) =>
      refused === null ? [{ version, description, by, createdAt }] : [],
    ),
  };
  return {
    settings,
    ref: `v${release.version}`,
    commit: commit ?? { sha: sha ?? '', subject: release.description, author: release.by },
    heroku: app,
    changes: null,
    probe,
    probeDeclared: Boolean(declared ?? settings.probe),
    probed: app ? await askOnce(prober, app.url, probe) : { problem: 'there is no app to ask' },
    problems: [],
    migrations: null,
    migrationWarnings: [],
    held: [],
    soakSeconds: 0,
    smoke,
    connections: app ? await connectionsOf(sources, settings, app, heroku.config(name), connections) : null,
    isNext,
    locks,
    asker,
    back,
    maintenance,
  };
}
