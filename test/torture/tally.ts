import type { Violation } from './invariants.ts';
import type { Signal } from './kills.ts';
import type { Owned } from './standing.ts';

/** What is counted over all runs. */
export class Tally {
  readonly kills: Record<Signal, number> = { SIGKILL: 0, SIGTERM: 0, SIGSTOP: 0 };
  /** By the stage that a deploy of the struck process stood at; `none` when it ran none. */
  readonly byStage = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly outcomes = new Map<string, number>();
  /** What people got who asked for a plan and got none. */
  readonly answers = new Map<string, number>();
  /** Ms until another process had the deploy; `troubled`: of a killed one, while the database was in trouble, too. */
  readonly takeOvers: Record<'killed' | 'troubled' | 'frozen', number[]> = { killed: [], troubled: [], frozen: [] };
  /** Ms from SIGTERM to the end. */
  readonly left: number[] = [];
  readonly violations: (Violation & { seed: number })[] = [];
  /** What went wrong with torture itself. */
  readonly problems: string[] = [];
  visits = 0;
  runs = 0;
  /** Troubles of the bots' database that go on, and when the last one ended (by a stopwatch, ms). */
  #failing = 0;
  #mendedAt = Number.NEGATIVE_INFINITY;

  /** To be told when that is over. */
  databaseFails(): () => void {
    this.#failing++;
    return () => {
      this.#failing--;
      this.#mendedAt = performance.now();
    };
  }

  hasDatabaseFailed(since: number): boolean {
    return this.#failing > 0 || this.#mendedAt > since;
  }

  killed(signal: Signal, owned: readonly Owned[]): void {
    this.kills[signal]++;
    const stages = owned.length > 0 ? owned.map(({ stage }) => stage) : ['none'];
    for (const stage of new Set(stages)) count(this.byStage, stage);
  }

  get struck(): number {
    return Object.values(this.kills).reduce((sum, kills) => sum + kills, 0);
  }
}

export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
