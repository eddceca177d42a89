import { Refusal } from '../domain/refusal.ts';
import type { Heroku } from '../outside.ts';
import { connectHeroku } from './heroku.ts';

/** So long a token that was looked up is used without looking again. */
const ASK_AGAIN_MS = 5_000;

/** Heroku with the token that an app has of its own, or else with the usual one. */
export function connectHerokuByApp(ask: {
  url: string;
  token: string;
  tokenOf: (app: string) => Promise<string | null>;
}): Heroku {
  const { url, tokenOf } = ask;
  const clients = new Map<string, Heroku>();
  const known = new Map<string, { heroku: Heroku; at: number }>();
  const withToken = (token: string): Heroku => {
    const client = clients.get(token) ?? connectHeroku({ url, token });
    clients.set(token, client);
    return client;
  };

  const of = async (app: string): Promise<Heroku> => {
    const last = known.get(app);
    if (last && performance.now() - last.at < ASK_AGAIN_MS) return last.heroku;
    let heroku: Heroku;
    try {
      heroku = withToken((await tokenOf(app)) ?? ask.token);
    } catch (error) {
      // The database is away: what it said last still holds.
      if (last && !(error instanceof Refusal)) return last.heroku;
      throw error;
    }
    known.set(app, { heroku, at: performance.now() });
    return heroku;
  };
  type Call<A extends unknown[], T> = (app: string, ...rest: A) => Promise<T>;
  const byApp =
    <A extends unknown[], T>(method: (heroku: Heroku) => Call<A, T>): Call<A, T> =>
    async (app, ...rest) =>
      method(await of(app))(app, ...rest);

  return {
    app: byApp(heroku => heroku.app),
    preboot: byApp(heroku => heroku.preboot),
    formation: byApp(heroku => heroku.formation),
    dynos: byApp(heroku => heroku.dynos),
    releases: byApp(heroku => heroku.releases),
    release: byApp(heroku => heroku.release),
    slugCommit: byApp(heroku => heroku.slugCommit),
    builds: byApp(heroku => heroku.builds),
    build: byApp(heroku => heroku.build),
    config: byApp(heroku => heroku.config),
    configSeen: byApp(heroku => heroku.configSeen),
    sharedDatabases: byApp(heroku => heroku.sharedDatabases),
    tokensLeft: byApp(heroku => heroku.tokensLeft),
    uploadSource: byApp(heroku => heroku.uploadSource),
    startBuild: byApp(heroku => heroku.startBuild),
    cancelBuild: byApp(heroku => heroku.cancelBuild),
    setMaintenance: byApp(heroku => heroku.setMaintenance),
    scale: byApp(heroku => heroku.scale),
    rollBack: byApp(heroku => heroku.rollBack),
    buildEnded: byApp(heroku => heroku.buildEnded),
    releaseEnded: byApp(heroku => heroku.releaseEnded),
    startOneOff: byApp(heroku => heroku.startOneOff),
    stopDyno: byApp(heroku => heroku.stopDyno),
    openLog: async function* (app, signal, onWhole) {
      yield* (await of(app)).openLog(app, signal, onWhole);
    },
  };
}
