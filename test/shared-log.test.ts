import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { listenBefore } from '../src/adapters/before.ts';
import { steadyNow } from '../src/adapters/clock.ts';
import { createMarks } from '../src/adapters/probe-marks.ts';
import { shareLog } from '../src/adapters/shared-log.ts';
import { createWatcher } from '../src/adapters/watcher.ts';
import { DEFAULT_PROBE } from '../src/domain/app.ts';
import type { Goal } from '../src/domain/watch.ts';

/** Sessions of a log that says what it is told to, and how many are open. */
function sessions() {
  const state = { opened: 0, open: 0, say: (_: string): void => {}, end: (_?: Error): void => {}, whole: () => {} };
  const openLog = async function* (_: string, signal: AbortSignal, onWhole = () => {}) {
    const queue: string[] = [];
    let ended: Error | 'ended' | null = null;
    let wake = () => {};
    state.opened++;
    state.whole = onWhole;
    state.open++;
    state.say = line => {
      queue.push(line);
      wake();
    };
    state.end = error => {
      ended = error ?? 'ended';
      wake();
    };
    signal.addEventListener('abort', () => wake());
    try {
      while (!signal.aborted) {
        yield* queue.splice(0);
        if (ended === 'ended') return;
        if (ended) throw ended;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    } finally {
      state.open--;
    }
  };
  return { state, openLog };
}

async function read(lines: AsyncIterable<string>, into: string[]): Promise<void> {
  for await (const line of lines) into.push(line);
}

describe('a shared log', () => {
  it('is one session for all, whoever comes later being told what was said before', async () => {
    const { state, openLog } = sessions();
    const shared = shareLog(openLog);
    const [first, second] = [new AbortController(), new AbortController()];
    const [one, two]: [string[], string[]] = [[], []];
    const reading = read(shared('shop', first.signal), one);
    await sleep(5);
    for (let line = 0; line < 1_600; line++) state.say(`${line}`);
    await expect.poll(() => one.length).toBe(1_600);
    const reading2 = read(shared('shop', second.signal), two);
    await expect.poll(() => two.length).toBe(1_500);
    expect(two[0]).toBe('100');
    state.say('both');
    await expect.poll(() => [one.at(-1), two.at(-1)]).toEqual(['both', 'both']);
    first.abort();
    await reading;
    state.say('left');
    await expect.poll(() => two.at(-1)).toBe('left');
    expect(one.at(-1)).toBe('both');
    expect(state.opened).toBe(1);
    second.abort();
    await reading2;
    await expect.poll(() => state.open).toBe(0);
  });

  it('says that it is whole to all, behind the lines that it is about, and no more once lines were forgotten', async () => {
    const { state, openLog } = sessions();
    const shared = shareLog(openLog);
    const { signal } = new AbortController();
    const told = (): string[] => {
      const said: string[] = [];
      void read(
        shared('shop', signal, () => said.push('whole')),
        said,
      );
      return said;
    };
    const first = told();
    await sleep(5);
    state.say('one');
    await expect.poll(() => first).toEqual(['one']);
    state.whole();
    const later = told();
    await expect
      .poll(() => [first, later])
      .toEqual([
        ['one', 'whole'],
        ['one', 'whole'],
      ]);
    for (let line = 0; line < 1_500; line++) state.say(`${line}`);
    await expect.poll(() => first.length).toBe(1_502);
    const last = told();
    await expect.poll(() => last.length).toBe(1_500);
    state.end();
  });

  it('ends, or breaks, for all; who opens it again gets a new one', async () => {
    const { state, openLog } = sessions();
    const shared = shareLog(openLog);
    const { signal } = new AbortController();
    const readers = [read(shared('shop', signal), []), read(shared('shop', signal), [])];
    await sleep(5);
    state.end(new Error('cut'));
    expect(await Promise.allSettled(readers)).toMatchObject([
      { reason: { message: 'cut' } },
      { reason: { message: 'cut' } },
    ]);
    const again = read(shared('shop', signal), []);
    await sleep(5);
    expect(state.opened).toBe(2);
    state.end();
    await again;
  });
});

const at = (ms: number) => new Date(Date.now() + ms).toISOString();
const router = (ms: number, rest: string, first = 'at=info') =>
  `${at(ms)} heroku[router]: ${first} method=GET path="/" dyno=web.1 connect=0ms ${rest}`;
const prober = {
  ask: async () => ({ sentAt: steadyNow() - 30, receivedAt: steadyNow(), status: 503, version: { release: 41 } }),
};

describe('how an app was before', () => {
  it('is counted from its log, as far back as that goes, and from a probe each second', async () => {
    const { state, openLog } = sessions();
    const before = listenBefore({
      ...{ app: 'shop', url: 'http://shop.test/', probe: DEFAULT_PROBE, live: 41 },
      ...{ openLog, prober, marks: createMarks(), warn: () => {} },
    });
    await sleep(5);
    state.say(router(-60_000, 'service=40ms status=200'));
    state.say(`${at(-30_000)} heroku[worker.1]: Error R14 (Memory quota exceeded)`);
    state.say(router(-1_000, 'service=40ms status=503', 'at=error code=H13'));
    await expect.poll(() => before.sample().requests).toBe(2);
    const { from, to, ...rest } = before.sample();
    expect(rest).toMatchObject({ failures: { H13: 1 }, memory: { 'worker R14': 1 }, probes: 1, failed: 1 });
    expect(((to ?? 0) - (from ?? 0)) / 1000).toBeCloseTo(59, 0);
    before.stop();
    await expect.poll(() => state.open).toBe(0);
  });

  it('is not what a release did that nobody has noticed yet', async () => {
    const { state, openLog } = sessions();
    const before = listenBefore({
      ...{ app: 'shop', url: 'http://shop.test/', probe: DEFAULT_PROBE, live: 41 },
      ...{ openLog, prober, marks: createMarks(), warn: () => {} },
    });
    const crash = (ms: number) => `${at(ms)} heroku[worker.1]: State changed from up to crashed`;
    await sleep(5);
    state.say(`${at(-50_000)} app[api]: Release v41 created by user ann@example.com`);
    state.say(crash(-40_000));
    state.say(`${at(-3_000)} app[api]: Release v42 created by user ann@example.com`);
    state.say(crash(-2_000));
    // Old web dynos serve on.
    state.say(router(-1_000, 'service=40ms status=200'));
    await expect.poll(() => before.sample().requests).toBe(1);
    expect(before.sample().crashes).toEqual({ worker: 1 });
    before.stop();
  });

  it('is heard over the session that the watch goes on with', async () => {
    const { state, openLog } = sessions();
    const watcher = createWatcher({
      heroku: { openLog, dynos: async () => [], releases: async () => [] },
      prober,
      store: { load: async () => null, save: async () => {} },
      log: pino({ level: 'silent' }),
    });
    const app = { deploy: 'd1', app: 'shop', url: 'http://shop.test/', probe: DEFAULT_PROBE };
    watcher.begin({ ...app, live: 41 });
    watcher.begin({ ...app, live: 41 });
    await sleep(5);
    state.say(router(-2_000, 'service=40ms status=200'));
    await expect.poll(() => watcher.before('d1')?.requests).toBe(1);
    const goal: Goal = {
      ...{ ours: 42, slug: 'new', commit: null, oldCommit: null, oldWeb: ['web.1'], web: 1 },
      ...{ releasedAt: Date.now() - 1_500, windowMs: 180_000, before: watcher.before('d1') },
    };
    const following = watcher.follow({ ...app, goal });
    await following.when(watch => watch.logOpen, AbortSignal.timeout(2_000));
    expect(watcher.before('d1')).toBeNull();
    state.say(router(0, 'service=70ms status=200'));
    await following.when(({ health }) => health.window.requests === 1, AbortSignal.timeout(2_000));
    expect(state.opened).toBe(1);
    watcher.forget('d1');
    await expect.poll(() => state.open).toBe(0);
  });
});
