import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stage, startStage } from './stage/stage.ts';

// Slack is away from the first step of a deploy to its end, and an hour later is back. A window lasts 10 s.

const CALLS = ['chat.postMessage', 'chat.update'];

let stage: Stage;

beforeAll(async () => {
  stage = await startStage({ scale: 18, channels: ['shop'] });
});
afterAll(() => stage.stop());

it('a deploy goes on while Slack is away, and its thread catches up in order and shortened', async () => {
  const shop = await stage.addShop('shop');
  const ann = stage.slack.person('ann');
  await ann.types('/deploy shop', { channel: 'shop' });
  // Its first step waits for the log, until all is in place that goes wrong.
  stage.heroku.fails('POST /log-sessions', { delayMs: 3_000 });
  await ann.presses('Start');
  const root = await ann.sees(({ metadata }) => metadata?.event_payload.key === 'root');
  // There is something to tell, and to shorten.
  stage.github.fails('/tarball', 500, 5);
  stage.heroku.fails('POST /sources', { status: 500, times: 5 });
  for (const method of CALLS) stage.slack.fails(method, { status: 500 }, 10_000);
  const hasEnded = async () => (await stage.database.query('SELECT ended_at FROM deploys')).rows[0]?.ended_at !== null;
  await expect.poll(hasEnded, { timeout: 120_000 }).toBe(true);
  expect(shop.current?.version).toBe(5);
  const before = root.thread().length;
  // What counts is the database's clock: by that it happened an hour ago.
  await stage.database.query("UPDATE facts SET at = at - interval '1 hour'");
  stage.slack.mends();
  await stage.slack.channel('shop').shows('Who answered for shop', { withinMs: 120_000 });
  // The picture may have come after the chart.
  const told = root.thread().slice(before, before + 5);
  expect(told.map(({ plain }) => plain.split('\n')[0])).toEqual([
    expect.stringContaining('Trouble of our own'),
    expect.stringContaining('What happened while this thread could not be written'),
    expect.stringContaining('New code serves: shop runs v5'),
    expect.stringContaining('Old code is gone'),
    expect.stringContaining('shop: v4 to v5, deployed'),
  ]);
  expect(told[1]?.plain.split('\n').slice(1)).toEqual([
    expect.stringMatching(/^• \d\d:\d\d:\d\d Trouble of our own/),
    expect.stringMatching(/^• \d\d:\d\d:\d\d Old code is still serving/),
  ]);
  expect(root.plain).toContain('shop is deployed');
});
