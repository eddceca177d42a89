import { afterOldCode, approvalExpiresAt, DOUBTED, RECEIPT } from './approval.ts';
import { type Click, latest, type SmokeResult } from './domain/deploy.ts';
import { type Complaint, verdictOf } from './domain/health-gate.ts';
import { isDoubted } from './domain/phase.ts';
import { watchedSeconds } from './domain/plan.ts';
import {
  BY_TEST,
  destroyed,
  goesBackAt,
  isAsExpected,
  isByTest,
  isDoubtedAgain,
  lastDoubt,
  oldCode,
  openComplaint,
  phaseFact,
  saidToBeGone,
  smokeTestOf,
  waitsForApproval,
} from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import type { SmokeTest } from './domain/switchover-file.ts';
import type { Phase } from './domain/watch.ts';
import { followDeploy, record } from './following.ts';
import { changedConfig, complain, isSlowOnly, settled, unlessIll } from './illness.ts';
import type { Following } from './outside.ts';
import { first, type Next, type Run } from './run.ts';
import { unlessSuperseded } from './superseding.ts';
import { GONE_NOTED, NO_WAY_BACK, next, saidGone } from './watching.ts';

// Is new code well? It is measured from before the deploy on. When it is not, after the switch, people are told at once;
// where the app's settings say so it goes back by itself, 30 s later (90 s where it is only slow), unless somebody keeps it.

/** How long somebody is waited for where it does not go back by itself. */
const DECIDED_WITHIN_MS = 3_600_000;
/** Where nothing goes back by itself, a bad quarter of an hour is no reason to give a deploy up: well for so long, and it goes on. */
const WELL_AGAIN_MS = 300_000;
/** Nobody was there to go back so long after the countdown: its complaint is looked at again, for so long. */
const LATE_MS = 15_000;
const LOOK_MS = 60_000;
/** How it begins why nothing went back by itself: a person is asked in a new complaint. */
const UNDOES = 'It would undo';
const WARM_NOW = 'It was slow at first, and was not seen to be in the last minute.';
const FAILS_TOO = 'It is not only slow: it fails.';
const WELL_MEANWHILE = 'The bot was away when its time was over, and in the minute after that it was not ill any more.';
/** How often a path is asked before its answer counts as wrong: a connection that breaks says nothing of the code. */
const SMOKE_TRIES = 3;
const SMOKE_PAUSE_MS = 1_000;

/** Asks new code, as soon as it serves, what the commit's `switchover.json` says that it must answer. */
export async function smokeTest(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  if (!smokeTestOf(run.deploy)) {
    const results = await run.listening(
      signal => Promise.all((plan.smoke ?? []).map(test => ask(run, test, signal))),
      // Somebody may be asked for it already, and answer while it is tested.
      async click => ((await saidGone(run, click)) ? { answer: GONE_NOTED } : tooLate(click)),
    );
    await run.record({ kind: 'smoke test', results }, `smoke test ${lastDoubt(run.deploy)?.seq ?? 0}`);
  }
  const made = smokeTestOf(run.deploy);
  const wrong = made?.results.filter(result => !isAsExpected(result)) ?? [];
  const isKept = run.deploy.facts.some(
    fact => fact.kind === 'kept' && (fact.by !== null || fact.seq > (made?.seq ?? 0)),
  );
  if (wrong.length === 0 || isKept) return plan.maintenance ? RECEIPT : { to: 'Old code gone' };
  if (plan.maintenance) return openedThoughWrong(run, wrong);
  return complain(
    run,
    wrong.map(result => ({ now: said(result), against: `${BY_TEST} ${result.expected.join(' or ')}` })),
  );
}

/** Visitors are in already, and what served before may not fit the schema any more: a person decides. */
function openedThoughWrong(run: Run, wrong: readonly SmokeResult[]): Promise<Next> {
  const { app } = run.deploy.plan;
  const what = wrong.map(said).join(', ');
  const way = destroyed(run.deploy)
    ? 'Its migrations left no way back: mend it, and deploy that.'
    : `Look at it, and go back with \`/deploy rollback ${app} v${oldCode(run.deploy).version}\` or mend it.`;
  return run.end(
    'failed',
    `${app} is open and serves the new code, which did not pass its smoke test: ${what}. ${way}`,
  );
}

const said = ({ path, status }: SmokeResult): string =>
  withoutMentions(`${path} ${status === null ? 'did not answer' : `answered ${status}`}`);

async function ask(run: Run, { path, status: expected }: SmokeTest, signal: AbortSignal): Promise<SmokeResult> {
  const { plan } = run.deploy;
  const { prober, time } = run.outside;
  const probe = { path, header: 'header' in plan.probe ? plan.probe.header : '' };
  for (let tries = 1; ; tries++) {
    const { status } = await prober.ask(plan.url, probe, signal);
    const result = { path, expected, status };
    if (isAsExpected(result) || tries === SMOKE_TRIES) return result;
    await time.pass(SMOKE_PAUSE_MS, signal);
  }
}

