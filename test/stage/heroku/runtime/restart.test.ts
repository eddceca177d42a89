import { describe, test } from 'vitest';
import type { RequestRecord } from '../contract.ts';
import { type Rig, startRig } from './rig.ts';

const size = 'Standard-1X';

/** A deploy of v2 under traffic, from v1 up to the last old dyno gone; only the requests of that time. */
async function deployUnderTraffic(rig: Rig, bootDelayMs: number): Promise<RequestRecord[]> {
  rig.runtime.run(rig.release(1));
  await rig.allUp();
  rig.runtime.knobs.bootDelayMs = bootDelayMs;
  rig.requests.length = 0;
  const traffic = rig.traffic();
  rig.runtime.run(rig.release(2));
  await rig.until('the end of the old', () => rig.truth.filter(record => record.kind === 'dyno-exited').length === 2);
  await rig.allUp();
  await traffic.stop();
  return rig.requests;
}

const failed = (requests: RequestRecord[]) => requests.filter(request => request.status !== 200);
const slowestMs = (requests: RequestRecord[]) => Math.max(...requests.map(request => request.totalMs));

describe.concurrent('a deploy', () => {
  test('with preboot loses no request and holds none up', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true });
    const requests = await deployUnderTraffic(rig, 1500);
    expect(requests.length).toBeGreaterThan(60);
    expect(failed(requests)).toEqual([]);
    expect(slowestMs(requests)).toBeLessThan(1500);
    expect(new Set(requests.map(request => request.dyno?.release))).toEqual(new Set([1, 2]));
  });

  test('without preboot holds requests up while the new dynos boot', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false });
    const requests = await deployUnderTraffic(rig, 1500);
    expect(slowestMs(requests) > 1400 || failed(requests).length > 0).toBe(true);
    expect(requests.at(-1)).toMatchObject({ status: 200, dyno: { release: 2 } });
  });

  test('without preboot stops the old dyno and starts the new one', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    await rig.until('it is up', () => rig.lines.includes('web.1: State changed from starting to up'));
    rig.lines.length = 0;
    rig.runtime.run(rig.release(2));
    expect(rig.runtime.dynos()).toMatchObject([{ name: 'web.1', state: 'starting', release: { version: 2 } }]);
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v2' });
    expect(rig.lines.filter(line => line.startsWith('web.1: '))).toEqual([
      'web.1: Restarting',
      'web.1: State changed from up to starting',
      'web.1: Stopping all processes with SIGTERM',
      'web.1: Process exited with status 143',
      'web.1: Starting process with command `node app.cjs`',
      'web.1: State changed from starting to up',
    ]);
  });

  test('without preboot does not wait for an old dyno that takes its time', async context => {
    const { expect } = context;
    const formation = [{ type: 'web', quantity: 1, size }];
    const rig = await startRig(context, { preboot: false, formation, scale: 6 });
    rig.runtime.run(rig.release(1, { ON_TERM: 'stay' }));
    await rig.allUp();
    rig.runtime.run(rig.release(2));
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v2' });
    expect(rig.truth.some(record => record.kind === 'dyno-exited')).toBe(false);
    await rig.until('R12', () => rig.lines.some(line => line.startsWith('web.1: Error R12')));
  });

  test('keeps the rest of the formation when only one dyno or one type is restarted', async context => {
    const { expect } = context;
    const rig = await startRig(context, {
      preboot: false,
      formation: [
        { type: 'web', quantity: 2, size },
        { type: 'worker', quantity: 1, size },
      ],
    });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    const ids = () => Object.fromEntries(rig.runtime.dynos().map(dyno => [dyno.name, dyno.id]));
    const first = ids();
    rig.runtime.restart({ name: 'web.2' });
    const second = ids();
    expect([second['web.1'], second['worker.1']]).toEqual([first['web.1'], first['worker.1']]);
    expect(second['web.2']).not.toBe(first['web.2']);
    rig.runtime.restart({ type: 'worker' });
    expect([ids()['web.1'], ids()['web.2']]).toEqual([second['web.1'], second['web.2']]);
    expect(ids()['worker.1']).not.toBe(first['worker.1']);
  });

  test('scaling starts and stops dynos at once, down to none: H14', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true, formation: [{ type: 'web', quantity: 1, size }] });
    rig.runtime.run(rig.release(1));
    rig.runtime.scale([{ type: 'web', quantity: 3, size }]);
    await rig.allUp();
    expect(rig.runtime.dynos().map(dyno => dyno.name)).toEqual(['web.1', 'web.2', 'web.3']);
    rig.runtime.scale([{ type: 'web', quantity: 0, size }]);
    expect(rig.runtime.dynos()).toEqual([]);
    expect(await rig.get()).toMatchObject({ status: 503 });
    expect(rig.requests.at(-1)).toMatchObject({ code: 'H14' });
    await rig.until('the end', () => rig.lines.includes('web.3: Process exited with status 143'));
    expect(rig.lines).toContain('web.3: State changed from up to down');
  });

  test('a new dyno size restarts the dynos that are there, and starts the new ones once', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: false, formation: [{ type: 'web', quantity: 1, size }] });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    const [before] = rig.runtime.dynos();
    rig.runtime.scale([{ type: 'web', quantity: 2, size: 'Performance-M' }]);
    await rig.allUp();
    expect(rig.runtime.dynos()).toMatchObject([
      { name: 'web.1', size: 'Performance-M' },
      { name: 'web.2', size: 'Performance-M' },
    ]);
    expect(rig.runtime.dynos()[0]!.id).not.toBe(before!.id);
    const started = rig.truth.flatMap(record => (record.kind === 'dyno-started' ? record.name : []));
    expect(started.sort()).toEqual(['web.1', 'web.1', 'web.2']);
  });

  test('maintenance mode turns visitors away and leaves the dynos alone', async context => {
    const { expect } = context;
    const rig = await startRig(context, { preboot: true });
    rig.runtime.run(rig.release(1));
    await rig.allUp();
    const dynos = rig.runtime.dynos();
    rig.runtime.setMaintenance(true);
    expect(await rig.get()).toMatchObject({ status: 503 });
    await rig.until('H80', () => /at=info code=H80 desc="Maintenance mode" .* status=503/.test(rig.lines.join()));
    expect(rig.runtime.dynos()).toEqual(dynos);
    rig.runtime.setMaintenance(false);
    expect(await rig.get()).toMatchObject({ status: 200, release: 'v1' });
  });
});
