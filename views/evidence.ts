import type { Tally } from '../src/domain/deploy.ts';
import type { Evidence } from '../src/domain/watch.ts';
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

/** What the probe met: by release, the slowest, those that told nothing. */
export function probesOf({ answers }: Tally): string {
  const named = Object.entries(answers.byRelease).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const all = Math.max(
    answers.new + answers.old + answers.silent,
    named.reduce((sum, [, count]) => sum + count, 0),
  );
  if (all === 0) return 'Probes: none was answered.';
  const byRelease = named.slice(-6).map(([release, count]) => `${count} answered by ${foreign(release, 20)}`);
  const byCode = [
    answers.old > 0 ? `${answers.old} answered by old code` : '',
    answers.new > 0 ? `${answers.new} by new code` : '',
  ].filter(Boolean);
  const unread =
    all - (named.length > 0 ? named.reduce((sum, [, count]) => sum + count, 0) : answers.new + answers.old);
  const parts = [
    `${all} sent`,
    ...(byRelease.length > 0 ? byRelease : byCode),
    unread > answers.failed ? `${unread - answers.failed} told no version` : '',
    answers.failed > 0 ? `${answers.failed} failed` : 'none failed',
    `the slowest took ${Math.round(answers.slowestMs)} ms`,
  ];
  return `Probes: ${parts.filter(Boolean).join(', ')}.`;
}

/** What Heroku's router logged of visitors' requests. */
export function routerOf({ failures }: Tally): string {
  const known = Object.entries(failures).filter(([, count]) => count > 0);
  if (known.length === 0) return 'Router: no failed request was logged.';
  const all = known.reduce((sum, [, count]) => sum + count, 0);
  const codes = known.slice(0, 12).map(([name, count]) => `${foreign(name, 20)} × ${count}`);
  return `Router: :warning: ${plural(all, 'failed request')} logged (${codes.join(', ')}).`;
}
