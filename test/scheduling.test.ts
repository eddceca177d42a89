import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DateTime } from 'luxon';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { connectSchedules } from '../src/adapters/schedules.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectStarts } from '../src/adapters/starts.ts';
import { Store } from '../src/adapters/store.ts';
import { readMoment } from '../src/domain/moment.ts';
import { fingerprint } from '../src/domain/plan.ts';
import { NotNow, Refusal } from '../src/domain/refusal.ts';
import { Scheduling } from '../src/scheduling.ts';
import { planShown } from '../views/plan.ts';
import { scheduleNotices } from '../views/schedules.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { startPostgres } from './stage/made.ts';
import { validateBlocks } from './stage/slack/blocks.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string, zone = BERLIN) => DateTime.fromISO(text, { zone }).toMillis();
/** A Monday. */
const NOW = at('2026-11-23T15:00');

describe('a time that somebody types', () => {
  it.each([
    ['18:30', '2026-11-23T18:30'],
    ['6pm', '2026-11-23T18:00'],
    ['9:05', '2026-11-24T09:05'],
    ['12am', '2026-11-24T00:00'],
    ['tomorrow 9:00', '2026-11-24T09:00'],
    ['mon 14:00', '2026-11-30T14:00'],
    ['monday 16:00', '2026-11-23T16:00'],
    ['2026-12-01 06:00', '2026-12-01T06:00'],
  ])('%s is by their own clock', (text, expected) => {
    expect(readMoment(text, BERLIN, NOW)).toEqual({ kind: 'at', at: at(expected) });
  });

  it.each([
    ['noon', /is no time/],
    ['25:00', /is no time/],
    ['18', /is no time/],
    ['someday 9:00', /is no day/],
    ['today 9:00', /is over/],
    ['2027-01-01 9:00', /two weeks/],
    ['18:30 or so', /is no time/],
  ])('%s is none, and it says what is', (text, why) => {
    const read = readMoment(text, BERLIN, NOW);
    expect(read.kind === 'wrong' && read.why).toMatch(why);
  });

  it('is not moved silently where clocks go forward', () => {
    const read = readMoment('2026-03-29 02:30', BERLIN, at('2026-03-28T12:00'));
    expect(read).toMatchObject({ kind: 'wrong', why: expect.stringContaining('clocks go forward') });
  });
});

