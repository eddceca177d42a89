import type { CallRecord } from '../stage/heroku/api/server.ts';
import { startShared } from '../stage/heroku/shared.ts';
import { type Stage, startStage } from '../stage/stage.ts';
import type { Ask, Bench, Measured } from './bench.ts';
import { addTinyCommits } from './branches.ts';
import { factOf, startDeploy } from './deploys.ts';
import { type Observed, observe } from './observed.ts';
import { median, most, quantile } from './statistics.ts';

export const calls: Bench = {
  number: 4,
  title: 'Calls of Heroku’s API',
  compares:
    'What one deploy costs of the 4,500 calls that an account has (75 come back each minute): alone, and with others of the same ' +
    'account at once.',
  skipped: '1 and 100 at once, and the unscaled window (30 s in place of 180)',
  inQuick: true,
  run,
};

/** What was seen while so many deploys ran. */
type Seen = {
  atOnce: number;
  /** Of the account's. */
  calls: readonly CallRecord[];
  left: number;
  startingMs: number;
  /** From the last router's change to the post of each, ms. */
  lateMs: number[];
};

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  const sizes = quick ? [10] : [1, 10, 100];
  const observed = observe();
  const shared = startShared();
  onEnd(shared.stop);
  const names = Array.from({ length: Math.max(...sizes) }, (_, i) => `app-${i}`);
  const stage = await startStage({ scale: quick ? 6 : 1, channels: names, ...observed, start: shared.start });
  onEnd(stage.stop);
  const refs = await addTinyCommits(stage.repository.dir, sizes.length + 1);
  say(`${names.length} apps are made …`);
  await stage.addApps(names, { ref: refs[0] ?? '' });

  const seen: Seen[] = [];
  for (const [index, atOnce] of sizes.entries()) {
    say(`${atOnce} at once …`);
    seen.push(await measure(stage, observed, names.slice(0, atOnce), refs[index + 1] ?? ''));
  }
  const alone = seen[0]?.calls.length ?? Number.NaN;
  const refused = (each: Seen): number => each.calls.filter(({ status }) => status === 429).length;
  const perDeploy = (each: Seen): number => each.calls.length / each.atOnce;
  return {
    tables: [
      {
        title: `Window ${quick ? 30 : 180} s`,
        columns: [
          { name: 'deploys at once', digits: 0 },
          { name: 'calls', digits: 0 },
          { name: 'a deploy', digits: 1 },
          { name: quick ? 'of the first' : 'against one alone', unit: '×', digits: 2 },
          { name: 'answered with 429', digits: 0 },
          { name: 'calls left at the end', digits: 0 },
          { name: 'started within', unit: 's', digits: 0 },
          { name: 'announced late, p50', unit: 's', digits: 1 },
          { name: 'p95', unit: 's', digits: 1 },
          { name: 'max', unit: 's', digits: 1 },
        ],
        rows: seen.map(each => [
          each.atOnce,
          each.calls.length,
          perDeploy(each),
          perDeploy(each) / (alone / (seen[0]?.atOnce ?? 1)),
          refused(each),
          each.left,
          each.startingMs / 1000,
          median(each.lateMs) / 1000,
          quantile(each.lateMs, 0.95) / 1000,
          most(each.lateMs) / 1000,
        ]),
      },
      {
        title: `Which calls, of ${seen.at(-1)?.atOnce} at once`,
        columns: [{ name: 'call' }, { name: 'a deploy', digits: 2 }],
        rows: byKind(seen.at(-1)),
      },
    ],
    targets: [
      { what: 'calls a deploy, at most', unit: '', measured: Math.max(...seen.map(perDeploy)), most: 30 },
      {
        what: `answered with 429, ${sizes.at(-1)} at once`,
        unit: '',
        measured: seen.at(-1) ? refused(seen.at(-1) as Seen) : Number.NaN,
        most: 0,
      },
    ],
    notes: [
      'From asking for the plan to the end of the last deploy, planning included. Late: from the last router’s change to the post in Slack.',
      'The dynos of all apps are one small process.',
    ],
  };
}

async function measure(stage: Stage, observed: Observed, apps: readonly string[], ref: string): Promise<Seen> {
  const { bucket } = stage.heroku.platform;
  bucket.remaining = 4_500;
  const from = stage.heroku.calls.length;
  const begun = performance.now();
  const deploys: string[] = [];
  for (const app of apps) deploys.push(await startDeploy(stage, { app, ref }));
  const startingMs = performance.now() - begun;
  for (const deploy of deploys) await factOf(stage, deploy, 'ended', 30 * 60_000);
  const lateMs = apps.map(app => {
    const release = stage.heroku.platform.find(app)?.current?.version ?? 0;
    return (observed.announcedAt(app, release) ?? Number.NaN) - (observed.switchedAt(app, release) ?? Number.NaN);
  });
  const made = stage.heroku.calls.slice(from).filter(({ counted }) => counted);
  return { atOnce: apps.length, calls: made, left: bucket.remaining, startingMs, lateMs };
}

/** Calls by method and path, without the names in it. */
function byKind(seen: Seen | undefined): [string, number][] {
  if (!seen) return [];
  const kinds = Map.groupBy(seen.calls, ({ method, path }) => {
    const plain = path.replace(/^\/apps\/[^/]+/, '/apps/…').replace(/[\da-f]{8}-[\da-f-]{27}/g, '…');
    return `${method} ${plain}`;
  });
  return [...kinds].map(([kind, of]): [string, number] => [kind, of.length / seen.atOnce]).sort((a, b) => b[1] - a[1]);
}
