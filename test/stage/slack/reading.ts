import { DateTime } from 'luxon';
import { z } from 'zod';
import { channelOf, count, flag, type Method, method, moment, need, postJson, type Stage } from './method.ts';
import { SlackError } from './slack-error.ts';
import { BOT, type Channel, type Post, type Workspace } from './workspace.ts';

const pages = {
  channel: z.string().min(1),
  oldest: moment.optional(),
  latest: moment.optional(),
  inclusive: flag,
  limit: count(999).optional(),
  cursor: z.string().optional(),
  include_all_metadata: flag,
};

/** Scope that each kind of channel asks for: `channels:history`, `groups:read`, … */
const FAMILY = { public: 'channels', private: 'groups', im: 'im' } as const satisfies Record<Channel['kind'], string>;

export const READING: Record<string, Method> = {
  'auth.test': method({ tier: 'special' }, {}, (_, { workspace: { team } }) => ({
    url: `https://${team.domain}.slack.com/`,
    team: team.domain,
    team_id: team.id,
    user: BOT.name,
    user_id: BOT.user,
    bot_id: BOT.id,
    is_enterprise_install: false,
  })),

  'bots.info': method(
    { tier: 3, scope: 'users:read' },
    { bot: z.string().min(1), team_id: z.string().optional() },
    ({ bot }) => {
      if (bot !== BOT.id) throw new SlackError('bot_not_found');
      return { bot: { id: bot, deleted: false, name: BOT.name, updated: 0, app_id: BOT.app, user_id: BOT.user } };
    },
  ),

  'conversations.info': method(
    { tier: 3 },
    { channel: z.string().min(1), include_locale: flag, include_num_members: flag },
    ({ channel: id }, stage) => {
      const channel = channelOf(stage, id);
      need(stage, `${FAMILY[channel.kind]}:read`);
      return { channel: channelJson(channel) };
    },
  ),

  // Newest first, without replies unless they were shown in the channel too.
  'conversations.history': method({ tier: 3 }, pages, (args, stage) => {
    const channel = readable(stage, args.channel);
    const shown = within(stage, channel, args).filter(post => post.thread === null || post.broadcast);
    return { ...page(shown.reverse(), args, stage), pin_count: 0 };
  }),

  // Oldest first; what they reply to comes before them on every page.
  'conversations.replies': method({ tier: 3 }, { ...pages, ts: moment }, (args, stage) => {
    const channel = readable(stage, args.channel);
    const parent = stage.workspace.find(channel, args.ts);
    if (!parent || parent.to !== null) throw new SlackError('thread_not_found');
    const root = parent.thread ?? parent.ts;
    const { messages, ...rest } = page(
      within(stage, channel, args).filter(({ thread }) => thread === root),
      args,
      stage,
    );
    const first = stage.workspace.find(channel, root) ?? parent;
    return { messages: [postJson(first, stage, args.include_all_metadata), ...messages], ...rest };
  }),

  'conversations.members': method(
    { tier: 4 },
    { channel: z.string().min(1), limit: count(999).optional(), cursor: z.string().optional() },
    ({ channel: id }, stage) => {
      const channel = channelOf(stage, id);
      need(stage, `${FAMILY[channel.kind]}:read`);
      const bot = channel.botIsIn ? [BOT.user] : [];
      return { members: [...channel.members, ...bot], response_metadata: { next_cursor: '' } };
    },
  ),

  // Of the bot: the channels that it is in.
  'users.conversations': method(
    { tier: 3 },
    {
      types: z.enum(['public_channel', 'private_channel']).default('public_channel'),
      exclude_archived: flag,
      limit: count(999).optional(),
      cursor: z.string().optional(),
    },
    ({ types }, stage) => {
      const kind = types === 'public_channel' ? 'public' : 'private';
      need(stage, `${FAMILY[kind]}:read`);
      const mine = stage.workspace.channels.filter(channel => channel.kind === kind && channel.botIsIn);
      return { channels: mine.map(channelJson), response_metadata: { next_cursor: '' } };
    },
  ),

  'usergroups.list': method(
    { tier: 2, scope: 'usergroups:read' },
    { include_users: flag, include_count: flag, include_disabled: flag },
    ({ include_users }, { workspace }) => ({
      usergroups: workspace.groups.map(({ id, handle, members }) => ({
        id,
        team_id: workspace.team.id,
        is_usergroup: true,
        name: handle,
        handle,
        date_delete: 0,
        user_count: members.length,
        ...(include_users ? { users: members } : {}),
      })),
    }),
  ),

  'usergroups.users.list': method(
    { tier: 2, scope: 'usergroups:read' },
    { usergroup: z.string().min(1), include_disabled: flag },
    ({ usergroup }, { workspace }) => {
      const group = workspace.groups.find(({ id }) => id === usergroup);
      if (!group) throw new SlackError('no_such_subteam');
      return { users: group.members };
    },
  ),

  'users.info': method(
    { tier: 4, scope: 'users:read' },
    { user: z.string().min(1), include_locale: flag },
    ({ user }, { workspace }) => ({ user: userJson(user, workspace) }),
  ),
};

