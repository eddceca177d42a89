import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Message } from './stage/slack/slack.ts';
import { PEOPLE, type Stage, startStage } from './stage/stage.ts';
import { startTraffic } from './stage/traffic.ts';

// The pictures of a good and of a rolled-back deploy, by the real bot; kept in the folder that PICTURES names. A window lasts 30 s.

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({ scale: 6, channels: ['shop', 'hats'] });
}, 60_000);
afterAll(() => stage.stop());

async function deploy(app: string, ref: string): Promise<void> {
  const { runtime } = await stage.addShop(app, { ref: 'main', settings: { viewers: [PEOPLE.vic] } });
  startTraffic({ url: `${runtime.url}/`, perSecond: 5, onVisit: () => {} });
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${app} ${ref}`, { channel: app });
  const plan = await ann.sees(
    message => message.channel === app && message.buttons().some(({ label }) => label === 'Start'),
  );
  await ann.presses('Start', { on: plan });
}

/** The two that end its thread: the chart, and the file. */
async function pictures(app: string): Promise<{ chart: Message; file: Message }> {
  const file = await stage.slack.channel(app).shows(message => message.files.length > 0, { withinMs: 150_000 });
  const [chart] = (file.inThreadOf?.thread() ?? []).filter(({ plain }) => plain.includes('Who answered for'));
  if (!chart) throw new Error(`no chart:\n${stage.slack.channel(app).transcript()}`);
  return { chart, file };
}

async function keep(name: string, { files }: Message): Promise<Buffer> {
  const png = files[0]?.bytes ?? Buffer.alloc(0);
  const folder = process.env.PICTURES;
  if (folder) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.png`), png);
  }
  return png;
}

describe.concurrent('a deploy ends with its picture', () => {
  it('when it went well, with its migrations', async ({ expect }) => {
    await deploy('shop', 'cents');
    const bob = stage.slack.person('bob');
    const card = await stage.slack
      .channel('shop')
      .shows(message => message.buttons().some(({ label }) => label === 'Run them'), { withinMs: 150_000 });
    await bob.presses('Run them', { on: card });
    const { chart, file } = await pictures('shop');
    expect(chart.plain).toMatch(
      /shop: v\d+ to v\d+, deployed\. \d+ probes: \d+ v\d+, \d+ v\d+; the slowest took \d+ ms/,
    );
    expect(chart.plain).toMatch(/v\d+: 0:00 100, /);
    const [{ alt, title } = { alt: '', title: '' }] = file.files;
    expect(title).toMatch(/^shop: v\d+ to v\d+, deployed$/);
    expect(alt).toMatch(/Old code served on for 3\d s after the release\..* proved to serve .* old code gone/);
    expect(alt).toMatch(/Expand the schema .* Contract the schema/);
    const png = await keep('switchover', file);
    expect([png.subarray(1, 4).toString(), png.readUInt32BE(16)]).toEqual(['PNG', 1_600]);
    expect(png.length).toBeGreaterThan(40_000);

    const [vic, eve] = [stage.slack.person('vic'), stage.slack.person('eve')];
    await eve.types('/deploy stats shop', { channel: 'shop' });
    expect((await eve.sees(/./)).plain).not.toContain('90 days');
    await vic.types('/deploy stats shop', { channel: 'shop' });
    expect((await vic.sees('shop in the last 90 days')).plain).toMatch(
      /serve 1 time[\s\S]*Lead time[\s\S]*0 %, 0 of 1 release[\s\S]*served on\S* after a release: half within 3\d s/,
    );
  });

  it('when it was rolled back', async ({ expect }) => {
    await deploy('hats', 'crashes-later');
    const { chart, file } = await pictures('hats');
    expect(file.files[0]?.alt).toMatch(/rolled back\..* crashed .*rollback decided .* serves /);
    expect(chart.plain).toMatch(/hats: v\d+ to v\d+, rolled back/);
    await keep('switchover-rolled-back', file);
  });
});
