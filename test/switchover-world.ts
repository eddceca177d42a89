import fc from 'fast-check';
import type { LogEvent } from '../src/domain/log-line.ts';
import type { Goal, Observation, SeenDyno, SeenRelease } from '../src/domain/watch.ts';

// Preboot on paper: what Heroku does when a release meets restarts, scaling, crashes and other releases, with all that
// can be seen of it, and the truth. Times are ms since the release of v42, whose switch the tests watch.

export const goal: Goal = {
  ours: 42,
  slug: 'new',
  commit: 'b'.repeat(40),
  oldCommit: 'a'.repeat(40),
  oldWeb: ['web.1', 'web.2'],
  web: 2,
  releasedAt: 1_000_000_000,
  windowMs: 180_000,
};
export const t = (ms: number): number => goal.releasedAt + ms;

/**
 * What somebody does meanwhile. A `restart` tells `Restarting` or not: real logs of one in a window are not known. Heroku
 * itself relocates: without preboot, and with a SIGTERM 46.8 s later (log of 2020-12-03), or none (help.heroku.com/KR6BGO6A).
 */
type Act =
  | 'restart all'
  | 'restart one'
  | 'restart quietly'
  | 'scale down'
  | 'scale up'
  | 'set config'
  | 'crash'
  | 'relocate';

export type World = {
  /** Whether answers say which release gave them. */
  tells: boolean;
  /** How far our clock is ahead of Heroku's. */
  aheadMs: number;
  acts: { at: number; act: Act }[];
  /** How long before ours the release of v41 was, if that was short: it has not switched, or what it replaced still drains. */
  previousMs: number | null;
  bootMs: number[];
  /** When each router changes over, after the end of the window. */
  flips: number[];
  drainMs: number;
  exitMs: number[];
  leaveMs: number;
  /** How late lines come, by process; those of one process stay in order. */
  lateMs: number[];
  /** `from`: since the log was opened. */
  gap: { from: number; ms: number; how: 'session' | 'overflow' } | null;
  /** When somebody begins to watch, and how much later the log is open, which replays all: a bot may come late. */
  comesAt: number;
  logAfterMs: number;
  probes: { router: number; tookMs: number; routedAt: number; fate: 'answered' | 'lost' | 'failed' | 'bare' }[];
};

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const many = (of: fc.Arbitrary<number>, length: number) => fc.array(of, { minLength: length, maxLength: length });
const whenever = fc.oneof(
  fc.integer({ min: -400_000, max: -1 }),
  fc.integer({ min: 1, max: 15_000 }),
  fc.integer({ min: 15_000, max: 180_000 }),
  fc.integer({ min: 178_000, max: 270_000 }),
);

export const worlds = (skewMs: number): fc.Arbitrary<World> =>
  fc.record({
    tells: fc.boolean(),
    aheadMs: fc.constantFrom(0, 0, 3_600_000, -3_600_000),
    acts: fc.array(
      fc.record({
        at: whenever,
        act: fc.constantFrom<Act>(
          ...([
            'restart all',
            'restart one',
            'restart quietly',
            'scale down',
            'scale up',
            'set config',
            'crash',
            'relocate',
          ] as const),
        ),
      }),
      { maxLength: 3 },
    ),
    previousMs: fc.option(fc.integer({ min: 1_000, max: 400_000 }), { freq: 2 }),
    bootMs: many(fc.oneof(fc.integer({ min: 1_500, max: 12_000 }), fc.integer({ min: 1_500, max: 40_000 })), 3),
    flips: fc.array(upTo(skewMs), { minLength: 1, maxLength: 6 }),
    drainMs: upTo(71_000),
    exitMs: many(upTo(29_000), 5),
    leaveMs: fc.integer({ min: 240_000, max: 360_000 }),
    lateMs: many(fc.oneof(upTo(300), upTo(5_000)), 4),
    gap: fc.option(
      fc.record({
        from: fc.oneof(fc.integer({ min: 900, max: 180_000 }), fc.integer({ min: 175_000, max: 270_000 })),
        ms: fc.integer({ min: 1, max: 60_000 }),
        how: fc.constantFrom('session', 'overflow'),
      }),
      { freq: 2 },
    ),
    comesAt: fc.oneof(fc.constant(100), fc.integer({ min: 100, max: 270_000 })),
    logAfterMs: fc.oneof(fc.constant(0), upTo(5_000)),
    probes: fc.array(
      fc.record({
        router: fc.nat(5),
        tookMs: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 9_000 })),
        routedAt: fc.double({ min: 0, max: 1, noNaN: true }),
        fate: fc.oneof(
          { weight: 30, arbitrary: fc.constant('answered' as const) },
          { weight: 3, arbitrary: fc.constant('lost' as const) },
          { weight: 1, arbitrary: fc.constantFrom('failed' as const, 'bare' as const) },
        ),
      }),
      { minLength: 40, maxLength: 40 },
    ),
  });

