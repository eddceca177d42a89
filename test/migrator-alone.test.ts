import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MigrationRig, PLACE, runAll, startMigrationRig } from './migrator-rig.ts';

let rig: MigrationRig;

beforeAll(async () => {
  rig = await startMigrationRig();
});
afterAll(() => rig?.stop());

const applied = { kind: 'applied', ms: expect.any(Number) };
const recorded = { kind: 'recorded' };

async function withHats(): Promise<{ url: string; client: pg.Client }> {
  const url = await rig.database();
  const client = await rig.connect(url);
  await client.query(
    "CREATE TABLE hats (id int, name varchar(50), state text); INSERT INTO hats VALUES (1, 'a', 'new')",
  );
  return { url, client };
}

/** How one statement ends that runs outside a transaction. */
async function alone(url: string, sql: string, begun = false) {
  const files = { 'migrations/1_alone.sql': `-- no-transaction\n${sql}` };
  return (await runAll(rig.migrator, url, files, { begun: begun ? ['1_alone'] : [] })).outcomes['1_alone'];
}

const isValid = async (client: pg.Client, index: string) =>
  (await client.query('SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)', [index])).rows[0]
    ?.indisvalid;

describe('an index of that name that is there', () => {
  it.each([
    'ON hats (id)',
    "ON public.hats USING btree (lower(name) DESC NULLS LAST) WHERE state IN ('new', 'old') AND id BETWEEN 1 AND 9",
    'ON ONLY "hats" (id, name varchar_pattern_ops) INCLUDE (state) WITH (fillfactor = 70)',
    'ON /* all of them */ hats -- by hand\n USING hash (state)',
  ])('and is the same counts as made (%s)', async what => {
    const { url, client } = await withHats();
    await client.query(`CREATE INDEX CONCURRENTLY one ${what}`);
    expect(await alone(url, `CREATE INDEX CONCURRENTLY one ${what};`)).toEqual(recorded);
  });

  it.each([
    ['other columns', 'INDEX one ON hats (name)', 'INDEX CONCURRENTLY one ON hats (id)'],
    ['not unique', 'INDEX one ON hats (id)', 'UNIQUE INDEX CONCURRENTLY one ON hats (id)'],
    ['another expression', 'INDEX one ON hats (name)', 'INDEX CONCURRENTLY one ON hats (lower(name))'],
    ['another order', 'INDEX one ON hats (id)', 'INDEX CONCURRENTLY one ON hats (id DESC)'],
    ['of other rows', 'INDEX one ON hats (id)', 'INDEX CONCURRENTLY one ON hats (id) WHERE id > 3'],
    ['of another kind', 'INDEX one ON hats (id)', 'INDEX CONCURRENTLY one ON hats USING hash (id)'],
    ['with less in it', 'INDEX one ON hats (id)', 'INDEX CONCURRENTLY one ON hats (id) INCLUDE (name)'],
  ])('and is %s is not taken for it: Postgres refuses, and nothing is recorded', async (_, there, wanted) => {
    const { url, client } = await withHats();
    await client.query(`CREATE ${there}`);
    expect(await alone(url, `CREATE ${wanted};`)).toMatchObject({ kind: 'rolled back', code: '42P07' });
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual([]);
  });
});

describe('an index that is dropped', () => {
  it('and is not there was misspelt, unless an earlier run had begun with it', async () => {
    const { url } = await withHats();
    expect(await alone(url, 'DROP INDEX CONCURRENTLY hats_di;')).toMatchObject({ kind: 'rolled back', code: '42704' });
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual([]);
    expect(await alone(url, 'DROP INDEX CONCURRENTLY hats_di;', true)).toEqual(recorded);
  });

  it('and is left invalid when that is broken off is said to stay, and can be dropped once more', async () => {
    const { url, client } = await withHats();
    await client.query('CREATE INDEX one ON hats (id)');
    const reader = await rig.connect(url, 'report');
    await reader.query('BEGIN; SELECT * FROM hats');
    const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE query LIKE 'DROP INDEX CONC%' AND datname = current_database() AND wait_event_type = 'Lock'`;
    const cancelling = setInterval(() => void client.query(cancel), 200);
    const broken = await alone(url, 'DROP INDEX CONCURRENTLY one;');
    clearInterval(cancelling);
    expect(await isValid(client, 'one')).toBe(false);
    expect(broken).toMatchObject({ kind: 'left behind', wayOut: 'DROP INDEX CONCURRENTLY one;' });
    await reader.query('COMMIT');
    expect(await alone(url, 'DROP INDEX CONCURRENTLY one;')).toEqual(applied);
  });
});

describe('an invalid index', () => {
  async function withInvalid() {
    const { url, client } = await withHats();
    await client.query("INSERT INTO hats VALUES (1, 'b', 'new')");
    await client.query('CREATE UNIQUE INDEX CONCURRENTLY one ON hats (id)').catch(() => {});
    return { url, client };
  }

  it('is mended by REINDEX', async () => {
    const { url, client } = await withInvalid();
    await client.query("DELETE FROM hats WHERE name = 'b'");
    expect(await alone(url, 'REINDEX INDEX CONCURRENTLY one;')).toEqual(applied);
    expect(await isValid(client, 'one')).toBe(true);
  });

  it('that a REINDEX leaves behind is named, and not the one that it was to mend', async () => {
    const { url } = await withInvalid();
    const failed = { kind: 'left behind', wayOut: 'DROP INDEX CONCURRENTLY one_ccnew;' };
    expect(await alone(url, 'REINDEX INDEX CONCURRENTLY one;')).toMatchObject(failed);
    expect(await alone(url, 'REINDEX INDEX CONCURRENTLY one;')).toMatchObject(failed);
  });
});
