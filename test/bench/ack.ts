import { randomBytes } from 'node:crypto';
import { PEOPLE, startStage } from '../stage/stage.ts';
import type { Ask, Bench, Measured } from './bench.ts';
import { deployUntil } from './deploys.ts';
import { startListening } from './listening.ts';
import { type Answered, flatOut, openLoop, type Sent } from './load.ts';
import { untilIdle, usage } from './machine.ts';
import { command, press } from './slack-requests.ts';
import { alternating, median, most, quantile } from './statistics.ts';

const PER_SECOND = 500;
const UNDER_WAY = 32;
const OURS = 'this bot';
const BARE = 'a bare Bolt app';
const SIDES = [OURS, BARE] as const;
type Side = (typeof SIDES)[number];

export const ack: Bench = {
  number: 3,
  title: 'Acknowledging Slack',
  compares:
    'From sending `/deploy status`, and pressing a button that changes something, to the HTTP answer: this bot, which then does ' +
    'the work (and before that has kept the press), beside a Bolt app that says `ack()` and does nothing.',
  skipped: null,
  inQuick: true,
  run,
};

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  const secret = randomBytes(16).toString('hex');
  const stage = await startStage({ scale: 18, channels: ['shop'], signingSecret: secret, fsync: true });
  onEnd(stage.stop);
  const bare = await startListening('bare-bolt.ts', [secret]);
  onEnd(bare.stop);
  const sink = await startListening('sink.ts', []);
  onEnd(sink.stop);
  say('A deploy comes to its approval, for the button …');
  await stage.addShop('shop');
  const deploy = await deployUntil(stage, { app: 'shop', ref: 'cents', fact: 'approval asked' });

  const urls: Record<Side, string> = {
    [OURS]: stage.slack.botUrl,
    [BARE]: `http://127.0.0.1:${bare.port}/slack/events`,
  };
  const pids: Record<Side, number> = { [OURS]: stage.bot.pid, [BARE]: bare.pid };
  const responses = `http://127.0.0.1:${sink.port}/respond`;
  const sender = { secret, responses, user: PEOPLE.ann, channel: 'C0SHOP' };
  const requests = {
    status: () => command(sender, 'status'),
    press: () => press(sender, { action: 'cancel', value: deploy }),
  };
  const ms = quick ? 3_000 : 10_000;
  const rounds = quick ? 2 : 5;
  const idle = { [OURS]: await usage(pids[OURS]), [BARE]: await usage(pids[BARE]) };

  const steady = async (side: Side, next: (index: number) => Sent, perSecond: number) => {
    const answers: Answered[] = [];
    const load = openLoop({ url: urls[side], perSecond, fresh: 0, next, onAnswer: answer => answers.push(answer) });
    await new Promise(over => setTimeout(over, ms));
    await load.stop();
    await untilIdle(stage.bot.pid);
    const bad = answers.find(({ status }) => status !== 200);
    if (bad) throw new Error(`${side} answered ${bad.status}`);
    return {
      p50: quantile(
        answers.map(answer => answer.ms),
        0.5,
      ),
      p99: quantile(
        answers.map(answer => answer.ms),
        0.99,
      ),
      most: most(answers.map(answer => answer.ms)),
    };
  };
  for (const side of SIDES) await flatOut({ url: urls[side], underWay: UNDER_WAY, ms: 1_000, next: requests.status });
  await untilIdle(stage.bot.pid);
  say(`${PER_SECOND} commands a second, ${rounds} × ${ms / 1000} s each …`);
  const commands = await alternating(SIDES, rounds, side => steady(side, requests.status, PER_SECOND));
  say('the same with presses …');
  const presses = await alternating(SIDES, rounds, side => steady(side, requests.press, PER_SECOND / 10));
  say('flat out …');
  const flat = await alternating(SIDES, rounds, async side => {
    const perSecond = await flatOut({ url: urls[side], underWay: UNDER_WAY, ms, next: requests.status });
    await untilIdle(stage.bot.pid);
    return perSecond;
  });
  const busy = { [OURS]: await usage(pids[OURS]), [BARE]: await usage(pids[BARE]) };

  const of = (found: Record<Side, { p50: number; p99: number; most: number }[]>, side: Side, which: 'p50' | 'p99') =>
    median(found[side].map(round => round[which]));
  const slowest = (found: typeof commands, side: Side) => most(found[side].map(round => round.most));
  const latency = (title: string, found: typeof commands) => ({
    title,
    columns: [
      { name: '' },
      { name: 'p50', unit: 'ms', digits: 2 },
      { name: 'p99', unit: 'ms', digits: 2 },
      { name: 'slowest of all', unit: 'ms', digits: 0 },
    ],
    rows: [
      ...SIDES.map(side => [side, of(found, side, 'p50'), of(found, side, 'p99'), slowest(found, side)]),
      [
        'difference',
        of(found, OURS, 'p50') - of(found, BARE, 'p50'),
        of(found, OURS, 'p99') - of(found, BARE, 'p99'),
        null,
      ],
    ],
  });
  const ratio = median(flat[OURS]) / median(flat[BARE]);
  return {
    tables: [
      latency(`\`/deploy status\`, ${PER_SECOND} a second`, commands),
      latency(
        `A button that changes something (kept before it is acknowledged, then worked and answered), ${PER_SECOND / 10} a second`,
        presses,
      ),
      {
        title: `Flat out, ${UNDER_WAY} commands always under way; memory of the process`,
        columns: [
          { name: '' },
          { name: 'commands a second', digits: 0 },
          { name: 'idle', unit: 'MB', digits: 0 },
          { name: 'afterwards', unit: 'MB', digits: 0 },
          { name: 'at most', unit: 'MB', digits: 0 },
        ],
        rows: [
          ...SIDES.map(side => [side, median(flat[side]), idle[side].mb, busy[side].mb, busy[side].peakMb]),
          ['ratio', ratio, idle[OURS].mb / idle[BARE].mb, busy[OURS].mb / busy[BARE].mb, null],
        ],
      },
    ],
    targets: [
      {
        what: '`/deploy status`: p99 above that of a bare Bolt app',
        unit: 'ms',
        measured: of(commands, OURS, 'p99') - of(commands, BARE, 'p99'),
        most: 1,
      },
      {
        what: `a button that changes something, ${PER_SECOND / 10} a second: p99`,
        unit: 'ms',
        measured: of(presses, OURS, 'p99'),
        most: 50,
      },
      { what: 'the same: the slowest of all', unit: 'ms', measured: slowest(presses, OURS), most: 2_500 },
      { what: 'throughput of acknowledgements, of that of a bare Bolt app', unit: '×', measured: ratio, least: 0.9 },
    ],
    notes: [
      `Open loop: each request is counted from when it was due. Medians of ${rounds} rounds of ${ms / 1000} s on each side, in turn.`,
      'What this bot still has to do when it has acknowledged everything is waited for before the other side’s turn.',
      'For a command this bot then asks its database whether it came before, reads how the apps stand, and answers to the response address; all on the same processors as the database and the one who asks. A press is on the disk before it is acknowledged.',
    ],
  };
}
