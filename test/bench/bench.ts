import { setTimeout as sleep } from 'node:timers/promises';

/** How a bench is run. */
export type Ask = {
  /** Fewer and shorter: for a look while one works, not for the record. */
  quick: boolean;
  /** Progress, for whoever waits. */
  say: (text: string) => void;
  /** Undone at the end, whatever happens before it; the last first. */
  onEnd: (undo: () => Promise<unknown>) => void;
};

export type Cell = string | number | null;
/** Numbers under a unit; `digits` after the point. Null: there is none to be had. */
export type Column = { name: string; unit?: string; digits?: number };
export type Table = { title: string; columns: readonly Column[]; rows: readonly (readonly Cell[])[] };

/** What a number must be for the bench to be passed. */
export type Target = { what: string; unit: string; measured: number; least?: number; most?: number };

export type Measured = {
  tables: readonly Table[];
  targets: readonly Target[];
  /** How it was measured, and what of it says less than it seems to. */
  notes: readonly string[];
};

export type Bench = {
  number: number;
  title: string;
  /** What stands beside what. */
  compares: string;
  /** What `--quick` leaves out of it; null: nothing. */
  skipped: string | null;
  /** Null: not run with `--quick` at all. */
  run: (ask: Ask) => Promise<Measured>;
  inQuick: boolean;
};

export type Report = Omit<Bench, 'run' | 'inQuick'> & Measured & { seconds: number };

export const isMet = ({ measured, least, most }: Target): boolean =>
  measured >= (least ?? Number.NEGATIVE_INFINITY) && measured <= (most ?? Number.POSITIVE_INFINITY);

/** Waits until it is so, looking that often; rejects when it is not within `withinMs`. */
export async function until(
  what: string,
  withinMs: number,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 20,
): Promise<void> {
  const from = performance.now();
  while (!(await isSo())) {
    if (performance.now() - from > withinMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(everyMs);
  }
}