/** New code alone is watched for a moment also where nothing has to be destroyed: what breaks, breaks soon. */
export async function watchNewCode(run: Run): Promise<Next> {
  const following = followDeploy(run);
  await following.when(() => true, run.signal);
  if (latest(run.deploy, 'rollback asked')) return { to: 'Roll back' };
  if (openComplaint(run.deploy)) return { to: 'Not well' };
  const doubt = lastDoubt(run.deploy);
  if (doubt && isDoubtedAgain(run.deploy)) return destroyed(run.deploy) ? oldAnswers(run, doubt.phase) : DOUBTED;
  if (!latest(run.deploy, 'watching')) {
    const { facts } = run.deploy;
    const changed = facts.findLast(fact => fact.kind === 'schema changed' && fact.direction === 'contract');
    const served = facts.findLast(fact => fact.kind === 'phase' && fact.phase.kind === 'new serves');
    // By the database's clock: the watch's own may have been an hour ahead, and the app's turn would be held for it.
    const from = Date.parse((changed ?? served ?? facts.at(-1))?.at ?? '');
    await run.record({ kind: 'watching', until: from + watchedSeconds(run.deploy.plan) * 1000 });
  }
  const until = latest(run.deploy, 'watching')?.until ?? 0;
  const work = async (signal: AbortSignal): Promise<Next> => {
    await run.outside.time.until(until, signal);
    await settled(following, signal);
    return RECEIPT;
  };
  const well = (signal: AbortSignal) => unlessIll(run, following, work, signal);
  const onDoubt = (phase: Phase) => oldAnswers(run, phase);
  return run.listening<Next>(signal => unlessSuperseded(run, following, well, signal, onDoubt), tooLate);
}

/** Old code answers again: that it was gone was a person's word, or the routers took longer. */
async function oldAnswers(run: Run, phase: Phase): Promise<Next> {
  if (!destroyed(run.deploy)) return next(run, phase);
  const { app } = run.deploy.plan;
  return run.end(
    'not proved',
    `Code of v${oldCode(run.deploy).version} answers again, and what it needs is destroyed. Look at it now: \`heroku ps -a ${app}\`, \`heroku logs -a ${app}\`.`,
  );
}

async function tooLate({ kind }: Click): Promise<{ answer: string }> {
  return {
    answer:
      kind === 'cancel' || kind === 'roll back'
        ? 'New code serves already, and is being watched. If it must go: `/deploy rollback` plans the way back.'
        : 'That is not in question now: see the newest state on the message.',
  };
}

/** It was told that new code is not well: somebody decides, or the time that the app's settings give does. */
export async function notWell(run: Run): Promise<Next> {
  const following = followDeploy(run);
  const asked = latest(run.deploy, 'not well');
  if (!asked) throw new Error(`${run.deploy.id} has nothing to decide`);
  const kept = latest(run.deploy, 'kept');
  if (kept && kept.seq > asked.seq && kept.by === null && kept.why.startsWith(UNDOES))
    return complain(run, asked.complaints);
  const known = decision(run);
  if (known) return known;
  const answer = `answered not well ${asked.seq}`;
  const backAt = goesBackAt(asked);
  const waits = waitsForApproval(run.deploy);
  const maySettle = backAt !== null && isSlowOnly(asked.complaints);
  const why = asked.complaints.map(({ now }) => now).join(', ');
  const keep = async (by: string | null, why: string): Promise<void> => run.record({ kind: 'kept', by, why }, answer);
  const goBack = async (by: string | null, why: string): Promise<void> =>
    run.record({ kind: 'rollback asked', by, why }, answer);
  return run.listening<Next>(
    signal =>
      first(signal, [
        async signal => {
          const isOver = (phase: Phase): boolean => phase.kind === 'superseded' || isDoubted(phase);
          const phase = await following.until(isOver, record(run, following), signal);
          if (phase.kind === 'superseded') return next(run, phase);
          await keep(null, 'Old code answers again: what failed may be its own.');
          return decision(run) ?? next(run, phase);
        },
        async signal => {
          await wellAgain(following, waits || (backAt === null && !isByTest(asked)), signal);
          await keep(null, 'It has been well again for five minutes.');
          return decision(run) ?? RECEIPT;
        },
        async signal => {
          const found = await worse(following, maySettle, signal);
          await keep(null, FAILS_TOO);
          return latest(run.deploy, 'kept')?.why === FAILS_TOO ? complain(run, found) : (decision(run) ?? RECEIPT);
        },
        async signal => {
          const endsAt = waits ? approvalExpiresAt(run) : Date.parse(asked.at) + DECIDED_WITHIN_MS;
          await run.outside.time.until(backAt ?? endsAt, signal);
          await run.pressesAnswered(signal);
          const wasAway = backAt !== null && run.outside.time.now() > backAt + LATE_MS;
          if (wasAway && !(await isStillIll(run, following, signal))) await keep(null, WELL_MEANWHILE);
          else if (maySettle && verdictOf(following.watch).kind === 'well') await keep(null, WARM_NOW);
          else if (backAt !== null) {
            // Somebody may have set one while it was counted down.
            const config = await changedConfig(run);
            if (config.length === 0) await goBack(null, why);
            else {
              const undoes = `${UNDOES} ${config.join(', ')}. It is asked anew what to do.`;
              await keep(null, undoes);
              if (latest(run.deploy, 'kept')?.why === undoes) return complain(run, asked.complaints);
            }
          }
          return decision(run) ?? undecided(run, why);
        },
      ]),
    async ({ kind, by, reason }) => {
      if (kind === 'keep it') {
        await keep(by, reason ?? 'No reason was given.');
        const instead = decision(run) ?? RECEIPT;
        return openlyKept(run)
          ? { answer: 'Kept: it stays, and goes on.', instead }
          : { answer: 'Too late: it goes back.', instead };
      }
      if (kind !== 'roll back' && kind !== 'cancel')
        return { answer: 'New code is not well: *Roll back* or *Keep it* on the newest message of the thread.' };
      if (destroyed(run.deploy)) return { answer: NO_WAY_BACK };
      await goBack(by, `asked in Slack: ${why}`);
      return openlyKept(run)
        ? { answer: 'Too late: somebody kept it.', instead: decision(run) ?? RECEIPT }
        : { answer: 'Rolling back.', instead: { to: 'Roll back' } };
    },
  );
}

