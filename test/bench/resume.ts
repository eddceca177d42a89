import type { BotProcess } from '../stage/bot.ts';
import { type Stage, startStage } from '../stage/stage.ts';
import { type Ask, type Bench, type Measured, until } from './bench.ts';
import { deployUntil } from './deploys.ts';
import { startListening } from './listening.ts';
import { usage } from './machine.ts';
import { alternating, least, median, most } from './statistics.ts';

/** Far longer than all kills take: 206 s of window at this scale. */
const SCALE = 18;
const BOOT_TIMEOUT_MS = 3_600_000;
const OURS = 'this bot';
const BARE = 'a bare Bolt app';
const RESTARTED = 'killed and started again';
const ANOTHER = 'killed, another instance takes over';

export const resume: Bench = {
  number: 6,
  title: 'Start and resume',
  compares:
    'From spawning the process to its listening, beside a Bolt app that does nothing; and from SIGKILL in the middle of a deploy ' +
    'to the next question that its run asks the app, started again at once or taken over by an instance that waits.',
  skipped: null,
  inQuick: false,
  run,
};

async function run({ quick, say, onEnd }: Ask): Promise<Measured> {
  /** When the bot asked the app who serves, ms since 1970. */
  const probes: number[] = [];
  const stage = await startStage({
    scale: SCALE,
    channels: ['shop'],
    onHeroku: record => {
      if (record.record === 'request' && record.path.includes('switchover=')) probes.push(record.at.getTime());
    },
  });
  onEnd(stage.stop);
  await stage.bot.end('SIGTERM');
  say('Starting …');
  const starts = await alternating([OURS, BARE], quick ? 3 : 10, async side => {
    const from = performance.now();
    const { pid, stop } =
      side === OURS ? await startOurs(stage) : await startListening('bare-bolt.ts', ['0'.repeat(32)]);
    const ms = performance.now() - from;
    const { mb, peakMb } = await usage(pid);
    await stop();
    return { ms, mb: peakMb ?? mb };
  });

  await stage.bot.start();
  const app = await stage.addShop('shop');
  app.runtime.knobs.bootTimeoutMs = BOOT_TIMEOUT_MS;
  await deployUntil(stage, { app: 'shop', ref: '', fact: 'old serves' });
  const other = stage.anotherBot();
  onEnd(() => other.end('SIGTERM'));
  let [owner, waiting]: [BotProcess, BotProcess] = [stage.bot, other];

  const askedAgain = async (killed: number): Promise<number> => {
    const known = probes.length;
    await until('the run goes on', 60_000, () => probes.length > known);
    return (probes[known] ?? 0) - killed;
  };
  const kill = async (): Promise<number> => {
    const at = Date.now();
    await owner.end('SIGKILL');
    return at;
  };
  say('Killing …');
  const resumed = await alternating([RESTARTED, ANOTHER], quick ? 2 : 10, async how => {
    if (how === ANOTHER) await waiting.start();
    const killed = await kill();
    const asking = askedAgain(killed);
    if (how === RESTARTED) await owner.start();
    else [owner, waiting] = [waiting, owner];
    return asking;
  });

  const of = (side: typeof OURS | typeof BARE, what: 'ms' | 'mb') => starts[side].map(start => start[what]);
  return {
    tables: [
      {
        title: 'Start, to listening',
        columns: [
          { name: '' },
          { name: 'median', unit: 'ms', digits: 0 },
          { name: 'longest', unit: 'ms', digits: 0 },
          { name: 'memory at most', unit: 'MB', digits: 0 },
        ],
        rows: [
          ...([OURS, BARE] as const).map(side => [
            side,
            median(of(side, 'ms')),
            most(of(side, 'ms')),
            median(of(side, 'mb')),
          ]),
          [
            'ratio',
            (median(of(OURS, 'ms')) / median(of(BARE, 'ms'))).toFixed(2),
            null,
            (median(of(OURS, 'mb')) / median(of(BARE, 'mb'))).toFixed(2),
          ],
        ],
      },
      {
        title: 'SIGKILL to the next question of the run',
        columns: [
          { name: '' },
          { name: 'least', unit: 'ms', digits: 0 },
          { name: 'median', unit: 'ms', digits: 0 },
          { name: 'longest', unit: 'ms', digits: 0 },
        ],
        rows: ([RESTARTED, ANOTHER] as const).map(how => [
          how,
          least(resumed[how]),
          median(resumed[how]),
          most(resumed[how]),
        ]),
      },
    ],
    targets: [
      { what: 'spawn to listening', unit: 'ms', measured: median(of(OURS, 'ms')), most: 1_500 },
      { what: 'memory until it listens', unit: 'MB', measured: median(of(OURS, 'mb')), most: 160 },
      { what: 'SIGKILL to resumed, started again', unit: 'ms', measured: median(resumed[RESTARTED]), most: 2_000 },
      { what: 'SIGKILL to resumed, by another instance', unit: 'ms', measured: median(resumed[ANOTHER]), most: 5_000 },
    ],
    notes: [
      `${of(OURS, 'ms').length} starts of each, in turn, with a database that has its tables already; ${resumed[ANOTHER].length} kills of each kind, in turn, in one deploy whose old code serves.`,
      'Resumed is what the app sees: the first question (who serves?) that its routers get after the kill.',
    ],
  };
}

async function startOurs({ bot }: Stage): Promise<{ pid: number; stop: () => Promise<void> }> {
  await bot.start();
  return { pid: bot.pid, stop: () => bot.end('SIGTERM') };
}
