import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../src/domain/log-line.ts';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Goal, type Observation, probesPerSecond, type Watch } from '../src/domain/watch.ts';

const goal: Goal = {
  ours: 42,
  slug: 'new',
  commit: 'b'.repeat(40),
  oldCommit: 'a'.repeat(40),
  oldWeb: ['web.1', 'web.2'],
  web: 2,
  releasedAt: 1_000_000,
  windowMs: 30_000,
};

const t = (ms: number): number => goal.releasedAt + ms;
const answer = (ms: number, release: number, tookMs = 20): Observation => ({
  kind: 'answer',
  sentAt: t(ms),
  receivedAt: t(ms + tookMs),
  status: 200,
  version: { release },
});
type Timeless = { [K in LogEvent['kind']]: Omit<Extract<LogEvent, { kind: K }>, 'at'> }[LogEvent['kind']];
const line = (ms: number, event: Timeless) =>
  ({ kind: 'line', at: t(ms), event: { ...event, at: t(ms) } as LogEvent }) satisfies Observation;
const sigterm = (ms: number, dyno: string) => line(ms, { kind: 'sigterm', dyno });
const state = (ms: number, dyno: string, from: string, to: string) => line(ms, { kind: 'state', dyno, from, to });
const exited = (ms: number, dyno: string) => line(ms, { kind: 'exited', dyno, status: 143 });
const listed = (
  ms: number,
  state = 'up',
  extra: { name: string; type: string; state: string; release: number }[] = [],
) =>
  ({
    kind: 'dynos',
    at: t(ms),
    dynos: [...['web.1', 'web.2'].map(name => ({ name, type: 'web', state, release: 42 })), ...extra],
  }) satisfies Observation;
const logOpened = (ms: number, oldest: number | null = -5_000): Observation => ({
  kind: 'log opened',
  at: t(ms),
  oldest: oldest === null ? null : t(oldest),
});
const released = (ms: number, version: number, slug: string, what = 'Set A config vars'): Observation => ({
  kind: 'releases',
  at: t(ms),
  releases: [{ version, slug, status: 'succeeded', by: 'jo@example.com', what, at: t(ms) }],
});
const every = (step: number, from: number, to: number, release: number): Observation[] =>
  Array.from({ length: Math.floor((to - from) / step) }, (_, i) => answer(from + i * step, release));

const watchOf = (...seen: Observation[]): Watch => seen.reduce(observe, beginWatch(goal));
const phase = (...seen: Observation[]) => phaseOf(watchOf(...seen));

describe('what serves', () => {
  it('is the old code while new dynos boot, and still when all are up', () => {
    expect(phase(listed(1_000, 'starting'))).toEqual({ kind: 'booting', up: 0, of: 2 });
    expect(phase(listed(4_000), ...every(1_000, 4_000, 20_000, 41))).toEqual({
      kind: 'old serves',
      expectedSwitch: t(30_000),
    });
  });

  it('is new code only after enough new answers in a row over more than the routers may differ', () => {
    expect(phase(listed(4_000), ...every(200, 30_000, 32_400, 42)).kind).toBe('mixed');
    expect(phase(listed(4_000), ...every(200, 30_000, 32_800, 42))).toMatchObject({
      kind: 'new serves',
      evidence: { by: 'probe', answers: 14 },
    });
  });

  it('needs more answers when there are more dynos', () => {
    const many = beginWatch({ ...goal, web: 40 });
    const seen = [listed(4_000), ...every(100, 30_000, 35_000, 42)].reduce(observe, many);
    expect(phaseOf(seen).kind).toBe('mixed');
    expect(probesPerSecond(seen)).toBe(24);
  });

  it('begins anew when an old answer comes between', () => {
    const mixed = [...every(200, 30_000, 32_000, 42), answer(32_000, 41), ...every(200, 32_200, 34_600, 42)];
    expect(phase(listed(4_000), ...mixed).kind).toBe('mixed');
    expect(phase(listed(4_000), ...mixed, ...every(200, 34_600, 35_200, 42)).kind).toBe('new serves');
  });

  it('is not doubted for an old answer that was asked for before the switch and came late', () => {
    const late = answer(29_000, 41, 5_000);
    expect(phase(listed(4_000), ...every(200, 30_000, 32_800, 42), late).kind).toBe('new serves');
  });

  it('is taken back when old code answers again', () => {
    expect(phase(listed(4_000), ...every(200, 30_000, 32_800, 42), answer(33_500, 41))).toEqual({
      kind: 'mixed',
      corrected: true,
    });
  });

  it('counts a commit only when old and new commit differ', () => {
    const commits = every(200, 30_000, 33_000, 0).map(
      seen => ({ ...seen, version: { commit: 'bbbbbbb' } }) as Observation,
    );
    expect(phase(listed(4_000), ...commits).kind).toBe('new serves');
    const same = beginWatch({ ...goal, oldCommit: goal.commit });
    expect(phaseOf([listed(4_000), ...commits].reduce(observe, same)).kind).toBe('old serves');
  });

  it('is never said by the clock alone', () => {
    const waiting = [logOpened(100), listed(4_000), { kind: 'time', at: t(119_000) } satisfies Observation];
    expect(phase(...waiting).kind).toBe('old serves');
    expect(phase(...waiting, { kind: 'time', at: t(121_000) })).toMatchObject({
      kind: 'not proved',
      missing: 'new serves',
    });
  });
});

