import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import HerokuClient from 'heroku-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../folder.ts';
import { hats, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.heroku.stop());

describe('heroku-client', () => {
  it('reads, changes, follows the pages of a list, and hears what is refused', async () => {
    const client = new HerokuClient({ host: rig.heroku.url, token: 'right' });
    expect(await client.get('/apps/shop')).toMatchObject({ name: 'shop' });
    expect(await client.patch('/apps/shop/features/preboot', { body: { enabled: true } })).toMatchObject({
      enabled: true,
    });
    const headers = { Range: 'version ..; max=1' };
    const all: { version: number }[] = await client.get('/apps/shop/releases', { headers });
    expect(all.map(({ version }) => version)).toEqual([1, 2, 3]);
    await expect(client.get('/apps/hats')).rejects.toMatchObject({
      statusCode: 404,
      body: { id: 'not_found', message: "Couldn't find that app." },
    });
    const stranger = new HerokuClient({ host: rig.heroku.url, token: 'wrong' });
    await expect(stranger.get('/account')).rejects.toMatchObject({ statusCode: 401 });
  });
});

describe('the local Heroku', () => {
  it('refuses a scale at which the window is too short for the app to boot', async () => {
    const app = await rig.heroku.createApp({ name: 'slow', preboot: true });
    app.runtime.knobs.bootDelayMs = 2_500;
    await expect(rig.heroku.deploy(app, await hats(), 'a'.repeat(40))).rejects.toThrow(
      /^slow boots in \d+ ms; at this scale its preboot window is 6000 ms, and must be \d+ ms at least .* Choose a smaller scale\.$/,
    );
  });

  it('says why what it was given to start with could not be deployed', async () => {
    const app = await rig.heroku.createApp({ name: 'broken' });
    await expect(rig.heroku.deploy(app, await hats('echo no hats && exit 1'), 'a'.repeat(40))).rejects.toThrow(
      'no hats',
    );
    await expect(rig.heroku.createApp({ name: 'broken' })).rejects.toThrow('already');
  });

  it('stops at once though a release phase is running', async () => {
    const other = await startRig();
    await other.build(await hats('sleep 100'));
    const begun = performance.now();
    await other.heroku.stop();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('runs alone with the sample app, takes any token, and leaves nothing behind when it is told to end', async () => {
    const { dir, remove } = await makeFolder();
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, '--port', '0'], {
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const addresses: string[] = [];
      for await (const line of createInterface(child.stdout)) {
        addresses.push(...(line.match(/(?<=^(Heroku|shop) +)\S+/) ?? []).slice(0, 1));
        if (line.startsWith('Try')) break;
      }
      const [api, shop = ''] = addresses;
      const client = new HerokuClient({ host: api ?? '', token: 'any' });
      expect(await client.get('/apps/shop')).toMatchObject({ web_url: shop });
      expect(await client.get('/apps/shop/formation/web')).toMatchObject({ quantity: 2, size: 'Standard-1X' });
      expect(await client.get('/apps/shop/addons')).toMatchObject([{ config_vars: ['DATABASE_URL'] }]);
      expect((await fetch(shop)).headers.get('x-heroku-release-version')).toMatch(/^v\d+$/);
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      expect(code).toBe(0);
      expect(await readdir(dir)).toEqual([]);
      await expect(fetch(shop)).rejects.toThrow();
    } finally {
      child.kill('SIGKILL');
      await remove();
    }
  });
});
