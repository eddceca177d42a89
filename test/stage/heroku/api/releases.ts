import type { ReleaseModel } from '../app.ts';
import { releaseJson } from './json.ts';
import { appOf, type Call, created, invalid, notFound, ok, page, type Routes, text } from './routes.ts';

export const releaseRoutes: Routes = {
  'GET /apps/:app/releases': call => {
    const app = appOf(call);
    return page(app.releases, call.range, release => releaseJson(app, release, call.base), {
      version: release => release.version,
    });
  },
  'GET /apps/:app/releases/:release': call =>
    ok(releaseJson(appOf(call), releaseOf(call, call.params.release ?? ''), call.base)),
  'GET /apps/:app/releases/:release/config-vars': call => ok(releaseOf(call, call.params.release ?? '').config),
  'POST /apps/:app/releases': call => {
    const { release, slug } = call.body;
    if (typeof release === 'string') return created(rollBack(call, releaseOf(call, release)));
    if (typeof slug === 'string') return created(releaseSlug(call, slug));
    throw invalid('Slug or release is required.');
  },
};

/** By id or version. */
function releaseOf(call: Call, wanted: string): ReleaseModel {
  const release = appOf(call).releases.find(known => known.id === wanted || String(known.version) === wanted);
  if (!release) throw notFound('release');
  return release;
}

function rollBack(call: Call, target: ReleaseModel): object {
  const app = appOf(call);
  const { user } = call;
  if (!app.canRollBackTo(target)) throw invalid(`Release v${target.version} is not eligible for rollback.`);
  app.say(`Rollback to v${target.version} by user ${user.email}`);
  app.config = { ...target.config };
  const made = app.release({ description: `Rollback to v${target.version}`, slug: target.slug, user });
  return releaseJson(app, made, call.base);
}

function releaseSlug(call: Call, id: string): object {
  const app = appOf(call);
  const slug = app.slug(id);
  if (!slug) throw notFound('slug');
  const description = text(call.body.description) ?? `Deploy ${(slug.commit ?? slug.id).slice(0, 8)}`;
  return releaseJson(app, app.release({ description, slug, user: call.user }), call.base);
}
