import { beforeAll, expect, it } from 'vitest';
import { filesOf } from '../src/domain/gate.ts';
import { parserReady } from '../src/domain/migration.ts';
import { type FileReading, type Recording, readProgram } from '../src/domain/migration-file.ts';
import { pendingMigrations } from '../src/pending.ts';

beforeAll(parserReady);

const PLACE = {
  dir: 'migrations',
  contractDir: 'migrations/contract',
  table: 'pgmigrations',
  contractTable: 'pgmigrations_contract',
};
const FACTS = {
  version: 180004,
  timeZone: 'UTC',
  searchPath: [],
  relations: {},
  functions: {},
  ownFunctions: {},
  domains: {},
  things: [],
};

/** The plan of a commit with one program, as it was recorded without a database. */
async function planned(recording: Partial<Recording>) {
  const entry = { name: '1_a', path: 'migrations/1_a.js', table: 'pgmigrations', kind: 'code' as const };
  const nothing = { steps: [], transaction: true, phase: null, reason: null, asked: [] };
  const { file }: FileReading = readProgram(entry, 'the program', { ...nothing, ...recording });
  const sources = {
    heroku: { config: async () => ({ DATABASE_URL: 'postgres://u:p@db.example/shop' }), configSeen: async () => [] },
    source: { tarball: async () => new Uint8Array(), file: async () => null },
    migrator: { applied: async () => ({}), read: async () => ({ files: [file], problems: [], procfile: null }) },
    catalog: async () => FACTS,
  };
  const { migrations } = await pendingMigrations(sources as unknown as Parameters<typeof pendingMigrations>[0], {
    ...{ app: 'shop', repository: 'acme/shop', commit: { sha: 'c0ffee' }, sharedWith: [] },
    where: { kind: 'files', place: PLACE, maintenance: false },
  });
  return migrations!;
}

it('a program that asks the database runs only after old code is gone, with an approval of its own text', async () => {
  const plan = await planned({ asked: ['SELECT count(*) FROM users'] });
  expect(filesOf(plan, 'expand')).toEqual([]);
  expect(filesOf(plan, 'contract')).toMatchObject([{ file: 'migrations/1_a.js', review: expect.any(String) }]);
  const other = await planned({ asked: ['SELECT count(*) FROM hats'] });
  expect(plan.digests.contract).not.toBe(other.digests.contract);
});

it('one that asks nothing is judged by its SQL', async () => {
  expect(filesOf(await planned({ steps: ['CREATE TABLE n (id int);'] }), 'expand')).toHaveLength(1);
});
