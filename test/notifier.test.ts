import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Notifier } from '../src/notifier.ts';
import { Pace } from '../src/pace.ts';
import type { Notice } from '../src/team.ts';
import { FakeSlack } from './narrator-fakes.ts';

// What belongs to no deploy, under Slack's limits, in a time that the test turns on.

let slack: FakeSlack;
let pace: Pace;
let notifier: Notifier;
let kept: Map<string, Notice & { ts: string | null; sent: unknown }>;

beforeEach(() => {
  vi.useFakeTimers();
  slack = new FakeSlack();
  pace = new Pace();
  kept = new Map();
  notifier = new Notifier({
    ...{ chat: slack, pace, instance: 'one', log: { warn: () => {} } },
    notices: {
      async claim(_, { channels, ids }) {
        const next = [...kept.values()].find(
          ({ id, channel, message, sent }) => sent !== message && !channels.includes(channel) && !ids.includes(id),
        );
        return next ? { ...next, at: new Date().toISOString(), again: false } : null;
      },
      free: async () => {},
      sent: async ({ id, message }, ts) => void Object.assign(kept.get(id) ?? {}, { ts, sent: message }),
    },
  });
});
afterEach(async () => {
  pace.stop();
  await notifier.stop();
  vi.useRealTimers();
});

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
function says(id: string, channel: string, text: string): void {
  kept.set(id, { ts: null, sent: null, ...kept.get(id), id, channel, message: { text, blocks: [] } });
  notifier.wake();
}

it('an edit that must wait keeps no new one waiting, in its channel neither', async () => {
  says('n1', 'C1', 'Locked.');
  await seconds(5);
  slack.trouble = what =>
    what === 'update' ? { before: Object.assign(new Error('ratelimited'), { retryAfterMs: 30_000 }) } : undefined;
  says('n1', 'C1', 'Free again.');
  says('n2', 'C1', 'Closed.');
  says('n3', 'C2', 'Frozen.');
  await seconds(5);
  expect(slack.posted.map(({ text }) => text)).toEqual(['Locked.', 'Closed.', 'Frozen.']);
  slack.trouble = () => undefined;
  await seconds(60);
  expect(slack.posted[0]?.edits).toEqual(['Free again.']);
});

it('edits are among those that the workspace may have in a minute', async () => {
  for (let index = 0; index < 60; index++) says(`n${index}`, `C${index}`, 'Asked.');
  await seconds(10);
  expect(slack.posted).toHaveLength(60);
  const from = Date.now();
  for (let index = 0; index < 60; index++) says(`n${index}`, `C${index}`, 'Answered.');
  await seconds(120);
  expect(slack.edits).toHaveLength(60);
  expect(slack.edits.filter(({ at }) => at < from + 60_000).length).toBeLessThanOrEqual(50);
});
