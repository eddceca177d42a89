import { notAlone, otherLive, rightNow } from './alone.ts';
import { askAnew, DOUBTED, heldAfterAll, RECEIPT } from './approval.ts';
import { listenThenRecord } from './before.ts';
import { cancelAsked } from './cancelling.ts';
import { type Fact, latest, latestOfThese, type MigrationFailure, migrationsOf } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { type Commands, type Direction, filesOf } from './domain/gate.ts';
import { blockersInWords, isOurs, wordsForBusy } from './domain/migration-outcome.ts';
import { destroyed, isDoubtedAgain, oldCode, openComplaint } from './domain/readings.ts';
import { redactingConfig } from './domain/redaction.ts';
import { withoutMentions } from './domain/refusal.ts';
import { NOT_WELL } from './illness.ts';
import { closeTheApp, openTheApp } from './maintenance.ts';
import { contractByCommands, planByCommand } from './migration-commands.ts';
import { failed, left, notBegun, nothingStays } from './migration-failures.ts';
import { begunIn, isMigrating, progressOf } from './migration-progress.ts';
import { NotGiven, needed } from './needed.ts';
import { HerokuRefused } from './outside.ts';
import { again, type Next, type Run } from './run.ts';
import { commitOf } from './superseding.ts';

// The schema around a switchover: what only adds goes before the release; what destroys waits until old code is gone,
// new code has been watched for a while, and a second person has said yes to exactly what was shown.

