import type { Evidence, Goal, StateChange, Watch } from './watch.ts';

// What follows from all that a watch has seen: that new code serves, where the answers cannot say so, and that old code
// is gone. The log's times are compared with Heroku's only, ours with ours: the clocks may differ by anything.

/** Routers flip one after another; how far apart is not documented. Assumed: at most 2 s; half a second is margin. */
export const SKEW_MS = 2_500;
/** The clocks of Heroku's machines may differ by this much: an assumption. */
export const CLOCKS_MS = 2_000;
/** In windows of 3 min: a restarted dyno is hidden and serves on for 4 to 6 min (preboot article), half a window is margin. */
export const LINGERS = 2.5;
/** A stopped dyno has 30 s from SIGTERM to SIGKILL (dyno-shutdown-behavior, 2024-12). */
export const GRACE_MS = 30_000;
/** Where no old answer was seen: that long before the first sign of new code the switch had not begun. An assumption. */
const SURELY_BEFORE_MS = 10_000;
/** Lines of one dyno may come in another order than things happened, by so much: an assumption. */
const DISORDER_MS = 3_000;
/** A dyno that goes down is stopped within this much: 46.8 s were seen (a relocation, log of 2020-12-03). */
const STOPPED_WITHIN_MS = 60_000;
/** What a release hides is stopped a window later: a part of that is no such thing, however short windows are made. */
const stoppedWithin = ({ windowMs }: Goal): number => Math.max(DISORDER_MS, Math.min(STOPPED_WITHIN_MS, windowMs / 3));

/** The API tells times in whole seconds, cut off (Platform API reference); the log in microseconds. */
const API_GRAIN_MS = 1_000;

/** Surely later than the release: dynos that a release replaced may have crashed just before it. */
export const ours = ({ clockFrom }: Watch, { at }: { at: number }): boolean =>
  at >= clockFrom + API_GRAIN_MS + CLOCKS_MS;

/**
 * True when an old dyno of that name fell before the new one was up. Heroku starts it anew, hidden: lines that look like a
 * new one's, which fails to start, may be its.
 */
export function oldFell(watch: Watch, dyno: string): boolean {
  const known = watch.changes[dyno] ?? [];
  const upAt = known.find(change => change.to === 'up' && ours(watch, change))?.at ?? Number.POSITIVE_INFINITY;
  return known.some(
    change => change.to === 'crashed' && change.at < upAt && (change.from === 'up' || !ours(watch, change)),
  );
}

/** The watch with what follows drawn, and with the reads asked for that would settle more. */
export function settle(watch: Watch): Watch {
  if (!watch.served) return settleSwitch(watch);
  return watch.goneAt === null ? settleDeparture(watch) : watch;
}

/** True when no line of the log can be missing since the release. */
export const logKnownFromRelease = ({ logFrom, goal }: Watch): boolean =>
  logFrom !== null && logFrom <= goal.releasedAt + CLOCKS_MS;

/** True when no release since ours can have been missed: Heroku says each in the log. */
export const hearsReleases = (watch: Watch): boolean => watch.logOpen && logKnownFromRelease(watch);

/**
 * True when the log would show every restart that may have left a dyno which `GET /dynos` hides. Of a busy app, a session
 * replays some seconds only.
 */
export const restartsKnown = ({ logFrom, goal }: Watch): boolean =>
  logFrom !== null && logFrom <= goal.releasedAt - LINGERS * goal.windowMs;

/** True when no line of the log can be missing since old code served. */
export function logKnownSinceOld(watch: Watch): boolean {
  const oldAt = oldServedAt(watch);
  return oldAt !== null && watch.logFrom !== null && watch.logFrom <= oldAt;
}

/** Whoever comes late heard no old answer. It served at the release, and where nothing else did only the switch stopped it. */
function oldServedAt(watch: Watch): number | null {
  const { oldAt, served, goal } = watch;
  if (oldAt !== null) return oldAt;
  return isUndisturbed(watch) ? goal.releasedAt : (served?.oldAt ?? null);
}