/** docs.slack.dev, reference/objects/user-object. */
function userJson(id: string, { users, team }: Workspace): Record<string, unknown> {
  if (id === BOT.user)
    return { id, team_id: team.id, name: BOT.name, real_name: BOT.name, deleted: false, is_bot: true };
  const user = users.get(id);
  if (!user) throw new SlackError('user_not_found');
  const { name, zone, guest } = user;
  const now = DateTime.now().setZone(zone);
  return {
    id,
    team_id: user.team,
    name,
    real_name: name,
    profile: { real_name: name, display_name: name },
    deleted: false,
    tz: zone,
    tz_label: now.offsetNameLong,
    tz_offset: now.offset * 60,
    is_bot: false,
    is_app_user: false,
    is_admin: false,
    is_owner: false,
    is_restricted: guest,
    is_ultra_restricted: false,
    is_stranger: user.team !== team.id,
  };
}

function readable(stage: Stage, id: string): Channel {
  const channel = channelOf(stage, id);
  need(stage, `${FAMILY[channel.kind]}:history`);
  if (!channel.botIsIn) throw new SlackError('not_in_channel');
  return channel;
}

type Asked = { oldest?: string | undefined; latest?: string | undefined; inclusive?: boolean | undefined };

/** Ephemerals are kept nowhere. */
function within(
  { workspace }: Stage,
  channel: Channel,
  { oldest = '0', latest = '9999999999', inclusive }: Asked,
): Post[] {
  const [from, to] = [Number(oldest), Number(latest)];
  return workspace.posts.filter(post => {
    const at = Number(post.ts);
    const inside = (at > from && at < to) || (inclusive === true && (at === from || at === to));
    return post.channel === channel && !post.deleted && post.to === null && inside;
  });
}

type Paged = { limit?: number | undefined; cursor?: string | undefined; include_all_metadata?: boolean | undefined };

/** A cursor is the ts of the first message of the next page. */
function page(posts: Post[], { limit = 100, cursor, include_all_metadata }: Paged, stage: Stage) {
  const ts = cursor
    ? Buffer.from(cursor, 'base64')
        .toString()
        .replace(/^next_ts:/, '')
    : null;
  const start = ts === null ? 0 : posts.findIndex(post => post.ts === ts);
  if (start < 0) throw new SlackError('invalid_cursor');
  const next = posts[start + limit];
  const next_cursor = next ? Buffer.from(`next_ts:${next.ts}`).toString('base64') : '';
  return {
    messages: posts.slice(start, start + limit).map(post => postJson(post, stage, include_all_metadata)),
    has_more: next !== undefined,
    ...(next ? { response_metadata: { next_cursor } } : {}),
  };
}

function channelJson({ id, name, kind, botIsIn, archived = false }: Channel): Record<string, unknown> {
  return {
    id,
    name,
    is_channel: kind === 'public',
    is_group: kind === 'private',
    is_im: kind === 'im',
    is_private: kind !== 'public',
    is_archived: archived,
    is_member: botIsIn,
  };
}
