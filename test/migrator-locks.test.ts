import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MigrationRig, PLACE, runAll, startMigrationRig } from './migrator-rig.ts';

let rig: MigrationRig;

beforeAll(async () => {
  rig = await startMigrationRig({ patience: { tries: 4, firstMs: 200, withinMs: 30_000 }, lockMs: 15_000 });
});
afterAll(() => rig?.stop());

const HATS = { 'migrations/1_hats.sql': 'CREATE TABLE hats (id int);' };
const SIZE = { ...HATS, 'migrations/2_size.sql': 'SELECT 1;\nALTER TABLE hats ADD size int;' };

/** A report that somebody left open: it has read the hats, and its transaction goes on. */
async function openReport(url: string): Promise<pg.Client> {
  const report = await rig.connect(url, 'nightly report');
  await report.query('BEGIN; SELECT * FROM hats');
  return report;
}

/** A visitor who looks at the hats all the time; gives the longest that one look took (ms), and how many there were. */
async function visit(url: string): Promise<() => Promise<{ longest: number; looks: number }>> {
  const client = await rig.connect(url, 'visitor');
  let longest = 0;
  let looks = 0;
  let leaving = false;
  const visiting = (async () => {
    while (!leaving) {
      const from = performance.now();
      await client.query('SELECT count(*) FROM hats');
      longest = Math.max(longest, performance.now() - from);
      looks++;
    }
  })();
  return async () => {
    leaving = true;
    await visiting;
    return { longest: Math.round(longest), looks };
  };
}

describe('a table that somebody else has in use', () => {
  it('is tried again and then left, the blocker is named, and no visitor ever waited longer than the lock timeout', async () => {
    const url = await rig.database();
    await runAll(rig.migrator, url, HATS);
    const report = await openReport(url);
    const leave = await visit(url);
    const { outcomes, progress } = await runAll(rig.migrator, url, SIZE);
    const { longest, looks } = await leave();
    console.log(`4 tries; the visitor looked ${looks} times and waited at most ${longest} ms`);

    const blockers = [
      {
        pid: expect.any(Number),
        application: 'nightly report',
        state: 'idle in transaction',
        ageMs: expect.any(Number),
      },
    ];
    expect(outcomes['2_size']).toEqual({
      kind: 'rolled back',
      error: expect.stringMatching(/^canceling statement due to lock timeout \(55P03\)\. Others have it in use/),
      code: '55P03',
      statement: 2,
      blockers,
    });
    const tries = progress.filter(said => said.kind === 'tries again');
    expect(tries.map(({ tries }) => tries)).toEqual([1, 2, 3]);
    expect(tries[0]).toMatchObject({ blockers });
    expect(longest).toBeLessThan(1_500);
    expect(looks).toBeGreaterThan(100);
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats']);
    // Whoever was in the way was left alone.
    expect((await report.query('SELECT 1 AS alive')).rows).toEqual([{ alive: 1 }]);
  });

  it('is not changed any more when something speaks against it before a later try', async () => {
    const url = await rig.database();
    await runAll(rig.migrator, url, HATS);
    const report = await openReport(url);
    let tries = 0;
    const { outcomes } = await runAll(rig.migrator, url, SIZE, {
      onProgress: said => said.kind === 'tries again' && void report.query('COMMIT'),
      objection: said => (said.kind === 'begins' && ++tries > 1 ? 'v43 was released meanwhile.' : null),
    });
    expect(outcomes['2_size']).toMatchObject({ kind: 'rolled back', error: 'v43 was released meanwhile.' });
    expect(tries).toBe(2);
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats']);
  });

  it('is changed as soon as it is free', async () => {
    const url = await rig.database();
    await runAll(rig.migrator, url, HATS);
    const report = await openReport(url);
    const { outcomes } = await runAll(rig.migrator, url, SIZE, {
      onProgress: said => said.kind === 'tries again' && said.tries === 1 && void report.query('COMMIT'),
    });
    expect(outcomes['2_size']).toMatchObject({ kind: 'applied' });
  });

  it('is tried again after a deadlock', async () => {
    const url = await rig.database();
    await runAll(rig.migrator, url, { ...HATS, 'migrations/2_caps.sql': 'CREATE TABLE caps (id int);' });
    const report = await rig.connect(url, 'nightly report');
    await report.query("SET deadlock_timeout = '10min'; BEGIN; SELECT * FROM caps");
    const { outcomes, progress } = await runAll(
      rig.migrator,
      url,
      {
        ...HATS,
        'migrations/2_caps.sql': 'CREATE TABLE caps (id int);',
        'migrations/3_both.sql':
          "SET deadlock_timeout = '50ms'; ALTER TABLE hats ADD a int; SELECT pg_sleep(0.5); ALTER TABLE caps ADD a int;",
      },
      {
        onProgress: said => {
          // It has hats and will want caps; the report has caps and wants hats.
          if (said.kind === 'statement' && said.statement === 3)
            report.query('SELECT * FROM hats; COMMIT').catch(() => {});
        },
      },
    );
    expect(progress.find(({ kind }) => kind === 'tries again')).toMatchObject({
      error: 'deadlock detected',
    });
    expect(outcomes['3_both']).toMatchObject({ kind: 'applied' });
  });
});

describe('a change that takes long', () => {
  it('is undone after 15 s, for others wait behind it; work on rows is not, unless it follows a change', async () => {
    const url = await rig.database();
    await runAll(rig.migrator, url, HATS);
    const { outcomes } = await runAll(rig.migrator, url, {
      ...HATS,
      'migrations/2_rows.sql': 'INSERT INTO hats VALUES (1); SELECT pg_sleep(16);',
      'migrations/3_block.sql':
        'ALTER TABLE hats ADD COLUMN size int; UPDATE hats SET size = 1 WHERE pg_sleep(60) IS NOT NULL;',
    });
    expect(outcomes['2_rows']).toMatchObject({ kind: 'applied' });
    expect(outcomes['3_block']).toMatchObject({
      ...{ kind: 'rolled back', code: '57014', statement: 2 },
      error: expect.stringContaining('split the file'),
    });
  });
});