/** True when nothing but its switch can have stopped a dyno since the release that `GET /dynos` hides. */
const isUndisturbed = (watch: Watch): boolean =>
  restartsKnown(watch) && !watch.disturbed && Object.keys(watch.restarts).length === 0 && !followsSoon(watch, 0);

/** A time of the log at which old code surely still served, for one at which new code was heard first. */
export const surelyBefore = (at: number | null): number | null => (at === null ? null : at - SURELY_BEFORE_MS);

function settleSwitch(watch: Watch): Watch {
  const sign = signOfSwitch(watch);
  if (!sign) return { ...watch, signAt: null };
  const signAt = watch.signAt ?? watch.now;
  const { booted, older } = watch;
  if (older === null || older.at < signAt) return { ...watch, signAt, asks: { ...watch.asks, dynos: true } };
  if (booted === null || booted.up < booted.of) return { ...watch, signAt };
  const evidence: Evidence = { by: 'logs', ...sign };
  return { ...watch, signAt, served: { at: watch.now, from: signAt, oldAt: surelyBefore(sign.at), evidence } };
}

/**
 * The first SIGTERM of the switch, the skew after it, in a log that is known since well before the release. Only where no
 * answer ever told its version, and nothing else can have stopped a hidden dyno.
 */
function signOfSwitch(watch: Watch): { dyno: string; at: number } | null {
  const { answers, goal, logTo } = watch;
  if (answers.new + answers.old > 0 || watch.disturbed || !restartsKnown(watch)) return null;
  // One that is much younger than its window has not switched: what it hid is ours to hide.
  if (Object.keys(watch.restarts).length > 0 || followsSoon(watch, goal.windowMs / 2)) return null;
  // One that crashed and is hidden since comes up by lines that look like the new one's.
  if (goal.oldWeb.some(dyno => watch.changes[dyno]?.some(({ to }) => to === 'crashed'))) return null;
  const first = goal.oldWeb
    .flatMap(dyno => hiddenSigterms(watch, dyno).map(at => ({ dyno, at })))
    .filter(({ dyno, at }) => stateAt(watch, dyno, at) === 'up')
    .sort((a, b) => a.at - b.at)[0];
  return first && (logTo ?? 0) >= first.at + CLOCKS_MS + SKEW_MS ? first : null;
}

/**
 * True when a release came so soon before ours, but at least `ageMs`, that dynos which it hid may be stopped only now; and
 * while that is not known, because the releases were not read yet.
 */
function followsSoon({ releases, goal: { ours, releasedAt, windowMs } }: Watch, ageMs: number): boolean {
  if (!releases[ours]) return true;
  const before = Object.values(releases).filter(({ version, slug }) => version < ours && slug !== null);
  return before.some(({ version, status, at }) => {
    const isRecent = releasedAt - at >= ageMs && releasedAt - at < LINGERS * windowMs;
    return isRecent && status === 'succeeded' && before.some(earlier => earlier.version < version);
  });
}

/** The state of the new dyno of that name at a moment, by the log; null when it says nothing. */
function stateAt({ changes, clockFrom, logFrom }: Watch, dyno: string, at: number): string | null {
  const from = Math.max(clockFrom, logFrom ?? 0);
  const known = changes[dyno]?.filter(change => change.at >= from) ?? [];
  return known.findLast(change => change.at <= at)?.to ?? (known[0]?.from === 'starting' ? 'starting' : null);
}

const isStop = ({ from, to }: StateChange): boolean => to === 'down' || (from === 'up' && to === 'starting');

/**
 * SIGTERMs that no change of state goes with: those of dynos that `GET /dynos` hides. A stop takes the next one. One that
 * starts anew in its place is stopped at once: under preboot that change is the release's, and hides the old dyno.
 */
