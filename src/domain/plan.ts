import { createHash } from 'node:crypto';
import type { AppSettings, PlannedCommit, Probe } from './app.ts';
import type { Back } from './back.ts';
import { type ConnectionsNeeded, connectionsShort } from './connections.ts';
import { filesOf, gateReasons, gateWarnings, type Held, type PendingMigrations } from './gate.ts';
import { type Lock, lockRefusals, lockWarnings } from './lock.ts';
import { BACK_STEPS, closedStepsWith, type Step, stepsWith } from './steps.ts';
import type { SmokeTest } from './switchover-file.ts';

/** All that is known of an app and a ref when somebody asks to deploy it. Gathered by the bot, judged here. */
export type Situation = {
  settings: AppSettings;
  ref: string;
  /** Null: GitHub has nothing under that ref. */
  commit: PlannedCommit | null;
  /** Null: Heroku shows no such app to the bot's account. */
  heroku: HerokuSituation | null;
  /** Commits that the deploy would bring, newest first; null when live and wanted commits cannot be compared. */
  changes: { commits: PlannedCommit[]; total: number; behind: number } | null;
  probe: Probe;
  /** True when `switchover.json` at the commit, or the app's settings, name the probe. */
  probeDeclared: boolean;
  /** What the probe read from today's answer: its version, or why there is none. */
  probed: { version: string } | { problem: string };
  /** What is wrong with the commit's `switchover.json`, in sentences. */
  problems: readonly string[];
  /** Those of the commit that the database has not had; null when there is none. */
  migrations: PendingMigrations | null;
  /** What the app's own release phase may do to them. */
  migrationWarnings: readonly string[];
  /** Contract migrations that were held before. */
  held: readonly Held[];
  soakSeconds: number;
  smoke: readonly SmokeTest[];
  connections: ConnectionsNeeded | null;
  /** False: other deploys of this app by this bot come first, and what is in the way now is over by then. */
  isNext: boolean;
  /** Locks on the app that hold now, and who wants to deploy. */
  locks: readonly Lock[];
  asker: string;
  /** The release to go back to; null when new code is deployed. */
  back: Back | null;
  /** Asked for in maintenance mode. */
  maintenance: boolean;
};

export type HerokuSituation = {
  url: string;
  maintenance: boolean;
  space: string | null;
  generation: string;
  preboot: boolean;
  formation: readonly { type: string; quantity: number; size: string }[];
  live: { id: string; version: number; slug: string; commit: string | null } | null;
  openBuilds: readonly { id: string; by: string }[];
  openReleases: readonly { version: number; by: string }[];
  sharedDatabases: readonly { database: string; apps: readonly string[] }[];
  lastBuildSeconds: number | null;
};

/** How this deploy can know that new code serves. */
export type Proof = 'probe by release' | 'probe by commit' | 'logs';

export type Plan = {
  app: string;
  ref: string;
  commit: PlannedCommit;
  repository: string;
  channel: string;
  url: string;
  /** Going back to an older release; its code is `commit`. */
  back?: Back | null;
  /** Visitors see a closed page from before the build until new code is up. */
  maintenance?: boolean;
  live: { id: string; version: number; slug: string; commit: string | null };
  changes: Situation['changes'];
  /** Web dynos now, and of how many the new release will boot. */
  web: { quantity: number; size: string };
  workers: readonly { type: string; quantity: number }[];
  steps: readonly Step[];
  probe: Probe;
  proof: Proof;
  windowSeconds: number;
  buildSeconds: number | null;
  /** Within what nine of ten such deploys of the app served, seconds; null or not there when too few are known. */
  usualSeconds?: number | null;
  /** Null: the commit has none, or none that the database has not had. */
  migrations: PendingMigrations | null;
  soakSeconds: number;
  /** What new code is asked as soon as it serves. */
  smoke?: readonly SmokeTest[];
  /** True: it goes back by itself when new code is not well after the switch. */
  autoRollback?: boolean;
  /** What the deploy needs of the database's connections; null where that cannot be said. */
  connections?: ConnectionsNeeded | null;
  approvers: readonly string[];
  fourEyes: boolean;
  warnings: readonly string[];
};

export type Preflight = { kind: 'ready'; plan: Plan } | { kind: 'refused'; reasons: string[] };

/** Calls that one deploy may need at worst; below this it could stop half-way for want of tokens. */
export const TOKENS_NEEDED = 60;
/** Preboot: Common Runtime, standard and performance dynos only (preboot article, 2024-10). */
const PREBOOT_SIZES = /^(standard|performance)/i;

/** Why nothing can be planned with so few API calls left; null when there are enough. */
export function callsShort(left: number): string | null {
  if (left >= TOKENS_NEEDED) return null;
  return `The Heroku account has ${left} API calls left, and a deploy may need ${TOKENS_NEEDED}. They come back at 75 a minute: try again in ${Math.ceil((TOKENS_NEEDED - left) / 75)} min, and look for what else uses them.`;
}

