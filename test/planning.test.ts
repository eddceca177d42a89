import { expect, it } from 'vitest';
import type { Deploy } from '../src/domain/deploy.ts';
import { withRoles } from '../src/domain/permission.ts';
import { fingerprint } from '../src/domain/plan.ts';
import { planChanges } from '../src/domain/plan-changes.ts';
import { Planning } from '../src/planning.ts';
import { deploys, plan } from './sample-deploys.ts';

const ANN = 'U0ANN';
const settings = { ...plan, name: 'shop', deployers: [ANN], defaultRef: 'main', probe: undefined };
const app = withRoles(settings, new Map(), []);
const release = (version: number, slug: string, current = false) => ({
  ...{ id: `r${version}`, version, status: 'succeeded', current, description: `Deploy ${slug}`, by: 'ann', slug },
  ...{ eligible: true, outputUrl: null, createdAt: '2026-11-20T12:00:00Z', updatedAt: '2026-11-20T12:00:00Z' },
});

/** A Heroku on which v42 is live, and an app whose last deploys were these. */
type World = { isArchived?: boolean; frozen?: (id: string) => string | null };
function planning(recent: readonly Deploy[], { isArchived = false, frozen = () => null }: World = {}): Planning {
  const heroku = {
    tokensLeft: 4_500,
    app: { name: 'shop', webUrl: plan.url, maintenance: false, space: null, generation: 'cedar' },
    preboot: true,
    formation: [{ type: 'web', quantity: 2, size: 'Standard-1X' }],
    releases: [release(42, 's42', true), release(41, 's41')],
    slugCommit: plan.commit.sha,
    builds: [],
    sharedDatabases: [],
    config: {},
  };
  const source = { commit: plan.commit, compare: { commits: [], total: 0, behind: 0 }, file: null };
  const answering = (answers: object) =>
    Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, async () => answer]));
  const answer = { sentAt: 0, receivedAt: 1, status: 200, version: { release: 42 } };
  return new Planning({
    ledger: answering({ running: [], held: [], schemaFloor: null, recent, app: settings }),
    locking: { on: async () => [], wait: async () => {} },
    directory: { isArchived: async () => isArchived },
    starting: () => ({ gate: async () => ({ kind: 'open' }), frozen: async (_: unknown, id: string) => frozen(id) }),
    sources: { heroku: answering(heroku), source: answering(source), prober: { ask: async () => answer } },
  } as unknown as ConstructorParameters<typeof Planning>[0]);
}

it('a plan says within what nine of ten of the last deploys of its kind served', async () => {
  const back = { id: 'r41', version: 41, gone: null, config: [], candidates: [] };
  const undoing = { ...deploys.succeeded, plan: { ...plan, back } };
  const known = await planning(Array(5).fill(undoing)).back(app, { version: 41 }, ANN);
  expect(known).toMatchObject({ back: { version: 41 }, usualSeconds: 261 });
  const few = await planning([undoing, ...Array(9).fill(deploys.succeeded)]).back(app, { version: 41 }, ANN);
  expect(few.usualSeconds).toBeNull();
});

it('a deploy whose turn has come is told in the channel in which its thread is, whatever the app has now', async () => {
  const moved = withRoles({ ...settings, channel: 'C0MOVED' }, new Map(), []);
  const back = { id: 'r41', version: 41, gone: null, config: [], candidates: [] };
  expect(await planning([]).back(moved, { version: 41 }, ANN)).toMatchObject({ channel: 'C0MOVED' });
  const again = await planning([]).atItsTurn(moved, { ...plan, back }, ANN);
  expect(again).toMatchObject({ kind: 'ready', plan: { channel: plan.channel } });
});

it('a deploy that nobody would hear of is refused with all else that is against it', async () => {
  const [unheard, other] = [planning([], { isArchived: true }), expect.stringContaining('<#C0DEPLOYS>')];
  const back = unheard.back(app, { version: 41 }, ANN);
  await expect(back).rejects.toMatchObject({ reasons: [other] });
  await expect(back).rejects.toThrow('Unarchive it, or have an admin choose another channel');
  const gone = unheard.back(app, { version: 42 }, ANN);
  await expect(gone).rejects.toMatchObject({ reasons: [expect.stringContaining('v42'), other] });
});

it('a deploy asks at its turn for freezes too: no bot may have been there since it was approved', async () => {
  const frozen = (id: string) =>
    id === 'd9' ? null : 'Nothing of shop is deployed until 2 Jan 00:00 UTC: Black Friday.';
  const made = planning([], { frozen });
  expect(await made.notNow({ ...deploys.building, id: 'd1' })).toEqual({
    floor: null,
    reasons: ['Nothing of shop is deployed until 2 Jan 00:00 UTC: Black Friday.'],
  });
  // One that was let through the freeze.
  expect((await made.notNow({ ...deploys.building, id: 'd9' })).reasons).toEqual([]);
});

it('a plan is another one for what it would do, not for a table that grows meanwhile', () => {
  const destroys = (size: string, column = 'total') => ({
    ...plan,
    warnings: [`Destroys \`${column}\` of \`public.orders\`${size} for good.`],
  });
  const seen = destroys(' (118 MB, about 8,300 rows)');
  for (const size of ['', ' (9.9 MB)', ' (512 bytes, about 0 rows)', ' (41 GB, about 1.2 billion rows)']) {
    expect(fingerprint(destroys(size)), size).toBe(fingerprint(seen));
    expect(planChanges(seen, destroys(size)), size).toEqual([]);
  }
  expect(fingerprint(destroys(' (118 MB)', 'price'))).not.toBe(fingerprint(seen));
  expect(planChanges(seen, destroys(' (118 MB)', 'price'))).toHaveLength(2);
});

it('a deploy whose turn has come keeps the second pair of eyes that was promised when it was started', async () => {
  const back = { id: 'r41', version: 41, gone: null, config: [], candidates: [] };
  const less = withRoles({ ...settings, fourEyes: false }, new Map(), []);
  for (const fourEyes of [true, false]) {
    const again = await planning([]).atItsTurn(less, { ...plan, back, fourEyes }, ANN);
    expect(again).toMatchObject({ kind: 'ready', plan: { fourEyes } });
  }
});
