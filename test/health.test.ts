import { describe, expect, it } from 'vitest';
import { NO_SAMPLE, type Sample } from '../src/domain/health.ts';
import { failsUnnamed, illBefore, verdictOf } from '../src/domain/health-gate.ts';
import { type LogEvent, readLogLine } from '../src/domain/log-line.ts';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Goal, resumeWatch, type Watch } from '../src/domain/watch.ts';
import { tallyOf } from '../src/following.ts';

// Whose doing it is, and whether that is worse than what was. Times are seconds since the release of v42.

const RELEASED = 1_000_000_000;
const t = (seconds: number): number => RELEASED + seconds * 1000;

/** An app that was well: 100 requests and 60 probes in a minute. */
const WELL: Sample = {
  ...NO_SAMPLE,
  ...{ from: 0, to: 60_000, requests: 100, service: { 51: 100 }, probes: 60, latency: { 51: 60 } },
};
const goal = (before: Sample | null = WELL): Goal => ({
  ...{ ours: 42, slug: 'new', commit: null, oldCommit: null, oldWeb: ['web.1', 'web.2'], web: 2, before },
  ...{ releasedAt: RELEASED, windowMs: 180_000 },
});

type Timeless = { [K in LogEvent['kind']]: Omit<Extract<LogEvent, { kind: K }>, 'at'> }[LogEvent['kind']];

class Seen {
  watch: Watch;
  constructor(before: Sample | null = WELL) {
    this.watch = beginWatch(goal(before));
    this.watch = observe(this.watch, { kind: 'log opened', at: t(0), oldest: t(-60) });
    this.line(0, { kind: 'other' });
  }
  line(at: number, event: Timeless): this {
    this.watch = observe(this.watch, { kind: 'line', at: t(at), event: { ...event, at: t(at) } as LogEvent });
    return this;
  }
  state(at: number, dyno: string, from: string, to: string): this {
    return this.line(at, { kind: 'state', dyno, from, to });
  }
  /** A web dyno crashes, and the dyno list has the new one of that name in such a state: it may be an old one that did. */
  crash(at: number, name: string, from = 'up', state = 'crashed'): this {
    this.state(at, name, from, 'crashed');
    const dynos = [{ name, type: 'web', state, release: 42 }];
    this.watch = observe(this.watch, { kind: 'dynos', at: t(at), dynos });
    return this;
  }
  memory(at: number, dyno: string, code: 'R14' | 'R15'): this {
    return this.line(at, { kind: 'error', dyno, code, text: '(Memory quota exceeded)' });
  }
  /** A visitor, whose request ends then. */
  visitor(
    at: number,
    code: string | null = null,
    { status = code ? 503 : 200, serviceMs = 40, byUs = false } = {},
  ): this {
    return this.line(at, { kind: 'request', begunAt: t(at) - serviceMs, status, code, serviceMs, byUs });
  }
  probe(at: number, release: number, status: number | null = 200, tookMs = 40): this {
    const [sentAt, receivedAt] = [t(at), t(at) + tookMs];
    this.watch = observe(this.watch, {
      ...{ kind: 'answer', sentAt, receivedAt, status },
      version: status === null ? null : { release },
    });
    return this;
  }
  /** A second in which visitors and we get such answers, of old code before the switch at 180 s. */
  seconds(
    from: number,
    to: number,
    each: { code?: string; status?: number; serviceMs?: number; probed?: number } = {},
  ) {
    for (let at = from; at < to; at++) {
      for (const part of [0, 0.2, 0.4, 0.6, 0.8]) {
        this.probe(at + part, at >= 180 ? 42 : 41, each.probed ?? 200, 40);
        this.visitor(at + part + 0.1, each.code ?? null, {
          ...(each.status === undefined ? {} : { status: each.status }),
          ...(each.serviceMs === undefined ? {} : { serviceMs: each.serviceMs }),
        });
      }
    }
    return this;
  }
  get verdict() {
    return verdictOf(this.watch);
  }
  get says(): string {
    const { verdict } = this;
    return verdict.kind === 'ill' ? verdict.complaints.map(({ now }) => now).join(', ') : verdict.kind;
  }
}

