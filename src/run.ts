import { type Click, type Deploy, type FactBody, type FactOf, latest, type Outcome } from './domain/deploy.ts';
import type { Preflight } from './domain/plan.ts';
import { mustOpen } from './domain/readings.ts';
import type { Objections } from './domain/turn.ts';
import type { Heroku, MayAct, Migrator, OneOffs, Prober, SourceHost, Time, Watcher } from './outside.ts';
import type { MigrationSources } from './pending.ts';

const ANSWERED_LOOK_MS = 200;

/** The key of a fact that comes once for each version of the migrations that a deploy stands for. */
export function again({ deploy }: Pick<Run, 'deploy'>, kind: string): string {
  const versions = deploy.facts.filter(fact => fact.kind === 'migrations changed').length;
  return versions === 0 ? kind : `${kind} ${versions}`;
}

/** What comes after a stage: another one, or the end. */
export type Next = { to: string } | { end: Outcome };

/** A part of a deploy. It may run again after a kill, so it looks for what is done before it acts. */
export type Stage = (run: Run) => Promise<Next>;

/** Runs a stage, but not of a deploy that has ended: a process may die between keeping the end and telling the engine. */
export async function runStage(stage: Stage, run: Run): Promise<Next> {
  const ended = latest(run.deploy, 'ended');
  if (!ended) return stage(run);
  run.outside.watcher.forget(run.deploy.id);
  return { end: ended.outcome };
}

/** What a stage may use of the world. */
export type Outside = {
  heroku: Heroku;
  source: SourceHost;
  watcher: Watcher;
  prober: Prober;
  migrator: Migrator;
  oneOffs: OneOffs;
  catalog: MigrationSources['catalog'];
  /** What a deploy would do if it were planned now. */
  planAgain: (deploy: Deploy) => Promise<Preflight>;
  /** What the bot itself knows against it right now. */
  notNow: (deploy: Deploy) => Promise<Objections>;
  time: Time;
};

/** Where a run reads and appends what happened. Appending is idempotent: a key is recorded once. */
export interface Journal {
  deploy(id: string): Promise<Deploy>;
  append(deploy: string, fact: FactBody, key: string): Promise<void>;
  /** The oldest press that nobody answered yet, waiting for one when there is none. Rejects when the signal aborts. */
  nextClick(deploy: string, signal: AbortSignal): Promise<Click>;
  /** The oldest press that nobody answered yet; null when there is none. */
  openClick(deploy: string): Promise<Click | null>;
  answer(deploy: Deploy, click: Click, answer: string): Promise<void>;
}

/** What the first of several works gives; the others are stopped, and waited for. */
export async function first<T>(
  signal: AbortSignal,
  works: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T> {
  const done = new AbortController();
  const racers = works.map(work => work(AbortSignal.any([signal, done.signal])));
  try {
    return await Promise.race(racers);
  } finally {
    done.abort();
    await Promise.allSettled(racers);
  }
}

/** One deploy in one stage: its plan and facts, the world, and the signal to park at. */
export class Run {
  readonly outside: Outside;
  readonly signal: AbortSignal;
  readonly #journal: Journal;
  readonly #claim: MayAct;
  #deploy: Deploy;

  constructor(deploy: Deploy, journal: Journal, outside: Outside, signal: AbortSignal, claim: MayAct = async () => {}) {
    this.#claim = claim;
    this.#deploy = deploy;
    this.#journal = journal;
    this.outside = outside;
    this.signal = signal;
  }

  get deploy(): Deploy {
    return this.#deploy;
  }

  /** Appends a fact, once for its key, and reads the deploy again. */
  async record(fact: FactBody, key: string = fact.kind): Promise<void> {
    await this.#journal.append(this.#deploy.id, fact, key);
    this.#deploy = await this.#journal.deploy(this.#deploy.id);
  }

  /**
   * Records the end; the engine then frees the app for the next deploy. What is closed is opened first, with the code of
   * somebody else where theirs is `live`.
   */
  async end(outcome: Outcome, why: string, live?: FactOf<'giving up'>['live']): Promise<Next> {
    if (mustOpen(this.#deploy)) {
      // While it is put back there may come another reason, which then counts.
      const given = this.#deploy.facts.filter(fact => fact.kind === 'giving up');
      const last = given.at(-1);
      if (last?.outcome !== outcome || last.why !== why) {
        await this.record({ kind: 'giving up', outcome, why, ...(live && { live }) }, `giving up ${given.length}`);
      }
      return { to: 'Put it back' };
    }
    await this.record({ kind: 'ended', outcome, why });
    this.outside.watcher.forget(this.#deploy.id);
    return { end: outcome };
  }

  /** To be asked right before each call that changes something outside: another process may own this deploy by now. */
  readonly mayAct: MayAct = async () => {
    await this.#claim();
    this.signal.throwIfAborted();
  };

  /** Answers what people pressed while nobody listened. */
  async answerPresses(obey: (click: Click) => Promise<string>): Promise<void> {
    for (;;) {
      const click = await this.#journal.openClick(this.#deploy.id);
      if (!click) return;
      await this.#journal.answer(this.#deploy, click, await obey(click));
    }
  }

  /** Waits until no press is open: what was pressed in time goes before what time decides. For whoever listens beside it. */
  async pressesAnswered(signal: AbortSignal): Promise<void> {
    while (await this.#journal.openClick(this.#deploy.id)) await this.outside.time.pass(ANSWERED_LOOK_MS, signal);
  }

  /** Waits for the work, obeying what people press meanwhile; `obey` gives a value to stop waiting with, or null to go on. */
  async listening<T>(
    work: (signal: AbortSignal) => Promise<T>,
    obey: (click: Click) => Promise<{ answer: string; instead?: T }>,
  ): Promise<T> {
    const pressed = async (signal: AbortSignal): Promise<T> => {
      for (;;) {
        const click = await this.#journal.nextClick(this.#deploy.id, signal);
        // What the person saw may be newer than what this run has read.
        this.#deploy = await this.#journal.deploy(this.#deploy.id);
        const { answer, instead } = await obey(click);
        await this.#journal.answer(this.#deploy, click, answer);
        if (instead !== undefined) return instead;
      }
    };
    return first(this.signal, [work, pressed]);
  }
}
