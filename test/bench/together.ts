import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Store } from '../../src/adapters/store.ts';
import { rootMessage } from '../../views/root.ts';
import { startShared } from '../stage/heroku/shared.ts';
import { type Stage, startStage } from '../stage/stage.ts';
import { type Ask, until } from './bench.ts';
import { addTinyCommits } from './branches.ts';
import { most } from './statistics.ts';

const SCALE = 6;
const LONGEST_MS = 10 * 60_000;
const LOOK_EVERY_MS = 250;

/** The oldest that any root message was: how long it did not show what had happened, s. And the calls that Slack refused. */
export type Told = { oldest: number; refused: number };

/** So many deploys start at once and are told in one channel, by a Slack that keeps its limits. */
export async function toldTogether(count: number, { say, onEnd }: Pick<Ask, 'say' | 'onEnd'>): Promise<Told> {
  const shared = startShared();
  onEnd(shared.stop);
  let refused = 0;
  const stage = await startStage({
    ...{ scale: SCALE, channels: ['all'], start: shared.start, limits: true },
    onSlack: ({ status, method }) => {
      if (status === 429 && method.startsWith('chat.')) refused++;
    },
  });
  onEnd(stage.stop);
  const [old = '', fresh = ''] = await addTinyCommits(stage.repository.dir, 2);
  const names = Array.from({ length: count }, (_, i) => `app-${i}`);
  say(`${count} apps are made …`);
  await stage.addApps(names, { ref: old, settings: { channel: 'C0ALL' } });
  const ann = stage.slack.person('ann');
  const plans = [];
  for (const name of names) {
    await ann.types(`/deploy ${name} ${fresh}`, { channel: 'all' });
    plans.push(await ann.sees(new RegExp(`Deploy ${name}\\?`), { withinMs: 60_000 }));
  }
  say('… and deployed');
  const looking = ages(stage, count);
  await Promise.all(plans.map(plan => ann.presses('Start', { on: plan })));
  const oldest = most(await looking);
  await stage.stop();
  return { oldest, refused };
}

/** Looks until all have ended and are told; gives every age that was seen, s. */
async function ages({ database }: Stage, count: number): Promise<number[]> {
  const store = new Store(database);
  const seen: number[] = [];
  const staleSince = new Map<string, number>();
  await until('all deploys are told', LONGEST_MS, async () => {
    await sleep(LOOK_EVERY_MS);
    const { rows } = await database.query<{ id: string; hash: string | null; ended: boolean }>(
      `SELECT id, hash, ended_at IS NOT NULL AS ended FROM deploys
       LEFT JOIN messages ON deploy_id = id AND key = 'root'`,
    );
    for (const { id, hash } of rows) {
      const is = createHash('sha256')
        .update(JSON.stringify(rootMessage(await store.deploy(id))))
        .digest('base64url');
      if (is === hash) staleSince.delete(id);
      else if (!staleSince.has(id)) staleSince.set(id, performance.now());
      seen.push((performance.now() - (staleSince.get(id) ?? performance.now())) / 1000);
    }
    return rows.length === count && rows.every(({ ended }) => ended) && staleSince.size === 0;
  });
  return seen;
}