/** Between two long waits for what goes on in the database. */
const BUSY_PAUSE_MS = 1_000;

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
  if ((latest(run.deploy, 'held')?.seq ?? 0) > (approved?.seq ?? 0)) return RECEIPT;
  const isBegun = contractSince(run, approved?.seq ?? 0) !== undefined;
  // It may have been found ill, or old code answered, in the moment after the yes. What was begun is not broken off half-way.
  const isIll = openComplaint(run.deploy) !== null;
  if (!isBegun && (isIll || isDoubtedAgain(run.deploy))) {
    await openTheApp(run);
    return isIll ? NOT_WELL : DOUBTED;
  }
  // Hours may lie between a failure and the press that has it tried again.
  const retried = latest(run.deploy, 'closed app answered')?.seq ?? 0;
  const begun = contractSince(run, Math.max(approved?.seq ?? 0, retried));
  const stranded = begun ? null : await unlessAlone(run, isBegun);
  if (stranded) return stranded;
  const known = begun?.kind === 'migration failed' ? begun.failure : null;
  if (migrations?.commands) return known ? unfinished(run, known) : contractAgain(run, migrations.commands);
  const { maintenance } = run.deploy.plan;
  const closes = migrations?.maintenance === true && !maintenance;
  const ended: Ended | { kind: 'refused'; why: string } = known
    ? { kind: 'failed', failure: known }
    : await migrate(run, 'contract', async () => {
        // Somebody may have rescued it while the bot was away: then nothing more of it is to begin.
        if (closes && !(begun && (await notAlone(run, rightNow)))) await closeTheApp(run);
      }).catch(error => {
        // Asked again, Heroku would say no again.
        const isNo = error instanceof NotGiven || (error instanceof HerokuRefused && !maintenance);
        if (isNo && !contractSince(run, Math.max(approved?.seq ?? 0, retried)))
          return { kind: 'refused', why: error.message };
        throw error;
      });
  const cannotGoOn = isBegun && (closes || maintenance) && (ended.kind === 'refused' || ended.kind === 'changed');
  if (cannotGoOn) return halfDone(run, ended.why);
  switch (ended.kind) {
    case 'refused':
      if (maintenance)
        return run.end('stopped', withoutMentions(`Nothing destructive was run: ${ended.why} Plan it again.`));
      await openTheApp(run);
      return heldAfterAll(run, ended.why);
    case 'done':
      if (maintenance) return { to: 'Start the dynos' };
      return closes ? { to: 'Open the app' } : AFTERWARDS;
    case 'changed':
      if (maintenance) return run.end('stopped', `Nothing destructive was run: ${ended.why} Plan it again.`);
      if (closes) await openTheApp(run);
      return askAnew(run, ended.why);
    case 'failed': {
      if ((closes || maintenance) && destroyed(run.deploy)) return { to: 'Ask about the closed app' };
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

/** What was told last of the contract migrations since then, once one of them had begun: until then the world may change. */
const contractSince = ({ deploy }: Run, seq: number): Fact | undefined =>
  deploy.facts.findLast(
    fact => fact.seq > seq && 'direction' in fact && fact.direction === 'contract' && !isBeforehand(fact),
  );

const isBeforehand = (fact: Fact): boolean =>
  fact.kind === 'migrating' || (fact.kind === 'migration waits' && fact.file === null);

/** The yes may be old by now: it is looked once more that no other code is live, nor in any dyno. */
async function unlessAlone(run: Run, isBegun: boolean): Promise<Next | null> {
  const { app, maintenance } = run.deploy.plan;
  if (maintenance && !isBegun && !(await run.outside.heroku.app(app)).maintenance) {
    return run.end('stopped', `Somebody opened ${app} meanwhile. Nothing destructive was run: plan it again.`);
  }
  const found = await notAlone(run);
  if (!found) return null;
  if (isBegun) return halfDone(run, found.why);
  // Killed right after it was closed for them. In maintenance mode it is put back before.
  if (!maintenance) await openTheApp(run);
  // Only what is live takes our place: else ours would be opened, with a schema that it does not fit.
  if (found.kind === 'other' && found.live) {
    const { live } = found;
    return run.end(
      'superseded',
      `${found.why} Nothing destructive was run, and this deploy does nothing more. Deploy again to have them asked anew.`,
      maintenance ? { release: live.version, commit: await commitOf(run, live) } : undefined,
    );
  }
  if (!maintenance) return heldAfterAll(run, found.why);
  return run.end('stopped', `${found.why} Nothing destructive was run. Plan it again when that has ended.`);
}

/** Part of it may have run, behind a closed page, and the rest cannot begin: only a person can say how that goes on. */
async function halfDone(run: Run, why: string): Promise<Next> {
  await notBegun(run, 'contract', why);
  return { to: 'Ask about the closed app' };
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
  // That took a while.
  const found = now ? await notAlone(run, rightNow) : null;
  if (found) return heldAfterAll(run, found.why);
  const ended = await contractByCommands(run, commands.contract ?? '');
  return ended.kind === 'done' ? AFTERWARDS : unfinished(run, ended.failure);
}

/** What we closed is open again, whether the migrations are done or not. */
export async function open(run: Run): Promise<Next> {
  await openTheApp(run);
  const last = run.deploy.facts.findLast(fact => fact.kind === 'migration failed' || fact.kind === 'schema changed');
  if (last?.kind !== 'migration failed') return AFTERWARDS;
  return unfinished(run, last.failure);
}

/** Ends it, what destroys having failed. */
async function unfinished(run: Run, failure: MigrationFailure): Promise<Next> {
  const stays = left(run, 'contract', failure);
  const other = await otherLive(run);
  if (other) {
    const next = 'Look whether what is live can work with that, then deploy again.';
    return run.end('superseded', withoutMentions(`${other} ${stays} ${next}`));
  }
  return run.end(
    'unfinished',
    withoutMentions(
      `${run.deploy.plan.app} runs the new code, but ${failure.file} failed. ${stays} Mend it, push, and deploy again: what is left is asked anew.`,
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
  const give = () => Promise.all([source.tarball(repository, commit.sha), heroku.config(app)]);
  // Of what had begun nobody says that it is held.
  const isNew = direction === 'contract' && begunIn(run, direction).length === 0;
  const [tarball, config] = await (isNew ? needed(run, give) : give());
  // Not before all is there that it needs: visitors would wait for GitHub.
  await prepare();
  const goesOn = isMigrating(run, direction);
  await run.record({ kind: 'migrating', direction }, `migrating ${direction}`);
  const redact = redactingConfig(config, await heroku.configSeen(app));
  const begun = begunIn(run, direction);
  const refused = (reason: string): Promise<Ended> => {
    // What it left is known when the database can be asked, and nobody is told before.
    if (begun.length > 0) throw new Error(`Whether ${begun.join(', ')} ran is not known: ${reason}`);
    return notBegun(run, direction, reason);
  };
  const database = directDatabase(config);
  if (database.kind === 'refused') return refused(database.reason);
  await run.mayAct();
  const fileOf = (name: string): string => files.find(known => known.name === name)?.file ?? name;
  const mayNot = async () => (direction === 'contract' ? ((await notAlone(run, rightNow))?.why ?? null) : null);
  const telling = progressOf(run, direction, { fileOf, redact, goesOn, mayNot });
  const ask = {
    ...{ databaseUrl: database.url, tarball, place: migrations.place, commit: commit.sha, files },
    digest: migrations.digests[direction],
    begun: files.filter(({ file }) => begun.includes(file)).map(({ name }) => name),
    onProgress: telling.tell,
  };
  const ended = await run.listening(
    async signal => {
      for (;;) {
        const ended = await migrator.run({ ...ask, signal });
        // A statement that cannot be rolled back goes on without the bot that sent it. It has not failed.
        if (ended.kind !== 'busy' || !goesOn || !isOurs(ended.holders)) return ended;
        await run.outside.time.pass(BUSY_PAUSE_MS, signal);
      }
    },
    async click => {
      if (direction === 'expand') return { answer: await cancelAsked(run, click, CANCELLED_AFTER) };
      return {
        answer: `Migrations run just now and are not broken off half-way. The thread says how they end; once they have run there is no way back to v${oldCode(run.deploy).version}.`,
      };
    },
  );
  await telling.told();
  if (ended.kind === 'changed') {
    const why = redact(ended.problems.join(' '));
    return begun.length > 0 ? refused(why) : { kind: 'changed', why };
  }
  if (ended.kind !== 'ran') return refused(redact(ended.kind === 'busy' ? wordsForBusy(ended.holders) : ended.reason));
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
