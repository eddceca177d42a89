import { delimiter, dirname, join } from 'node:path';
import type { RunnableRelease } from './contract.ts';

export type AppIdentity = { id: string; name: string; domain: string };

/**
 * What a dyno's processes see: a bare system, the release's config vars, then the dyno's own (dyno-metadata article,
 * with both labs features on). Nothing of the environment of the stage itself.
 */
export function dynoEnvironment(
  app: AppIdentity,
  release: RunnableRelease,
  dyno: { id: string; name: string; port: number | null },
): Record<string, string> {
  const { slug } = release;
  return {
    PATH: [dirname(process.execPath), join(slug.dir, 'node_modules/.bin'), '/usr/bin', '/bin'].join(delimiter),
    HOME: slug.dir,
    ...release.config,
    ...(dyno.port === null ? {} : { PORT: String(dyno.port) }),
    DYNO: dyno.name,
    HEROKU_APP_ID: app.id,
    HEROKU_APP_NAME: app.name,
    HEROKU_APP_DEFAULT_DOMAIN_NAME: app.domain,
    HEROKU_DYNO_ID: dyno.id,
    HEROKU_RELEASE_VERSION: `v${release.version}`,
    HEROKU_RELEASE_CREATED_AT: release.createdAt.toISOString(),
    ...(slug.commit === null
      ? {}
      : {
          HEROKU_SLUG_COMMIT: slug.commit,
          HEROKU_SLUG_DESCRIPTION: `Deploy ${slug.commit.slice(0, 8)}`,
          HEROKU_BUILD_COMMIT: slug.commit,
        }),
  };
}
