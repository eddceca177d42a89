import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { describe, it, vi } from 'vitest';
import { steadyNow } from '../src/adapters/clock.ts';
import { createWatcher } from '../src/adapters/watcher.ts';
import { DEFAULT_PROBE, type Version } from '../src/domain/app.ts';
import { beginWatch, type Goal, type Phase, type Watch } from '../src/domain/watch.ts';
import type { Answer, Dyno, Release } from '../src/outside.ts';

// What a watch asks of the world and when, with a world of a few lines; the whole proof is in watcher.test.ts.

const dyno = (name: string, release: number, state = 'up'): Dyno => ({
  name,
  type: 'web',
  command: 'node server.js',
  state,
  release,
  createdAt: '',
});
const line = (text: string, from = 'heroku[web.1]', at = Date.now()) =>
  `${new Date(at).toISOString()} ${from}: ${text}`;
const FAILED_REQUEST =
  'at=error code=H12 desc="Request timeout" method=GET path="/" dyno=web.1 service=30001ms status=503';

function world() {
  const now = Date.now();
  const goal: Goal = {
    ...{ ours: 2, slug: 's2', commit: null, oldCommit: null, oldWeb: ['web.1'], web: 1 },
    ...{ releasedAt: now, windowMs: 180_000 },
  };
  const seen = {
    asked: [] as number[],
    marks: [] as string[],
    lists: [] as { what: 'dynos' | 'releases'; at: number }[],
    sessions: [] as { log: PassThrough; at: number }[],
    saves: [] as { watch: Watch; at: number }[],
    warned: [] as string[],
  };
  const world = {
    ...{ goal, seen, now },
    dynos: async (): Promise<Dyno[]> => [dyno('web.1', 2)],
    releases: async (): Promise<Release[]> => [],
    version: { release: 1 } as Version,
    answerMs: 0,
    load: async (): Promise<Watch | null> => null,
    save: async (watch: Watch): Promise<void> => void seen.saves.push({ watch, at: Date.now() - now }),
    /** What a session says as it opens; null: it cannot be opened. */
    replay: (): string[] | null => [line('hats', 'app[web.1]')],
    endsAtOnce: false,
  };
  const watcher = createWatcher({
    heroku: {
      dynos: () => {
        seen.lists.push({ what: 'dynos', at: Date.now() - now });
        return world.dynos();
      },
      releases: () => {
        seen.lists.push({ what: 'releases', at: Date.now() - now });
        return world.releases();
      },
      openLog: async function* (_, signal) {
        const log = new PassThrough({ objectMode: true });
        seen.sessions.push({ log, at: Date.now() - now });
        const first = world.replay();
        if (!first) throw new Error('no session');
        for (const said of first) log.write(said);
        if (world.endsAtOnce) log.end();
        signal.addEventListener('abort', () => log.destroy());
        yield* log;
      },
    },
    prober: {
      ask: async (_url, _probe, signal, mark = ''): Promise<Answer> => {
        const sentAt = steadyNow();
        seen.marks.push(mark);
        seen.asked.push(sentAt - now);
        if (world.answerMs > 0) await sleep(world.answerMs, undefined, { signal });
        return { sentAt, receivedAt: steadyNow(), status: 200, version: world.version };
      },
    },
    store: { load: () => world.load(), save: (_, watch) => world.save(watch) },
    log: pino({ level: 'warn' }, { write: said => void seen.warned.push(JSON.parse(said).msg) }),
  });
  const asked = { deploy: 'd1', app: 'shop', url: 'http://shop.test', probe: DEFAULT_PROBE, goal };
  const follow = () => watcher.follow(asked);
  /** Follows until the phase, giving the phases on the way. */
  const told: { phase: Phase; at: number }[] = [];
  const until = async (kind: Phase['kind'], ms = 15_000) => {
    const onPhase = async (phase: Phase) => void told.push({ phase, at: Date.now() - now });
    await follow().until(phase => phase.kind === kind, onPhase, AbortSignal.timeout(ms));
    return told.map(({ phase }) => phase.kind);
  };
  return Object.assign(world, { watcher, asked, follow, until, told });
}

const until = async (isTrue: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 1_000; tries++) {
    if (isTrue()) return;
    await sleep(10);
  }
  throw new Error('It never came to that');
};

