import type { Logger } from 'pino';
import type { Deploy } from './domain/deploy.ts';
import type { Unheard } from './domain/unheard.ts';
import { MessageRefused, type Messages } from './team.ts';

// What becomes of a deploy that Slack takes no word of, until a person mends that.

type Parts = {
  load: (deploy: string) => Promise<Deploy | null>;
  messages: Pick<Messages, 'keep'>;
  /** Says to whoever started it why their deploy is not heard of: once, and once more when it has ended. */
  unheard: (deploy: Deploy, why: Unheard) => Promise<void>;
  log: Pick<Logger, 'warn'>;
};

/** The channel takes nothing. */
export const isGone = (error: unknown): error is MessageRefused & { gone: Unheard } =>
  error instanceof MessageRefused && error.gone !== null && error.gone !== 'thread' && error.gone !== 'not now';

/** Whoever started a deploy learns elsewhere that its channel takes no word of it. */
export async function tellStarter({ load, unheard, log }: Parts, id: string, error: unknown): Promise<void> {
  if (!isGone(error)) return;
  try {
    const deploy = await load(id);
    if (deploy) await unheard(deploy, error.gone);
  } catch (err) {
    log.warn({ err, deploy: id }, 'could not tell that a deploy is not heard of; trying again');
  }
}

/** Somebody deleted the message that a thread hangs on. */
export const isThreadGone = (error: unknown): boolean => error instanceof MessageRefused && error.gone === 'thread';

/** True when a reply was refused for that: then the root is forgotten, to be posted anew. */
export async function isRootGone({ messages }: Pick<Parts, 'messages'>, id: string, error: unknown): Promise<boolean> {
  if (!isThreadGone(error)) return false;
  await messages.keep(id, { key: 'root', ts: null, hash: null });
  return true;
}
