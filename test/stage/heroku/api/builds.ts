import { buildJson, slugJson } from './json.ts';
import { appOf, type Call, created, invalid, notFound, ok, page, Refused, type Routes, text } from './routes.ts';

export const buildRoutes: Routes = {
  'POST /sources': ({ platform, base }) => created(platform.newSource(base)),
  'POST /apps/:app/sources': call => {
    appOf(call);
    return created(call.platform.newSource(call.base));
  },
  'POST /apps/:app/builds': call => {
    const app = appOf(call);
    const blob = call.body.source_blob as Record<string, unknown> | null | undefined;
    const url = text(blob?.url);
    if (!url || !URL.canParse(url)) throw invalid('source_blob.url must be an address.');
    const source = {
      url,
      checksum: text(blob?.checksum),
      version: text(blob?.version),
      version_description: text(blob?.version_description),
    };
    const build = app.build(source, call.user);
    // One at a time is widely reported as the limit; its status is not: 409 [assumed].
    if (!build) throw new Refused(409, 'conflict', 'Another build is already running for this app.');
    return created(buildJson(app, build, call.base));
  },
  'GET /apps/:app/builds': call => {
    const app = appOf(call);
    return page(app.builds, call.range, build => buildJson(app, build, call.base), {
      started_at: build => build.createdAt.getTime(),
    });
  },
  'GET /apps/:app/builds/:build': call => {
    const app = appOf(call);
    return ok(buildJson(app, buildOf(call), call.base));
  },
  'DELETE /apps/:app/builds/:build': call => {
    const app = appOf(call);
    const build = buildOf(call);
    // [assumed: the status]
    if (build.status !== 'pending') throw invalid('The build has ended already.');
    build.cancelled.abort();
    return ok(buildJson(app, build, call.base));
  },
  'GET /apps/:app/slugs/:slug': call => {
    const slug = appOf(call).slug(call.params.slug ?? '');
    if (!slug) throw notFound('slug');
    return ok(slugJson(slug));
  },
};

function buildOf(call: Call) {
  const build = appOf(call).builds.find(known => known.id === call.params.build);
  if (!build) throw notFound('build');
  return build;
}
