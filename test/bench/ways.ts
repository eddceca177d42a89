import type { HerokuApp } from '../stage/heroku/app.ts';
import type { Stage } from '../stage/stage.ts';
import { NEW, NEW_AT_ONCE, NEW_BY_HAND } from './branches.ts';
import { CONTRACT, close, MIGRATE, psWait, push, runOnce, webIsUp } from './by-hand.ts';
import { factOf, startDeploy } from './deploys.ts';

/** One way of replacing a column together with the code that uses it. Resolves when whoever deploys thinks it is done. */
export type Way = { name: string; preboot: boolean; deploy: (stage: Stage, app: HerokuApp) => Promise<void> };

export const WAYS = {
  a: {
    name: '(a) this bot',
    preboot: true,
    deploy: async (stage, app) => {
      const id = await startDeploy(stage, { app: app.name, ref: NEW });
      await factOf(stage, id, 'approval asked');
      const card = await stage.slack
        .channel(app.name)
        .shows(new RegExp(`Approve what ${app.name} no longer needs`), { withinMs: 60_000 });
      await stage.slack.person('bob').presses('Run them', { on: card });
      await factOf(stage, id, 'ended');
    },
  },
  b: {
    name: '(b) push without preboot, migrations after',
    preboot: false,
    deploy: async (stage, app) => {
      await push(stage, app, NEW_BY_HAND);
      await webIsUp(app);
      await runOnce(app, `${MIGRATE} && ${CONTRACT}`);
    },
  },
  c: {
    name: '(c) push with preboot, all migrations before',
    preboot: true,
    deploy: async (stage, app) => {
      await push(stage, app, NEW_AT_ONCE);
      await psWait(app);
    },
  },
  d: {
    name: '(d) maintenance mode around everything',
    preboot: false,
    deploy: async (stage, app) => {
      close(app, true);
      await push(stage, app, NEW_AT_ONCE);
      await webIsUp(app);
      close(app, false);
    },
  },
  e: {
    name: '(e) `heroku ps:wait`, then the destructive migration',
    preboot: true,
    deploy: async (stage, app) => {
      await push(stage, app, NEW);
      await psWait(app);
      await runOnce(app, CONTRACT);
    },
  },
} as const satisfies Record<string, Way>;
