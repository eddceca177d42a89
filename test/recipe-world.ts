import type { Click, Deploy, Fact, FactBody } from '../src/domain/deploy.ts';
import type { Sample } from '../src/domain/health.ts';
import { digestOf, type MigrationFile } from '../src/domain/migration-file.ts';
import type { Plan, Preflight } from '../src/domain/plan.ts';
import type { Quantity } from '../src/domain/reopening.ts';
import type { Objections } from '../src/domain/turn.ts';
import type { Phase } from '../src/domain/watch.ts';
import { beginWatch, type Goal, type Watch } from '../src/domain/watch.ts';
import type {
  Build,
  FileOutcome,
  Heroku,
  MayAct,
  MigrationRun,
  Migrator,
  OneOffs,
  Prober,
  Release,
  SourceHost,
  Time,
  Watcher,
} from '../src/outside.ts';
import { FIRST_STAGE, recipe } from '../src/recipe.ts';
import { type Journal, Run, runStage } from '../src/run.ts';

// A world in which a deploy can be killed at each touch, with all that survives a kill.

class Killed extends Error {}

export const plan = {
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

export const release = (version: number, slug: string, rest: Partial<Release> = {}): Release => ({
  id: `r${version}`,
  version,
  status: 'succeeded',
  current: false,
  description: `Deploy ${slug}`,
  by: 'bot@example.com',
  slug,
  eligible: true,
  outputUrl: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:02.000Z',
  ...rest,
});

type Trouble = {
  buildFails?: boolean;
  /** The build goes on until somebody stops it. */
  buildStays?: boolean;
  releaseFails?: boolean;
  stranger?: boolean;
  /** What others release while ours is built. */
  between?: readonly Release[];
  /** A migration that fails. */
  breaks?: string;
  /** The tarball is not what it was when the plan was made. */
  changed?: boolean;
  /** What the commit gives now in place of the contract migrations of the plan. */
  gives?: MigrationFile;
  ill?: boolean;
  /** Dynos of the new code crash. */
  newCrash?: boolean;
  /** A command that does not end in time; what commands print; nobody can say how one ended. */
  takesLong?: string;
  prints?: () => string[];
  lost?: boolean;
  /** What the build prints. */
  buildPrints?: readonly string[];
  /** Heroku does not tell the config vars. */
  configLost?: boolean;
};

/** Config vars of the app, one of them a secret that spans two lines. */
export const CONFIG = { DATABASE_URL: 'postgres://shop', TILL: 'first line of it\nsecond line of it' };

/** Everything that survives a kill: Heroku's own state, the journal, and how far the switchover has come. */
export class World {
  readonly facts: (Fact & { key: string })[] = [];
  readonly builds: Build[] = [];
  readonly releases: Release[] = [release(41, 'old', { current: true })];
  readonly clicks: (Click & { answer?: string })[] = [];
  /** Migrations that the app's database has had, as often as they were run. */
  readonly applied: string[] = [];
  /** Those of them that ran while visitors were let in, or while a dyno was there. */
  readonly unguarded: string[] = [];
  /** What people press, and after which phase or fact. */
  presses: (Pick<Click, 'kind'> & Partial<Click> & { after: Phase['kind'] | Fact['kind'] })[] = [];
  /** Maintenance mode, and how it changed. */
  closed = false;
  readonly doors: ('closed' | 'open')[] = [];
  /** Whether the time comes when nobody presses anything. */
  patient = true;
  plan = plan;
  /** So many others wait that this one is not watched meanwhile. */
  isCrowded = false;
  /** What it would be planned as at its turn. */
  plannedAgain: Preflight = { kind: 'ready', plan };
  configSeen: { name: string; value: string }[] = [];
  /** What its own bot has against it when its turn comes. */
  notNow: Objections = { reasons: [], floor: null };
  wake = () => {};
  stopBuild = () => {};
  calls = 0;
  killAt = Number.POSITIVE_INFINITY;
  formation: readonly Quantity[] = [{ type: 'web', quantity: 2 }];
  readonly scaled: string[] = [];
  readonly phases: Record<number, Phase[]>;
  readonly trouble: Trouble;

  constructor(phases: Record<number, Phase[]>, trouble: Trouble = {}) {
    this.phases = phases;
    this.trouble = trouble;
  }

  /**
   * Each touch of the world is two places to be killed at: before it happened, and before we heard that it did. The dead
   * touch nothing more.
   */
  async touch<T>(act: () => T): Promise<T> {
    if (++this.calls >= this.killAt) throw new Killed();
    const done = act();
    if (++this.calls >= this.killAt) throw new Killed();
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
    openClick: async () => this.clicks.find(click => click.answer === undefined) ?? null,
    answer: (_, click, answer) => this.touch(() => Object.assign(click, { answer })).then(() => {}),
  };

  append(fact: FactBody, key: string): void {
    if (this.facts.some(known => known.key === key)) return;
    if (this.facts.some(({ kind }) => kind === 'ended')) return;
    if (fact.kind === 'planned again') this.plan = fact.plan;
    const stamp = { key, seq: this.facts.length + 1, at: '2026-01-01T00:00:00.000Z' };
    this.facts.push({ ...fact, ...stamp } as Fact & { key: string });
    const happened = fact.kind === 'phase' ? fact.phase.kind : fact.kind;
    const pressed = this.presses.filter(({ after }) => after === happened);
    if (pressed.length === 0) return;
    for (const press of pressed) this.clicks.push(clickOf(press, this.clicks.length));
    // Nobody presses before they have seen it.
    setImmediate(() => this.wake());
  }

  deploy(): Deploy {
    return {
      id: 'd1',
      plan: this.plan,
      startedBy: 'U1',
      startedAt: '2026-01-01T00:00:00.000Z',
      facts: [...this.facts],
    };
  }

  /** Of the current release, as many as are asked for. */
  dynos() {
    const current = this.releases.find(known => known.current);
    const crashed = this.trouble.ill || (this.trouble.newCrash && current?.slug === 'new');
    return this.formation.flatMap(({ type, quantity }) =>
      Array.from({ length: quantity }, (_, index) => ({
        ...{ name: `${type}.${index + 1}`, type, state: crashed ? 'crashed' : 'up' },
        ...{ release: current?.version ?? 0, createdAt: '2026-01-01T00:00:00.000Z' },
      })),
    );
  }

  /** Those who wait for it to be another. */
  readonly #waiting: (() => void)[] = [];
  /** How the app was before, and what the watch has met since; `wake` when that is another. */
  readonly met = {
    before: null as Sample | null,
    watch: (goal: Goal): Watch => beginWatch(goal),
    wake: () => {
      for (const wake of this.#waiting.splice(0)) wake();
    },
    /** What the watch has seen that its phase does not say. */
    seen: {} as Partial<Watch>,
  };

  #next = (): number => Math.max(...this.releases.map(({ version }) => version)) + 1;

  #asked = 0;
  /** Each answer takes a second. */
  readonly prober: Prober = {
    ask: async () => {
      const stamp = { sentAt: this.#asked * 1000, receivedAt: ++this.#asked * 1000 };
      if (this.closed) return { ...stamp, status: 503, version: null };
      const release = this.releases.find(known => known.current)?.version ?? 0;
      return { ...stamp, status: 200, version: { release } };
    },
  };

  readonly heroku = {
    app: () => this.touch(() => ({ maintenance: this.closed })),
    setMaintenance: (_: string, on: boolean) =>
      this.touch(() => {
        this.closed = on;
        this.doors.push(on ? 'closed' : 'open');
      }),
    configSeen: async () => this.configSeen,
    config: () =>
      this.touch(() => {
        if (this.trouble.configLost) throw new Error('Heroku answered GET /apps/shop/config-vars with 503');
        return CONFIG;
      }),
    dynos: () => this.touch(() => this.dynos()),
    formation: () => this.touch(() => this.formation.map(entry => ({ ...entry, size: 'standard-1X' }))),
    scale: (_: string, formation: readonly Quantity[]) =>
      this.touch(() => {
        this.formation = this.formation.map(entry => formation.find(({ type }) => type === entry.type) ?? entry);
        this.scaled.push(formation.map(({ type, quantity }) => `${type}=${quantity}`).join(' '));
      }),
    openLog: async function* (_: string, signal: AbortSignal) {
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      yield* [];
    },
    releases: () => this.touch(() => [...this.releases].reverse()),
    release: (_: string, id: string) => this.touch(() => this.releases.find(known => known.id === id)),
    slugCommit: (_: string, slug: string) => this.touch(() => `commit of ${slug}`),
    builds: () => this.touch(() => [...this.builds]),
    uploadSource: () => this.touch(() => 'http://source'),
    startBuild: (_: string, ask: { marker: string }) =>
      this.touch(() => {
        const build = { id: `b${this.builds.length}`, description: ask.marker, status: 'pending' } as Build;
        this.builds.push(build);
        this.releases.push(...(this.trouble.between ?? []));
        return build;
      }),
    cancelBuild: (_: string, id: string) =>
      this.touch(() => {
        for (const build of this.builds) if (build.id === id) build.status = 'failed';
        this.stopBuild();
      }),
    buildEnded: async (_: string, build: Build, onLine: (line: string) => void, signal: AbortSignal) => {
      if (this.trouble.buildStays && build.status === 'pending') {
        await new Promise<void>((stopped, aborted) => {
          this.stopBuild = stopped;
          signal.addEventListener('abort', () => aborted(signal.reason));
        });
      }
      return this.touch(() => {
        onLine('-----> Building');
        for (const line of this.trouble.buildPrints ?? []) onLine(line);
        const { status } = this.builds[0] ?? build;
        if (this.trouble.buildFails || status === 'failed') return { ...build, status: 'failed' };
        const ours =
          this.releases.find(({ slug }) => slug === 'new') ?? release(this.#next(), 'new', { status: 'pending' });
        if (!this.releases.includes(ours)) this.releases.push(ours);
        return { ...build, status: 'succeeded', slug: 'new', release: ours.id };
      });
    },
    releaseEnded: (_: string, begun: Release, onLine: (line: string) => void) =>
      this.touch(() => {
        onLine('migrating');
        const failed = this.trouble.releaseFails === true;
        const ended: Release = { ...begun, status: failed ? 'failed' : 'succeeded', current: !failed };
        if (!failed) for (const known of this.releases) known.current = false;
        this.releases[this.releases.findIndex(known => known.id === begun.id)] = ended;
        if (this.trouble.stranger && this.releases.length === 2) this.releases.push(release(43, 'else', { by: 'jo' }));
        return ended;
      }),
    rollBack: (_: string, id: string) =>
      this.touch(() => {
        const { back: planned } = this.plan;
        const target = this.releases.find(known => known.id === id);
        const on = planned?.id === id ? { slug: 'new', version: planned.version } : target;
        const description = `Rollback to v${on?.version}`;
        const back = release(this.#next(), on?.slug ?? '', { description, status: 'pending' });
        this.releases.push(back);
        return back;
      }),
  } as unknown as Heroku;

  /** Commands that were started, as often as they were. */
  readonly started: string[] = [];
  readonly #marked = new Set<string>();
  readonly oneOffs: OneOffs = {
    run: async ({ command, marker, onLine, release, signal }) => {
      if (!this.releases.some(({ version, current }) => version === release && current)) {
        return { kind: 'not run', why: 'another release is current' };
      }
      await this.touch(() => {
        this.started.push(command);
        this.#marked.add(marker);
      });
      if (this.trouble.takesLong === command) {
        signal.throwIfAborted();
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      for (const line of this.trouble.prints?.() ?? ['done']) onLine(line);
      return { kind: 'exited', code: this.trouble.breaks === command ? 1 : 0, told: 'by output' };
    },
    resume: async ({ marker }) =>
      !this.#marked.has(marker) || this.trouble.lost
        ? { kind: 'unclear', why: 'the log does not tell' }
        : { kind: 'exited', code: 0, told: 'by log' },
  };

  /** Looks before it runs, as the real one does. */
  readonly migrator = {
    applied: async () => ({}),
    read: async () => ({ files: [this.trouble.gives], problems: [], unknown: [], procfile: null, scripts: {} }),
    run: async ({ files, digest, onProgress }: Parameters<Migrator['run']>[0]): Promise<MigrationRun> => {
      if (this.trouble.changed) return { kind: 'changed', problems: ['`1_add` is another one.'] };
      const { gives } = this.trouble;
      if (gives && digest !== 'other' && digest !== digestOf(plan.commit.sha, [gives])) {
        return { kind: 'changed', problems: ['`2_drop` gives other SQL now.'] };
      }
      const ran: { name: string; table: string; outcome: FileOutcome }[] = [];
      for (const file of files) {
        const isDone = this.applied.includes(file.name);
        const error = isDone ? null : await onProgress({ kind: 'begins', name: file.name, statements: 1 });
        if (error) {
          ran.push({ ...file, outcome: { kind: 'rolled back', error, code: null, statement: null, blockers: [] } });
          break;
        }
        const broken = file.name === this.trouble.breaks && !this.clicks.some(({ kind }) => kind === 'try again');
        if (broken) {
          const error = 'no such column';
          ran.push({ ...file, outcome: { kind: 'rolled back', error, code: '42703', statement: 1, blockers: [] } });
          break;
        }
        await this.touch(() => {
          if (this.applied.includes(file.name)) return;
          this.applied.push(file.name);
          if (!this.closed || this.dynos().length > 0) this.unguarded.push(file.name);
        });
        ran.push({ ...file, outcome: { kind: 'applied', ms: 1000 } });
      }
      return { kind: 'ran', files: ran };
    },
  } as unknown as Migrator;

  readonly time: Time = {
    now: () => Date.parse('2026-01-01T00:00:30.000Z'),
    pass: async (_, signal) => {
      await new Promise(setImmediate);
      if (this.calls >= this.killAt) throw new Killed();
      signal.throwIfAborted();
    },
    until: async (at, signal) => {
      signal.throwIfAborted();
      if (!this.patient || at <= Date.parse('2026-01-01T00:10:00.000Z')) return;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  };

  readonly source = { tarball: () => this.touch(() => new Uint8Array(7)) } as unknown as SourceHost;

  /** Plays the phases of the release that is watched; what was reached stays reached. */
  readonly watcher: Watcher = {
    forget: () => {},
    begin: () => {},
    before: () => this.met.before,
    followSparingly: ask => (this.isCrowded ? null : this.watcher.follow(ask)),
    follow: ({ goal }) => {
      const { met } = this;
      const script = this.phases[goal.ours] ?? [];
      let resume = () => {};
      return {
        get watch() {
          const evidence = { by: 'logs', dyno: 'web.1', at: 1 } as const;
          const isServed = script[0]?.kind === 'new serves' || script[0]?.kind === 'old gone';
          const served = isServed ? { at: 2, from: 1, oldAt: null, evidence } : null;
          const goneAt = script[0]?.kind === 'old gone' ? script[0].at : null;
          return { ...beginWatch(goal), served, goneAt, ...met.seen };
        },
        when: async (passes, signal) => {
          for (;;) {
            signal.throwIfAborted();
            if (passes(this.met.watch(goal))) return;
            await new Promise<void>((resolve, reject) => {
              this.#waiting.push(resolve);
              signal.addEventListener('abort', () => reject(signal.reason));
            });
          }
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
export async function play(
  world: World,
  kills: number[] = [],
  onTrouble: (error: unknown) => void = error => {
    throw error;
  },
  claim?: MayAct,
): Promise<{ stages: string[]; outcome: string }> {
  const stages: string[] = [];
  const { heroku, source, watcher, prober, migrator, oneOffs, time } = world;
  const planAgain = async () => world.plannedAgain;
  const given = { heroku, source, watcher, prober, migrator, oneOffs, time };
  const outside = { ...given, catalog: async () => null as never, planAgain, notNow: async () => world.notNow };
  for (let at = FIRST_STAGE; ; ) {
    world.killAt = kills[0] ?? Number.POSITIVE_INFINITY;
    const run = new Run(world.deploy(), world.journal, outside, new AbortController().signal, claim);
    stages.push(at);
    try {
      const stage = recipe[at];
      if (!stage) throw new Error(`no stage ${at}`);
      const next = await runStage(stage, run);
      if ('end' in next) return { stages, outcome: next.end };
      at = next.to;
    } catch (error) {
      if (error instanceof Killed) kills.shift();
      else onTrouble(error);
    }
  }
}

export const good: Phase[] = [
  { kind: 'booting', up: 0, of: 2 },
  { kind: 'old serves', expectedSwitch: 1 },
  { kind: 'mixed', corrected: false },
  { kind: 'new serves', at: 2, evidence: { by: 'probe', answers: 10, spanMs: 2500, firstNewAt: 1, lastOldAt: 0 } },
  { kind: 'old gone', at: 3, dynos: ['web.1', 'web.2'] },
];
export const crash: Phase[] = [good[0] as Phase, { kind: 'crashed', dyno: 'web.1', what: 'crashed while it started' }];
export const unproved: Phase[] = [...good.slice(0, 2), { kind: 'not proved', missing: 'new serves', known: [] }];
export const kinds = (world: World) =>
  world.facts.map(fact => (fact.kind === 'phase' ? `${fact.of}: ${fact.phase.kind}` : fact.kind));
/** Does it once, right before the first fact of a kind is appended. */
export function rightBefore(world: World, kind: string, act: () => void): World {
  const append = world.append.bind(world);
  let done = false;
  world.append = (fact, key) => {
    if (fact.kind === kind && !done) {
      done = true;
      act();
    }
    append(fact, key);
  };
  return world;
}

/** Somebody sets a config var as soon as new code is said to be not well. */
export function settingAVar(world: World): World {
  const append = world.append.bind(world);
  world.append = (fact, key) => {
    append(fact, key);
    const isSet = world.releases.some(({ version }) => version === 43);
    const set = release(43, 'new', { description: 'Set CHARGE_KEY config vars' });
    if (fact.kind === 'not well' && !isSet) world.releases.push(set);
  };
  return world;
}

function clickOf({ kind, ...rest }: World['presses'][number], index: number): Click {
  const stamp = { id: `c${index}`, by: 'U1', at: '2026-01-01T00:00:00.000Z' };
  return { kind, ...stamp, about: null, reason: null, ...rest };
}
