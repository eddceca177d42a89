import type { LogEvent } from './log-line.ts';
import { measure } from './measure.ts';
import { CLOCKS_MS, LINGERS, oldFell, ours, SKEW_MS, settle, surelyBefore } from './proof.ts';
import { plot } from './series.ts';
import {
  answersNeeded,
  type Evidence,
  type Observation,
  type SeenDyno,
  type SeenRelease,
  type StateChange,
  type Watch,
} from './watch.ts';

// Heroku never says when its routers change over to the new dynos. This fold of what can be seen from outside (answers
// of the app, its log, its dyno list, its releases) says which code serves, with evidence, and never early.

/** The watch with one more thing seen. Log lines may come in any order and more than once. */
export function observe(before: Watch, seen: Observation): Watch {
  return measure(folded(before, seen), seen);
}

function folded(before: Watch, seen: Observation): Watch {
  const at = seen.kind === 'answer' ? seen.receivedAt : seen.at;
  const { begunAt } = before;
  const watch = { ...before, now: begunAt === null ? at : Math.max(before.now, at), begunAt: begunAt ?? at };
  switch (seen.kind) {
    case 'answer':
      return settle(hear(watch, seen));
    case 'line':
      return settle(read(watch, seen.event));
    case 'log opened':
      return settle(joinLog(watch, seen.oldest ?? seen.at));
    case 'log whole':
      return settle(isWhole(watch, seen.oldest) ? { ...watch, logFrom: 0 } : watch);
    case 'log closed':
      return settle({ ...watch, logOpen: false });
    case 'dynos':
      return settle(list(watch, seen.at, seen.dynos));
    case 'releases':
      return settle(learn(watch, seen.releases));
    case 'checked':
      return settle({ ...watch, served: onTheWordOf(seen.user, watch) });
    case 'connections':
    case 'time':
      return settle(watch);
    default:
      return seen satisfies never;
  }
}

const onTheWordOf = (user: string, { now, logTo }: Watch): Watch['served'] => ({
  ...{ at: now, from: now, oldAt: surelyBefore(logTo) },
  evidence: { by: 'person', user },
});

type Run = NonNullable<Watch['run']>;
type Answer = Extract<Observation, { kind: 'answer' }>;

function hear(before: Watch, answer: Answer): Watch {
  const code = codeOf(before, answer);
  const silence = code === 'silent' ? oneMore(before.silence, answer) : null;
  const watch = {
    ...before,
    answers: counted(before.answers, answer, code),
    series: plotted(before, answer, code),
    silence,
  };
  // Asked before the run of new answers began: a slow answer, which says nothing of the time since.
  const isLate = watch.run !== null && answer.sentAt < watch.run.sentAt;
  switch (code) {
    case 'new': {
      const { sentAt, receivedAt, answers, logTo } = watch.run ?? { ...answer, answers: 0, logTo: watch.logTo };
      const run = { sentAt, receivedAt, answers: answers + 1, logTo };
      const firstNewAt = watch.firstNewAt ?? answer.receivedAt;
      return { ...watch, run, firstNewAt, served: watch.served ?? provedByProbe(watch, run, answer) };
    }
    case 'old': {
      const lastOldAt = Math.max(watch.lastOldAt ?? 0, answer.sentAt);
      const tookMs = answer.receivedAt - answer.sentAt;
      const oldAt = watch.logTo === null ? watch.oldAt : Math.max(watch.oldAt ?? 0, watch.logTo - tookMs);
      const heard = { ...watch, lastOldAt, oldAt };
      const broken = watch.served && answer.sentAt >= watch.served.from + SKEW_MS;
      if (isLate || (watch.served && !broken)) return heard;
      return { ...heard, run: null, served: null, goneAt: null, corrected: watch.corrected || Boolean(broken) };
    }
    case 'unknown':
    case 'other':
    case 'silent': {
      const asks = { ...watch.asks, releases: watch.asks.releases || code === 'unknown' };
      // Old code may have given it. Where nothing came back at all, nothing was answered: that breaks no row of answers.
      const breaks = answer.status !== null && !isLate;
      return { ...watch, asks, run: breaks ? null : watch.run };
    }
  }
}

const oneMore = (silence: Watch['silence'], { receivedAt, status }: Answer): Watch['silence'] => ({
  since: silence?.since ?? receivedAt,
  answers: (silence?.answers ?? 0) + 1,
  failed: (silence?.failed ?? 0) + Number(status !== null && status >= 500),
});