describe('a switchover that only the log can tell', () => {
  const quiet = [logOpened(100), listed(4_000)];

  it('is told by the first SIGTERM of a dyno that the list does not show, and the skew after it', () => {
    expect(phase(...quiet, sigterm(31_000, 'web.1')).kind).toBe('old serves');
    expect(phase(...quiet, sigterm(31_000, 'web.1'), { kind: 'time', at: t(36_000) })).toMatchObject({
      kind: 'new serves',
      evidence: { by: 'logs', dyno: 'web.1' },
    });
  });

  it('is not told by a stop that the dyno list shows too', () => {
    const stopped = [state(31_500, 'web.1', 'up', 'down'), sigterm(31_000, 'web.1')];
    expect(phase(...quiet, ...stopped, { kind: 'time', at: t(36_000) }).kind).toBe('old serves');
  });

  it('is not told when the log was not read since the release', () => {
    const late = [logOpened(10_000, 9_000), listed(12_000), sigterm(31_000, 'web.1')];
    expect(phase(...late, { kind: 'time', at: t(36_000) }).kind).toBe('old serves');
  });

  it('is not told when somebody restarted or released in the window', () => {
    const restarted = line(8_000, { kind: 'restarting', dyno: 'web.1' });
    expect(phase(...quiet, restarted, sigterm(31_000, 'web.1'), { kind: 'time', at: t(36_000) }).kind).toBe(
      'old serves',
    );
  });
});

describe('old code is gone', () => {
  const served = [logOpened(100), listed(4_000), answer(29_900, 41), ...every(200, 30_000, 32_800, 42)];
  const drained = [
    sigterm(33_000, 'web.1'),
    sigterm(33_100, 'web.2'),
    exited(33_500, 'web.1'),
    exited(34_000, 'web.2'),
  ];

  it('when each old dyno had its SIGTERM and exit and no dyno of an older release is listed', () => {
    expect(phase(...served, ...drained).kind).toBe('new serves');
    expect(watchOf(...served, ...drained).asks.dynos).toBe(true);
    expect(phase(...served, ...drained, listed(35_000))).toMatchObject({ kind: 'old gone', dynos: ['web.1', 'web.2'] });
  });

  it('whatever the order of the lines, and however often they come', () => {
    const shuffled = [...drained].reverse();
    expect(phase(...served, ...shuffled, ...drained, listed(35_000)).kind).toBe('old gone');
  });

  it('only when the grace is over where an exit was not seen', () => {
    const noExit = [sigterm(33_000, 'web.1'), sigterm(33_000, 'web.2')];
    expect(phase(...served, ...noExit, listed(40_000)).kind).toBe('new serves');
    expect(phase(...served, ...noExit, listed(65_100)).kind).toBe('old gone');
  });

  it('not while a worker, a one-off or a scheduled job runs an older release', () => {
    const older = [{ name: 'run.77', type: 'run', state: 'up', release: 41 }];
    expect(phase(...served, ...drained, listed(35_000, 'up', older)).kind).toBe('new serves');
    expect(phase(...served, ...drained, listed(35_000, 'up', older), listed(50_000)).kind).toBe('old gone');
  });

  it('not when the log has a gap since the switch, and it says so', () => {
    const gap = [...served, logOpened(40_000, 39_000), ...drained, listed(41_000)];
    expect(phase(...gap).kind).toBe('new serves');
    expect(phase(...gap, { kind: 'time', at: t(230_000) })).toMatchObject({
      kind: 'not proved',
      missing: 'old gone',
      known: expect.arrayContaining(['The log has a gap since the switch.']),
    });
  });

  it('when a broken log session is followed by one that replays what was missed', () => {
    const rejoined = [...served, logOpened(40_000, 20_000), ...drained, listed(41_000)];
    expect(phase(...rejoined).kind).toBe('old gone');
  });
});

