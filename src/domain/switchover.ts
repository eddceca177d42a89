import type { LogEvent } from './log-line.ts';
import { answersNeeded, type Observation, type SeenDyno, type SeenRelease, type Watch } from './watch.ts';

// Heroku never says when its routers change over to the new dynos. This fold of what can be seen from outside (answers
// of the app, its log, its dyno list, its releases) says which code serves, with evidence, and never early.

/** Routers flip one after another; how far apart is not documented. Assumed: at most 2 s; half a second is margin. */
export const SKEW_MS = 2_500;
/** A stopped dyno has 30 s from SIGTERM to SIGKILL (dyno-shutdown-behavior, 2024-12). */
const GRACE_MS = 30_000;
/** Heroku's clock and ours may differ by this much: an assumption. */
const CLOCKS_MS = 2_000;
/** Where no old answer was seen: that long before the first sign of new code the switch had not begun. An assumption. */
const SURELY_BEFORE_MS = 10_000;
/** The API tells times in whole seconds, cut off (Platform API reference); the log in microseconds. */
const API_GRAIN_MS = 1_000;
/** A dyno's SIGTERM and its change of state were logged at most 1.8 s apart (heroku.md's real logs). */
const PAIR_MS = 3_000;

/** The watch with one more thing seen. Log lines may come in any order and more than once. */
export function observe(before: Watch, seen: Observation): Watch {
  const watch = { ...before, now: Math.max(before.now, seen.kind === 'answer' ? seen.receivedAt : seen.at) };
  switch (seen.kind) {
    case 'answer':
      return settle(hear(watch, seen));
    case 'line':
      return settle(read(watch, seen.event));
    case 'log opened':
      return settle(joinLog(watch, seen.oldest ?? seen.at));
    case 'log closed':
      return settle({ ...watch, logOpen: false });
    case 'dynos':
      return settle(list(watch, seen.at, seen.dynos));
    case 'releases':
      return settle(learn(watch, seen.releases));
    case 'checked':
      return settle({ ...watch, served: { at: seen.at, from: seen.at, evidence: { by: 'person', user: seen.user } } });
    case 'time':
      return settle(watch);
    default:
      return seen satisfies never;
  }
}

type Answer = Extract<Observation, { kind: 'answer' }>;

function hear(watch: Watch, answer: Answer): Watch {
  const answers = { ...watch.answers, slowestMs: Math.max(watch.answers.slowestMs, answer.receivedAt - answer.sentAt) };
  if (answer.status === null || answer.status >= 500) answers.failed++;
  const heard = { ...watch, answers };
  if (answer.version && 'release' in answer.version) {
    const name = `v${answer.version.release}`;
    answers.byRelease = { ...answers.byRelease, [name]: (answers.byRelease[name] ?? 0) + 1 };
  }
  switch (codeOf(watch, answer)) {
    case 'new': {
      answers.new++;
      const run = watch.run ?? { sentAt: answer.sentAt, receivedAt: answer.receivedAt, answers: 0 };
      return {
        ...heard,
        run: { ...run, answers: run.answers + 1 },
        firstNewAt: watch.firstNewAt ?? answer.receivedAt,
      };
    }
    case 'old': {
      answers.old++;
      const lastOldAt = Math.max(watch.lastOldAt ?? 0, answer.sentAt);
      // Asked before the run of new answers began: a slow answer, which says nothing of the time since.
      if (watch.run && answer.sentAt < watch.run.sentAt) return { ...heard, lastOldAt };
      const broken = watch.served && answer.sentAt >= watch.served.from + SKEW_MS;
      if (watch.served && !broken) return { ...heard, lastOldAt };
      return {
        ...heard,
        lastOldAt,
        run: null,
        served: null,
        goneAt: null,
        corrected: watch.corrected || Boolean(broken),
      };
    }
    case 'unknown':
      return { ...heard, asks: { ...watch.asks, releases: true } };
    case 'silent':
      answers.silent++;
      return heard;
  }
}

/** Whose code gave the answer. A commit tells only when old and new differ; a release not seen yet tells nothing. */
function codeOf({ goal, releases }: Watch, { version }: Answer): 'new' | 'old' | 'unknown' | 'silent' {
  if (!version) return 'silent';
  if ('commit' in version) {
    if (!goal.commit || !goal.oldCommit || goal.commit === goal.oldCommit) return 'silent';
    if (goal.commit.startsWith(version.commit)) return 'new';
    return goal.oldCommit.startsWith(version.commit) ? 'old' : 'silent';
  }
  if (version.release < goal.ours) return 'old';
  if (version.release === goal.ours) return 'new';
  const release = releases[version.release];
  if (!release) return 'unknown';
  return release.slug === goal.slug ? 'new' : 'silent';
}

