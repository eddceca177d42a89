import { afterOldCode } from './approval.ts';
import { type Click, latest, type Tally } from './domain/deploy.ts';
import { samePhase } from './domain/phase.ts';
import { logKnownFromRelease } from './domain/proof.ts';
import type { Goal, Phase, Watch } from './domain/watch.ts';
import type { Following } from './outside.ts';
import type { Next, Run } from './run.ts';

// The part of a deploy in which Heroku does the work and we find out what is true of it.

/** How long people are asked about what could not be proved, before the deploy ends as not proved. */
const ASKED_FOR_MS = 24 * 3_600_000;

/** Follows the switchover while it is in the phase that a stage stands for. */
export function watchWhile(kind: Phase['kind']): (run: Run) => Promise<Next> {
  return async run => {
    const following = followDeploy(run);
    const known = decided(run);
    if (known) return known;
    return run.listening<Next>(
      async signal => {
        const phase = await following.until(phase => phase.kind !== kind, record(run, following), signal);
        return next(run, phase);
      },
      click => pressed(run, following, click),
    );
  };
}

/** What could not be proved is asked of a person, while the watch goes on: proof may still come. */
export async function askAPerson(run: Run): Promise<Next> {
  const following = followDeploy(run);
  const known = decided(run);
  if (known) return known;
  const asked = latest(run.deploy, 'phase');
  const until = Date.parse(asked?.at ?? '') + ASKED_FOR_MS;
  return run.listening<Next>(
    async signal => {
      const expired = () => following.watch.now > until;
      const phase = await following.until(
        phase => phase.kind !== 'not proved' || expired(),
        record(run, following),
        signal,
      );
      if (phase.kind !== 'not proved') return next(run, phase);
      return run.end(
        'not proved',
        'Nobody answered for a day. Look yourself which release serves before you deploy again.',
      );
    },
    click => pressed(run, following, click),
  );
}

/** What a press decided before this stage was killed: it was answered, so it does not come again. */
function decided(run: Run): Next | null {
  const { deploy } = run;
  const ended = latest(deploy, 'ended');
  if (ended) return { end: ended.outcome };
  if (latest(deploy, 'rollback asked')) return { to: 'Roll back' };
  const gone = deploy.facts.some(fact => fact.kind === 'checked' && fact.what === 'old gone');
  return gone ? afterOldCode(run) : null;
}

async function next(run: Run, phase: Phase): Promise<Next> {
  switch (phase.kind) {
    case 'booting':
      return { to: 'New dynos boot' };
    case 'old serves':
      return { to: 'Old code still serving' };
    case 'mixed':
      return { to: 'New code serves' };
    case 'new serves':
      return { to: 'Old code gone' };
    case 'old gone':
      return afterOldCode(run);
    case 'not proved':
      return { to: 'Ask a person' };
    case 'crashed':
      await run.record({ kind: 'rollback asked', by: null, why: `${phase.dyno} ${phase.what}` });
      return { to: 'Roll back' };
    case 'superseded':
      return run.end(
        'superseded',
        `${phase.by} released v${phase.version} (${phase.what}). This deploy does nothing more.`,
      );
    default:
      return phase satisfies never;
  }
}

/** A button: each phase allows what is true and safe in it, and answers the rest. */
async function pressed(run: Run, following: Following, click: Click): Promise<{ answer: string; instead?: Next }> {
  const phase = latest(run.deploy, 'phase')?.phase;
  const missing = phase?.kind === 'not proved' ? phase.missing : null;
  const reason = click.reason ?? 'No reason was given.';
  switch (click.kind) {
    case 'cancel':
    case 'roll back':
      if (missing === 'old gone') {
        const why = 'New code serves; that old code is gone was not proved, and nobody waits for it any more.';
        return {
          answer: 'It ends here.',
          instead: await run.end('not proved', `${why} Contract migrations were not run.`),
        };
      }
      if (following.watch.served) {
        return {
          answer: 'New code serves already, so this deploy can no longer be undone unseen.',
        };
      }
      await run.record({ kind: 'rollback asked', by: click.by, why: 'asked in Slack' });
      return { answer: 'Rolling back.', instead: { to: 'Roll back' } };
    case 'it serves':
      if (missing !== 'new serves')
        return { answer: 'That is not in question now: see the newest state on the message.' };
      await run.record({ kind: 'checked', by: click.by, what: 'new serves', why: reason }, 'checked new serves');
      following.checked(click.by);
      return { answer: 'Noted: you looked, and new code serves.' };
    case 'old code is gone':
      if (missing !== 'old gone')
        return { answer: 'That is not in question now: see the newest state on the message.' };
      await run.record({ kind: 'checked', by: click.by, what: 'old gone', why: reason }, 'checked old gone');
      return { answer: 'Noted: you looked, and old code is gone.', instead: afterOldCode(run) };
    case 'go on':
      return { answer: 'It has gone on long since: see the newest state on the message.' };
    case 'run them':
    case 'hold':
    case 'open':
    case 'try again':
    case 'end here':
      return { answer: 'The contract migrations are not asked yet: that comes when old code is gone.' };
    default:
      return click.kind satisfies never;
  }
}

