import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Leak, type Marked, scanForSecrets, secretsOf, watchProcesses } from './secret-scan.ts';
import { type Stage, startStage } from './stage/stage.ts';

// Deploys that fail, print their secrets and lose their bot half-way; then everything is looked through for the secrets.

const marked = (name: string, prefix = ''): Marked => ({ name, value: `${prefix}${randomBytes(12).toString('hex')}` });
const CHARGE = marked('CHARGE_KEY', 'charge/');
const ODD = { name: 'ODD', value: `"quoted" & ${randomBytes(8).toString('hex')}\nin two lines` };

let stage: Stage;
let all: readonly Marked[];

beforeAll(async () => {
  stage = await startStage({
    scale: 18,
    channels: ['hats', 'caps', 'bags'],
    botEnv: { LOG_LEVEL: 'debug' },
  });
}, 60_000);
afterAll(() => stage?.stop());

const config = { CHARGE_KEY: CHARGE.value, ODD: ODD.value };

async function start(app: string, ref: string): Promise<void> {
  const ann = stage.slack.person('ann');
  await ann.types(`/deploy ${app} ${ref}`, { channel: app });
  await ann.presses('Start', { on: await ann.sees(new RegExp(`Deploy ${app}\\?`)) });
}
const shows = (app: string, words: RegExp) => stage.slack.channel(app).shows(words, { withinMs: 120_000 });

const texts = () => ({
  "the bot's log": stage.bot.log,
  'what Slack was sent': JSON.stringify(stage.slack.calls.map(({ args }) => args)),
  'what Slack shows': JSON.stringify(
    ['hats', 'caps', 'bags'].map(name =>
      stage.slack
        .channel(name)
        .messages()
        .map(({ plain }) => plain),
    ),
  ),
});

describe('secrets', () => {
  it('stand nowhere after deploys that printed them, failed and were killed', async () => {
    for (const app of ['hats', 'caps', 'bags']) await stage.addShop(app, { config, ownToken: app === 'bags' });
    all = [...stage.secrets, CHARGE, ODD];
    const names = all.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['HEROKU_API_KEY', 'TOKEN_KEY', 'the token of bags']));
    const watched = watchProcesses(all, () => [stage.bot.pid]);
    await start('hats', 'tells');
    const failed = await shows('hats', /The release phase of v\d+ failed.*\[DATABASE_URL\]/s);
    for (const name of ['DATABASE_URL', 'CHARGE_KEY', 'ODD']) expect(failed.plain).toContain(`[${name}]`);

    await start('caps', 'bad-build');
    await start('bags', 'cents');
    await shows('bags', /Old code is still serving/);
    await stage.bot.end('SIGKILL');
    await stage.bot.start();
    stage.heroku.fails('GET /apps/bags/dynos', { status: 503, times: 3 });
    await shows('caps', /The build failed/);
    await shows('bags', /New code serves/);

    const leaks: Leak[] = [
      ...(await watched.stop()),
      ...(await scanForSecrets({ marked: all, texts: texts(), database: stage.database })),
    ];
    expect(leaks).toEqual([]);
  });

  it('would be found in each of these places', async () => {
    const [planted] = all;
    if (!planted) throw new Error('the stage has secrets');
    const { value, name } = planted;
    for (const spelt of [`x${value}x`, encodeURIComponent(value), Buffer.from(value).toString('base64')]) {
      expect(secretsOf(spelt, all)).toEqual([name]);
    }
    const child = spawn('sh', ['-c', 'LEAKED="$0" sh -c "read -r line; :"; :', value], { env: {} });
    const watched = watchProcesses(all, () => [child.pid ?? 0]);
    await stage.database.query('CREATE TABLE planted AS SELECT $1::text AS word', [value]);
    const kept = await scanForSecrets({ marked: all, texts: { 'a log': `said ${value}` }, database: stage.database });
    expect(kept).toEqual([`a log holds ${name}`, `public.planted holds ${name}`]);
    await expect.poll(watched.found, { timeout: 10_000 }).toHaveLength(2);
    const seen = await watched.stop();
    child.stdin.end();
    await once(child, 'close');
    expect(seen).toEqual([
      `The command line of sh -c holds ${name}`,
      `The environment of sh -c, which the bot started, holds ${name}`,
    ]);
  });
});