/** The plan of a deploy, or every reason against it at once. */
export function preflight(situation: Situation): Preflight {
  const { settings, commit, heroku } = situation;
  const reasons = [
    ...reasonsOfSource(situation),
    ...(heroku ? reasonsOfHeroku(heroku, situation) : [noSuchApp(settings)]),
  ];
  if (reasons.length > 0 || !commit || !heroku?.live) return { kind: 'refused', reasons };
  const web = heroku.formation.find(entry => entry.type === 'web');
  const proof = proofOf(situation);
  const { migrations } = situation;
  return {
    kind: 'ready',
    plan: {
      app: settings.name,
      ref: situation.ref,
      commit,
      back: situation.back,
      ...(situation.maintenance ? { maintenance: true } : {}),
      repository: settings.repository,
      channel: settings.channel,
      url: heroku.url,
      live: heroku.live,
      changes: situation.changes,
      web: { quantity: web?.quantity ?? 0, size: web?.size ?? '' },
      workers: heroku.formation.filter(entry => entry.type !== 'web' && entry.quantity > 0),
      steps: planSteps(situation),
      probe: situation.probe,
      proof,
      windowSeconds: settings.windowSeconds,
      buildSeconds: heroku.lastBuildSeconds,
      migrations,
      soakSeconds: situation.soakSeconds,
      ...(situation.smoke.length > 0 ? { smoke: situation.smoke } : {}),
      ...(settings.autoRollback ? { autoRollback: true } : {}),
      connections: situation.connections,
      approvers: settings.approvers,
      fourEyes: settings.fourEyes,
      warnings: warningsOf(situation, heroku, commit),
    },
  };
}

function planSteps({ back, migrations, maintenance }: Situation): readonly Step[] {
  const kinds = {
    expand: filesOf(migrations, 'expand').length > 0,
    contract: filesOf(migrations, 'contract').length > 0,
    byCommand: migrations?.commands !== undefined,
  };
  if (maintenance) return closedStepsWith({ ...kinds, back: back !== null });
  return back ? BACK_STEPS : stepsWith(kinds);
}

/** What a Start is bound to: all of the plan but what changes by itself from minute to minute. */
export function fingerprint(plan: Plan): string {
  const { buildSeconds: _, usualSeconds: __, connections: ___, ...bound } = plan;
  return createHash('sha256').update(JSON.stringify(bound)).digest('hex').slice(0, 16);
}

/** Seconds for which new code is watched after the switch where nothing has to be destroyed: what breaks, breaks soon. */
export const watchedSeconds = ({ windowSeconds }: Pick<Plan, 'windowSeconds'>): number =>
  Math.min(60, windowSeconds / 3);

/** From closing the app to opening it, beside its build: Heroku's own steps, and the boot. An assumption. */
const CLOSED_SECONDS = 60;

/**
 * Seconds from Start until new code is expected to serve: by the app's last deploys, or where those are too few by its last
 * build (one of unknown length counts as two minutes) and its window.
 */
export const expectedSeconds = (plan: Plan): number =>
  plan.usualSeconds ??
  (plan.back ? 0 : (plan.buildSeconds ?? 120)) + (plan.maintenance ? CLOSED_SECONDS : plan.windowSeconds);

function noSuchApp({ name }: AppSettings): string {
  return `Heroku shows no app named ${name} to this bot's account. Check the name in the app's settings, or give the account access with \`heroku access:add\`.`;
}

function reasonsOfSource({
  settings,
  ref,
  commit,
  problems,
  migrations,
  locks,
  asker,
  maintenance,
}: Situation): string[] {
  const gated = migrations ? gateReasons(migrations, { closed: maintenance }) : [];
  const reasons = [...lockRefusals(locks, asker), ...problems, ...gated];
  if (!commit) {
    reasons.push(
      `${settings.repository} has no branch, tag or commit ${ref}. Check the spelling, or push it, then try again.`,
    );
  }
  return reasons;
}

