import { type Objection, objection } from './alone.ts';
import { cancelAsked, cancelled, isCancelled } from './cancelling.ts';
import { type Click, latest, latestOfThese, migrationsOf } from './domain/deploy.ts';
import { filesOf, gateReasons } from './domain/gate.ts';
import { isDoubted } from './domain/phase.ts';
import { isDoubtedAgain, isTakenBack, lastDoubt, openComplaint, saidToBeGone } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import { firstPhase, followDeploy, followSparingly } from './following.ts';
import { NOT_WELL, settled, unlessIll } from './illness.ts';
import { judge } from './judging.ts';
import { planByCommand } from './migration-commands.ts';
import type { Following } from './outside.ts';
import { pendingMigrations } from './pending.ts';
import { again, first, type Next, type Run } from './run.ts';
import { otherRelease, supersededBy, unlessSuperseded } from './superseding.ts';

// Between the proof that old code is gone and the migrations that it needed: new code is watched for a while, then a
// second person says yes or no to exactly what is shown.

const HOUR_MS = 3_600_000;
/** How long an approval is waited for, and when it is asked once more. */
const EXPIRES_MS = 24 * HOUR_MS;
const REMIND_MS = 4 * HOUR_MS;
/** Key of what answers a card: whoever comes first, a yes, a no or the time, and nobody after them. */
const ANSWER = 'answered';
export const RECEIPT: Next = { to: 'Write the receipt' };

const TOO_LATE =
  'New code serves already: there is nothing left to call off. *Hold* leaves its contract migrations out.';

/** Where a deploy goes when old code is gone. */
export function afterOldCode(run: Run): Next {
  const files = filesOf(run.deploy.plan.migrations, 'contract');
  return { to: files.length > 0 ? 'Soak' : 'Watch new code' };
}

/** New code serves alone for a while before anything is destroyed that old code would need; then it must still be well. */
export async function soak(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  const gone = saidToBeGone(run.deploy);
  if (!gone) throw new Error(`${run.deploy.id} soaks though old code is not gone`);
  const known = await decided(run);
  if (known) return known;
  if (latest(run.deploy, 'rollback asked')) return { to: 'Roll back' };
  if (openComplaint(run.deploy)) return { to: 'Not well' };
  if (isDoubtedAgain(run.deploy)) return DOUBTED;
  const following = followDeploy(run);
  const until = Date.parse(gone.at) + plan.soakSeconds * 1000;
  await following.when(() => true, run.signal);
  await run.record({ kind: 'soaking', until, lastOldAt: following.watch.lastOldAt }, anew(run, 'soaking'));
  const work = async (signal: AbortSignal): Promise<Next> => {
    await run.outside.time.until(until, signal);
    await settled(following, signal);
    const other = await otherRelease(run);
    if (other) return supersededBy(run, other);
    const against = answersAgain(run, following) ?? (await objection(run));
    await judge(run);
    return against ? held(run, null, against.why) : { to: 'Approval' };
  };
  const well = (signal: AbortSignal) => unlessIll(run, following, work, signal);
  return run.listening<Next>(
    signal => unlessSuperseded(run, following, well, signal, async () => DOUBTED),
    async click =>
      click.kind === 'hold'
        ? hold(run, click)
        : {
            answer:
              click.kind === 'cancel' || click.kind === 'roll back'
                ? TOO_LATE
                : 'Not yet: new code is watched for a while first. The thread asks when it is time.',
          },
  );
}

/** Old code answers after it was said to be gone: that is proved, or asked, once more before anything is destroyed. */
export const DOUBTED: Next = { to: 'New code serves' };

const AGAIN = {
  answer: 'Not run: old code answered again in the same moment. They are asked anew when it is gone.',
  instead: DOUBTED,
};

/** Key of what is said once more when old code that had answered is gone again. */
function anew(run: Run, key: string): string {
  const { facts } = run.deploy;
  const doubt = lastDoubt(run.deploy);
  const isAfter = doubt && facts.some(fact => fact.kind === 'soaking' && fact.seq < doubt.seq);
  return isAfter ? `${key}, after ${doubt.seq}` : key;
}

