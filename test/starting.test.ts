import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectSettings } from '../src/adapters/settings.ts';
import { connectStarts } from '../src/adapters/starts.ts';
import { Store } from '../src/adapters/store.ts';
import type { Freeze } from '../src/domain/freeze.ts';
import { withRoles } from '../src/domain/permission.ts';
import { fingerprint } from '../src/domain/plan.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { Starting } from '../src/starting.ts';
import type { Starts } from '../src/team.ts';
import { planShown } from '../views/plan.ts';
import { startNotices } from '../views/starts.ts';
import { plan } from './sample-deploys.ts';
import { startPostgres } from './stage/made.ts';

const [ANN, BOB, EVE] = ['U0ANN', 'U0BOB', 'U0EVE'];
const ALWAYS: Freeze = { dates: { from: '2020-01-01', to: '2099-01-01' }, zone: 'UTC', reason: 'Black Friday.' };
const settings = {
  ...{ ...plan, name: 'shop', deployers: [ANN, EVE], approvers: [BOB, EVE], defaultRef: 'main', probe: undefined },
  startNeedsApproval: true,
};

let dir: string;
let server: Embedded;
let pool: pg.Pool;
let store: Store;
let starts: Starts;
let now = plan;
/** What the team says of the app now, and what its people are. */
let team = settings;
let guests: string[] = [];
let refused: string | null = null;
const begun: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'starting-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  store = new Store(pool);
  starts = connectStarts(pool, startNotices);
  await said().save(settings, 'console', null);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  now = plan;
  team = settings;
  guests = [];
  refused = null;
  begun.length = 0;
});
afterEach(async () => {
  await pool.query('DELETE FROM start_requests; DELETE FROM plans; DELETE FROM notices');
  await save([]);
});

const said = () => connectSettings(pool, { app: () => [], team: () => [] });
const save = (freezes: Freeze[]) => said().saveTeam(freezes, 'console', null);
const directory = {
  person: async (user: string) => ({
    is: guests.includes(user) ? ('guest' as const) : ('member' as const),
    zone: 'UTC',
  }),
  group: async (id: string) => ({ name: id, members: [] }),
  groups: async () => [],
};
const starting = (): Starting =>
  new Starting({
    ...{ starts, ledger: store },
    access: new Access({ ledger: { apps: async () => [team], app: async () => team }, directory, admins: [EVE] }),
    planNow: async () => now,
    now: Date.now,
    begin: async ({ id }, user) => {
      if (id === refused) throw new Refusal(['It was taken off the schedule meanwhile.']);
      begun.push(`${id} by ${user}`);
    },
  });

const shownTo = (askedBy: string) => ({
  ...{ id: 'd1', plan, digest: fingerprint(plan), askedBy, channel: 'C1', due: null },
});
const ask = async (by: string, emergency: string | null): Promise<void> =>
  starting().ask(withRoles(settings, new Map(), [EVE]), shownTo(by), await starting().gate(settings), emergency);
async function asked(by = ANN, emergency: string | null = null): Promise<void> {
  await store.savePlan(shownTo(by));
  await ask(by, emergency);
}
const answer = (user: string, yes = true) => starting().answer({ user, id: 'd1', yes });
async function told(channel: string): Promise<string> {
  const { rows } = await pool.query<{ message: { text: string } }>('SELECT message FROM notices WHERE channel = $1', [
    channel,
  ]);
  return rows.map(({ message }) => message.text).join('\n');
}