const isFailed = ({ status }: Answer): boolean => status === null || status >= 500;
const nameOf = ({ version }: Answer): string | null => (version && 'release' in version ? `v${version.release}` : null);

function counted(answers: Watch['answers'], answer: Answer, code: Code): Watch['answers'] {
  const { sentAt, receivedAt } = answer;
  const name = nameOf(answer);
  const { byRelease } = answers;
  return {
    byRelease: name === null ? byRelease : { ...byRelease, [name]: (byRelease[name] ?? 0) + 1 },
    new: answers.new + Number(code === 'new'),
    old: answers.old + Number(code === 'old'),
    silent: answers.silent + Number(code === 'silent'),
    failed: answers.failed + Number(isFailed(answer)),
    slowestMs: Math.max(answers.slowestMs, receivedAt - sentAt),
  };
}

/** What failed is that alone, whoever's code it was. */
function plotted({ series, now }: Watch, answer: Answer, code: Code): Watch['series'] {
  const by = isFailed(answer) ? 'failed' : (nameOf(answer) ?? code);
  return plot(series, now, { kind: 'answer', by, tookMs: answer.receivedAt - answer.sentAt });
}

/** The routers have all flipped when the skew is over since the first new answer came: later questions must show it. */
function provedByProbe({ goal, lastOldAt }: Watch, run: Run, { sentAt, receivedAt }: Answer): Watch['served'] {
  const spanMs = sentAt - run.receivedAt;
  if (run.answers < answersNeeded(goal.web) || spanMs < SKEW_MS) return null;
  const { answers, receivedAt: firstNewAt } = run;
  const evidence: Evidence = { by: 'probe', answers, spanMs, firstNewAt, lastOldAt };
  return { at: receivedAt, from: firstNewAt, oldAt: surelyBefore(run.logTo), evidence };
}

/** `other`: of a release that neither is ours nor came before it. */
type Code = 'new' | 'old' | 'other' | 'unknown' | 'silent';

/** Whose code gave the answer. A commit tells only when old and new differ; a release not seen yet tells nothing. */
function codeOf({ goal, releases }: Watch, { version }: Answer): Code {
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
  return release.slug === goal.slug ? 'new' : 'other';
}

function read(before: Watch, event: LogEvent): Watch {
  const { goal } = before;
  const watch = { ...before, logTo: Math.max(before.logTo ?? 0, event.at) };
  if (event.kind === 'gap') return { ...watch, logFrom: Math.max(watch.logFrom ?? 0, event.at) };
  if (event.at < goal.releasedAt - LINGERS * goal.windowMs) return watch;
  const isSince = event.at >= goal.releasedAt - CLOCKS_MS;
  switch (event.kind) {
    case 'state':
      return isWeb(event.dyno) ? changed(watch, event, isSince) : watch;
    case 'restarting':
      if (!isWeb(event.dyno)) return watch;
      return {
        ...(isSince ? meddled(watch, event.at, 'Web dynos were restarted') : watch),
        disturbed: watch.disturbed || isSince,
        restarts: noted(watch.restarts, event),
      };
    case 'sigterm':
      return isWeb(event.dyno) ? { ...watch, sigterms: noted(watch.sigterms, event) } : watch;
    case 'exited':
      return isWeb(event.dyno) ? { ...watch, exits: noted(watch.exits, event) } : watch;
    case 'error':
      return event.code === 'R10' && ours(watch, event)
        ? suspect(watch, event.dyno, `${event.code}: ${event.text}`)
        : watch;
    case 'request': {
      if (event.status < 500 || !isSince) return watch;
      const code = event.code ?? '5xx';
      // By when it came: the log's own times are another clock's.
      const series = plot(watch.series, watch.now, { kind: 'failed request' });
      return { ...watch, series, failures: { ...watch.failures, [code]: (watch.failures[code] ?? 0) + 1 } };
    }
    case 'api': {
      if (!isSince) return watch;
      // Fewer dynos in the window: Heroku stops those first that it hides.
      if (event.text.startsWith('Scaled to ')) return disturb(meddled(watch, event.at, event.text));
      const seen = /\bconfig vars?\b/.test(event.text) ? meddled(watch, event.at, event.text) : watch;
      const isRelease = /\bv\d+\b|config vars|Rollback|Deploy/.test(event.text);
      return isRelease ? { ...seen, asks: { ...seen.asks, releases: true } } : seen;
    }
    case 'other':
      return watch;
    default:
      return event satisfies never;
  }
}

