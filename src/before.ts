import { latest } from './domain/deploy.ts';
import { illBefore, isThin } from './domain/health-gate.ts';
import type { Run } from './run.ts';

// How an app was before anything was done to it: what new code is compared with.

/** A log that says little is listened to for so many seconds more, where the deploy begins at once with what may be felt. */
const LISTEN_S = 5;

/** Begins to listen; not once that is over. */
export function listenBefore(run: Run): void {
  const { id, plan } = run.deploy;
  if (plan.maintenance || latest(run.deploy, 'before')) return;
  run.outside.watcher.begin({
    ...{ deploy: id, app: plan.app, url: plan.url, probe: plan.probe },
    live: plan.live.version,
  });
}

/** To be called right before the first thing that visitors could feel, never after it: how the app was until then is kept. */
export async function recordBefore(run: Run): Promise<void> {
  const sample = run.outside.watcher.before(run.deploy.id);
  if (!sample || latest(run.deploy, 'before') || latest(run.deploy, 'migrating')) return;
  await run.record({ kind: 'before', sample, ill: illBefore(sample) });
}

/** The same where nothing has been listened to yet. */
export async function listenThenRecord(run: Run): Promise<void> {
  const { watcher, time } = run.outside;
  for (let seconds = 0; seconds < LISTEN_S; seconds++) {
    const sample = watcher.before(run.deploy.id);
    if (!sample || latest(run.deploy, 'migrating') || !isThin(sample)) break;
    await time.pass(1_000, run.signal);
  }
  await recordBefore(run);
}
