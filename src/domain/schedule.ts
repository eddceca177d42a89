import type { Plan } from './plan.ts';

/** A deploy that begins at a time (ms) that somebody chose; what came of it, null while it waits. */
export type Schedule = {
  id: string;
  app: string;
  by: string;
  due: number;
  outcome: 'begun' | 'asked' | 'changed' | 'refused' | 'cancelled' | null;
  endedBy: string | null;
  why: string | null;
  plan: Plan;
};

/** A deploy that somebody wants and that has not begun: it waits for a yes since, or for its time, `at` (ms). */
export type NotBegun = { kind: 'asked' | 'scheduled'; id: string; by: string; plan: Plan; at: number };

/** To whoever would begin it after that. */
export const TAKEN_OFF = 'It was taken off the schedule meanwhile: nothing was begun.';
