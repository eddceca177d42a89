import { z } from 'zod';
import { type Block, charactersOf, MOST_IN_ALL, readBlocks, validateBlocks } from './blocks.ts';
import type { Uploads } from './files.ts';
import type { Tier } from './limits.ts';
import { SlackError } from './slack-error.ts';
import type { TriggerIds } from './trigger-ids.ts';
import type { Views } from './views.ts';
import { BOT, type Channel, type Post, type Workspace } from './workspace.ts';

export type Stage = {
  workspace: Workspace;
  scopes: ReadonlySet<string>;
  triggers: TriggerIds;
  views: Views;
  uploads: Uploads;
};

/** One method of the Web API: what it is called with, and what it does. */
export type Method = {
  tier: Tier;
  scope: string | null;
  run(args: Record<string, unknown>, stage: Stage): Record<string, unknown>;
};

export function method<Shape extends z.ZodRawShape>(
  { tier, scope = null }: { tier: Tier; scope?: string | null },
  shape: Shape,
  run: (args: z.infer<z.ZodObject<Shape>>, stage: Stage) => Record<string, unknown>,
): Method {
  const expected = z.strictObject(shape);
  return {
    tier,
    scope,
    run: (args, stage) => {
      const read = expected.safeParse(args);
      if (read.success) return run(read.data as z.infer<z.ZodObject<Shape>>, stage);
      throw new SlackError(
        'invalid_arguments',
        read.error.issues.map(({ path, message, code }) => {
          const name = path.join('.');
          return `[ERROR] ${code === 'invalid_type' && !(name in args) ? `missing required field: ${name}` : message} [json-pointer:/${name}]`;
        }),
      );
    },
  };
}

// Forms carry everything as text.
export const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] })]).optional();
export const count = (most: number) => z.coerce.number().int().min(1).max(most);
export const moment = z.string().regex(/^\d+(\.\d+)?$/, 'must be a ts');

/** Text or blocks, both within Slack's limits. */
export function contentOf(
  { text, blocks }: { text?: string | undefined; blocks?: unknown },
  mostText: number,
): { text: string; blocks: Block[] } {
  if (text && text.length > mostText) throw new SlackError('msg_too_long');
  const problems = blocks === undefined ? [] : validateBlocks(blocks, 'message');
  if (problems.length > 0) throw new SlackError('invalid_blocks', problems);
  const read = blocks === undefined ? [] : readBlocks(blocks);
  if (charactersOf(read) > MOST_IN_ALL) throw new SlackError('msg_blocks_too_long');
  if (!text && read.length === 0) throw new SlackError('no_text');
  return { text: text ?? '', blocks: read };
}

/** The channel, which the bot can see. Private ones that it is not in do not exist for it. */
export function channelOf({ workspace }: Stage, id: string): Channel {
  const channel = workspace.channel(id);
  if (!channel || (channel.kind === 'private' && !channel.botIsIn)) throw new SlackError('channel_not_found');
  return channel;
}

export function need({ scopes }: Stage, scope: string): void {
  if (!scopes.has(scope)) {
    throw new SlackError('missing_scope', [], { needed: scope, provided: [...scopes].join(',') });
  }
}

/** A message in the JSON of the Web API and of the bot's requests. */
export function postJson(
  post: Post,
  { workspace }: Pick<Stage, 'workspace'>,
  withMetadata = false,
): Record<string, unknown> {
  const byBot = post.by === BOT.user;
  const replies = workspace.posts.filter(
    one => one.thread === post.ts && one.channel === post.channel && !one.deleted && !one.to,
  );
  return {
    type: 'message',
    ...(post.broadcast ? { subtype: 'thread_broadcast' } : {}),
    user: post.by,
    ...(byBot ? { bot_id: BOT.id, app_id: BOT.app } : {}),
    ts: post.ts,
    text: post.text,
    team: workspace.team.id,
    ...(post.blocks.length > 0 ? { blocks: post.blocks } : {}),
    ...(post.files.length > 0 ? { files: post.files.map(({ id, name, title }) => ({ id, name, title })) } : {}),
    ...(post.edited ? { edited: { user: post.by, ts: post.edited } } : {}),
    ...(post.thread ? { thread_ts: post.thread } : {}),
    ...(replies.length > 0
      ? { thread_ts: post.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }
      : {}),
    ...(withMetadata && post.metadata ? { metadata: post.metadata } : {}),
  };
}
