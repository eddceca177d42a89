import { randomBytes } from 'node:crypto';
import { PEOPLE, type Stage, startStage } from '../stage/stage.ts';
import { type Ask, type Bench, type Measured, until } from './bench.ts';
import { cloneDeploy } from './clones.ts';
import { deployUntil } from './deploys.ts';
import { whileInWindow } from './in-window.ts';
import { startListening } from './listening.ts';
import { send } from './load.ts';
import { type Look, steadyLook } from './look.ts';
import { press } from './slack-requests.ts';
import { most, quantile } from './statistics.ts';
import { toldTogether } from './together.ts';

const IN_WINDOW = 100;
/** So many deploys at once, and how old a root message may get, s. */
const TOGETHER = [
  { count: 20, within: 30 },
  { count: 100, within: 150 },
];
const LOOK_MS = 40_000;
/** No approval was carried out for so long: the others were lost. */
const GIVEN_UP_MS = 30_000;
/** Nothing was said in Slack for so long: longer than between two edits of a message. */
const TOLD_MS = 8_000;

export const scale: Bench = {
  number: 5,
  title: 'Many deploys at once',
  compares:
    'What the bot needs while deploys wait for an approval, as their number doubles; and while 100 are in their window.',
  skipped: null,
  inQuick: false,
  run,
};

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  const waiting = quick ? [25, 50] : [125, 250, 500, 1_000];
  const inWindow = quick ? 10 : IN_WINDOW;
  const secret = randomBytes(16).toString('hex');
  const sink = await startListening('sink.ts', []);
  onEnd(sink.stop);
  const told = [];
  for (const { count, within } of quick ? TOGETHER.slice(0, 1) : TOGETHER)
    told.push({ count, within, ...(await toldTogether(count, { say, onEnd })) });
  const many = await whileInWindow(inWindow, { say, onEnd });

  const stage = await startStage({ scale: 18, channels: ['shop'], signingSecret: secret });
  onEnd(stage.stop);
  const app = await stage.addShop('shop');
  say('A deploy comes to its approval, and is copied …');
  const deploy = await deployUntil(stage, { app: 'shop', ref: 'cents', fact: 'approval asked' });
  const digest = await digestOf(stage, deploy);
  // What is still to be said of it would have to be said of each copy.
  await until('all of it is told', 60_000, () => {
    const last = stage.slack.calls.at(-1);
    return last !== undefined && Date.now() - Date.parse(last.at) > TOLD_MS;
  });
  const looks: { count: number; look: Look }[] = [];
  let deploys: string[] = [deploy];
  for (const count of waiting) {
    await stage.bot.end('SIGTERM');
    deploys = await cloneDeploy(stage.database, deploy, count);
    await stage.bot.start();
    say(`${count} wait …`);
    await untilTakenOver(stage, count);
    looks.push({ count, look: await steadyLook(stage, quick ? LOOK_MS / 2 : LOOK_MS) });
  }

  // Their migrations are refused at once, for want of a database: this is about the bot, not about theirs.
  delete app.config.DATABASE_URL;
  say(`All ${deploys.length} are approved …`);
  const sender = { secret, responses: `http://127.0.0.1:${sink.port}/respond`, user: PEOPLE.bob, channel: 'C0SHOP' };
  const approved = await approveAll(stage, deploys, async id => {
    const { status } = await send(
      stage.slack.botUrl,
      false,
      press(sender, { action: 'run-them', value: `${id} ${digest}` }),
      performance.now(),
    );
    if (status !== 200) throw new Error(`A press was answered with ${status}`);
  });
  const last = looks.at(-1);
  const rowOf = (what: string, { mb, cpuPercent, queriesPerSecond }: Look) => [what, mb, cpuPercent, queriesPerSecond];
  return {
    tables: [
      {
        title: 'The bot’s process',
        columns: [
          { name: '' },
          { name: 'memory', unit: 'MB', digits: 0 },
          { name: 'of a processor', unit: '%', digits: 1 },
          { name: 'queries a second', digits: 1 },
        ],
        rows: [
          ...looks.map(({ count, look }) => rowOf(`${count} wait for an approval`, look)),
          rowOf(`${inWindow} in their window`, many),
        ],
      },
      {
        title: `All ${deploys.length} approved at once`,
        columns: [
          { name: '' },
          { name: 'p50', unit: 's', digits: 2 },
          { name: 'p99', unit: 's', digits: 2 },
          { name: 'last', unit: 's', digits: 2 },
        ],
        rows: [
          ['from the press to the resumed run', quantile(approved, 0.5), quantile(approved, 0.99), most(approved)],
        ],
      },
    ],
    targets: [
      ...told.flatMap(({ count, within, oldest, refused }) => [
        {
          what: `${count} deploys told in one channel: the oldest that a root message was`,
          unit: 's',
          measured: oldest,
          most: within,
        },
        { what: `${count} deploys told in one channel: refused by Slack`, unit: 'calls', measured: refused, most: 0 },
      ]),
      { what: `memory, ${last?.count} waiting`, unit: 'MB', measured: last?.look.mb ?? Number.NaN, most: 300 },
      {
        what: `queries a second, ${last?.count} waiting`,
        unit: '',
        measured: last?.look.queriesPerSecond ?? Number.NaN,
        most: 20,
      },
      {
        what: 'presses that were not carried out',
        unit: `of ${deploys.length}`,
        measured: deploys.length - approved.length,
        most: 0,
      },
    ],
    notes: [
      'Those who wait are copies of one deploy that came to its approval, in the bot’s own tables and its engine’s, each of an app of its own; the bot takes them over as it would those of a process that died.',
      'Queries: transactions of the bot’s database, of which each query outside of one is one. Resumed: the run has recorded the approval. What it approves is refused at once for want of a database.',
      'Those in their window are apps of their own, whose dynos are one small process.',
    ],
  };
}

