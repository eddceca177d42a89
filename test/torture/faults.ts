import { setTimeout as sleep } from 'node:timers/promises';
import type { Trouble } from '../stage/heroku/trouble.ts';
import type { Trouble as SlackTrouble } from '../stage/slack/trouble.ts';
import type { Chance } from './chance.ts';
import { count, type Tally } from './tally.ts';
import type { World } from './world.ts';

/** Ends what does not end by itself. */
type Undo = () => unknown;
type Fault = {
  of: 'heroku' | 'slack' | 'postgres' | 'github' | 'clock' | 'network';
  what: string;
  order: Order;
  /** It waits for a call that meets it, which may never come. */
  waits?: true;
};
type Order = (world: World, chance: Chance, met: () => void) => Undo | void | Promise<void>;

const READS = ['GET /releases', 'GET /releases/*', 'GET /builds', 'GET /builds/*', 'GET /dynos', 'GET /apps/*'];
const WRITES = ['POST /builds', 'POST /releases', 'POST /sources', 'PATCH /formation', 'PATCH /apps/*'];
const STREAMS = ['GET /streams/*', 'GET /log-sessions/*', 'POST /log-sessions'];
const AN_HOUR_MS = 3_600_000;
/** Longer than the bot waits for one answer of Heroku's (15 s) and of Slack's. */
const TOO_LATE_MS = 17_000;

const heroku = (what: string, trouble: Trouble, calls = [...READS, ...WRITES], most = 4): Fault => ({
  ...{ of: 'heroku', what, waits: true },
  order: ({ stage }, chance, met) =>
    stage.heroku.fails(chance.pick(calls), { ...trouble, met, times: Math.ceil(chance.between(0, most)) }),
});

const slack = (what: string, trouble: SlackTrouble): Fault => ({
  ...{ of: 'slack', what, waits: true },
  order: ({ stage }, chance, met) => {
    const method = chance.pick(['chat.postMessage', 'chat.update']);
    stage.slack.fails(method, { ...trouble, met }, Math.ceil(chance.between(0, 4)));
  },
});

const github = (what: string, paths: readonly string[], trouble: number | { slowMs: number }): Fault => ({
  ...{ of: 'github', what, waits: true },
  order: ({ stage }, chance, met) => stage.github.fails(chance.pick(paths), trouble, 1, met),
});

