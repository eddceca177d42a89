import { DateTime, type WeekdayNumbers } from 'luxon';
import { z } from 'zod';

// Times in which nothing is deployed: weekly, or by date. An emergency may, with an admin, a reason and a second person.

const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const WEEK_MINUTES = 7 * 24 * 60;

const moment = z
  .string()
  .regex(/^(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):[0-5]\d$/, 'is a day and a time, such as "fri 16:00"');
const date = z.string().refine(text => /^\d{4}-\d\d-\d\d( \d\d:\d\d)?$/.test(text) && fromDate(text, 'utc').isValid, {
  error: 'is a date, such as "2026-12-20" or "2026-12-20 18:00"',
});
const common = {
  reason: z.string().min(1, 'says why nothing is deployed then'),
  zone: z
    .string()
    .refine(zone => DateTime.local({ zone }).isValid, 'is a time zone, such as "Europe/Berlin"')
    .default('UTC'),
};

/** In a settings file. `weekly` may go over the end of a week; `dates` end with the end of their last day, or at its time. */
export const freezeShape = z.union(
  [
    z.strictObject({ weekly: z.strictObject({ from: moment, to: moment }), ...common }),
    z.strictObject({
      dates: z.strictObject({ from: date, to: date }).refine(({ from, to }) => from <= to, 'ends before it begins'),
      ...common,
    }),
  ],
  'is {"weekly": {"from": "fri 16:00", "to": "mon 08:00"}, "zone": "…", "reason": "…"} or the same with "dates"',
);

export type Freeze = z.infer<typeof freezeShape>;

/** A freeze that holds, and its end, ms. */
export type Frozen = { reason: string; until: number };

/** The freeze that holds at that time (ms) and ends last; null when none does. */
export function frozenAt(freezes: readonly Freeze[], now: number): Frozen | null {
  const held = freezes.flatMap((freeze): Frozen[] => {
    const until = 'weekly' in freeze ? weeklyEnd(freeze, now) : datesEnd(freeze, now);
    return until === null ? [] : [{ reason: freeze.reason, until }];
  });
  return held.sort((a, b) => b.until - a.until)[0] ?? null;
}

function datesEnd({ dates, zone }: Extract<Freeze, { dates: unknown }>, now: number): number | null {
  const end = fromDate(dates.to, zone);
  const until = (dates.to.includes(' ') ? end : end.plus({ days: 1 })).toMillis();
  return fromDate(dates.from, zone).toMillis() <= now && now < until ? until : null;
}

function weeklyEnd({ weekly, zone }: Extract<Freeze, { weekly: unknown }>, now: number): number | null {
  const local = DateTime.fromMillis(now, { zone });
  const at = minutesOf(local);
  const from = minutesIn(weekly.from);
  const to = minutesIn(weekly.to);
  // Counted round the week, so that Friday to Monday is one piece.
  const length = (to - from + WEEK_MINUTES) % WEEK_MINUTES || WEEK_MINUTES;
  const passed = (at - from + WEEK_MINUTES) % WEEK_MINUTES;
  if (passed >= length) return null;
  const [day = '', clock = ''] = weekly.to.split(' ');
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  const weekday = (DAYS.indexOf(day) + 1) as WeekdayNumbers;
  // By the clock on the wall: a night in which it is put back is an hour longer.
  const end = local.set({ weekday, hour, minute, second: 0, millisecond: 0 });
  return (end <= local ? end.plus({ weeks: 1 }) : end).toMillis();
}

const minutesOf = (time: DateTime): number => ((time.weekday - 1) * 24 + time.hour) * 60 + time.minute;

function minutesIn(text: string): number {
  const [day = '', clock = ''] = text.split(' ');
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  return (DAYS.indexOf(day) * 24 + hour) * 60 + minute;
}

const fromDate = (text: string, zone: string): DateTime =>
  DateTime.fromFormat(text, text.includes(' ') ? 'yyyy-MM-dd HH:mm' : 'yyyy-MM-dd', { zone });
