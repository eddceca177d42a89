import { describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import type { AppSettings } from '../src/domain/app.ts';
import type { Deploy } from '../src/domain/deploy.ts';
import type { Group } from '../src/domain/permission.ts';
import { NotNow } from '../src/domain/refusal.ts';
import type { Person } from '../src/team.ts';
import { deploys } from './sample-deploys.ts';

const [ANN, BOB, CAT, DAN, EVE] = ['U0ANN', 'U0BOB', 'U0CAT', 'U0DAN', 'U0EVE'];
const shop: AppSettings = {
  ...{ name: 'shop', repository: 'acme/shop', defaultRef: 'main', channel: 'C0SHOP', windowSeconds: 180 },
  ...{ deployers: [ANN, 'S0OPS'], approvers: ['C0LEADS'], viewers: [DAN], fourEyes: true },
  allowedChannels: ['C0SHOP', 'C0OPS'],
};

function world(change: Partial<AppSettings> = {}) {
  const people = new Map<string, Person['is']>();
  const groups = new Map<string, Group>([
    ['S0OPS', { name: 'ops', members: [BOB, EVE] }],
    ['C0LEADS', { name: 'C0LEADS', members: [CAT] }],
  ]);
  const apps = [{ ...shop, ...change }];
  const access = new Access({
    ledger: { apps: async () => apps, app: async name => apps.find(app => app.name === name) ?? null },
    directory: {
      person: async user => ({ is: people.get(user) ?? 'member', zone: 'UTC' }),
      group: async id => {
        const group = groups.get(id);
        if (!group) throw new Error('no_such_subteam');
        return group;
      },
    },
    admins: ['U0BOSS'],
  });
  return { access, people, groups };
}

const why = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => '',
    ({ reasons }: { reasons: string[] }) => reasons.join(' '),
  );
const press = (access: Access, user: string, kind: 'run them' | 'roll back' | 'open', startedBy = ANN) =>
  why(access.press({ ...deploys.building, startedBy }, user, kind));

describe('who may', () => {
  it('has a role by name, by user group, or as a member of a channel', async () => {
    const { access } = world();
    expect((await access.deployable(BOB)).map(({ name }) => name)).toEqual(['shop']);
    expect(await why(access.allowed('shop', ANN))).toBe('');
    expect(await press(access, CAT, 'run them')).toBe('');
    expect(await why(access.seen('shop', DAN))).toBe('');
    expect(await why(access.allowed('shop', DAN))).toContain('Those who may: <@U0ANN>, @ops.');
    expect(await press(access, ANN, 'run them')).toContain('Those who may: the members of <#C0LEADS>.');
    expect(await access.visible('U0NOBODY')).toEqual([]);
    expect(await why(access.seen('shop', 'U0NOBODY'))).toBe(
      'You may not see how shop stands. Its deployers may: <@U0ANN>, @ops. Ask one of them, or an admin (<@U0BOSS>) to have you added to its viewers.',
    );
  });

  it('is asked at each press: who left the group may not press what they were shown', async () => {
    const { access, groups } = world();
    expect(await press(access, BOB, 'roll back')).toBe('');
    groups.set('S0OPS', { name: 'ops', members: [EVE] });
    expect(await press(access, BOB, 'roll back')).toContain('You may not deploy shop');
    groups.delete('S0OPS');
    expect(await press(access, EVE, 'roll back')).toContain('You may not deploy shop');
    expect(await press(access, CAT, 'open')).toBe('');
  });

  it.each([
    ['guest', /You are a guest/],
    ['stranger', /another workspace/],
    ['bot', /Bots deploy nothing/],
    ['gone', /is closed/],
  ] as const)('is no %s, whatever the lists say', async (is, words) => {
    const { access, people } = world();
    people.set(ANN, is);
    for (const asked of [
      access.allowed('shop', ANN),
      access.seen('shop', ANN),
      access.visible(ANN),
      access.lock('all', ANN),
      access.addApps(ANN),
      access.administered('shop', ANN),
    ]) {
      expect(await why(asked)).toMatch(words);
    }
    expect(await press(access, ANN, 'roll back')).toMatch(words);
  });

  it('is nobody while Slack does not tell who they are', async () => {
    const { access } = world();
    const failing = new Access({
      ledger: { apps: async () => [shop], app: async () => shop },
      directory: {
        person: () => Promise.reject(new Error('timeout')),
        group: () => Promise.reject(new Error('timeout')),
      },
      admins: [],
    });
    expect(await why(failing.allowed('shop', ANN))).toContain('Try again in a minute');
    expect(await why(access.allowed('shop', ANN))).toBe('');
  });

  it('has no role by a group that Slack does not tell, and is told so', async () => {
    const { access, groups } = world();
    groups.delete('S0OPS');
    expect(await why(access.allowed('shop', BOB))).toContain('<@U0ANN>, @S0OPS (Slack does not tell who that is).');
    // That may pass: what waits for its time is tried again.
    await expect(access.allowed('shop', BOB)).rejects.toBeInstanceOf(NotNow);
    await expect(access.press({ ...deploys.building, startedBy: ANN }, BOB, 'roll back')).rejects.toBeInstanceOf(
      NotNow,
    );
    await expect(access.allowed('shop', ANN, 'C0RANDOM')).rejects.not.toBeInstanceOf(NotNow);
    groups.set('S0OPS', { name: 'ops', members: [], untold: 'ever' });
    await expect(access.allowed('shop', BOB)).rejects.not.toBeInstanceOf(NotNow);
  });

  it('asks where the app allows it, and is told where that is', async () => {
    const { access } = world();
    expect(await why(access.allowed('shop', ANN, 'C0OPS'))).toBe('');
    expect(await why(access.allowed('shop', ANN, 'C0RANDOM'))).toBe(
      'shop is not asked for here, nor shown. Go to <#C0SHOP> or <#C0OPS>.',
    );
    expect(await why(world({ allowedChannels: ['C0OPS'] }).access.allowed('shop', ANN, 'C0SHOP'))).toBe('');
    expect(await why(world({ allowedChannels: [] }).access.allowed('shop', ANN, 'C0RANDOM'))).toBe('');
  });

  it('sees plans and SQL where the deploy is told, or the app allows it, and nowhere else', async () => {
    const { access } = world();
    const deploy = { plan: { app: 'shop', channel: 'C0OLD' } } as Deploy;
    for (const channel of ['C0OLD', 'C0SHOP', 'C0OPS']) expect(await why(access.show(deploy, ANN, channel))).toBe('');
    for (const channel of ['C0RANDOM', 'D0ANN', '']) {
      expect(await why(access.show(deploy, ANN, channel))).toMatch(/nor shown\. Go to <#C0SHOP>/);
    }
    expect(await why(access.show(deploy, DAN, 'C0OLD'))).toContain('You may not deploy shop');
  });

  it('changes settings as an admin of the app or of all, and adds apps as an admin of all', async () => {
    const { access } = world({ admins: [EVE] });
    expect(await why(access.administered('shop', EVE))).toBe('');
    expect(await why(access.administered('shop', 'U0BOSS'))).toBe('');
    expect(await why(access.administered('shop', ANN))).toContain('Those who may: <@U0EVE>, <@U0BOSS>.');
    expect(await why(access.addApps('U0BOSS'))).toBe('');
    expect(await why(access.addApps(EVE))).toContain('<@U0BOSS>');
  });
});