describe('the gate', () => {
  it('says nothing before the proof that new code serves, whatever visitors meet', () => {
    const seen = new Seen().seconds(20, 120, { code: 'H13', probed: 503 });
    expect(seen.verdict).toEqual({ kind: 'not judged', why: 'new code was not proved to serve' });
    expect(phaseOf(seen.watch).kind).not.toBe('crashed');
    expect(seen.watch.health.since).toEqual(NO_SAMPLE);
    expect(seen.watch.health.window.failures).toEqual({ H13: 500 });
  });

  it.each<[string, Parameters<Seen['seconds']>[2], string]>([
    ['is well when new code does as old code did', {}, 'well'],
    ['sees requests that fail', { code: 'H13' }, 'requests failed (H13 × '],
    ['sees answers that are errors of the app', { status: 500 }, 'requests failed (5xx × '],
    ['sees visitors who leave before the answer', { code: 'H27', status: 499 }, 'requests failed (H27 × '],
    ['sees probes that fail', { probed: 500 }, 'probes failed'],
    [
      'sees requests that take three times as long',
      { serviceMs: 2_000 },
      '95 of 100 served requests took up to 2919 ms',
    ],
    ['does not mind what is three times as long and still fast', { serviceMs: 300 }, 'well'],
    ['does not take how long a WebSocket was open for slow', { status: 101, serviceMs: 50_000 }, 'well'],
    ['does not blame code for what Heroku or people do', { code: 'H99' }, 'well'],
    ['does not blame code for a page that somebody closed', { code: 'H80' }, 'well'],
  ])('%s', (_, each, says) => {
    expect(new Seen().seconds(20, 180).seconds(180, 240, each).says).toContain(says);
  });

  it('wants several signs in 20 s before it says so, and says meanwhile that there are some', () => {
    const seen = new Seen().seconds(20, 190).seconds(190, 192, { code: 'H10' });
    expect(seen.says).toBe('suspicious');
    expect(seen.seconds(192, 200).says).toBe('suspicious');
    expect(seen.seconds(200, 262).says).toBe('well');
    expect(seen.seconds(262, 280, { code: 'H10' }).says).toMatch(/H10/);
  });

  it('takes a request for old code’s that the router took before the proof, however late it ends', () => {
    const seen = new Seen().seconds(20, 190);
    for (let at = 190; at < 210; at++) seen.visitor(at, 'H12', { serviceMs: 30_000 });
    expect(seen.seconds(210, 220).says).toBe('well');
    for (let at = 220; at < 250; at++) seen.visitor(at, 'H12', { serviceMs: 30_000 });
    expect(seen.says).toMatch(/H12/);
  });

  it('takes an answer that never came for the app’s only when the router had asked it', () => {
    const lost = new Seen().seconds(20, 190);
    for (let at = 190; at < 220; at++) lost.probe(at, 42, null, 10_000);
    expect(lost.says).toBe('well');
    for (let at = 220; at < 250; at++) {
      lost.probe(at, 42, null, 10_000).visitor(at, 'H27', { status: 499, serviceMs: 10_000, byUs: true });
    }
    expect(lost.says).toContain('probes failed');
    expect(lost.watch.health.since.failures).toEqual({});
  });

  it('does not blame an app that was already bad on the deploy', () => {
    const bad = { ...WELL, requests: 400, failures: { H12: 60 } };
    expect(illBefore(bad)).toEqual(['60 of 400 requests failed (H12 × 60)']);
    expect(illBefore(WELL)).toEqual([]);
    const seen = new Seen(bad).seconds(20, 180);
    for (let at = 180; at < 240; at++) {
      seen.seconds(at, at + 1).visitor(at + 0.9, 'H12');
    }
    expect(seen.says).toBe('well');
    expect(seen.seconds(240, 300, { code: 'H13' }).says).toContain('requests failed');
  });

  it('compares with the window where nothing was seen before, and says when there is nothing to compare with', () => {
    const seen = new Seen(null).seconds(20, 180, { serviceMs: 3_000 });
    expect(seen.seconds(180, 240, { serviceMs: 3_000 }).says).toBe('well');
    const blind = new Seen(null);
    for (let at = 180; at < 186; at += 0.2) blind.probe(at, 42);
    expect(blind.verdict).toEqual({
      kind: 'not judged',
      why: 'too little was seen: 0 probes and 0 requests of old code, 17 probes and 0 requests of new code',
    });
  });

  it('does not take a page that somebody closed, or trouble of the platform, for the code’s', () => {
    const seen = new Seen().seconds(20, 190);
    for (let at = 190; at < 250; at++) {
      seen
        .probe(at, 42, 503)
        .visitor(at, at < 220 ? 'H80' : 'H99', { byUs: true })
        .visitor(at, 'H80');
    }
    expect(seen.says).toBe('well');
  });

  it('condemns nobody for errors that do not say whose they are, but says that there are some', () => {
    const unnamed = (seen: Seen, status: number) => {
      seen.seconds(20, 170);
      for (let at = 170; at < 180; at++) {
        const [sentAt, receivedAt] = [t(at), t(at) + 40];
        seen.watch = observe(seen.watch, { kind: 'answer', sentAt, receivedAt, status, version: null });
      }
      return failsUnnamed(seen.watch);
    };
    expect(unnamed(new Seen(), 500)).toBe(t(170) + 40);
    expect(unnamed(new Seen(), 200)).toBeNull();
    expect(unnamed(new Seen({ ...WELL, failed: 20 }), 500)).toBeNull();
    const named = new Seen().seconds(20, 180, { probed: 500 });
    expect(failsUnnamed(named.watch)).toBeNull();
  });

  it('forgets what it held against new code when old code answers again', () => {
    const seen = new Seen().seconds(20, 180).seconds(180, 220, { code: 'H13' });
    expect(seen.verdict.kind).toBe('ill');
    seen.probe(225, 41);
    expect(seen.verdict.kind).toBe('not judged');
    expect(seen.watch.health.since).toEqual(NO_SAMPLE);
  });

  it('goes on after a kill with what was met', () => {
    const seen = new Seen().seconds(20, 180).seconds(180, 240, { code: 'H13' });
    const kept = JSON.parse(JSON.stringify(seen.watch));
    const opened = { kind: 'log opened', at: t(241), oldest: t(230) } as const;
    expect(verdictOf(resumeWatch(kept, t(240))).kind).toBe('not judged');
    expect(verdictOf(observe(resumeWatch(kept, t(240)), opened))).toEqual(seen.verdict);
    // By a clock that is an hour behind the one of before: the newest minute begins anew.
    const behind = resumeWatch(kept, t(240) - 3_600_000);
    expect(behind.health.slices).toEqual([]);
    expect(behind.health.since).toEqual(seen.watch.health.since);
  });
});