describe('a deploy for a time', () => {
  let dir: string;
  let server: Embedded;
  let pool: pg.Pool;
  let store: Store;
  let count = 0;
  let outcome: () => Awaited<ReturnType<ConstructorParameters<typeof Scheduling>[0]['start']>>;
  const started: string[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'scheduling-'));
    server = await startPostgres(dir);
    pool = connect(server.url, () => {});
    await migrate(pool);
    await pool.query("INSERT INTO instances (id) VALUES ('one')");
    store = new Store(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(() => {
    outcome = () => ({ kind: 'started' });
    started.length = 0;
  });

  /** A process of its own. */
  function scheduling(): Scheduling {
    const settings = { ...plan, name: plan.app, deployers: ['U0ANN', 'U0BOB'], defaultRef: 'main', probe: undefined };
    const directory = {
      person: async () => ({ is: 'member' as const, zone: BERLIN }),
      group: async () => ({ name: '', members: [] }),
      groups: async () => [],
    };
    return new Scheduling({
      ...{ ledger: store, directory, schedules: connectSchedules(pool, 'one', scheduleNotices) },
      access: new Access({
        ledger: { apps: async () => [settings], app: async () => settings },
        directory,
        admins: [],
      }),
      start: async ask => {
        started.push(ask.plan);
        return outcome();
      },
    });
  }
  async function kept(): Promise<string> {
    const id = `s${++count}`;
    const due = Date.now() + 60_000;
    await store.savePlan({ id, plan, digest: fingerprint(plan), askedBy: 'U0ANN', channel: 'C1', due });
    expect(await scheduling().keep({ user: 'U0ANN', plan: id })).toBe(due);
    return id;
  }
  const comes = (id: string) => pool.query("UPDATE schedules SET due = now() - interval '1 s' WHERE id = $1", [id]);
  async function told(id: string): Promise<string> {
    const { rows } = await pool.query<{ message: { text: string; blocks: unknown } }>(
      "SELECT message FROM notices WHERE id LIKE 'schedule ' || $1 || '%' ORDER BY at",
      [id],
    );
    for (const { message } of rows) expect(validateBlocks(message.blocks, 'message')).toEqual([]);
    return rows.map(({ message }) => JSON.stringify(message)).join('\n');
  }

  it('begins at its time, not before, and once whoever looks', async () => {
    const id = await kept();
    expect(await told(id)).toContain('will be deployed');
    await scheduling().tick();
    expect(started).toEqual([]);
    await comes(id);
    await Promise.all([scheduling().tick(), scheduling().tick(), scheduling().tick()]);
    await scheduling().tick();
    expect(started).toEqual([id]);
    expect(await told(id)).toContain('began at its time');
  });

  it('does not begin when it would be another deploy, and its owner is told why', async () => {
    const id = await kept();
    await comes(id);
    outcome = () => ({ kind: 'changed', what: ['v43 went live in place of v42.'] });
    await scheduling().tick();
    await scheduling().tick();
    expect(started).toEqual([id]);
    expect(await told(id)).toMatch(/did not begin at its time.*v43 went live/s);
  });

  it('does not begin when it is refused by then', async () => {
    const id = await kept();
    await comes(id);
    outcome = () => {
      throw new Refusal(['Nothing of shop is deployed until Monday.']);
    };
    await scheduling().tick();
    expect(await told(id)).toMatch(/did not begin at its time.*until Monday/s);
  });

  it('is tried again when it is not known whether it began', async () => {
    const id = await kept();
    await comes(id);
    outcome = () => {
      throw new Error('the database is away');
    };
    await expect(scheduling().tick()).rejects.toThrow('away');
    outcome = () => ({ kind: 'started' });
    await scheduling().tick();
    expect(await told(id)).toContain('began at its time');
  });

  it('is told to have begun when its process was killed right after', async () => {
    const id = await kept();
    await comes(id);
    outcome = () => {
      throw new Error('killed');
    };
    await expect(scheduling().tick()).rejects.toThrow('killed');
    await store.createDeploy({ id, plan, digest: '', askedBy: 'U0ANN', channel: 'C1', due: null }, 'U0ANN');
    outcome = () => ({ kind: 'changed', what: ['A build is running.'] });
    await scheduling().tick();
    expect(await told(id)).toContain('began at its time');
  });

  it('keeps no other from its time when it cannot be begun, and is given up after a while', async () => {
    const [broken, other] = [await kept(), await kept()];
    await comes(other);
    await pool.query("UPDATE schedules SET due = now() - interval '1 min' WHERE id = $1", [broken]);
    outcome = () => {
      if (started.at(-1) === broken) throw new NotNow(['Slack does not tell who you are.']);
      return { kind: 'started' };
    };
    await expect(scheduling().tick()).rejects.toThrow('Slack does not tell');
    expect(started).toEqual([broken, other]);
    expect(await told(other)).toContain('began at its time');
    await pool.query("UPDATE schedules SET due = now() - interval '16 min' WHERE id = $1", [broken]);
    await scheduling().tick();
    expect(await told(broken)).toMatch(/did not begin at its time.*For 15 minutes.*Slack does not tell/s);
  });

  it('is not begun when no bot was there for an hour from it', async () => {
    const id = await kept();
    await pool.query("UPDATE schedules SET due = now() - interval '59 min' WHERE id = $1", [id]);
    outcome = () => ({ kind: 'started' });
    await scheduling().tick();
    expect(await told(id)).toContain('began at its time');
    const missed = await kept();
    await pool.query("UPDATE schedules SET due = now() - interval '61 min' WHERE id = $1", [missed]);
    await scheduling().tick();
    expect(started).not.toContain(missed);
    expect(await told(missed)).toMatch(/did not begin at its time.*No bot was there/s);
  });

  it('either begins or is taken off, however close the two are', async () => {
    for (let round = 0; round < 20; round++) {
      const id = await kept();
      const begun = store.createDeploy({ id, plan, digest: '', askedBy: 'U0ANN', channel: 'C1', due: null }, 'U0ANN');
      const done = await Promise.allSettled([begun, scheduling().cancel({ user: 'U0BOB', id })]);
      expect(done.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(await store.hasDeploy(id)).toBe(done[0].status === 'fulfilled');
    }
  });

  it('for which a second person is asked begins with their yes, or is taken off before that is asked', async () => {
    const stored = (id: string) => ({ id, plan, digest: '', askedBy: 'U0ANN', channel: 'C1', due: null });
    const starts = connectStarts(pool, () => []);
    const id = await kept();
    await starts.ask({ id, app: plan.app, by: 'U0ANN', emergency: null });
    await expect(scheduling().cancel({ user: 'U0BOB', id })).rejects.toThrow('waits no more');
    await comes(id);
    outcome = () => ({ kind: 'asked' });
    await scheduling().tick();
    await store.createDeploy(stored(id), 'U0ANN');
    expect(await store.hasDeploy(id)).toBe(true);
    const off = await kept();
    await scheduling().cancel({ user: 'U0BOB', id: off });
    await expect(starts.ask({ id: off, app: plan.app, by: 'U0ANN', emergency: null })).rejects.toThrow('taken off');
  });

  it('is taken off by whoever may deploy, and is for nobody else to keep', async () => {
    const id = await kept();
    await expect(scheduling().cancel({ user: 'U0EVE', id })).rejects.toThrow();
    await scheduling().cancel({ user: 'U0BOB', id });
    await scheduling().cancel({ user: 'U0BOB', id });
    await expect(scheduling().cancel({ user: 'U0ANN', id })).rejects.toThrow('waits no more');
    await comes(id);
    await scheduling().tick();
    expect(started).toEqual([]);
    expect(await told(id)).toContain('<@U0BOB> took it off');
    await expect(scheduling().keep({ user: 'U0BOB', plan: id })).rejects.toThrow('<@U0ANN>');
  });

  it('is kept once, also when that is asked again after its time; and not when that is over', async () => {
    const id = await kept();
    await pool.query("UPDATE plans SET planned_for = now() - interval '1 s' WHERE id = $1", [id]);
    await scheduling().keep({ user: 'U0ANN', plan: id });
    await pool.query('DELETE FROM schedules WHERE id = $1', [id]);
    await expect(scheduling().keep({ user: 'U0ANN', plan: id })).rejects.toThrow('That time is over');
  });

  it('is shown as a plan with its time', () => {
    const shown = planShown({ id: 'p1', plan, place: null, gate: OPEN }, { at: NOW });
    expect(JSON.stringify(shown)).toContain('"value":"p1"');
    expect(validateBlocks(shown.blocks, 'message')).toEqual([]);
  });
});
