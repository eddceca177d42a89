import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { connectDirectory } from '../src/adapters/people.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';

const ALL = ['users:read', 'usergroups:read', 'channels:read', 'groups:read'];

let slack: Slack;
afterEach(() => slack.stop());

async function directory(scopes: readonly string[] = ALL) {
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: { ann: { id: 'U0ANN', zone: 'Asia/Kolkata' }, bob: 'U0BOB', gus: { id: 'U0GUS', guest: true } },
    channels: {
      shop: { id: 'C0SHOP', members: ['ann'] },
      vault: { id: 'C0VAULT', private: true },
      elsewhere: { id: 'C0ELSE', botIsIn: false },
    },
    groups: { ops: { id: 'S0OPS', members: ['bob'] } },
    scopes,
  });
  const log = pino({ level: 'silent' });
  return connectDirectory({ botToken: 'xoxb-1', slackApiUrl: slack.apiUrl, log });
}
const asked = (method: string): number => slack.calls.filter(call => call.method === method).length;

describe('who is who, by Slack', () => {
  it('is asked once a minute, whoever presses how often', async () => {
    const { person, group } = await directory();
    for (let press = 0; press < 5; press++) {
      expect(await person('U0ANN')).toEqual({ is: 'member', zone: 'Asia/Kolkata' });
      expect(await group('S0OPS')).toEqual({ name: 'ops', members: ['U0BOB'] });
    }
    expect(await person('U0GUS')).toMatchObject({ is: 'guest' });
    expect([asked('usergroups.list'), asked('usergroups.users.list')]).toEqual([1, 1]);
    expect(asked('users.info')).toBe(2);
  });

  it('knows which channels are archived, and of others, or where it may not ask, nothing', async () => {
    const { isArchived } = await directory();
    slack.archives('shop');
    expect(await Promise.all(['C0SHOP', 'C0VAULT', 'C0NONE'].map(isArchived))).toEqual([true, false, false]);
    await slack.stop();
    const asking = await directory(['users:read']);
    slack.archives('shop');
    expect(await asking.isArchived('C0SHOP')).toBe(false);
  });

  it('offers user groups, and the channels that the bot is in, for a role', async () => {
    const { groups, group } = await directory();
    expect(await groups()).toEqual([
      { id: 'S0OPS', name: 'ops' },
      { id: 'C0SHOP', name: 'shop' },
      { id: 'C0VAULT', name: 'vault' },
    ]);
    expect((await group('C0SHOP')).members).toContain('U0ANN');
  });

  it.each([
    ['whose plan has no user groups', ALL, 'plan_upgrade_required', ['C0SHOP', 'C0VAULT']],
    ['that declined to have private channels seen', ['users:read', 'channels:read'], null, ['C0SHOP']],
    ['that declined all of it', ['users:read'], null, []],
  ])('of a workspace %s is what there is, and the rest is nobody', async (_, scopes, refusal, offered) => {
    const { groups, group } = await directory(scopes);
    if (refusal) {
      for (const method of ['usergroups.list', 'usergroups.users.list']) slack.fails(method, { error: refusal }, 9);
    }
    expect((await groups()).map(({ id }) => id)).toEqual(offered);
    for (let press = 0; press < 3; press++) {
      expect(await group('S0OPS')).toEqual({ name: 'S0OPS', members: [], untold: 'ever' });
    }
    expect(asked('usergroups.users.list')).toBe(1);
  });

  it.each([{ status: 503 }, { error: 'internal_error' }])(
    'is not taken to be nobody when Slack only fails just now: %o',
    async trouble => {
      const { group } = await directory();
      slack.fails('usergroups.users.list', trouble);
      await expect(group('S0OPS')).rejects.toThrow();
      expect(await group('S0OPS')).toMatchObject({ members: ['U0BOB'] });
    },
  );

  it('is not asked again before Slack wants to be', async () => {
    const { group } = await directory();
    slack.fails('usergroups.users.list', { status: 429, retryAfter: 2 });
    for (let press = 0; press < 3; press++) await expect(group('S0OPS')).rejects.toThrow();
    expect(asked('usergroups.users.list')).toBe(1);
    await expect
      .poll(() => group('S0OPS').catch(() => null), { timeout: 10_000 })
      .toMatchObject({ members: ['U0BOB'] });
  });
});