/** The bot that runs now has them all. */
const untilTakenOver = ({ database }: Stage, count: number): Promise<void> =>
  until(
    `${count} deploys taken over`,
    300_000,
    async () => {
      const { rows } = await database.query<{ count: string }>(
        `SELECT count(*) FROM dbos.workflow_status
         WHERE status = 'PENDING' AND executor_id = (SELECT id FROM instances ORDER BY beat DESC LIMIT 1)`,
      );
      return Number(rows[0]?.count) >= count;
    },
    500,
  );

async function digestOf({ database }: Stage, deploy: string): Promise<string> {
  const { rows } = await database.query<{ digest: string }>(
    `SELECT data ->> 'digest' AS digest FROM facts WHERE deploy_id = $1 AND kind = 'approval asked'`,
    [deploy],
  );
  return rows[0]?.digest ?? '';
}

/** Presses for all of them at once; gives how long each that was carried out took from the press to its run's record, s. */
async function approveAll(
  { database }: Stage,
  deploys: readonly string[],
  approve: (deploy: string) => Promise<void>,
): Promise<number[]> {
  const pressed = new Map<string, number>();
  const pressing = Promise.all(
    deploys.map(deploy => {
      pressed.set(deploy, Date.now());
      return approve(deploy);
    }),
  );
  let rows: { id: string; at: Date }[] = [];
  let newsAt = performance.now();
  const isOver = async (): Promise<boolean> => {
    const found = await database.query<{ id: string; at: Date }>(
      `SELECT deploy_id AS id, at FROM facts WHERE kind = 'approved' AND deploy_id = ANY($1)`,
      [deploys],
    );
    if (found.rows.length !== rows.length) newsAt = performance.now();
    rows = found.rows;
    return rows.length === deploys.length || performance.now() - newsAt > GIVEN_UP_MS;
  };
  await Promise.all([pressing, until('the approvals', 600_000, isOver, 500)]);
  return rows.map(({ id, at }) => (at.getTime() - (pressed.get(id) ?? Number.NaN)) / 1000);
}
