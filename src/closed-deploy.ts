import { cancelAsked, cancelled, isCancelled } from './cancelling.ts';
import { type Deploy, latest } from './domain/deploy.ts';
import { filesOf } from './domain/gate.ts';
import { readLogLine } from './domain/log-line.ts';
import { destroyed } from './domain/readings.ts';
import { withoutMentions } from './domain/refusal.ts';
import {
  afterAnswer,
  type Boot,
  bootOf,
  type Heard,
  isOpen,
  NOTHING_HEARD,
  notHeardToExit,
  type Row,
} from './domain/reopening.ts';
import { closeTheApp, openTheApp } from './maintenance.ts';
import type { Next, Run } from './run.ts';

// A deploy in maintenance mode: for apps without preboot, and for schemas that old and new code cannot share. Visitors see a
// closed page from before the build until new code is up; where something is destroyed, no dyno runs meanwhile. However such
// a deploy ends, `Run.end` sends it here first: what was stopped is started, and the app is opened.

const LOOK_MS = 2_000;
/** A stopped dyno has 30 s from SIGTERM to SIGKILL (dyno-shutdown-behavior, 2024-12); 5 s are margin. */
const GONE_MS = 35_000;
const GONE_LOOKS = 45;
/** A web dyno that has not bound its port after a minute crashes (R10); workers and a slow dyno manager get more. */
const BOOT_LOOKS = 150;
/** Lines of the log come some seconds late. */
const LINES_LATE_LOOKS = 5;
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

/** Stops every dyno, so that no code is there which needs what is destroyed; how many there were is recorded first. */
export async function stopTheDynos(run: Run): Promise<Next> {
  const { heroku, time } = run.outside;
  const { app } = run.deploy.plan;
  if (!latest(run.deploy, 'dynos stopping')) {
    const [formation, dynos] = await Promise.all([heroku.formation(app), heroku.dynos(app)]);
    const running = formation.filter(({ quantity }) => quantity > 0);
    await run.record({
      kind: 'dynos stopping',
      formation: running.map(({ type, quantity }) => ({ type, quantity })),
      dynos: dynos.filter(({ type }) => running.some(entry => entry.type === type)).map(({ name }) => name),
    });
  }
  const stopping = latest(run.deploy, 'dynos stopping');
  if (!stopping) throw new Error(`${run.deploy.id} has no dynos to stop`);
  await heroku.scale(
    app,
    stopping.formation.map(({ type }) => ({ type, quantity: 0 })),
    run.mayAct,
  );
  const left = await run.listening(
    signal =>
      hearing(run, signal, async (heard, done) => {
        const left = await listedUntilGone(run, done);
        if (left.length > 0) return left;
        const lines = async () => {
          while (notHeardToExit(stopping.dynos, heard()).length > 0) await time.pass(LOOK_MS, done);
        };
        await Promise.race([lines(), time.until(Date.parse(stopping.at) + GONE_MS, done)]);
        return [];
      }),
    async click => ({
      answer: await cancelAsked(run, click, 'Cancelled: its dynos are started and it is opened again.'),
    }),
  );
  if (isCancelled(run)) return cancelled(run);
  if (left.length > 0) {
    return run.end(
      'stopped',
      `${left.join(', ')} would not stop, and still ran old code. Nothing was built. End what runs there, for a one-off dyno with \`heroku ps:stop ${left[0]} -a ${app}\`, and plan it again.`,
    );
  }
  await run.record({ kind: 'dynos stopped' });
  return { to: run.deploy.plan.back ? 'Go back' : 'Build' };
}

/** Dynos that still run a release from before this one (default: any dyno), for which it has waited. */
export async function listedUntilGone(run: Run, signal: AbortSignal, before = Infinity): Promise<string[]> {
  for (let look = 1; ; look++) {
    const listed = await run.outside.heroku.dynos(run.deploy.plan.app);
    const left = listed.filter(({ release }) => release < before).map(({ name }) => name);
    if (left.length === 0 || look === GONE_LOOKS) return left;
    await run.outside.time.pass(LOOK_MS, signal);
  }
}

/** Starts what was stopped, and waits until it runs the release that is to serve: the new one, or what it was put back to. */
export async function startTheDynos(run: Run): Promise<Next> {
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const code = codeToServe(run.deploy);
  const stopped = latest(run.deploy, 'dynos stopping');
  // Nothing of it was touched.
  if (!stopped && code.release === run.deploy.plan.live.version) return { to: 'Open again' };
  await run.record({ kind: 'dynos starting' }, `dynos starting v${code.release}`);
  const formation = await heroku.formation(app);
  // A process type that new code does not have any more is not there to be started, and would fail the others with it.
  const wanted = stopped
    ? stopped.formation.filter(({ type }) => formation.some(known => known.type === type))
    : formation.filter(({ quantity }) => quantity > 0);
  if (stopped && wanted.length > 0) await heroku.scale(app, wanted, run.mayAct);
  const boot = await run.listening(
    signal => hearing(run, signal, (heard, done) => settledBoot(run, { wanted, release: code.release }, heard, done)),
    async () => ({
      answer: 'Its dynos start just now, and then it opens. Afterwards `/deploy rollback` plans the way back.',
    }),
  );
  if (boot.kind === 'up') {
    await run.record({ kind: 'dynos up', dynos: boot.dynos, unheard: boot.unheard }, `dynos up v${code.release}`);
    return { to: 'Open again' };
  }
  // Somebody looked, and said to open it as it is.
  if (latest(run.deploy, 'closed app answered')?.what === 'open') return { to: 'Open again' };
  const what =
    boot.kind === 'crashed'
      ? `${boot.dyno} crashed when it started`
      : `${boot.up} of ${boot.of} dynos came up in 5 minutes${boot.older.length > 0 ? `, and still there were ${boot.older.join(', ')}` : ''}`;
  const tries = run.deploy.facts.filter(({ kind }) => kind === 'closed app answered').length;
  await run.record({ kind: 'dynos down', what }, `dynos down v${code.release} ${tries}`);
  const canGoBack = !destroyed(run.deploy) && code.release === latest(run.deploy, 'released')?.version;
  if (!canGoBack) return { to: 'Ask about the closed app' };
  return run.end(
    'rolled back',
    `${what}, so it went back. ${app} serves the code of v${run.deploy.plan.live.version} again.`,
  );
}

