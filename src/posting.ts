import { createHash } from 'node:crypto';
import type { Deploy } from './domain/deploy.ts';
import { type Pace, retryAfterMs } from './pace.ts';
import { type Chat, type Message, MessageRefused, type Messages, type Taken } from './team.ts';

// A message of a deploy is posted once, whatever is killed when: claimed before, kept after, and looked for between.

/** Others judge us 5 s after our last beat: what we claimed longer ago than this, frozen perhaps, they may be sending. */
export const CLAIM_MS = 2_500;

const SILENT_MS = 5_000;
const SETTLES_MS = 10_000;

/** For how long what was sent then, and failed, should not be looked for, ms: what Slack did not answer it may carry out later. */
export const settlesIn = (sentAt: number): number => (performance.now() - sentAt > SILENT_MS ? SETTLES_MS : 0);

export type Posting = {
  messages: Messages;
  chat: Chat;
  /** Shared with whoever else posts to this workspace. */
  pace: Pace;
  /** Names this process among those that may tell the same deploy. */
  instance: string;
  /** By the clock that dates the facts, ms. */
  now: () => number;
};

export type Kept = { key: string; ts: string; hash: string | null };

/**
 * Posts a message once; null while another process is at it. An earlier attempt may have got through without our
 * knowing: then it is found by its label.
 */
export async function postOnce(
  { messages, chat, pace, instance }: Posting,
  ask: {
    deploy: Deploy;
    key: string;
    thread?: string;
    broadcast?: boolean;
    message: Message;
    /** Kept with it in place of that of its content. */
    hash?: string;
    since: string;
  },
): Promise<Kept | null> {
  const { deploy, key, thread, message, broadcast = false } = ask;
  const { channel } = deploy.plan;
  const claim = { deploy: deploy.id, key, channel, by: instance };
  const place = { channel, ...(thread === undefined ? {} : { thread }), key: { deploy: deploy.id, key } };
  const keep = async (kept: Kept): Promise<Kept> => {
    await messages.keep(deploy.id, kept);
    return kept;
  };
  if (pace.stopped) return null;
  let isFirst = false;
  for (let looked = false; ; looked = true) {
    const from = performance.now();
    const claimed = await messages.claim(claim);
    if (claimed === 'taken') return null;
    isFirst ||= claimed === 'first';
    if ((claimed === 'first' || looked) && performance.now() - from < CLAIM_MS) break;
    // Looking takes its time, and so it is claimed once more.
    const ts = await chat.find({ ...place, after: Date.parse(ask.since) });
    if (ts !== null) return keep({ key, ts, hash: ask.hash ?? null });
  }
  const sentAt = performance.now();
  try {
    const { ts, taken } = await chat.post({ ...place, broadcast, message });
    return await keep({ key, ts, hash: ask.hash ?? hashAs(taken, message, null) });
  } catch (error) {
    pace.postRefused(channel, error);
    // It need not be looked for, unless an earlier attempt may have got through. Where that is not noted, it is.
    if (isFirst && isSurelyNotThere(error)) await messages.free(deploy.id, key, instance).catch(() => {});
    await pace.pause(settlesIn(sentAt));
    throw error;
  }
}

/** Slack refused it: what was sent has no effect, and will not have one later. */
export const isSurelyNotThere = (error: unknown): boolean => error instanceof MessageRefused || retryAfterMs(error) > 0;

/** Of what a message says: it is edited when this is another. */
export const hashOf = (message: Message): string =>
  createHash('sha256').update(JSON.stringify(message)).digest('base64url');

/** A message of which Slack took the sentence alone is tried so often in a row: a refusal may pass, and buttons are missed. */
export const TRIES = 5;
const ALONE = /^alone (\d+) (.*)$/;

/** What is kept of a message of which Slack took this much; `before`: what was kept of it until then. */
export function hashAs(taken: Taken, message: Message, before: string | null): string {
  if (taken === 'whole') return hashOf(message);
  return `alone ${Number(ALONE.exec(before ?? '')?.[1] ?? 0) + 1} ${hashOf(message)}`;
}

/** Whether Slack shows the message, as far as it ever will. */
export function isShown(hash: string | null, message: Message): boolean {
  const [, tries, of = hash] = ALONE.exec(hash ?? '') ?? [];
  return of === hashOf(message) && Number(tries ?? TRIES) >= TRIES;
}
