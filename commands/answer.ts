import { randomBytes } from 'node:crypto';
import type { RespondFn } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { NotDone } from '../src/domain/not-done.ts';
import { Refusal } from '../src/domain/refusal.ts';
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

type Log = Pick<Logger, 'warn' | 'error'>;

/**
 * Runs the work and answers the asker alone, whatever happens: a refusal with its reasons, anything else as our fault.
 * Null: what the work did is the answer, such as a form that opened.
 */
export async function answer(asker: Asker, log: Log, work: () => Promise<Answer | null>): Promise<void> {
  const said = await outcome(asker, log, work);
  if (said) await say(asker, log, said);
}

async function outcome({ user, notDone }: Asker, log: Log, work: () => Promise<Answer | null>): Promise<Answer | null> {
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
async function say({ user, channel, thread, respond, form, client }: Asker, log: Log, said: Answer): Promise<void> {
  const { text, blocks, instead = false } = said;
  const place = thread ? { thread_ts: thread } : {};
  try {
    // Behind a form nobody sees what is said.
    if (form) return void (await client.views.update({ view_id: form, view: answerForm(said, channel) }));
    if (!respond) throw new Error('this request has no address for answers');
    await respond({ response_type: 'ephemeral', replace_original: instead, text, blocks, ...(instead ? {} : place) });
  } catch (err) {
    log.warn({ err, user }, 'Slack took no direct answer; posting it instead');
    try {
      if (channel) await client.chat.postEphemeral({ channel, user, text, blocks, ...place });
      else await client.chat.postMessage({ channel: user, text, blocks });
    } catch (err) {
      log.error({ err, user, text }, 'a person could not be answered');
    }
  }
}
