import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../src/domain/log-line.ts';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import {
  beginWatch,
  type Goal,
  type Observation,
  probesPerSecond,
  resumeWatch,
  type Watch,
} from '../src/domain/watch.ts';

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
/** Any line, heard as soon as it was said: the log is known up to then. */
const other = (ms: number) => line(ms, { kind: 'other' });
const api = (ms: number, text: string) => line(ms, { kind: 'api', text: `${text} by user jo@example.com` });
const scaledDown = (ms: number) => [
  api(ms, 'Scaled to web@1:Standard-1X'),
  state(ms, 'web.2', 'up', 'down'),
  ...['web.1', 'web.2', 'web.2'].map((dyno, i) => sigterm(ms + i, dyno)),
];
const dropped = (ms: number) => line(ms, { kind: 'gap' });
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
const logOpened = (ms: number, oldest: number | null = -100_000): Observation => ({
  kind: 'log opened',
  at: t(ms),
  oldest: oldest === null ? null : t(oldest),
});
const released = (ms: number, version: number, slug: string, what = 'Set A config vars'): Observation => ({
  kind: 'releases',
  at: t(ms),
  releases: [{ version, slug, status: 'succeeded', by: 'jo@example.com', what, at: t(ms) }],
});
/** An answer that tells no version. */
const bare = (ms: number, status: number | null = 200): Observation =>
  ({ ...answer(ms, 0), status, version: null }) as Observation;
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
    // Somebody is asked, and sleeps.
    expect(probesPerSecond({ ...seen, now: seen.now + 3_600_000 })).toBe(1);
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

  it('is not proved sooner because something else moved our clock', () => {
    const run = [listed(4_000), ...every(150, 30_000, 32_000, 42)];
    expect(phase(...run, { kind: 'time', at: t(33_000) }).kind).toBe('mixed');
    expect(phase(...run, { ...listed(0), at: t(3_600_000) }).kind).not.toBe('new serves');
    // What an answer proves ends when it was asked for, not when it came.
    expect(phase(...run, answer(32_000, 42, 900)).kind).toBe('mixed');
    expect(phase(...run, answer(32_600, 42)).kind).toBe('new serves');
  });

  it('is not proved by answers of which a former process heard some', () => {
    const kept = watchOf(listed(4_000), ...every(200, 30_000, 31_800, 42));
    const later = resumeWatch(kept, t(40_000));
    expect(phaseOf(observe(later, answer(40_000, 42))).kind).toBe('mixed');
    expect(phaseOf(every(200, 40_000, 42_800, 42).reduce(observe, later)).kind).toBe('new serves');
  });

  it('is asked for as long as it takes after a restart, though the window was long over', () => {
    const kept = watchOf(...every(1_000, 4_000, 20_000, 41), listed(20_000));
    const later = resumeWatch(kept, t(900_000));
    expect(phaseOf(later).kind).toBe('old serves');
    expect(phaseOf(every(200, 900_100, 903_000, 42).reduce(observe, later)).kind).toBe('new serves');
    expect(phaseOf(every(1_000, 900_100, 1_010_000, 41).reduce(observe, later)).kind).toBe('not proved');
    // What was said before is not taken back.
    const given = observe(kept, { kind: 'time', at: t(200_000) });
    expect(phaseOf(given).kind).toBe('not proved');
    expect(phaseOf(resumeWatch(given, t(900_000))).kind).toBe('not proved');
  });

  it('is taken back after a restart too, though the clock of the former process was ahead', () => {
    const ahead = every(200, 3_630_000, 3_632_800, 42).reduce(observe, watchOf(listed(4_000)));
    expect(phaseOf(ahead).kind).toBe('new serves');
    expect(phaseOf(observe(resumeWatch(ahead, t(40_000)), answer(43_000, 41)))).toMatchObject({ corrected: true });
  });

  it.each([
    ['a 5xx', 503],
    ['a page', 200],
  ])('begins anew when %s that tells no version comes between', (_, status) => {
    const run = [...every(200, 30_000, 32_000, 42), bare(32_000, status), ...every(200, 32_200, 34_600, 42)];
    expect(phase(listed(4_000), ...run).kind).toBe('mixed');
    expect(phase(listed(4_000), ...run, ...every(200, 34_600, 35_200, 42))).toMatchObject({
      evidence: { by: 'probe', answers: 14 },
    });
  });

  it('goes on where a question was not answered at all', () => {
    const run = [...every(200, 30_000, 32_000, 42), bare(32_000, null), ...every(200, 32_200, 32_800, 42)];
    expect(phase(listed(4_000), ...run).kind).toBe('new serves');
  });

  it('counts a commit only when old and new commit differ', () => {
    const commits = every(200, 30_000, 33_000, 0).map(
      seen => ({ ...seen, version: { commit: 'bbbbbbb' } }) as Observation,
    );
    expect(phase(listed(4_000), ...commits).kind).toBe('new serves');
    const same = beginWatch({ ...goal, oldCommit: goal.commit });
    expect(phaseOf([listed(4_000), ...commits].reduce(observe, same)).kind).toBe('old serves');
  });

  it('is said not to be known any more when answers stop to tell, and is known again when one does', () => {
    const told = [listed(4_000), ...every(1_000, 4_000, 10_000, 41)];
    const silent = [10_000, 11_000, 12_000, 13_000, 14_000].map(ms => bare(ms));
    expect(phase(...told, ...silent.slice(1))).not.toHaveProperty('silentSince');
    expect(phase(...told, ...silent)).toEqual({
      ...{ kind: 'old serves', expectedSwitch: t(30_000) },
      silentSince: t(10_020),
    });
    expect(phase(...told, ...silent, answer(15_000, 41))).not.toHaveProperty('silentSince');
    const served = [listed(4_000), ...every(200, 30_000, 32_800, 42)];
    expect(phase(...served, ...silent)).toMatchObject({ kind: 'new serves', silentSince: t(10_020) });
    const unproved = phase(...told, ...silent, { kind: 'time', at: t(130_000) });
    expect(unproved).toMatchObject({
      known: expect.arrayContaining([
        'Answers that named a release: 6 from v41.',
        '5 answers named none that could be read, the newest 5 in a row.',
      ]),
    });
  });

  it('is not known from the first answer on where answers never tell', () => {
    expect(phase(listed(4_000), bare(5_000))).toMatchObject({ kind: 'old serves', silentSince: t(5_020) });
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
  const up = ['web.1', 'web.2'].map(dyno => state(3_900, dyno, 'starting', 'up'));
  const quiet = [logOpened(100), ...up, listed(4_000), released(0, 42, 'new')];
  const later = [other(36_000), listed(36_100)];

  it('is told by the first SIGTERM of a dyno that the list does not show, and the skew after it', () => {
    expect(phase(...quiet, sigterm(31_000, 'web.1')).kind).toBe('old serves');
    expect(phase(...quiet, sigterm(31_000, 'web.1'), ...later)).toMatchObject({
      kind: 'new serves',
      evidence: { by: 'logs', dyno: 'web.1' },
    });
  });

  it('is told only when a list made afterwards shows the same dynos', () => {
    const asking = watchOf(...quiet, sigterm(31_000, 'web.1'), other(36_000));
    expect(asking.asks.dynos).toBe(true);
    expect(phaseOf(asking).kind).toBe('old serves');
    const fewer = { ...listed(36_100), dynos: listed(0).dynos.slice(0, 1) };
    expect(phaseOf(observe(asking, fewer)).kind).not.toBe('new serves');
  });

  it('is not told by our clock: only the log says how late it is at Heroku', () => {
    expect(phase(...quiet, sigterm(31_000, 'web.1'), listed(50_000)).kind).toBe('old serves');
  });

  it('is not told by a stop that the dyno list shows too', () => {
    const stopped = [state(31_500, 'web.1', 'up', 'starting'), sigterm(31_000, 'web.1')];
    expect(phase(...quiet, ...stopped, ...later).kind).toBe('old serves');
  });

  it('is not told when the log was not read since the release', () => {
    const late = [logOpened(10_000, 9_000), ...quiet.slice(1), sigterm(31_000, 'web.1')];
    expect(phase(...late, ...later).kind).toBe('old serves');
  });

  it('is not told where somebody may have restarted it before the release, since the log does not go back so far', () => {
    const short = [logOpened(100, -5_000), ...quiet.slice(1), sigterm(31_000, 'web.1'), ...later];
    expect(phase(...short).kind).toBe('old serves');
    expect(
      phase(...short.slice(0, 1), { kind: 'log whole', at: t(150), oldest: t(-5_000) }, ...short.slice(1)).kind,
    ).toBe('new serves');
  });

  it('takes no log for whole whose lines Heroku has lost, also of a watch that an older bot kept', () => {
    const whole = (oldest: number): Observation => ({ kind: 'log whole', at: t(50_000), oldest: t(oldest) });
    const first = [logOpened(100, 50), other(20_000), whole(50)];
    expect(watchOf(...first).logFrom).toBe(0);
    const lost = [...first, logOpened(45_000, 40_000), whole(40_000)];
    expect(watchOf(...lost).logFrom).toBe(t(40_000));
    expect(watchOf(...lost, logOpened(60_000, 40_000), whole(40_000)).logFrom).toBe(t(40_000));
    const { logTorn: _, ...old } = watchOf(...first);
    const resumed = [logOpened(45_000, 40_000), whole(40_000)].reduce(observe, resumeWatch(old as Watch, t(44_000)));
    expect(resumed.logFrom).toBe(t(40_000));
  });

  it('is not told before it is known which releases came before ours', () => {
    const unknown = [logOpened(100), ...up, listed(4_000)];
    expect(phase(...unknown, sigterm(31_000, 'web.1'), ...later).kind).toBe('old serves');
  });

  it('is not told when lines of the log were dropped', () => {
    expect(phase(...quiet, dropped(20_000), sigterm(31_000, 'web.1'), ...later).kind).toBe('old serves');
  });

  it.each([
    ['restarted', [line(8_000, { kind: 'restarting', dyno: 'web.1' })]],
    [
      'restarted before the release, which leaves a hidden dyno for minutes',
      [line(-60_000, { kind: 'restarting', dyno: 'web.1' })],
    ],
    ['saw it crash just before the release', [state(-10, 'web.1', 'up', 'crashed')]],
    ['scaled down', scaledDown(20_000)],
    ['scaled down, and only the dynos say so', scaledDown(20_000).slice(1)],
    ['scaled', [api(20_000, 'Scaled to web@3:Standard-1X')]],
    ['released', [released(8_000, 43, 'new'), listed(12_000)]],
  ])('is not told when somebody %s', (_, disturbance) => {
    const seen = [logOpened(100), ...disturbance, ...quiet.slice(1), sigterm(31_000, 'web.1'), ...later];
    expect(phase(...seen).kind).not.toBe('new serves');
  });

  it('is asked of the lists when somebody scales or stops dynos', () => {
    expect(watchOf(...quiet).asks).toEqual({ dynos: false, releases: false });
    for (const said of scaledDown(20_000).slice(0, 2)) {
      expect(watchOf(...quiet, said).asks).toEqual({ dynos: true, releases: true });
    }
  });

  it('is not told by dynos of the release before, which are stopped while ours boot', () => {
    const undone = [sigterm(900, 'web.1'), sigterm(950, 'web.2'), exited(1_500, 'web.1'), exited(1_600, 'web.2')];
    const booted = [logOpened(100), ...undone, ...quiet.slice(1)];
    expect(phase(...booted, other(20_000), listed(20_100)).kind).toBe('old serves');
    expect(phase(...booted, sigterm(31_000, 'web.1'), ...later)).toMatchObject({ evidence: { at: t(31_000) } });
  });

  it('is not told where the release before ours may have switched just now, so that what it hid is stopped', () => {
    const before = [40, 41].map(version => {
      const [at, slug] = [t(version === 41 ? -32_000 : -900_000), `s${version}`];
      return { version, slug, status: 'succeeded', by: 'jo@example.com', what: 'Deploy', at };
    });
    const releases = { kind: 'releases', at: t(300), releases: before } satisfies Observation;
    expect(phase(...quiet, releases, sigterm(9_000, 'web.1'), ...later).kind).toBe('old serves');
  });
});