describe('trouble in the window', () => {
  it('is a crash of the new dynos when they crash while they start', () => {
    const crash = [state(3_000, 'web.1', 'starting', 'crashed'), listed(3_200, 'starting')];
    expect(phase(logOpened(100), ...crash)).toEqual({
      kind: 'crashed',
      dyno: 'web.1',
      what: 'crashed while it started',
    });
  });

  it('is not ours when an old dyno of the same name crashed', () => {
    const old = [state(1_000, 'web.1', 'up', 'crashed'), listed(1_200, 'starting')];
    expect(phase(logOpened(100), ...old).kind).toBe('booting');
  });

  it('is not ours when the dynos that this release replaced crashed just before it', () => {
    const before = [state(-300, 'web.1', 'starting', 'crashed'), state(400, 'web.2', 'starting', 'crashed')];
    expect(phase(logOpened(100), ...before, listed(600, 'starting')).kind).toBe('booting');
    expect(watchOf(logOpened(100), listed(50), ...before).asks.dynos).toBe(true);
  });

  it('names the boot timeout', () => {
    const r10 = line(60_000, {
      kind: 'error',
      dyno: 'web.2',
      code: 'R10',
      text: '(Boot timeout) -> Web process failed',
    });
    const seen = [r10, state(60_010, 'web.2', 'starting', 'crashed'), listed(60_100, 'crashed')];
    expect(phase(logOpened(100), ...seen)).toMatchObject({ kind: 'crashed', what: expect.stringContaining('R10') });
  });

  it('ends the watch when somebody releases other code', () => {
    expect(phase(listed(4_000), released(9_000, 43, 'other', 'Deploy 1234abcd'))).toEqual({
      kind: 'superseded',
      version: 43,
      by: 'jo@example.com',
      what: 'Deploy 1234abcd',
    });
  });

  it('begins the window anew when somebody changes the config, whose release then counts as new', () => {
    const changed = [listed(4_000), released(9_000, 43, 'new')];
    expect(phase(...changed).kind).toBe('booting');
    const up = { ...listed(14_000), dynos: listed(0).dynos.map(dyno => ({ ...dyno, release: 43 })) };
    expect(phase(...changed, up)).toEqual({ kind: 'old serves', expectedSwitch: t(39_000) });
    expect(phase(...changed, up, ...every(200, 39_000, 42_000, 43)).kind).toBe('new serves');
  });

  it('asks for the releases when an answer names one that is not known', () => {
    expect(watchOf(released(1_000, 42, 'new'), answer(9_000, 44)).asks.releases).toBe(true);
  });
});

// Generated switchovers: the truth is when the last router flipped and the last old dyno went.
type World = {
  flips: number[];
  drainMs: number;
  exitMs: number[];
  lines: number[];
  gap: { from: number; ms: number } | null;
  probes: { router: number; tookMs: number; routedAt: number; lost: boolean }[];
};

const worlds = (skewMs: number): fc.Arbitrary<World> =>
  fc.record({
    flips: fc.array(fc.integer({ min: 0, max: skewMs }), { minLength: 1, maxLength: 6 }),
    drainMs: fc.integer({ min: 0, max: 71_000 }),
    exitMs: fc.array(fc.integer({ min: 0, max: 29_000 }), { minLength: 2, maxLength: 2 }),
    lines: fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 4, maxLength: 4 }),
    gap: fc.option(fc.record({ from: fc.integer({ min: 0, max: 60_000 }), ms: fc.integer({ min: 1, max: 60_000 }) })),
    probes: fc.array(
      fc.record({
        router: fc.nat(),
        tookMs: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 9_000 })),
        routedAt: fc.double({ min: 0, max: 1, noNaN: true }),
        lost: fc.boolean(),
      }),
      { minLength: 40, maxLength: 40 },
    ),
  });

