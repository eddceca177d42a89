import { type Deploy, latest, type Met } from '../src/domain/deploy.ts';
import { p95, type Sample, secondsOf, totalOf } from '../src/domain/health.ts';
import { isThin } from '../src/domain/health-gate.ts';
import { duration, foreign, time } from './text.ts';

// How well an app was, in words: with new code, beside how it was with old code.

/** Sentences, each of one thing that was met; none for what was not. */
export function healthWords({ before, window, since, peak }: Met): string[] {
  const old = before && !isThin(before) ? before : window;
  const whose = old === before ? 'before' : 'old code in the window';
  return [
    both(since, old, whose, requestsOf, 'Visitors'),
    both(since, old, whose, probesOf, 'Probes'),
    window !== old && totalOf(window.failures) > 0 ? `While old code still served: ${requestsOf(window)}.` : '',
    peak ? `Database: at most ${peak.used} of ${peak.limit} connections were in use at once, at ${time(peak.at)}.` : '',
  ].filter(Boolean);
}

/** The receipt's line: whether new code was well, and by what. */
export function healthLines(deploy: Deploy): string[] {
  if (!latest(deploy, 'released')) return [];
  if (deploy.plan.maintenance) {
    return latest(deploy, 'let in')
      ? ['• Health: not compared with old code, since the app was closed between them.']
      : [];
  }
  const judged = latest(deploy, 'judged');
  if (!judged) return ['• Health: new code was not judged, since it ended before that.'];
  const words = { well: 'new code was well', 'not well': 'new code was *not well*', 'not judged': '*not judged*' };
  const why = foreign(judged.why, 300);
  // Being well has no cause; what could not be compared only limits it.
  const because = judged.verdict === 'well' ? `, as far as could be told (${why})` : `: ${why}`;
  return [`• Health: ${words[judged.verdict]}${judged.why ? because : ''}. ${healthWords(judged.met).join(' ')}`];
}

function both(
  since: Sample,
  old: Sample,
  whose: string,
  words: (sample: Sample) => string | null,
  what: string,
): string {
  const now = words(since);
  return now ? `${what}: ${now} (${whose}: ${words(old) ?? 'nothing was seen'}).` : '';
}

function requestsOf({ requests, failures, service, ...rest }: Sample): string | null {
  if (requests === 0) return null;
  const codes = Object.entries(failures).map(([name, count]) => `${foreign(name, 20)} × ${count}`);
  const most = p95(service);
  return [
    `${totalOf(failures)} of ${requests} requests failed`,
    codes.length > 0 ? ` by ${codes.slice(0, 12).join(', ')}` : '',
    most === null ? '' : `, 95 of 100 took up to ${most} ms`,
    lasted(rest),
  ].join('');
}

function probesOf({ probes, failed, lost, latency, ...rest }: Sample): string | null {
  if (probes === 0) return null;
  const most = p95(latency);
  return [
    `${failed} of ${probes} failed`,
    lost > 0 ? `, ${lost} without an answer` : '',
    most === null ? '' : `, 95 of 100 took up to ${most} ms`,
    lasted(rest),
  ].join('');
}

const lasted = (sample: Pick<Sample, 'from' | 'to'>): string => ` in ${duration(secondsOf(sample))}`;
