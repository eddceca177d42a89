import { startShared } from '../stage/heroku/shared.ts';
import { startStage } from '../stage/stage.ts';
import type { Ask } from './bench.ts';
import { addTinyCommits } from './branches.ts';
import { factOf, startDeploy } from './deploys.ts';
import { type Look, lookAt } from './look.ts';

const SCALE = 3;
const LOOK_MS = 20_000;

/** The bot while so many deploys are in their window. */
export async function whileInWindow(count: number, { say, onEnd }: Pick<Ask, 'say' | 'onEnd'>): Promise<Look> {
  const shared = startShared();
  onEnd(shared.stop);
  const names = Array.from({ length: count }, (_, i) => `app-${i}`);
  const stage = await startStage({ scale: SCALE, channels: names, start: shared.start });
  onEnd(stage.stop);
  const [old = '', fresh = ''] = await addTinyCommits(stage.repository.dir, 2);
  say(`${count} apps are made and deployed …`);
  const apps = await stage.addApps(names, { ref: old });
  // As long as it takes to start them all, and a while more.
  for (const { runtime } of apps) runtime.knobs.bootTimeoutMs = 60_000 + count * 2_000 * SCALE;
  const deploys: string[] = [];
  for (const name of names) deploys.push(await startDeploy(stage, { app: name, ref: fresh }));
  for (const deploy of deploys) await factOf(stage, deploy, 'old serves');
  const look = await lookAt(stage, LOOK_MS);
  await stage.stop();
  return look;
}
