import { WebAPIRateLimitedError, WebClient } from '@slack/web-api';
import type { Group } from '../domain/permission.ts';
import type { Directory, Person } from '../team.ts';
import { clientOptions, type SlackAccess } from './slack-client.ts';
import { isNo } from './slack-refusals.ts';

/** How old an answer of Slack may be, ms: users.info is tier 4, users.conversations tier 3, usergroups.list tier 2. */
const KEPT_MS = 60_000;
/** Members and channels are listed by so many (both methods recommend at most 200). */
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

  const inGroup = async (usergroup: string): Promise<Group> => {
    const [{ users = [] }, named] = await Promise.all([client.usergroups.users.list({ usergroup }), handles('')]);
    return { name: named.get(usergroup) ?? usergroup, members: users };
  };
  const inChannel = async (channel: string): Promise<Group> => {
    const members = await paged(async cursor => {
      const page = await client.conversations.members({ channel, limit: PAGE, ...cursor });
      return { items: page.members ?? [], next: page.response_metadata?.next_cursor };
    });
    return { name: channel, members };
  };
  const mine = (types: 'public_channel' | 'private_channel') =>
    paged(async cursor => {
      const page = await client.users.conversations({ types, exclude_archived: true, limit: PAGE, ...cursor });
      const items = (page.channels ?? []).map(({ id = '', name = '' }) => ({ id, name }));
      return { items, next: page.response_metadata?.next_cursor };
    });
  const named = async () => [...(await handles(''))].map(([id, name]) => ({ id, name }));
  const groups = kept(async () => {
    const lists = [named(), mine('public_channel'), mine('private_channel')];
    return (await Promise.all(lists.map(list => list.catch(none)))).flat();
  });
  const group = kept((id: string) =>
    (id.startsWith('S') ? inGroup(id) : inChannel(id)).catch(error => {
      none(error);
      return { name: id, members: [], untold: 'ever' as const };
    }),
  );
  const archived = kept(async channel => (await client.conversations.info({ channel })).channel?.is_archived === true);
  // Without its optional scopes the bot cannot ask, and may post all the same.
  const isArchived = (channel: string): Promise<boolean> => archived(channel).catch(() => false);
  return { person, group, groups: () => groups(''), isArchived };
}

/** Slack's plain no: no such group, a scope that was declined, a plan without user groups. Asking again does not help. */
function none(error: unknown): [] {
  if (isNo(error)) return [];
  throw error;
}

type Page<T> = { items: T[]; next: string | undefined };

async function paged<T>(ask: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await ask(cursor ? { cursor } : {});
    all.push(...items);
    cursor = next;
    if (!cursor) return all;
  }
}

/** Asks once for a key, and again when the answer is too old; a failure is kept for as long as Slack asks to wait. */
function kept<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, { at: number; answer: Promise<T> }>();
  return key => {
    const last = known.get(key);
    if (last && performance.now() - last.at < KEPT_MS) return last.answer;
    const answer = ask(key);
    known.set(key, { at: performance.now(), answer });
    answer.catch(error => {
      const waitMs = error instanceof WebAPIRateLimitedError ? error.retryAfter * 1000 : 0;
      known.set(key, { at: performance.now() - KEPT_MS + Math.min(waitMs, KEPT_MS), answer });
    });
    return answer;
  };
}
