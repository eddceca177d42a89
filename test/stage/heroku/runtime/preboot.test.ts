import { describe, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';

/** An app with preboot whose first release is up. */
async function withV1(context: Parameters<typeof startRig>[0], config: Record<string, string> = {}): Promise<Rig> {
  const rig = await startRig(context, { preboot: true });
  rig.runtime.run(rig.release(1, config));
  await rig.allUp();
  return rig;
}

const switched = ({ truth }: Rig, release: number) =>
  truth.find(record => record.kind === 'switched' && record.release === release);

describe.concurrent('preboot', () => {
  test('the first release is routable as soon as it is up', async context => {
    const rig = await withV1(context);
    context.expect(await rig.get()).toMatchObject({ status: 200, release: 'v1', server: 'Heroku' });
  });

  test('for the whole window users get the old code while only the new dynos are shown', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    const old = rig.runtime.dynos().map(dyno => dyno.id);
    const released = Date.now();
    rig.runtime.run(rig.release(2));
    expect(rig.runtime.dynos()).toMatchObject([
      { name: 'web.1', state: 'starting', release: { version: 2 } },
      { name: 'web.2', state: 'starting', release: { version: 2 } },
    ]);
    expect(old).not.toContain(rig.runtime.dynos()[0]?.id);
    await rig.allUp();
    expect(await rig.get()).toMatchObject({ release: 'v1' });
    await rig.until('the switch', () => switched(rig, 2) !== undefined);
    expect(await rig.get()).toMatchObject({ release: 'v2' });
    const windowMs = switched(rig, 2)!.at.getTime() - released;
    expect(rig.runtime.windowMs).toBe(3000);
    const lastRouter = rig.runtime.windowMs + rig.runtime.knobs.switchSkewMs;
    expect(windowMs).toBeGreaterThanOrEqual(lastRouter - 10);
    expect(windowMs).toBeLessThan(lastRouter + 1000);
  });

  test('the log tells old from new web.1 only by what is missing', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.scale([{ type: 'web', quantity: 1, size: 'Standard-1X' }]);
    await rig.until('the end of web.2', () => rig.lines.includes('web.2: Process exited with status 143'));
    rig.lines.length = 0;
    rig.runtime.run(rig.release(2));
    await rig.until('the end of the old web.1', () => rig.lines.includes('web.1: Process exited with status 143'));
    expect(rig.lines.filter(line => line.startsWith('web.1: '))).toEqual([
      'web.1: State changed from up to starting',
      'web.1: Starting process with command `node app.cjs`',
      'web.1: State changed from starting to up',
      'web.1: Stopping all processes with SIGTERM',
      'web.1: Process exited with status 143',
    ]);
  });

  test('the routers change over one by one, each for itself', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.knobs.switchSkewMs = 1000;
    rig.runtime.run(rig.release(2));
    await rig.allUp();
    const traffic = rig.traffic();
    await rig.until('the switch', () => switched(rig, 2) !== undefined);
    await traffic.stop();
    const flips = rig.truth.filter(record => record.kind === 'router-flipped' && record.release === 2);
    const times = flips.map(flip => flip.at.getTime());
    expect(times).toHaveLength(3);
    // Half a second, as well as a busy machine keeps it.
    expect(times[1]! - times[0]!).toBeGreaterThan(300);
    expect(times[2]! - times[1]!).toBeGreaterThan(300);
    // A request that arrived within a moment of its router's change may have got either.
    const clear = rig.requests.filter(({ router, at }) => Math.abs(at.getTime() - times[router]!) > 100);
    const between = clear.filter(({ at }) => at.getTime() > times[0]! && at.getTime() < times[2]!);
    expect(new Set(between.map(({ dyno }) => dyno?.release))).toEqual(new Set([1, 2]));
    for (const { router, at, dyno } of clear) expect(dyno?.release).toBe(at.getTime() < times[router]! ? 1 : 2);
  });

  test('an old dyno that ignores SIGTERM is killed after the grace with R12', async context => {
    const rig = await withV1(context, { ON_TERM: 'stay' });
    rig.runtime.run(rig.release(2));
    await rig.until('its end', () => rig.lines.includes('web.1: Process exited with status 137'));
    const said = rig.lines.filter(line => line.startsWith('web.1: ')).slice(-4);
    context
      .expect(said)
      .toEqual([
        'web.1: Stopping all processes with SIGTERM',
        'web.1: Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM',
        'web.1: Stopping remaining processes with SIGKILL',
        'web.1: Process exited with status 137',
      ]);
  });

  test('a request that an old dyno works on is answered, though the routers switched and the dyno was told to stop', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.run(rig.release(2));
    const slow = rig.get('/hold');
    await rig.until('SIGTERM', () => rig.truth.some(record => record.kind === 'dyno-sigterm'));
    expect(await rig.get()).toMatchObject({ release: 'v2' });
    expect(await slow).toMatchObject({ status: 200, release: 'v1' });
  });

  test('the switch happens though the new dynos have crashed: users get H10', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.run(rig.release(2, { CRASH_AFTER_MS: '100' }));
    await rig.until('both crashed for good', () => rig.runtime.dynos().every(dyno => dyno.state === 'crashed'));
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v1' });
    await rig.until('the switch', () => switched(rig, 2) !== undefined);
    expect(await rig.get()).toMatchObject({ status: 503 });
    expect(rig.requests.at(-1)).toMatchObject({ code: 'H10', dyno: null });
    await rig.until('H10 in the log', () => /at=error code=H10 desc="App crashed"/.test(rig.lines.join()));
  });

  test('a second release in the window takes the place of the first and starts the clock again', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.run(rig.release(2));
    await rig.allUp();
    const traffic = rig.traffic();
    const again = Date.now();
    rig.runtime.run(rig.release(3));
    await rig.until('the switch', () => switched(rig, 3) !== undefined);
    const answers = [...(await traffic.stop()), await rig.get()];
    expect(switched(rig, 3)!.at.getTime() - again).toBeGreaterThanOrEqual(2990);
    expect(switched(rig, 2)).toBeUndefined();
    expect(new Set(answers.map(answer => answer.release))).toEqual(new Set(['v1', 'v3']));
    const ended = rig.truth.filter(record => record.kind === 'dyno-sigterm' && record.release === 2);
    expect(ended.map(record => record.at.getTime() < switched(rig, 3)!.at.getTime())).toEqual([true, true]);
  });

  test('scaling down in the window takes the serving dynos: H99 until the switch', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    rig.runtime.run(rig.release(2));
    await rig.allUp();
    rig.runtime.scale([{ type: 'web', quantity: 1, size: 'Standard-1X' }]);
    expect(rig.runtime.dynos()).toMatchObject([{ name: 'web.1', release: { version: 2 } }]);
    expect(await rig.get()).toMatchObject({ status: 503 });
    expect(rig.requests.at(-1)).toMatchObject({ code: 'H99', dyno: null });
    await rig.until('the switch', () => switched(rig, 2) !== undefined);
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v2' });
  });

  test('after a restart old and new dynos serve together, and the old ones go 4 to 6 minutes later', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    const old = rig.runtime.dynos().map(dyno => dyno.id);
    const restarted = Date.now();
    rig.runtime.restart();
    await rig.allUp();
    const fresh = rig.runtime.dynos().map(dyno => dyno.id);
    rig.requests.length = 0;
    const traffic = rig.traffic();
    await rig.until(
      'the end of the old ones',
      () => rig.truth.filter(record => record.kind === 'dyno-exited').length === 2,
    );
    const answers = await traffic.stop();
    expect(answers.filter(answer => answer.status !== 200)).toEqual([]);
    expect(new Set(rig.requests.map(request => request.dyno?.id))).toEqual(new Set([...old, ...fresh]));
    for (const record of rig.truth.filter(each => each.kind === 'dyno-sigterm')) {
      expect(old).toContain('id' in record && record.id);
      expect(record.at.getTime() - restarted).toBeGreaterThanOrEqual(3990);
      expect(record.at.getTime() - restarted).toBeLessThan(7000);
    }
  });

  test('switching the feature does nothing until the next release', async context => {
    const { expect } = context;
    const rig = await withV1(context);
    const before = rig.runtime.dynos();
    rig.runtime.setPreboot(false);
    rig.runtime.setPreboot(true);
    expect(rig.runtime.dynos()).toEqual(before);
    rig.runtime.setPreboot(false);
    rig.runtime.run(rig.release(2));
    await rig.allUp();
    expect(await rig.get()).toMatchObject({ release: 'v2' });
  });

  test('workers run the new release at once, while the web still serves the old one', async context => {
    const { expect } = context;
    const rig = await startRig(context, {
      preboot: true,
      formation: [
        { type: 'web', quantity: 1, size: 'Standard-1X' },
        { type: 'worker', quantity: 1, size: 'Standard-1X' },
      ],
    });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    await rig.until('the worker at work', () => rig.lines.includes('app worker.1: working on v1'));
    rig.lines.length = 0;
    rig.runtime.run(rig.release(2));
    await rig.until('the worker at work', () => rig.lines.includes('app worker.1: working on v2'));
    expect(await rig.get()).toMatchObject({ release: 'v1' });
    expect(rig.lines.filter(line => line.startsWith('worker.1: '))).toEqual([
      'worker.1: Restarting',
      'worker.1: State changed from up to starting',
      'worker.1: Stopping all processes with SIGTERM',
      'worker.1: Process exited with status 143',
      'worker.1: Starting process with command `node worker.cjs`',
      'worker.1: State changed from starting to up',
    ]);
  });
});
