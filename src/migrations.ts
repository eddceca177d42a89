import { askAnew, otherLive } from './approval.ts';
import { listenThenRecord } from './before.ts';
import { cancelAsked } from './cancelling.ts';
import { listedUntilGone } from './closed-deploy.ts';
import { latest, latestOfThese, type MigrationFailure, migrationsOf } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { type Commands, type Direction, filesOf } from './domain/gate.ts';
import { blockersInWords } from './domain/migration-outcome.ts';
import { openComplaint } from './domain/readings.ts';
import { configSecrets, redacting } from './domain/redaction.ts';
import { withoutMentions } from './domain/refusal.ts';
import { NOT_WELL } from './illness.ts';
import { closeTheApp, openTheApp } from './maintenance.ts';
import { contractByCommands, planByCommand } from './migration-commands.ts';
import { progressOf, triesOf } from './migration-progress.ts';
import { again, type Next, type Run } from './run.ts';

// The schema around a switchover: what only adds goes before the release; what destroys waits until old code is gone,
// new code has been watched for a while, and a second person has said yes to exactly what was shown.

/** New code was well with the old schema; with the new one it is watched once more. */
const AFTERWARDS: Next = { to: 'Watch new code' };

/** Old code serves on meanwhile, and can: these migrations only add. */
export async function expand(run: Run): Promise<Next> {
  // A command of the app needs the new release to run on.
  if (run.deploy.plan.migrations?.commands) return { to: 'Upload the source' };
  const ended = await migrate(run, 'expand');
  switch (ended.kind) {
    case 'done':
      return { to: 'Upload the source' };
    case 'changed':
      return run.end(
        'stopped',
        'The migrations are not the ones of the plan any more. Nothing was run: plan it again.',
      );
    case 'failed':
      return run.end(
        'failed',
        withoutMentions(
          `${ended.failure.file} failed before anything was released: the old code serves as before. ${left(run, 'expand', ended.failure)} Mend it, push, and deploy again.`,
        ),
      );
    default:
      return ended satisfies never;
  }
}

/** Destroys what only old code needed, as approved. */
export async function contract(run: Run): Promise<Next> {
  const migrations = migrationsOf(run.deploy);
  // Also asked here: what is approved is these very files, not that somebody once said yes.
  const approved = latestOfThese(run.deploy, 'approved');
  if (approved?.digest !== migrations?.digests.contract) return { to: 'Approval' };
  // It may have been found ill in the moment after the yes. What was begun is not broken off half-way.
  const since = run.deploy.facts.filter(({ seq }) => seq > (approved?.seq ?? 0));
  const isBegun = since.some(fact => 'direction' in fact && fact.direction === 'contract');
  if (openComplaint(run.deploy) && !isBegun) return NOT_WELL;
  const stranded = isBegun ? null : await unlessAlone(run);
  if (stranded) return stranded;
  if (migrations?.commands) return contractAgain(run, migrations.commands);
  const { maintenance } = run.deploy.plan;
  const closes = migrations?.maintenance === true && !maintenance;
  const ended = await migrate(run, 'contract', async () => {
    if (closes) await closeTheApp(run);
  });
  switch (ended.kind) {
    case 'done':
      if (maintenance) return { to: 'Start the dynos' };
      return closes ? { to: 'Open the app' } : AFTERWARDS;
    case 'changed':
      if (maintenance) return run.end('stopped', `Nothing destructive was run: ${ended.why} Plan it again.`);
      if (closes) await openTheApp(run);
      return askAnew(run, ended.why);
    case 'failed': {
      const untouched = ended.failure.stays === null && applied(run, 'contract').length === 0;
      if ((closes || maintenance) && !untouched) return { to: 'Ask about the closed app' };
      if (maintenance)
        return run.end(
          'rolled back',
          withoutMentions(`${ended.failure.file} failed and nothing of it stays, so it went back.`),
        );
      return closes ? { to: 'Open the app' } : unfinished(run, ended.failure);
    }
    default:
      return ended satisfies never;
  }
}

/** The yes may be old by now: it is looked once more that nothing else is live, nor any dyno of old code behind a closed page. */
async function unlessAlone(run: Run): Promise<Next | null> {
  const { maintenance, app } = run.deploy.plan;
  const version = latest(run.deploy, 'released')?.version;
  if (!maintenance) {
    const other = await otherLive(run);
    return other
      ? run.end('superseded', `${other} Nothing destructive was run, and this deploy does nothing more.`)
      : null;
  }
  const left =
    version === undefined
      ? []
      : await run.listening(
          signal => listedUntilGone(run, signal, version),
          async () => ({ answer: 'It waits until no dyno of old code runs, and then its migrations do.' }),
        );
  if (left.length === 0) return null;
  return run.end(
    'stopped',
    `${left.join(', ')} still ran old code, so nothing destructive was run. End what runs there, for a one-off dyno with \`heroku ps:stop ${left[0]} -a ${app}\`, and plan it again.`,
  );
}

/** By the app's command: what it would do is looked at once more before. */
async function contractAgain(run: Run, commands: Commands): Promise<Next> {
  const known = run.deploy.facts.some(fact => fact.kind === 'command started' && fact.direction === 'contract');
  const now = known ? null : await planByCommand(run, commands);
  if (now && now.digests.contract !== migrationsOf(run.deploy)?.digests.contract) {
    const why = 'What the command would do is not what was shown.';
    await run.record({ kind: 'migrations changed', why, migrations: now }, again(run, 'migrations changed'));
    return { to: 'Approval' };
  }
  const ended = await contractByCommands(run, commands.contract ?? '');
  return ended.kind === 'done' ? AFTERWARDS : unfinished(run, ended.failure);
}

