import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, connect as dial } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { MigrationProgress } from '../src/domain/migration-outcome.ts';
import { type MigrationRig, PLACE, readPending, runAll, startMigrationRig } from './migrator-rig.ts';
import { makeFolder } from './stage/folder.ts';
import { startPostgresProxy } from './torture/postgres-proxy.ts';

let rig: MigrationRig;

beforeAll(async () => {
  rig = await startMigrationRig();
});
afterAll(() => rig?.stop());

const HATS = { 'migrations/1_hats.sql': 'CREATE TABLE hats (id int);' };

describe('the database that is migrated', () => {
  it('is given to nobody but the migrating process: its address is no argument, and not in the environment', async () => {
    // Of its own: processes of other tests know that of the server.
    const password = randomUUID();
    const shared = await rig.database();
    await (await rig.connect(shared)).query(`CREATE ROLE looked_at LOGIN SUPERUSER PASSWORD '${password}'`);
    const url = Object.assign(new URL(shared), { username: 'looked_at', password }).href;
    let seen = '';
    const files = {
      ...HATS,
      'migrations/2_look.js': `export const up = async pgm => {
        const seen = JSON.stringify([process.env, process.argv, process.execArgv]);
        await pgm.db.query('CREATE TABLE seen (seen text)');
        await pgm.db.query({ text: 'INSERT INTO seen VALUES ($1)', values: [seen] });
      };`,
      'migrations/3_wait.sql': 'SELECT pg_sleep(1)',
    };
    await runAll(rig.migrator, url, files, {
      onProgress: said => {
        if (said.kind === 'statement' && said.name === '3_wait')
          seen = execFileSync('ps', ['-A', 'e', 'ww', '-o', 'args='], { encoding: 'utf8' });
      },
    });
    expect(seen.split('\n').filter(line => line.includes('migrations/run.ts'))).not.toEqual([]);
    expect(seen).not.toContain(password);
    const [row] = (await (await rig.connect(url)).query<{ seen: string }>('SELECT seen FROM seen')).rows;
    expect(row?.seen).toMatch(/^\[\{\},/);
    expect(row?.seen).not.toContain(password);
  });

  it('is never reached through a pooler, whether that takes our settings or not', async () => {
    const url = await rig.database();
    const read = await readPending(rig.migrator, url, HATS);
    for (const pooler of [
      await startPooler(url),
      await startPooler(url, 'unsupported startup parameter: lock_timeout'),
    ]) {
      const { run } = await runAll(rig.migrator, pooler.url, HATS, { read });
      await pooler.close();
      expect(run).toEqual({ kind: 'refused', reason: expect.stringContaining('leads to a connection pooler') });
    }
    expect((await rig.migrator.applied(url, PLACE)).pgmigrations).toEqual([]);
  });

  it('is asked in `public` what has run: where only another schema tells, nothing is run twice, and the ways out are named', async () => {
    const url = await rig.database();
    const client = await rig.connect(url);
    await client.query(`CREATE SCHEMA "Old"; CREATE TABLE "Old".pgmigrations (id serial, name varchar(255), run_on timestamp);
      CREATE SCHEMA other; CREATE TABLE other.pgmigrations_contract (id int)`);
    const { problems } = await readPending(rig.migrator, url, {
      ...HATS,
      'migrations/contract/2_no.sql': 'DROP TABLE a;',
    });
    expect(problems).toEqual([
      expect.stringMatching(/`ALTER TABLE "Old"\.pgmigrations SET SCHEMA public`.*`CREATE TABLE public\./),
    ]);
    expect((await readPending(rig.migrator, url, {})).problems).toEqual([]);
    await client.query('ALTER TABLE "Old".pgmigrations SET SCHEMA public');
    expect((await readPending(rig.migrator, url, HATS)).problems).toEqual([]);
  });

  it('is missed in words when it is not there', async () => {
    const url = 'postgres://nobody:secret@127.0.0.1:1/none';
    const read = await readPending(rig.migrator, null, HATS);
    const { run } = await runAll(rig.migrator, url, HATS, { read });
    expect(run).toEqual({ kind: 'refused', reason: expect.stringMatching(/cannot be reached \(.*ECONNREFUSED/) });
    expect(JSON.stringify(run)).not.toContain('secret');
  });

  describe('when it is gone without a word', () => {
    const begin = async () => {
      const url = await rig.database();
      const line = await startPostgresProxy(url);
      onTestFinished(() => {
        vi.useRealTimers();
        return line.stop();
      });
      return { url, line };
    };
    const stopTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    /** How it ends when so much time passes after that was sent. */
    const endOf = async (asked: Promise<unknown>, sent: Promise<void>, ms = 15_000) => {
      let ended: unknown;
      void asked.then(
        read => (ended = read),
        error => (ended = error),
      );
      await sent;
      vi.advanceTimersByTime(ms);
      await expect.poll(() => ended, { timeout: 5_000 }).toBeDefined();
      return ended;
    };
    const untilSilentAt = async (bytes: string, what: 'applied' | 'holders') => {
      const { line } = await begin();
      stopTimers();
      const sent = line.silentFrom(bytes);
      return endOf(rig.migrator[what](line.url, PLACE), sent);
    };

    it.each([
      ['applied', 'to_regclass'],
      ['applied', 'nspname'],
      ['holders', 'pg_locks'],
    ] as const)('is given up 15 s later (%s, at %s)', async (what, query) => {
      expect(await untilSilentAt(query, what)).toEqual(new Error('Query read timeout'));
    });

    it('has said what it was asked, and its goodbye is not waited for', async () => {
      expect(await untilSilentAt(GOODBYE, 'applied')).toEqual({ pgmigrations: [], pgmigrations_contract: [] });
    });

    it('is not waited for once its migrations have run: what was told of them stands', async () => {
      const { url, line } = await begin();
      const read = await readPending(rig.migrator, url, HATS);
      const sent = Promise.withResolvers<void>();
      const onProgress = ({ kind }: MigrationProgress) => {
        if (kind !== 'begins') return;
        stopTimers();
        // The lock is asked for once more, when the process that migrated has ended.
        void line.silentFrom('pg_try_advisory_lock').then(sent.resolve);
      };
      const ran = await endOf(runAll(rig.migrator, line.url, HATS, { read, onProgress }), sent.promise, 20_000);
      expect(ran).toMatchObject({ outcomes: { '1_hats': { kind: 'applied' } } });
    });
  });
});

/** Terminate: 'X', length 4. */
const GOODBYE = 'X\0\0\0\x04';

describe('developers who run node-pg-migrate themselves', () => {
  it('are not stopped by its order check when destructive migrations wait in a folder of their own', async () => {
    const url = await rig.database();
    const deploy = {
      ...HATS,
      'migrations/3_caps.sql': 'CREATE TABLE caps ();',
      'migrations/contract/2_no_hats.sql': 'DROP TABLE hats;',
    };
    const expandOnly = await readPending(rig.migrator, url, deploy);
    const expand = expandOnly.files.filter(({ table }) => table === PLACE.table);
    await runAll(rig.migrator, url, deploy, { read: { ...expandOnly, files: expand } });

    expect(await commandLine(url, { ...deploy, 'migrations/4_gloves.sql': 'CREATE TABLE gloves ();' })).toContain(
      'Migrations complete!',
    );
    expect((await runAll(rig.migrator, url, deploy)).outcomes).toEqual({
      '2_no_hats': { kind: 'applied', ms: expect.any(Number) },
    });
    expect(
      await commandLine(url, {
        ...deploy,
        'migrations/4_gloves.sql': 'CREATE TABLE gloves ();',
        'migrations/5_scarves.sql': 'CREATE TABLE scarves ();',
      }),
    ).toContain('Migrations complete!');
    expect(await rig.migrator.applied(url, PLACE)).toEqual({
      pgmigrations: ['1_hats', '3_caps', '4_gloves', '5_scarves'],
      pgmigrations_contract: ['2_no_hats'],
    });
  });
});

/** `node-pg-migrate up` as a developer types it. */
async function commandLine(url: string, files: Record<string, string>): Promise<string> {
  const { dir, remove } = await makeFolder();
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
    const program = fileURLToPath(new URL('../node_modules/node-pg-migrate/bin/node-pg-migrate.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'up'], {
      cwd: dir,
      env: { DATABASE_URL: url },
    });
    return stdout;
  } finally {
    await remove();
  }
}

/** Passes everything on, but gives each connection a number of its own, as poolers do; or refuses each with an error. */
async function startPooler(url: string, error?: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(client => {
    if (error !== undefined) {
      const fields = Buffer.from(`SFATAL\0C08P01\0M${error}\0\0`);
      const length = Buffer.alloc(4);
      length.writeInt32BE(fields.length + 4);
      client.on('error', () => {}).once('data', () => client.end(Buffer.concat([Buffer.from('E'), length, fields])));
      return;
    }
    const postgres = dial(Number(new URL(url).port), '127.0.0.1');
    client.pipe(postgres);
    postgres.on('data', (data: Buffer) => {
      // BackendKeyData: 'K', length 12, process, secret.
      const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) data.writeInt32BE(4_711, at + 5);
      client.write(data);
    });
    for (const [one, other] of [
      [client, postgres],
      [postgres, client],
    ] as const) {
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const pooled = new URL(url);
  const address = server.address();
  pooled.port = String(typeof address === 'object' && address?.port);
  return { url: pooled.href, close: () => new Promise(closed => server.close(() => closed())) };
}
