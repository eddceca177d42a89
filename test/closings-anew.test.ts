import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectClosings } from '../src/adapters/closings.ts';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { ClosingMoves } from '../src/closing-moves.ts';
import type { Heroku } from '../src/outside.ts';
import type { Closings } from '../src/team.ts';
import { closingNotices } from '../views/closings.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgres } from './stage/made.ts';

// The workers of an app that is closed anew while it is being opened.

let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let closings: Closings;
let world: { maintenance: boolean; worker: number; calls: string[]; diesAfter: string; ill: boolean };

beforeAll(async () => {
  folder = await makeFolder();
  server = await startPostgres(folder.dir);
  pool = connect(server.url, () => {});
  await migrate(pool);
  await pool.query("INSERT INTO instances (id) VALUES ('one')");
  closings = connectClosings(pool, 'one', closingNotices);
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await folder?.remove();
});
beforeEach(() => {
  world = { maintenance: false, worker: 2, calls: [], diesAfter: '', ill: false };
});
afterEach(() => pool.query('DELETE FROM closings; DELETE FROM notices'));

/** Heroku has done it, whoever asked for it may not have heard. */
function called(call: string): void {
  world.calls.push(call);
  if (call === world.diesAfter) throw new Error('killed');
}

const heroku = {
  app: async () => ({ maintenance: world.maintenance, webUrl: 'https://shop.example.com/' }),
  formation: async () => [{ type: 'worker', quantity: world.worker, size: 'Standard-1X' }],
  dynos: async () => (world.worker > 0 ? [{ type: 'worker' }] : []),
  setMaintenance: async (_: string, on: boolean) => {
    world.maintenance = on;
    called(on ? 'close' : 'open');
  },
  scale: async (_: string, [worker]: { quantity: number }[]) => {
    world.worker = worker?.quantity ?? 0;
    called(`worker=${world.worker}`);
  },
} as unknown as Heroku;

/** By default more moves than a closing has. */
async function tick(moves = 6): Promise<void> {
  const ledger = { app: async () => null, running: async () => [], deploy: () => Promise.reject() };
  const status = () => (world.maintenance ? 503 : world.ill ? 500 : 200);
  const version = () => (world.maintenance ? null : { release: 42 });
  const ask = async () => ({ sentAt: 0, receivedAt: 0, status: status(), version: version() });
  const others = { migrator: { holders: async () => [] }, barred: () => [], sure: () => true, log: { warn: () => {} } };
  for (let times = 0; times < moves; times++) {
    await new ClosingMoves({ closings, ledger, heroku, prober: { ask }, ...others }).tick();
  }
}

async function close(id: string, insteadOf?: string): Promise<void> {
  const asked = { app: 'shop', by: 'U0ANN', reason: 'We move', channel: 'C1', minutes: null, hasWorkers: true };
  await closings.ask({ id, ...asked });
  await closings.change(id, { wanted: 'closed', wantedNow: true }, { only: 'asked', insteadOf });
}
const open = (id: string) => closings.change(id, { wanted: 'open', wantedNow: true, openedBy: 'U0ANN' });

/** Closed, and its workers stopped. */
async function closeAll(): Promise<void> {
  await close('m1');
  await closings.change('m1', { stopWorkers: true });
  await tick();
  expect(await closings.get('m1')).toMatchObject({ workers: [{ type: 'worker', quantity: 2 }], seen: 'closed' });
  expect((await closings.get('m1'))?.idleAt).not.toBe(null);
}

async function told(): Promise<string> {
  const { rows } = await pool.query<{ message: { text: string } }>('SELECT message FROM notices ORDER BY at, id');
  return rows.map(({ message }) => message.text).join('\n');
}

describe('an app that is closed anew while it is being opened', () => {
  it('has those workers stopped again that were started meanwhile, and started when it opens', async () => {
    await closeAll();
    await open('m1');
    world.diesAfter = 'worker=2';
    await tick(2);
    expect(world.calls).toEqual(['close', 'worker=0', 'open', 'worker=2']);
    world.diesAfter = '';
    await close('m2', 'm1');
    await tick();
    expect(world.calls.slice(4)).toEqual(['close', 'worker=0']);
    expect(await told()).toMatch(/shop is closed\..*Workers are stopped \(worker × 2\)/);
    await open('m2');
    await tick();
    expect(world.calls.slice(6)).toEqual(['open', 'worker=2']);
  });

  it('keeps workers that it had back by then', async () => {
    await closeAll();
    await open('m1');
    world.ill = true;
    await tick();
    await close('m2', 'm1');
    await tick();
    expect(world.calls).toEqual(['close', 'worker=0', 'open', 'worker=2', 'close']);
    expect((await closings.get('m1'))?.endedAt).not.toBe(null);
    expect(await closings.get('m2')).toMatchObject({ seen: 'closed', workers: [], stopWorkers: false });
  });
});
