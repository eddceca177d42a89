import { beforeEach, describe, expect, it } from 'vitest';
import type { Deploy } from '../src/domain/deploy.ts';
import type { Series } from '../src/domain/series.ts';
import { Pace } from '../src/pace.ts';
import { Pictures } from '../src/pictures.ts';
import { FileRefused, type Files, MessageRefused } from '../src/team.ts';
import { FakeMessages, FakeSlack } from './narrator-fakes.ts';
import { deploys } from './sample-deploys.ts';
import { switched } from './sample-series.ts';

/** A Slack that takes files, and fails when it is told to. */
class FakeFiles implements Files {
  readonly sent: string[] = [];
  readonly shared: string[] = [];
  trouble: (what: 'send' | 'share' | 'look') => { before?: Error; after?: Error } | undefined = () => undefined;

  async send({ alt }: { alt: string }): Promise<string> {
    await this.#meet('send', () => this.sent.push(alt));
    return `F${this.sent.length}`;
  }

  async share({ file }: { file: string }): Promise<void> {
    await this.#meet('share', () => this.shared.push(file));
  }

  async isShared({ file }: { file: string }): Promise<boolean> {
    await this.#meet('look', () => {});
    return this.shared.includes(file);
  }

  async #meet(what: 'send' | 'share' | 'look', work: () => void): Promise<void> {
    const trouble = this.trouble(what);
    if (trouble?.before) throw trouble.before;
    work();
    if (trouble?.after) throw trouble.after;
  }
}

const lost = new Error('socket hang up');
/** A deploy that ended so many seconds ago. */
const endedAgo = (seconds: number): Deploy => ({
  ...deploys.succeeded,
  id: 'd1',
  facts: deploys.succeeded.facts.map(fact =>
    fact.kind === 'ended' ? { ...fact, at: new Date(Date.now() - 1_000 * seconds).toISOString() } : fact,
  ),
});
const deploy = endedAgo(0);
let slack: FakeSlack;
let files: FakeFiles;
let messages: FakeMessages;
let warnings: string[];

beforeEach(async () => {
  slack = new FakeSlack();
  files = new FakeFiles();
  messages = new FakeMessages();
  warnings = [];
  await messages.claim({ deploy: 'd1', key: 'root', by: 'bot 1' });
  await messages.keep('d1', { key: 'root', ts: '1.1', hash: 'x' });
});

function pictures(instance = 'bot 1', series: Series | null = switched, now = Date.now): Pictures {
  return new Pictures({
    ...{ messages, chat: slack, files, instance, pace: new Pace() },
    seen: async () => series,
    views: {
      chart: () => ({ text: 'chart', blocks: [] }),
      picture: () => ({ svg: '<svg/>', title: 'shop', alt: '224 probes' }),
    },
    render: async svg => Buffer.from(svg),
    now,
    log: { info: () => {}, warn: (_: unknown, text?: string) => void warnings.push(text ?? '') },
  });
}

