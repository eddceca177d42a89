import { doomed } from './health-gate.ts';
import { LINGERS, logKnownSinceOld, oldWebOf, restartsKnown } from './proof.ts';
import { type Phase, READ_AGAIN_MS, type Watch } from './watch.ts';

/** SIGTERM came up to 71 s after the switch (heroku/barnes#58), then 30 s of grace: past this the log will not prove it. */
const DRAINED_WITHIN_MS = 180_000;
/** So many in a row are no accident. Where no answer ever told a version, the first is enough. */
const SILENT_ANSWERS = 5;

/** A probe is sent each second, and waits for its answer. */
const FIRST_ANSWER_MS = 5_000;

/** What a watch says now. */
export function phaseOf(watch: Watch): Phase {
  const { served, booted, superseded, now } = watch;
  const crash = watch.crash ?? doomed(watch);
  const silent = silentSince(watch);
  if (superseded) {
    const { version, by, what, at } = superseded;
    return { kind: 'superseded', version, by, what, at };
  }
  if (crash && watch.firstNewAt === null && !served) return { kind: 'crashed', ...crash };
  if (served && watch.goneAt !== null) return { kind: 'old gone', at: watch.goneAt, dynos: oldWebOf(watch) };
  if (served) {
    if (isOver(watch, drainedBy(watch, served.at))) return notProved(watch, 'old gone');
    const { at, evidence } = served;
    return { kind: 'new serves', at, evidence, ...(evidence.by === 'probe' ? silent : {}) };
  }
  // Twice the documented window and a minute: the longest seen was 4:15 for a window of 3:00.
  if (watch.begunAt !== null && now > watch.begunAt + 2 * watch.goal.windowMs + 60_000)
    return notProved(watch, 'new serves');
  if (watch.firstNewAt !== null) return { kind: 'mixed', corrected: watch.corrected, ...silent };
  // Who answers is not said before anybody did: a bot that comes late may find the switch done.
  if (booted === null || booted.up < booted.of || unasked(watch)) {
    return { kind: 'booting', up: booted?.up ?? 0, of: booted?.of ?? watch.goal.web, ...silent };
  }
  return { kind: 'old serves', expectedSwitch: watch.clockFrom + watch.goal.windowMs, ...silent };
}

/** What went by while nobody watched is over only when the log, and the lists, could have been read again. */
function isOver({ now, unwatched }: Watch, by: number): boolean {
  const unseen = unwatched !== null && by > unwatched.from;
  return now > (unseen ? Math.max(by, unwatched.to + READ_AGAIN_MS) : by);
}

/** When what the log can prove of old code's end must have been proved. */
function drainedBy(watch: Watch, servedAt: number): number {
  const { begunAt, goal } = watch;
  const lingers = restartsKnown(watch) ? 0 : (begunAt ?? 0) + LINGERS * goal.windowMs + 60_000;
  return Math.max(servedAt + DRAINED_WITHIN_MS, lingers);
}

/** True in the first moments of a watch, before anybody answered. */
function unasked({ answers, begunAt, now }: Watch): boolean {
  const heard = answers.new + answers.old + answers.silent + answers.failed;
  return heard === 0 && begunAt !== null && now < begunAt + FIRST_ANSWER_MS;
}

function silentSince({ silence, answers }: Watch): { silentSince?: number } {
  const least = answers.new + answers.old > 0 ? SILENT_ANSWERS : 1;
  return silence && silence.answers >= least ? { silentSince: silence.since } : {};
}

/** That new code serves was not proved, or is taken back: also when old code answers so late that a person is asked at once. */
export const isDoubted = (phase: Phase): boolean =>
  phase.kind === 'mixed' || (phase.kind === 'not proved' && phase.missing === 'new serves');

/** True when two phases would be told in the same words. */
export function samePhase(a: Phase, b: Phase): boolean {
  if (a.kind !== b.kind || 'silentSince' in a !== 'silentSince' in b) return false;
  if (a.kind === 'booting' && b.kind === 'booting') return a.up === b.up && a.of === b.of;
  if (a.kind === 'old serves' && b.kind === 'old serves') return a.expectedSwitch === b.expectedSwitch;
  if (a.kind === 'not proved' && b.kind === 'not proved') return a.missing === b.missing;
  return true;
}

function notProved(watch: Watch, missing: 'new serves' | 'old gone'): Phase {
  const { logFrom, served, older, clockFrom } = watch;
  const known = missing === 'new serves' || watch.silence ? answersKnown(watch) : [];
  if (logFrom === null) known.push('The log could not be read.');
  else if (served && !logKnownSinceOld(watch)) known.push('The log has a gap since the switch.');
  const waiting = oldWebOf(watch).filter(dyno => !watch.sigterms[dyno]?.some(at => at >= clockFrom));
  if (waiting.length > 0) known.push(`No SIGTERM was seen for the old ${waiting.join(', ')}.`);
  if (older && older.names.length > 0) known.push(`Still on an older release: ${older.names.join(', ')}.`);
  return { kind: 'not proved', missing, known };
}

function answersKnown({ answers, silence }: Watch): string[] {
  const named = Object.entries(answers.byRelease).map(([release, count]) => `${count} from ${release}`);
  const told = named.length > 0 || answers.new + answers.old > 0;
  const known: string[] = [];
  if (named.length > 0) known.push(`Answers that named a release: ${named.join(', ')}.`);
  else if (told) known.push(`Answers that named a commit: ${answers.old} old, ${answers.new} new.`);
  if (!told) known.push(`None of ${answers.silent} answers named a release that could be read.`);
  else if (answers.silent > 0) {
    const newest = silence ? `, the newest ${silence.answers} in a row` : '';
    known.push(`${answers.silent} answers named none that could be read${newest}.`);
  }
  if (answers.failed > 0) known.push(`${answers.failed} times there was no answer, or a 5xx.`);
  return known;
}
