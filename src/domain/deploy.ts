import type { Direction, PendingMigrations } from './gate.ts';
import type { Connections, Sample } from './health.ts';
import type { Complaint } from './health-gate.ts';
import type { Plan } from './plan.ts';
import type { Quantity, Row } from './reopening.ts';
import type { Step } from './steps.ts';
import type { Place } from './turn.ts';
import type { Phase, Watch } from './watch.ts';

export type Outcome =
  | 'succeeded'
  | 'unfinished'
  | 'failed'
  | 'cancelled'
  | 'rolled back'
  | 'superseded'
  | 'not proved'
  | 'stopped';

/**
 * One thing that happened to a deploy. Appended, never changed: the thread and the receipt are readings of them. Times
 * in it, such as `releasedAt`, are ms since 1970.
 */
export type FactBody =
  /** `approval`: whose yes it needed; with the reason (`emergency`) where it began in a freeze. */
  | { kind: 'started'; by: string; approval?: { by: string; emergency: string | null } }
  /** Others of its app are before it. */
  | ({ kind: 'queued' } & Place)
  | { kind: 'turn came' }
  /** Planned again at its turn. With news its owner is asked first. */
  | { kind: 'planned again'; plan: Plan; news: readonly string[] }
  | { kind: 'agreed'; by: string }
  /**
   * About to go back to an older release on purpose: the newest one before that. Then Heroku's new release of it. `web`, here
   * and below: how many web dynos there were at that moment.
   */
  | { kind: 'going back'; newest: number; web?: number | undefined }
  | { kind: 'went back'; release: string }
  /** How the app was before anything was done to it, and what it suffered from then. */
  | { kind: 'before'; sample: Sample; ill: readonly string[] }
  | { kind: 'uploaded'; url: string; bytes: number }
  /** About to ask Heroku for it: from now on one may be under way. */
  | { kind: 'build asked' }
  | { kind: 'build started'; build: string }
  | { kind: 'built'; slug: string; release: string }
  | { kind: 'build failed'; lines: readonly string[] }
  | { kind: 'release started'; version: number }
  /** `replaces`: what was live until then, which others may have released since the plan. */
  | {
      kind: 'released';
      release: string;
      version: number;
      slug: string;
      releasedAt: number;
      phaseSeconds: number;
      replaces?: Plan['live'];
      web?: number | undefined;
    }
  | { kind: 'release failed'; version: number; lines: readonly string[] }
  /** What the watch of a switchover said when it changed: of our release, or of the rollback, or of a newer one of its code. */
  | { kind: 'phase'; of: 'deploy' | 'rollback'; version: number; phase: Phase; tally: Tally }
  /** Somebody else, or Heroku, did something to the app in the window: `on` (ms) by Heroku's clock. */
  | { kind: 'meddled'; on: number; what: string }
  /** Before its release: it ends at the next place where it can be left. */
  | { kind: 'cancel asked'; by: string }
  /** Someone, or the bot itself (`by` null), decided to go back. */
  | { kind: 'rollback asked'; by: string | null; why: string }
  /**
   * About to ask Heroku: the newest release before it, the last moment (ms) at which it surely beats the switch, and where to.
   * `config`: what was done to config vars since, which going back undoes.
   */
  | {
      kind: 'rollback intended';
      newest: number;
      safeUntil: number;
      to?: Plan['live'];
      web?: number | undefined;
      config?: readonly string[];
    }
  | { kind: 'rolling back'; release: string; version: number }
  /** `buried`: what others released between ours and it, and is not live any more. */
  | {
      kind: 'rollback released';
      version: number;
      slug: string;
      releasedAt: number;
      web?: number | undefined;
      buried?: readonly string[];
    }
  | { kind: 'rollback failed'; why: string }
  /** Somebody looked at what could not be proved, and says how they know. */
  | { kind: 'checked'; by: string; what: 'new serves' | 'old gone'; why?: string }
  /** The schema's change in one direction: begun, each file as it was recorded in the database, and how it ended. */
  | { kind: 'migrating'; direction: Direction }
  | { kind: 'migration begins'; direction: Direction; file: string }
  /** Somebody else's lock is in its way (`file` null: of the whole run); it is tried again. */
  | { kind: 'migration waits'; direction: Direction; file: string | null; why: string; blockers: readonly string[] }
  | { kind: 'migrated'; direction: Direction; file: string; seconds: number | null }
  /** About to start a command in a one-off dyno: from now on it may run, and is never started again. */
  | { kind: 'command started'; direction: Direction; marker: string }
  | { kind: 'command failed'; direction: Direction; lines: readonly string[] }
  | { kind: 'migration failed'; direction: Direction; failure: MigrationFailure }
  | { kind: 'schema changed'; direction: Direction }
  /** What the paths of the commit's `switchover.json` answered as soon as new code served; null: nothing. */
  | { kind: 'smoke test'; results: readonly SmokeResult[] }
  /** Since then (ms) answers are errors that do not say whose they are: nobody can tell whether new code serves. */
  | { kind: 'fails unnamed'; since: number }
  /**
   * New code serves and is not well; after `backIn` seconds it goes back by itself (null: never). Kept (`by` null: by the bot).
   * `config`: what was done to config vars since the release, which going back would undo.
   */
  | { kind: 'not well'; complaints: readonly Complaint[]; backIn: number | null; config?: readonly string[] }
  | { kind: 'kept'; by: string | null; why: string }
  /** Until (ms) when new code is only watched, with nothing to destroy. */
  | { kind: 'watching'; until: number }
  /** What was made of new code in the end, and all that was met. `why` is empty where it was well in every way. */
  | { kind: 'judged'; verdict: 'well' | 'not well' | 'not judged'; why: string; met: Met }
  /** Until (ms) when new code is only watched, before anything is destroyed. `lastOldAt`: of the watch as it began. */
  | { kind: 'soaking'; until: number; lastOldAt?: number | null }
  /** What was approved is not what the commit would run now: this is, and it is asked anew. */
  | { kind: 'migrations changed'; why: string; migrations: PendingMigrations }
  /** What the app's plan command shows of its contract command. */
  | { kind: 'migrations planned'; migrations: PendingMigrations }
  | { kind: 'approval asked'; digest: string }
  | { kind: 'approval reminded' }
  | { kind: 'approved'; by: string; digest: string }
  /** `by` null: nobody answered in time. */
  | { kind: 'held'; by: string | null; why: string }
  /** About to close the app, for its contract migrations or for all of a deploy; not `byUs`: a person had closed it before. */
  | { kind: 'closing'; byUs: boolean }
  | { kind: 'opened' }
  /** Migrations failed half-way, and the app stays closed until somebody answers. */
  | { kind: 'left closed' }
  | { kind: 'still closed' }
  | { kind: 'closed app answered'; by: string; what: 'open' | 'try again' }
  /** Of a deploy in maintenance mode: about to stop these dynos, how many there were of each type; then that none was left. */
  | { kind: 'dynos stopping'; formation: readonly Quantity[]; dynos: readonly string[] }
  | { kind: 'dynos stopped' }
  /**
   * What was stopped is started, and is up; of those `unheard` only the dyno list says so, and `beside` it one-off dynos still
   * run older code. Or it does not come up, or is `refused`.
   */
  | { kind: 'dynos starting' }
  | { kind: 'dynos up'; dynos: readonly string[]; unheard: readonly string[]; beside?: readonly string[] }
  | { kind: 'dynos down'; what: string; refused?: true }
  /** How it will end once everything is put back and open; `live`: the code of somebody else that it is opened with. */
  | { kind: 'giving up'; outcome: Outcome; why: string; live?: { release: number; commit: string | null } }
  /** Visitors were let in again: the answers that prove it, or null when none did in time. */
  | { kind: 'let in'; version: number; proof: Row | null }
  /** This version of the bot does not know the stage that another one left it at. */
  | { kind: 'parked'; stage: string }
  /** A stage of ours failed unexpectedly and is tried again. */
  | { kind: 'trouble'; stage: string; error: string; attempt: number }
  /** With the receipt that was kept of it, and the medians of its app's steps, seconds, until then. */
  | {
      kind: 'ended';
      outcome: Outcome;
      why: string;
      receipt?: { number: number; hash: string };
      usual?: Readonly<Record<string, number>>;
    };

