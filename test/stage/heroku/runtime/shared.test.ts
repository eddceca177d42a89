import { expect, onTestFinished, test } from 'vitest';
import { createLogs } from '../logs.ts';
import { createPorts } from '../ports.ts';
import { startRouter } from '../router.ts';
import { startShared } from '../shared.ts';

test('one process stands for the dynos of many, and what the routers lose nobody answers or logs', async () => {
  const shared = startShared();
  onTestFinished(shared.stop);
  const port = await createPorts().take();
  const leash = { hold: () => {}, free: () => {}, close: () => {} };
  const ask = { dir: '/', leash };
  const dyno = shared.start({ ...ask, command: 'web', env: { PORT: String(port), HEROKU_RELEASE_VERSION: 'v7' } });
  let loses: string | null = null;
  const seen: number[] = [];
  const router = await startRouter({
    port: 0,
    routers: 1,
    outlook: () => ({ kind: 'up', backends: [{ id: 'd', name: 'web.1', release: 7, port }] }),
    logs: createLogs(),
    loses: path => path === loses,
    onRequest: ({ status }) => seen.push(status),
    limits: { connectMs: 5_000, firstByteMs: 5_000, queueMs: 5_000, quarantineMs: 0, attempts: 10_000 },
  });
  onTestFinished(() => router.close());
  const visit = (path = '/') => fetch(`http://127.0.0.1:${router.port}${path}`, { headers: { connection: 'close' } });
  expect((await visit()).headers.get('x-heroku-release-version')).toBe('v7');
  loses = '/lost';
  await expect(visit('/lost')).rejects.toThrow();
  expect((await visit()).status).toBe(200);
  expect(seen).toEqual([200, 200]);
  dyno.signal('SIGTERM');
  expect(await dyno.exited).toBe(143);
  expect(await shared.start({ ...ask, command: 'release', env: {} }).exited).toBe(0);
});
