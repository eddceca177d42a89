import type { Version } from './app.ts';
import { doorIn } from './closing.ts';
import { CLOCKS_MS, SKEW_MS } from './proof.ts';
import { answersNeeded } from './watch.ts';

// A deploy behind a closed page. Preboot is off, so the dyno list hides nobody: it tells when old code is gone and when
// new code is up, and the log's boot lines must agree. That visitors are let in again is asked of the app itself.

/** How many dynos of a type. */
export type Quantity = { type: string; quantity: number };

type Listed = { name: string; type: string; state: string; release: number; createdAt: string };

/** Times (ms) of lines in the log, by dyno; `scaledAt`: of the newest line that says how the app was scaled. */
export type Heard = { scaledAt: number | null; ups: Record<string, number[]>; exits: Record<string, number> };

export const NOTHING_HEARD: Heard = { scaledAt: null, ups: {}, exits: {} };

/** The dynos that were stopped and of which the log does not say since that they have exited. */
export const notHeardToExit = (dynos: readonly string[], { scaledAt, exits }: Heard): string[] =>
  dynos.filter(name => scaledAt === null || (exits[name] ?? 0) < scaledAt);

export type Boot =
  /** `older`: dynos that are to be replaced and are not yet. */
  | { kind: 'booting'; up: number; of: number; older: string[] }
  | { kind: 'crashed'; dyno: string }
  /** `unheard`: those whose boot line the log does not have. `beside`: one-offs of older code, which nothing replaces. */
  | { kind: 'up'; dynos: string[]; unheard: string[]; beside: string[] };

/** What a dyno list and the log say of dynos that should all run that release, or one made of it since. */
export function bootOf(goal: {
  wanted: readonly Quantity[];
  release: number;
  dynos: readonly Listed[];
  heard: Heard;
}): Boot {
  const { wanted, release, dynos, heard } = goal;
  const isWanted = (dyno: Listed): boolean => wanted.some(({ type }) => type === dyno.type);
  const ours = dynos.filter(dyno => dyno.release >= release && isWanted(dyno));
  const crashed = ours.find(({ state }) => state === 'crashed');
  if (crashed) return { kind: 'crashed', dyno: crashed.name };
  const up = ours.filter(({ state }) => state === 'up');
  const of = wanted.reduce((sum, { quantity }) => sum + quantity, 0);
  const old = dynos.filter(dyno => dyno.release < release);
  const older = namesOf(old.filter(isWanted));
  if (up.length < of || older.length > 0) return { kind: 'booting', up: up.length, of, older };
  const isHeard = ({ name, createdAt }: Listed): boolean =>
    heard.ups[name]?.some(at => at >= Date.parse(createdAt) - CLOCKS_MS) === true;
  return {
    kind: 'up',
    dynos: up.map(({ name }) => name).sort(),
    unheard: up.filter(dyno => !isHeard(dyno)).map(({ name }) => name),
    beside: namesOf(old),
  };
}

const namesOf = (dynos: readonly Listed[]): string[] => dynos.map(({ name, release }) => `${name} (v${release})`);

/** Answers of the app's own, one after the other, none of other code; `named` of them said whose they are. Times in ms. */
export type Row = { answers: number; named: number; from: number; to: number };

type Asked = { sentAt: number; receivedAt: number; status: number | null; version: Version };

/** The row with one more answer; null when that one breaks it: the closed page, an error, or other code. */
export function afterAnswer(
  row: Row | null,
  answer: Asked,
  code: { release: number; commit: string | null },
): Row | null {
  const { status, version } = answer;
  if (doorIn({ status, version }) !== 'open') return null;
  if (version && 'release' in version && version.release < code.release) return null;
  if (version && 'commit' in version && !code.commit?.startsWith(version.commit)) return null;
  const { answers, named, from } = row ?? { answers: 0, named: 0, from: answer.receivedAt };
  return { answers: answers + 1, named: named + Number(version !== null), from, to: answer.sentAt };
}

/** Enough of them, over a longer time than the routers need to agree. */
export const isOpen = (row: Row | null, web: number): row is Row =>
  row !== null && row.answers >= answersNeeded(web) && row.to - row.from >= SKEW_MS;
