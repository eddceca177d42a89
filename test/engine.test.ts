import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect, type Embedded, startEmbedded } from '../src/adapters/postgres.ts';
import { migrate } from '../src/adapters/schema.ts';
import { connectWatches } from '../src/adapters/watches.ts';
import type { Watch } from '../src/domain/watch.ts';
import { type Folder, makeFolder } from './stage/folder.ts';
import { startPostgresProxy } from './torture/postgres-proxy.ts';

const fixture = fileURLToPath(new URL('fixtures/engine-bot.ts', import.meta.url));
const CLOCK = fileURLToPath(new URL('torture/preload/clock.ts', import.meta.url));
const bots: ChildProcess[] = [];
let folder: Folder;
let server: Embedded;
let pool: pg.Pool;
let names = 0;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startEmbedded(folder.dir);
  pool = connect(server.url, () => {});
  await pool.query(
    'CREATE TABLE deeds (id serial, deploy text, what text, by text, at timestamptz DEFAULT clock_timestamp())',
  );
  await pool.query('CREATE TABLE gates (name text PRIMARY KEY)');
});

afterEach(async () => {
  for (const bot of bots.splice(0)) {
    if (bot.exitCode !== null || bot.signalCode !== null) continue;
    bot.kill('SIGKILL');
    bot.kill('SIGCONT');
    await once(bot, 'exit');
  }
});

afterAll(async () => {
  await pool.end();
  await server.stop();
  await folder.remove();
});

async function startBot(version = 'v1', url = server.url): Promise<ChildProcess & { id: string }> {
  const id = `bot-${++names}`;
  const bot = fork(fixture, [url, id, version, server.url], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: ['--import', CLOCK],
  });
  bots.push(bot);
  await once(bot, 'message');
  return Object.assign(bot, { id });
}

const newDeploy = () => `deploy-${++names}`;
const begin = (bot: ChildProcess, deploy: string, app = deploy) => bot.send({ begin: deploy, app });
const open = (gate: string) => pool.query('INSERT INTO gates VALUES ($1)', [gate]);

async function effects(deploy: string): Promise<string[]> {
  const { rows } = await pool.query('SELECT what FROM deeds WHERE deploy = $1 ORDER BY id', [deploy]);
  return rows.map(row => row.what);
}

const PATIENT = { timeout: 30_000 };
const until = (deploy: string, what: string, ms = 30_000) =>
  expect.poll(() => effects(deploy), { timeout: ms, interval: 50 }).toContain(what);

