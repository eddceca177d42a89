import { logKnownSince } from './switchover.ts';
import type { Phase, Watch } from './watch.ts';

/** SIGTERM came up to 71 s after the switch (heroku/barnes#58), then 30 s of grace: past this the log will not prove it. */
const DRAINED_WITHIN_MS = 180_000;

/** What a watch says now. */
export function phaseOf(watch: Watch): Phase {
  const { served, booted, superseded, crash, now } = watch;
  if (superseded) {
    return { kind: 'superseded', version: superseded.version, by: superseded.by, what: superseded.what };
  }
  if (crash && watch.firstNewAt === null && !served) return { kind: 'crashed', ...crash };
  if (served && watch.goneAt !== null) return { kind: 'old gone', at: watch.goneAt, dynos: watch.goal.oldWeb };
  if (served) {
    if (now > served.at + DRAINED_WITHIN_MS) return notProved(watch, 'old gone');
    return { kind: 'new serves', at: served.at, evidence: served.evidence };
  }
  // Twice the documented window and a minute: the longest seen was 4:15 for a window of 3:00.
  if (now > watch.clockFrom + 2 * watch.goal.windowMs + 60_000) return notProved(watch, 'new serves');
  if (watch.firstNewAt !== null) return { kind: 'mixed', corrected: watch.corrected };
  if (booted === null || booted.up < booted.of) {
    return { kind: 'booting', up: booted?.up ?? 0, of: booted?.of ?? watch.goal.web };
  }
  return { kind: 'old serves', expectedSwitch: watch.clockFrom + watch.goal.windowMs };
}

/** True when two phases would be told in the same words. */
export function samePhase(a: Phase, b: Phase): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'booting' && b.kind === 'booting') return a.up === b.up && a.of === b.of;
  if (a.kind === 'old serves' && b.kind === 'old serves') return a.expectedSwitch === b.expectedSwitch;
  return true;
}

function notProved(watch: Watch, missing: 'new serves' | 'old gone'): Phase {
  const { answers, logFrom, served, older, goal } = watch;
  const known: string[] = [];
  if (missing === 'new serves') {
    const seen = Object.entries(answers.byRelease).map(([release, count]) => `${count} from ${release}`);
    known.push(
      seen.length > 0
        ? `Answers that named a release: ${seen.join(', ')}.`
        : `None of ${answers.silent} answers named a release that could be read.`,
    );
  }
  if (logFrom === null) known.push('The log could not be read.');
  else if (served && !logKnownSince(watch, served.from)) known.push('The log has a gap since the switch.');
  const waiting = goal.oldWeb.filter(dyno => !watch.sigterms[dyno]);
  if (waiting.length > 0) known.push(`No SIGTERM was seen for the old ${waiting.join(', ')}.`);
  if (older && older.names.length > 0) known.push(`Still on an older release: ${older.names.join(', ')}.`);
  return { kind: 'not proved', missing, known };
}
