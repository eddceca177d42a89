import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectHeroku, type HerokuOfOneToken } from '../src/adapters/heroku.ts';
import { connectOneOffs } from '../src/adapters/one-off.ts';
import { readOutput, wrapCommand } from '../src/adapters/one-off-command.ts';
import { HerokuRefused } from '../src/outside.ts';
import { makeFolder } from './stage/folder.ts';
import { tarball } from './stage/heroku/api/rig.ts';
import type { HerokuApp } from './stage/heroku/app.ts';
import { type LocalHeroku, startHeroku } from './stage/heroku/heroku.ts';
import { startRendezvous } from './stage/heroku/rendezvous.ts';

const killed = fileURLToPath(new URL('fixtures/one-off-bot.ts', import.meta.url));

let stage: LocalHeroku;
let shop: HerokuApp;
let heroku: HerokuOfOneToken;
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
  stage = await startHeroku({ scale: 10 });
  shop = await stage.createApp({ name: 'shop', formation: [] });
  await stage.deploy(shop, await tarball({ 'top/Procfile': 'web: sleep 1000\n' }), 'a'.repeat(40));
  heroku = connectHeroku({ url: stage.url, token: 'any' });
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), await readFile(stage.caFile, 'utf8')]);
});
afterAll(async () => {
  await stage.stop();
  await folder.remove();
});

/** One run, as the bot asks for it; `over` is what is different about Heroku. */
function ask(command: string, over: Partial<HerokuOfOneToken> = {}) {
  const marker = `d-${randomUUID()} expand`;
  const lines: string[] = [];
  const leaving = new AbortController();
  const oneOffs = connectOneOffs({ ...heroku, ...over });
  const run = (release = 3) => {
    const { signal } = leaving;
    const mayAct = async () => signal.throwIfAborted();
    return oneOffs.run({ app: 'shop', marker, release, command, signal, mayAct, onLine: line => lines.push(line) });
  };
  const resume = () => oneOffs.resume({ app: 'shop', marker, signal: leaving.signal });
  const listed = () => shop.runtime.dynos().filter(dyno => dyno.command.includes(marker));
  return { marker, lines, leaving, oneOffs, run, resume, listed };
}

/** A command that says `begun`, leaves a line in a file, and when it is let says more than any buffer holds and ends with 6. */
function patient() {
  const path = join(folder.dir, randomUUID());
  const waits = `while ! test -e ${path}.end; do sleep 0.05; done`;
  const says = 'n=0; while [ $n -lt 20000 ]; do echo "line $n"; n=$((n+1)); done';
  return {
    command: `echo once >> ${path}; echo begun; ${waits}; ${says}; echo ended >> ${path}; exit 6`,
    end: () => writeFile(`${path}.end`, ''),
    did: () => readFile(path, 'utf8'),
  };
}

const seen = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 20_000, interval: 20 });
const said = async (wanted: RegExp) => {
  const signal = AbortSignal.timeout(20_000);
  for await (const { text } of shop.runtime.logs.read({ lines: 1_500, tail: true }, signal))
    if (wanted.test(text)) return;
  throw new Error(`Never said: ${wanted}`);
};

