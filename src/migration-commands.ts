import { createHash } from 'node:crypto';
import { latest, type MigrationFailure, migrationsOf } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { type Commands, type Direction, type PendingMigrations, withoutSecretsIn } from './domain/gate.ts';
import { judge, parserReady } from './domain/migration.ts';
import { contractByCommand } from './domain/migration-commands.ts';
import { redactingConfig } from './domain/redaction.ts';
import { commandUntil } from './domain/window.ts';
import { triesOf } from './migration-progress.ts';
import { lastLines } from './output.ts';
import type { OneOffEnd } from './outside.ts';
import { first, type Next, type Run } from './run.ts';

// Migrations of apps on other stacks: the app's own commands, each in a one-off dyno of the new release. A dyno goes on
// without us, so what was started is never started again: the next bot waits for it, and where nobody can say how it
// ended, a person must look.

/** Lines of a plan's SQL that are read. */
const LINES_READ = 5_000;
/** What ended while nobody was there is found, by its dyno and the log, within that. */
const FOUND_WITHIN_MS = 10_000;
/** How long a plan command may take: nothing else is done meanwhile. */
const PLAN_MS = 600_000;
/** How long a command may take while the app is closed for it. */
const CLOSED_MS = 3_600_000;

/** Runs the app's expand command while old code still serves; what fails, or takes too long, is undone with the release. */
export async function expandByCommand(run: Run): Promise<Next> {
  const released = latest(run.deploy, 'released');
  const command = run.deploy.plan.migrations?.commands?.expand;
  if (!released || !command) throw new Error(`${run.deploy.id} has no expand command to run`);
  if (latest(run.deploy, 'rollback asked')) return BACK;
  const then: Next = { to: run.deploy.plan.maintenance ? 'Start the dynos' : 'New dynos boot' };
  if (isDone(run, 'expand')) return then;
  await run.record({ kind: 'migrating', direction: 'expand' }, 'migrating expand');
  // Behind a closed page nobody waits for a switch.
  const deadline = run.deploy.plan.maintenance
    ? released.releasedAt + CLOSED_MS
    : commandUntil(run.deploy, released.releasedAt);
  const isKnown = run.deploy.facts.some(fact => fact.kind === 'command started' && fact.direction === 'expand');
  const until = isKnown ? Math.max(deadline, run.outside.time.now() + FOUND_WITHIN_MS) : deadline;
  const ended = await run.listening<OneOffEnd | { kind: 'late' } | { kind: 'called off' }>(
    signal =>
      first<OneOffEnd | { kind: 'late' }>(signal, [
        signal => runOnce(run, 'expand', command, signal),
        signal => run.outside.time.until(until, signal).then(() => ({ kind: 'late' })),
      ]),
    async ({ kind, by }) => {
      if (kind !== 'roll back' && kind !== 'cancel')
        return { answer: 'The expand command runs just now: see the newest state.' };
      await run.record({ kind: 'rollback asked', by, why: 'asked in Slack' });
      return { answer: 'Rolling back. The command goes on by itself.', instead: { kind: 'called off' } };
    },
  );
  if (ended.kind === 'called off') return BACK;
  if (ended.kind === 'exited' && ended.code === 0) {
    await run.record(
      { kind: 'migrated', direction: 'expand', file: command, seconds: null },
      `migrated expand ${command}`,
    );
    await run.record({ kind: 'schema changed', direction: 'expand' }, 'schema changed expand');
    return then;
  }
  const isStarted = run.deploy.facts.some(fact => fact.kind === 'command started' && fact.direction === 'expand');
  const inTime = run.deploy.plan.maintenance ? 'within an hour' : 'in time before the routers switch';
  const late = isStarted
    ? `It was not through ${inTime}, and goes on by itself.`
    : 'It was not run: its time was over before it could be started.';
  const error = ended.kind === 'late' ? late : errorOf(ended);
  await run.record(
    {
      kind: 'migration failed',
      direction: 'expand',
      failure: failureOf(run, command, { error, ran: ended.kind === 'late' ? isStarted : ended.kind !== 'not run' }),
    },
    'migration failed expand',
  );
  await run.record({ kind: 'rollback asked', by: null, why: `\`${command}\`: ${error}` });
  return BACK;
}

const BACK: Next = { to: 'Roll back' };

/** Runs the app's contract command, as approved. */
export async function contractByCommands(
  run: Run,
  command: string,
): Promise<{ kind: 'done' } | { kind: 'failed'; failure: MigrationFailure }> {
  if (isDone(run, 'contract')) return { kind: 'done' };
  await run.record({ kind: 'migrating', direction: 'contract' }, 'migrating contract');
  const ended = await run.listening(
    signal => runOnce(run, 'contract', command, signal),
    async () => ({ answer: 'The contract command runs just now and is not broken off. The thread says how it ends.' }),
  );
  if (ended.kind === 'exited' && ended.code === 0) {
    await run.record(
      { kind: 'migrated', direction: 'contract', file: command, seconds: null },
      `migrated contract ${command}`,
    );
    await run.record({ kind: 'schema changed', direction: 'contract' }, 'schema changed contract');
    return { kind: 'done' };
  }
  const failure = failureOf(run, command, { error: errorOf(ended), ran: ended.kind !== 'not run' });
  await run.record(
    { kind: 'migration failed', direction: 'contract', failure },
    `migration failed contract ${triesOf(run)}`,
  );
  return { kind: 'failed', failure };
}

