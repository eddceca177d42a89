import { describe, expect, it } from 'vitest';
import { readLogLine } from '../src/domain/log-line.ts';
import { phaseOf } from '../src/domain/phase.ts';
import { observe } from '../src/domain/switchover.ts';
import { beginWatch, type Goal, type Watch } from '../src/domain/watch.ts';

// Heroku moves a dyno to another server: it goes down at once, and its SIGTERM comes much later, or never.

const T0 = Date.parse('2026-01-01T12:00:00Z');
const goal: Goal = {
  ...{ ours: 42, slug: 's42', commit: null, oldCommit: null, oldWeb: ['web.1'], web: 1 },
  ...{ releasedAt: T0, windowMs: 180_000 },
};
const RELEASES = [40, 41, 42].map(version => ({
  ...{ version, slug: `s${version}`, status: 'succeeded', by: 'jo@example.com', what: `Deploy ${version}` },
  at: T0 - (42 - version) * 86_400_000,
}));

/** A watch of a switchover whose log is told in words, at seconds since the release. */
class Told {
  watch: Watch = observe(beginWatch(goal), { kind: 'log opened', at: T0 + 100, oldest: T0 - 1_000_000 });

  constructor() {
    this.watch = observe(this.watch, { kind: 'releases', at: T0 + 200, releases: RELEASES });
  }

  says(lines: Record<number, string>): this {
    for (const [second, text] of Object.entries(lines)) {
      const at = T0 + Number(second) * 1_000;
      const event = readLogLine(`${new Date(at).toISOString()} heroku[web.1]: ${text}`);
      if (event) this.watch = observe(this.watch, { kind: 'line', at: Math.max(at, T0 + 300), event });
    }
    return this;
  }

  answers(from: number, to: number, release: number): this {
    for (let at = T0 + from * 1_000; at < T0 + to * 1_000; at += 200) {
      this.watch = observe(this.watch, { kind: 'line', at, event: { kind: 'other', at } });
      const asked = { sentAt: at, receivedAt: at + 50, status: 200, version: { release } };
      this.watch = observe(this.watch, { kind: 'answer', ...asked });
    }
    return this;
  }

  /** Nothing happens, and the dyno list shows one new dyno. */
  passes(from: number, to: number): this {
    const dynos = [{ name: 'web.1', type: 'web', state: 'up', release: 42 }];
    for (let at = T0 + from * 1_000; at <= T0 + to * 1_000; at += 1_000) {
      this.watch = observe(this.watch, { kind: 'line', at, event: { kind: 'other', at } });
      this.watch = observe(this.watch, { kind: 'dynos', at: at + 100, dynos });
    }
    return this;
  }

  get phase() {
    return phaseOf(this.watch).kind;
  }
}

const SIGTERM = 'Stopping all processes with SIGTERM';
const EXITED = 'Process exited with status 143';
const boots = { 0.4: 'State changed from up to starting', 15: 'State changed from starting to up' };

describe('a dyno that is relocated', () => {
  it('just before the release is stopped after it, and that is not the switch', () => {
    const it = new Told()
      .says({ [-12]: 'Relocating dyno to a new server', [-11.99]: 'State changed from up to down' })
      .says({ [-8]: 'State changed from down to starting', [-2]: 'State changed from starting to up' })
      .says({ ...boots, 34.8: SIGTERM, 36.8: EXITED })
      .passes(37, 80);
    expect(it.phase).toBe('old serves');
    expect(it.watch.served).toBe(null);
  });

  it('just before the release does not keep old code from being seen to go', () => {
    const it = new Told()
      .says({ [-12]: 'Relocating dyno to a new server', [-11.99]: 'State changed from up to down' })
      .says({ [-8]: 'State changed from down to starting', [-2]: 'State changed from starting to up' })
      .says({ ...boots, 34.8: SIGTERM, 36.8: EXITED })
      .answers(16, 180, 41)
      .answers(180, 184, 42)
      .says({ 230: SIGTERM, 232: EXITED })
      .passes(233, 264);
    expect(it.phase).toBe('old gone');
  });

  it.each([
    ['with a SIGTERM of its own', { 233: SIGTERM, 235: EXITED, 240: SIGTERM, 241: EXITED }, 'old gone'],
    ["without one that could be the old one's", { 233: SIGTERM, 235: EXITED }, 'new serves'],
  ])('after the switch is not taken for the old one: %s', (_, stops, said) => {
    const it = new Told()
      .says(boots)
      .answers(16, 180, 41)
      .answers(180, 184, 42)
      .says({ 186.2: 'Relocating dyno to a new server', 186.21: 'State changed from up to down' })
      .says({ 187: 'State changed from down to starting', 195: 'State changed from starting to up' })
      .says(stops)
      .passes(242, 280);
    expect(it.phase).toBe(said);
  });

  it('and has not come up again may have been told of by any SIGTERM of its name', () => {
    const it = new Told()
      .says(boots)
      .answers(16, 180, 41)
      .answers(180, 184, 42)
      .says({ 186: 'State changed from up to down', 190: SIGTERM, 192: EXITED, 233: SIGTERM, 235: EXITED })
      .passes(236, 280);
    expect(it.phase).toBe('new serves');
  });
});