function read(watch: Watch, event: LogEvent): Watch {
  const logTo = Math.max(watch.logTo ?? 0, event.at);
  const seen = { ...watch, logTo };
  if (event.at < watch.goal.releasedAt - CLOCKS_MS) return seen;
  switch (event.kind) {
    case 'state': {
      if (!isWeb(event.dyno)) return seen;
      const asking = { ...seen, asks: { ...seen.asks, dynos: true } };
      if (event.to === 'up') return ours(seen, event) ? { ...asking, upAt: noted(seen.upAt, event) } : asking;
      if (event.to === 'crashed') return ours(seen, event) ? crashed(asking, event) : asking;
      return event.from === 'up' ? { ...seen, leaving: noted(seen.leaving, event) } : seen;
    }
    case 'restarting':
      return isWeb(event.dyno) ? { ...seen, disturbed: true, restarts: noted(seen.restarts, event) } : seen;
    case 'sigterm':
      return isWeb(event.dyno) ? { ...seen, sigterms: noted(seen.sigterms, event) } : seen;
    case 'exited':
      return isWeb(event.dyno) ? { ...seen, exits: noted(seen.exits, event) } : seen;
    case 'error':
      return event.code === 'R10' && ours(seen, event)
        ? suspect(seen, event.dyno, `${event.code}: ${event.text}`)
        : seen;
    case 'request': {
      if (event.status < 500) return seen;
      const code = event.code ?? '5xx';
      return { ...seen, failures: { ...seen.failures, [code]: (seen.failures[code] ?? 0) + 1 } };
    }
    case 'api':
      return /\bv\d+\b|config vars|Rollback|Deploy/.test(event.text)
        ? { ...seen, asks: { ...seen.asks, releases: true } }
        : seen;
    case 'other':
      return seen;
    default:
      return event satisfies never;
  }
}

const isCrashed = (dyno: SeenDyno): boolean => dyno.state === 'crashed';
const isWeb = (dyno: string): boolean => dyno.startsWith('web.');

function noted(times: Record<string, number[]>, { dyno, at }: { dyno: string; at: number }): Record<string, number[]> {
  const known = times[dyno] ?? [];
  return known.includes(at) ? times : { ...times, [dyno]: [...known, at].sort((a, b) => a - b) };
}

/** Surely later than the release: dynos that a release replaced may have crashed just before it. */
const ours = ({ clockFrom }: Watch, { at }: { at: number }): boolean => at >= clockFrom + API_GRAIN_MS;

/** `web.1` crashed, but old and new share that name. One that was never up yet, or had come up since, is a new one. */
function crashed(watch: Watch, event: { dyno: string; from: string }): Watch {
  if (event.from === 'starting') return suspect(watch, event.dyno, 'crashed while it started');
  if (watch.upAt[event.dyno]) return suspect(watch, event.dyno, 'crashed after it had started');
  return watch;
}

function suspect(watch: Watch, dyno: string, what: string): Watch {
  const suspects = { ...watch.suspects, [dyno]: watch.suspects[dyno] ?? what };
  return { ...watch, suspects, asks: { ...watch.asks, dynos: true } };
}

/** A session that replays lines up to the newest known one closes the gap; else the log is known only from its start. */
function joinLog(watch: Watch, oldest: number): Watch {
  const unbroken = watch.logFrom !== null && watch.logTo !== null && oldest < watch.logTo;
  return { ...watch, logOpen: true, logFrom: unbroken ? watch.logFrom : oldest };
}

function list(watch: Watch, at: number, dynos: readonly SeenDyno[]): Watch {
  const { goal } = watch;
  const web = dynos.filter(dyno => dyno.type === 'web' && dyno.release >= goal.ours);
  const up = web.filter(dyno => dyno.state === 'up');
  const down = web.find(dyno => watch.suspects[dyno.name] && dyno.state !== 'up') ?? web.find(isCrashed);
  const crash = watch.crash ?? (down ? { dyno: down.name, what: watch.suspects[down.name] ?? 'crashed' } : null);
  return {
    ...watch,
    booted: { up: up.length, of: Math.max(goal.web, web.length) },
    older: { at, names: dynos.filter(dyno => dyno.release < goal.ours).map(dyno => `${dyno.name} (v${dyno.release})`) },
    crash,
    suspects: {},
    asks: { ...watch.asks, dynos: false },
  };
}

