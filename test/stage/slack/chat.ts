import { z } from 'zod';
import { channelOf, contentOf, flag, type Method, method, moment, need, postJson, type Stage } from './method.ts';
import { SlackError } from './slack-error.ts';
import { BOT, type Channel, type Metadata, type Post } from './workspace.ts';

/** Most characters of `text`: a post, and an edit (docs.slack.dev, chat.update: msg_too_long). */
const POST_TEXT = 40_000;
const EDIT_TEXT = 4_000;

const words = {
  channel: z.string().min(1),
  text: z.string().optional(),
  blocks: z.unknown().optional(),
  parse: z.enum(['none', 'full']).optional(),
  link_names: flag,
};
const places = { thread_ts: moment.optional(), unfurl_links: flag, unfurl_media: flag, mrkdwn: flag };
const label = z.strictObject({
  event_type: z.string().min(1).max(255),
  event_payload: z.record(z.string(), z.unknown()),
});

export const CHAT: Record<string, Method> = {
  'chat.postMessage': method(
    { tier: 'special', scope: 'chat:write' },
    { ...words, ...places, reply_broadcast: flag, metadata: z.unknown().optional() },
    (args, stage) => {
      const channel = writable(stage, args.channel);
      const thread = threadOf(stage, channel, args.thread_ts);
      const content = contentOf(args, POST_TEXT);
      const broadcast = thread !== null && args.reply_broadcast === true;
      const metadata = metadataOf(args.metadata);
      const post = stage.workspace.post({ ...content, channel, thread, broadcast, metadata, by: BOT.user });
      return { channel: channel.id, ts: post.ts, message: postJson(post, stage, true) };
    },
  ),

  'chat.update': method(
    { tier: 3, scope: 'chat:write' },
    { ...words, ts: moment, reply_broadcast: flag, metadata: z.unknown().optional() },
    (args, stage) => {
      const post = own(stage, args, 'cant_update_message');
      if (post.channel.archived) throw new SlackError('is_inactive');
      if (args.text === undefined && args.blocks === undefined) throw new SlackError('no_text');
      // Blocks that are not given stay; an empty list takes them away.
      const content = contentOf({ text: args.text, blocks: args.blocks ?? post.blocks }, EDIT_TEXT);
      if (args.metadata !== undefined) post.metadata = metadataOf(args.metadata);
      stage.workspace.edit(post, content);
      return { channel: post.channel.id, ts: post.ts, text: post.text, message: postJson(post, stage, true) };
    },
  ),

  'chat.delete': method({ tier: 3, scope: 'chat:write' }, { channel: words.channel, ts: moment }, (args, stage) => {
    const post = own(stage, args, 'cant_delete_message');
    stage.workspace.delete(post);
    return { channel: post.channel.id, ts: post.ts };
  }),

  'chat.postEphemeral': method(
    { tier: 4, scope: 'chat:write' },
    { ...words, user: z.string().min(1), thread_ts: moment.optional() },
    (args, stage) => {
      const channel = channelOf(stage, args.channel);
      refuseArchived(channel);
      if (!channel.botIsIn) throw new SlackError('not_in_channel');
      if (!stage.workspace.users.has(args.user)) throw new SlackError('user_not_in_channel');
      const thread = threadOf(stage, channel, args.thread_ts);
      const content = contentOf(args, POST_TEXT);
      const post = stage.workspace.post({ ...content, channel, thread, to: args.user, by: BOT.user });
      return { message_ts: post.ts };
    },
  ),
};

/** Into public channels that it is not in, a bot may only speak with a scope of its own. */
function writable(stage: Stage, id: string): Channel {
  const channel = channelOf(stage, id);
  refuseArchived(channel);
  if (!channel.botIsIn && !stage.scopes.has('chat:write.public')) throw new SlackError('not_in_channel');
  return channel;
}

function refuseArchived({ archived }: Channel): void {
  if (archived) throw new SlackError('is_archived');
}

/** Replies go to a message that is no reply itself. */
function threadOf({ workspace }: Stage, channel: Channel, ts: string | undefined): string | null {
  if (ts === undefined) return null;
  const parent = workspace.find(channel, ts);
  if (!parent || parent.to !== null) throw new SlackError('thread_not_found');
  if (parent.thread !== null) throw new SlackError('cannot_reply_to_message');
  return ts;
}

/** A message of the bot's; ephemerals cannot be found by anybody. */
function own(stage: Stage, { channel, ts }: { channel: string; ts: string }, otherwise: string): Post {
  need(stage, 'chat:write');
  const post = stage.workspace.find(channelOf(stage, channel), ts);
  if (!post || post.to !== null) throw new SlackError('message_not_found');
  if (post.by !== BOT.user) throw new SlackError(otherwise);
  return post;
}

function metadataOf(metadata: unknown): Metadata | null {
  if (metadata === undefined) return null;
  const read = label.safeParse(metadata);
  if (!read.success) throw new SlackError('invalid_metadata_schema', [z.prettifyError(read.error)]);
  return read.data;
}
