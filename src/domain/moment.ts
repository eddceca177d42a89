import { DateTime, type WeekdayNumbers } from 'luxon';

const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const LONGEST_DAYS = 14;

export type Moment = { kind: 'at'; at: number } | { kind: 'wrong'; why: string };

/**
 * Reads a time as it is typed: `18:30` (today, or tomorrow when that is over), `6pm`, `tomorrow 9:00`, `mon 9:00`,
 * `2026-11-24 06:00`, by the clock of that zone. `now` and the answer are ms since 1970; at most two weeks ahead.
 */
export function readMoment(text: string, zone: string, now: number): Moment {
  const wrong = (why: string): Moment => ({ kind: 'wrong', why });
  const words = text.trim().toLowerCase().split(/\s+/);
  const [day, clock] = words.length > 1 ? [words[0] ?? '', words[1] ?? ''] : ['', words[0] ?? ''];
  const time = timeIn(clock);
  const here = DateTime.fromMillis(now, { zone });
  if (!time || words.length > 2 || !here.isValid)
    return wrong(`“${text}” is no time. Say 18:30, tomorrow 9:00, mon 9:00 or ${here.toFormat('yyyy-MM-dd')} 18:30`);
  const on = dayIn(day, here, time);
  if (!on?.isValid) return wrong(`“${day}” is no day. Say today, tomorrow, mon or ${here.toFormat('yyyy-MM-dd')}`);
  const at = on.set(time);
  // Clocks that go forward leave an hour out; luxon would silently take the next one.
  if (at.hour !== time.hour) return wrong(`There is no ${clock} on that day in ${zone}: clocks go forward then`);
  if (at.toMillis() <= now) return wrong(`${at.toFormat('d LLL HH:mm')} in ${zone} is over`);
  if (at > here.plus({ days: LONGEST_DAYS })) return wrong('A deploy can be planned for two weeks ahead, no longer');
  return { kind: 'at', at: at.toMillis() };
}

type Clock = { hour: number; minute: number; second: 0; millisecond: 0 };

function timeIn(text: string): Clock | null {
  const [, hours = '', minutes = '00', half] = /^(\d{1,2})(?::(\d{2}))?\s*(am|pm)?$/.exec(text) ?? [];
  if (hours === '' || (!text.includes(':') && !half) || (half && !(Number(hours) >= 1 && Number(hours) <= 12)))
    return null;
  const hour = half ? (Number(hours) % 12) + (half === 'pm' ? 12 : 0) : Number(hours);
  const minute = Number(minutes);
  return hour < 24 && minute < 60 ? { hour, minute, second: 0, millisecond: 0 } : null;
}

function dayIn(day: string, here: DateTime, time: Clock): DateTime | null {
  if (day === '') return here.set(time) > here ? here : here.plus({ days: 1 });
  if (day === 'today') return here;
  if (day === 'tomorrow') return here.plus({ days: 1 });
  const weekday = DAYS.indexOf(day.slice(0, 3)) + 1;
  if (weekday > 0 && /^[a-z]+$/.test(day)) {
    const next = here.set({ weekday: weekday as WeekdayNumbers });
    return next.set(time) > here ? next : next.plus({ weeks: 1 });
  }
  return /^\d{4}-\d\d-\d\d$/.test(day) ? DateTime.fromISO(day, { zone: here.zone }) : null;
}
