import type { Deploy } from '../src/domain/deploy.ts';
import type { PendingFile, PendingMigrations } from '../src/domain/gate.ts';
import { judge, parserReady } from '../src/domain/migration.ts';
import { stepsWith } from '../src/domain/steps.ts';
import { deployOf, deploys, STARTED_AT, type Told } from './sample-deploys.ts';

// Deploys with migrations in every state: for the tests of what people see.

await parserReady();

const SQL = {
  'migrations/3_cents.sql': 'ALTER TABLE hats ADD COLUMN price_cents integer;',
  'migrations/4_index.sql': 'CREATE INDEX hats_price ON hats (price_cents);',
  'migrations/contract/5_drop_price.sql': 'ALTER TABLE hats DROP COLUMN price;\nDROP TABLE old_hats;',
};
const files = judge(
  Object.entries(SQL).map(([file, sql]) => ({ file, sql })),
  null,
).map((verdict): PendingFile => {
  const name = verdict.file.replace(/^.*\/|\.sql$/g, '');
  return { ...verdict, name, table: 'pgmigrations', review: null };
});
const place = {
  dir: 'migrations',
  contractDir: 'migrations/contract',
  table: 'pgmigrations',
  contractTable: 'pgmigrations_contract',
};
export const pending: PendingMigrations = {
  ...{ place, files },
  digests: { expand: 'e1', contract: 'c1' },
  maintenance: false,
  sharedWith: ['reports'],
};
const steps = stepsWith({ expand: true, contract: true });
const changed = { migrations: pending, steps };

/** What `succeeded` was told, up to old code gone, with the expand migrations before it. */
const gone = deploys['old code gone'].facts.map(({ at, seq: _, ...body }): Told => {
  return [(Date.parse(at) - STARTED_AT) / 1000, body];
});
const [started, ...rest] = gone;
const expanding: Told[] = [
  ...(started ? [started] : []),
  [1, { kind: 'migrating', direction: 'expand' }],
  [2, { kind: 'migrated', direction: 'expand', file: 'migrations/3_cents.sql', seconds: 0.2 }],
];
const toSoak: Told[] = [
  ...expanding,
  [2.5, { kind: 'migrated', direction: 'expand', file: 'migrations/4_index.sql', seconds: null }],
  [2.6, { kind: 'schema changed', direction: 'expand' }],
  ...rest,
  [301, { kind: 'soaking', until: STARTED_AT + 600_000 }],
];
const toAsked: Told[] = [...toSoak, [600, { kind: 'approval asked', digest: 'c1' }]];
const complaints = [{ now: '31 of 100 requests failed', against: 'Before: 0 of 240 requests failed' }];
const illness: Told = [650, { kind: 'not well', complaints, backIn: null }];
const toApproved: Told[] = [
  ...toAsked,
  [700, { kind: 'approved', by: 'U0BOB', digest: 'c1' }],
  [701, { kind: 'migrating', direction: 'contract' }],
];
const file = 'migrations/contract/5_drop_price.sql';

export const migrating = {
  expanding: deployOf(expanding, changed),
  'failed to expand': deployOf(
    [
      ...expanding,
      [
        3,
        {
          kind: 'migration failed',
          direction: 'expand',
          failure: {
            file: 'migrations/4_index.sql',
            error: 'canceling statement due to lock timeout',
            stays: null,
            blockers: ['psql (process 71, idle in transaction, since 340 s)'],
          },
        },
      ],
      [3, { kind: 'ended', outcome: 'failed', why: '4_index failed before anything was released.' }],
    ],
    changed,
  ),
  soaking: deployOf(toSoak, changed),
  'waiting for an approval': deployOf(toAsked, changed),
  'not well while it waits': deployOf([...toAsked, illness], changed),
  'kept while it waits': deployOf(
    [...toAsked, illness, [700, { kind: 'kept', by: 'U0ANN', why: 'One visitor had bad luck.' }]],
    changed,
  ),
  'going back while it waited': deployOf(
    [...toAsked, illness, [700, { kind: 'rollback asked', by: 'U0ANN', why: 'asked in Slack' }]],
    changed,
  ),
  reminded: deployOf([...toAsked, [15_000, { kind: 'approval reminded' }]], changed),
  contracting: deployOf(toApproved, changed),
  contracted: deployOf(
    [
      ...toApproved,
      [702, { kind: 'migrated', direction: 'contract', file, seconds: 0.1 }],
      [702, { kind: 'schema changed', direction: 'contract' }],
      [703, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' }],
    ],
    changed,
  ),
  held: deployOf(
    [
      ...toAsked,
      [700, { kind: 'held', by: 'U0BOB', why: 'The report still reads it.' }],
      [701, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' }],
    ],
    changed,
  ),
  'held after all': deployOf(
    [
      ...toApproved.slice(0, -1),
      [702, { kind: 'held', by: null, why: 'Old code still runs: run.7.' }],
      [703, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' }],
    ],
    changed,
  ),
  'failed to contract': deployOf(
    [
      ...toApproved,
      [
        702,
        {
          kind: 'migration failed',
          direction: 'contract',
          failure: { file, error: 'relation "old_hats" does not exist', stays: null, blockers: [] },
        },
      ],
      [702, { kind: 'ended', outcome: 'unfinished', why: 'shop runs the new code, but 5_drop_price failed.' }],
    ],
    changed,
  ),
} as const satisfies Record<string, Deploy>;
