import { setTimeout as sleep } from 'node:timers/promises';
import { commitOf, packCommit } from '../stage/apps/shop.ts';
import { type HerokuApp, runnable } from '../stage/heroku/app.ts';
import type { Stage } from '../stage/stage.ts';
import { until } from './bench.ts';

// What people do without the bot: push, wait by a rule, run a command.

/** `heroku ps:wait` looks no more often (`--wait-interval`, at least 10 s). */
const PS_WAIT_EVERY_MS = 10_000;

/** `git push heroku`: resolves when the release has succeeded, or failed. */
export async function push({ heroku, repository }: Stage, app: HerokuApp, ref: string): Promise<void> {
  const sha = await commitOf(repository.dir, ref);
  const before = app.releases.length;
  const deployed = heroku.deploy(app, await packCommit(repository.dir, sha), sha);
  // What comes after the release is up to the way: this one waits for its web dynos.
  deployed.catch(() => {});
  await until('the release', 60_000, () => app.releases.length > before && app.current === app.releases.at(-1));
}

/** The rule of `heroku ps:wait` (heroku 11, src/commands/ps/wait.ts): all dynos listed are up, on the newest release. */
export async function psWait(app: HerokuApp): Promise<void> {
  const newest = app.releases.at(-1)?.version ?? 0;
  const isDone = (): boolean =>
    app.runtime
      .dynos()
      .filter(({ type }) => type !== 'release' && type !== 'run')
      .every(({ state, release }) => state === 'up' && release.version >= newest);
  while (!isDone()) await sleep(PS_WAIT_EVERY_MS);
}

export const MIGRATE = 'node_modules/.bin/node-pg-migrate up';
export const CONTRACT = `${MIGRATE} -m migrations/contract -t pgmigrations_contract`;

/** `heroku run`: a one-off dyno of the newest release. */
export async function runOnce(app: HerokuApp, command: string): Promise<void> {
  const { current } = app;
  if (!current?.slug) throw new Error(`${app.name} has no release`);
  let output = '';
  const { exited } = app.runtime.oneOff({
    release: runnable(current, current.slug),
    type: 'run',
    name: app.nextName('run'),
    command,
    size: 'Standard-1X',
    onOutput: chunk => {
      output += chunk;
    },
  });
  if ((await exited) !== 0) throw new Error(`${command} failed:\n${output}`);
}

/** Resolves when its web dynos are up. */
export const webIsUp = (app: HerokuApp): Promise<void> =>
  until('web dynos up', 120_000, () => {
    const web = app.runtime.dynos().filter(({ type }) => type === 'web');
    return web.length > 0 && web.every(({ state }) => state === 'up');
  });

export function close(app: HerokuApp, on: boolean): void {
  app.maintenance = on;
  app.runtime.setMaintenance(on);
}
