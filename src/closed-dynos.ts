import { cancelAsked, cancelled, isCancelled } from './cancelling.ts';
import { type Deploy, type FactOf, latest } from './domain/deploy.ts';
import { readLogLine } from './domain/log-line.ts';
import { destroyed, oldCode } from './domain/readings.ts';
import { type Boot, bootOf, type Heard, NOTHING_HEARD, notHeardToExit } from './domain/reopening.ts';
import { foundInFlight } from './in-flight.ts';
import { HerokuRefused } from './outside.ts';
import type { Next, Run } from './run.ts';

// The dynos of an app that is closed for its deploy: stopped where something is destroyed, and started again however the
// deploy ends.

const LOOK_MS = 2_000;
/** A stopped dyno has 30 s from SIGTERM to SIGKILL (dyno-shutdown-behavior, 2024-12); 5 s are margin. */
const GONE_MS = 35_000;
const GONE_LOOKS = 45;
/** A web dyno that has not bound its port after a minute crashes (R10); workers and a slow dyno manager get more. */
const BOOT_LOOKS = 150;
/** Lines of the log come some seconds late. */
const LINES_LATE_LOOKS = 5;

/** Stops every dyno, so that no code is there which needs what is destroyed; how many there were is recorded first. */
export async function stopTheDynos(run: Run): Promise<Next> {
  const { heroku, time } = run.outside;
  const { app } = run.deploy.plan;
  // By hand, meanwhile or while the bot was away: visitors would meet an app without a dyno.
  if (!(await heroku.app(app)).maintenance) {
    return run.end(
      'stopped',
      `Somebody opened ${app} before its dynos were stopped. Nothing was built: plan it again.`,
    );
  }
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
        await Promise.race([lines(), time.pass(GONE_MS, done)]);
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

/** Dynos that still run such a release (default: any), for which it has waited. */
export async function listedUntilGone(
  run: Run,
  signal: AbortSignal,
  isOther = (_release: number): boolean => true,
): Promise<string[]> {
  for (let look = 1; ; look++) {
    const listed = await run.outside.heroku.dynos(run.deploy.plan.app);
    const left = listed.filter(({ release }) => isOther(release)).map(({ name }) => name);
    if (left.length === 0 || look === GONE_LOOKS) return left;
    await run.outside.time.pass(LOOK_MS, signal);
  }
}

/** Starts what was stopped, and waits until it runs the release that is to serve: the new one, or what it was put back to. */
export async function startTheDynos(run: Run): Promise<Next> {
  const code = codeToServe(run.deploy);
  // Nothing of it was touched.
  if (!latest(run.deploy, 'dynos stopping') && code.release === run.deploy.plan.live.version)
    return { to: 'Open again' };
  await run.record({ kind: 'dynos starting' }, `dynos starting v${code.release}`);
  const isUp = downNow(run) ? false : await cameUp(run, code);
  // Or somebody looked, and said to open it as it is.
  if (isUp || latest(run.deploy, 'closed app answered')?.what === 'open') return { to: 'Open again' };
  const down = downNow(run);
  if (!down) throw new Error(`${run.deploy.id} does not say what is down`);
  // What Heroku refuses of new code it refuses of old code as well.
  const isFinal = down.refused || destroyed(run.deploy) || latest(run.deploy, 'rollback failed') !== undefined;
  const canGoBack = !isFinal && code.release === latest(run.deploy, 'released')?.version;
  if (!canGoBack) return { to: 'Ask about the closed app' };
  return run.end(
    'rolled back',
    `${down.what}, so it went back. ${run.deploy.plan.app} serves the code of v${oldCode(run.deploy).version} again.`,
  );
}

/** What is recorded of the newest start that failed, as long as nobody has started them again: that decides. */
function downNow({ deploy }: Run): FactOf<'dynos down'> | null {
  const down = latest(deploy, 'dynos down');
  const starts = [latest(deploy, 'dynos starting'), latest(deploy, 'closed app answered')];
  return down && starts.every(start => (start?.seq ?? 0) < down.seq) ? down : null;
}

/** Somebody knows that they do not come up, and said to open it as it is: that is not waited for once more. */
const opensAsItIs = ({ deploy }: Run): boolean =>
  latest(deploy, 'dynos down') !== undefined && latest(deploy, 'closed app answered')?.what === 'open';

/** Starts them; false when they do not come up, and that is recorded. */
async function cameUp(run: Run, code: Code): Promise<boolean> {
  const boot = await booted(run, code).catch(error => {
    // Asked again, Heroku would refuse again, and the app would stay closed with nobody told.
    if (error instanceof HerokuRefused) return { kind: 'refused' as const, why: error.message };
    throw error;
  });
  if (boot.kind === 'up') {
    const { dynos, unheard, beside } = boot;
    await run.record({ kind: 'dynos up', dynos, unheard, beside }, `dynos up v${code.release}`);
    return true;
  }
  if (latest(run.deploy, 'closed app answered')?.what === 'open') return false;
  const tries = run.deploy.facts.filter(({ kind }) => kind === 'closed app answered').length;
  const refused = boot.kind === 'refused' ? ({ refused: true } as const) : {};
  await run.record({ kind: 'dynos down', what: whyDown(boot), ...refused }, `dynos down v${code.release} ${tries}`);
  return false;
}

async function booted(run: Run, { release }: Code): Promise<Boot> {
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const stopped = latest(run.deploy, 'dynos stopping');
  const formation = await heroku.formation(app);
  // A process type that new code does not have any more is not there to be started, and would fail the others with it.
  const wanted = stopped
    ? stopped.formation.filter(({ type }) => formation.some(known => known.type === type))
    : formation.filter(({ quantity }) => quantity > 0);
  // They may still be being stopped, by what a killed bot had asked for.
  if (stopped && !latest(run.deploy, 'dynos stopped'))
    await foundInFlight(run, true, async () => (await heroku.formation(app)).find(isStopped(wanted)));
  if (stopped && wanted.length > 0) await heroku.scale(app, wanted, run.mayAct);
  return run.listening(
    signal => hearing(run, signal, (heard, done) => settledBoot(run, { wanted, release }, heard, done)),
    async () => ({
      answer: 'Its dynos start just now, and then it opens. Afterwards `/deploy rollback` plans the way back.',
    }),
  );
}

const isStopped =
  (wanted: readonly { type: string }[]) =>
  ({ type, quantity }: { type: string; quantity: number }): boolean =>
    quantity === 0 && wanted.some(known => known.type === type);

function whyDown(boot: Exclude<Boot, { kind: 'up' }> | { kind: 'refused'; why: string }): string {
  switch (boot.kind) {
    case 'refused':
      return boot.why;
    case 'crashed':
      return `${boot.dyno} crashed when it started`;
    case 'booting':
      return `${boot.up} of ${boot.of} dynos came up in 5 minutes${boot.older.length > 0 ? `, and still there were ${boot.older.join(', ')}` : ''}`;
    default:
      return boot satisfies never;
  }
}

type Wanted = Pick<Parameters<typeof bootOf>[0], 'wanted' | 'release'>;

async function settledBoot(run: Run, goal: Wanted, heard: () => Heard, signal: AbortSignal): Promise<Boot> {
  for (let look = 1, up = 0; ; look++) {
    const boot = bootOf({ ...goal, dynos: await run.outside.heroku.dynos(run.deploy.plan.app), heard: heard() });
    up += Number(boot.kind === 'up');
    const isLate = boot.kind === 'up' && boot.unheard.length > 0 && up <= LINES_LATE_LOOKS;
    if ((boot.kind !== 'booting' && !isLate) || look === BOOT_LOOKS || opensAsItIs(run)) return boot;
    await run.outside.time.pass(LOOK_MS, signal);
  }
}

export type Code = { release: number; commit: string | null };

/** What visitors should get when the app opens. */
export function codeToServe(deploy: Deploy): Code {
  const { live, commit } = deploy.plan;
  const theirs = latest(deploy, 'giving up')?.live;
  if (theirs) return theirs;
  const back = latest(deploy, 'rollback released');
  if (back) return { release: back.version, commit: oldCode(deploy).commit };
  const released = latest(deploy, 'released');
  return released ? { release: released.version, commit: commit.sha } : { release: live.version, commit: live.commit };
}

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
