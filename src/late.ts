import type { Fact } from './domain/deploy.ts';
import type { Message } from './team.ts';

// A thread that is far behind, after Slack was away for long, is brought up in fewer words: its quiet replies in one.

/** What is said of a fact; `live`: edited when it would say something else. */
export type Reply = { message: Message; broadcast: boolean; live?: boolean };
/** A reply that comes late, and when it should have come. */
export type Late = { message: Message; at: string };

const FAR_BEHIND_MS = 10 * 60_000;
/** What is kept of a message that tells several facts, before the number of the first of them. */
export const COVERS = 'covers ';

/** By what name the reply to a fact is kept. */
export const keyOf = (seq: number): string => `reply:${seq}`;

/** Whether a fact was told by a message that told several. */
export function toldBy(kept: Iterable<{ key: string; hash: string | null }>): (seq: number) => boolean {
  const ranges = [...kept].flatMap(({ key, hash }) =>
    hash?.startsWith(COVERS) ? [{ from: Number(hash.slice(COVERS.length)), to: Number(key.split(':')[1]) }] : [],
  );
  return seq => ranges.some(({ from, to }) => seq >= from && seq <= to);
}

/** Somebody is called by name. */
const calls = ({ message }: Reply): boolean => /<@[UW]/.test(JSON.stringify(message));

/** What people must hear of, are asked, or are called to: it neither waits behind the rest, nor is told among several. */
export const isLoud = (reply: Reply): boolean => reply.broadcast || reply.live === true || calls(reply);

type Missing = Reply & { fact: Pick<Fact, 'seq' | 'at'> };

/**
 * How many of the first of those that are missing are told in one at `now` (ms): 0 when the thread is not far behind. One that
 * was `begun` before ends them, so that what may have arrived stays what it was.
 */
export function lateOnes(missing: readonly Missing[], begun: ReadonlySet<string>, now: number): number {
  const [first] = missing;
  if (!first || now - Date.parse(first.fact.at) < FAR_BEHIND_MS) return 0;
  const loud = missing.findIndex(isLoud);
  const quiet = loud < 0 ? missing.length : loud;
  const sent = missing.findIndex(({ fact }) => begun.has(keyOf(fact.seq)));
  return sent < 0 ? quiet : Math.min(quiet, sent + 1);
}
