import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PG_MIGRATE_LOCK_ID } from 'node-pg-migrate';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isAlive } from '../src/adapters/claim.ts';
import { createMigrator } from '../src/adapters/migrator.ts';
import type { MigrationProgress } from '../src/domain/migration-outcome.ts';
import type { MigrationRun } from '../src/outside.ts';
import { type MigrationRig, PLACE, runAll, startMigrationRig } from './migrator-rig.ts';
import { startPostgresProxy } from './torture/postgres-proxy.ts';

// Real processes and real SIGKILLs, wherever a migration is at.

let rig: MigrationRig;
const bots: Bot[] = [];

beforeAll(async () => {
  rig = await startMigrationRig();
});
afterEach(() => {
  for (const bot of bots.splice(0)) bot.kill();
});
afterAll(() => rig?.stop());

type Said = MigrationProgress | { run: MigrationRun };

type Bot = {
  /** Resolves with the first thing told that passes. */
  says(passes: (said: Said) => boolean): Promise<Said>;
  /** The process that migrates. */
  child(): Promise<number>;
  freeze(): void;
  kill(): void;
};

function startBot(url: string, files: Record<string, string>): Bot {
  const program = fileURLToPath(new URL('fixtures/migrating-bot.ts', import.meta.url));
  const bot = spawn(process.execPath, [program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  bot.stdin.end(JSON.stringify({ url, files }));
  const said: Said[] = [];
  let onSaid = () => {};
  createInterface({ input: bot.stdout }).on('line', line => {
    said.push(JSON.parse(line));
    onSaid();
  });
  const started: Bot = {
    says: passes =>
      new Promise(resolve => {
        onSaid = () => {
          const found = said.find(passes);
          if (found) resolve(found);
        };
        onSaid();
      }),
    child: () => childOf(bot.pid ?? 0),
    freeze: () => bot.kill('SIGSTOP'),
    kill: () => bot.kill('SIGKILL'),
  };
  bots.push(started);
  return started;
}

async function childOf(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number));
  return rows.find(([, parent]) => parent === pid)?.[0] ?? 0;
}

async function until(what: string, passes: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; !(await passes()); ) {
    if (performance.now() > end) throw new Error(`It never came that ${what}`);
  }
}