export type SmokeResult = { path: string; expected: readonly number[]; status: number | null };

/** What was met of an app around its switch. `since`: of new code alone. */
export type Met = {
  before: Sample | null;
  window: Sample;
  since: Sample;
  /** Most connections to its database that were seen at once, `at` ms. */
  peak: (Connections & { at: number }) | null;
};

/** A file that was not applied, and who stood in its way. */
export type MigrationFailure = {
  file: string;
  error: string;
  /** What stays of it, and SQL that takes it away; null when it was rolled back whole. */
  stays: string | null;
  blockers: readonly string[];
  /** A command of the app: what it had done by then stays, whatever that is. */
  byCommand?: true;
  /** False for one that never began: then there is nothing that could stay. */
  ran?: boolean;
  lines?: readonly string[];
};

export type Fact = FactBody & { seq: number; at: string };

/** What a watch has counted so far, for people. `failures`: router lines with 5xx by code. */
export type Tally = {
  answers: Watch['answers'];
  failures: Watch['failures'];
  /** Where the log is known without a gap, ms: from the release and until now where these are null. Null: it was never read. */
  log: { from: number | null; until: number | null } | null;
  /** From release to first new answer, seconds; null before it. */
  windowSeconds: number | null;
  /** Dynos of other kinds than web, which run new code since this time (ms) while web still waits for the switch. */
  ahead?: { dynos: readonly string[]; since: number } | null | undefined;
};