type Dyno = { name: string; release: number; state: 'starting' | 'up' | 'crashed' | 'down'; stopped: boolean };
type Fleet = { release: number; dynos: Dyno[]; leaving: Dyno[] };
type Line = { at: number; from: string; event: LogEvent };
type Timeless = { [K in LogEvent['kind']]: Omit<Extract<LogEvent, { kind: K }>, 'at'> }[LogEvent['kind']];

/** What happened, once it has: all of it can be looked up by time. */
export type History = {
  lines: Line[];
  /** The release that this router would have asked then; null where none of its dynos was up. */
  servedBy(router: number, at: number): number | null;
  dynosAt(at: number): SeenDyno[];
  releasesAt(at: number): SeenRelease[];
  /** When the last router had gone over to our code, and the last process of older code was gone. */
  switchedAt: number;
  goneAt: number;
};

/** Plays what Heroku does in this world to its end. */
export function happen(world: World): History {
  const lines: Line[] = [];
  const shown: { at: number; dynos: SeenDyno[] }[] = [];
  const routes: { at: number; serves: (number | null)[] }[] = [];
  const releases: SeenRelease[] = [];
  const plans: { at: number; act: () => void }[] = [];
  const routed: Fleet[] = [];
  let now = t(-1_000_000);
  let quantity = 2;
  let chosen = 0;
  let switchedAt = 0;
  let goneAt = 0;
  let serving: Fleet = { release: world.previousMs === null ? 41 : 40, dynos: [], leaving: [] };
  let pending: { fleet: Fleet; dropped: boolean } | null = null;

  const next = (from: number[]): number => from[chosen++ % from.length] ?? 0;
  const later = (ms: number, act: () => void): void => void plans.push({ at: now + ms, act });
  const say = (from: string, event: Timeless): void => void lines.push({ at: now, from, event: { ...event, at: now } });
  const turn = (dyno: Dyno, to: string): void =>
    say(dyno.name, { kind: 'state', dyno: dyno.name, from: dyno.state, to });
  const alive = (fleet: Fleet): Dyno[] => [...fleet.dynos, ...fleet.leaving];
  const newest = (): Fleet => pending?.fleet ?? serving;

  const boot = (dyno: Dyno): void =>
    later(next(world.bootMs), () => {
      if (dyno.stopped || dyno.state !== 'starting') return;
      turn(dyno, 'up');
      dyno.state = 'up';
    });
  const start = (release: number, from: number, to: number): Dyno[] =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => {
      const dyno: Dyno = { name: `web.${from + index}`, release, state: 'starting', stopped: false };
      boot(dyno);
      return dyno;
    });
  const stop = (dyno: Dyno): void => {
    if (dyno.stopped) return;
    dyno.stopped = true;
    if (dyno.release < goal.ours) goneAt = Math.max(goneAt, now);
    if (dyno.state === 'crashed') return;
    say(dyno.name, { kind: 'sigterm', dyno: dyno.name });
    later(next(world.exitMs), () => {
      say(dyno.name, { kind: 'exited', dyno: dyno.name, status: 143 });
      if (dyno.release < goal.ours) goneAt = Math.max(goneAt, now);
    });
  };
  const switchLater = (fleet: Fleet): void => {
    if (pending) pending.dropped = true;
    const mine = { fleet, dropped: false };
    pending = mine;
    later(goal.windowMs, () => mine.dropped || switchTo(fleet));
  };
  const switchTo = (fleet: Fleet): void => {
    const old = serving;
    serving = fleet;
    pending = null;
    for (const [router, ms] of world.flips.entries()) {
      later(ms, () => {
        if (serving !== fleet) return;
        if (fleet.release >= goal.ours && (routed[router]?.release ?? 0) < goal.ours) switchedAt = now;
        routed[router] = fleet;
      });
    }
    later(Math.max(...world.flips) + world.drainMs, () => alive(old).forEach(stop));
  };
  const release = (version: number, slug: string, what: string): void => {
    say('api', { kind: 'api', text: `${what} by user jo@example.com` });
    say('api', { kind: 'api', text: `Release v${version} created by user jo@example.com` });
    const at = Math.floor(now / 1_000) * 1_000;
    releases.push({ version, slug, status: 'succeeded', by: 'jo@example.com', what, at });
    for (const dyno of newest().dynos) if (dyno.state !== 'starting') turn(dyno, 'starting');
    pending?.fleet.dynos.forEach(stop);
    switchLater({ release: version, dynos: start(version, 1, quantity), leaving: [] });
  };
  const restart = (dynos: Dyno[], aloud: boolean): void => {
    const fleet = newest();
    for (const dyno of dynos) {
      if (aloud || !pending) say(dyno.name, { kind: 'restarting', dyno: dyno.name });
      if (dyno.state !== 'starting') turn(dyno, 'starting');
      const [fresh] = start(fleet.release, Number(dyno.name.slice(4)), Number(dyno.name.slice(4)));
      fleet.dynos = fleet.dynos.map(each => (each === dyno && fresh ? fresh : each));
      if (pending) stop(dyno);
      else {
        fleet.leaving.push(dyno);
        later(world.leaveMs, () => stop(dyno));
      }
    }
    if (pending) switchLater(fleet);
  };
  const scale = (to: number): void => {
    say('api', { kind: 'api', text: `Scaled to web@${to}:Standard-1X by user jo@example.com` });
    const fleet = newest();
    if (to < quantity) {
      for (const dyno of pending ? alive(serving) : serving.leaving) stop(dyno);
      serving.leaving = [];
      if (pending) serving.dynos = [];
    }
    for (const dyno of fleet.dynos.slice(to)) {
      turn(dyno, 'down');
      stop(dyno);
    }
    fleet.dynos = [...fleet.dynos.slice(0, to), ...start(fleet.release, fleet.dynos.length + 1, to)];
    quantity = to;
  };
  const crash = (dyno: Dyno | undefined): void => {
    if (dyno?.state !== 'up' || dyno.stopped) return;
    say(dyno.name, { kind: 'exited', dyno: dyno.name, status: 1 });
    turn(dyno, 'crashed');
    dyno.state = 'crashed';
    turn(dyno, 'starting');
    dyno.state = 'starting';
    boot(dyno);
  };
  const relocate = (dyno: Dyno | undefined): void => {
    if (!dyno || dyno.stopped) return;
    say(dyno.name, { kind: 'restarting', dyno: dyno.name });
    turn(dyno, 'down');
    dyno.state = 'down';
    const fleet = newest();
    const number = Number(dyno.name.slice(4));
    later(next(world.exitMs) + 1_000, () => {
      if (!fleet.dynos.includes(dyno)) return;
      turn(dyno, 'starting');
      const [fresh] = start(fleet.release, number, number);
      fleet.dynos = fleet.dynos.map(each => (each === dyno && fresh ? fresh : each));
    });
    const isTold = next(world.exitMs) % 3 > 0;
    later(next(world.exitMs) * 1.6, () => {
      if (isTold) return stop(dyno);
      dyno.stopped = true;
      if (dyno.release < goal.ours) goneAt = Math.max(goneAt, now);
    });
  };
  const acts: Record<Act, () => void> = {
    'restart all': () => restart(newest().dynos, true),
    'restart one': () => restart(newest().dynos.slice(-1), true),
    'restart quietly': () => restart(newest().dynos, false),
    'scale down': () => scale(1),
    'scale up': () => scale(quantity + 1),
    'set config': () => release((releases.at(-1)?.version ?? 0) + 1, 'new', 'Set A config vars'),
    crash: () => crash(newest().dynos[0]),
    relocate: () => relocate(newest().dynos[0]),
  };

  releases.push({ version: 40, slug: 'older', status: 'succeeded', by: 'jo@example.com', what: 'Deploy 40', at: now });
  serving.dynos = start(serving.release, 1, 2);
  routed.push(...world.flips.map(() => serving));
  if (world.previousMs !== null) plans.push({ at: t(-world.previousMs), act: () => release(41, 'old', 'Deploy 41') });
  plans.push({ at: t(0), act: () => release(42, 'new', 'Deploy 42') });
  for (const { at, act } of world.acts) {
    // Before our release it would be another plan.
    const fits = at > 0 || /^restart|crash|relocate/.test(act);
    if (fits) plans.push({ at: t(at), act: acts[act] });
  }
  const snap = (): void => {
    const dynos = newest().dynos.map(({ name, state, release: of }) => ({ name, type: 'web', state, release: of }));
    shown.push({ at: now, dynos });
    const serves = routed.map(fleet => {
      return alive(fleet).some(({ state, stopped }) => state === 'up' && !stopped) ? fleet.release : null;
    });
    routes.push({ at: now, serves });
  };
  snap();
  while (plans.length > 0) {
    plans.sort((a, b) => a.at - b.at);
    const plan = plans.shift();
    if (!plan) break;
    now = plan.at;
    plan.act();
    snap();
  }
  return {
    lines: lines.sort((a, b) => a.at - b.at),
    servedBy: (router, at) => newestAt(routes, at)?.serves[router % world.flips.length] ?? null,
    dynosAt: at => newestAt(shown, at)?.dynos ?? [],
    releasesAt: at => releases.filter(release => release.at <= at),
    switchedAt,
    goneAt,
  };
}

