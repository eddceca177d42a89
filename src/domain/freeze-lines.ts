import { type Freeze, freezeShape } from './freeze.ts';

// Freezes as people type them, one a line: `fri 16:00 - mon 08:00 Europe/Berlin: weekend`, or with dates.

const LINE =
  /^(?<from>[^:]*?(?:\d\d:\d\d)?)\s+(?:-|–|to)\s+(?<to>\S+(?: \d\d:\d\d)?)(?:\s+(?<zone>[A-Z][\w+/-]*))?\s*:\s+(?<reason>.+)$/i;
const WEEKLY = /^[a-z]/i;
/** Longer ones are none, and would take their time. */
const LONGEST = 500;

/** Reads them; `zone` is that of lines that name none. Gives every line that is none, with what is wrong. */
export function readFreezes(text: string, zone: string): { freezes: Freeze[]; problems: string[] } {
  const lines = text.split('\n').map(line => line.trim().replace(/\s+/g, ' '));
  const read = lines.filter(Boolean).map(line => readLine(line, zone));
  return {
    freezes: read.flatMap(known => ('freeze' in known ? [known.freeze] : [])),
    problems: read.flatMap(known => ('problem' in known ? [known.problem] : [])),
  };
}

function readLine(line: string, zone: string): { freeze: Freeze } | { problem: string } {
  const {
    from = '',
    to = '',
    zone: named = zone,
    reason = '',
  } = (line.length <= LONGEST && LINE.exec(line)?.groups) || {};
  const times = WEEKLY.test(from)
    ? { weekly: { from: from.toLowerCase(), to: to.toLowerCase() } }
    : { dates: { from, to } };
  const known = freezeShape.safeParse({ ...times, zone: named, reason });
  if (known.success) return { freeze: known.data };
  return {
    problem: `“${line.slice(0, 80)}” is none. Write “fri 16:00 - mon 08:00 Europe/Berlin: why” or “2026-12-20 - 2026-12-27: why”.`,
  };
}

/** A freeze as it is typed. */
export function freezeLine(freeze: Freeze): string {
  const { from, to } = 'weekly' in freeze ? freeze.weekly : freeze.dates;
  return `${from} - ${to} ${freeze.zone}: ${freeze.reason}`;
}