/** One look more, of a newest minute: what was found before a long absence says nothing of now. */
async function isStillIll(run: Run, following: Following, signal: AbortSignal): Promise<boolean> {
  await run.outside.time.pass(LOOK_MS, signal);
  const tested = await Promise.all((run.deploy.plan.smoke ?? []).map(test => ask(run, test, signal)));
  let isIll = !tested.every(isAsExpected);
  await following.when(watch => {
    // What was known of its dynos then is not known now, as long as there is no log.
    isIll ||= watch.logOpen && verdictOf(watch).kind === 'ill';
    return true;
  }, signal);
  return isIll;
}

/** The complaints once it is not only slow any more; never where that makes no difference. */
async function worse(following: Following, maySettle: boolean, signal: AbortSignal): Promise<readonly Complaint[]> {
  let found: readonly Complaint[] = [];
  await following.when(watch => {
    const verdict = verdictOf(watch);
    if (maySettle && verdict.kind === 'ill' && !isSlowOnly(verdict.complaints)) found = verdict.complaints;
    return found.length > 0;
  }, signal);
  return found;
}

/** Resolves when it has been well for long enough; never where it may not go on by itself. */
async function wellAgain(following: Following, mayGoOn: boolean, signal: AbortSignal): Promise<void> {
  let since: number | null = null;
  await following.when(watch => {
    since = mayGoOn && verdictOf(watch).kind === 'well' ? (since ?? watch.now) : null;
    return since !== null && watch.now - since >= WELL_AGAIN_MS;
  }, signal);
}

const openlyKept = ({ deploy }: Run): boolean => openComplaint(deploy) === null && !latest(deploy, 'rollback asked');

/** What was decided of the newest complaint; null while that is open. */
function decision(run: Run): Next | null {
  const { deploy } = run;
  if (latest(deploy, 'rollback asked')) return { to: 'Roll back' };
  if (openComplaint(deploy)) return null;
  if (waitsForApproval(run.deploy)) return { to: 'Approval' };
  if (latest(deploy, 'watching') || destroyed(deploy)) return { to: 'Watch new code' };
  const phase = phaseFact(deploy, 'deploy')?.phase;
  if (phase && isDoubted(phase)) return DOUBTED;
  return saidToBeGone(deploy) && !isDoubtedAgain(deploy) ? afterOldCode(run) : { to: 'Old code gone' };
}

const openFor = ({ deploy }: Run): string => (waitsForApproval(deploy) ? 'in time' : 'for an hour');

async function undecided(run: Run, why: string): Promise<Next> {
  const version = `v${latest(run.deploy, 'released')?.version}`;
  return run.end(
    'failed',
    `${version} serves and is not well (${why}), and nobody decided ${openFor(run)}. Look at it, and go back with \`/deploy rollback\` or mend it.`,
  );
}