function newestAt<T extends { at: number }>(of: readonly T[], at: number): T | undefined {
  let [low, high] = [0, of.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((of[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return of[low - 1];
}

/** When a line is heard: late, but after those of its process that were said before; replayed when we open the log. */
export function heard(world: World, { lines }: History): { at: number; seen: Observation }[] {
  const { gap, lateMs } = world;
  const last = new Map<string, number>();
  const opened = t(world.comesAt + world.logAfterMs);
  const all = lines.map(({ at, from, event }) => {
    const late = lateMs[[...from].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % lateMs.length] ?? 0;
    const when = Math.max(at + late, last.get(from) ?? 0, opened);
    last.set(from, when);
    return { at: when, seen: { kind: 'line', at: when, event } satisfies Observation };
  });
  const from = opened + (gap?.from ?? 0);
  const to = from + (gap?.ms ?? 0);
  const kept = all.filter(({ at }) => !gap || at < from || at > to);
  const told: { at: number; seen: Observation }[] = [
    { at: opened, seen: { kind: 'log opened', at: opened, oldest: t(-1_000_000) } },
    ...kept,
  ];
  if (!gap) return told;
  if (gap.how === 'overflow')
    return [...told, { at: to, seen: { kind: 'line', at: to, event: { kind: 'gap', at: to } } }];
  return [
    ...told,
    { at: from, seen: { kind: 'log closed', at: from } },
    { at: to, seen: { kind: 'log opened', at: to, oldest: to } },
  ];
}
