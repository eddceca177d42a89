import { describe, expect, it } from 'vitest';
import type { Click, Deploy, Fact, FactBody } from '../src/domain/deploy.ts';
import type { Plan } from '../src/domain/plan.ts';
import type { Phase } from '../src/domain/watch.ts';
import { beginWatch } from '../src/domain/watch.ts';
import type { Build, Heroku, Release, SourceHost, Watcher } from '../src/outside.ts';
import { FIRST_STAGE, recipe } from '../src/recipe.ts';
import { type Journal, Run } from '../src/run.ts';

class Killed extends Error {}

const plan = {
  app: 'shop',
  ref: 'main',
  commit: { sha: 'b'.repeat(40), subject: 'Sell hats', author: 'ann' },
  repository: 'acme/shop',
  channel: 'C1',
  url: 'http://shop/',
  live: { id: 'r41', version: 41, slug: 'old', commit: 'a'.repeat(40) },
  web: { quantity: 2, size: 'standard-1X' },
  windowSeconds: 180,
  probe: { path: '/', header: 'X-Heroku-Release-Version' },
} as unknown as Plan;

const release = (version: number, slug: string, rest: Partial<Release> = {}): Release => ({
  id: `r${version}`,
  version,
  status: 'succeeded',
  current: false,
  description: `Deploy ${slug}`,
  by: 'bot@example.com',
  slug,
  outputUrl: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:02.000Z',
  ...rest,
});

type Trouble = { buildFails?: boolean; releaseFails?: boolean; rollbackRefused?: boolean; stranger?: boolean };

/** Everything that survives a kill: Heroku's own state, the journal, and how far the switchover has come. */
class World {
  readonly facts: (Fact & { key: string })[] = [];
  readonly builds: Build[] = [];
  readonly releases: Release[] = [release(41, 'old', { current: true })];
  readonly clicks: (Click & { answer?: string })[] = [];
  /** What a person presses, and in which phase. */
  press: { at: Phase['kind']; kind: Click['kind'] } | null = null;
  wake = () => {};
  calls = 0;
  killAt = Number.POSITIVE_INFINITY;
  readonly phases: Record<number, Phase[]>;
  readonly trouble: Trouble;

  constructor(phases: Record<number, Phase[]>, trouble: Trouble = {}) {
    this.phases = phases;
    this.trouble = trouble;
  }

  /** Each touch of the world is two places to be killed at: before it happened, and before we heard that it did. */
  async touch<T>(act: () => T): Promise<T> {
    if (++this.calls === this.killAt) throw new Killed();
    const done = act();
    if (++this.calls === this.killAt) throw new Killed();
    return done;
  }