describe('the pictures of a deploy', () => {
  it('are a chart and a file in its thread, each once', async () => {
    expect(await pictures().show(deploy)).toBe(true);
    expect(await pictures().show(deploy)).toBe(true);
    expect(slack.posted).toMatchObject([{ text: 'chart', thread: '1.1' }]);
    expect(files).toMatchObject({ sent: ['224 probes'], shared: ['F1'] });
  });

  it('are not there where nothing was watched', async () => {
    expect(await pictures('bot 1', null).show(deploy)).toBe(true);
    expect([slack.posted, files.sent]).toEqual([[], []]);
  });

  it.each(['thread', 'archived'] as const)('are left out where there is no place for them any more: %s', async gone => {
    slack.trouble = what => (what === 'post' ? { before: new MessageRefused('refused', gone) } : undefined);
    expect(await pictures().show(deploy)).toBe(true);
    expect([slack.posted, files.sent]).toEqual([[], []]);
  });

  it('are shown by one of two bots', async () => {
    const shown = await Promise.all([pictures('bot 1').show(deploy), pictures('bot 2').show(deploy)]);
    expect(shown.sort()).toEqual([false, true]);
    expect([slack.posted.length, files.shared]).toEqual([1, ['F1']]);
  });

  it('a file whose sharing was never answered is found in the thread, and not sent again', async () => {
    files.trouble = what => (what === 'share' ? { after: lost } : undefined);
    await expect(pictures().show(deploy)).rejects.toThrow('socket hang up');
    files.trouble = () => undefined;
    expect(await pictures().show(deploy)).toBe(true);
    expect(files).toMatchObject({ sent: ['224 probes'], shared: ['F1'] });
    expect(warnings).toEqual([]);
  });

  it('a file is not shared beside one that another bot asked to be shared while this one drew', async () => {
    files.trouble = what => {
      const row = [...messages.rows.values()].find(({ key }) => key.includes('picture'));
      if (what === 'send' && row) row.hash = 'F9';
      return undefined;
    };
    expect(await pictures().show(deploy)).toBe(false);
    files.shared.push('F9');
    expect(await pictures().show(deploy)).toBe(true);
    expect(files.shared).toEqual(['F9']);
  });

  it('one that does not come within three minutes is missing, and not sent twice', async () => {
    files.trouble = what => (what === 'share' ? { before: lost } : undefined);
    await expect(pictures().show(deploy)).rejects.toThrow('socket hang up');
    files.trouble = () => undefined;
    expect(await pictures().show(deploy)).toBe(false);
    expect(await pictures().show(endedAgo(200))).toBe(true);
    expect(await pictures().show(endedAgo(200))).toBe(true);
    expect(files).toMatchObject({ sent: ['224 probes'], shared: [] });
    expect(warnings).toEqual(['The picture is not in its thread, and is not sent twice']);
  });

  it('one that is looked for by a bot whose clock is an hour ahead may still come, and be tried for', async () => {
    const [hourAgo, byStore] = [endedAgo(3_600), () => Date.now() - 3_600_000];
    const show = () => pictures('bot 1', switched, byStore).show(hourAgo);
    files.trouble = what => (what === 'send' ? { before: lost } : undefined);
    await expect(show()).rejects.toThrow('socket hang up');
    files.trouble = what => (what === 'share' ? { before: lost } : undefined);
    await expect(show()).rejects.toThrow('socket hang up');
    files.trouble = () => undefined;
    expect(await show()).toBe(false);
  });

  it('one that was lost before anybody could see it is sent anew', async () => {
    files.trouble = what => (what === 'send' ? { after: lost } : undefined);
    await expect(pictures().show(deploy)).rejects.toThrow('socket hang up');
    files.trouble = () => undefined;
    expect(await pictures().show(deploy)).toBe(true);
    expect(files.shared).toEqual(['F2']);
  });

  it('one that Slack had no time for is sent when it has', async () => {
    const busy = Object.assign(new Error('busy'), { retryAfterMs: 1 });
    files.trouble = what => (what === 'share' ? { before: busy } : undefined);
    await expect(pictures().show(deploy)).rejects.toThrow('busy');
    files.trouble = () => undefined;
    expect(await pictures().show(deploy)).toBe(true);
    expect(files.shared).toEqual(['F2']);
  });

  it('one that can never be sent is tried for 15 minutes', async () => {
    files.trouble = what => (what === 'send' ? { before: lost } : undefined);
    await expect(pictures().show(endedAgo(800))).rejects.toThrow('socket hang up');
    expect(await pictures().show(endedAgo(1_000))).toBe(true);
    files.trouble = () => undefined;
    expect(await pictures().show(endedAgo(1_020))).toBe(true);
    expect([slack.posted.length, files.sent]).toEqual([1, []]);
  });

  it('one that Slack has no time for is not given up', async () => {
    files.trouble = what =>
      what === 'send' ? { before: Object.assign(new Error('busy'), { retryAfterMs: 1 }) } : undefined;
    await expect(pictures().show(endedAgo(1_000))).rejects.toThrow('busy');
  });

  it('without leave to put files there is the chart alone, and nobody asks again', async () => {
    files.trouble = what => (what === 'send' ? { before: new FileRefused('missing_scope') } : undefined);
    expect(await pictures().show(deploy)).toBe(true);
    files.trouble = () => undefined;
    expect(await pictures().show(deploy)).toBe(true);
    expect([slack.posted.length, files.sent]).toEqual([1, []]);
  });
});