/** The work of a stage that waits for people, unless old code answers again. */
function unlessDoubted(
  run: Run,
  following: Following,
  work: (signal: AbortSignal) => Promise<Next>,
  signal: AbortSignal,
): Promise<Next> {
  return first(signal, [
    work,
    async signal => {
      await firstPhase(run, following, isDoubted).until(signal);
      return DOUBTED;
    },
  ]);
}

/**
 * An old answer since it was said that old code is gone: somebody's word, or an assumption about the routers, was wrong.
 * New answers afterwards do not make it right again: the watch would have to prove once more that old code is gone.
 */
function answersAgain(run: Run, { watch }: Following): Objection | null {
  const soaking = latest(run.deploy, 'soaking');
  const before = soaking?.lastOldAt === undefined ? Date.parse(soaking?.at ?? '') : (soaking.lastOldAt ?? 0);
  const byWatch = saidToBeGone(run.deploy)?.kind === 'phase';
  if (byWatch ? watch.goneAt !== null : (watch.lastOldAt ?? 0) <= before) return null;
  return {
    why: 'Old code answered again, though it was said to be gone.',
    next: 'Hold them, and deploy again: then they are asked anew.',
  };
}

/** When (ms) the approval is no longer waited for. */
export const approvalExpiresAt = ({ deploy }: Run): number =>
  Date.parse(latest(deploy, 'approval asked')?.at ?? '') + EXPIRES_MS;

/** What a press decided before this stage was killed: it was answered, so it does not come again. */
async function decided(run: Run): Promise<Next | null> {
  const { deploy } = run;
  const before = deploy.plan.maintenance;
  const held = latest(deploy, 'held');
  if (held && before) {
    return run.end(
      'cancelled',
      `Its contract migrations were not approved: ${withoutMentions(held.why)} Nothing was begun.`,
    );
  }
  if (held) return isDoubtedAgain(deploy) ? DOUBTED : RECEIPT;
  const approved = latestOfThese(deploy, 'approved');
  // Whoever said yes did not know of an old answer since they were asked.
  const asked = deploy.facts.findLast(({ kind, seq }) => kind === 'approval asked' && seq < (approved?.seq ?? 0));
  if (!approved || isTakenBack(deploy, asked)) return null;
  // It may have been found ill in the moment of the yes.
  if (openComplaint(deploy)) return NOT_WELL;
  return { to: before ? 'Expand the schema' : 'Contract the schema' };
}