describe('old code is gone', () => {
  const served = [logOpened(100), other(29_800), listed(4_000), answer(29_900, 41), ...every(200, 30_000, 32_800, 42)];
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
    expect(phase(...served, ...noExit, other(40_000), listed(65_100)).kind).toBe('new serves');
    expect(phase(...served, ...noExit, other(65_050), listed(65_100)).kind).toBe('old gone');
  });

  it('not when the exit may be that of another dyno of its name', () => {
    const scaled = [state(33_050, 'web.2', 'up', 'down'), sigterm(33_060, 'web.2')];
    expect(phase(...served, ...drained, ...scaled, listed(35_000)).kind).toBe('new serves');
    const crash = [exited(33_300, 'web.1'), state(33_310, 'web.1', 'up', 'crashed')];
    const early = [sigterm(33_000, 'web.1'), sigterm(33_100, 'web.2'), exited(34_000, 'web.2')];
    expect(phase(...served, ...early, ...crash, listed(35_000)).kind).toBe('new serves');
  });

  it('not by a SIGTERM that came while the new dyno of that name still booted', () => {
    const booting = [sigterm(2_000, 'web.1'), sigterm(2_000, 'web.2'), exited(3_000, 'web.1'), exited(3_000, 'web.2')];
    const up = ['web.1', 'web.2'].map(dyno => state(3_900, dyno, 'starting', 'up'));
    const seen = [logOpened(100), other(900), answer(1_000, 41), ...booting, ...up];
    expect(phase(...seen, ...every(200, 30_000, 32_800, 42), listed(35_000)).kind).toBe('new serves');
  });

  it('not while a worker, a one-off or a scheduled job runs an older release', () => {
    const older = [{ name: 'run.77', type: 'run', state: 'up', release: 41 }];
    expect(phase(...served, ...drained, listed(35_000, 'up', older)).kind).toBe('new serves');
    expect(phase(...served, ...drained, listed(35_000, 'up', older), listed(50_000)).kind).toBe('old gone');
  });

  it('also to somebody who came after the switch, and so heard no old answer', () => {
    const late = [...every(200, 90_000, 92_800, 42), logOpened(92_900), ...drained, other(93_000)];
    const known = released(0, 42, 'new');
    expect(phase(...late, listed(94_000)).kind).toBe('new serves');
    expect(phase(known, ...late, listed(94_000)).kind).toBe('old gone');
    const restarted = line(20_000, { kind: 'restarting', dyno: 'web.1' });
    expect(phase(known, restarted, ...late, listed(94_000)).kind).toBe('new serves');
  });

  it('only when no restart that nobody knows of can have left a dyno, where the log does not go back so far', () => {
    const short = [logOpened(100, -5_000), ...served.slice(1), ...drained];
    expect(phase(...short, other(74_000), listed(74_100)).kind).toBe('new serves');
    expect(phase(...short, other(76_000), listed(76_100)).kind).toBe('old gone');
    const dropped = [...short, { kind: 'time', at: t(230_000) } as const];
    expect(phase(...dropped).kind).toBe('not proved');
  });

  it('is read of the log once more before a restarted bot says that it could not be proved', () => {
    const away = resumeWatch(watchOf(...served), t(400_000));
    expect(phaseOf(away).kind).toBe('new serves');
    const replayed = [logOpened(401_000), ...drained, other(401_500), listed(402_000)];
    expect(phaseOf(replayed.reduce(observe, away)).kind).toBe('old gone');
    expect(phaseOf(observe(away, { kind: 'time', at: t(416_000) })).kind).toBe('not proved');
    const told = resumeWatch(watchOf(...served, { kind: 'time', at: t(230_000) }), t(400_000));
    expect(phaseOf(told).kind).toBe('not proved');
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

  it('not when lines were dropped since the switch', () => {
    expect(phase(...served, dropped(32_900), ...drained, listed(35_000)).kind).toBe('new serves');
    expect(phase(...served, ...drained, listed(35_000)).kind).toBe('old gone');
  });

  it('whatever our clock says, for it is not compared with those of Heroku', () => {
    const ours = [answer(29_900, 41), ...every(200, 30_000, 32_800, 42)].map(seen => {
      const [sentAt, receivedAt] = seen.kind === 'answer' ? [seen.sentAt + 3_600_000, seen.receivedAt + 3_600_000] : [];
      return { ...seen, sentAt, receivedAt } as Observation;
    });
    const list = { ...listed(0), at: t(3_635_000) };
    const seen = [
      { ...logOpened(100), at: t(3_600_100) } as Observation,
      other(29_800),
      { ...listed(0), at: t(3_604_000) },
    ];
    expect(phase(...seen, ...ours, ...drained, list).kind).toBe('old gone');
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

  it('is not ours when an old dyno that crashes is started anew, and crashes again', () => {
    const old = [
      state(2_000, 'web.1', 'up', 'crashed'),
      state(2_100, 'web.1', 'crashed', 'starting'),
      state(3_000, 'web.1', 'starting', 'crashed'),
    ];
    expect(phase(logOpened(100), ...old, listed(3_200, 'starting')).kind).toBe('booting');
    const up = [...old.slice(0, 2), state(3_000, 'web.1', 'starting', 'up'), state(4_000, 'web.1', 'up', 'crashed')];
    expect(phase(logOpened(100), ...up, listed(4_200, 'starting')).kind).toBe('booting');
    // The dyno list shows new ones only.
    expect(phase(logOpened(100), ...old, listed(3_200, 'crashed'))).toMatchObject({ kind: 'crashed', dyno: 'web.1' });
  });

  it('is not ours when the dynos that this release replaced crashed just before it', () => {
    // Heroku's machines do not agree about the time.
    const before = [state(-300, 'web.1', 'starting', 'crashed'), state(2_400, 'web.2', 'starting', 'crashed')];
    expect(phase(logOpened(100), ...before, listed(2_600, 'starting')).kind).toBe('booting');
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
      at: t(9_000),
    });
  });

  it('counts answers of other code as what they are, and not as silent', () => {
    const { answers } = watchOf(released(9_000, 43, 'other'), answer(10_000, 43));
    expect(answers).toMatchObject({ byRelease: { v43: 1 }, new: 0, old: 0, silent: 0 });
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