/** Starts it, or waits for the one that was started before: what was started is never started again. */
async function runOnce(run: Run, direction: Direction, command: string, signal: AbortSignal): Promise<OneOffEnd> {
  const { oneOffs } = run.outside;
  const { app } = run.deploy.plan;
  const marker = `${run.deploy.id} ${direction} ${triesOf(run)}`;
  const known = run.deploy.facts.some(fact => fact.kind === 'command started' && fact.marker === marker);
  if (known) return oneOffs.resume({ app, marker, signal });
  const release = await releaseOf(run);
  // Its time may be over by now.
  signal.throwIfAborted();
  await run.mayAct();
  await run.record({ kind: 'command started', direction, marker }, `command started ${marker}`);
  const lines = lastLines();
  const ended = await oneOffs.run({
    ...{ app, marker, release, command, signal, mayAct: run.mayAct },
    onLine: lines.push,
  });
  if (ended.kind !== 'exited' || ended.code !== 0) {
    await run.record({ kind: 'command failed', direction, lines: await lines.kept(run) }, `command failed ${marker}`);
  }
  return ended;
}

/** Of what never ran nothing can stay. */
function failureOf(run: Run, command: string, { error, ran }: { error: string; ran: boolean }): MigrationFailure {
  const lines = latest(run.deploy, 'command failed')?.lines ?? [];
  return { file: command, error, stays: null, blockers: [], byCommand: true, ran, lines };
}

/** Its end was kept, though a process died before it could say so. */
const isDone = ({ deploy }: Run, direction: Direction): boolean =>
  deploy.facts.some(fact => fact.kind === 'schema changed' && fact.direction === direction);

/** The newest release of our code: a change of a config var makes another one, on which dynos then run. */
async function releaseOf(run: Run): Promise<number> {
  const released = latest(run.deploy, 'released');
  const releases = await run.outside.heroku.releases(run.deploy.plan.app, 10);
  const ours = releases.filter(({ slug, status }) => slug === released?.slug && status === 'succeeded');
  return Math.max(released?.version ?? 0, ...ours.map(({ version }) => version));
}

function errorOf(ended: OneOffEnd): string {
  switch (ended.kind) {
    case 'exited':
      return `It ended with ${ended.code}.`;
    case 'not run':
      return `It was not run: ${ended.why}.`;
    case 'unclear':
      return `It is not known how it ended: ${ended.why}. Look at the database before anything else is done.`;
    default:
      return ended satisfies never;
  }
}

/** How often a plan command is run whose output was lost on the way: it changes nothing. */
const PLAN_TRIES = 3;

/**
 * What the plan command prints, whole and heard by us; else why that cannot be shown. One that a killed bot left running is
 * waited for: the log tells how it ended, but what it printed went to whoever was attached.
 */
async function whatItPrints(run: Run, command: string): Promise<{ sql: string; review: string | null }> {
  const { app } = run.deploy.plan;
  const count = run.deploy.facts.filter(fact => fact.kind === 'approval asked').length;
  const unshown = (why: string) => ({ sql: '', review: `What it does could not be shown: \`${command}\` ${why}` });
  for (let tries = 1; ; tries++) {
    const lines: string[] = [];
    const release = await releaseOf(run);
    const ended = await first<OneOffEnd | { kind: 'late' }>(run.signal, [
      signal =>
        run.outside.oneOffs.run({
          ...{ app, marker: `${run.deploy.id} plan ${count}`, command, release, signal, mayAct: run.mayAct },
          onLine: line => {
            if (lines.length <= LINES_READ) lines.push(line);
          },
        }),
      signal => run.outside.time.pass(PLAN_MS, signal).then(() => ({ kind: 'late' })),
    ]);
    if (ended.kind === 'late') return unshown('was not through within 10 minutes.');
    const isHeard = ended.kind === 'not run' || (ended.kind === 'exited' && ended.told === 'by output');
    if (!isHeard && tries < PLAN_TRIES) continue;
    if (ended.kind !== 'exited' || ended.code !== 0) return unshown(`did not tell. ${errorOf(ended)}`);
    if (!isHeard) return unshown(`ended, but what it printed was lost ${PLAN_TRIES} times.`);
    if (lines.length > LINES_READ) return unshown(`prints more than ${LINES_READ} lines.`);
    return { sql: lines.join('\n'), review: null };
  }
}

/**
 * The contract migrations as the app's plan command shows them now: its SQL with our verdicts, and a digest of it all.
 * Without such a command, or where it fails, what will be done cannot be seen, and that is said.
 */
export async function planByCommand(run: Run, commands: Commands): Promise<PendingMigrations> {
  const { plan } = run.deploy;
  const { app, commit } = plan;
  const known = migrationsOf(run.deploy);
  if (!known) throw new Error(`${run.deploy.id} has no migrations`);
  if (commands.plan === null) return known;
  const { sql, review } = await whatItPrints(run, commands.plan);
  await parserReady();
  const config = await run.outside.heroku.config(app);
  const database = directDatabase(config);
  const facts = database.kind === 'direct' ? await run.outside.catalog(database.url).catch(() => null) : null;
  const [verdict] = judge([{ file: commands.contract ?? '', sql, byCommand: true }], facts);
  const files = known.files.filter(({ phase }) => phase !== 'contract');
  const contract = contractByCommand(commands, review, verdict?.statements ?? []);
  const digest = createHash('sha256')
    .update(JSON.stringify([commit.sha, commands, sql]))
    .digest('hex');
  const planned = { ...known, files: [...files, contract], digests: { ...known.digests, contract: digest } };
  return withoutSecretsIn(planned, redactingConfig(config, await run.outside.heroku.configSeen(app)));
}
