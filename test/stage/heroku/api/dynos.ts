import { runnable } from '../app.ts';
import type { DynoView } from '../contract.ts';
import { LONGEST_LIFE_S } from '../runtime.ts';
import { entryOf, sizeOf } from './formation.ts';
import { dynoJson } from './json.ts';
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
  text,
} from './routes.ts';

export const dynoRoutes: Routes = {
  'GET /apps/:app/dynos': call => {
    const app = appOf(call);
    return page(app.runtime.dynos(), call.range, dyno => dynoJson(app, dyno), { name: dyno => dyno.name });
  },
  'GET /apps/:app/dynos/:dyno': call => ok(dynoJson(appOf(call), dynoOf(call))),
  'POST /apps/:app/dynos': runDyno,
  'DELETE /apps/:app/dynos': call => {
    appOf(call).runtime.restart();
    return accepted;
  },
  'DELETE /apps/:app/dynos/:dyno': call => {
    const { name } = dynoOf(call);
    appOf(call).runtime.restart({ name });
    return accepted;
  },
  'DELETE /apps/:app/formations/:type': call => {
    const app = appOf(call);
    const { type } = entryOf(app, call.params.type ?? '');
    app.runtime.restart({ type });
    return accepted;
  },
  'POST /apps/:app/dynos/:dyno/actions/stop': call => {
    appOf(call).runtime.stop(dynoOf(call).id);
    return accepted;
  },
  'POST /apps/:app/formations/:type/actions/stop': call => {
    const app = appOf(call);
    const { type } = entryOf(app, call.params.type ?? '');
    for (const dyno of app.runtime.dynos()) if (dyno.type === type) app.runtime.stop(dyno.id);
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

function dynoOf(call: Call): DynoView {
  const wanted = call.params.dyno;
  const dyno = appOf(call)
    .runtime.dynos()
    .find(known => known.id === wanted || known.name === wanted);
  if (!dyno) throw notFound('dyno');
  return dyno;
}

/** Always on the current release, whatever its release phase or preboot are doing. There is no terminal, as with `force_no_tty`. */
function runDyno(call: Call): Reply {
  const app = appOf(call);
  const { command, attach, env, size, time_to_live: timeToLive = LONGEST_LIFE_S } = call.body;
  if (typeof command !== 'string' || command === '') throw invalid('Command is required.');
  if (typeof timeToLive !== 'number' || !(timeToLive > 0 && timeToLive <= LONGEST_LIFE_S))
    throw invalid(`Time to live must be 1 to ${LONGEST_LIFE_S}.`);
  const release = app.current;
  if (!release?.slug) throw new Refused(409, 'conflict', 'There is no release to run yet.');
  app.say(`Starting process with command \`${command}\` by user ${call.user.email}`);
  const { dyno } = app.runtime.oneOff({
    release: runnable(release, release.slug),
    type: 'run',
    name: app.nextName('run'),
    command,
    size: sizeOf(size ?? 'Standard-1X'),
    timeToLive,
    ...(attach === true && { meeting: call.platform.rendezvous.meet() }),
    ...(typeof env === 'object' && env !== null && { env: env as Record<string, string> }),
  });
  return created(dynoJson(app, dyno));
}
