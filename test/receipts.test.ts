import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Embedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { Store } from '../src/adapters/store.ts';
import { latest } from '../src/domain/deploy.ts';
import { receiptOf } from '../views/receipt.ts';
import { rootMessage } from '../views/root.ts';
import { deploys, plan } from './sample-deploys.ts';
import { startPostgres } from './stage/made.ts';

// The chain of receipts in a real Postgres, and the program that looks at it.

let dir: string;
let server: Embedded;
let url: string;
let pool: pg.Pool;
let store: Store;
let databases = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'receipts-'));
  server = await startPostgres(dir);
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`CREATE DATABASE chain${++databases}`);
  await client.end();
  const address = new URL(server.url);
  address.pathname = `/chain${databases}`;
  url = address.href;
  pool = connect(url, () => {});
  await migrate(pool);
  store = new Store(pool);
  return () => pool.end();
});

/** A deploy of the app with everything that happened to the sample, to its end. */
async function deploy(id: string, app = 'shop'): Promise<void> {
  const stored = { id, plan: { ...plan, app }, digest: 'x', askedBy: 'U0ANN', channel: 'C1', due: null };
  await store.savePlan(stored);
  await store.createDeploy(stored, 'U0ANN');
  for (const { seq, at: _, ...fact } of deploys.succeeded.facts) await store.append(id, fact, `${fact.kind} ${seq}`);
}

type Said = { code: number; out: string };
const audit = (...words: string[]): Promise<Said> =>
  new Promise(resolve => {
    const program = fileURLToPath(new URL('../src/audit.ts', import.meta.url));
    const env = { PATH: process.env.PATH, DATABASE_URL: url };
    execFile(process.execPath, [program, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, out: `${stdout}${stderr}` });
    });
  });

/** As somebody who owns the database could. */
async function tamper(...statements: string[]): Promise<void> {
  await pool.query(
    [
      'ALTER TABLE receipts DISABLE TRIGGER receipts_stay',
      ...statements,
      'ALTER TABLE receipts ENABLE TRIGGER receipts_stay',
    ].join(';'),
  );
}

const hashes = async (): Promise<string[]> =>
  (await pool.query<{ hash: string }>('SELECT hash FROM receipts ORDER BY number')).rows.map(({ hash }) => hash);

