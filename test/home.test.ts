import { describe, expect, it, vi } from 'vitest';
import { Access } from '../src/access.ts';
import { NotNow } from '../src/domain/refusal.ts';
import { lookAtHome } from '../src/home-look.ts';
import { Homes } from '../src/homes.ts';
import { LiveReleases } from '../src/live-releases.ts';
import type { Reports } from '../src/reports.ts';
import type { Person } from '../src/team.ts';
import { homeView } from '../views/home.ts';
import { deploys, plan } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const status = {
  ...{ app: 'shop', live: 42, mayDeploy: true, asksMe: [], running: null, waiting: [], last: null, locks: [] },
  ...{ notBegun: [], closing: null },
};
const wanted = (kind: 'asked' | 'scheduled', by: string) => ({ kind, id: kind, by, plan, at: 0 });

describe('the Home of a person', () => {
  it('says first what waits for them, then how each of their apps stands', () => {
    const running = migrating['waiting for an approval'];
    const shown = JSON.stringify(
      homeView([
        { ...status, running, asksMe: [running, wanted('asked', 'U0EVE')], notBegun: [wanted('scheduled', 'U0BOB')] },
        { ...status, app: 'kiosk', live: 7, last: deploys.succeeded, mayDeploy: false },
      ]),
    );
    for (const part of [
      ...[
        '2 approvals wait for you',
        'contract migrations of `c0ffee12` (<@U0ANN>)',
        'the start of a deploy of `c0ffee12`',
      ],
      ...['waiting for an approval', 'by <@U0BOB>, begins', '*kiosk*, v7', 'shop is deployed'],
    ]) {
      expect(shown).toContain(part);
    }
    expect(shown).toContain('"value":"shop"');
    expect(shown).not.toContain('"value":"kiosk"');
  });

  it('of somebody without an app says whom to ask', () => {
    expect(JSON.stringify(homeView([]))).toContain('Ask whoever runs this bot');
  });

  it('keeps to what Slack draws, however many apps there are', () => {
    const apps = Array.from({ length: 200 }, (_, index) => ({
      ...{ ...status, app: `app-${index}`, last: deploys.succeeded },
      asksMe: [wanted('asked', 'U0EVE')],
    }));
    const { blocks } = homeView(apps);
    expect(blocks.length).toBeLessThanOrEqual(100);
    expect(validateBlocks(blocks, 'home')).toEqual([]);
  });

  it('shows what waits for whom: an approver who did not ask, and nobody else', async () => {
    const settings = {
      ...plan,
      name: 'shop',
      deployers: ['U0ANN'],
      approvers: ['U0BOB', 'U0EVE'],
      defaultRef: 'main',
      probe: undefined,
    };
    const directory = {
      person: async () => ({ is: 'member' as const, zone: 'UTC' }),
      group: async (id: string) => ({ name: id, members: [] }),
      groups: async () => [],
    };
    const access = new Access({
      ledger: { apps: async () => [settings], app: async () => settings },
      directory,
      admins: [],
    });
    const known = { ...status, notBegun: [wanted('asked', 'U0EVE'), wanted('scheduled', 'U0EVE')] };
    const asked: string[] = [];
    let answer = async () => [
      { version: 41, current: false },
      { version: 42, current: true },
    ];
    const live = new LiveReleases({
      releases: app => {
        asked.push(app);
        return answer() as never;
      },
    });
    const reports = {
      status: async (apps: readonly unknown[]) => (apps.length > 0 ? [known] : []),
    } as unknown as Reports;
    const home = async (user: string) => lookAtHome({ access, reports, live }, user);
    expect((await home('U0BOB'))[0]).toMatchObject({ live: 42, mayDeploy: false, asksMe: [{ kind: 'asked' }] });
    expect((await home('U0EVE'))[0]).toMatchObject({ asksMe: [] });
    expect((await home('U0ANN'))[0]).toMatchObject({ mayDeploy: true, asksMe: [] });
    expect(await home('U0NOBODY')).toEqual([]);
    expect(asked).toEqual(['shop']);
    answer = () => Promise.reject(new Error('503'));
    const from = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(from);
    try {
      expect(await live.of('shop', 'something happened')).toBeNull();
      answer = async () => [{ version: 43, current: true }];
      expect(await live.of('shop', 'something happened')).toBeNull();
      expect(asked).toHaveLength(2);
      clock.mockReturnValue(from + 61_000);
      expect(await live.of('shop', 'something happened')).toBe(43);
    } finally {
      clock.mockRestore();
    }
  });

  it('says nothing of what they may see while Slack does not tell who they are, or who is in their groups', async () => {
    const settings = {
      ...plan,
      name: 'shop',
      deployers: ['U0ANN'],
      approvers: [],
      defaultRef: 'main',
      probe: undefined,
    };
    const away = () => Promise.reject(new Error('ratelimited'));
    const home = (person: () => Promise<Person>, deployers: string[]): Promise<readonly unknown[]> => {
      const apps = async () => [{ ...settings, deployers }];
      const directory = { person, group: away, groups: async () => [] };
      const access = new Access({ ledger: { apps, app: async () => settings }, directory, admins: [] });
      const reports = { status: async () => [] } as unknown as Reports;
      return lookAtHome({ access, reports, live: {} as LiveReleases }, 'U0ANN');
    };
    const member = async () => ({ is: 'member' as const, zone: 'UTC' });
    await expect(home(away, ['U0ANN'])).rejects.toThrow(NotNow);
    await expect(home(member, ['S0TEAM'])).rejects.toThrow(NotNow);
    expect(await home(async () => ({ is: 'guest', zone: 'UTC' }), ['U0ANN'])).toEqual([]);
  });

  it('stays as it is while nothing is known of them, is tried again, and holds up no other', async () => {
    vi.useFakeTimers();
    const published: string[] = [];
    let away = true;
    const homes = new Homes({
      store: { opened: async () => {}, viewers: async () => ['U0ANN', 'U0BOB'] },
      look: async user => (away && user === 'U0ANN' ? Promise.reject(new NotNow(['Not now.'])) : []),
      draw: apps => apps.length,
      publish: async user => void published.push(user),
      log: { warn: () => {} },
    });
    try {
      await homes.opened('U0ANN');
      homes.changed();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(published).toEqual(['U0BOB']);
      away = false;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(published).toEqual(['U0BOB', 'U0ANN']);
      await homes.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('waits as long as Slack asks for, and so do those of others', async () => {
    vi.useFakeTimers();
    const calls: string[] = [];
    const homes = new Homes({
      store: { opened: async () => {}, viewers: async () => ['U0ANN', 'U0BOB', 'U0EVE'] },
      look: async () => [],
      draw: () => 'view',
      publish: async user => {
        calls.push(user);
        if (calls.length === 2) throw Object.assign(new Error('Slack asks to wait'), { retryAfterMs: 20_000 });
      },
      log: { warn: () => {} },
    });
    try {
      homes.changed();
      await vi.advanceTimersByTimeAsync(15_000);
      homes.changed();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(calls).toEqual(['U0ANN', 'U0BOB']);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(calls).toEqual(['U0ANN', 'U0BOB', 'U0BOB', 'U0EVE']);
      await homes.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('that fails for ever is tried alone, ever more seldom, and then when something changes or they open it', async () => {
    vi.useFakeTimers();
    const looks = { U0ANN: [] as number[], U0BOB: [] as number[] };
    const homes = new Homes({
      store: { opened: async () => {}, viewers: async () => ['U0ANN', 'U0BOB'] },
      look: async user => {
        looks[user as keyof typeof looks].push(Math.round(performance.now() / 1_000));
        return [];
      },
      draw: () => 'view',
      publish: async user => (user === 'U0ANN' ? Promise.reject(new Error('invalid_blocks')) : undefined),
      log: { warn: () => {} },
    });
    try {
      homes.changed();
      await vi.advanceTimersByTimeAsync(4 * 3_600_000);
      expect(looks.U0BOB).toHaveLength(1);
      const ann = [...looks.U0ANN];
      expect(ann).toHaveLength(10);
      const pauses = ann.slice(1).map((at, index) => at - (ann[index] ?? 0));
      for (const [index, pause] of [30, 60, 120, 240, 480, 600, 600, 600, 600].entries()) {
        expect(Math.abs((pauses[index] ?? 0) - pause)).toBeLessThanOrEqual(2);
      }
      homes.changed();
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect(looks).toMatchObject({ U0ANN: { length: 11 }, U0BOB: { length: 2 } });
      await homes.opened('U0ANN');
      await vi.advanceTimersByTimeAsync(31_000);
      expect(looks).toMatchObject({ U0ANN: { length: 13 }, U0BOB: { length: 2 } });
      await homes.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is published when they open it, and again only when something in it changed', async () => {
    const published: string[] = [];
    let app = 'shop';
    const homes = new Homes({
      store: { opened: async () => {}, viewers: async () => ['U0ANN', 'U0BOB'] },
      look: async () => [{ ...status, app, live: 42 }],
      draw: apps => apps.map(known => known.app).join(),
      publish: async (user, view) => {
        published.push(`${user} ${view}`);
      },
      log: { warn: () => {} },
    });
    await homes.opened('U0ANN');
    expect(published).toEqual(['U0ANN shop']);
    homes.changed();
    homes.changed();
    await expect.poll(() => published, { timeout: 8_000 }).toEqual(['U0ANN shop', 'U0BOB shop']);
    app = 'kiosk';
    homes.changed();
    await expect.poll(() => published.slice(2), { timeout: 8_000 }).toEqual(['U0ANN kiosk', 'U0BOB kiosk']);
    await homes.stop();
  });
});