/** What we closed is open again, whether the migrations are done or not. */
export async function open(run: Run): Promise<Next> {
  await openTheApp(run);
  const last = run.deploy.facts.findLast(fact => fact.kind === 'migration failed' || fact.kind === 'schema changed');
  return last?.kind === 'migration failed' ? unfinished(run, last.failure) : AFTERWARDS;
}

function unfinished(run: Run, failure: MigrationFailure): Promise<Next> {
  return run.end(
    'unfinished',
    withoutMentions(
      `${run.deploy.plan.app} runs the new code, but ${failure.file} failed. ${left(run, 'contract', failure)} Mend it, push, and deploy again: what is left is asked anew.`,
    ),
  );
}

const CANCELLED_AFTER =
  'Migrations are not broken off half-way. When these have ended, so does the deploy: nothing is built.';

type Ended = { kind: 'done' } | { kind: 'changed'; why: string } | { kind: 'failed'; failure: MigrationFailure };

/** Runs what is left of one direction. What is recorded in the app's database is not run again, whatever we remember. */
async function migrate(run: Run, direction: Direction, prepare = async () => {}): Promise<Ended> {
  const { heroku, source, migrator } = run.outside;
  const { app, repository, commit } = run.deploy.plan;
  const migrations = migrationsOf(run.deploy);
  const files = filesOf(migrations, direction);
  if (!migrations || files.length === 0) return { kind: 'done' };
  if (direction === 'expand') await listenThenRecord(run);
  const [tarball, config] = await Promise.all([source.tarball(repository, commit.sha), heroku.config(app)]);
  // Not before all is there that it needs: visitors would wait for GitHub.
  await prepare();
  await run.record({ kind: 'migrating', direction }, `migrating ${direction}`);
  const redact = redacting(configSecrets(config));
  const database = directDatabase(config);
  if (database.kind === 'refused')
    return failed(run, direction, { file: files[0]?.file ?? '', ...nothingStays(database.reason) });
  await run.mayAct();
  const fileOf = (name: string): string => files.find(known => known.name === name)?.file ?? name;
  const telling = progressOf(run, direction, { fileOf, redact });
  const ended = await run.listening(
    signal =>
      migrator.run({
        ...{
          databaseUrl: database.url,
          tarball,
          place: migrations.place,
          commit: commit.sha,
          files,
          signal,
        },
        digest: migrations.digests[direction],
        onProgress: telling.tell,
      }),
    async click => {
      if (direction === 'expand') return { answer: await cancelAsked(run, click, CANCELLED_AFTER) };
      return {
        answer: `Migrations run just now and are not broken off half-way. The thread says how they end; once they have run there is no way back to v${run.deploy.plan.live.version}.`,
      };
    },
  );
  await telling.told();
  if (ended.kind === 'changed') return { kind: 'changed', why: redact(ended.problems.join(' ')) };
  const [first] = files;
  if (ended.kind === 'refused')
    return failed(run, direction, { file: first?.file ?? '', ...nothingStays(redact(ended.reason)) });
  for (const { name, outcome } of ended.files) {
    const file = fileOf(name);
    if (outcome.kind === 'applied' || outcome.kind === 'already applied' || outcome.kind === 'recorded') {
      const ms = outcome.kind === 'applied' ? outcome.ms : null;
      const seconds = ms === null ? null : ms / 1000;
      await run.record({ kind: 'migrated', direction, file, seconds }, `migrated ${direction} ${file}`);
    } else if (outcome.kind === 'rolled back') {
      const blockers = outcome.blockers.map(blocker => redact(blockersInWords([blocker])));
      return failed(run, direction, { file, ...nothingStays(redact(outcome.error)), blockers });
    } else if (outcome.kind === 'left behind') {
      return failed(run, direction, {
        file,
        error: redact(outcome.error),
        stays: redact(outcome.wayOut),
        blockers: [],
      });
    } else if (outcome.kind === 'unclear') {
      throw new Error(`Whether ${file} ran is not known: ${redact(outcome.error)}`);
    }
  }
  await run.record({ kind: 'schema changed', direction }, `schema changed ${direction}`);
  return { kind: 'done' };
}

async function failed(run: Run, direction: Direction, failure: MigrationFailure): Promise<Ended> {
  await run.record({ kind: 'migration failed', direction, failure }, `migration failed ${direction} ${triesOf(run)}`);
  return { kind: 'failed', failure };
}

const nothingStays = (error: string) => ({ error, stays: null, blockers: [] });

/** What of a direction stays in the database though the rest failed. */
function left(run: Run, direction: Direction, { stays, byCommand, ran }: MigrationFailure): string {
  if (ran === false) return 'Nothing of it was run.';
  if (byCommand) return 'What the command had done by then stays: look at the database.';
  const before = applied(run, direction);
  const rest = stays === null ? 'Nothing of it stays.' : `Part of it stays. To take that away: ${stays}`;
  return before.length > 0 ? `${rest} ${before.join(', ')} had been applied before, and stay.` : rest;
}

const applied = (run: Run, direction: Direction): string[] =>
  run.deploy.facts.flatMap(fact => (fact.kind === 'migrated' && fact.direction === direction ? [fact.file] : []));