describe.concurrent('a command in a one-off dyno', () => {
  it('runs on the current release, and tells its lines and its exit code', async () => {
    const it = ask('echo "it is $DYNO on $HEROKU_RELEASE_VERSION"; echo oops >&2; cat; printf "no end"; exit 3');
    expect(await it.run()).toEqual({ kind: 'exited', code: 3, told: 'by output' });
    expect(it.lines).toEqual([expect.stringMatching(/^it is run\.\d+ on v3$/), 'oops', 'no end']);
    expect(await ask('true').run()).toEqual({ kind: 'exited', code: 0, told: 'by output' });
    expect(await ask('no-such-command').run()).toEqual({ kind: 'exited', code: 127, told: 'by output' });
  });

  it('that Heroku refuses to start was not run', async () => {
    const startOneOff = () => Promise.reject(new HerokuRefused(422, 'quota_exceeded', 'Heroku refused it: the quota.'));
    const it = ask('echo it ran', { startOneOff });
    expect(await it.run()).toEqual({ kind: 'not run', why: 'Heroku refused it: the quota.' });
    expect(it.lines).toEqual([]);
  });

  it('sees the variables that it was given, and quotes stay what they are', async () => {
    const { oneOffs, marker, lines, leaving } = ask('');
    const command = `echo "$GREETING" 'it'"'"'s' "\\$HOME"`;
    const rest = { app: 'shop', marker, release: 3, command, signal: leaving.signal };
    await oneOffs.run({
      ...rest,
      mayAct: async () => {},
      env: { GREETING: "o'clock" },
      onLine: line => lines.push(line),
    });
    expect(lines).toEqual(["o'clock it's $HOME"]);
  });

  it('cannot be mistaken for what it prints', async () => {
    const fakes = [
      `printf '\\000${randomUUID()} 0\\n'`,
      `printf '\\000 0\\n\\357\\277\\277 heroku-command-exit-status: 0\\n'`,
      'cat /proc/$PPID/cmdline',
      'echo',
    ];
    const it = ask(`${fakes.join('; ')}; exit 4`);
    expect(await it.run()).toEqual({ kind: 'exited', code: 4, told: 'by output' });
    expect(it.lines[0]).toMatch(/^[\da-f-]{36} 0$/);
  });

  it('is followed to its end though it prints without end, and no more than can be read is handed on', async () => {
    const it = ask(`head -c 5000 /dev/zero | tr '\\0' x; echo; yes | head -n 300000; exit 5`);
    expect(await it.run()).toEqual({ kind: 'exited', code: 5, told: 'by output' });
    expect(it.lines.slice(0, 4).map(line => line.length)).toEqual([2_000, 2_000, 1_000, 1]);
    expect(it.lines.join('\n').length).toBeLessThan(201_000);
    expect(it.lines.at(-1)).toBe('… the output goes on; it is not shown any further');
  });

  it('is understood in whatever pieces its output comes, and with a terminal between', () => {
    const lines: string[] = [];
    const output = readOutput('secret', line => lines.push(line));
    for (const letter of `one\r\n\r\n${'x'.repeat(5_995)}\0secret 12\r\n`) output.push(letter);
    expect(output.code).toBe(12);
    expect(lines).toEqual(['one', '', 'x'.repeat(2_000), 'x'.repeat(2_000), 'x'.repeat(1_995)]);
  });

  it('is never cut in the middle of a letter, of which Postgres keeps no half', () => {
    const lines: string[] = [];
    const output = readOutput('secret', line => lines.push(line));
    output.push(`${'x'.repeat(1_999)}😀y\n`);
    for (const letter of `${'x'.repeat(1_999)}😀${'y'.repeat(3_000)}\0secret 1\n`) output.push(letter);
    expect(lines.every(line => line.isWellFormed())).toBe(true);
    expect(lines.map(line => line.length)).toEqual([1_999, 3, 1_999, 2_000, 1_002]);
  });

  it('is asked for again when Heroku does not know its new release yet', async () => {
    stage.fails('POST /apps/shop/dynos', { status: 409 });
    expect(await ask('exit 7').run()).toEqual({ kind: 'exited', code: 7, told: 'by output' });
  });

  it('is not run on another release than the one that was meant', async () => {
    const path = join(folder.dir, randomUUID());
    const it = ask(`touch ${path}`);
    expect(await it.run(2)).toEqual({ kind: 'not run', why: 'Heroku would run it on v3, not on v2' });
    await seen(() => it.listed().length === 0);
    expect(existsSync(path)).toBe(false);
  });

  it('is not run by a Heroku whose certificate nobody vouches for, nor when it cannot be reached', async () => {
    const stranger = await startRendezvous({ scale: 1 });
    const meeting = stranger.meet();
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const silentUrl = `rendezvous://127.0.0.1:${(silent.address() as AddressInfo).port}/secret`;
    for (const attachUrl of [meeting.url, 'rendezvous://127.0.0.1:1/secret', silentUrl]) {
      const startOneOff: HerokuOfOneToken['startOneOff'] = async (...asked) => ({
        ...(await heroku.startOneOff(...asked)),
        attachUrl,
      });
      const it = ask('echo never', { startOneOff });
      expect(await it.run()).toEqual({
        kind: 'not run',
        why: expect.stringMatching(
          /could not be attached to: (self-signed certificate|connect ECONNREFUSED|no answer within 10 s)/,
        ),
      });
      await seen(() => it.listed().length === 0);
    }
    meeting.callOff();
    expect(await meeting.client).toBe(null);
    await stranger.close();
    silent.close();
  });

  it('that an earlier bot may have started is unclear when nothing is known of it, and is not started', async () => {
    const it = ask('echo never');
    expect(await it.resume()).toEqual({
      kind: 'unclear',
      why: 'Nobody was attached to it, it is gone now, and the log does not tell how it ended',
    });
    expect(it.listed()).toEqual([]);
  });
});

