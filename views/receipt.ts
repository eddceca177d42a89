import { type Deploy, type FactOf, latest, migrationsOf } from '../src/domain/deploy.ts';
import { type Direction, filesOf } from '../src/domain/gate.ts';
import { isDoubted } from '../src/domain/phase.ts';
import { isDoubtedAgain, oldCode, phaseFact, saidToBeGone } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { secondsOfStep } from '../src/domain/usual.ts';
import { closedLines } from './closed-deploy.ts';
import { evidenceOf, probesOf, routerOf, windowOf } from './evidence.ts';
import { healthLines } from './health.ts';
import { code, dayAndTime, duration, foreign, mention, plural, secondsBetween, sentence, sha, time } from './text.ts';

const COMMITS_SHOWN = 5;

/** What remains of a deploy: who, what, when, and what was seen. Lines of mrkdwn; the steps' own times are on their cards. */
export function receiptOf(deploy: Deploy): string[] {
  const { plan, startedAt, startedBy } = deploy;
  const end = latest(deploy, 'ended')?.at ?? startedAt;
  const old = oldCode(deploy);
  const tally = phaseFact(deploy)?.tally;
  const window = tally ? windowOf(tally, old.version) : '';
  return [
    `• Who: ${mention(startedBy)}, ${dayAndTime(startedAt)} to ${dayAndTime(end)}, ${duration(secondsBetween(startedAt, end))} in all.`,
    ...startLines(deploy),
    `• What: ${sha(plan.commit.sha)} of ${foreign(plan.ref, 80)}${releaseOf(deploy)}, after v${old.version} (${sha(old.commit)}).`,
    ...commitLines(deploy),
    ...proofLines(deploy),
    ...closedLines(deploy),
    ...migrationLines(deploy),
    ...(window ? [`• ${window}`] : []),
    ...healthLines(deploy),
    ...(tally ? [`• ${probesOf(tally)}`, `• ${routerOf(tally)}`] : []),
    ...timeLines(deploy),
    ...sealLines(deploy),
  ];
}

/** How long each step took, beside what it usually takes: only where the app's last deploys say that. */
function timeLines(deploy: Deploy): string[] {
  const usual = latest(deploy, 'ended')?.usual ?? {};
  const times = stepsOf(deploy).flatMap(reading => {
    const seconds = secondsOfStep(reading);
    const median = usual[reading.step];
    return seconds === null || median === undefined || reading.state !== 'done'
      ? []
      : [`${reading.step} ${duration(seconds)} (${duration(median)})`];
  });
  return times.length > 0 ? [`• Times, and what is usual: ${times.join(', ')}.`] : [];
}

function sealLines(deploy: Deploy): string[] {
  const receipt = latest(deploy, 'ended')?.receipt;
  return receipt ? [`• Receipt ${receipt.number}, ${code(receipt.hash.slice(0, 12))}: chained to the one before.`] : [];
}

/** On whose word it began, where that was asked. */
function startLines(deploy: Deploy): string[] {
  const approval = latest(deploy, 'started')?.approval;
  if (!approval) return [];
  const why = approval.emergency === null ? '' : `, in a freeze: ${sentence(foreign(approval.emergency, 300))}`;
  return [`• ${mention(approval.by)} approved its start${why || '.'}`];
}

function releaseOf(deploy: Deploy): string {
  const version = latest(deploy, 'released')?.version;
  const back = latest(deploy, 'rollback released')?.version;
  return `${version === undefined ? ', never released' : `, released as v${version}`}${back === undefined ? '' : `, undone by v${back}`}`;
}

function commitLines({ plan: { changes, live } }: Deploy): string[] {
  if (!changes) return [];
  const shown = changes.commits.slice(0, COMMITS_SHOWN);
  const more = changes.total > shown.length ? [`    and ${changes.total - shown.length} more`] : [];
  return [
    `• ${plural(changes.total, 'commit')} since v${live.version}${changes.behind > 0 ? `, ${changes.behind} taken away` : ''}${changes.total > 0 ? ':' : '.'}`,
    ...shown.map(commit => `    ${sha(commit.sha)} ${foreign(commit.subject, 90)} (${foreign(commit.author, 40)})`),
    ...more,
  ];
}

/** The newest proof that new code serves, unless it was corrected since, and what is known of the old code. */
function proofLines(deploy: Deploy): string[] {
  const of = (of: 'deploy' | 'rollback'): FactOf<'phase'>[] =>
    deploy.facts.filter((fact): fact is FactOf<'phase'> => fact.kind === 'phase' && fact.of === of);
  const lines: string[] = [];
  for (const [whose, watched] of [
    ['New code', of('deploy')],
    ['The rollback', of('rollback')],
  ] as const) {
    const doubt = watched.findLastIndex(({ phase }) => isDoubted(phase));
    const serves = watched.slice(doubt + 1).findLast(({ phase }) => phase.kind === 'new serves');
    if (serves?.phase.kind === 'new serves') {
      const { phase, version } = serves;
      lines.push(`• ${whose} serves since ${time(phase.at)}. ${evidenceOf(phase.evidence, `v${version}`)}`);
    }
  }
  const gone = isDoubtedAgain(deploy) ? undefined : saidToBeGone(deploy);
  if (gone?.kind === 'phase' && gone.phase.kind === 'old gone')
    lines.push(
      `• Old code gone at ${time(gone.phase.at)}: *proved by logs*, ${foreign(gone.phase.dynos.join(', '), 200)} were stopped and have left.`,
    );
  if (gone?.kind === 'checked')
    lines.push(
      `• Old code gone: *on the word of ${mention(gone.by)}*, who looked: ${sentence(foreign(gone.why ?? 'not told', 200))}`,
    );
  return lines;
}

/** What was done to the schema, and on whose word. */
function migrationLines(deploy: Deploy): string[] {
  const ran = (direction: Direction): string =>
    deploy.facts
      .flatMap(fact => (fact.kind === 'migrated' && fact.direction === direction ? [foreign(fact.file, 100)] : []))
      .join(', ');
  const lines: string[] = [];
  const when = deploy.plan.migrations?.commands ? 'once it was released' : 'before the release';
  if (ran('expand')) lines.push(`• Migrations ${when}: ${ran('expand')}.`);
  const approved = latest(deploy, 'approved');
  if (approved) {
    const files = ran('contract') || 'none was run';
    lines.push(
      `• Migrations ${deploy.plan.maintenance ? 'while it was closed' : 'at the end'}: ${files}. ${mention(approved.by)} approved them at ${time(approved.at)}.`,
    );
  }
  const held = latest(deploy, 'held');
  if (held) {
    const files = filesOf(migrationsOf(deploy), 'contract').map(({ file }) => foreign(file, 100));
    const who = held.by ? ` by ${mention(held.by)}` : '';
    lines.push(`• Migrations held${who}: ${files.join(', ')}. ${sentence(foreign(held.why, 300))}`);
  }
  return lines;
}
