import { addonJson, attachmentJson } from './json.ts';
import { appOf, type Call, notFound, ok, page, type Routes } from './routes.ts';

const same = (json: object): object => json;

export const addonRoutes: Routes = {
  'GET /addons': call =>
    page(
      call.platform.apps.flatMap(app => app.addons.map(addon => addonJson(app, addon))),
      call.range,
      same,
    ),
  'GET /addons/:addon': call => {
    const { owner, addon } = addonOf(call);
    return ok(addonJson(owner, addon));
  },
  'GET /addons/:addon/addon-attachments': call => {
    const { addon } = addonOf(call);
    return page(
      attachments(call).filter(attachment => attachment.addon.id === addon.id),
      call.range,
      same,
    );
  },
  'GET /apps/:app/addons': call => {
    const app = appOf(call);
    return page(
      app.addons.map(addon => addonJson(app, addon)),
      call.range,
      same,
    );
  },
  'GET /apps/:app/addons/:addon': call => {
    const app = appOf(call);
    const { owner, addon } = addonOf(call);
    if (!addon.attachedTo.has(app.name)) throw notFound('add-on');
    return ok(addonJson(owner, addon));
  },
  'GET /addon-attachments': call => page(attachments(call), call.range, same),
  'GET /apps/:app/addon-attachments': call => {
    const app = appOf(call);
    return page(
      attachments(call).filter(attachment => attachment.app.id === app.id),
      call.range,
      same,
    );
  },
};

function addonOf({ platform, params }: Call) {
  const wanted = params.addon ?? '';
  for (const owner of platform.apps) {
    const addon = owner.addons.find(known => known.id === wanted || known.name === wanted);
    if (addon) return { owner, addon };
  }
  throw notFound('add-on');
}

function attachments({ platform }: Call) {
  return platform.apps.flatMap(owner =>
    owner.addons.flatMap(addon =>
      platform.apps.filter(app => addon.attachedTo.has(app.name)).map(app => attachmentJson(owner, addon, app)),
    ),
  );
}
