import {
  forgiven,
  type Health,
  isMemory,
  kindOf,
  type NewDyno,
  NO_SAMPLE,
  NOTHING_MET,
  type Sample,
  withProbe,
  withProbeLine,
  withRequest,
} from './health.ts';
import type { LogEvent } from './log-line.ts';
import { CLOCKS_MS, GRACE_MS } from './proof.ts';
import type { Observation, Watch } from './watch.ts';

// Whose doing is it? Until the proof that new code serves, what visitors meet is old code's; between the first new answer
// and the proof it may be anybody's, and is not counted. `web.1` is old and new at once, so a line that names it is only
// taken for the new one where the old one can not have caused it.

const SLICE_MS = 10_000;
const SLICES = 7;
/** Dynos that run once: what becomes of them is told elsewhere. */
const ONE_OFFS: ReadonlySet<string> = new Set(['run', 'release', 'scheduler']);

/** The watch with what it has seen counted. To be called for every request, so it does little. */
export function measure(watch: Watch, seen: Observation): Watch {
  const health = measured(begun(watch), watch, seen);
  return health === watch.health ? watch : { ...watch, health };
}

/** From when on it is new code's; what was counted as such is no more when the claim was taken back. */
function begun({ health, served, logTo }: Watch): Health {
  if (served && health.from === null && logTo !== null) return { ...health, from: logTo + CLOCKS_MS };
  if (served || (health.from === null && health.since.probes === 0)) return health;
  return { ...NOTHING_MET, window: health.window, dynos: health.dynos, peak: health.peak };
}

function measured(health: Health, watch: Watch, seen: Observation): Health {
  // Somebody else's code: its doings are no business of this deploy.
  if (watch.superseded) return health;
  if (seen.kind === 'connections') {
    const { used, limit, at } = seen;
    return health.peak && health.peak.used >= used ? health : { ...health, peak: { used, limit, at } };
  }
  if (seen.kind === 'answer') {
    const answer = { status: seen.status, tookMs: seen.receivedAt - seen.sentAt };
    const whose = watch.served ? (seen.sentAt >= watch.served.at ? 'new' : null) : watch.firstNewAt ? null : 'old';
    return counted(health, whose, sample => withProbe(sample, answer, watch.now), watch.now);
  }
  if (seen.kind === 'dynos') return confirmed(health, watch, seen);
  if (seen.kind === 'log opened') return afterGap(health, watch);
  if (seen.kind !== 'line') return health;
  const { event } = seen;
  if (event.kind === 'state') return withState(health, watch, event);
  if (event.kind === 'error' && isMemory(event.code)) return withMemory(health, watch, event, event.code);
  if (event.kind !== 'request' || event.byUs === null || event.begunAt < watch.goal.releasedAt) return health;
  const isNew = watch.served !== null && health.from !== null && event.begunAt >= health.from;
  const whose = isNew ? 'new' : watch.served || watch.firstNewAt ? null : 'old';
  const { now } = watch;
  return counted(
    health,
    whose,
    sample => (event.byUs ? withProbeLine(sample, event, now) : withRequest(sample, event, now)),
    now,
  );
}

function counted(health: Health, whose: 'old' | 'new' | null, count: (sample: Sample) => Sample, now: number): Health {
  if (whose === null) return health;
  if (whose === 'old') return { ...health, window: count(health.window) };
  const newest = health.slices.at(-1);
  const goesOn = newest?.from != null && now - newest.from < SLICE_MS;
  const slices = goesOn
    ? [...health.slices.slice(0, -1), count(newest)]
    : [...health.slices, count(NO_SAMPLE)].slice(-SLICES);
  return { ...health, since: count(health.since), slices };
}

/** What new code met in the newest minute. */
export const newestMinute = ({ health, now }: Watch): Sample[] =>
  health.slices.filter(({ to }) => to !== null && to > now - (SLICES - 1) * SLICE_MS);

function withState(health: Health, watch: Watch, event: Extract<LogEvent, { kind: 'state' }>): Health {
  const known = knownDyno(health, watch, event.dyno, event.from, event.at);
  if (!known) return health;
  const { at, to } = event;
  const isWeb = kindOf(event.dyno) === 'web';
  const crashed = to === 'crashed' && known.startedAt !== null && (!isWeb || watch.goneAt !== null);
  // As long as an old one of that name may live, hidden, the dyno list says whose it was; until the switch nothing counts.
  const fell = to === 'crashed' && isWeb && !crashed && watch.served !== null;
  return withDynoOf(health, event.dyno, {
    ...known,
    at,
    up: to === 'up',
    startedAt: to === 'starting' || to === 'up' ? (known.startedAt ?? at) : known.startedAt,
    upAt: to === 'up' ? (known.upAt ?? at) : known.upAt,
    crashes: known.crashes + Number(crashed),
    fell: (known.fell ?? 0) + Number(fell),
    fellAt: fell ? watch.now : (known.fellAt ?? 0),
  });
}

/** What fell since the last list is new where the list, which shows new ones only, has it as not up. */
function confirmed(health: Health, { goal }: Watch, { at, dynos }: Extract<Observation, { kind: 'dynos' }>): Health {
  const down = new Set(
    dynos.filter(({ release, state }) => release >= goal.ours && state !== 'up').map(dyno => dyno.name),
  );
  return Object.entries(health.dynos)
    .filter(([, { fell, fellAt = 0 }]) => fell && fellAt <= at)
    .reduce((all, [name, dyno]) => {
      const crashes = dyno.crashes + (down.has(name) ? (dyno.fell ?? 0) : 0);
      return withDynoOf(all, name, { ...dyno, crashes, fell: 0 });
    }, health);
}

/** A dyno that fell before a gap of the log may have come up in it: it is held against new code no longer than that. */
function afterGap(health: Health, { logFrom }: Watch): Health {
  const dynos = Object.entries(health.dynos).map(([name, dyno]): [string, NewDyno] => [
    name,
    dyno.at < (logFrom ?? 0) ? { ...dyno, up: true } : dyno,
  ]);
  return { ...health, dynos: Object.fromEntries(dynos) };
}

/** A stopped dyno may say so for 30 s more: a line that comes later is the new one's. */
function withMemory(
  health: Health,
  watch: Watch,
  { dyno, at }: Extract<LogEvent, { kind: 'error' }>,
  code: 'R14' | 'R15',
): Health {
  const known = knownDyno(health, watch, dyno, 'up', at);
  if (!known) return health;
  const isAlone =
    kindOf(dyno) === 'web'
      ? watch.goneAt !== null
      : known.startedAt !== null && at > known.startedAt + GRACE_MS + CLOCKS_MS;
  return isAlone ? withDynoOf(health, dyno, { ...known, at, [code]: known[code] + 1 }) : health;
}

/** Null for what is not of the app's own dynos since the release, or was counted before. */
function knownDyno(health: Health, { goal }: Watch, dyno: string, was: string, at: number): NewDyno | null {
  if (at < goal.releasedAt || ONE_OFFS.has(kindOf(dyno))) return null;
  const known = health.dynos[dyno] ?? { was, startedAt: null, upAt: null, at: 0, crashes: 0, R14: 0, R15: 0 };
  return at > known.at ? forgiven(known, at) : null;
}

const withDynoOf = (health: Health, dyno: string, now: NewDyno): Health => ({
  ...health,
  dynos: { ...health.dynos, [dyno]: now },
});