function reasonsOfHeroku(
  heroku: HerokuSituation,
  { settings: { name }, isNext, maintenance, connections }: Situation,
): string[] {
  const reasons: string[] = [];
  const web = heroku.formation.find(entry => entry.type === 'web');
  if (heroku.space || heroku.generation !== 'cedar') {
    const where = heroku.space ? `in the Private Space ${heroku.space}` : `on ${heroku.generation}`;
    reasons.push(
      `${name} runs ${where}. Heroku replaces dynos there one by one (rolling) and has no preboot; this bot cannot deploy that way yet. Deploy it as before.`,
    );
  }
  if (!web || web.quantity === 0) {
    reasons.push(
      `${name} has no web dynos running, so there is nothing to switch over. Scale it with \`heroku ps:scale web=2 -a ${name}\`, then try again.`,
    );
  } else if (!maintenance && !PREBOOT_SIZES.test(web.size)) {
    reasons.push(
      `${name} runs ${web.size.toLowerCase()} dynos. Preboot needs standard or performance: change the type with \`heroku ps:type web=standard-1x -a ${name}\`, or deploy behind a closed page with \`--maintenance\`.`,
    );
  }
  if (maintenance && heroku.preboot) {
    reasons.push(
      `Preboot is on for ${name}: its hidden old dynos would serve on for minutes, and Heroku's dyno list does not show them. Turn it off for this deploy with \`heroku features:disable preboot -a ${name}\` (it restarts nothing), or leave \`--maintenance\` out.`,
    );
  }
  if (!maintenance && !heroku.preboot && !heroku.space) {
    reasons.push(
      `Preboot is off for ${name}, so a release would stop the old dynos before new ones serve. Turn it on with \`heroku features:enable preboot -a ${name}\` (it restarts nothing), then try again; or deploy behind a closed page with \`--maintenance\`.`,
    );
  }
  if (heroku.maintenance && isNext) {
    reasons.push(
      `${name} is in maintenance mode: visitors see a closed page, so nothing could be proved. Open it with \`/maintenance ${name} off\` when whoever closed it agrees, then try again.`,
    );
  }
  if (!heroku.live) {
    reasons.push(
      `${name} has no release with code yet, so there is no old code that could keep serving. Make the first deploy with \`git push heroku\`, then use this bot.`,
    );
  }
  const short = connections && !maintenance ? connectionsShort(connections, name) : null;
  if (short?.kind === 'refused') reasons.push(short.text);
  for (const build of isNext ? heroku.openBuilds : []) {
    reasons.push(
      `${build.by} is building ${name} just now. Heroku builds one at a time: wait until it has ended, then try again.`,
    );
  }
  for (const release of isNext ? heroku.openReleases : []) {
    reasons.push(
      `Release v${release.version} of ${name} by ${release.by} has not finished its release phase. Wait until it has, then try again.`,
    );
  }
  return reasons;
}

function warningsOf(situation: Situation, heroku: HerokuSituation, commit: PlannedCommit): string[] {
  const warnings = lockWarnings(situation.locks, situation.asker);
  const { settings, changes, connections } = situation;
  const web = heroku.formation.find(entry => entry.type === 'web');
  const workers = heroku.formation.filter(entry => entry.type !== 'web' && entry.quantity > 0).map(entry => entry.type);
  if (web?.quantity === 1 && !situation.maintenance) {
    warnings.push(`${settings.name} has 1 web dyno. Preboot works, but one crash is an outage: 2 would be safer.`);
  }
  if (!situation.back && heroku.live?.commit === commit.sha) {
    warnings.push(`This commit is live already, as v${heroku.live.version}. It would be built and released again.`);
  }
  if (!situation.back && changes && changes.behind > 0) {
    warnings.push(
      changes.behind === 1
        ? 'The live code has 1 commit that this one does not: it would go away.'
        : `The live code has ${changes.behind} commits that this one does not: they would go away.`,
    );
  }
  if (!heroku.live?.commit && !situation.back)
    warnings.push('The live release does not say which commit it is, so changes cannot be listed.');
  if (workers.length > 0 && !situation.maintenance) {
    warnings.push(
      `Preboot is for web only: ${workers.join(', ')} restart at once and run new code while web still serves old code.`,
    );
  }
  for (const { database, apps } of heroku.sharedDatabases) {
    warnings.push(
      `${apps.join(', ')} use the same database (${database}): they keep their own code during this deploy.`,
    );
  }
  const short = connections && !situation.maintenance ? connectionsShort(connections, settings.name) : null;
  if (short?.kind === 'warned') warnings.push(short.text);
  warnings.push(...situation.migrationWarnings);
  if (situation.migrations) warnings.push(...gateWarnings(situation.migrations, situation.held));
  if (proofOf(situation) === 'logs' && !situation.maintenance) warnings.push(unprovable(situation));
  return warnings;
}

function proofOf({ probed, probeDeclared, heroku, commit }: Situation): Proof {
  if ('version' in probed) {
    if (/^v?\d{1,6}$/.test(probed.version)) return 'probe by release';
    return commit?.sha === heroku?.live?.commit ? 'logs' : 'probe by commit';
  }
  return probeDeclared ? 'probe by release' : 'logs';
}

function unprovable({ probed }: Situation): string {
  const why = 'problem' in probed ? probed.problem : 'answers name the commit, and it does not change';
  return (
    `The switchover cannot be proved by asking the app (${why}), only later and less surely by its log. ` +
    'To make it provable: 1. `heroku labs:enable runtime-dyno-metadata`; 2. answer with the header `X-Heroku-Release-Version` ' +
    '(the npm package heroku-dyno-metadata does), or name another place in `switchover.json`.'
  );
}
