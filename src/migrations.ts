import { type Click, latest, type MigrationFailure } from './domain/deploy.ts';
import { directDatabase } from './domain/direct-database.ts';
import { type Direction, filesOf } from './domain/gate.ts';
import { closeTheApp, openTheApp } from './maintenance.ts';
import type { Blocker } from './outside.ts';
import type { Next, Run } from './run.ts';

// The schema around a switchover: what only adds goes before the release; what destroys waits until old code is gone,
// new code has been watched for a while, and a second person has said yes to exactly what was shown.

const HOUR_MS = 3_600_000;
/** How long an approval is waited for, and when it is asked once more. */
const EXPIRES_MS = 24 * HOUR_MS;
const REMIND_MS = 4 * HOUR_MS;

/** Old code serves on meanwhile, and can: these migrations only add. */
export async function expand(run: Run): Promise<Next> {
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
        `${ended.failure.file} failed before anything was released: the old code serves as before. ${left(run, 'expand', ended.failure)} Mend it, push, and deploy again.`,
      );
    default:
      return ended satisfies never;
  }
}

/** Where a deploy goes when old code is gone. */
export function afterOldCode(run: Run): Next {
  const files = filesOf(run.deploy.plan.migrations, 'contract');
  return { to: files.length > 0 ? 'Soak' : 'Write the receipt' };
}

/** New code serves alone for a while before anything is destroyed that old code would need; then it must still be well. */
export async function soak(run: Run): Promise<Next> {
  const { plan, facts } = run.deploy;
  const gone = facts.findLast(
    fact =>
      (fact.kind === 'phase' && fact.phase.kind === 'old gone') ||
      (fact.kind === 'checked' && fact.what === 'old gone'),
  );
  if (!gone) throw new Error(`${run.deploy.id} soaks though old code is not gone`);
  const known = decided(run);
  if (known) return known;
  const until = Date.parse(gone.at) + plan.soakSeconds * 1000;
  await run.record({ kind: 'soaking', until });
  return run.listening<Next>(
    async signal => {
      await run.outside.time.until(until, signal);
      const ill = await illness(run);
      return ill ? held(run, null, ill) : { to: 'Approval' };
    },
    async click =>
      click.kind === 'hold'
        ? hold(run, click)
        : { answer: 'Not yet: new code is watched for a while first. The thread asks when it is time.' },
  );
}

/** What a press decided before this stage was killed: it was answered, so it does not come again. */
function decided({ deploy }: Run): Next | null {
  if (latest(deploy, 'held')) return { to: 'Write the receipt' };
  return latest(deploy, 'approved') ? { to: 'Contract the schema' } : null;
}

/** What speaks against destroying anything now; null when new code is alone and well. */
async function illness(run: Run): Promise<string | null> {
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const [dynos, releases] = await Promise.all([heroku.dynos(app), heroku.releases(app, 10)]);
  const ours = latest(run.deploy, 'released');
  const live = releases.find(release => release.current);
  if (live && live.slug !== ours?.slug) {
    return `v${live.version} (${live.description}, by ${live.by}) was released meanwhile, and may need what these would destroy.`;
  }
  const down = dynos.filter(dyno => dyno.type === 'web' && dyno.state !== 'up');
  if (down.length === 0) return null;
  return `New code is not well: ${down.map(dyno => `${dyno.name} is ${dyno.state}`).join(', ')}. See \`heroku logs -a ${app}\`.`;
}

/** Asks a second person; nothing destructive runs without a yes to the digest that they were shown. */
export async function askForApproval(run: Run): Promise<Next> {
  const known = decided(run);
  if (known) return known;
  const digest = run.deploy.plan.migrations?.digests.contract ?? '';
  await run.record({ kind: 'approval asked', digest });
  const askedAt = Date.parse(latest(run.deploy, 'approval asked')?.at ?? '');
  return run.listening<Next>(
    async signal => {
      await run.outside.time.until(askedAt + REMIND_MS, signal);
      await run.record({ kind: 'approval reminded' });
      await run.outside.time.until(askedAt + EXPIRES_MS, signal);
      return held(run, null, 'Nobody answered for a day.');
    },
    async click => {
      if (click.kind === 'hold') return hold(run, click);
      if (click.kind !== 'run them')
        return { answer: 'Only the contract migrations are open now: see the newest card.' };
      if (click.about !== digest) {
        return { answer: 'That card is not the newest one: nothing was run. Press on the newest card.' };
      }
      const ill = await illness(run);
      if (ill) return { answer: `Not run. ${ill} Press again when that is mended, or hold them.` };
      await run.record({ kind: 'approved', by: click.by, digest });
      return { answer: 'Approved: they run now.', instead: { to: 'Contract the schema' } };
    },
  );
}