describe('dynos that say they are not well', () => {
  const worker = () => new Seen().state(1, 'worker.1', 'up', 'starting').state(3, 'worker.1', 'starting', 'up');

  it('condemn new code before the switch when a worker of it crashes again and again', () => {
    const seen = worker().state(10, 'worker.1', 'up', 'crashed').seconds(20, 30);
    expect(phaseOf(seen.watch).kind).toBe('booting');
    seen.state(31, 'worker.1', 'crashed', 'starting').state(32, 'worker.1', 'starting', 'crashed');
    expect(phaseOf(seen.watch)).toEqual({ kind: 'crashed', dyno: 'worker.1', what: 'crashed 2 times' });
  });

  it('do not when the worker had crashed before', () => {
    const seen = new Seen().state(1, 'worker.1', 'crashed', 'starting');
    for (const at of [5, 15, 25]) {
      seen.state(at, 'worker.1', 'starting', 'crashed').state(at + 1, 'worker.1', 'crashed', 'starting');
    }
    expect(phaseOf(seen.watch).kind).toBe('booting');
    expect(seen.seconds(30, 240).says).toBe('well');
  });

  it('do not by a crash of the worker that the release stopped', () => {
    const seen = new Seen().state(0.5, 'worker.1', 'up', 'crashed').state(1, 'worker.1', 'crashed', 'starting');
    expect(phaseOf(seen.state(4, 'worker.1', 'starting', 'up').watch).kind).toBe('booting');
  });

  it('condemn it for memory only where the old one cannot have said it, and none did before', () => {
    const r14 = (seen: Seen, dyno: string) =>
      [20, 30, 50, 70, 90].reduce((all, at) => all.memory(at, dyno, 'R14'), seen);
    expect(phaseOf(r14(worker(), 'worker.1').watch)).toMatchObject({ kind: 'crashed', dyno: 'worker.1' });
    expect(phaseOf(worker().memory(20, 'worker.1', 'R15').watch).kind).toBe('booting');
    expect(phaseOf(worker().memory(50, 'worker.1', 'R15').watch)).toMatchObject({ kind: 'crashed' });
    // Old and new web.1 share the name.
    expect(phaseOf(r14(worker(), 'web.1').watch).kind).toBe('booting');
    const had = new Seen({ ...WELL, memory: { 'worker R14': 3 } });
    had.state(1, 'worker.1', 'up', 'starting').state(3, 'worker.1', 'starting', 'up');
    expect(phaseOf(r14(had, 'worker.1').watch).kind).toBe('booting');
    const unknown = new Seen(null).state(1, 'worker.1', 'up', 'starting').state(3, 'worker.1', 'starting', 'up');
    expect(phaseOf(r14(unknown, 'worker.1').watch).kind).toBe('booting');
  });

  it('are not well after the switch when one crashes twice, or half of the web dynos once', () => {
    const serving = () =>
      ['web.1', 'web.2', 'web.3', 'web.4', 'web.5'].reduce(
        (seen, dyno) => seen.state(2, dyno, 'up', 'starting').state(5, dyno, 'starting', 'up'),
        new Seen(),
      );
    const once = serving().seconds(20, 240);
    once.watch = { ...once.watch, goal: { ...once.watch.goal, web: 5 } };
    expect(once.crash(241, 'web.1').says).toBe('well');
    const again = (at: number, dyno: string) =>
      once.state(at, dyno, 'crashed', 'starting').crash(at + 1, dyno, 'starting');
    expect(again(242, 'web.1').says).toBe('web.1 crashed 2 times');
    const half = serving().seconds(20, 240).crash(241, 'web.1', 'up', 'starting');
    expect(half.says).toBe('web.1 crashed once');
    const gone = serving().seconds(20, 240);
    gone.watch = { ...gone.watch, goneAt: t(235) };
    expect(gone.state(241, 'web.1', 'up', 'crashed').says).toBe('web.1 crashed once');
  });

  it('are not blamed for what old dynos of the same name do, which the dyno list hides', () => {
    const serving = new Seen().state(2, 'web.1', 'up', 'starting').state(5, 'web.1', 'starting', 'up');
    const seen = serving.seconds(20, 240).crash(241, 'web.1', 'up', 'up');
    seen.state(242, 'web.1', 'crashed', 'starting').crash(243, 'web.1', 'starting', 'up');
    expect(seen.says).toBe('well');
  });

  it('are not cleared by a dyno list that was asked for before they crashed', () => {
    const serving = new Seen().state(2, 'web.1', 'up', 'starting').state(5, 'web.1', 'starting', 'up');
    const list = (at: number, state: string) => {
      const dynos = [{ name: 'web.1', type: 'web', state, release: 42 }];
      serving.watch = observe(serving.watch, { kind: 'dynos', at: t(at), dynos });
      return serving.says;
    };
    serving.seconds(20, 240).state(241, 'web.1', 'up', 'crashed');
    expect([list(240, 'up'), list(242, 'crashed')]).toEqual(['well', 'web.1 crashed once']);
  });

  it('are well again when they have been up and quiet for ten minutes, and what comes then counts anew', () => {
    const up = (seen: Seen, at: number) =>
      seen.state(at, 'web.1', 'crashed', 'starting').state(at + 4, 'web.1', 'starting', 'up');
    const serving = new Seen().state(2, 'web.1', 'up', 'starting').state(5, 'web.1', 'starting', 'up');
    serving.watch = { ...serving.watch, goal: { ...serving.watch.goal, web: 5 } };
    const twice = up(serving.seconds(20, 240).crash(241, 'web.1'), 242).crash(250, 'web.1');
    expect(up(twice, 251).seconds(260, 800).says).toBe('web.1 crashed 2 times');
    expect(twice.seconds(800, 860).says).toBe('well');
    expect(twice.crash(870, 'web.1').says).toBe('well');
    // Heroku waits longer and longer before it starts such a dyno again.
    expect(twice.state(871, 'web.1', 'crashed', 'starting').crash(872, 'web.1', 'starting').says).toBe(
      'web.1 crashed 2 times',
    );
    expect(twice.seconds(873, 1_600).says).toBe('web.1 crashed 2 times');
    // Nobody watched for an hour, in which it may have come up.
    twice.watch = observe(resumeWatch(twice.watch, t(5_200)), {
      ...{ kind: 'log opened', at: t(5_201), oldest: t(5_200) },
    });
    expect(twice.seconds(5_202, 5_262).says).toBe('well');
  });
});