describe('receipts', () => {
  it('hold whose yes a start needed, and why it began in a freeze', async () => {
    const stored = { id: 'd1', plan, digest: 'x', askedBy: 'U0ANN', channel: 'C1', due: null };
    await store.savePlan(stored);
    await pool.query(
      `INSERT INTO start_requests (id, app, by, emergency, answer, answered_by)
       VALUES ('d1', 'shop', 'U0ANN', 'The till is down.', 'approved', 'U0BOB')`,
    );
    await store.createDeploy(stored, 'U0ANN');
    await store.append('d1', { kind: 'ended', outcome: 'failed', why: 'The build failed.' }, 'ended');
    const { rows } = await pool.query<{ body: string }>('SELECT body FROM receipts');
    expect(JSON.parse(rows[0]?.body ?? '')).toMatchObject({
      approvals: [{ of: 'start', by: 'U0BOB', emergency: 'The till is down.' }],
    });
    expect(receiptOf(await store.deploy('d1')).join('\n')).toContain(
      '<@U0BOB> approved its start, in a freeze: The till is down.',
    );
  });

  it('are written with the end, chained over all apps, and stand on the root message', async () => {
    await deploy('d1');
    await deploy('d2', 'hats');
    await deploy('d3');
    const { rows } = await pool.query('SELECT number::int, deploy_id, previous, hash FROM receipts ORDER BY number');
    expect(rows.map(({ number, deploy_id }) => [number, deploy_id])).toEqual([
      [1, 'd1'],
      [2, 'd2'],
      [3, 'd3'],
    ]);
    expect([rows[1].previous, rows[2].previous]).toEqual([rows[0].hash, rows[1].hash]);
    const ended = await store.deploy('d3');
    expect(latest(ended, 'ended')?.receipt).toEqual({ number: 3, hash: rows[2].hash });
    expect(JSON.stringify(rootMessage(ended))).toContain(`Receipt 3, \`${rows[2].hash.slice(0, 12)}\`: chained`);
    expect(await audit('verify')).toMatchObject({ code: 0, out: expect.stringContaining('The newest is 3, ') });
  });

  it('hold who, what, how long each step took beside the usual, what was seen, and the digest of it all', async () => {
    for (const id of ['d1', 'd2', 'd3', 'd4']) await deploy(id);
    const { code, out } = await audit('export');
    const bodies = JSON.parse(out).map(({ body }: { body: string }) => JSON.parse(body));
    expect(code).toBe(0);
    expect(bodies[3]).toMatchObject({
      ...{
        deploy: 'd4',
        app: 'shop',
        by: 'U0ANN',
        outcome: 'succeeded',
        commit: plan.commit.sha,
        live: 41,
        release: 42,
      },
      seen: { answers: { old: 185, new: 52 }, windowSeconds: 182 },
      evidence: [{ by: 'probe', answers: 14 }],
      facts: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(bodies[0].steps[1]).toMatchObject({ step: 'Build', state: 'done', usual: null });
    expect(bodies[3].steps[1]).toMatchObject({ step: 'Build', seconds: expect.any(Number), usual: expect.any(Number) });
    expect(latest(await store.deploy('d4'), 'ended')?.usual).toHaveProperty('Build');
    expect(JSON.stringify(rootMessage(await store.deploy('d4')))).toContain(
      'Times, and what is usual: Upload the source',
    );
  });

  it('cannot be changed by mistake', async () => {
    await deploy('d1');
    for (const change of ["UPDATE receipts SET body = '{}'", 'DELETE FROM receipts', 'TRUNCATE receipts']) {
      await expect(pool.query(change)).rejects.toThrow('receipts are only ever appended');
    }
  });

  it('have no gap and no twin when many deploys end at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => deploy(`d${index}`, `app-${index % 4}`)));
    expect(await audit('verify')).toMatchObject({
      code: 0,
      out: expect.stringContaining('8 receipts and 8 deploys that ended'),
    });
  });
});

describe('an audit', () => {
  beforeEach(async () => {
    for (const id of ['d1', 'd2', 'd3']) await deploy(id);
  });

  it.each<[string, string[], RegExp]>([
    [
      'a receipt that was rewritten',
      [`UPDATE receipts SET body = replace(body, 'U0ANN', 'U0EVE') WHERE number = 2`],
      /Receipt 2: its text or its hash was changed/,
    ],
    [
      'one that was rewritten with its own hash',
      [
        `UPDATE receipts SET body = replace(body, 'U0ANN', 'U0EVE') WHERE number = 2`,
        `UPDATE receipts SET hash = encode(sha256(convert_to(number || E'\\n' || previous || E'\\n' || body, 'UTF8')), 'hex') WHERE number = 2`,
      ],
      /Receipt 3: it was written behind another receipt 2[\s\S]*the deploy's end names receipt 2 with another hash/,
    ],
    [
      'one that was taken out of the middle',
      ['DELETE FROM receipts WHERE number = 2'],
      /Receipt 2 is missing[\s\S]*Deploy d2 ended with receipt 2, which is missing/,
    ],
    [
      'the newest one taken out',
      ['DELETE FROM receipts WHERE number = 3'],
      /Deploy d3 ended with receipt 3, which is missing/,
    ],
    ['all of them taken out', ['DELETE FROM receipts'], /Deploy d1 ended with receipt 1, which is missing/],
    [
      'a fact that was changed',
      [`UPDATE facts SET data = data || '{"build": "b2"}' WHERE deploy_id = 'd1' AND kind = 'build started'`],
      /Receipt 1 \(deploy d1\): the deploy's facts were changed since/,
    ],
    [
      'a fact that was taken out',
      [`DELETE FROM facts WHERE deploy_id = 'd2' AND kind = 'phase' AND seq = 11`],
      /Receipt 2 \(deploy d2\): the deploy's facts were changed/,
    ],
    [
      'another outcome',
      [`UPDATE deploys SET outcome = 'failed' WHERE id = 'd2'`],
      /Receipt 2 \(deploy d2\): it says succeeded, the deploy says/,
    ],
  ])('finds %s, and says where', async (_, statements, found) => {
    await tamper(...statements);
    const { code, out } = await audit('verify');
    expect(out).toMatch(found);
    expect(code).toBe(1);
  });

  it('cannot see that the newest was taken out with its deploy, unless it is given the hash that it had', async () => {
    const [, , newest = ''] = await hashes();
    await tamper(
      'DELETE FROM receipts WHERE number = 3',
      "DELETE FROM facts WHERE deploy_id = 'd3'",
      "DELETE FROM deploys WHERE id = 'd3'",
    );
    expect(await audit('verify')).toMatchObject({ code: 0, out: expect.stringContaining('could cut off the newest') });
    const anchored = await audit('verify', newest.slice(0, 12));
    expect(anchored).toMatchObject({
      code: 1,
      out: expect.stringContaining('the chain was cut before it, or made anew'),
    });
  });

  it('takes the hash of any receipt that is there', async () => {
    const [first = ''] = await hashes();
    expect(await audit('verify', first)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${first} is among them`),
    });
  });

  it('says how it is called, and ends with 2 when it cannot look', async () => {
    for (const words of [[], ['check'], ['verify', 'hash'], ['export', 'x']]) {
      expect(await audit(...words)).toMatchObject({ code: 2, out: expect.stringContaining('Say `npm run audit') });
    }
    url = 'postgres://127.0.0.1:1/none';
    expect(await audit('verify')).toMatchObject({ code: 2, out: expect.stringContaining('could not be read') });
  });

  it('leaves out deploys of a bot that kept no receipts', async () => {
    await tamper('DELETE FROM receipts', `UPDATE facts SET data = data - 'receipt' WHERE kind = 'ended'`);
    await deploy('d4');
    expect(await audit('verify')).toMatchObject({ code: 0, out: expect.stringContaining('1 receipt and 4 deploys') });
  });
});