const isCrashed = (dyno: SeenDyno): boolean => dyno.state === 'crashed';
const isWeb = (dyno: string): boolean => dyno.startsWith('web.');
/** All dynos of a type are restarted one after another: that is said once. */
const SAME_DEED_MS = 60_000;
const MEDDLING_KEPT = 10;

function meddled(watch: Watch, at: number, what: string): Watch {
  const isKnown = watch.meddling.some(known => known.what === what && Math.abs(known.at - at) < SAME_DEED_MS);
  if (isKnown || watch.meddling.length === MEDDLING_KEPT) return watch;
  return { ...watch, meddling: [...watch.meddling, { at, what }].sort((a, b) => a.at - b.at) };
}

const disturb = (watch: Watch): Watch => ({ ...watch, disturbed: true, asks: { dynos: true, releases: true } });

function changed(before: Watch, { dyno, at, from, to }: StateChange & { dyno: string }, isSince: boolean): Watch {
  const known = before.changes[dyno] ?? [];
  const isKnown = known.some(change => change.at === at && change.to === to);
  const changes = isKnown ? known : [...known, { at, from, to }].sort((a, b) => a.at - b.at);
  const watch = { ...before, changes: { ...before.changes, [dyno]: changes } };
  if (!isSince) return watch;
  if (to === 'down') return disturb(watch);
  if (to !== 'up' && to !== 'crashed') return watch;
  const asking = { ...watch, asks: { ...watch.asks, dynos: true } };
  return to === 'crashed' && ours(watch, { at }) ? crashed(asking, { dyno, from }) : asking;
}

function noted(times: Record<string, number[]>, { dyno, at }: { dyno: string; at: number }): Record<string, number[]> {
  const known = times[dyno] ?? [];
  return known.includes(at) ? times : { ...times, [dyno]: [...known, at].sort((a, b) => a - b) };
}

/** `web.1` crashed, but old and new share that name. One that was never up yet, or had come up since, is a new one. */
function crashed(watch: Watch, { dyno, from }: { dyno: string; from: string }): Watch {
  if (from === 'starting') return suspect(watch, dyno, 'crashed while it started');
  const wasUp = watch.changes[dyno]?.some(change => change.to === 'up' && ours(watch, change));
  return wasUp ? suspect(watch, dyno, 'crashed after it had started') : watch;
}

function suspect(watch: Watch, dyno: string, what: string): Watch {
  const suspects = { ...watch.suspects, [dyno]: watch.suspects[dyno] ?? what };
  return { ...watch, suspects, asks: { ...watch.asks, dynos: true } };
}

/** A session that replays lines up to the newest known one closes the gap; else the log is known only from its start. */
function joinLog(watch: Watch, oldest: number): Watch {
  const logTorn = watch.logTorn || (watch.logTo !== null && oldest > watch.logTo);
  const unbroken = watch.logFrom !== null && watch.logTo !== null && oldest < watch.logTo;
  const logTo = Math.max(watch.logTo ?? 0, oldest);
  return { ...watch, logOpen: true, logFrom: unbroken ? watch.logFrom : oldest, logTo, logTorn };
}

/** A log that is torn is not whole, whatever is said of it: what a lost buffer held is missing from every later session. */
const isWhole = ({ logFrom, logTorn }: Watch, oldest: number): boolean =>
  logFrom !== null && logFrom <= oldest && !logTorn;

function list(watch: Watch, at: number, dynos: readonly SeenDyno[]): Watch {
  const { goal } = watch;
  const web = dynos.filter(dyno => dyno.type === 'web' && dyno.release >= goal.ours);
  const up = web.filter(dyno => dyno.state === 'up');
  const isDown = ({ name, state }: SeenDyno) => watch.suspects[name] && state !== 'up' && !oldFell(watch, name);
  const down = web.find(isDown) ?? web.find(isCrashed);
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
    begunAt: again ? watch.now : watch.begunAt,
    booted: again ? null : watch.booted,
    disturbed: watch.disturbed || again,
    asks: { dynos: watch.asks.dynos || again, releases: pending },
  };
}