type Wanted = Pick<Parameters<typeof bootOf>[0], 'wanted' | 'release'>;

async function settledBoot(run: Run, goal: Wanted, heard: () => Heard, signal: AbortSignal): Promise<Boot> {
  for (let look = 1, up = 0; ; look++) {
    const boot = bootOf({ ...goal, dynos: await run.outside.heroku.dynos(run.deploy.plan.app), heard: heard() });
    up += Number(boot.kind === 'up');
    const isLate = boot.kind === 'up' && boot.unheard.length > 0 && up <= LINES_LATE_LOOKS;
    if ((boot.kind !== 'booting' && !isLate) || look === BOOT_LOOKS) return boot;
    await run.outside.time.pass(LOOK_MS, signal);
  }
}

/** Opens the app and asks it who answers; only then the deploy ends, however it does. */
export async function openAgain(run: Run): Promise<Next> {
  const { plan } = run.deploy;
  const code = codeToServe(run.deploy);
  await openTheApp(run);
  const row = await run.listening(
    signal => letIn(run, code, signal),
    async () => ({
      answer: 'It is open, and is being asked who answers. Afterwards `/deploy rollback` plans the way back.',
    }),
  );
  await run.record({ kind: 'let in', version: code.release, proof: row });
  if (!row) {
    return run.end(
      'not proved',
      `${plan.app} was opened, but for 2 minutes its answers did not show that v${code.release} serves. Look at it now: \`heroku logs -a ${plan.app}\`.`,
    );
  }
  const given = latest(run.deploy, 'giving up');
  const isBack = latest(run.deploy, 'rollback released') !== undefined;
  if (given) return run.end(given.outcome === 'rolled back' && !isBack ? 'failed' : given.outcome, given.why);
  if (isBack) return run.end('rolled back', `${plan.app} serves the code of v${plan.live.version} again.`);
  const last = run.deploy.facts.findLast(({ kind }) => kind === 'migration failed' || kind === 'schema changed');
  if (last?.kind !== 'migration failed') return plan.smoke ? { to: 'Smoke test' } : { to: 'Write the receipt' };
  return run.end(
    'unfinished',
    withoutMentions(
      `${plan.app} runs the new code, but ${last.failure.file} failed, and what was applied before it stays. Mend it, push, and deploy again: what is left is asked anew.`,
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

type Code = { release: number; commit: string | null };

/** What visitors should get when the app opens. */
function codeToServe(deploy: Deploy): Code {
  const { live, commit } = deploy.plan;
  const back = latest(deploy, 'rollback released');
  if (back) return { release: back.version, commit: live.commit };
  const released = latest(deploy, 'released');
  return released ? { release: released.version, commit: commit.sha } : { release: live.version, commit: live.commit };
}

const ask = ({ outside, deploy: { plan } }: Run, signal: AbortSignal) =>
  outside.prober.ask(plan.url, plan.probe, AbortSignal.any([signal, AbortSignal.timeout(15_000)]));

/** Hears the app's log while something is done; a session that ends is followed by another. */
async function hearing<T>(
  run: Run,
  signal: AbortSignal,
  act: (heard: () => Heard, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { heroku, time } = run.outside;
  const over = new AbortController();
  const done = AbortSignal.any([signal, over.signal]);
  let heard = NOTHING_HEARD;
  const listen = async () => {
    while (!done.aborted) {
      try {
        for await (const line of heroku.openLog(run.deploy.plan.app, done)) heard = hear(heard, line);
      } catch {
        // What the log did not tell is waited for, or said.
      }
      await time.pass(LOOK_MS, done).catch(() => {});
    }
  };
  const listened = listen();
  try {
    return await act(() => heard, done);
  } finally {
    over.abort();
    await listened;
  }
}

function hear(heard: Heard, line: string): Heard {
  const event = readLogLine(line);
  if (event?.kind === 'api' && event.text.startsWith('Scaled to ')) return { ...heard, scaledAt: event.at };
  if (event?.kind === 'exited') return { ...heard, exits: { ...heard.exits, [event.dyno]: event.at } };
  if (event?.kind !== 'state' || event.to !== 'up') return heard;
  return { ...heard, ups: { ...heard.ups, [event.dyno]: [...(heard.ups[event.dyno] ?? []), event.at] } };
}
