import { cancelAsked, cancelled, isCancelled } from './cancelling.ts';
import { type Code, codeToServe } from './closed-dynos.ts';
import { latest } from './domain/deploy.ts';
import { filesOf } from './domain/gate.ts';
import { buriedInWords, destroyed, oldCode } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import { afterAnswer, isOpen, type Row } from './domain/reopening.ts';
import { closeTheApp, openTheApp } from './maintenance.ts';
import type { Release } from './outside.ts';
import type { Next, Run } from './run.ts';
import { commitOf, otherRelease } from './superseding.ts';

// A deploy in maintenance mode: for apps without preboot, and for schemas that old and new code cannot share. Visitors see a
// closed page from before the build until new code is up; where something is destroyed, no dyno runs meanwhile. However such
// a deploy ends, `Run.end` sends it here first: what was stopped is started, and the app is opened.

const LOOK_MS = 2_000;
const CLOSED_ANSWERS = 3;
const CLOSED_LOOKS = 30;
const ASK_MS = 200;
const PROVED_WITHIN_MS = 120_000;

/** Where a closed deploy goes once its release is there. */
export const afterClosedRelease = ({ deploy }: Pick<Run, 'deploy'>): Next => ({
  to: filesOf(deploy.plan.migrations, 'contract').length > 0 ? 'Contract the schema' : 'Start the dynos',
});

/** Closes the app and looks that visitors are turned away. */
export async function closeForTheDeploy(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  await closeTheApp(run);
  if (!latest(run.deploy, 'closing')?.byUs) {
    return run.end(
      'stopped',
      `Somebody closed ${plan.app} meanwhile. Nothing was begun: plan it again when it is open.`,
    );
  }
  const isClosed = await run.listening(
    signal => turnedAway(run, signal),
    async click => ({
      answer: await cancelAsked(run, click, 'Cancelled: nothing is built, and the app is opened again.'),
    }),
  );
  if (isCancelled(run)) return cancelled(run);
  if (!isClosed) {
    return run.end(
      'failed',
      'Heroku said that it is closed, and visitors were let in all the same. Nothing was built.',
    );
  }
  if (filesOf(plan.migrations, 'contract').length > 0) return { to: 'Stop the dynos' };
  return { to: plan.back ? 'Go back' : 'Build' };
}

async function turnedAway(run: Run, signal: AbortSignal): Promise<boolean> {
  const code = { release: 0, commit: null };
  for (let look = 0, row = 0; look < CLOSED_LOOKS; look++) {
    const answer = await ask(run, signal);
    row = answer.status === 503 && afterAnswer(null, answer, code) === null ? row + 1 : 0;
    if (row === CLOSED_ANSWERS) return true;
    await run.outside.time.pass(row > 0 ? ASK_MS : LOOK_MS, signal);
  }
  return false;
}

/** Opens the app and asks it who answers; only then the deploy ends, however it does. */
export async function openAgain(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  await openTheApp(run);
  const given = latest(run.deploy, 'giving up');
  const isBack = latest(run.deploy, 'rollback released') !== undefined;
  // While it was closed somebody may have gone back by hand: then that is what visitors get.
  const other = given || isBack ? null : await otherRelease(run);
  const code = other ? { release: other.version, commit: await commitOf(run, other) } : codeToServe(run.deploy);
  const row = await run.listening(
    signal => letIn(run, code, signal),
    async () => ({
      answer: 'It is open, and is being asked who answers. Afterwards `/deploy rollback` plans the way back.',
    }),
  );
  // By a person, or by a request of ours that Heroku had taken and carried out only now.
  const isShut = row === null && (await run.outside.heroku.app(plan.app).catch(() => null))?.maintenance === true;
  await run.record({ kind: 'let in', version: code.release, proof: row });
  if (!row) {
    const next = isShut
      ? `It is closed again: if nobody wants that, \`/maintenance ${plan.app} off\` opens it.`
      : `Look at it now: \`heroku logs -a ${plan.app}\`.`;
    return run.end(
      'not proved',
      `${plan.app} was opened, but for 2 minutes its answers did not show that v${code.release} serves. ${next}`,
    );
  }
  if (given) return run.end(given.outcome === 'rolled back' && !isBack ? 'failed' : given.outcome, given.why);
  if (isBack) {
    const version = oldCode(run.deploy).version;
    return run.end('rolled back', `${plan.app} serves the code of v${version} again.${buriedInWords(run.deploy)}`);
  }
  const last = run.deploy.facts.findLast(({ kind }) => kind === 'migration failed' || kind === 'schema changed');
  if (other) return openedWithOthers(run, other, last?.kind === 'migration failed' ? last.failure.file : null);
  if (last?.kind !== 'migration failed') return plan.smoke ? { to: 'Smoke test' } : { to: 'Write the receipt' };
  return run.end(
    'unfinished',
    withoutMentions(
      `${plan.app} runs the new code, but ${last.failure.file} failed, and what was applied before it stays. Mend it, push, and deploy again: what is left is asked anew.`,
    ),
  );
}

function openedWithOthers(run: Run, other: Release, failed: string | null): Promise<Next> {
  const { version, description, by } = other;
  const destroys = destroyed(run.deploy);
  const schema = failed ? `${failed} failed, and what was applied before it stays.` : 'Its migrations have run.';
  return run.end(
    'superseded',
    withoutMentions(
      `v${version} (${description}, by ${by}) was released meanwhile, and is live. ${destroys ? `${schema} Look whether that code can work with it, then deploy again.` : 'This deploy does nothing more.'}`,
    ),
  );
}

async function letIn(run: Run, code: Code, signal: AbortSignal): Promise<Row | null> {
  const { web } = run.deploy.plan;
  let row: Row | null = null;
  let since: number | null = null;
  for (;;) {
    const answer = await ask(run, signal);
    since ??= answer.sentAt;
    row = afterAnswer(row, answer, code);
    if (isOpen(row, web.quantity)) return row;
    if (answer.receivedAt - since > PROVED_WITHIN_MS) return null;
    await run.outside.time.pass(ASK_MS, signal);
  }
}

/** Undoes what can be undone of a deploy that gave up while its app was closed. */
export async function putBack(run: Run): Promise<Next> {
  const { deploy } = run;
  const given = latest(deploy, 'giving up');
  if (destroyed(deploy) || latest(deploy, 'rollback failed')) return { to: 'Ask about the closed app' };
  if (!latest(deploy, 'released') || latest(deploy, 'rollback released') || given?.outcome === 'superseded') {
    return { to: 'Start the dynos' };
  }
  await run.record({ kind: 'rollback asked', by: null, why: given?.why ?? 'the deploy gave up' });
  return { to: 'Roll back' };
}

const ask = ({ outside, deploy: { plan } }: Run, signal: AbortSignal) =>
  outside.prober.ask(plan.url, plan.probe, AbortSignal.any([signal, AbortSignal.timeout(15_000)]));