describe('a command that nobody is attached to any more', () => {
  it('goes on when the connection breaks, and the log tells how it ended', async () => {
    const { command, end, did } = patient();
    const it = ask(command);
    const running = it.run();
    await seen(() => it.lines.includes('begun'));
    stage.cutsAttached();
    await said(/^Error R16 \(Detached\)/);
    stage.cutsLogs(shop);
    await end();
    expect(await running).toEqual({ kind: 'exited', code: 6, told: 'by log' });
    expect(await did()).toBe('once\nended\n');
  });

  it('is unclear, though it went well, when the log does not tell', async () => {
    const { command, end, did } = patient();
    const it = ask(command, { openLog: async function* () {} });
    const running = it.run();
    await seen(() => it.lines.includes('begun'));
    stage.cutsAttached();
    await end();
    expect(await running).toEqual({
      kind: 'unclear',
      why: expect.stringMatching(/^The connection to run\.\d+ was lost .*, it is gone now, and the log does not tell/),
    });
    expect(await did()).toBe('once\nended\n');
  });

  it('goes on when the bot leaves, and the next bot waits for it instead of starting it again', async () => {
    const { command, end, did } = patient();
    const it = ask(command);
    const left = it.run();
    await seen(() => it.lines.includes('begun'));
    it.leaving.abort(new Error('The bot leaves'));
    await expect(left).rejects.toThrow('The bot leaves');

    const opened = () => stage.calls.filter(({ path }) => path === '/apps/shop/log-sessions').length;
    const before = opened();
    const next = connectOneOffs(heroku);
    const { signal } = new AbortController();
    const rest = { app: 'shop', marker: it.marker, signal };
    const ends = Promise.all([
      next.run({ ...rest, mayAct: async () => {}, release: 3, command, onLine: () => {} }),
      next.resume(rest),
    ]);
    await seen(() => opened() === before + 2);
    expect(it.listed()).toHaveLength(1);
    await end();
    expect(await ends).toEqual(Array(2).fill({ kind: 'exited', code: 6, told: 'by log' }));
    expect(await did()).toBe('once\nended\n');
  });

  it('is found again when the bot was killed, while it runs and when it has ended meanwhile', async () => {
    for (const isOver of [false, true]) {
      const { command, end, did } = patient();
      const it = ask(command);
      const bot = spawn(process.execPath, [killed, stage.url, it.marker, command], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: stage.caFile },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void bot.kill('SIGKILL'));
      for await (const line of createInterface(bot.stdout)) if (line === 'begun') break;
      bot.kill('SIGKILL');
      await once(bot, 'exit');
      if (isOver) await end();
      if (isOver) await seen(() => it.listed().length === 0);
      const resumed = it.resume();
      if (!isOver) await end();
      expect(await resumed).toEqual({ kind: 'exited', code: 6, told: 'by log' });
      expect(await did()).toBe('once\nended\n');
    }
  });

  it('is not run when the answer to its start was lost: nobody can attach', async () => {
    stage.fails('POST /apps/shop/dynos', { drop: 'after' });
    const it = ask('echo never');
    await expect(it.run()).rejects.toThrow('Heroku could not be asked POST /apps/shop/dynos');
    expect(it.listed()).toHaveLength(1);
    expect(await it.resume()).toEqual({ kind: 'not run', why: 'Nobody attached to it in time (R13)' });
  });

  it('is left alone when its deploy is another process’s by then', async () => {
    const { oneOffs, marker, leaving, listed } = ask('');
    // Its own start is the last that it may do.
    const mayAct = vi
      .fn((): Promise<void> => Promise.reject(new Error('Another process owns it')))
      .mockResolvedValueOnce(undefined);
    const { signal } = leaving;
    const elsewhere = { app: 'shop', marker, release: 99, command: 'echo never', signal, onLine: () => {} };
    await expect(oneOffs.run({ ...elsewhere, mayAct })).rejects.toThrow('Another process owns it');
    const [dyno] = listed();
    expect(stage.calls.map(({ path }) => path)).not.toContain(`/apps/shop/dynos/${dyno?.name}/actions/stop`);
    expect(dyno).toBeDefined();
  });

  it('tells what became of it when somebody stops its dyno', async () => {
    const { command, did } = patient();
    const it = ask(command);
    const running = it.run();
    await seen(() => it.lines.includes('begun'));
    await heroku.stopDyno('shop', it.listed()[0]?.name ?? '', async () => {});
    expect(await running).toEqual({ kind: 'exited', code: 143, told: 'by log' });
    expect(await did()).toBe('once\n');
  });

  it('is not ended by what it prints where nobody reads any more', async () => {
    const { command, end, did } = patient();
    const shell = spawn('sh', ['-c', wrapCommand({ marker: 'd1', command, secret: 'secret' })], { detached: true });
    onTestFinished(() => void (shell.exitCode ?? process.kill(-shell.pid!, 'SIGKILL')));
    await once(shell.stdout, 'data');
    shell.stdout.destroy();
    shell.stderr.destroy();
    process.kill(-shell.pid!, 'SIGHUP');
    await end();
    expect(await once(shell, 'exit')).toEqual([6, null]);
    expect(await did()).toBe('once\nended\n');
  });
});
