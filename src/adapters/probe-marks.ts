import { randomBytes } from 'node:crypto';

/** A probe's line in the log comes within seconds; of 24 probes a second these are minutes. */
const MOST = 10_000;

/** The marks of the probes that were sent from here: whoever guesses one can pass for us, so nobody can. */
export type ProbeMarks = { next: () => string; knows: (mark: string) => boolean };

/** Marks of 12 hex digits; the newest 10,000 are known. */
export function createMarks(): ProbeMarks {
  const sent = new Set<string>();
  return {
    next: () => {
      const mark = randomBytes(6).toString('hex');
      sent.add(mark);
      const [oldest] = sent;
      if (sent.size > MOST && oldest !== undefined) sent.delete(oldest);
      return mark;
    },
    knows: mark => sent.has(mark),
  };
}
