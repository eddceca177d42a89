import { randomUUID } from 'node:crypto';
import type { HerokuApp, ReleaseModel, SlugModel } from '../app.ts';
import { runnable } from '../app.ts';
import { buildJson, dynoJson, releaseJson, slugJson } from './json.ts';
import {
  accepted,
  appOf,
  type Call,
  created,
  invalid,
  notFound,
  ok,
  page,
  Refused,
  type Reply,
  type Routes,
} from './routes.ts';

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const releaseRoutes: Routes = {
  'POST /sources': ({ platform, base }) => created(platform.newSource(base)),
  'POST /apps/:app/sources': call => {
    appOf(call);
    return created(call.platform.newSource(call.base));
  },
  'POST /apps/:app/builds': call => {
    const app = appOf(call);
    const blob = call.body.source_blob as Record<string, unknown> | undefined;
    const url = text(blob?.url);
    if (!url) throw invalid('source_blob.url is required.');
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
    const listed = page(app.builds, call.range, {
      id: build => build.id,
      started_at: build => build.createdAt.getTime(),
    });
    return { ...listed, json: listed.items.map(build => buildJson(app, build, call.base)) };
  },
  'GET /apps/:app/builds/:build': call => {
    const app = appOf(call);
    return ok(buildJson(app, buildOf(app, call), call.base));
  },
  'DELETE /apps/:app/builds/:build': call => {
    const app = appOf(call);
    const build = buildOf(app, call);
    if (build.status === 'pending') build.cancelled.abort();
    return ok(buildJson(app, build, call.base));
  },
  'GET /apps/:app/slugs/:slug': call => ok(slugJson(slugOf(appOf(call), call.params.slug ?? ''))),
  'GET /apps/:app/releases': call => {
    const app = appOf(call);
    const keys = { id: (known: ReleaseModel) => known.id, version: (known: ReleaseModel) => known.version };
    const listed = page(app.releases, call.range, keys);
    return { ...listed, json: listed.items.map(release => releaseJson(app, release, call.base)) };
  },
  'GET /apps/:app/releases/:release': call => {
    const app = appOf(call);
    return ok(releaseJson(app, releaseOf(app, call), call.base));
  },
  'GET /apps/:app/releases/:release/config-vars': call => ok(releaseOf(appOf(call), call).config),
  'POST /apps/:app/releases': call => created(makeRelease(call)),
  'GET /apps/:app/dynos': call => {
    const app = appOf(call);
    return ok(app.runtime.dynos().map(dyno => dynoJson(app, dyno)));
  },
  'GET /apps/:app/dynos/:dyno': call => {
    const app = appOf(call);
    const wanted = call.params.dyno;
    const dyno = app.runtime.dynos().find(known => known.id === wanted || known.name === wanted);
    if (!dyno) throw notFound('dyno');
    return ok(dynoJson(app, dyno));
  },
  'POST /apps/:app/dynos': runDyno,
  'DELETE /apps/:app/dynos': call => {
    appOf(call).runtime.restart();
    return accepted;
  },
  'DELETE /apps/:app/dynos/:dyno': call => {
    const name = call.params.dyno ?? '';
    const { runtime } = appOf(call);
    if (!runtime.dynos().some(dyno => dyno.name === name)) throw notFound('dyno');
    runtime.restart({ name });
    return accepted;
  },
  'DELETE /apps/:app/formations/:type': call => {
    appOf(call).runtime.restart({ type: call.params.type ?? '' });
    return accepted;
  },
  'POST /apps/:app/dynos/:dyno/actions/stop': call => {
    if (!appOf(call).runtime.stop(call.params.dyno ?? '')) throw notFound('dyno');
    return accepted;
  },
  'POST /apps/:app/log-sessions': call => {
    const app = appOf(call);
    const { lines = 100, tail = false, source, dyno, dyno_name: name, type } = call.body;
    if (!Number.isInteger(lines) || Number(lines) < 1 || Number(lines) > 1500)
      throw invalid('Lines must be 1 to 1500.');
    const filter = {
      lines: Number(lines),
      tail: tail === true,
      ...(text(source) && { source: String(source) }),
      ...((text(name) ?? text(dyno)) && { dyno: String(name ?? dyno) }),
      ...(text(type) && { type: String(type) }),
    };
    return created(call.platform.newLogSession(app, filter, call.base));
  },
};

function makeRelease(call: Call): object {
  const app = appOf(call);
  const { release: wanted, slug, description } = call.body;
  if (typeof wanted === 'string') {
    const target = app.releases.find(known => known.id === wanted || String(known.version) === wanted);
    if (!target) throw notFound('release');
    if (!app.canRollBackTo(target)) throw invalid(`Release v${target.version} is not eligible for rollback.`);
    app.say(`Rollback to v${target.version} by user ${call.user.email}`);
    app.config = { ...target.config };
    const made = app.release({ description: `Rollback to v${target.version}`, slug: target.slug, user: call.user });
    return releaseJson(app, made, call.base);
  }
  if (typeof slug !== 'string') throw invalid('Slug or release is required.');
  const found = slugOf(app, slug);
  const named = text(description) ?? `Deploy ${(found.commit ?? found.id).slice(0, 8)}`;
  return releaseJson(app, app.release({ description: named, slug: found, user: call.user }), call.base);
}

/** Only detached: attaching is a stream of its own. */
function runDyno(call: Call): Reply {
  const app = appOf(call);
  const { command, attach, env, size, type } = call.body;
  if (typeof command !== 'string' || command === '') throw invalid('Command is required.');
  if (attach === true) throw invalid('Attaching is not supported here. Run it detached.');
  const release = app.current;
  if (!release?.slug) throw new Refused(409, 'conflict', 'There is no release to run yet.');
  const { dyno } = app.runtime.oneOff({
    release: runnable(release, release.slug),
    type: 'run',
    name: app.nextName('run'),
    command,
    size: text(size) ?? 'Standard-1X',
    ...(typeof env === 'object' && env !== null && { env: env as Record<string, string> }),
  });
  return created(dynoJson(app, { ...dyno, type: text(type) ?? dyno.type, id: dyno.id || randomUUID() }));
}

function buildOf(app: HerokuApp, { params }: Call) {
  const build = app.builds.find(known => known.id === params.build);
  if (!build) throw notFound('build');
  return build;
}

function releaseOf(app: HerokuApp, { params }: Call): ReleaseModel {
  const wanted = params.release ?? '';
  const release = app.releases.find(known => known.id === wanted || String(known.version) === wanted);
  if (!release) throw notFound('release');
  return release;
}

function slugOf(app: HerokuApp, id: string): SlugModel {
  const slug = app.builds.find(build => build.slug?.id === id)?.slug;
  if (!slug) throw notFound('slug');
  return slug;
}