const lockIsFree = async (client: pg.Client): Promise<boolean> =>
  (
    await client.query(
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
  ).rowCount === 0;

/** One that is met at work sleeps there or waits for a lock: another COMMIT, just seen, may be over before anybody is stopped. */
const isAt = async (client: pg.Client, point: string, state: string): Promise<boolean> =>
  (
    await client.query(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = $2 AND query LIKE '%' || $1 || '%'
         AND (state <> 'active' OR wait_event_type IN ('Timeout', 'Lock'))`,
      [point, state],
    )
  ).rowCount !== 0;

const hatsIn = async (client: pg.Client): Promise<number[]> =>
  (await client.query<{ id: number }>('SELECT id FROM hats ORDER BY id')).rows.map(({ id }) => id);

const pause = (point: string) => `SELECT pg_sleep(0.5), '${point}';`;

const FILES = {
  'migrations/1_hats.sql': 'CREATE TABLE hats (id int);',
  'migrations/2_three.sql': `INSERT INTO hats VALUES (1);
    ${pause('after one')}
    CREATE TABLE caps ();
    ${pause('after two')}
    INSERT INTO hats VALUES (2);`,
  'migrations/3_after.sql': 'INSERT INTO hats VALUES (3);',
};

/** Makes Postgres slow to record the second, and slow again to commit it. */
const SLOW_TO_RECORD = `
  CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END $$;
  CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
  CREATE TRIGGER recording BEFORE INSERT ON pgmigrations FOR EACH ROW WHEN (NEW.name LIKE '2%') EXECUTE FUNCTION pause();
  CREATE CONSTRAINT TRIGGER committing AFTER INSERT ON pgmigrations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name LIKE '2%') EXECUTE FUNCTION pause();`;

describe.for(['bot', 'child'] as const)('after a SIGKILL of the %s', victim => {
  const kill = async (bot: Bot): Promise<number> => {
    const child = await bot.child();
    if (victim === 'bot') bot.kill();
    else process.kill(child, 'SIGKILL');
    return child;
  };

  it.for([
    ['after one', ' in transaction'],
    ['after two', ' in transaction'],
    ["VALUES ('2_three'", ' in transaction'],
    ['COMMIT', ''],
  ])('between two statements (%s), each migration is recorded once or not at all', async ([point = '', where]) => {
    const url = await rig.database();
    const client = await rig.connect(url);
    await client.query(SLOW_TO_RECORD);
    const bot = startBot(url, FILES);
    await until(`it is at ${point}`, () => isAt(client, point, 'active'));
    // Stopped, it hears that the statement has ended, and does not send the next.
    process.kill(await bot.child(), 'SIGSTOP');
    await until(`it has done ${point}`, () => isAt(client, point, `idle${where}`));
    const child = await kill(bot);
    if (victim === 'bot') process.kill(child, 'SIGCONT');
    await until('the migrating process ends', () => !isAlive(child));
    await until('the lock is free', () => lockIsFree(client));

    const recorded = await rig.migrator.applied(url, PLACE);
    const isDone = point === 'COMMIT';
    if (victim === 'child') expect(recorded.pgmigrations).toEqual(isDone ? ['1_hats', '2_three'] : ['1_hats']);
    expect(await hatsIn(client)).toEqual([
      ...(recorded.pgmigrations?.includes('2_three') ? [1, 2] : []),
      ...(recorded.pgmigrations?.includes('3_after') ? [3] : []),
    ]);

    await runAll(rig.migrator, url, FILES);
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats', '2_three', '3_after']);
    expect(await hatsIn(client)).toEqual([1, 2, 3]);
  });

  it('inside a statement, the transaction is gone and the lock free again within seconds', async () => {
    const url = await rig.database();
    const client = await rig.connect(url);
    const files = { ...FILES, 'migrations/2_three.sql': 'CREATE TABLE caps ();\nSELECT pg_sleep(120);' };
    const bot = startBot(url, files);
    await until('the statement runs', () => isAt(client, 'pg_sleep(120)', 'active'));
    const child = await kill(bot);
    const killedAt = performance.now();
    await until('the migrating process ends', () => !isAlive(child));
    await until('the lock is free', () => lockIsFree(client));
    console.log(`lock free ${Math.round(performance.now() - killedAt)} ms after the kill of the ${victim}`);
    expect((await client.query(`SELECT to_regclass('caps') AS caps`)).rows).toEqual([{ caps: null }]);
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats']);
    if (victim === 'child') {
      const last = await bot.says(said => 'run' in said);
      expect(last).toMatchObject({
        run: {
          kind: 'ran',
          files: [
            { outcome: { kind: 'applied' } },
            { outcome: { kind: 'rolled back', error: 'It was ended because it was killed (SIGKILL).' } },
            { outcome: { kind: 'not begun' } },
          ],
        },
      });
    }
  });

  it('inside CREATE INDEX CONCURRENTLY, Postgres ends it under the lock, and the next run only records it', async () => {
    const url = await rig.database();
    const client = await rig.connect(url);
    const files = {
      'migrations/1_hats.sql': 'CREATE TABLE hats (id int);',
      'migrations/2_index.sql': '-- no-transaction\nCREATE INDEX CONCURRENTLY hats_id ON hats (id)',
    };
    await runAll(rig.migrator, url, { 'migrations/1_hats.sql': files['migrations/1_hats.sql'] });
    const reader = await rig.connect(url);
    await reader.query('BEGIN; INSERT INTO hats VALUES (1)');
    const bot = startBot(url, files);
    await until('the index is being built', () => isAt(client, 'CREATE INDEX CONCURRENTLY hats_id', 'active'));
    const child = await kill(bot);
    await until('the migrating process ends', () => !isAlive(child));

    // It waits for the writer, without anybody to hear of it, and keeps the lock.
    expect(await lockIsFree(client)).toBe(false);
    const next = runAll(rig.migrator, url, files, {
      onProgress: said => said.kind === 'waits for the lock' && void reader.query('COMMIT'),
    });
    const { outcomes, progress } = await next;
    expect(progress[0]).toMatchObject({
      kind: 'waits for the lock',
      holders: [{ application: 'switchover migrations' }],
    });
    expect(outcomes).toEqual({ '2_index': { kind: 'recorded' } });
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual(['1_hats', '2_index']);
  });

  it('inside DROP INDEX CONCURRENTLY, that it began is known, its end is waited for, and it is only recorded', async () => {
    const url = await rig.database();
    const client = await rig.connect(url);
    await client.query('CREATE TABLE hats (id int); CREATE INDEX hats_id ON hats (id)');
    const files = { 'migrations/1_drop.sql': '-- no-transaction\nDROP INDEX CONCURRENTLY hats_id' };
    const reader = await rig.connect(url);
    await reader.query('BEGIN; SELECT * FROM hats');
    const bot = startBot(url, files);
    await until('the index is being dropped', () => isAt(client, 'DROP INDEX CONCURRENTLY hats_id', 'active'));
    await bot.says(said => 'kind' in said && said.kind === 'begins');
    const child = await kill(bot);
    await until('the migrating process ends', () => !isAlive(child));
    const hasty = createMigrator({ patience: { tries: 1, firstMs: 1, withinMs: 1 }, lockMs: 300 });
    const { run } = await runAll(hasty, url, files, { begun: ['1_drop'] });
    expect(run).toMatchObject({ kind: 'busy', holders: [{ application: 'switchover migrations' }] });
    await reader.query('COMMIT');
    expect((await runAll(rig.migrator, url, files, { begun: ['1_drop'] })).outcomes).toEqual({
      '1_drop': { kind: 'recorded' },
    });
  });
});

it('a bot that is frozen before it says what to run has its child give up the lock', async () => {
  const url = await rig.database();
  const [client, other] = [await rig.connect(url), await rig.connect(url)];
  const line = await startPostgresProxy(url);
  onTestFinished(line.stop);
  // Five minutes, as a test can wait for them.
  line.hears = message => Buffer.from(message.toString('latin1').replace("'300000'", "'  3000'"), 'latin1');
  await other.query('SELECT pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
  const bot = startBot(line.url, FILES);
  await bot.says(said => 'kind' in said && said.kind === 'waits for the lock');
  bot.freeze();
  await other.query('SELECT pg_advisory_unlock_all()');
  await until('the child has the lock', async () => !(await lockIsFree(client)));
  await until('the lock is free', () => lockIsFree(client));
  expect((await runAll(rig.migrator, url, FILES)).outcomes['1_hats']).toMatchObject({ kind: 'applied' });
});
