import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { Store } from '../src/adapters/store.ts';
import type { FactBody, MigrationFailure } from '../src/domain/deploy.ts';
import { fingerprint } from '../src/domain/plan.ts';
import { destroyed } from '../src/domain/readings.ts';
import { plan } from './sample-deploys.ts';
import { startPostgres } from './stage/made.ts';

let dir: string;
let server: Embedded;
let pool: pg.Pool;
let store: Store;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'floor-'));
  server = await startPostgres(dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  store = new Store(pool);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

const released: FactBody = {
  ...{ kind: 'released', release: 'r42', version: 42, slug: 's42' },
  ...{ releasedAt: 0, phaseSeconds: 0 },
};
const failed = (more: Partial<MigrationFailure>, direction: 'expand' | 'contract' = 'contract'): FactBody => ({
  ...{ kind: 'migration failed', direction },
  failure: { file: '5.sql', error: 'no', stays: null, blockers: [], ...more },
});

async function started(app: string): Promise<string> {
  const shown = {
    id: app,
    plan: { ...plan, app },
    digest: fingerprint(plan),
    askedBy: 'U0ANN',
    channel: 'C1',
    due: null,
  };
  await store.savePlan(shown);
  await store.createDeploy(shown, 'U0ANN');
  return app;
}

it('a deploy asks for an approval until the newest card is answered', async () => {
  const app = await started('asks');
  const seen: string[] = [];
  for (const kind of ['soaking', 'approval asked', 'approved', 'approval asked', 'held'] as const) {
    await store.append(app, { kind, by: 'U1', digest: '', why: '', until: 0, lastOldAt: null }, `${seen.length}`);
    const [known] = await store.running(app);
    seen.push(`${kind}: ${known?.soaks ? 'soaks' : ''} ${known?.asks ? 'asks' : ''}`.trim());
  }
  expect(seen).toEqual([
    'soaking: soaks',
    'approval asked: soaks asks',
    'approved:',
    'approval asked: soaks asks',
    'held:',
  ]);
});

it.each<[string, FactBody, number | null]>([
  ['contract migrations that ran', { kind: 'migrated', direction: 'contract', file: '5.sql', seconds: 1 }, 42],
  ['those of which a part stays', failed({ stays: 'DROP INDEX x' }), 42],
  ['a command of the app that failed half-way', failed({ byCommand: true }), 42],
  ['those of which nothing stays', failed({}), null],
  ['what only adds', { kind: 'migrated', direction: 'expand', file: '3.sql', seconds: 1 }, null],
  ['what only adds and failed', failed({ stays: 'DROP INDEX x' }, 'expand'), null],
])('after %s code from before goes back, or not', async (what, fact, floor) => {
  const app = await started(what.replace(/\W/g, '-'));
  await store.append(app, released, 'released');
  await store.append(app, fact, 'fact');
  expect(await store.schemaFloor(app)).toBe(floor);
  expect(destroyed(await store.deploy(app))).toBe(floor !== null);
});