describe('workers', () => {
  it('run new code before web does, and since when is known', () => {
    const seen = new Seen().state(1, 'worker.1', 'up', 'starting').state(3, 'worker.1', 'starting', 'up');
    seen.state(2, 'web.1', 'up', 'starting').state(5, 'web.1', 'starting', 'up');
    seen.state(4, 'clock.1', 'starting', 'up').state(6, 'run.7', 'starting', 'up');
    expect(tallyOf(seen.watch).ahead).toEqual({ dynos: ['worker.1', 'clock.1'], since: t(3) });
    expect(tallyOf(new Seen().watch).ahead).toBeNull();
  });
});

describe('a router’s line', () => {
  const read = (text: string) => readLogLine(`2026-11-23T12:00:40.000000+00:00 heroku[router]: ${text}`);
  const at = Date.parse('2026-11-23T12:00:40Z');

  it.each([
    ['code=H12 desc="Request timeout" path="/" connect=1ms service=30001ms status=503', 30_002],
    ['code=H20 desc="App boot timeout" path="/" connect= service= status=503', 75_000],
    ['path="/" dyno=web.1 connect=0ms service=4ms status=200', 4],
    ['code=H10 desc="App crashed" path="/" dyno= connect= service= status=503', 0],
  ])('tells when the request began: %s', (text, before) => {
    expect(read(`at=error ${text}`)).toMatchObject({ kind: 'request', begunAt: at - before, byUs: false });
  });

  it('tells our probes from visitors, and from marks that anybody may have made', () => {
    const probe = (mark: string) =>
      readLogLine(
        `2026-11-23T12:00:40.000000+00:00 heroku[router]: path="/health?a=b&switchover=${mark}" service=4ms status=200`,
        sent => sent === 'a1b2',
      );
    expect(probe('a1b2')).toMatchObject({ byUs: true });
    expect(probe('x')).toMatchObject({ byUs: null });
    expect(probe('')).toMatchObject({ byUs: null });
    expect(read('path="/switchover=a1b2" service=4ms status=200')).toMatchObject({ byUs: false });
  });

  it.each([
    ['an address that it was sent for', '/', 'x status=503 code=H10 service=9000ms connect=7ms'],
    ['quotes in that', '/', 'x" status=503 code=H10 service=9000ms connect=7ms desc="'],
    ['an open quote in that', '/', 'x" y='],
    ['its path', '/?code=H10" code=H10 status=503', '1.2.3.4'],
    ['an open quote in its path', '/" y=', '1.2.3.4'],
  ])('is not forged by what a visitor sends: %s', (_, path, fwd) => {
    const line = `at=info method=GET path="${path}" host=shop request_id=1 fwd="${fwd}" dyno=web.1 connect=1ms service=4ms status=200 bytes=7 protocol=https`;
    expect(read(line)).toMatchObject({ status: 200, code: null, serviceMs: 4, begunAt: at - 5 });
    const failed = line
      .replace('at=info', 'at=error code=H12 desc="Request timeout"')
      .replace('status=200 b', 'status=503 b');
    expect(read(failed)).toMatchObject({ status: 503, code: 'H12', serviceMs: 4 });
  });

  it('is read at once, however long what a visitor sends', () => {
    const line = `at=info path="/"${'a'.repeat(9_000)}" fwd="${'b='.repeat(4_000)}" connect=1ms service=4ms status=200`;
    const begunAt = performance.now();
    for (let times = 0; times < 100; times++) read(line);
    expect(performance.now() - begunAt).toBeLessThan(1_000);
  });
});
