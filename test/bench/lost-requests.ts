import { setTimeout as sleep } from 'node:timers/promises';
import type { HerokuRecord } from '../stage/heroku/heroku.ts';
import { type Stage, startStage } from '../stage/stage.ts';
import { type Ask, type Bench, type Measured, until } from './bench.ts';
import { addBranches, OLD } from './branches.ts';
import { LONGEST_MS } from './deploys.ts';
import { type Answered, openLoop } from './load.ts';
import { alternating, least, median, most, quantile } from './statistics.ts';
import { type Seen, seenIn } from './visits.ts';
import { WAYS } from './ways.ts';

/** A minute of Heroku's windows lasts 10 s: a window 30 s. */
const SCALE = 6;
const BOOT_MS = 5_000;
const ENOUGH = 50_000;
const WRITES_EVERY = 10;
/** Traffic before a deploy, and after its end: what it breaks it may break late. */
const AROUND_MS = 5_000;
const MOST_ROUNDS = 12;

export const lostRequests: Bench = {
  number: 1,
  title: 'Lost requests',
  compares:
    'Steady traffic over a whole deploy that replaces a column: by this bot, and in the four ways in which people do it without.',
  skipped: '(c), (d) and (e), and all but one round',
  inQuick: true,
  run,
};

type WayKey = keyof typeof WAYS;
type Truth = Extract<HerokuRecord, { record: 'truth' }>;
/** A deploy as visitors saw it, and how long they were shut out on purpose. */
type Trip = Seen & { closedMs: number };

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  const keys: WayKey[] = quick ? ['a', 'b'] : ['a', 'b', 'c', 'd', 'e'];
  const perSecond = quick ? 100 : 200;
  const rounds = quick ? 1 : MOST_ROUNDS;
  const nameOf = (way: WayKey, round: number): string => `shop-${way}-${round}`;
  const records = new Map<string, Truth[]>();
  /** When visitors of an app got the page of maintenance mode. */
  const closed = new Map<string, number[]>();
  const stage = await startStage({
    scale: SCALE,
    channels: keys.flatMap(way => Array.from({ length: rounds }, (_, round) => nameOf(way, round))),
    onHeroku: record => {
      const { app } = record.record === 'call' ? { app: '' } : record;
      if (record.record === 'truth') records.set(app, [...(records.get(app) ?? []), record]);
      if (record.record === 'request' && record.code === 'H80')
        closed.set(app, [...(closed.get(app) ?? []), record.at.getTime()]);
    },
  });
  onEnd(stage.stop);
  await addBranches(stage.repository.dir);

  const measure = async (key: WayKey, round: number): Promise<Trip> => {
    const way = WAYS[key];
    const name = nameOf(key, round);
    say(`${way.name}, ${perSecond} requests a second …`);
    const app = await stage.addShop(name, { ref: OLD, config: { BOOT_MS: String(BOOT_MS) } });
    app.preboot = way.preboot;
    app.runtime.setPreboot(way.preboot);
    const answers: Answered[] = [];
    const load = openLoop({
      url: `${app.runtime.url}/`,
      perSecond,
      fresh: 0.5,
      next: index => ({ method: index % WRITES_EVERY === 0 ? 'POST' : 'GET' }),
      onAnswer: answer => answers.push(answer),
    });
    await sleep(AROUND_MS);
    await way.deploy(stage, app);
    await oldCodeIsGone(stage, name, () => records.get(name) ?? []);
    await sleep(AROUND_MS);
    await load.stop();
    await app.close();
    const pages = closed.get(name) ?? [];
    return { ...seenIn(answers), closedMs: pages.length === 0 ? 0 : most(pages) - least(pages) };
  };

  let requests = 0;
  const found = Object.fromEntries(keys.map(key => [key, []])) as unknown as Record<WayKey, Trip[]>;
  for (let round = 0; round < rounds && (round === 0 || requests < ENOUGH); round++) {
    const turn = await alternating(round % 2 === 0 ? keys : keys.toReversed(), 1, key => measure(key, round));
    for (const key of keys) found[key].push(...turn[key]);
    requests += turn.a.reduce((sum, { answers }) => sum + answers.length, 0);
  }
  const rows = keys.map(key => rowOf(WAYS[key].name, found[key]));
  const ours = found.a.flatMap(({ answers }) => answers);
  return {
    tables: [
      {
        title: `${perSecond} requests a second, one of ${WRITES_EVERY} writes, half over fresh connections`,
        columns: [
          { name: '' },
          { name: 'deploys', digits: 0 },
          { name: 'requests', digits: 0 },
          { name: 'failed', digits: 0 },
          { name: 'p50', unit: 'ms', digits: 1 },
          { name: 'p99', unit: 'ms', digits: 0 },
          { name: 'max', unit: 'ms', digits: 0 },
          { name: 'longest gap', unit: 's', digits: 1 },
          { name: 'closed', unit: 's', digits: 1 },
        ],
        rows,
      },
    ],
    targets: [
      {
        what: 'requests that this bot lost',
        unit: `of ${ours.length}`,
        measured: ours.filter(({ isGood }) => !isGood).length,
        most: 0,
      },
      ...(quick ? [] : [{ what: 'requests over deploys of this bot', unit: '', measured: ours.length, least: ENOUGH }]),
    ],
    notes: [
      `Failed and requests are of all rounds; the rest are medians of them. The app boots in ${BOOT_MS / 1000} s. Windows last ${180 / SCALE} s, those of Heroku 180: what (c) and (e) break, they break for that much longer there.`,
      'The longest gap is the longest time between two good answers. Closed: from the first to the last page of maintenance mode.',
      'By (b), (c), (d) and (e) nothing went wrong: each command did what it should. The old code needs a column that is gone, or the new one a column that is not there yet.',
    ],
  };
}

/** A way may end before the routers have changed over, and old dynos finished: visitors are still there then. */
async function oldCodeIsGone({ heroku }: Stage, name: string, truths: () => readonly Truth[]): Promise<void> {
  const release = heroku.platform.find(name)?.current?.version ?? 0;
  await until(`only v${release} of ${name}`, LONGEST_MS, () => {
    const known = truths();
    const gone = new Set(known.flatMap(truth => (truth.kind === 'dyno-exited' ? truth.id : [])));
    return known.every(truth => truth.kind !== 'dyno-started' || truth.release >= release || gone.has(truth.id));
  });
}

function rowOf(name: string, rounds: readonly Trip[]) {
  const of = (value: (seen: Trip) => number): number => median(rounds.map(value));
  const ms = (share: number) => (seen: Trip) =>
    quantile(
      seen.answers.map(answer => answer.ms),
      share,
    );
  const all = rounds.flatMap(({ answers }) => answers);
  return [
    name,
    rounds.length,
    all.length,
    all.filter(({ isGood }) => !isGood).length,
    of(ms(0.5)),
    of(ms(0.99)),
    of(ms(1)),
    of(seen => seen.gapMs / 1000),
    of(seen => seen.closedMs / 1000),
  ];
}
