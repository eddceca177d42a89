import { accountJson, appJson, collaboratorJson, featureJson } from './json.ts';
import { appOf, type Call, invalid, notFound, ok, page, type Reply, type Routes } from './routes.ts';

/** Preboot is for these only (preboot article, 2024-10). Heroku's status for others is not documented: 422 [assumed]. */
const PREBOOT_SIZES = /^(standard|performance)/i;

const appAnswer = (call: Call): Reply => ok(appJson(appOf(call), call.user));
const same = (json: object): object => json;

export const appRoutes: Routes = {
  'GET /account': ({ user, platform }) => ok(accountJson(user, platform.startedAt)),
  'GET /account/rate-limits': ({ platform }) => ok({ remaining: platform.bucket.remaining }),
  'GET /apps': ({ platform, range, user }) =>
    page(platform.apps, range, app => appJson(app, user), { name: app => app.name }),
  'GET /apps/:app': appAnswer,
  'PATCH /apps/:app': call => {
    const app = appOf(call);
    const { maintenance, ...others } = call.body;
    const [other] = Object.keys(others);
    if (other) throw invalid(`${other} cannot be changed here.`);
    if (typeof maintenance !== 'boolean') throw invalid('Maintenance must be true or false.');
    app.maintenance = maintenance;
    app.updatedAt = new Date();
    app.runtime.setMaintenance(maintenance);
    return appAnswer(call);
  },
  'GET /apps/:app/features': call => page([featureJson(appOf(call))], call.range, same),
  'GET /apps/:app/features/:feature': call => ok(featureJson(featured(call))),
  'PATCH /apps/:app/features/:feature': call => {
    const app = featured(call);
    const { enabled } = call.body;
    if (typeof enabled !== 'boolean') throw invalid('Enabled must be true or false.');
    const web = app.formation.find(entry => entry.type === 'web');
    if (enabled && !PREBOOT_SIZES.test(web?.size ?? '')) {
      throw invalid('Preboot is not available for this dyno type.');
    }
    app.preboot = enabled;
    app.preboots.updatedAt = new Date();
    app.runtime.setPreboot(enabled);
    return ok(featureJson(app));
  },
  'GET /apps/:app/config-vars': call => ok(appOf(call).config),
  'PATCH /apps/:app/config-vars': call => {
    const app = appOf(call);
    const changes = Object.entries(call.body);
    if (changes.some(([, value]) => value !== null && typeof value !== 'string'))
      throw invalid('Values must be strings.');
    if (changes.length > 0) app.setConfig(call.body as Record<string, string | null>, call.user);
    return ok(app.config);
  },
  'GET /apps/:app/collaborators': call => page([collaboratorJson(appOf(call), call.user)], call.range, same),
  'GET /apps/:app/pipeline-couplings': call => {
    appOf(call);
    throw notFound('pipeline coupling');
  },
};

/** There is one feature: preboot, by its name or id. */
function featured(call: Call) {
  const app = appOf(call);
  const { id, name } = featureJson(app);
  const { feature } = call.params;
  if (feature !== name && feature !== id) throw notFound('feature');
  return app;
}