/** Asks a second person; nothing destructive runs without a yes to the digest that they were shown. */
export async function askForApproval(run: Run): Promise<Next> {
  const known = await decided(run);
  if (known) return known;
  if (openComplaint(run.deploy)) return NOT_WELL;
  if (isDoubtedAgain(run.deploy)) return DOUBTED;
  const { watcher } = run.outside;
  // Before the release, or when too many wait to watch them all: then people know no more than they see.
  const following = followSparingly(run);
  if (!following) watcher.forget(run.deploy.id);
  const { commands } = run.deploy.plan.migrations ?? {};
  if (commands && !latest(run.deploy, 'migrations planned') && !latest(run.deploy, 'migrations changed')) {
    await run.record({ kind: 'migrations planned', migrations: await planByCommand(run, commands) });
  }
  const migrations = migrationsOf(run.deploy);
  const digest = migrations?.digests.contract ?? '';
  await run.record({ kind: 'approval asked', digest }, anew(run, again(run, 'approval asked')));
  const expiresAt = approvalExpiresAt(run);
  const work = async (signal: AbortSignal): Promise<Next> => {
    await run.outside.time.until(expiresAt - EXPIRES_MS + REMIND_MS, signal);
    await run.record({ kind: 'approval reminded' }, anew(run, again(run, 'approval reminded')));
    await run.outside.time.until(expiresAt, signal);
    await run.pressesAnswered(signal);
    return held(run, null, 'Nobody answered for a day.');
  };
  const well = (signal: AbortSignal) => (following ? unlessIll(run, following, work, signal) : work(signal));
  const answered = run.listening<Next>(
    signal => (following ? unlessDoubted(run, following, well, signal) : work(signal)),
    async click => {
      if (click.kind === 'hold') return hold(run, click);
      if (click.kind === 'cancel' || click.kind === 'roll back') {
        if (!run.deploy.plan.maintenance) return { answer: TOO_LATE };
        const answer = await cancelAsked(run, click, 'Cancelled: nothing was begun.');
        return isCancelled(run) ? { answer, instead: await cancelled(run) } : { answer };
      }
      if (click.kind !== 'run them')
        return { answer: 'Only the contract migrations are open now: see the newest card.' };
      if (click.about !== digest) {
        return { answer: 'That card is not the newest one: nothing was run. Press on the newest card.' };
      }
      if (migrations && migrations.sharedWith.length > 0 && click.reason === null) {
        return {
          answer:
            'Not run: other apps use the same database. Press *Run them* again, and say in its form that their owners know.',
        };
      }
      const isBeginning = run.deploy.plan.maintenance === true;
      const notNow = isBeginning ? (await run.outside.notNow(run.deploy)).reasons : [];
      if (notNow.length > 0)
        return { answer: `Not begun. ${notNow.join(' ')} Press again when that is over, or hold it.` };
      await following?.when(() => true, run.signal);
      const oldCode = () => following && answersAgain(run, following);
      const against = oldCode() ?? (await objection(run)) ?? oldCode();
      if (against) return { answer: `Not run. ${against.why} ${against.next}` };
      if (isDoubtedAgain(run.deploy)) return AGAIN;
      await run.record({ kind: 'approved', by: click.by, digest }, anew(run, again(run, ANSWER)));
      const instead = (await decided(run)) ?? DOUBTED;
      if (instead === DOUBTED) return AGAIN;
      if (latest(run.deploy, 'held')) return { answer: 'Too late: they are held.', instead };
      return { answer: isBeginning ? 'Approved: the deploy begins now.' : 'Approved: they run now.', instead };
    },
  );
  // Another process goes on with it, for hours perhaps.
  return answered.finally(() => run.signal.aborted && watcher.forget(run.deploy.id));
}

/** What would run is not what was approved: it is read once more, and asked as it is now. */
export async function askAnew(run: Run, why: string): Promise<Next> {
  const { app, repository, commit, migrations } = run.deploy.plan;
  if (!migrations) throw new Error(`${run.deploy.id} has no migrations to ask for`);
  const { place, maintenance, sharedWith } = migrations;
  const where = { kind: 'files', place, maintenance } as const;
  const read = await pendingMigrations(run.outside, { app, repository, commit, where, sharedWith });
  const problems = [...read.problems, ...(read.migrations ? gateReasons(read.migrations) : [])];
  if (problems.length > 0 || !read.migrations) {
    const then = problems.join(' ') || 'There is nothing left to run.';
    return held(run, null, `${why} They were read once more. ${then}`, again(run, 'held anew'));
  }
  await run.record({ kind: 'migrations changed', why, migrations: read.migrations }, again(run, 'migrations changed'));
  return { to: 'Approval' };
}

async function hold(run: Run, { by, reason }: Click): Promise<{ answer: string; instead: Next }> {
  const instead = await held(run, by, reason ?? 'No reason was given.');
  if (!latest(run.deploy, 'held')) return { answer: 'Too late: they are approved, and run.', instead };
  return { answer: 'Held: they are asked again at the next deploy.', instead };
}

/** Found after the yes, when nothing had begun: it is held after all. */
export const heldAfterAll = (run: Run, why: string): Promise<Next> =>
  held(run, null, why, again(run, 'held after all'));

async function held(run: Run, by: string | null, why: string, key = anew(run, again(run, ANSWER))): Promise<Next> {
  await run.record({ kind: 'held', by, why }, key);
  return (await decided(run)) ?? DOUBTED;
}