  readonly journal: Journal = {
    deploy: async () => this.deploy(),
    append: (_, fact, key) => this.touch(() => this.append(fact, key)),
    nextClick: (_, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        this.wake = () => {
          const open = this.clicks.find(click => click.answer === undefined);
          if (open) resolve(open);
        };
        this.wake();
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    answer: (_, click, answer) => this.touch(() => Object.assign(click, { answer })).then(() => {}),
  };

  append(fact: FactBody, key: string): void {
    if (this.facts.some(known => known.key === key)) return;
    const stamp = { key, seq: this.facts.length + 1, at: '2026-01-01T00:00:00.000Z' };
    this.facts.push({ ...fact, ...stamp } as Fact & { key: string });
    if (fact.kind !== 'phase' || fact.phase.kind !== this.press?.at) return;
    this.clicks.push(clickOf(this.press.kind));
    // Nobody presses before they have seen it.
    setImmediate(() => this.wake());
  }

  deploy(): Deploy {
    return { id: 'd1', plan, startedBy: 'U1', startedAt: '2026-01-01T00:00:00.000Z', facts: [...this.facts] };
  }

  readonly heroku = {
    app: () => this.touch(() => ({ maintenance: false })),
    releases: () => this.touch(() => [...this.releases].reverse()),
    release: (_: string, id: string) => this.touch(() => this.releases.find(known => known.id === id)),
    builds: () => this.touch(() => [...this.builds]),
    uploadSource: () => this.touch(() => 'http://source'),
    startBuild: (_: string, ask: { marker: string }) =>
      this.touch(() => {
        const build = { id: `b${this.builds.length}`, description: ask.marker, status: 'pending' } as Build;
        this.builds.push(build);
        return build;
      }),
    buildEnded: (_: string, build: Build, onLine: (line: string) => void) =>
      this.touch(() => {
        onLine('-----> Building');
        if (this.trouble.buildFails) return { ...build, status: 'failed' };
        if (!this.releases[1]) this.releases.push(release(42, 'new', { status: 'pending' }));
        return { ...build, status: 'succeeded', slug: 'new', release: 'r42' };
      }),
    releaseEnded: (_: string, begun: Release, onLine: (line: string) => void) =>
      this.touch(() => {
        onLine('migrating');
        const ended: Release = { ...begun, status: this.trouble.releaseFails ? 'failed' : 'succeeded' };
        this.releases[this.releases.findIndex(known => known.id === begun.id)] = ended;
        if (this.trouble.stranger && this.releases.length === 2) this.releases.push(release(43, 'else', { by: 'jo' }));
        return ended;
      }),
    rollBack: () =>
      this.touch(() => {
        const back = release(this.releases.length + 41, 'old', { description: 'Rollback to v41', status: 'pending' });
        this.releases.push(back);
        return back;
      }),
  } as unknown as Heroku;

  readonly source = { tarball: () => this.touch(() => new Uint8Array(7)) } as unknown as SourceHost;

  /** Plays the phases of the release that is watched; what was reached stays reached. */
  readonly watcher: Watcher = {
    forget: () => {},
    follow: ({ goal }) => {
      const script = this.phases[goal.ours] ?? [];
      let resume = () => {};
      return {
        get watch() {
          const evidence = { by: 'logs', dyno: 'web.1', at: 1 } as const;
          const served = script[0]?.kind === 'old gone' ? { at: 2, from: 1, evidence } : null;
          return { ...beginWatch(goal), served };
        },
        checked: user => {
          script.splice(0, 1, { kind: 'new serves', at: 0, evidence: { by: 'person', user } }, ...good.slice(4));
          resume();
        },
        until: async (passes, onPhase, signal) => {
          const aborted = new Promise<never>((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          );
          aborted.catch(() => {});
          for (let phase = script[0]; ; phase = script[0]) {
            if (phase) await onPhase(phase);
            if (phase && passes(phase)) return phase;
            if (script.length > 1) await this.touch(() => script.shift());
            else await Promise.race([aborted, new Promise<void>(done => (resume = done))]);
          }
        },
      };
    },
  };
}

/** Runs to the end as the engine does: a killed stage is run again, a finished one never. */
async function play(world: World, kills: number[] = []): Promise<{ stages: string[]; outcome: string }> {
  const stages: string[] = [];
  const outside = { heroku: world.heroku, source: world.source, watcher: world.watcher };
  for (let at = FIRST_STAGE; ; ) {
    world.killAt = kills[0] ?? Number.POSITIVE_INFINITY;
    const run = new Run(world.deploy(), world.journal, outside, new AbortController().signal);
    stages.push(at);
    try {
      const next = await recipe[at]?.(run);
      if (!next) throw new Error(`no stage ${at}`);
      if ('end' in next) return { stages, outcome: next.end };
      at = next.to;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      kills.shift();
    }
  }
}

const good: Phase[] = [
  { kind: 'booting', up: 0, of: 2 },
  { kind: 'old serves', expectedSwitch: 1 },
  { kind: 'mixed', corrected: false },
  { kind: 'new serves', at: 2, evidence: { by: 'probe', answers: 10, spanMs: 2500, firstNewAt: 1, lastOldAt: 0 } },
  { kind: 'old gone', at: 3, dynos: ['web.1', 'web.2'] },
];
const crash: Phase[] = [good[0] as Phase, { kind: 'crashed', dyno: 'web.1', what: 'crashed while it started' }];
const unproved: Phase[] = [...good.slice(0, 2), { kind: 'not proved', missing: 'new serves', known: [] }];
const kinds = (world: World) =>
  world.facts.map(fact => (fact.kind === 'phase' ? `${fact.of}: ${fact.phase.kind}` : fact.kind));
const clickOf = (kind: Click['kind']): Click => ({ id: 'c1', kind, by: 'U1', at: '2026-01-01T00:00:00.000Z' });

const SUCCESS = [
  'uploaded',
  'build started',
  'built',
  'release started',
  'released',
  'deploy: booting',
  'deploy: old serves',
  'deploy: mixed',
  'deploy: new serves',
  'deploy: old gone',
  'ended',
];

describe('a deploy', () => {
  it('goes from the source to the receipt, in order', async () => {
    const world = new World({ 42: [...good] });
    const { outcome } = await play(world);
    expect(outcome).toBe('succeeded');
    expect(kinds(world)).toEqual(SUCCESS);
  });

  it('makes one build whatever is killed when, and tells everything once', async () => {
    const rehearsal = new World({ 42: [...good] });
    await play(rehearsal);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: [...good] });
      const { outcome } = await play(world, [kill]);
      expect(outcome, `killed at ${kill}`).toBe('succeeded');
      expect(world.builds, `killed at ${kill}`).toHaveLength(1);
      expect(kinds(world), `killed at ${kill}`).toEqual(SUCCESS);
    }
  });

