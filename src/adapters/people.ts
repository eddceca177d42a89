import { WebClient } from '@slack/web-api';
import type { Directory, Person } from '../team.ts';
import { clientOptions, type SlackAccess } from './slack-client.ts';

/** How old an answer of Slack may be, ms: users.info and conversations.members are tier 4, usergroups.list tier 2. */
const KEPT_MS = 60_000;
/** Members of a channel are listed by so many (conversations.members recommends at most 200). */
const PAGE = 200;

/** Who people are and who is in a group, by Slack's Web API (scopes users:read, usergroups:read, channels:read, groups:read). */
export function connectDirectory(access: SlackAccess): Directory {
  const client = new WebClient(access.botToken, clientOptions(access));
  const team = kept(async () => (await client.auth.test()).team_id ?? '');
  const handles = kept(async () => {
    const { usergroups = [] } = await client.usergroups.list();
    return new Map(usergroups.map(({ id = '', handle = '' }) => [id, handle]));
  });

  const person = kept(async (id): Promise<Person> => {
    const [{ user = {} }, ours] = await Promise.all([client.users.info({ user: id }), team('')]);
    const zone = user.tz ?? 'UTC';
    if (user.deleted) return { is: 'gone', zone };
    if (user.is_bot) return { is: 'bot', zone };
    // Slack Connect: people of other workspaces in a shared channel (reference/objects/user-object).
    const isStranger = ('is_stranger' in user && user.is_stranger === true) || user.team_id !== ours;
    if (isStranger && !user.enterprise_user?.teams?.includes(ours)) return { is: 'stranger', zone };
    return { is: user.is_restricted || user.is_ultra_restricted ? 'guest' : 'member', zone };
  });

  const inGroup = async (usergroup: string) => {
    const [{ users = [] }, named] = await Promise.all([client.usergroups.users.list({ usergroup }), handles('')]);
    return { name: named.get(usergroup) ?? usergroup, members: users };
  };
  const inChannel = async (channel: string) => {
    const members: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await client.conversations.members({ channel, limit: PAGE, ...(cursor && { cursor }) });
      members.push(...(page.members ?? []));
      cursor = page.response_metadata?.next_cursor;
      if (!cursor) return { name: channel, members };
    }
  };
  const groups = async () => [...(await handles(''))].map(([id, name]) => ({ id, name }));
  return { person, groups, group: kept(id => (id.startsWith('S') ? inGroup(id) : inChannel(id))) };
}

/** Asks once for a key, and again when the answer is too old; a failure is not kept. */
function kept<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, { at: number; answer: Promise<T> }>();
  return key => {
    const last = known.get(key);
    if (last && performance.now() - last.at < KEPT_MS) return last.answer;
    const answer = ask(key);
    known.set(key, { at: performance.now(), answer });
    answer.catch(() => known.delete(key));
    return answer;
  };
}