describe('a start that wants a second person', () => {
  it('begins with the yes of an approver who did not ask, once, and the channel says whose', async () => {
    await asked(EVE);
    expect(await told(plan.channel)).toContain('<@U0BOB> <@U0EVE> wants to deploy `c0ffee12`');
    await expect(answer(EVE)).rejects.toThrow('a second person');
    await expect(answer(ANN)).rejects.toThrow('You may not approve the start of a deploy');
    expect(begun).toEqual([]);
    const answers = await Promise.all([answer(BOB), answer(BOB)]);
    expect(answers.filter(said => said.startsWith('Approved'))).toHaveLength(1);
    expect(begun).toEqual(['d1 by U0EVE']);
    expect(await told(plan.channel)).toContain('<@U0BOB> approved it');
    expect(await answer(BOB)).toContain('has answered already');
  });

  it('is declined, and whoever asked is told', async () => {
    await asked();
    expect(await answer(BOB, false)).toContain('Declined');
    expect(await told(ANN)).toContain('<@U0BOB> declined it. Talk to them');
    expect(begun).toEqual([]);
  });

  it('begins nothing when the world is not what was shown any more', async () => {
    await asked();
    now = { ...plan, warnings: ['It rains.'] };
    expect(await answer(BOB)).toContain('things changed');
    expect(begun).toEqual([]);
    expect(await told(ANN)).toMatch(/things had changed.*`?\/deploy shop/s);
  });

  it('is asked with what is true when it is answered: roles, guests and freezes', async () => {
    await asked();
    guests = [BOB];
    await expect(answer(BOB)).rejects.toThrow('You are a guest');
    guests = [];
    team = { ...settings, deployers: [EVE] };
    await expect(answer(BOB)).rejects.toThrow('<@U0ANN> may not deploy shop any more');
    team = { ...settings, approvers: [EVE] };
    await expect(answer(BOB)).rejects.toThrow('You may not approve the start of a deploy');
    team = settings;
    await save([ALWAYS]);
    await expect(answer(BOB)).rejects.toThrow('Black Friday');
    expect(begun).toEqual([]);
    await save([]);
    expect(await answer(BOB)).toContain('Approved');
    expect(begun).toEqual(['d1 by U0ANN']);
  });

  it('that was answered asks nobody again, and says so', async () => {
    await asked();
    await answer(BOB, false);
    await expect(ask(ANN, null)).rejects.toThrow(
      /has answered already: declined\. Nobody is asked again.*`\/deploy shop`/,
    );
  });

  it('that was approved stays so, whatever a second yes finds changed', async () => {
    await asked();
    expect(await answer(BOB)).toContain('Approved');
    now = { ...plan, warnings: ['It rains.'] };
    // It had read the question before it was answered.
    const { get } = starts;
    starts.get = async id => {
      const request = await get(id);
      return request && { ...request, answer: null, answeredBy: null };
    };
    try {
      expect(await answer(EVE)).toContain('Somebody answered before you');
    } finally {
      starts.get = get;
    }
    expect(await starts.get('d1')).toMatchObject({ answer: 'approved', answeredBy: BOB });
  });

  it('is taken back by whoever asked', async () => {
    await asked();
    expect((await starts.waiting('shop')).map(({ id, by }) => [id, by])).toEqual([['d1', ANN]]);
    expect(await answer(ANN, false)).toContain('nothing is begun');
    expect(await starts.waiting(null)).toEqual([]);
    expect(await told(plan.channel)).toContain('<@U0ANN> took it back');
    expect(await told(ANN)).toBe('');
    expect(await answer(BOB)).toContain('declined');
  });

  it('is dropped after 2 hours', async () => {
    await asked();
    await pool.query("UPDATE start_requests SET at = now() - interval '121 min'");
    expect(await answer(BOB)).toContain('before you');
    await starting().tick();
    expect(await answer(BOB)).toContain('Nobody answered for 2 hours');
    expect(begun).toEqual([]);
  });

  it('that was approved by a process that was killed right then begins all the same', async () => {
    await asked();
    await starts.answer('d1', 'approved', BOB);
    await pool.query("UPDATE start_requests SET answered_at = now() - interval '11 s'");
    await starting().tick();
    expect(begun).toEqual(['d1 by U0ANN']);
  });
});

it('an approved start that can never begin keeps no other from beginning', async () => {
  for (const id of ['d1', 'd2']) {
    await store.savePlan({ id, plan, digest: '', askedBy: ANN, channel: 'C1', due: null });
    await starts.ask({ id, app: 'shop', by: ANN, emergency: null });
    await starts.answer(id, 'approved', BOB);
  }
  await pool.query("UPDATE start_requests SET answered_at = now() - interval '11 s'");
  refused = 'd1';
  await starting().tick();
  await starting().tick();
  expect(begun).toEqual(['d2 by U0ANN', 'd2 by U0ANN']);
  expect((await starts.get('d1'))?.answer).toBe('changed');
});

describe('a freeze', () => {
  it('is on the plan in place of Start, and lets nobody through without a reason or a role', async () => {
    await save([ALWAYS]);
    const gate = await starting().gate({ ...settings, startNeedsApproval: false });
    const shown = JSON.stringify(planShown({ id: 'd1', plan, place: null, gate }));
    expect(shown).toContain('Black Friday.');
    expect(shown).toContain('"emergency-start"');
    expect(shown).not.toContain('"start"');
    await expect(asked(EVE)).rejects.toThrow('Nothing of shop is deployed until 2 Jan 00:00 UTC: Black Friday.');
    await pool.query('DELETE FROM plans');
    await expect(asked(ANN, 'The checkout is down')).rejects.toThrow(Refusal);
  });

  it('is broken by an approver with a reason and a second person who read it', async () => {
    await save([ALWAYS]);
    await asked(EVE, 'The checkout is down');
    const { rows } = await pool.query('SELECT message FROM notices');
    expect(JSON.stringify(rows)).toMatch(/In a freeze.*The checkout is down/);
    expect(await answer(BOB)).toContain('Approved');
    expect(begun).toEqual(['d1 by U0EVE']);
    expect(await starting().frozen(settings, 'd1')).toBeNull();
    expect(await starting().frozen(settings, 'd2')).toContain('Black Friday');
  });

  it('holds for what was asked for in a freeze and declined, or answered by nobody', async () => {
    await save([ALWAYS]);
    await asked(EVE, 'The checkout is down');
    expect(await starting().frozen(settings, 'd1')).toContain('Black Friday');
    expect(await answer(BOB, false)).toContain('Declined');
    expect(await starting().frozen(settings, 'd1')).toContain('Black Friday');
  });

  it('is told to whoever chooses a time in it, with when it ends', async () => {
    const night: Freeze = {
      dates: { from: '2031-05-05 22:00', to: '2031-05-06 06:00' },
      zone: 'UTC',
      reason: 'Backups',
    };
    const frozen = { ...settings, freezes: [night] };
    await expect(starting().gateAt(frozen, Date.UTC(2031, 4, 5, 23))).rejects.toThrow(
      'at that time: Backups. Choose one after 6 May 06:00 UTC.',
    );
    const gate = await starting().gateAt(frozen, Date.UTC(2031, 4, 6, 7));
    expect(JSON.stringify(planShown({ id: 'd1', plan, place: null, gate }, { at: 0 }))).toContain('asked first');
  });

  it('of the app counts as well as that of all', async () => {
    expect((await starting().gate({ ...settings, freezes: [ALWAYS] })).kind).toBe('frozen');
    expect((await starting().gate(settings)).kind).toBe('approval');
    expect((await starting().gate({ ...settings, startNeedsApproval: false })).kind).toBe('open');
  });
});
