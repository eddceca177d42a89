import type { NotBegun } from './domain/schedule.ts';
import type { Schedules, Starts } from './team.ts';

/** Deploys of an app, or of all (null), that somebody wants and that have not begun: first those that wait for a yes. */
export async function notBegun(
  { starts, schedules }: { starts: Pick<Starts, 'waiting'>; schedules: Pick<Schedules, 'waiting'> },
  app: string | null,
): Promise<NotBegun[]> {
  const [asked, due] = await Promise.all([starts.waiting(app), schedules.waiting(app)]);
  return [
    ...asked.map(({ id, by, plan, at }): NotBegun => ({ kind: 'asked', id, by, plan, at: Date.parse(at) })),
    ...due.map(({ id, by, plan, due: at }): NotBegun => ({ kind: 'scheduled', id, by, plan, at })),
  ];
}