/** Everything that goes wrong, one at a time or several, as the seed has it. */
export const FAULTS: readonly Fault[] = [
  heroku('429', { status: 429 }),
  heroku('500', { status: 500 }),
  heroku('503', { status: 503 }),
  heroku('reset before it was taken', { drop: 'before' }),
  heroku('reset after it was taken', { drop: 'after' }),
  heroku('timeout', { lateMs: TOO_LATE_MS }, [...READS, ...WRITES], 1),
  heroku('taken after its timeout', { delayMs: TOO_LATE_MS }, [...WRITES, 'POST /dynos'], 1),
  heroku('truncated body', { truncate: true }),
  heroku('stream cut', { truncate: true }, STREAMS),
  heroku('slow stream', { trickleMs: 300 }, STREAMS, 2),
  heroku('409 on one-off dynos', { status: 409 }, ['POST /dynos'], 2),
  {
    of: 'heroku',
    what: 'log session ended',
    order: ({ stage, apps }, chance) => stage.heroku.cutsLogs(chance.pick(apps).heroku),
  },
  {
    of: 'heroku',
    what: 'log lines lost',
    order: ({ stage, apps }, chance) => stage.heroku.dropsLogs(chance.pick(apps).heroku, chance.pick([1, 3, 9, 99])),
  },
  {
    of: 'heroku',
    what: 'log lines late and twice',
    order: ({ stage, apps }, chance) => stage.heroku.muddlesLogs(chance.pick(apps).heroku, 20),
  },
  {
    of: 'heroku',
    what: 'release pending after its output',
    order: ({ apps }, chance) => {
      const app = chance.pick(apps).heroku;
      app.pendingAfterOutputMs = 5_000;
      return () => {
        app.pendingAfterOutputMs = 300;
      };
    },
  },
  slack('429', { status: 429, retryAfter: 3 }),
  slack('500', { status: 500 }),
  slack('reset after it was posted', { drop: 'after' }),
  slack('timeout after it was posted', { lateMs: TOO_LATE_MS }),
  slack('invalid_blocks', { error: 'invalid_blocks' }),
  {
    of: 'slack',
    what: 'channel archived',
    order: ({ stage, apps }, chance) => {
      const { name } = chance.pick(apps);
      stage.slack.archives(name);
      return () => stage.slack.archives(name, false);
    },
  },
  {
    of: 'slack',
    what: 'bot removed',
    order: ({ stage, apps }, chance) => {
      const { name } = chance.pick(apps);
      stage.slack.removesBot(name);
      return () => stage.slack.removesBot(name, false);
    },
  },
  { of: 'postgres', what: 'restart', order: ({ restartDatabase }) => restartDatabase() },
  { of: 'postgres', what: 'connections cut', order: ({ proxy }) => proxy.cut() },
  {
    of: 'postgres',
    what: 'too many connections',
    order: ({ proxy }) => {
      proxy.refuses = true;
      proxy.cut();
      return () => {
        proxy.refuses = false;
      };
    },
  },
  {
    of: 'postgres',
    what: 'disk full',
    order: ({ proxy }) => {
      proxy.isFull = true;
      return () => {
        proxy.isFull = false;
      };
    },
  },
  {
    of: 'postgres',
    what: 'slow',
    order: ({ proxy }) => {
      proxy.lateMs = 40;
      return () => {
        proxy.lateMs = 0;
      };
    },
  },
  github('404', ['/tarball', '/commits'], 404),
  github('403', ['/tarball', '/compare'], 403),
  github('slow tarball', ['/codeload'], { slowMs: 8_000 }),
  {
    of: 'clock',
    what: 'jumps by an hour',
    order: ({ bots }, chance) => {
      const jumping = chance.is(0.5) ? bots.all : [chance.pick(bots.all)];
      const aheadMs = chance.pick([AN_HOUR_MS, -AN_HOUR_MS]);
      for (const { process } of jumping) process.tell({ aheadMs });
      return () => {
        for (const { process } of jumping) process.tell({ aheadMs: 0 });
      };
    },
  },
  {
    of: 'network',
    what: 'probe blind',
    order: ({ apps }, chance) => {
      const { knobs } = chance.pick(apps).heroku.runtime;
      knobs.loses = path => path.includes('switchover=');
      return () => {
        knobs.loses = null;
      };
    },
  },
];

export const nameOf = ({ of, what }: Fault): string => `${of}: ${what}`;

/** Orders faults until it is over, and then ends them all. */
export async function troubleOn(world: World, chance: Chance, tally: Tally, isOver: () => boolean): Promise<void> {
  const undone: Promise<unknown>[] = [];
  while (!isOver()) {
    await sleep(chance.between(1_000, 5_000));
    const fault = chance.pick(FAULTS);
    const lastsMs = chance.between(1_000, 6_000);
    if (isOver()) break;
    const met = () => count(tally.faults, nameOf(fault));
    if (!fault.waits) met();
    const over = fault.of === 'postgres' ? tally.databaseFails() : () => {};
    const undo = await fault.order(world, chance, met);
    if (undo) undone.push(waitFor(lastsMs, isOver).then(undo).then(over));
    else over();
  }
  await Promise.all(undone);
  const { heroku, slack, github } = world.stage;
  heroku.mends();
  slack.mends();
  github.mends();
}

async function waitFor(ms: number, isOver: () => boolean): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until && !isOver(); ) await sleep(100);
}