/** Plays a world to its end; gives when each claim was first made, and when it was true. */
function play(world: World) {
  const flips = world.flips.map(ms => t(30_000 + ms));
  const switched = Math.max(...flips);
  const terms = [switched + world.drainMs, switched + world.drainMs + 50];
  const exits = terms.map((at, i) => at + (world.exitMs[i] ?? 0));
  const gone = Math.max(...exits);
  const queue: { at: number; seen: Observation }[] = [{ at: t(100), seen: logOpened(100) }];
  const gap = world.gap && { from: t(30_000 + world.gap.from), to: t(30_000 + world.gap.from + world.gap.ms) };
  const say = (at: number, delay: number, event: LogEvent) => {
    if (gap && at >= gap.from && at <= gap.to) return;
    queue.push({ at: at + delay, seen: { kind: 'line', at: at + delay, event } });
  };
  for (const [i, dyno] of goal.oldWeb.entries()) {
    say(terms[i] ?? 0, world.lines[i] ?? 0, { kind: 'sigterm', at: terms[i] ?? 0, dyno });
    say(exits[i] ?? 0, world.lines[i + 2] ?? 0, { kind: 'exited', at: exits[i] ?? 0, dyno, status: 143 });
  }
  if (gap) queue.push({ at: gap.from, seen: { kind: 'log closed', at: gap.from } });
  if (gap) queue.push({ at: gap.to, seen: { kind: 'log opened', at: gap.to, oldest: gap.to } });

  let watch = [listed(4_000)].reduce(observe, beginWatch(goal));
  let probeAt = t(20_000);
  let sent = 0;
  const claims: { serves?: number; gone?: number; notProved?: number; corrected?: number } = {};
  for (let now = t(20_000); now < t(400_000) && !claims.gone && !claims.notProved; now += 50) {
    for (; probeAt <= now; probeAt += 1000 / probesPerSecond(watch)) {
      const probe = world.probes[sent++ % world.probes.length];
      if (!probe || probe.lost) continue;
      const routed = probeAt + probe.tookMs * probe.routedAt;
      const release = routed >= (flips[probe.router % flips.length] ?? 0) ? 42 : 41;
      const receivedAt = probeAt + probe.tookMs;
      queue.push({
        at: receivedAt,
        seen: { kind: 'answer', sentAt: probeAt, receivedAt, status: 200, version: { release } },
      });
    }
    const due = queue.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    for (const entry of due) queue.splice(queue.indexOf(entry), 1);
    for (const { seen } of [...due, { seen: { kind: 'time', at: now } satisfies Observation }])
      watch = observe(watch, seen);
    if (watch.asks.dynos) watch = observe(watch, { ...listed(0), at: now });
    const at = phaseOf(watch);
    if (at.kind === 'new serves') claims.serves ??= now;
    if (at.kind === 'old gone') claims.gone ??= now;
    if (at.kind === 'not proved') claims.notProved ??= now;
    if (at.kind === 'mixed' && at.corrected) claims.corrected ??= now;
  }
  return { claims, switched, gone, gap, terms };
}

describe('generated switchovers', () => {
  it('are never announced early and always end, with routers up to 2 s apart, lost and late answers, gaps in the log', () => {
    fc.assert(
      fc.property(worlds(2_000), world => {
        const { claims, switched, gone, gap } = play(world);
        const answers = world.probes.some(probe => !probe.lost);
        if (claims.serves !== undefined) expect(claims.serves).toBeGreaterThanOrEqual(switched);
        if (claims.gone !== undefined) {
          expect(claims.gone).toBeGreaterThanOrEqual(gone);
          expect(gap === null || gap.to <= switched || gap.from > gone).toBe(true);
        }
        expect(claims.corrected).toBeUndefined();
        expect(claims.gone ?? claims.notProved).toBeDefined();
        if (answers && gap === null) expect(claims.gone).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  it('correct themselves when routers differ by more than was assumed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6_000, max: 20_000 }), lateMs => {
        const { claims, switched } = play({
          flips: [0, lateMs],
          drainMs: 5_000,
          exitMs: [100, 100],
          lines: [0, 0, 0, 0],
          gap: null,
          // Long enough on the new router for a false proof, then the old one is asked again.
          probes: Array.from({ length: 40 }, (_, i) => ({
            router: i < 30 ? 0 : 1,
            tookMs: 10,
            routedAt: 0.5,
            lost: false,
          })),
        });
        expect(claims.serves).toBeLessThan(switched);
        expect(claims.corrected).toBeDefined();
        expect(claims.gone).toBeGreaterThan(switched);
      }),
      { numRuns: 50 },
    );
  });
});
