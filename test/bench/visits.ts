import type { Answered } from './load.ts';
import { least, most } from './statistics.ts';

/** What visitors saw over a deploy. */
export type Seen = {
  answers: { ms: number; isGood: boolean }[];
  /** The longest time between two good answers, or from the first question to the first one. */
  gapMs: number;
};

export function seenIn(answers: readonly Answered[]): Seen {
  const told = answers.map(({ due, ms, status }) => ({ due, ms, isGood: status !== null && status < 400 }));
  const good = told
    .filter(({ isGood }) => isGood)
    .map(({ due, ms }) => due + ms)
    .sort((a, b) => a - b);
  const from = least(told.map(({ due }) => due));
  const gaps = good.map((time, i) => time - (good[i - 1] ?? from));
  return { answers: told, gapMs: gaps.length === 0 ? Number.NaN : most(gaps) };
}
