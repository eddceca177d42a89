import { WebClient } from '@slack/web-api';
import { z } from 'zod';
import type { Chat, Message, MessageKey, Taken } from '../team.ts';
import { CALL_WITHIN_MS, clientOptions, type SlackAccess } from './slack-client.ts';
import { isChannelGone, isCode, isLookRefused, isNo, told } from './slack-refusals.ts';

/** Label of our messages, by which one whose answer was lost is found again. Anyone in the workspace can read it. */
const EVENT = 'switchover';
/** Slack's clock and ours may differ by this much. */
const CLOCKS_MS = 60_000;
/** Of 200 messages; and no later than this another is asked for, ms: a claim on a message lasts 20 s. */
const PAGES = 20;
const PAGES_WITHIN_MS = 4_000;
/** A bot that was taken out of a channel for a moment can read there again by then; */
const UNREAD_MS = 20_000;
/** and another refusal that lasts so long stays. */
const UNREADABLE_MS = 120_000;
/** What was a while ago says nothing of now. */
const FORGOTTEN_MS = 600_000;

type Look = (message: Message) => Message;

/**
 * Posts, finds and edits. `plain` draws a message without the newer blocks, for a workspace that does not take them, and
 * `bare` only its sentence and buttons; what even that refuses goes out as its sentence alone, since the thread must not
 * stand still, and says so. What is to be found where Slack refuses to let it be read counts as not there after 2 min, or
 * after `unreadMs` where the bot is not in the channel: one line too many beats silence.
 */
export function connectSlack({
  plain,
  bare,
  unreadMs = UNREAD_MS,
  ...access
}: SlackAccess & { plain: Look; bare: Look; unreadMs?: number }): Chat {
  const client = new WebClient(access.botToken, clientOptions(access));
  /** Kinds of blocks that this workspace refused, and took the plain ones instead. */
  const refused = new Set<string>();
  /** Channels that could not be read: since when, and when it was tried last (by a stopwatch, ms). */
  const unread = new Map<string, { since: number; last: number }>();

  function unreadFor(channel: string): number {
    const last = performance.now();
    const before = unread.get(channel);
    const since = before && last - before.last < FORGOTTEN_MS ? before.since : last;
    unread.set(channel, { since, last });
    return last - since;
  }

  async function send<T>(
    message: Message,
    call: (client: WebClient, message: Message) => Promise<T>,
  ): Promise<{ result: T; taken: Taken }> {
    // All looks together take no longer than one call may: claims on a message are made for that.
    const client = new WebClient(access.botToken, clientOptions(access, AbortSignal.timeout(CALL_WITHIN_MS)));
    const simple = plain(message);
    const newer = kindsOf(message).filter(kind => !kindsOf(simple).includes(kind));
    const alone = { ...message, blocks: [] };
    const looks = [simple, bare(message), alone];
    if (newer.length > 0 && !newer.some(kind => refused.has(kind))) looks.unshift(message);
    const refusals: unknown[] = [];
    for (const look of looks) {
      try {
        const result = await call(client, look);
        if (look === simple && isCode(refusals[0], 'invalid_blocks', 'invalid_blocks_format'))
          for (const kind of newer) refused.add(kind);
        return { result, taken: look === alone && message.blocks.length > 0 ? 'sentence' : 'whole' };
      } catch (error) {
        refusals.push(error);
        if (!isLookRefused(error)) break;
      }
    }
    throw told(refusals.at(-1));
  }

  return {
    async post({ channel, thread, broadcast, message, key }) {
      const metadata = { event_type: EVENT, event_payload: { ...key } };
      const place =
        thread === undefined ? { channel } : { channel, thread_ts: thread, reply_broadcast: broadcast ?? false };
      const { result, taken } = await send(message, (client, { text, blocks }) =>
        client.apiCall('chat.postMessage', {
          ...place,
          text,
          blocks,
          metadata,
          unfurl_links: false,
          unfurl_media: false,
          link_names: false,
        }),
      );
      return { ts: posting.parse(result).ts, taken };
    },

    async find({ channel, thread, key, after }) {
      const oldest = ((after - CLOCKS_MS) / 1000).toFixed(6);
      const method = thread === undefined ? 'conversations.history' : 'conversations.replies';
      const place = thread === undefined ? { channel } : { channel, ts: thread };
      let cursor = '';
      const from = performance.now();
      for (let page = 0; page < PAGES && performance.now() - from < PAGES_WITHIN_MS; page++) {
        const ask = { ...place, oldest, limit: 200, include_all_metadata: true, ...(cursor ? { cursor } : {}) };
        const read = await client.apiCall(method, ask).catch(error => {
          if (isCode(error, 'thread_not_found')) return null;
          const why = told(error);
          const isOutside = isCode(error, 'not_in_channel');
          // Slack's own trouble passes, and nothing can be posted to a channel that is gone.
          const mayLast = isNo(error) && (isOutside || !isChannelGone(error));
          if (mayLast && unreadFor(channel) >= (isOutside ? unreadMs : UNREADABLE_MS)) return null;
          throw isOutside
            ? new Error(`${channel} cannot be read: the bot is not in it just now`, { cause: error })
            : why;
        });
        if (read === null) return null;
        unread.delete(channel);
        const mine = history.parse(read).messages.find(posted => carries(posted, key));
        if (mine) return mine.ts;
        cursor = read.response_metadata?.next_cursor ?? '';
        if (!cursor) return null;
      }
      return null;
    },

    async update({ channel, ts, message }) {
      const { taken } = await send(message, (client, { text, blocks }) =>
        client.apiCall('chat.update', { channel, ts, text, blocks }).catch(error => {
          // Somebody deleted it: there is nothing left to keep up to date.
          if (!isCode(error, 'message_not_found')) throw error;
        }),
      );
      return taken;
    },
  };
}

const kindsOf = ({ blocks }: Message): string[] =>
  blocks.map(block => ('type' in block && typeof block.type === 'string' ? block.type : ''));

/** Resolves when Slack answers and takes the bot's token. */
export async function slackAnswers(access: SlackAccess): Promise<void> {
  await new WebClient(access.botToken, clientOptions(access)).auth.test();
}

const posting = z.object({ ts: z.string() });
const label = z.object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) });
const history = z.object({
  messages: z.array(z.object({ ts: z.string(), metadata: label.optional().catch(undefined) })),
});

function carries({ metadata }: z.infer<typeof history>['messages'][number], key: MessageKey): boolean {
  const { deploy, key: name } = metadata?.event_payload ?? {};
  return metadata?.event_type === EVENT && deploy === key.deploy && name === key.key;
}
