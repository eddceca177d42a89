import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../stage/stage.ts';
import { usage } from './machine.ts';

/** What the bot's process and its database did in a while. */
export type Look = { mb: number; cpuPercent: number; queriesPerSecond: number };

/** The bot has come to rest when it asks its database as often as just before, within this share. */
const STEADY = 0.1;
const MOST_LOOKS = 8;

/** Looks for so long. */
export async function lookAt(stage: Stage, ms: number): Promise<Look> {
  const [before, from] = [await usage(stage.bot.pid), await transactions(stage)];
  const begun = performance.now();
  await sleep(ms);
  const [after, to] = [await usage(stage.bot.pid), await transactions(stage)];
  const seconds = (performance.now() - begun) / 1000;
  return {
    mb: after.mb,
    cpuPercent: (100 * (after.cpuSeconds - before.cpuSeconds)) / seconds,
    queriesPerSecond: (to - from) / seconds,
  };
}

/** A look at a bot that has come to rest after its start. */
export async function steadyLook(stage: Stage, ms: number): Promise<Look> {
  let look = await lookAt(stage, ms);
  for (let looks = 1; looks < MOST_LOOKS; looks++) {
    const before = look.queriesPerSecond;
    look = await lookAt(stage, ms);
    if (Math.abs(look.queriesPerSecond - before) <= STEADY * before) return look;
  }
  return look;
}

async function transactions({ database }: Stage): Promise<number> {
  const { rows } = await database.query<{ count: string }>(
    'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(rows[0]?.count);
}
