import type { HerokuApp } from '../stage/heroku/app.ts';
import { startShared } from '../stage/heroku/shared.ts';
import { type Stage, startStage } from '../stage/stage.ts';
import { type Ask, type Bench, type Measured, until } from './bench.ts';
import { addTinyCommits } from './branches.ts';
import { psWait } from './by-hand.ts';
import { factOf, LONGEST_MS, startDeploy } from './deploys.ts';
import { type Observed, observe } from './observed.ts';
import { least, median, most, quantile, randomFrom } from './statistics.ts';

/** Divides the window and the drain, and nothing else. */
const SCALE = 6;
const DEPLOYS = { quick: 10, full: 50 };
const AT_ONCE = 10;
const SEED = 20_260_101;
/** What Heroku's article names, for apps with the usual boot timeout. */
const NAMED_WINDOW_MS = 180_000 / SCALE;

const RULES = [
  'this bot, posted',
  'this bot, recorded',
  '`heroku ps:wait`',
  '“release succeeded”',
  '“the window has passed”',
] as const;
/** When each rule said that new code serves, after the last router really had changed over; ms, negative: too early. */
type Said = Record<(typeof RULES)[number], number>;

export const truth: Bench = {
  number: 2,
  title: 'Truth of the announcement',
  compares:
    'When it is said that new code serves, against when the last router really changed over to it: by this bot, and by what ' +
    'people go by otherwise, in the same deploys.',
  skipped: `40 of its ${DEPLOYS.full} deploys`,
  inQuick: true,
  run,
};

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  const observed = observe();
  const shared = startShared();
  onEnd(shared.stop);
  const names = Array.from({ length: AT_ONCE }, (_, i) => `app-${i}`);
  const stage = await startStage({ scale: SCALE, channels: names, ...observed, start: shared.start });
  onEnd(stage.stop);
  const total = quick ? DEPLOYS.quick : DEPLOYS.full;
  const rounds = total / AT_ONCE;
  const refs = await addTinyCommits(stage.repository.dir, rounds + 1);
  const windowSeconds = NAMED_WINDOW_MS / 1000;
  const apps = await stage.addApps(names, { ref: refs[0] ?? '', settings: { windowSeconds } });

  const said: Said[] = [];
  let lost = 0;
  for (let round = 1; round <= rounds; round++) {
    say(`Deploys ${said.length + 1} to ${said.length + AT_ONCE} of ${total} …`);
    const deploys: Promise<Said>[] = [];
    for (const [index, app] of apps.entries()) {
      const random = randomFrom(SEED + round * AT_ONCE + index);
      app.runtime.knobs.loses = null;
      const id = await startDeploy(stage, { app: app.name, ref: refs[round] ?? '' });
      lost += upset(app, random);
      const following = follow(stage, observed, app, id);
      // Another one may fail first; then this one's end is nobody's business.
      following.catch(() => {});
      deploys.push(following);
    }
    said.push(...(await Promise.all(deploys)));
  }

  const of = (rule: (typeof RULES)[number]): number[] => said.map(each => each[rule] / 1000);
  const early = (rule: (typeof RULES)[number]): number => of(rule).filter(seconds => seconds < 0).length;
  return {
    tables: [
      {
        title: `${said.length} deploys: said after the switch, in seconds; less than 0 is too early`,
        columns: [
          { name: '' },
          { name: 'too early', digits: 0 },
          { name: 'min', unit: 's', digits: 1 },
          { name: 'p50', unit: 's', digits: 1 },
          { name: 'p95', unit: 's', digits: 1 },
          { name: 'max', unit: 's', digits: 1 },
        ],
        rows: RULES.map(rule => {
          const seconds = of(rule);
          return [rule, early(rule), least(seconds), median(seconds), quantile(seconds, 0.95), most(seconds)];
        }),
      },
    ],
    targets: [
      { what: 'announced too early', unit: `of ${said.length}`, measured: early('this bot, posted'), most: 0 },
      { what: 'p95 from the switch to the post', unit: 's', measured: quantile(of('this bot, posted'), 0.95), most: 6 },
      {
        what: 'p95 from the switch to the record',
        unit: 's',
        measured: quantile(of('this bot, recorded'), 0.95),
        most: 4,
      },
    ],
    notes: [
      `Each deploy by chance, from seed ${SEED}: boots in 1 to 20 s, window 180 to 255 s divided by ${SCALE}, routers up to 2 s apart, drain 0 to 71 s divided by ${SCALE}, up to 10 % of probes lost (${(lost / said.length).toFixed(1)} % on average). ${AT_ONCE} deploys at once.`,
      `“The window has passed”: 180 s divided by ${SCALE} after the release, as Heroku's article says; seen are up to 255. \`ps:wait\` looks every 10 s, as the CLI does. Unscaled, what is too early is so by up to ${SCALE} times as much.`,
    ],
  };
}

/** Sets what is left to chance; gives the share of probes that are lost, in percent. */
function upset({ runtime: { knobs } }: HerokuApp, random: () => number): number {
  const between = (from: number, to: number): number => from + random() * (to - from);
  knobs.bootDelayMs = between(1_000, 20_000);
  knobs.bootTimeoutMs = between(60_000, 135_000);
  knobs.switchSkewMs = between(0, 2_000);
  knobs.drainDelayMs = between(0, 71_000);
  const share = between(0, 0.1);
  knobs.loses = () => random() < share;
  return share * 100;
}

async function follow(stage: Stage, observed: Observed, app: HerokuApp, id: string): Promise<Said> {
  const before = app.current?.version ?? 0;
  await until(`a release of ${app.name}`, LONGEST_MS, () => (app.current?.version ?? 0) > before);
  const released = app.current?.updatedAt.getTime() ?? 0;
  const release = app.current?.version ?? 0;
  const waited = psWait(app).then(() => Date.now());
  const recorded = await factOf(stage, id, 'new serves');
  await until(`the announcement of ${app.name}`, 60_000, () => observed.announcedAt(app.name, release) !== undefined);
  await factOf(stage, id, 'ended');
  await until(`the switch of ${app.name}`, LONGEST_MS, () => observed.switchedAt(app.name, release) !== undefined);
  const truly = observed.switchedAt(app.name, release) ?? Number.NaN;
  return {
    'this bot, posted': (observed.announcedAt(app.name, release) ?? Number.NaN) - truly,
    'this bot, recorded': recorded - truly,
    '`heroku ps:wait`': (await waited) - truly,
    '“release succeeded”': released - truly,
    '“the window has passed”': released + NAMED_WINDOW_MS - truly,
  };
}
