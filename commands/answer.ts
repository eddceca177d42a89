import { randomBytes } from 'node:crypto';
import type { RespondFn } from '@slack/bolt';
import { WebAPIPlatformError, WebAPIRateLimitedError, type WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { NotDone } from '../src/domain/not-done.ts';
import { Refusal } from '../src/domain/refusal.ts';
import type { Pace } from '../src/pace.ts';
import { RANKS } from '../src/post-queue.ts';
import { notDone as notDoneWords, ourFault, refused } from '../views/answers.ts';
import type { Message } from '../views/blocks.ts';
import { answerForm } from '../views/thread-help.ts';

/** What a command or button has to say; `instead` takes the place of the private message that held the button. */
export type Answer = Message & { instead?: boolean };

/** Who is answered, and the ways to reach them. */
export type Asker = {
  user: string;
  channel: string | null;
  thread?: string | null;
  respond?: RespondFn | undefined;
  /** Id of the form in which they pressed. */
  form?: string | null;
  client: WebClient;
  /** It must not be worked, only answered. */
  notDone?: NotDone | undefined;
};

/** What an answer needs to get through: the pace at which Slack listens, and a log for what is not the asker's fault. */
export type Speech = { pace: Pick<Pace, 'turn' | 'whisper' | 'pause'>; log: Pick<Logger, 'warn' | 'error'> };

/** Slack asked to wait so often: then the answer is given up. */
const MOST_TRIES = 4;

/**
 * Runs the work and answers the asker alone, whatever happens: a refusal with its reasons, anything else as our fault.
 * Null: what the work did is the answer, such as a form that opened.
 */
export async function answer(asker: Asker, speech: Speech, work: () => Promise<Answer | null>): Promise<void> {
  const said = await outcome(asker, speech, work);
  if (said) await say(asker, speech, said);
}

async function outcome(
  { user, notDone }: Asker,
  { log }: Speech,
  work: () => Promise<Answer | null>,
): Promise<Answer | null> {
  if (notDone) return notDoneWords(notDone);
  try {
    return await work();
  } catch (err) {
    if (err instanceof Refusal) return refused(err.reasons);
    const id = `e${randomBytes(4).toString('hex')}`;
    log.error({ err, id, user }, 'a command or button failed');
    return ourFault(id);
  }
}

/** Slack's own address for the answer works 5 times in 30 minutes; past that, a private message in the channel. */
async function say(asker: Asker, speech: Speech, { text, blocks, instead = false }: Answer): Promise<void> {
  const { user, channel, thread, respond, form, client } = asker;
  const { log } = speech;
  const place = thread ? { thread_ts: thread } : {};
  try {
    // Behind a form nobody sees what is said.
    if (form) return void (await client.views.update({ view_id: form, view: answerForm({ text, blocks }, channel) }));
    if (!respond) throw new Error('this request has no address for answers');
    await respond({ response_type: 'ephemeral', replace_original: instead, text, blocks, ...(instead ? {} : place) });
  } catch (err) {
    log.warn({ err, user }, 'Slack took no direct answer; posting it instead');
    try {
      await post(asker, speech, { text, blocks, ...place });
    } catch (err) {
      log.error({ err, user, text }, 'a person could not be answered');
    }
  }
}

/** Slack shows nothing to anybody in a channel that the bot or the asker is not in (chat.postEphemeral). */
const ELSEWHERE: readonly unknown[] = ['not_in_channel', 'channel_not_found', 'user_not_in_channel', 'is_archived'];
const AGAIN_MS = 1_000;

/** Where only the asker sees it, at the pace that Slack allows; again when Slack asks to wait, or did not answer. */
async function post(asker: Asker, { pace }: Speech, said: Message & { thread_ts?: string }): Promise<void> {
  const { user, client } = asker;
  let { channel } = asker;
  for (let tries = 1; ; tries++) {
    try {
      if (channel) {
        await pace.whisper();
        await client.chat.postEphemeral({ channel, user, ...said });
      } else {
        const { text, blocks } = said;
        await pace.turn(user, RANKS.loud);
        await client.chat.postMessage({ channel: user, text, blocks });
      }
      return;
    } catch (error) {
      const refusal = error instanceof WebAPIPlatformError ? error.data.error : null;
      if (channel && ELSEWHERE.includes(refusal)) channel = null;
      else if (refusal !== null || tries === MOST_TRIES) throw error;
      else await pace.pause(error instanceof WebAPIRateLimitedError ? error.retryAfter * 1000 : AGAIN_MS);
    }
  }
}