describe('a deploy in the engine', () => {
  it('goes through its stages, and a wake-up ends a wait, also one that came before it', async () => {
    const bot = await startBot();
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'second begun');
    await open(`third ${deploy}`);
    bot.send({ wake: deploy });
    await open(`second ${deploy}`);
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['first', 'second begun', 'second', 'last']);
  });

  // npm run torture -- --seed 4010 --bots 3 --trouble 480: a process that was thawed kept its old watch over the newer one,
  // and when the next was killed, new code was announced twice.
  it('has its watch kept by the process that runs it, and by none that did before', async () => {
    await migrate(pool);
    const keep = (by: string, watch: Watch) => connectWatches(pool, by).save(`${deploy} 42`, watch);
    const [before, deploy] = [await startBot(), newDeploy()];
    begin(before, deploy);
    await until(deploy, 'second begun');
    const watch = (saves: number, release = saves) => ({ saves, goal: { ours: release } }) as unknown as Watch;
    const kept = async () => (await connectWatches(pool, '').load(`${deploy} 42`))?.goal.ours;
    await keep(before.id, watch(1));
    await keep('somebody else', watch(2));
    expect(await kept()).toBe(1);
    const next = await startBot();
    before.kill('SIGKILL');
    await expect
      .poll(async () => (await effects(deploy)).filter(what => what === 'second begun').length, PATIENT)
      .toBe(2);
    await keep(next.id, watch(3));
    await keep(before.id, watch(4));
    expect(await kept()).toBe(3);
    // It has got the deploy back, and does not know more than the one that had it in between.
    await keep(next.id, watch(3, 5));
    expect(await kept()).toBe(3);
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await until(deploy, 'last');
  });

  it('killed in a stage and started again repeats that stage only, and ends once', async () => {
    const bot = await startBot();
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'second begun');
    bot.kill('SIGKILL');
    await once(bot, 'exit');
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await startBot();
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['first', 'second begun', 'second begun', 'second', 'last']);
  });

  it('of a killed process is taken over by a living one within 5 s', async () => {
    const [one, two] = [await startBot(), await startBot()];
    const deploy = newDeploy();
    begin(one, deploy);
    await until(deploy, 'second begun');
    const owner = (await pool.query('SELECT by FROM deeds WHERE deploy = $1 LIMIT 1', [deploy])).rows[0].by;
    const victim = owner === one.id ? one : two;
    const killedAt = performance.now();
    victim.kill('SIGKILL');
    await expect.poll(async () => (await effects(deploy)).length, { timeout: 10_000, interval: 50 }).toBe(3);
    expect(performance.now() - killedAt).toBeLessThan(5_000);
  });

  it('of a frozen process is taken over within 20 s, and the woken one records nothing more', async () => {
    const one = await startBot();
    const deploy = newDeploy();
    begin(one, deploy);
    await until(deploy, 'second begun');
    await startBot();
    one.kill('SIGSTOP');
    const frozenAt = performance.now();
    await expect.poll(async () => (await effects(deploy)).length, { timeout: 25_000, interval: 100 }).toBe(3);
    expect(performance.now() - frozenAt).toBeLessThan(20_000);
    const lost: unknown[] = [];
    one.on('message', message => lost.push(message));
    one.kill('SIGCONT');
    await expect.poll(() => lost, { timeout: 10_000 }).toContainEqual({ lost: deploy });
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await until(deploy, 'last');
    expect((await effects(deploy)).filter(what => what === 'last' || what === 'second')).toEqual(['second', 'last']);
    expect(
      (await pool.query("SELECT by FROM deeds WHERE deploy = $1 AND what = 'last'", [deploy])).rows,
    ).not.toContainEqual({
      by: one.id,
    });
  });

  // Torture, seed 15000: a process that was frozen went on with its older watch, and took an announcement back.
  it('that comes back to a process before this knew that it was lost is begun anew there, without what it knew', async () => {
    const bot = await startBot();
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'second begun');
    const lost: unknown[] = [];
    bot.on('message', message => lost.push(message));
    await pool.query("INSERT INTO instances (id, beat) VALUES ('gone', now() - interval '1 minute')");
    await pool.query("UPDATE dbos.workflow_status SET executor_id = 'gone' WHERE workflow_uuid = $1", [deploy]);
    await expect
      .poll(async () => (await effects(deploy)).filter(what => what === 'second begun').length, PATIENT)
      .toBe(2);
    expect(lost).toEqual([{ lost: deploy }]);
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await until(deploy, 'last');
  });

  it('of a process that is cut off is taken over within 20 s, and that process does nothing more though it lives', async () => {
    const proxy = await startPostgresProxy(server.url);
    onTestFinished(proxy.stop);
    const one = await startBot('slow', proxy.url);
    const deploy = newDeploy();
    begin(one, deploy);
    await until(deploy, 'looked');
    const two = await startBot('slow');
    proxy.refuses = true;
    proxy.cut();
    const cutAt = performance.now();
    await expect.poll(() => effects(deploy), { timeout: 30_000, interval: 50 }).toEqual(['looked', 'looked']);
    expect(performance.now() - cutAt).toBeLessThan(20_000);
    await open(`act ${deploy}`);
    await until(deploy, 'last');
    await until(deploy, 'trouble in First, attempt 1');
    const { rows } = await pool.query("SELECT by FROM deeds WHERE deploy = $1 AND what = 'acted'", [deploy]);
    expect(rows).toEqual([{ by: two.id }]);
  });

  it('stays with a process that beats, though it lost the connection that holds its lock', async () => {
    const one = await startBot();
    const deploy = newDeploy();
    begin(one, deploy);
    await until(deploy, 'second begun');
    const two = await startBot();
    const beatOf = async (id: string): Promise<number> =>
      (await pool.query('SELECT extract(epoch FROM beat)::float8 AS at FROM instances WHERE id = $1', [id])).rows[0]
        ?.at;
    for (let round = 1; round <= 3; round++) {
      const { rowCount } = await pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [`switchover ${one.id}`],
      );
      expect(rowCount).toBe(1);
      // Each beat of the other one judges.
      for (const id of [one.id, two.id]) {
        const before = await beatOf(id);
        await expect.poll(() => beatOf(id), { timeout: 30_000, interval: 50 }).toBeGreaterThan(before + 2);
      }
    }
    expect(await effects(deploy)).toEqual(['first', 'second begun']);
  });

  it('never overlaps with another of the same app', async () => {
    const bot = await startBot();
    const [first, second] = [newDeploy(), newDeploy()];
    begin(bot, first, 'one-app');
    await until(first, 'second begun');
    begin(bot, second, 'one-app');
    await open(`second ${second}`);
    await open(`third ${second}`);
    const other = newDeploy();
    begin(bot, other);
    await until(other, 'second begun');
    expect(await effects(second)).toEqual([]);
    await open(`second ${first}`);
    await open(`third ${first}`);
    await until(second, 'last');
    const { rows } = await pool.query(
      'SELECT (SELECT max(id) FROM deeds WHERE deploy = $1) < (SELECT min(id) FROM deeds WHERE deploy = $2) AS in_order',
      [first, second],
    );
    expect(rows).toEqual([{ in_order: true }]);
  });

  it('begins also after the clock was an hour ahead and was set right', async () => {
    const bot = await startBot();
    bot.send({ aheadMs: 3_600_000 });
    const ahead = newDeploy();
    begin(bot, ahead);
    await until(ahead, 'first');
    bot.send({ aheadMs: 0 });
    const right = newDeploy();
    begin(bot, right);
    await until(right, 'first');
  });

  it('begun by an older version goes on in a newer one that has one more stage', async () => {
    const old = await startBot('v1');
    const deploy = newDeploy();
    begin(old, deploy);
    await open(`second ${deploy}`);
    await until(deploy, 'second');
    old.kill('SIGTERM');
    expect(await once(old, 'exit')).toEqual([0, null]);
    const bot = await startBot('v2');
    await open(`third ${deploy}`);
    await open(`added ${deploy}`);
    bot.send({ wake: deploy });
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['first', 'second begun', 'second', 'added', 'last']);
  });

  it('left at a stage that this version does not know is parked, and goes on in one that does', async () => {
    const newer = await startBot('v2');
    const deploy = newDeploy();
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    begin(newer, deploy);
    const at = async () =>
      (
        await pool.query<{ output: string }>(
          'SELECT output FROM dbos.operation_outputs WHERE workflow_uuid = $1 ORDER BY function_id DESC LIMIT 1',
          [deploy],
        )
      ).rows[0]?.output;
    await expect.poll(at, { timeout: 30_000, interval: 50 }).toContain('Added');
    newer.kill('SIGKILL');
    const older = await startBot('v1');
    await until(deploy, 'parked at Added');
    older.kill('SIGTERM');
    expect(await once(older, 'exit')).toEqual([0, null]);
    await startBot('v2');
    await open(`added ${deploy}`);
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['first', 'second begun', 'second', 'parked at Added', 'added', 'last']);
  });

  it('that fails unexpectedly is tried again, and each failure is told', async () => {
    const bot = await startBot('clumsy');
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['tried', 'trouble in First, attempt 1', 'tried', 'last']);
  });

  it('is never harmed by a stop, whenever it comes', async () => {
    const deploys = Array.from({ length: 8 }, newDeploy);
    for (const round of [1, 2, 3, 4]) {
      const bot = await startBot('restless');
      if (round === 1) for (const deploy of deploys) begin(bot, deploy);
      const steps = () => pool.query('SELECT count(*)::int AS n FROM dbos.operation_outputs');
      const before = (await steps()).rows[0].n;
      await expect
        .poll(async () => (await steps()).rows[0].n, { timeout: 30_000, interval: 7 })
        .toBeGreaterThan(before + 50);
      bot.kill('SIGTERM');
      expect(await once(bot, 'exit')).toEqual([0, null]);
      const { rows } = await pool.query('SELECT workflow_uuid FROM dbos.operation_outputs WHERE error IS NOT NULL');
      expect(rows).toEqual([]);
    }
    for (const deploy of deploys) await open(`third ${deploy}`);
    await startBot('restless');
    for (const deploy of deploys) await until(deploy, 'last');
  });

  it('goes on although the engine recorded a failure of its own as a stage', async () => {
    const bot = await startBot();
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'second begun');
    bot.kill('SIGKILL');
    await once(bot, 'exit');
    const { rowCount } = await pool.query(
      `UPDATE dbos.operation_outputs SET output = NULL, error = '{"name":"Error","message":"not launched"}'
       WHERE workflow_uuid = $1`,
      [deploy],
    );
    expect(rowCount).toBe(1);
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await startBot();
    await until(deploy, 'last');
  });

  it('left by a stop is gone on with by the next process, without a failure on record', async () => {
    const bot = await startBot();
    const deploy = newDeploy();
    begin(bot, deploy);
    await until(deploy, 'second begun');
    const stoppedAt = performance.now();
    bot.kill('SIGTERM');
    expect(await once(bot, 'exit')).toEqual([0, null]);
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    await open(`second ${deploy}`);
    await open(`third ${deploy}`);
    await startBot();
    await until(deploy, 'last');
    expect(await effects(deploy)).toEqual(['first', 'second begun', 'second begun', 'second', 'last']);
  });
});