/** The watch of this deploy's own release. */
export function followDeploy(run: Run): Following {
  const { deploy } = run;
  const { plan } = deploy;
  const released = latest(deploy, 'released');
  if (!released) throw new Error(`${deploy.id} has no release to watch`);
  const checked = deploy.facts.some(fact => fact.kind === 'checked' && fact.what === 'new serves');
  const following = followRelease(run, released, plan.commit.sha);
  const by = latest(deploy, 'checked')?.by;
  if (checked && by && !following.watch.served) following.checked(by);
  return following;
}

/** The watch of a release that the deploy made: its own, or the one that went back. */
export function followRelease(
  { deploy, outside }: Run,
  released: { version: number; slug: string; releasedAt: number },
  commit: string | null,
): Following {
  const { plan } = deploy;
  const goal: Goal = {
    ours: released.version,
    slug: released.slug,
    commit,
    oldCommit: plan.live.commit,
    oldWeb: Array.from({ length: plan.web.quantity }, (_, i) => `web.${i + 1}`),
    web: plan.web.quantity,
    releasedAt: released.releasedAt,
    windowMs: plan.windowSeconds * 1000,
  };
  return outside.watcher.follow({ deploy: deploy.id, app: plan.app, url: plan.url, probe: plan.probe, goal });
}

/** Appends a fact for each phase that the watch comes to, once, also when a restarted bot comes to it again. */
export function record(run: Run, following: Following, of: 'deploy' | 'rollback' = 'deploy', tallied = following) {
  const tell = async (phase: Phase): Promise<void> => {
    const known = phasesTold(run, of);
    const last = known.at(-1);
    if (last && samePhase(last, phase)) return;
    const { ours } = following.watch.goal;
    const tally = tallyOf(tallied.watch);
    await run.record({ kind: 'phase', of, version: ours, phase, tally }, `phase of ${of} ${known.length + 1}`);
  };
  return async (phase: Phase): Promise<void> => {
    for (const { at, what } of following.watch.meddling) {
      const isTold = run.deploy.facts.some(fact => fact.kind === 'meddled' && fact.on === at && fact.what === what);
      if (!isTold) await run.record({ kind: 'meddled', on: at, what }, `meddled ${at} ${what}`);
    }
    const { served } = following.watch;
    const told = phasesTold(run, of).findLast(({ kind }) => kind === 'new serves' || kind === 'mixed');
    // A bot that was away may find old code gone already: that new code serves is said all the same, and first.
    if (served && told?.kind !== 'new serves' && isAfterwards(phase)) {
      await tell({ kind: 'new serves', at: served.at, evidence: served.evidence });
    }
    await tell(phase);
  };
}

const isAfterwards = (phase: Phase): boolean =>
  phase.kind === 'old gone' || (phase.kind === 'not proved' && phase.missing === 'old gone');

const phasesTold = ({ deploy }: Run, of: 'deploy' | 'rollback'): Phase[] =>
  deploy.facts.flatMap(fact => (fact.kind === 'phase' && fact.of === of ? [fact.phase] : []));

export function tallyOf(watch: Watch): Tally {
  const { answers, failures, firstNewAt, goal, logFrom, logTo, logOpen } = watch;
  const from = logKnownFromRelease(watch) ? null : logFrom;
  return {
    answers,
    failures,
    log: logFrom === null ? null : { from, until: logOpen ? null : logTo },
    windowSeconds: firstNewAt === null ? null : (firstNewAt - goal.releasedAt) / 1000,
  };
}
