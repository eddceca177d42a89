import { LogLevel, WebClient } from '@slack/web-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HerokuApp } from './stage/heroku/app.ts';
import { Chance } from './torture/chance.ts';
import { gather } from './torture/gather.ts';
import { violations } from './torture/invariants.ts';
import { People } from './torture/people.ts';
import { query, startWorld, type World } from './torture/world.ts';

// What the judge of torture is given comes from a real local Heroku and Slack: doubles that were made there are seen.

let world: World;

beforeAll(async () => {
  world = await startWorld(1);
});
afterAll(() => world?.stop());

async function buildTwice(heroku: HerokuApp): Promise<void> {
  const [first] = heroku.builds;
  if (!first) throw new Error('It was never built');
  for (const count of [2, 3]) {
    heroku.build({ ...first.source, version_description: 'Switchover d1' }, first.user);
    await expect.poll(() => heroku.builds.filter(({ release }) => release).length, { timeout: 20_000 }).toBe(count);
  }
}

async function postTwice({ stage }: World, channel: string): Promise<void> {
  const token = stage.secrets.find(({ name }) => name === 'SLACK_BOT_TOKEN')?.value;
  const slack = new WebClient(token, { slackApiUrl: stage.slack.apiUrl, logLevel: LogLevel.ERROR });
  const metadata = { event_type: 'deploy', event_payload: { deploy: 'd1', key: 'root' } };
  const text = 'The deploy of hats failed';
  for (let times = 0; times < 2; times++) await slack.chat.postMessage({ channel, text, metadata });
}

it('a build, a release, a migration and a root message that came twice are told of a world', async () => {
  const hats = world.apps.find(({ name }) => name === 'hats');
  if (!hats) throw new Error('There are no hats');
  const people = new People(world, new Chance(1), new Map());
  await world.stopTraffic();
  expect(violations(await gather(world, people))).toEqual([]);
  await buildTwice(hats.heroku);
  await postTwice(world, 'C0HATS');
  await query(hats.heroku, "INSERT INTO ran (file) VALUES ('101_grow'), ('101_grow')");
  const found = violations(await gather(world, people)).map(({ what }) => what);
  expect(found).toEqual([
    'hats was built twice for “Switchover d1”',
    'hats was released twice for “Switchover d1”',
    '101_grow of hats ran twice',
    'd1 has two root messages',
  ]);
});