function hiddenSigterms({ changes, sigterms, goal }: Watch, dyno: string): number[] {
  const stops = (changes[dyno] ?? []).filter(isStop);
  const within = ({ to }: StateChange): number => (to === 'down' ? stoppedWithin(goal) : DISORDER_MS);
  return (sigterms[dyno] ?? []).filter(at => {
    const pair = stops.findIndex(stop => at >= stop.at - DISORDER_MS && at <= stop.at + within(stop));
    if (pair >= 0) stops.splice(pair, 1);
    return pair < 0;
  });
}

function settleDeparture(watch: Watch): Watch {
  if (!haveLeft(watch)) return { ...watch, leftAt: null };
  const leftAt = watch.leftAt ?? watch.now;
  const { older } = watch;
  const isListed = older !== null && older.at >= leftAt && older.names.length === 0;
  if (isListed) return { ...watch, leftAt, goneAt: watch.now };
  return { ...watch, leftAt, asks: { ...watch.asks, dynos: true } };
}

/**
 * The old web dynos, without those that by an unbroken log somebody stopped before the release: unless a restart or a
 * release may have left another one of that name, which is hidden.
 */
export function oldWebOf(watch: Watch): string[] {
  const { goal, changes, logFrom, restarts } = watch;
  return goal.oldWeb.filter(dyno => {
    const last = changes[dyno]?.findLast(({ at }) => at < goal.releasedAt + CLOCKS_MS);
    const isStopped = last?.to === 'down' && last.at < goal.releasedAt - CLOCKS_MS;
    const isKnown = isStopped && logFrom !== null && logFrom <= last.at;
    return !isKnown || restarts[dyno] !== undefined || followsSoon(watch, 0);
  });
}

/** Of a new dyno in such a state, a SIGTERM may be its own. */
const NOT_UP: ReadonlySet<string> = new Set(['starting', 'crashed', 'down']);

/**
 * The restarts that left one more hidden dyno of that name, with no telling which of them goes first. One that goes down
 * before another starts, as in a relocation, is not left.
 */
const hiddenBy = ({ restarts, changes }: Watch, dyno: string): number[] =>
  (restarts[dyno] ?? []).filter(
    at => !changes[dyno]?.some(change => change.to === 'down' && Math.abs(change.at - at) <= DISORDER_MS),
  );

/** True when by the log each old web dyno was stopped and is gone; false too where it has a gap since the switch. */
function haveLeft(watch: Watch): boolean {
  const oldAt = oldServedAt(watch);
  const { goal, logTo } = watch;
  if (oldAt === null || !logKnownSinceOld(watch)) return false;
  // What a restart that we do not know of left behind may be stopped as well: until no such dyno can be left.
  if (!restartsKnown(watch) && (logTo ?? 0) < goal.releasedAt + LINGERS * goal.windowMs) return false;
  const from = oldAt - CLOCKS_MS;
  return oldWebOf(watch).every(dyno => {
    const left = hiddenBy(watch, dyno);
    if (left.length > 0 && followsSoon(watch, 0)) return false;
    const hidden = hiddenSigterms(watch, dyno).filter(at => at >= Math.min(from, ...left));
    const stoppedAt = hidden.filter(at => !NOT_UP.has(stateAt(watch, dyno, at) ?? ''))[left.length];
    if (stoppedAt === undefined || stoppedAt < from) return false;
    return hasExited(watch, dyno, stoppedAt) || (watch.logTo ?? 0) >= stoppedAt + GRACE_MS + CLOCKS_MS;
  });
}

/** Its exit, where no other dyno of that name can have been the one that exited. */
function hasExited({ changes, sigterms, exits, restarts }: Watch, dyno: string, stoppedAt: number): boolean {
  const stopped = sigterms[dyno]?.filter(at => at >= stoppedAt - GRACE_MS) ?? [];
  const crashed = changes[dyno]?.some(({ to, at }) => to === 'crashed' && at >= stoppedAt - DISORDER_MS) ?? false;
  const isAlone = stopped.length === 1 && !crashed && !restarts[dyno];
  return isAlone && Boolean(exits[dyno]?.some(at => at >= stoppedAt));
}
