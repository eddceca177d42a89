// Maintenance mode as a person asked for it: a dead-man's switch. What is wanted is stored; whichever process of the bot
// comes by brings Heroku there, looks what visitors really get, and opens the app when its time is over.

export type Door = 'closed' | 'open';

/** Times in ms since 1970, by the store's clock; null: not yet. */
export type Closing = {
  id: string;
  app: string;
  by: string;
  reason: string;
  channel: string;
  minutes: number | null;
  wanted: Door | null;
  wantedAt: number | null;
  until: number | null;
  told: Door | null;
  toldAt: number | null;
  seen: Door | null;
  seenAt: number | null;
  openedBy: string | null;
  workers: readonly Stopped[];
  stopWorkers: boolean;
  /** There were some when it was asked for. */
  hasWorkers: boolean;
  /** The workers were seen to be gone. */
  idleAt: number | null;
  /** The time that is left was told. */
  countedAt: number | null;
  remindedAt: number | null;
  barredAt: number | null;
  lateAt: number | null;
  endedAt: number | null;
};

/** A process type that was stopped, and of how many dynos it had been. */
export type Stopped = { type: string; quantity: number };

/** Before its end it is said once more. */
export const REMIND_CLOSING_MS = 5 * 60_000;
/** Of one without an end it is said so often that it is closed. */
const STILL_CLOSED_MS = 3_600_000;
/** Visitors should see the change by then; if not, that is said aloud. */
const LATE_MS = 60_000;
/** So long it is told anew to open by itself: who closes it by hand after that is not fought. */
const TOLD_ANEW_MS = 10 * 60_000;
/** The time that is left is told anew so often: near its end each minute. */
const COUNT_MS = 5 * 60_000;
const COUNT_NEAR_MS = 60_000;
const NEAR_MS = 15 * 60_000;
/** While somebody migrates, an app whose time is over is asked about so often. */
const ASK_AGAIN_MS = 5 * 60_000;

export type Move =
  /** Its time is over. */
  | { kind: 'open' }
  | { kind: 'tell'; door: Door }
  /** `meanwhile`: what does not wait for them. */
  | { kind: 'stop workers'; meanwhile: Move }
  | { kind: 'start workers'; meanwhile: Move }
  | { kind: 'look'; door: Door; late: boolean }
  | { kind: 'remind' }
  | { kind: 'count down' }
  | { kind: 'end' }
  | { kind: 'rest' };

/** What is to be done next. */
export function nextMove(closing: Closing, now: number): Move {
  const { wanted, wantedAt, until, told, toldAt, seen, stopWorkers, workers, idleAt, lateAt, barredAt } = closing;
  if (closing.endedAt !== null || wanted === null) return { kind: 'rest' };
  const isOver = wanted === 'closed' && until !== null && until <= now;
  if (isOver && (barredAt === null || now - barredAt >= ASK_AGAIN_MS)) return { kind: 'open' };
  // What Heroku never took is not begun when its time is over.
  if (isOver && told !== 'closed') return { kind: 'rest' };
  if (told !== wanted) return { kind: 'tell', door: wanted };
  if (wanted === 'closed' && stopWorkers && idleAt === null) {
    return { kind: 'stop workers', meanwhile: nextMove({ ...closing, stopWorkers: false }, now) };
  }
  if (wanted === 'open' && workers.length > 0) {
    const meanwhile: Move = seen === 'open' ? { kind: 'rest' } : nextMove({ ...closing, workers: [] }, now);
    return { kind: 'start workers', meanwhile };
  }
  if (seen !== wanted) {
    // A call to close it may have come after that to open it, its caller being gone.
    const isStuck = wanted === 'open' && lateAt !== null && toldAt !== null && now - toldAt > LATE_MS;
    if (isStuck && now - (wantedAt ?? 0) < TOLD_ANEW_MS) return { kind: 'tell', door: wanted };
    return { kind: 'look', door: wanted, late: lateAt === null && toldAt !== null && now - toldAt > LATE_MS };
  }
  if (wanted === 'open') return { kind: 'end' };
  if (until === null) return withoutEnd(closing, now);
  return until <= now ? { kind: 'rest' } : beforeItsEnd({ ...closing, until }, now);
}

/** Nothing would open it: so whoever closed it is asked again and again. */
function withoutEnd({ seenAt, remindedAt }: Closing, now: number): Move {
  const since = now - Math.max(seenAt ?? now, remindedAt ?? 0);
  return { kind: since >= STILL_CLOSED_MS ? 'remind' : 'rest' };
}

function beforeItsEnd(closing: Closing & { until: number }, now: number): Move {
  const { until, minutes, remindedAt, countedAt, seenAt } = closing;
  const left = until - now;
  const isShort = (minutes ?? 0) * 60_000 <= REMIND_CLOSING_MS;
  if (left <= REMIND_CLOSING_MS && !isShort && remindedAt === null) return { kind: 'remind' };
  const since = now - Math.max(countedAt ?? 0, seenAt ?? 0);
  return since >= (left > NEAR_MS ? COUNT_MS : COUNT_NEAR_MS) ? { kind: 'count down' } : { kind: 'rest' };
}

/** True when Heroku could not even be told for a minute, or of what was opened not start the workers; said once. */
export function isOverdue({ wanted, wantedAt, told, toldAt, workers, lateAt }: Closing, now: number): boolean {
  if (wanted === null || lateAt !== null) return false;
  const isLate = (since: number | null): boolean => since !== null && now - since > LATE_MS;
  return told === wanted ? wanted === 'open' && workers.length > 0 && isLate(toldAt) : isLate(wantedAt);
}

/** What one answer says of the door: the router's closed page is a 503 without a word of the app's own. */
export function doorIn({ status, version }: { status: number | null; version: unknown }): Door | null {
  if (status === 503 && version === null) return 'closed';
  return status !== null && status < 500 ? 'open' : null;
}
