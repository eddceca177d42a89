import { configSecrets, type Secret } from '../domain/redaction.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Heroku } from '../outside.ts';
import { connectHeroku, type HerokuOfOneToken } from './heroku.ts';

/** So long a token that was looked up is used without looking again. */
const ASK_AGAIN_MS = 5_000;

/** Heroku with the token that an app has of its own, or else with the usual one. */
export function connectHerokuByApp(ask: {
  url: string;
  token: string;
  tokenOf: (app: string) => Promise<string | null>;
}): Heroku {
  const { url, tokenOf } = ask;
  const clients = new Map<string, HerokuOfOneToken>();
  const known = new Map<string, { heroku: HerokuOfOneToken; at: number }>();
  /** By app and not by token: what was seen with another one is as secret. */
  const configSeen = new Map<string, Map<string, Secret>>();
  const withToken = (token: string): HerokuOfOneToken => {
    const client = clients.get(token) ?? connectHeroku({ url, token });
    clients.set(token, client);
    return client;
  };

  const of = async (app: string): Promise<HerokuOfOneToken> => {
    const last = known.get(app);
    if (last && performance.now() - last.at < ASK_AGAIN_MS) return last.heroku;
    let heroku: HerokuOfOneToken;
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
    <A extends unknown[], T>(method: (heroku: HerokuOfOneToken) => Call<A, T>): Call<A, T> =>
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
    config: async app => {
      const config = await (await of(app)).config(app);
      const seen = configSeen.get(app) ?? new Map<string, Secret>();
      for (const secret of configSecrets(config)) seen.set(`${secret.name}=${secret.value}`, secret);
      configSeen.set(app, seen);
      return config;
    },
    configSeen: async app => [...(configSeen.get(app)?.values() ?? [])],
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
