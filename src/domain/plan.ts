import { createHash } from 'node:crypto';
import type { PlannedCommit, Probe } from './app.ts';
import type { Back } from './back.ts';
import { type ConnectionsNeeded, connectionsShort } from './connections.ts';
import { filesOf, gateWarnings, type PendingMigrations } from './gate.ts';
import { lockWarnings } from './lock.ts';
import { withoutSizes } from './migration/words.ts';
import { noSuchApp, reasonsOfHeroku, reasonsOfSource } from './plan-reasons.ts';
import { withoutMentions } from './refusal.ts';
import type { HerokuSituation, Situation } from './situation.ts';
import { BACK_STEPS, closedStepsWith, type Step, stepsWith } from './steps.ts';
import type { SmokeTest } from './switchover-file.ts';

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

/** What a Start is bound to: all of the plan but what changes by itself from minute to minute, sizes of tables among it. */
export function fingerprint(plan: Plan): string {
  const { buildSeconds: _, usualSeconds: __, connections: ___, ...bound } = plan;
  return createHash('sha256')
    .update(withoutSizes(JSON.stringify(bound)))
    .digest('hex')
    .slice(0, 16);
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
  warnings.push(...situation.migrationWarnings.map(withoutMentions));
  if (situation.migrations) warnings.push(...gateWarnings(situation.migrations, situation.held));
  if (proofOf(situation) === 'logs' && !situation.maintenance) warnings.push(withoutMentions(unprovable(situation)));
  return warnings;
}

function proofOf({ probed, probeDeclared, heroku, commit }: Situation): Proof {
  if ('version' in probed) {
    if (/^v?\d{1,6}$/.test(probed.version)) return 'probe by release';
    const live = heroku?.live?.commit;
    return !live || commit?.sha === live ? 'logs' : 'probe by commit';
  }
  return probeDeclared ? 'probe by release' : 'logs';
}

function unprovable({ probed, heroku }: Situation): string {
  const same = heroku?.live?.commit ? 'it does not change' : 'Heroku does not know that of what is live';
  const why = 'problem' in probed ? probed.problem : `answers name the commit, and ${same}`;
  return (
    `The switchover cannot be proved by asking the app (${why}), only later and less surely by its log. ` +
    'To make it provable: 1. `heroku labs:enable runtime-dyno-metadata`; 2. answer with the header `X-Heroku-Release-Version` ' +
    '(the npm package heroku-dyno-metadata does), or name another place in `switchover.json`.'
  );
}
