import type { HerokuApp } from '../app.ts';
import { accountJson, addonJson, appJson, attachmentJson, featureJson, formationJson } from './json.ts';
import { appOf, type Call, invalid, notFound, ok, page, type Reply, type Routes } from './routes.ts';

/** Preboot is for these only (preboot article, 2024-10). Heroku's status for others is not documented: 422 [assumed]. */
const PREBOOT_SIZES = /^(standard|performance)/i;

const appAnswer = (call: Call): Reply => ok(appJson(appOf(call), call.user));

export const appRoutes: Routes = {
  'GET /account': ({ user, platform }) => ok(accountJson(user, platform.startedAt)),
  'GET /account/rate-limits': ({ platform }) => ok({ remaining: platform.bucket.remaining }),
  'GET /apps': call => {
    const listed = page(call.platform.apps, call.range, { id: app => app.id, name: app => app.name });
    return { ...listed, json: listed.items.map(app => appJson(app, call.user)) };
  },
  'GET /apps/:app': appAnswer,
  'PATCH /apps/:app': call => {
    const app = appOf(call);
    const { maintenance } = call.body;
    if (maintenance !== undefined) {
      if (typeof maintenance !== 'boolean') throw invalid('Maintenance must be true or false.');
      app.maintenance = maintenance;
      app.updatedAt = new Date();
      app.runtime.setMaintenance(maintenance);
    }
    return appAnswer(call);
  },
  'GET /apps/:app/features': call => ok([featureJson(appOf(call))]),
  'GET /apps/:app/features/:feature': call => {
    const app = appOf(call);
    if (call.params.feature !== 'preboot') throw notFound('feature');
    return ok(featureJson(app));
  },
  'PATCH /apps/:app/features/:feature': call => {
    const app = appOf(call);
    const { enabled } = call.body;
    if (call.params.feature !== 'preboot') throw notFound('feature');
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
  'GET /apps/:app/formation': call => {
    const app = appOf(call);
    return ok(app.formation.map(entry => formationJson(app, entry)));
  },
  'GET /apps/:app/formation/:type': call => {
    const app = appOf(call);
    return ok(formationJson(app, entryOf(app, call.params.type ?? '')));
  },
  'PATCH /apps/:app/formation': call => {
    const app = appOf(call);
    const { updates } = call.body;
    if (!Array.isArray(updates)) throw invalid('Updates must be a list.');
    return ok(scale(app, call, updates));
  },
  'PATCH /apps/:app/formation/:type': call => {
    const app = appOf(call);
    return ok(scale(app, call, [{ ...call.body, type: call.params.type }])[0]);
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
  'GET /addons': ({ platform }) => ok(platform.apps.flatMap(app => app.addons.map(addon => addonJson(app, addon)))),
  'GET /apps/:app/addons': call => {
    const app = appOf(call);
    return ok(app.addons.map(addon => addonJson(app, addon)));
  },
  'GET /addons/:addon': call => {
    const { owner, addon } = addonOf(call);
    return ok(addonJson(owner, addon));
  },
  'GET /addons/:addon/addon-attachments': call => {
    const { owner, addon } = addonOf(call);
    return ok(attachedApps(call, addon.attachedTo).map(app => attachmentJson(owner, addon, app)));
  },
  'GET /apps/:app/addon-attachments': call => {
    const app = appOf(call);
    const attached = call.platform.apps.flatMap(owner =>
      owner.addons.filter(addon => addon.attachedTo.has(app.name)).map(addon => attachmentJson(owner, addon, app)),
    );
    return ok(attached);
  },
  'GET /apps/:app/collaborators': call => {
    const app = appOf(call);
    const at = app.createdAt.toISOString();
    const who = { app: { id: app.id, name: app.name }, user: { ...call.user, federated: false }, permissions: [] };
    return ok([{ ...who, id: app.id, role: 'owner', created_at: at, updated_at: at }]);
  },
  'GET /apps/:app/pipeline-couplings': call => {
    appOf(call);
    throw notFound('pipeline coupling');
  },
};

function entryOf(app: HerokuApp, type: string): HerokuApp['formation'][number] {
  const entry = app.formation.find(known => known.type === type);
  if (!entry) throw notFound('process type');
  return entry;
}

/** The CLI sends `size` where the schema says `dyno_size.name`: both are taken. */
function scale(app: HerokuApp, { user }: Call, updates: unknown[]): object[] {
  const changed = updates.map(update => {
    const { type, quantity, size, dyno_size: named } = update as Record<string, unknown>;
    const entry = entryOf(app, String(type));
    const counted = quantity === undefined ? entry.quantity : quantityOf(quantity, entry.quantity);
    const wanted = size ?? (named as { name?: unknown } | undefined)?.name;
    return { entry, quantity: counted, size: String(wanted ?? entry.size) };
  });
  for (const { entry, quantity, size } of changed) {
    Object.assign(entry, { quantity, size, updatedAt: new Date() });
    app.say(`Scaled to ${entry.type}@${quantity}:${size} by user ${user.email}`);
  }
  app.runtime.scale(changed.map(({ entry }) => entry));
  return changed.map(({ entry }) => formationJson(app, entry));
}

/** The CLI sends text, `3`, and `+1` for one more than now. */
function quantityOf(asked: unknown, now: number): number {
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(String(asked)) ?? [];
  if (!digits) throw invalid('Quantity must be a whole number.');
  return Math.max(0, sign ? now + Number(`${sign}${digits}`) : Number(digits));
}

function addonOf({ platform, params }: Call) {
  const wanted = params.addon ?? '';
  for (const owner of platform.apps) {
    const addon = owner.addons.find(known => known.id === wanted || known.name === wanted);
    if (addon) return { owner, addon };
  }
  throw notFound('add-on');
}

const attachedApps = ({ platform }: Call, names: ReadonlySet<string>): HerokuApp[] =>
  platform.apps.filter(app => names.has(app.name));
