import type { Logger } from 'pino';
import type { Deploy } from './domain/deploy.ts';
import { type Pace, pauseAfter } from './pace.ts';
import { CLAIM_MS, hashAs, hashOf, isShown, isSurelyNotThere, type Kept, type Posting, TRIES } from './posting.ts';
import { type Chat, type Message, MessageRefused, type Taken } from './team.ts';
import { isGone } from './unheard.ts';

/** What an edit that waits for its turn is claimed again after, ms: a claim is good for 20 s, and others would queue for it, too. */
const CLAIM_AGAIN_MS = 10_000;
/** Whoever edits a message has done so by then, or is gone. */
const EDITED_WITHIN_MS = 5_000;
/** It is looked anew at what it shows. */
const AT_ONCE = 0;
/** What Slack did not answer within 8 s it may still carry out: by then it has, or hardly ever will. */
const SETTLED_AFTER_MS = 15_000;

/** An attempt that got no answer may have its effect `until` then, ms, over that whose hash is `shown` since. */
type Doubt = { until: number; shown: string | null };
/** `editedAt`: or, after a failure, until when it is left alone: a last state need not wait longer than that. */
type State = { editedAt: number; failures: number; refusals: number; staleSince: number | null; doubt: Doubt | null };
const NEVER: State = { editedAt: Number.NEGATIVE_INFINITY, failures: 0, refusals: 0, staleSince: null, doubt: null };
type Parts = { chat: Pick<Chat, 'update'>; pace: Pace; log: Pick<Logger, 'warn'> };
type Edit = {
  /** Names the message, among all that are edited. */
  id: string;
  channel: string;
  ts: string;
  message: Message;
  /** A last state, or what somebody waits for: it goes before all others. */
  last: boolean;
  /** Asked when its turn comes: whether it is still ours to edit. */
  isNeeded: () => Promise<boolean>;
  /** Called when its turn has come, or it is not needed. */
  wake: () => void;
};

/** Edits our messages at the pace that Slack allows: each as it is when its turn comes, whatever it was meanwhile. */
export class Editing {
  readonly #parts: Parts;
  readonly #states = new Map<string, State>();

  constructor({ chat, pace, log }: Parts) {
    this.#parts = { chat, pace, log };
  }

  /** The message was posted just now: people should have a moment to read it. */
  posted(id: string): void {
    this.#states.set(id, { ...NEVER, editedAt: performance.now() });
  }

  /** Nothing of it, nor of those that are named after it, will change any more. */
  forget(id: string): void {
    for (const known of this.#states.keys()) if (`${known} `.startsWith(`${id} `)) this.#states.delete(known);
  }

  /** How often in a row it was not taken whole. */
  failures(id: string): number {
    return this.#states.get(id)?.failures ?? 0;
  }

  /** For how long it must not be edited yet, ms: it was just now, or could not be. */
  wait({ id, channel, message, last }: Pick<Edit, 'id' | 'channel' | 'message' | 'last'>): number {
    const { editedAt, doubt } = this.#states.get(id) ?? NEVER;
    const settled = doubt && doubt.shown === hashOf(message) ? doubt.until : editedAt;
    return this.#parts.pace.nextEdit(channel, Math.max(editedAt, settled), last) - performance.now();
  }

  /**
   * Edits it if it may, and gives how much Slack took; else how long to wait, ms. What it has plainly refused too often counts as
   * taken. Rejects when its channel takes nothing, until a person mends that.
   */
  async edit({ id, channel, ts, message, last, isNeeded, wake }: Edit): Promise<Taken | number> {
    const { chat, pace, log } = this.#parts;
    const state = this.#states.get(id) ?? { ...NEVER };
    this.#states.set(id, state);
    state.staleSince ??= performance.now();
    const wait = this.wait({ id, channel, message, last });
    if (wait > 0) return wait;
    if (!pace.mayEdit(id, { channel, last, since: state.staleSince, isNeeded, wake })) return CLAIM_AGAIN_MS;
    let taken: Taken;
    try {
      taken = await chat.update({ channel, ts, message });
    } catch (err) {
      pace.editRefused(channel, err);
      const pause = pauseAfter(err, ++state.failures);
      if (!isSurelyNotThere(err)) state.doubt = { until: Number.POSITIVE_INFINITY, shown: null };
      state.refusals = isPlainNo(err) ? state.refusals + 1 : 0;
      if (state.refusals >= TRIES) {
        log.warn({ err, id }, 'Slack never takes this edit of a message: it stays as it is');
        state.staleSince = null;
        state.editedAt = performance.now() + pause;
        return 'whole';
      }
      log.warn({ err, id, pause }, 'could not edit a message in Slack; trying again');
      state.editedAt = performance.now() + pause;
      if (isGone(err)) throw err;
      return pause;
    }
    // What shows its sentence alone is tried again, and not at once.
    const failures = taken === 'whole' ? 0 : state.failures + 1;
    const pause = failures > 0 && failures < TRIES ? pauseAfter(null, failures) : 0;
    const now = performance.now();
    const until = Math.min(state.doubt?.until ?? now, now + SETTLED_AFTER_MS);
    const doubt = until > now ? { until, shown: hashOf(message) } : null;
    this.#states.set(id, { ...NEVER, editedAt: now + pause, failures, doubt });
    // An older attempt may yet come over it: what is shown is not known before it was edited once more.
    return doubt ? until - now : taken;
  }
}

/** Of this message: it is too old, too long, or not ours any more. Such a one would be tried for ever. */
const isPlainNo = (error: unknown): boolean => error instanceof MessageRefused && error.gone === null;

/** What is to be done next: nothing more for ever, or wait so many ms for a fact. */
export type Next = 'all told' | number;

/** Brings a message of a deploy up to date when its content changed and its turn has come; one process at a time. */
export async function editOnce(
  { messages, instance }: Pick<Posting, 'messages' | 'instance'>,
  editing: Editing,
  { deploy, message, known, last, wake }: Pick<Edit, 'message' | 'last' | 'wake'> & { deploy: Deploy; known: Kept },
): Promise<Next> {
  if (isShown(known.hash, message)) return 'all told';
  const { channel } = deploy.plan;
  const id = known.key === 'root' ? deploy.id : `${deploy.id} ${known.key}`;
  // While it waits, or fails here, another process may have it.
  const wait = editing.wait({ id, channel, message, last });
  if (wait > 0) return wait;
  const from = performance.now();
  if (!(await messages.mayEdit(deploy.id, known, instance))) return EDITED_WITHIN_MS;
  if (performance.now() - from > CLAIM_MS) return AT_ONCE;
  const isNeeded = async (): Promise<boolean> => {
    const row = (await messages.of(deploy.id)).find(({ key }) => key === known.key);
    return row !== undefined && !isShown(row.hash, message) && messages.mayEdit(deploy.id, row, instance);
  };
  const done = await editing.edit({ id, channel, ts: known.ts, message, last, isNeeded, wake });
  if (typeof done === 'number') return done;
  const hash = hashAs(done, message, known.hash);
  await messages.edited(deploy.id, { ...known, hash });
  return isShown(hash, message) ? 'all told' : AT_ONCE;
}