/** What a person pressed. `about` is the digest that they were shown, `reason` what they wrote. */
export type Click = {
  id: string;
  kind:
    | 'go on'
    | 'cancel'
    | 'roll back'
    | 'keep it'
    | 'it serves'
    | 'old code is gone'
    | 'run them'
    | 'hold'
    | 'open'
    | 'try again'
    | 'end here';
  by: string;
  at: string;
  about: string | null;
  reason: string | null;
};

export type Deploy = {
  id: string;
  plan: Plan;
  startedBy: string;
  startedAt: string;
  facts: readonly Fact[];
};

type Kind = FactBody['kind'];
export type FactOf<K extends Kind> = Extract<Fact, { kind: K }>;

/** The newest fact of a kind. */
export function latest<K extends Kind>(deploy: Pick<Deploy, 'facts'>, kind: K): FactOf<K> | undefined {
  return deploy.facts.findLast((fact): fact is FactOf<K> => fact.kind === kind);
}

/** The migrations that this deploy stands for now: those of its plan, until others were found in their place. */
export function migrationsOf(deploy: Pick<Deploy, 'facts' | 'plan'>): PendingMigrations | null {
  const found = deploy.facts.findLast(fact => fact.kind === 'migrations changed' || fact.kind === 'migrations planned');
  return found && 'migrations' in found ? found.migrations : deploy.plan.migrations;
}

/** The newest fact of a kind since the migrations were found to be others: what was said before counts no more. */
export function latestOfThese<K extends Kind>(deploy: Pick<Deploy, 'facts'>, kind: K): FactOf<K> | undefined {
  const fact = latest(deploy, kind);
  return fact && fact.seq > (latest(deploy, 'migrations changed')?.seq ?? 0) ? fact : undefined;
}

export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'skipped';

/** Each step with its state and the moments between which it ran, as the facts tell it. */
export type StepReading = { step: Step; state: StepState; from: string | null; to: string | null };