describe.concurrent('a watch', () => {
  it('asks Heroku only what is in question: nothing is read at intervals', async ({ expect }) => {
    const { watcher, seen, until: reach } = world();
    await reach('old serves');
    await sleep(8_000);
    watcher.forget('d1');
    expect(seen.lists.map(({ what }) => what).sort()).toEqual(['dynos', 'releases']);
    expect(seen.sessions).toHaveLength(1);
  });

  it('asks before it says that nothing was proved, though nobody watched while the window went by', async ({
    expect,
  }) => {
    const it = world();
    const begunAt = it.now - 500_000;
    const goal = { ...it.goal, releasedAt: begunAt };
    it.load = async () => ({ ...beginWatch(goal), begunAt, now: begunAt + 20_000 });
    it.version = { release: 2 };
    await it.until('new serves');
    it.watcher.forget('d1');
    expect(it.told.map(({ phase }) => phase.kind)).not.toContain('not proved');
  });

  it('takes for its own probes only those whose mark it sent', async ({ expect }) => {
    const it = world();
    await it.until('old serves');
    const givenUp = (path: string): string =>
      line(`at=warning code=H27 method=GET path="${path}" connect=0ms service=0ms status=499`, 'heroku[router]');
    const say = (path: string) => it.seen.sessions[0]?.log.write(givenUp(path));
    for (const path of ['/?switchover=x', '/?switchover=0123456789ab', `/?switchover=${it.seen.marks[0]}`, '/'])
      say(path);
    const { window } = await vi.waitFor(() => {
      const { health } = it.follow().watch;
      expect(health.window.requests).toBe(1);
      return health;
    });
    expect(window).toMatchObject({ failed: 1, failures: { H27: 1 } });
    it.watcher.forget('d1');
  });

  it('reads again when a line overtakes the list that was being read', async ({ expect }) => {
    const it = world();
    let reads = 0;
    it.dynos = async () => {
      reads++;
      if (reads > 1) return [dyno('web.1', 2)];
      const made = [dyno('web.1', 2, 'starting')];
      await until(() => it.seen.sessions.length > 0);
      it.seen.sessions[0]?.log.write(line('State changed from starting to up'));
      await sleep(100);
      return made;
    };
    expect(await it.until('old serves', 5_000)).toEqual(['booting', 'old serves']);
    it.watcher.forget('d1');
  });

  it('reads ever more seldom while a question stays open, and at once when it is a new one', async ({ expect }) => {
    const it = world();
    it.releases = async () => [
      {
        ...{ id: 'r3', version: 3, status: 'pending', current: false, description: 'Set X', by: 'a@example.com' },
        ...{ slug: 's2', eligible: false, outputUrl: null, createdAt: '2026-01-01', updatedAt: '2026-01-01' },
      },
    ];
    await it.until('old serves');
    await sleep(8_000);
    const releases = it.seen.lists.filter(({ what }) => what === 'releases');
    expect(releases.length).toBeGreaterThanOrEqual(3);
    expect(releases.length).toBeLessThanOrEqual(5);
    it.watcher.forget('d1');
  });

  it('looks at the lists when the log cannot be had, ever more seldom', async ({ expect }) => {
    const it = world();
    it.replay = () => null;
    await it.until('old serves');
    await sleep(17_500);
    it.watcher.forget('d1');
    const dynos = it.seen.lists.filter(({ what }) => what === 'dynos');
    expect(dynos).toHaveLength(3);
    expect((dynos[1]?.at ?? 0) - (dynos[0]?.at ?? 0)).toBeGreaterThanOrEqual(4_900);
    expect((dynos[2]?.at ?? 0) - (dynos[1]?.at ?? 0)).toBeGreaterThanOrEqual(9_900);
  }, 30_000);

  it('asks little while people are waited for, and nothing at intervals, though the log cannot be had', async ({
    expect,
  }) => {
    const it = world();
    it.replay = () => null;
    await it.until('old serves');
    expect(it.watcher.followSparingly(it.asked)).toBe(it.follow());
    it.watcher.followSparingly(it.asked);
    const before = { asked: it.seen.asked.length, lists: it.seen.lists.length, saves: it.seen.saves.length };
    await sleep(15_500);
    expect(it.seen.asked.length - before.asked).toBeGreaterThanOrEqual(2);
    expect(it.seen.asked.length - before.asked).toBeLessThanOrEqual(4);
    expect(it.seen.lists.length).toBe(before.lists);
    expect(it.seen.saves.length).toBe(before.saves);
    // Once something is in question again, it is as before.
    it.follow();
    await until(() => it.seen.asked.length >= before.asked + 10);
    it.watcher.forget('d1');
  }, 40_000);

  it('is refused to those who only wait for people when twenty do, and given to the next when one has ended', async ({
    expect,
  }) => {
    const it = world();
    const named = (nth: number) => it.watcher.followSparingly({ ...it.asked, deploy: `d${nth}` });
    for (let nth = 1; nth <= 20; nth++) expect(named(nth)).not.toBeNull();
    expect(named(21)).toBeNull();
    expect(named(20)).not.toBeNull();
    it.watcher.forget('d7');
    expect(named(21)).not.toBeNull();
    await until(() => it.seen.sessions.length > 0);
    expect(it.seen.sessions).toHaveLength(1);
    for (let nth = 1; nth <= 21; nth++) it.watcher.forget(`d${nth}`);
  });

  it('opens a log session after each that ends, and not faster when they end at once', async ({ expect }) => {
    const it = world();
    it.endsAtOnce = true;
    await it.until('old serves');
    await sleep(9_000);
    it.watcher.forget('d1');
    const gaps = it.seen.sessions.map(({ at }, nth) => at - (it.seen.sessions[nth - 1]?.at ?? 0)).slice(1);
    expect(gaps.map(gap => Math.round(gap / 1_000))).toEqual([1, 2, 4]);
  }, 30_000);

  it('counts a failed request once, though the next session replays it', async ({ expect }) => {
    const it = world();
    const failed = line(FAILED_REQUEST, 'heroku[router]', Date.now() + 50);
    it.replay = () => [line('hats', 'app[web.1]', it.now), failed];
    await it.until('old serves');
    it.seen.sessions[0]?.log.end();
    await until(() => it.seen.sessions.length > 1);
    it.seen.sessions[1]?.log.write(line(FAILED_REQUEST.replace('H12', 'H13'), 'heroku[router]', Date.now() + 1_000));
    await until(() => it.follow().watch.failures.H13 === 1);
    expect(it.follow().watch.failures).toEqual({ H12: 1, H13: 1 });
    it.watcher.forget('d1');
  });

  it('knows that the log is open again only when the new session says something', async ({ expect }) => {
    const it = world();
    await it.until('old serves');
    await until(() => it.follow().watch.logOpen);
    it.replay = () => [];
    it.seen.sessions[0]?.log.end();
    await until(() => it.seen.sessions.length > 1);
    expect(it.follow().watch.logOpen).toBe(false);
    it.seen.sessions[1]?.log.write(line('hats', 'app[web.1]'));
    await until(() => it.follow().watch.logOpen);
    it.watcher.forget('d1');
  });

  it('asks the app only when the log is open, or cannot be had', async ({ expect }) => {
    const it = world();
    it.replay = () => [];
    it.follow();
    await until(() => it.seen.sessions.length > 0);
    await sleep(1_500);
    expect(it.seen.asked).toEqual([]);
    it.seen.sessions[0]?.log.write(line('hats', 'app[web.1]'));
    await until(() => it.seen.asked.length > 0);
    it.watcher.forget('d1');
  });

  it('asks the app once a second, and five times after the first new answer, however slow it is', async ({
    expect,
  }) => {
    const it = world();
    it.answerMs = 1_500;
    await it.until('old serves');
    await until(() => it.seen.asked.length >= 4);
    expect((it.seen.asked[3] ?? 0) - (it.seen.asked[0] ?? 0)).toBeGreaterThan(2_900);
    it.version = { release: 2 };
    await it.until('mixed');
    const from = it.seen.asked.length;
    await until(() => it.seen.asked.length > from + 5);
    const tookMs = (it.seen.asked[from + 5] ?? 0) - (it.seen.asked[from] ?? 0);
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(3_000);
    it.watcher.forget('d1');
  });

  it('keeps no more than forty questions open', async ({ expect }) => {
    const it = world();
    it.goal.web = 30;
    it.version = { release: 2 };
    await it.until('mixed');
    it.answerMs = 60_000;
    await sleep(3_000);
    const open = it.seen.asked.length;
    await sleep(1_000);
    expect(it.seen.asked.length).toBe(open);
    it.watcher.forget('d1');
  });

  it('has kept what it tells before it tells it, and waits for a store that is away', async ({ expect }) => {
    const it = world();
    let away = true;
    const kept = it.save;
    it.save = async watch => (away ? Promise.reject(new Error('away')) : kept(watch));
    const reached = it.until('old serves');
    await sleep(2_500);
    expect(it.told).toEqual([]);
    away = false;
    expect([...new Set(await reached)]).toEqual(['booting', 'old serves']);
    expect(it.seen.saves.some(({ watch }) => watch.booted?.up === 1)).toBe(true);
    it.watcher.forget('d1');
  });

  it('goes on from what was kept, and begins nothing anew while that cannot be read', async ({ expect }) => {
    const it = world();
    let away = true;
    const stored = { ...beginWatch(it.goal), booted: { up: 1, of: 1 }, firstNewAt: it.now };
    it.load = async () => (away ? Promise.reject(new Error('away')) : stored);
    const reached = it.until('mixed');
    await sleep(1_500);
    expect([it.seen.saves, it.seen.asked, it.told]).toEqual([[], [], []]);
    away = false;
    expect(await reached).toEqual(['mixed']);
    it.watcher.forget('d1');
  });

  it('does not go on with a row of answers that another process heard', async ({ expect }) => {
    const it = world();
    const heard = it.now - 60_000;
    const run = { sentAt: heard, receivedAt: heard, answers: 500, logTo: null };
    it.load = async () => ({ ...beginWatch(it.goal), booted: { up: 1, of: 1 }, firstNewAt: heard, run });
    it.version = { release: 2 };
    expect(await it.until('new serves')).toEqual(['mixed', 'new serves']);
    const phase = it.told.at(-1)?.phase;
    const evidence = phase?.kind === 'new serves' && phase.evidence.by === 'probe' ? phase.evidence : null;
    expect(evidence?.answers).toBeLessThan(100);
    it.watcher.forget('d1');
  });

  it('keeps one state after the other, never an older one after a newer', async ({ expect }) => {
    const it = world();
    let inside = 0;
    let most = 0;
    it.save = async watch => {
      most = Math.max(most, ++inside);
      await sleep(it.seen.saves.length === 0 ? 3_000 : 10);
      it.seen.saves.push({ watch, at: watch.now });
      inside--;
    };
    await it.until('old serves');
    await until(() => it.seen.saves.length >= 4);
    expect(most).toBe(1);
    expect(it.seen.saves.map(({ at }) => at)).toEqual(it.seen.saves.map(({ at }) => at).sort((a, b) => a - b));
    it.watcher.forget('d1');
  });

  it('is fed by nothing any more when it is forgotten, and says so to who waits', async ({ expect }) => {
    const it = world();
    await it.until('old serves');
    const waiting = it.until('old gone');
    await sleep(100);
    it.watcher.forget('d1');
    await expect(waiting).rejects.toThrow('no longer followed');
    const asked = it.seen.asked.length;
    await sleep(2_500);
    expect(it.seen.asked.length).toBe(asked);
    expect(it.seen.sessions[0]?.log.destroyed).toBe(true);
  });

  it('is left at once by who parks, and goes on', async ({ expect }) => {
    const it = world();
    await it.until('old serves');
    await expect(it.until('old gone', 200)).rejects.toThrow('timeout');
    const asked = it.seen.asked.length;
    await until(() => it.seen.asked.length > asked);
    it.watcher.forget('d1');
  });

  it('takes the word of a person who looked', async ({ expect }) => {
    const it = world();
    await it.until('old serves');
    it.follow().checked('U1');
    await it.until('new serves', 2_000);
    expect(it.told.at(-1)?.phase).toMatchObject({ evidence: { by: 'person', user: 'U1' } });
    it.watcher.forget('d1');
  });
});

describe("a watch whose computer's clock jumps an hour forward, and back", () => {
  it('proves nothing by that, and is not kept from proving', async ({ expect, onTestFinished }) => {
    const it = world();
    it.version = { release: 2 };
    const served = it.until('new serves');
    const watch = () => it.follow().watch;
    await until(() => (watch().run?.answers ?? 0) >= 10);
    const real = Date.now;
    onTestFinished(() => void vi.restoreAllMocks());
    vi.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
    await sleep(300);
    expect(watch().served).toBe(null);
    vi.restoreAllMocks();
    await served;
    const evidence = watch().served?.evidence;
    expect(evidence?.by === 'probe' && evidence.spanMs).toBeGreaterThanOrEqual(2_500);
    expect(watch().now - real()).toBeLessThan(1_000);
    it.watcher.forget('d1');
  });
});
