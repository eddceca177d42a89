import { setTimeout as sleep } from 'node:timers/promises';
import { recipe } from '../../src/recipe.ts';
import { type Bot, type Bots, instanceOf, type Version } from './bots.ts';
import type { Chance } from './chance.ts';
import type { PostgresProxy } from './postgres-proxy.ts';
import type { Owned, Standing } from './standing.ts';
import { count, type Tally } from './tally.ts';

const SIGNALS = { SIGKILL: 6, SIGTERM: 2, SIGSTOP: 2 } as const;
export type Signal = keyof typeof SIGNALS;
export const STAGES = Object.keys(recipe);

/** How long a kill waits for a deploy to come to a stage worth striking, before it takes anybody. */
const AIM_MS = 3_000;
/** How likely a stage is worth it that was not struck yet in this run. */
const WORTH = 0.7;
/** Nothing of a take-over is waited for longer. */
const TAKEN_WITHIN_MS = 60_000;
/** A frozen process is given up after this (liveness.ts). */
const LEASE_MS = 15_000;

/** One blow: when, to whom, how, and how it comes back. */
export type Stroke = {
  afterMs: number;
  signal: Signal;
  /** It waits for a stage, to strike so many ms after that began; else any moment will do. */
  aims: boolean;
  lingerMs: number;
  which: number;
  /** Not the last that stands: people would meet nobody, and little would go on that could be struck. */
  spares: boolean;
  awayMs: number;
  back: Version;
};

/** The next one, as the seed has it. */
export function stroke(chance: Chance, processes: number): Stroke {
  const signal = chance.weighed(SIGNALS);
  return {
    // So that each of them stands for a few seconds.
    afterMs: chance.between(2_000, 9_000) / processes,
    signal,
    aims: chance.is(0.6),
    lingerMs: chance.is(0.6) ? 0 : chance.between(0, 1_500),
    which: chance.next(),
    spares: chance.is(0.8),
    // A frozen one comes back before anybody may judge it, or long after.
    awayMs: signal === 'SIGSTOP' && chance.is(0.5) ? chance.between(12_000, 25_000) : chance.between(0, 2_500),
    back: chance.is(0.25) ? 'newer' : 'same',
  };
}

/** Strikes until it is over, then waits for everybody to stand again. Gives how often it struck. */
export async function strikeOn(ask: {
  bots: Bots;
  standing: Standing;
  proxy: PostgresProxy;
  chance: Chance;
  /** They may come back as a newer version. */
  isMixed: boolean;
  /** Only there; anywhere when not given. */
  aim: readonly string[] | null;
  tally: Tally;
  isOver: () => boolean;
}): Promise<number> {
  const { bots, standing, proxy, chance, aim, tally, isOver } = ask;
  const coming: Promise<void>[] = [];
  const struck = new Map<string, number>();
  // The seldom ones above all: every deploy comes to some, few come to others.
  const isWorthIt = (stage: string): boolean =>
    aim ? aim.includes(stage) : chance.is(WORTH / (1 + (struck.get(stage) ?? 0) ** 2));
  // What was missed in all runs may not come again.
  const isMissed = (stage: string): boolean => !tally.byStage.has(stage);
  while (!isOver()) {
    const drawn = stroke(chance, bots.all.length);
    const next: Stroke = ask.isMixed ? drawn : { ...drawn, back: 'same' };
    const missed = aim ? null : await standing.comesTo(isMissed, next.afterMs);
    const come = missed ?? (next.aims || aim ? await standing.comesTo(isWorthIt, AIM_MS) : null);
    if (aim && !come) continue;
    const lingerMs = come && isMissed(come.stage) ? 0 : next.lingerMs;
    // Many a stage is over within milliseconds: whoever runs it waits for its database until it is struck.
    const letGo = come && lingerMs === 0 ? proxy.holds() : () => {};
    const owner = come && (await standing.owner(come.deploy));
    if (come && lingerMs > 0) await sleep(lingerMs);
    const { standing: targets } = bots;
    const target = (owner && bots.named(owner)) || targets[Math.floor(next.which * targets.length)];
    const isLast = targets.length === 1 && bots.all.length > 1;
    if (isOver() || !target || !targets.includes(target) || (isLast && next.spares)) {
      letGo();
      continue;
    }
    if (come) count(struck, come.stage);
    const blow = strike(target, next, { bots, standing, tally, letGo }).finally(letGo);
    coming.push(blow.catch(error => void tally.problems.push(`${next.signal}: ${error}`)));
  }
  await Promise.all(coming);
  return coming.length;
}

type Ring = { bots: Bots; standing: Standing; tally: Tally; letGo: () => void };

async function strike(bot: Bot, stroke: Stroke, ring: Ring): Promise<void> {
  bot.busy = true;
  try {
    if (stroke.signal === 'SIGSTOP') return await freeze(bot, stroke.awayMs, ring);
    try {
      await end(bot, stroke.signal, ring);
    } finally {
      // Also when we could not tell what it was about: nobody else starts it again.
      await sleep(stroke.awayMs);
      await ring.bots.start(bot, stroke.back, () => true);
    }
  } finally {
    bot.busy = false;
    ring.bots.answer();
  }
}

async function freeze(bot: Bot, awayMs: number, ring: Ring): Promise<void> {
  const from = performance.now();
  const asked = ring.standing.of([instanceOf(bot.process)]);
  bot.process.freeze();
  bot.frozen = true;
  ring.bots.answer();
  const owned = await asked;
  ring.letGo();
  ring.tally.killed('SIGSTOP', owned);
  // Before its lease is over nobody may take anything from it. Too many are struck meanwhile for one to stand by all the time.
  if (awayMs > LEASE_MS) void takenOver(ring, owned, from, 'frozen', () => bot.frozen && ring.bots.standing.length > 0);
  await sleep(awayMs);
  bot.process.thaw();
  bot.frozen = false;
}

async function end(bot: Bot, signal: 'SIGKILL' | 'SIGTERM', ring: Ring): Promise<void> {
  const { bots, standing, tally, letGo } = ring;
  const from = performance.now();
  // Asked in the same moment: another one takes over within a fraction of a second.
  const asked = standing.of([instanceOf(bot.process)]);
  const ending = bots.stop(bot, signal);
  bots.answer();
  const owned = await asked;
  letGo();
  await ending;
  tally.killed(signal, owned);
  if (signal === 'SIGTERM') {
    tally.left.push(performance.now() - from);
    return;
  }
  const by = bots.standing.map(({ process }) => process.pid);
  const standsBy = () => bots.standing.some(({ process }) => by.includes(process.pid));
  void takenOver(ring, owned, from, 'killed', standsBy);
}

/** Measures until another process has the deploys, as long as that says something. */
async function takenOver(
  { standing, tally }: Ring,
  [first]: readonly Owned[],
  from: number,
  was: 'killed' | 'frozen',
  counts: () => boolean,
): Promise<void> {
  while (first && performance.now() - from < TAKEN_WITHIN_MS) {
    const owner = await standing.owner(first.deploy);
    // Nor does it where the database was away.
    if (owner === null || !counts()) return;
    if (owner !== first.owner) {
      const isTroubled = was === 'killed' && tally.hasDatabaseFailed(from);
      tally.takeOvers[isTroubled ? 'troubled' : was].push(performance.now() - from);
      return;
    }
    await sleep(50);
  }
}
