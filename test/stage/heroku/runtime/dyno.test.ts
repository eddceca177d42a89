import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, test, vi } from 'vitest';
import { listens } from '../ports.ts';
import { startRig } from './rig.ts';

const size = 'Standard-1X';
const ofWeb1 = (lines: string[]) => lines.filter(line => line.startsWith('web.1: '));

describe.concurrent('dynos', () => {
  test('a dyno sees its config vars and its metadata, and nothing of this machine', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    const release = rig.release(42, { GREETING: 'hello' }, { web: 'env; node app.cjs' });
    rig.runtime.run(release);
    await rig.allUp();
    const env = Object.fromEntries(
      rig.lines.filter(line => line.startsWith('app web.1: ')).map(line => line.slice('app web.1: '.length).split('=')),
    );
    expect(env).toMatchObject({
      GREETING: 'hello',
      DYNO: 'web.1',
      HOME: rig.dir,
      HEROKU_APP_ID: 'b6c0e8a1-0000-4000-8000-000000000001',
      HEROKU_APP_NAME: 'shop',
      HEROKU_APP_DEFAULT_DOMAIN_NAME: 'shop.herokuapp.test',
      HEROKU_DYNO_ID: rig.runtime.dynos()[0]!.id,
      HEROKU_RELEASE_VERSION: 'v42',
      HEROKU_RELEASE_CREATED_AT: release.createdAt.toISOString(),
      HEROKU_SLUG_COMMIT: release.slug.commit,
      HEROKU_SLUG_DESCRIPTION: 'Deploy 6909d7c6',
      HEROKU_BUILD_COMMIT: release.slug.commit,
      PORT: expect.stringMatching(/^\d+$/),
    });
    const ofTheShell = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    const others = Object.keys(env).filter(name => !/^HEROKU_/.test(name) && !ofTheShell.includes(name));
    expect(others.sort()).toEqual(['DYNO', 'GREETING', 'HOME', 'PATH', 'PORT']);
  });

  test('a web dyno that does not bind to its port in time is killed with R10, and started again', async context => {
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    rig.runtime.knobs.bootTimeoutMs = 1000;
    rig.runtime.run(rig.release(1, { BIND: 'never' }));
    await rig.until('a second start', () => rig.lines.filter(line => /Starting process/.test(line)).length === 2);
    context
      .expect(ofWeb1(rig.lines))
      .toEqual([
        'web.1: Starting process with command `node app.cjs`',
        'web.1: Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 1 seconds of launch',
        'web.1: Stopping process with SIGKILL',
        'web.1: Process exited with status 137',
        'web.1: State changed from starting to crashed',
        'web.1: State changed from crashed to starting',
        'web.1: Starting process with command `node app.cjs`',
      ]);
  });

  test('a dyno that crashes is restarted once, then cools off until the next release', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    rig.runtime.run(rig.release(1, { CRASH_AFTER_MS: '300' }));
    const first = rig.runtime.dynos()[0]!.id;
    // On a busy machine it may crash before it was found to be up.
    const crashes = () =>
      rig.lines.filter(line => /^web\.1: State changed from (up|starting) to crashed$/.test(line)).length;
    await rig.until('two crashes', () => crashes() === 2);
    expect(rig.runtime.dynos()).toMatchObject([{ name: 'web.1', state: 'crashed' }]);
    expect(rig.runtime.dynos()[0]!.id).not.toBe(first);
    expect(await rig.get()).toMatchObject({ status: 503 });
    expect(rig.requests.at(-1)).toMatchObject({ code: 'H10' });
    rig.runtime.run(rig.release(2));
    await rig.allUp();
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v2' });
  });

  test('a dyno that uses too much memory runs on with R14, and is killed with R15 when it is twice as much', async context => {
    const { expect } = context;
    const formation = ['web', 'worker'].map(type => ({ type, quantity: 1, size: 'Standard-2X' }));
    const rig = await startRig(context, { preboot: false, formation });
    let share = 1.154;
    rig.runtime.knobs.memory = ({ type }) => (type === 'web' ? share : 1);
    rig.runtime.run(rig.release(1));
    await rig.until('three times R14', () => rig.lines.filter(line => line.includes('R14')).length === 3);
    expect(await rig.get()).toMatchObject({ status: 200 });
    share = 2;
    await rig.until('a crash', () => rig.lines.includes('web.1: State changed from up to crashed'));
    // On a busy machine it is measured before it is up.
    const said = ofWeb1(rig.lines)
      .filter(line => !line.includes('State changed from starting'))
      .slice(1);
    expect(said.slice(0, 2)).toEqual([
      'web.1: Process running mem=1182M(115.4%)',
      'web.1: Error R14 (Memory quota exceeded)',
    ]);
    expect(said.slice(said.indexOf('web.1: Process running mem=2048M(200.0%)')).slice(1, 5)).toEqual([
      'web.1: Error R15 (Memory quota vastly exceeded)',
      'web.1: Stopping process with SIGKILL',
      'web.1: Process exited with status 137',
      'web.1: State changed from up to crashed',
    ]);
    expect(rig.lines.filter(line => line.startsWith('worker.1: ') && /mem=|R1/.test(line))).toEqual([]);
  });

  test('every process of a dyno gets the SIGTERM', async context => {
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    await writeFile(
      join(rig.dir, 'second.cjs'),
      "process.on('SIGTERM', () => { console.log('second got SIGTERM'); process.exit(); }); console.log('second is there'); setInterval(() => {}, 1000);",
    );
    rig.runtime.run(rig.release(1, {}, { web: 'node second.cjs & node app.cjs' }));
    await rig.allUp();
    await rig.until('the second', () => rig.lines.includes('app web.1: second is there'));
    rig.runtime.scale([{ type: 'web', quantity: 0, size }]);
    await rig.until('its end', () => rig.lines.includes('web.1: Process exited with status 143'));
    context.expect(rig.lines).toContain('app web.1: got SIGTERM');
    context.expect(rig.lines).toContain('app web.1: second got SIGTERM');
  });

  test('a stopped dyno is started again by the dyno manager; an unknown one is not found', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    const before = rig.runtime.dynos();
    rig.lines.length = 0;
    expect(rig.runtime.stop('web.9')).toBe(false);
    expect(rig.runtime.stop('web.1')).toBe(true);
    await rig.allUp();
    await rig.until('it is up', () => rig.lines.includes('web.1: State changed from starting to up'));
    expect(rig.runtime.dynos()[0]!.id).not.toBe(before[0]!.id);
    expect(rig.runtime.dynos()[1]).toEqual(before[1]);
    expect(ofWeb1(rig.lines)).toEqual([
      'web.1: State changed from up to down',
      'web.1: Stopping all processes with SIGTERM',
      'web.1: State changed from down to starting',
      'web.1: Process exited with status 143',
      'web.1: Starting process with command `node app.cjs`',
      'web.1: State changed from starting to up',
    ]);
  });

  test('a one-off dyno is listed while it runs, and hands back its output and its status', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true, formation: [] });
    const output: Buffer[] = [];
    const oneOff = rig.runtime.oneOff({
      release: rig.release(7),
      type: 'release',
      name: 'release.1234',
      command: 'echo migrating $TABLE on $HEROKU_RELEASE_VERSION; exit 3',
      size,
      env: { TABLE: 'orders' },
      onOutput: chunk => output.push(chunk),
    });
    expect(rig.runtime.dynos()).toMatchObject([
      { id: oneOff.dyno.id, name: 'release.1234', type: 'release', state: 'starting', release: { version: 7 } },
    ]);
    expect(await oneOff.exited).toBe(3);
    expect(rig.runtime.dynos()).toEqual([]);
    expect(Buffer.concat(output).toString()).toBe('migrating orders on v7\n');
    await rig.until('its end', () => rig.lines.includes('release.1234: State changed from up to complete'));
    expect(rig.lines).toEqual([
      expect.stringMatching(/^release.1234: Starting process with command `echo migrating/),
      'release.1234: State changed from starting to up',
      'app release.1234: migrating orders on v7',
      'release.1234: Process exited with status 3',
      'release.1234: State changed from up to complete',
    ]);
  });

  test('a one-off dyno that is stopped ends', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true, formation: [] });
    const ask = { release: rig.release(1), type: 'run', name: 'run.1', command: 'sleep 60', size } as const;
    const oneOff = rig.runtime.oneOff(ask);
    await rig.until('it is up', () => rig.runtime.dynos()[0]?.state === 'up');
    expect(rig.runtime.stop('run.1')).toBe(true);
    expect(await oneOff.exited).toBe(143);
  });

  test('no dyno outlives a stage that is killed', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false, formation: [] });
    const release = rig.release(1, {}, { web: 'echo port $PORT; node app.cjs' });
    await writeFile(
      join(rig.dir, 'stage.ts'),
      `import { startAppRuntime } from ${JSON.stringify(fileURLToPath(new URL('../runtime.ts', import.meta.url)))};
      const release = { ...${JSON.stringify(release)}, createdAt: new Date() };
      const formation = [{ type: 'web', quantity: 2, size: 'Standard-1X' }];
      const onTruth = ({ kind }) => kind === 'dyno-up' && console.log(kind);
      const app = { id: 'shop', name: 'shop', domain: 'shop.test' };
      const rest = { scale: 60, routers: 1, port: 0, preboot: true, onRequest() {} };
      const runtime = await startAppRuntime({ app, formation, onTruth, ...rest });
      runtime.run(release);
      for await (const { text } of runtime.logs.read({ lines: 100, tail: true }, AbortSignal.any([]))) console.log(text);`,
    );
    const stage = spawn(process.execPath, [join(rig.dir, 'stage.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    context.onTestFinished(() => void stage.kill('SIGKILL'));
    const said: string[] = [];
    for await (const line of createInterface(stage.stdout)) {
      said.push(line);
      if (said.filter(each => each === 'dyno-up').length === 2) break;
    }
    const ports = said.flatMap(line => /^port (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    expect(await Promise.all(ports.map(listens))).toEqual([true, true]);
    stage.kill('SIGKILL');
    await once(stage, 'exit');
    await vi.waitFor(async () => expect(await Promise.all(ports.map(listens))).toEqual([false, false]), 5000);
  });
});
