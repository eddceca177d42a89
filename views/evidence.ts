import type { Tally } from '../src/domain/deploy.ts';
import { silentSince } from '../src/domain/readings.ts';
import type { Evidence, Phase } from '../src/domain/watch.ts';
import { code, duration, foreign, mention, plural, time } from './text.ts';

// What was seen, in words: the same in the announcement and in the receipt.

/** How it is known that a release serves. */
export function evidenceOf(evidence: Evidence, release: string): string {
  switch (evidence.by) {
    case 'probe':
      return `*Proved by probe*: ${evidence.answers} answers in a row over fresh connections, in ${(evidence.spanMs / 1000).toFixed(1)} s, all came from ${release}.`;
    case 'logs':
      return `*Proved by logs*: the switch stopped the old ${code(evidence.dyno, 40)} at ${time(evidence.at)}. Its answers do not say which release they come from.`;
    case 'person':
      return `*On the word of ${mention(evidence.user)}*, who looked: it could not be proved.`;
    default:
      return evidence satisfies never;
  }
}

/** How long old code served on after the release; empty when no answer showed it. */
export function windowOf({ windowSeconds }: Tally, live: number): string {
  return windowSeconds === null
    ? ''
    : `Old code (v${live}) served on for ${duration(windowSeconds)} after the release, until the first new answer.`;
}

/** That all answers came from old code, where that is all that was heard. */
export function answeredBy({ answers }: Tally, live: string): string {
  const { old, new: met, silent, failed } = answers;
  return old > 0 && met + silent + failed === 0
    ? `All ${old} answers so far came from ${live}.`
    : 'Whose code visitors get cannot be told from the answers.';
}

/** Why it is not known who serves, in a sentence; null when the answers say. */
export function silenceOf(phase: Phase | undefined): string | null {
  const since = silentSince(phase);
  return since === null
    ? null
    : `Since ${time(since)} no answer says which release it comes from: who serves is not known.`;
}

/** What the probe met: by release, the slowest, those that told nothing. */
export function probesOf({ answers }: Tally): string {
  const named = Object.entries(answers.byRelease).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const told = Math.max(
    answers.new + answers.old,
    named.reduce((sum, [, count]) => sum + count, 0),
  );
  const all = told + answers.silent;
  if (all === 0) return 'Probes: none was answered.';
  const byRelease = named.slice(-6).map(([release, count]) => `${count} answered by ${foreign(release, 20)}`);
  const byCode = [
    answers.old > 0 ? `${answers.old} answered by old code` : '',
    answers.new > 0 ? `${answers.new} by new code` : '',
  ].filter(Boolean);
  const parts = [
    `${all} sent`,
    ...(byRelease.length > 0 ? byRelease : byCode),
    answers.silent > answers.failed ? `${answers.silent - answers.failed} told no version` : '',
    answers.failed > 0 ? `${answers.failed} failed` : 'none failed',
    `the slowest took ${Math.round(answers.slowestMs)} ms`,
  ];
  return `Probes: ${parts.filter(Boolean).join(', ')}.`;
}

/** What Heroku's router logged of visitors' requests, and of which time that is not known. */
export function routerOf({ failures, log }: Tally): string {
  if (!log) return 'Router: its log could not be read, so failed requests are not known.';
  const times = [
    log.from === null ? '' : ` from ${time(log.from)}`,
    log.until === null ? '' : ` until ${time(log.until)}`,
  ].join('');
  const known = times && ` Its log is known only${times}.`;
  const logged = Object.entries(failures).filter(([, count]) => count > 0);
  if (logged.length === 0) return `Router: no failed request was logged.${known}`;
  const all = logged.reduce((sum, [, count]) => sum + count, 0);
  const codes = logged.slice(0, 12).map(([name, count]) => `${foreign(name, 20)} × ${count}`);
  return `Router: :warning: ${plural(all, 'failed request')} logged (${codes.join(', ')}).${known}`;
}