function learn(watch: Watch, seen: readonly SeenRelease[]): Watch {
  const releases = { ...watch.releases };
  for (const release of seen) releases[release.version] = release;
  const newer = Object.values(releases)
    .filter(release => release.version > watch.goal.ours && release.status === 'succeeded')
    .sort((a, b) => b.version - a.version);
  const stranger = newer.find(release => release.slug !== watch.goal.slug);
  const clockFrom = Math.max(watch.goal.releasedAt, ...newer.map(release => release.at));
  const again = clockFrom > watch.clockFrom;
  const pending = Object.values(releases).some(release => release.status === 'pending');
  return {
    ...watch,
    releases,
    superseded: watch.superseded ?? stranger ?? null,
    clockFrom,
    booted: again ? null : watch.booted,
    upAt: again ? {} : watch.upAt,
    disturbed: watch.disturbed || again,
    asks: { dynos: watch.asks.dynos || again, releases: pending },
  };
}

/** Draws what follows from all that has been seen: that new code serves, that old code is gone. */
function settle(watch: Watch): Watch {
  const served = watch.served ?? provedByProbe(watch) ?? provedByLogs(watch);
  if (!served || watch.goneAt !== null) return { ...watch, served };
  const departedAt = departed(watch, served.from);
  if (departedAt === null) return { ...watch, served };
  const listed = watch.older !== null && watch.older.at >= departedAt && watch.older.names.length === 0;
  return listed ? { ...watch, served, goneAt: watch.now } : { ...watch, served, asks: { ...watch.asks, dynos: true } };
}

function provedByProbe(watch: Watch): Watch['served'] {
  const { run, goal, now } = watch;
  if (!run || run.answers < answersNeeded(goal.web) || now - run.receivedAt < SKEW_MS) return null;
  const spanMs = now - run.receivedAt;
  return {
    at: now,
    from: run.receivedAt,
    evidence: { by: 'probe', answers: run.answers, spanMs, firstNewAt: run.receivedAt, lastOldAt: watch.lastOldAt },
  };
}

/** Only where no answer ever told its version, and nobody released or restarted in the window: then a hidden SIGTERM is the old code's. */
function provedByLogs(watch: Watch): Watch['served'] {
  const { answers, goal, logFrom, now } = watch;
  const told = answers.new + answers.old > 0;
  const allUp = watch.booted !== null && watch.booted.up >= watch.booted.of;
  if (told || !allUp || watch.disturbed) return null;
  const first = goal.oldWeb
    .flatMap(dyno => hiddenSigterms(watch, dyno).map(at => ({ dyno, at })))
    .sort((a, b) => a.at - b.at)[0];
  if (!first || logFrom === null || logFrom > goal.releasedAt + CLOCKS_MS) return null;
  if (now < first.at + CLOCKS_MS + SKEW_MS) return null;
  return { at: now, from: first.at, evidence: { by: 'logs', dyno: first.dyno, at: first.at } };
}

/** SIGTERMs that no change of state goes with: those of dynos that `GET /dynos` hides. */
function hiddenSigterms(watch: Watch, dyno: string): number[] {
  const left = [...(watch.leaving[dyno] ?? [])];
  return (watch.sigterms[dyno] ?? []).filter(at => {
    const pair = left.findIndex(change => Math.abs(change - at) <= PAIR_MS);
    if (pair >= 0) left.splice(pair, 1);
    return pair < 0;
  });
}

/** A moment at which old code surely still served: SIGTERMs of the switch come after it. */
const oldServedAt = (watch: Watch, servedFrom: number): number => watch.lastOldAt ?? servedFrom - SURELY_BEFORE_MS;

/** True when no line of the log can be missing since old code served. */
export function logKnownSince(watch: Watch, servedFrom: number): boolean {
  return watch.logFrom !== null && watch.logFrom <= oldServedAt(watch, servedFrom);
}

/** When the last old web dyno was gone, by the log; null while one is not, or the log has a gap since the switch. */
function departed(watch: Watch, servedFrom: number): number | null {
  const { goal } = watch;
  if (!logKnownSince(watch, servedFrom)) return null;
  const ends = goal.oldWeb.map(dyno => {
    const since = hiddenSigterms(watch, dyno).filter(at => at >= oldServedAt(watch, servedFrom) - CLOCKS_MS);
    // A restart in the window leaves one more hidden dyno of that name, and no telling which of them went first.
    const last = since[watch.restarts[dyno]?.length ?? 0];
    if (last === undefined) return null;
    const exit = watch.exits[dyno]?.find(at => at >= last - CLOCKS_MS);
    return exit ?? (watch.logOpen && watch.now >= last + GRACE_MS + CLOCKS_MS ? last + GRACE_MS : null);
  });
  return ends.includes(null) ? null : Math.max(...ends.map(Number), servedFrom);
}
