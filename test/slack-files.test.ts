import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectSlack } from '../src/adapters/slack.ts';
import { connectFiles } from '../src/adapters/slack-files.ts';
import { type Chat, FileRefused, type Files } from '../src/team.ts';
import { chartOf } from '../views/chart.ts';
import { bareBlocks, plainBlocks } from '../views/plain.ts';
import { rootMessage } from '../views/root.ts';
import { deploys } from './sample-deploys.ts';
import { switched } from './sample-series.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';

const access = { botToken: 'xoxb-1', log: pino({ level: 'silent' }) };
const png = { name: 'shop.png', bytes: Buffer.from('PNG'), alt: '224 probes, none failed' };
let slack: Slack;
let files: Files;
let chat: Chat;
let thread: string;

beforeEach(() => start(['chat:write', 'channels:history', 'files:write']));
afterEach(() => slack.stop());

async function start(scopes: string[]): Promise<void> {
  slack = await startSlack({
    ...{ signingSecret: 's', botToken: 'xoxb-1', scopes, limits: false },
    users: { ann: 'U0ANN' },
    channels: { shop: 'C0SHOP', far: { id: 'C0FAR', botIsIn: false } },
  });
  files = connectFiles({ ...access, slackApiUrl: slack.apiUrl });
  chat = connectSlack({ ...access, slackApiUrl: slack.apiUrl, plain: plainBlocks, bare: bareBlocks });
  ({ ts: thread } = await chat.post({
    channel: 'C0SHOP',
    message: { text: 'root', blocks: [] },
    key: { deploy: 'd', key: 'root' },
  }));
}

const share = (file: string, channel = 'C0SHOP') => files.share({ file, title: 'shop: v41 to v42', channel, thread });
const isShared = (file: string) => files.isShared({ file, channel: 'C0SHOP', thread, after: Date.now() });

describe('a file', () => {
  it('is seen by nobody until it is shared, then in its thread, with its description', async () => {
    const file = await files.send(png);
    expect(await isShared(file)).toBe(false);
    await share(file);
    const shown = await slack.channel('#shop').shows('224 probes, none failed');
    expect(shown.inThreadOf?.ts).toBe(thread);
    expect(shown.files).toMatchObject([{ id: file, title: 'shop: v41 to v42', bytes: png.bytes }]);
    expect(await isShared(file)).toBe(true);
    expect(await isShared('F0OTHER')).toBe(false);
  });

  it('whose sharing was carried out and not answered is in the thread', async () => {
    const file = await files.send(png);
    slack.fails('files.completeUploadExternal', { drop: 'after' });
    await expect(share(file)).rejects.not.toThrow('file_not_found');
    await slack.channel('#shop').shows('224 probes');
    expect(await isShared(file)).toBe(true);
  });

  it('is refused for good without the scope, outside its channels, and with too long a description', async () => {
    await expect(files.send({ ...png, alt: 'x'.repeat(1_001) })).rejects.toThrow('alt_txt_too_large');
    const file = await files.send(png);
    await expect(share(file, 'C0FAR')).rejects.toThrow('not_in_channel');
    await slack.stop();
    await start(['chat:write']);
    await expect(files.send(png)).rejects.toThrow('missing_scope');
    await expect(files.send(png)).rejects.toBeInstanceOf(FileRefused);
  });

  it('that Slack has no time for says how long to wait', async () => {
    slack.fails('files.getUploadURLExternal', { status: 429, retryAfter: 7 });
    await expect(files.send(png)).rejects.toMatchObject({ retryAfterMs: 7_000 });
  });
});

describe('a workspace that takes no charts', () => {
  const post = (key: string, message: { text: string; blocks: readonly object[] } | null) =>
    chat.post({ channel: 'C0SHOP', thread, message: message ?? { text: '', blocks: [] }, key: { deploy: 'd', key } });
  const chart = chartOf(deploys.succeeded, switched);

  it('gets the numbers in words, and its cards as before', async () => {
    expect(chart?.blocks.at(-1)).toMatchObject({ type: 'data_visualization' });
    slack.fails('chat.postMessage', { error: 'invalid_blocks' });
    await post('chart', chart);
    await post('root 2', rootMessage(deploys.succeeded));
    await post('chart 2', chart);
    const told = slack.channel('#shop').transcript();
    expect(told).toContain('*Who answered for shop* (% of answers, from 0:00 to 3:44)');
    expect(told).toMatch(/v41: 100 100( \d+)+\n/);
    const kinds = slack.calls.map(({ args, ok }) => [
      ok,
      JSON.stringify(args.blocks ?? '').match(/data_vis|"plan"/)?.[0] ?? 'words',
    ]);
    expect(kinds.slice(-4)).toEqual([
      ...[
        [false, 'data_vis'],
        [true, 'words'],
        [true, '"plan"'],
        [true, 'words'],
      ],
    ]);
  });
});
