import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stage, startStage } from '../stage/stage.ts';
import type { Ask, Bench, Measured } from './bench.ts';
import { psWait, push } from './by-hand.ts';
import { factOf, startDeploy } from './deploys.ts';
import { send } from './load.ts';
import { type Curve, plot } from './plot.ts';
import { median, most } from './statistics.ts';

// ylansegal.com, 2012-08-27, "Deploy to Heroku with near-zero downtime": `siege -c1`, about one request a second, while an
// app that takes about 35 s to boot was deployed.

const BOOT_MS = 35_000;
const EVERY_MS = 1_000;
const AROUND_MS = 10_000;
const WITH = 'preboot, by this bot';
const WITHOUT = 'no preboot, by git push';
const HE_MEASURED = { [WITH]: 3_130, [WITHOUT]: 28_990 };
type Side = keyof typeof HE_MEASURED;

export const segal: Bench = {
  number: 8,
  title: 'Segal 2012 replayed',
  compares: 'An app that boots in 35 s and one client, nothing scaled: deployed with preboot, and without.',
  skipped: null,
  inQuick: false,
  run,
};

async function run({ say, onEnd }: Ask): Promise<Measured> {
  const stage = await startStage({ scale: 1, channels: ['with', 'without'] });
  onEnd(stage.stop);
  say('Both apps boot …');
  const config = { BOOT_MS: String(BOOT_MS) };
  await stage.addShop('with', { config });
  const plain = await stage.addShop('without', { config });
  plain.preboot = false;
  plain.runtime.setPreboot(false);
  say('… and are deployed, at the same time: one client each needs next to nothing.');
  const [withPreboot, without] = await Promise.all([
    during(stage, 'with', async () => {
      await factOf(stage, await startDeploy(stage, { app: 'with' }), 'ended');
    }),
    during(stage, 'without', async () => {
      await push(stage, plain, 'main');
      await psWait(plain);
    }),
  ]);
  const found: Record<Side, Client> = { [WITH]: withPreboot, [WITHOUT]: without };
  const sides = [WITH, WITHOUT] as const;
  await writeFile(
    new URL('../../docs/segal-2012.svg', import.meta.url),
    plot(sides.map(side => curveOf(side, found[side]))),
  );
  return {
    tables: [
      {
        title: 'Requests of the one client',
        columns: [
          { name: '' },
          { name: 'requests', digits: 0 },
          { name: 'failed', digits: 0 },
          { name: 'median', unit: 'ms', digits: 1 },
          { name: 'longest', unit: 's', digits: 2 },
          { name: 'longest that he measured', unit: 's', digits: 2 },
        ],
        rows: sides.map(side => [
          side,
          found[side].length,
          found[side].filter(({ isGood }) => !isGood).length,
          median(found[side].map(({ ms }) => ms)),
          most(found[side].map(({ ms }) => ms)) / 1000,
          HE_MEASURED[side] / 1000,
        ]),
      },
    ],
    targets: [],
    notes: ['![each request of the client by when it was sent](segal-2012.svg)'],
  };
}

/** What one client met: when it asked (s since its first request), how long it waited. */
type Client = { at: number; ms: number; isGood: boolean }[];

const curveOf = (name: Side, client: Client): Curve => ({
  name,
  points: client.map(({ at, ms }) => ({ x: at, y: ms })),
  reference: { name: `he measured ${HE_MEASURED[name] / 1000} s`, y: HE_MEASURED[name] },
});

/** One client asks, one request after the other, while that happens and a while around it. */
async function during({ heroku }: Stage, name: string, happens: () => Promise<void>): Promise<Client> {
  const url = `${heroku.platform.find(name)?.runtime.url}/`;
  const client: Client = [];
  const begun = performance.now();
  const leaving = new AbortController();
  const asking = (async () => {
    while (!leaving.signal.aborted) {
      const sent = performance.now();
      const { ms, status } = await send(url, false, {}, sent);
      client.push({ at: (sent - begun) / 1000, ms, isGood: status !== null && status < 400 });
      await sleep(Math.max(0, sent + EVERY_MS - performance.now()));
    }
  })();
  await sleep(AROUND_MS);
  await happens().finally(() => setTimeout(() => leaving.abort(), AROUND_MS));
  await asking;
  return client;
}