/** Destroys what only old code needed, as approved. */
export async function contract(run: Run): Promise<Next> {
  const closes = run.deploy.plan.migrations?.maintenance === true;
  if (closes) await closeTheApp(run);
  const ended = await migrate(run, 'contract');
  switch (ended.kind) {
    case 'done':
      return { to: closes ? 'Open the app' : 'Write the receipt' };
    case 'changed':
      if (closes) await openTheApp(run);
      return held(run, null, 'The migrations are not the ones that were approved any more, so nothing was run.');
    case 'failed': {
      const untouched = ended.failure.stays === null && applied(run, 'contract').length === 0;
      if (closes && !untouched) return { to: 'Ask about the closed app' };
      return closes ? { to: 'Open the app' } : unfinished(run, ended.failure);
    }
    default:
      return ended satisfies never;
  }
}

/** What we closed is open again, whether the migrations are done or not. */
export async function open(run: Run): Promise<Next> {
  await openTheApp(run);
  const last = run.deploy.facts.findLast(fact => fact.kind === 'migration failed' || fact.kind === 'schema changed');
  return last?.kind === 'migration failed' ? unfinished(run, last.failure) : { to: 'Write the receipt' };
}

function unfinished(run: Run, failure: MigrationFailure): Promise<Next> {
  return run.end(
    'unfinished',
    `${run.deploy.plan.app} runs the new code, but ${failure.file} failed. ${left(run, 'contract', failure)} Mend it, push, and deploy again: what is left is asked anew.`,
  );
}

type Ended = { kind: 'done' } | { kind: 'changed'; why: string } | { kind: 'failed'; failure: MigrationFailure };

/** Runs what is left of one direction. What is recorded in the app's database is not run again, whatever we remember. */
async function migrate(run: Run, direction: Direction): Promise<Ended> {
  const { heroku, source, migrator } = run.outside;
  const { app, repository, commit, migrations } = run.deploy.plan;
  const files = filesOf(migrations, direction);
  if (!migrations || files.length === 0) return { kind: 'done' };
  await run.record({ kind: 'migrating', direction }, `migrating ${direction}`);
  const [tarball, config] = await Promise.all([source.tarball(repository, commit.sha), heroku.config(app)]);
  const database = directDatabase(config);
  if (database.kind === 'refused')
    return failed(run, direction, { file: files[0]?.file ?? '', ...nothingStays(database.reason) });
  run.mayAct();
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
        onProgress: () => {},
      }),
    async () => ({ answer: 'Migrations run just now and are not broken off half-way. The thread says how they end.' }),
  );
  if (ended.kind === 'changed') return { kind: 'changed', why: ended.problems.join(' ') };
  const [first] = files;
  if (ended.kind === 'refused')
    return failed(run, direction, { file: first?.file ?? '', ...nothingStays(ended.reason) });
  for (const { name, outcome } of ended.files) {
    const file = files.find(known => known.name === name)?.file ?? name;
    if (outcome.kind === 'applied' || outcome.kind === 'already applied' || outcome.kind === 'recorded') {
      const ms = outcome.kind === 'applied' ? outcome.ms : null;
      const seconds = ms === null ? null : ms / 1000;
      await run.record({ kind: 'migrated', direction, file, seconds }, `migrated ${direction} ${file}`);
    } else if (outcome.kind === 'rolled back') {
      const blockers = outcome.blockers.map(blockerText);
      return failed(run, direction, { file, ...nothingStays(outcome.error), blockers });
    } else if (outcome.kind === 'left behind') {
      return failed(run, direction, { file, error: outcome.error, stays: outcome.wayOut, blockers: [] });
    } else if (outcome.kind === 'unclear') {
      throw new Error(`Whether ${file} ran is not known: ${outcome.error}`);
    }
  }
  await run.record({ kind: 'schema changed', direction }, `schema changed ${direction}`);
  return { kind: 'done' };
}

async function failed(run: Run, direction: Direction, failure: MigrationFailure): Promise<Ended> {
  const tries = run.deploy.facts.filter(fact => fact.kind === 'closed app answered').length;
  await run.record({ kind: 'migration failed', direction, failure }, `migration failed ${direction} ${tries}`);
  return { kind: 'failed', failure };
}

const nothingStays = (error: string) => ({ error, stays: null, blockers: [] });

const blockerText = ({ application, pid, state, ageMs }: Blocker): string =>
  `${application || 'a connection without a name'} (process ${pid}, ${state}, since ${Math.round(ageMs / 1000)} s)`;

/** What of a direction stays in the database though the rest failed. */
function left(run: Run, direction: Direction, { stays }: MigrationFailure): string {
  const before = applied(run, direction);
  const rest = stays === null ? 'Nothing of it stays.' : `Part of it stays. To take that away: ${stays}`;
  return before.length > 0 ? `${rest} ${before.join(', ')} had been applied before, and stay.` : rest;
}

const applied = (run: Run, direction: Direction): string[] =>
  run.deploy.facts.flatMap(fact => (fact.kind === 'migrated' && fact.direction === direction ? [fact.file] : []));

async function hold(run: Run, { by, reason }: Click): Promise<{ answer: string; instead: Next }> {
  const instead = await held(run, by, reason ?? 'No reason was given.');
  return { answer: 'Held: they are asked again at the next deploy.', instead };
}

async function held(run: Run, by: string | null, why: string): Promise<Next> {
  await run.record({ kind: 'held', by, why });
  return { to: 'Write the receipt' };
}