  it('says that new code serves also when old code was gone before the bot could look again', async () => {
    const world = new World({ 42: [...good.slice(0, 3), ...good.slice(4)] });
    await play(world);
    expect(kinds(world)).toEqual(SUCCESS);
  });

  it('does not begin when something else went live after the plan', async () => {
    const world = new World({});
    world.releases.push(release(42, 'else', { current: true }));
    world.releases[0] = release(41, 'old');
    expect((await play(world)).outcome).toBe('stopped');
    expect(world.builds).toHaveLength(0);
  });

  it('fails with its last lines when the build fails, and releases nothing', async () => {
    const world = new World({}, { buildFails: true });
    expect((await play(world)).outcome).toBe('failed');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'build failed', lines: ['-----> Building'] }));
    expect(world.releases).toHaveLength(1);
  });

  it('fails when the release phase fails although the build succeeded', async () => {
    const world = new World({}, { releaseFails: true });
    expect((await play(world)).outcome).toBe('failed');
    expect(kinds(world)).toContain('release failed');
  });

  it('ends when somebody else releases other code, and does nothing more', async () => {
    const superseded: Phase = { kind: 'superseded', version: 43, by: 'jo', what: 'Deploy 1234abcd' };
    const world = new World({ 42: [...good.slice(0, 2), superseded] });
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.releases).toHaveLength(2);
  });
});

describe('new dynos that crash before the switch', () => {
  const back: Phase[] = good.slice(0, 4);

  it('are rolled back once, whatever is killed when, and the end waits until the rollback serves', async () => {
    const rehearsal = new World({ 42: [...crash], 43: [...back] });
    expect((await play(rehearsal)).outcome).toBe('rolled back');
    const told = kinds(rehearsal);
    expect(told.slice(told.indexOf('rollback asked'))).toEqual([
      'rollback asked',
      'rollback intended',
      'rolling back',
      'rollback released',
      'rollback: booting',
      'rollback: old serves',
      'rollback: mixed',
      'rollback: new serves',
      'ended',
    ]);
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: [...crash], 43: [...back] });
      const { outcome } = await play(world, [kill]);
      expect(outcome, `killed at ${kill}`).toBe('rolled back');
      expect(
        world.releases.map(known => known.description),
        `killed at ${kill}`,
      ).toEqual(['Deploy old', 'Deploy new', 'Rollback to v41']);
      expect(kinds(world), `killed at ${kill}`).toEqual(told);
    }
  });

  it('are left alone when somebody released other code meanwhile', async () => {
    const world = new World({ 42: [...crash] }, { stranger: true });
    expect((await play(world)).outcome).toBe('superseded');
    expect(world.releases.filter(known => known.description.startsWith('Rollback'))).toHaveLength(0);
  });

  it('are rolled back when a person asks for it while old code still serves', async () => {
    const world = new World({ 42: good.slice(0, 2), 43: [...back] });
    world.press = { at: 'old serves', kind: 'roll back' };
    expect((await play(world)).outcome).toBe('rolled back');
    expect(world.clicks[0]?.answer).toBe('Rolling back.');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'rollback asked', by: 'U1' }));
    for (let kill = 1; kill <= world.calls; kill++) {
      const again = new World({ 42: good.slice(0, 2), 43: [...back] });
      again.press = { at: 'old serves', kind: 'roll back' };
      expect((await play(again, [kill])).outcome, `killed at ${kill}`).toBe('rolled back');
      expect(again.releases, `killed at ${kill}`).toHaveLength(3);
    }
  });
});

describe('a switchover that cannot be proved', () => {
  it('is asked of a person, whose word is recorded as such', async () => {
    const world = new World({ 42: [...unproved] });
    world.press = { at: 'not proved', kind: 'it serves' };
    expect((await play(world)).outcome).toBe('succeeded');
    expect(world.facts).toContainEqual(expect.objectContaining({ kind: 'checked', by: 'U1', what: 'new serves' }));
    expect(world.clicks[0]?.answer).toContain('you looked');
  });

  it('ends with the word of a person for old code, whatever is killed when', async () => {
    const missing: Phase = { kind: 'not proved', missing: 'old gone', known: [] };
    const script = () => [...good.slice(0, 4), missing];
    const rehearsal = new World({ 42: script() });
    rehearsal.press = { at: 'not proved', kind: 'old code is gone' };
    expect((await play(rehearsal)).outcome).toBe('succeeded');
    for (let kill = 1; kill <= rehearsal.calls; kill++) {
      const world = new World({ 42: script() });
      world.press = { at: 'not proved', kind: 'old code is gone' };
      expect((await play(world, [kill])).outcome, `killed at ${kill}`).toBe('succeeded');
    }
  });
});
