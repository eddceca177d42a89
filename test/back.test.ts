import { describe, expect, it } from 'vitest';
import { candidatesOf, chooseBack, configSince, type PastRelease } from '../src/domain/back.ts';
import { planShown } from '../views/plan.ts';
import { rootMessage } from '../views/root.ts';
import { good, kinds, play, plan as toPlay, World } from './recipe-world.ts';
import { deploys, OPEN, plan } from './sample-deploys.ts';

const past = (version: number, slug: string | null, rest: Partial<PastRelease> = {}): PastRelease => ({
  ...{ id: `r${version}`, version, description: `Deploy ${slug}`, by: 'ann@example.com', slug, status: 'succeeded' },
  ...{ current: false, eligible: true, createdAt: '2026-01-01T00:00:00Z' },
  ...rest,
});
const RELEASES = [
  past(45, 'e', { current: true }),
  past(44, 'd', { status: 'failed' }),
  past(43, 'e', { description: 'Set PRICE, ZONE config vars' }),
  past(42, 'c'),
  past(41, 'b', { eligible: false }),
  past(40, 'a', { status: 'expired', eligible: false }),
  past(1, null, { description: 'Initial release' }),
];

describe('going back', () => {
  it('goes to the newest other code that was live', () => {
    const candidates = candidatesOf(RELEASES, null);
    const release = expect.objectContaining({ version: 42 });
    expect(chooseBack(candidates, null)).toEqual({ release });
    expect(chooseBack(candidates, 42)).toEqual({ release });
  });

  it.each([
    [44, /v44 failed: it never was live\. One can go back to v42\./],
    [43, /v43 is the code that is live/],
    [41, /Heroku does not let anybody go back to v41/],
    [40, /v40 has expired/],
    [1, /v1 has no code/],
    [99, /There is no release v99/],
  ])('to v%i is refused, and says to what it can', (version, why) => {
    const chosen = chooseBack(candidatesOf(RELEASES, null), version);
    expect('refused' in chosen && chosen.refused.join(' ')).toMatch(why);
  });

  it('is refused to code that needs a schema that is gone, also when that code was released again since', () => {
    const again = [past(46, 'f', { current: true }), past(45, 'c'), past(44, 'e'), past(42, 'c')];
    const candidates = candidatesOf(again, 44);
    expect(candidates.map(({ release, refused }) => [release.version, refused === null])).toEqual([
      [45, false],
      [44, true],
      [42, false],
    ]);
    expect(candidates[0]?.refused).toContain('whose contract migrations destroyed');
  });

  it('says what was done to the config vars since', () => {
    expect(configSince(RELEASES, 42)).toEqual(['v43: Set PRICE, ZONE config vars']);
  });

  it('makes one release of it, whatever is killed when, and proves that it serves', async () => {
    const back = { id: 'r39', version: 39, gone: null, config: [], candidates: [] };
    const again = (): World => {
      const world = new World({ 42: [...good] });
      world.plan = { ...toPlay, back };
      return world;
    };
    const rehearsal = again();
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    const told = kinds(rehearsal);
    expect(told.slice(0, 4)).toEqual(['going back', 'went back', 'release started', 'released']);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = again();
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.releases, `killed at ${kill}`).toHaveLength(2);
      expect(world.builds, `killed at ${kill}`).toHaveLength(0);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });
});

describe('what people see of it', () => {
  const back = {
    ...{ id: 'r40', version: 40, config: ['v41: Set PRICE config vars'] },
    gone: { commits: [plan.commit], total: 1 },
    candidates: [40, 39].map(version => ({
      ...{ version, description: `Deploy v${version}`, by: 'ann@example.com', createdAt: '2026-01-01T00:00:00Z' },
    })),
  };

  it('the plan says what would go away, and offers the other releases', () => {
    const shown = JSON.stringify(planShown({ id: 'p1', plan: { ...plan, back }, place: null, gate: OPEN }));
    for (const part of ['Go back to v40', '1 commit would go away', 'v41: Set PRICE config vars', 'shop 39']) {
      expect(shown).toContain(part);
    }
  });

  it('a deploy that ended well can be gone back from, but not when its contract migrations ran', () => {
    const { succeeded } = deploys;
    expect(JSON.stringify(rootMessage(succeeded))).toContain('"plan-back"');
    const migrated = { kind: 'migrated', direction: 'contract', file: 'x', seconds: 1, seq: 99, at: '' } as const;
    expect(JSON.stringify(rootMessage({ ...succeeded, facts: [...succeeded.facts, migrated] }))).not.toContain(
      '"plan-back"',
    );
  });
});
