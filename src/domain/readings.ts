import { type Click, type Deploy, type Fact, type FactOf, latest, type Outcome, type SmokeResult } from './deploy.ts';
import { isDoubted } from './phase.ts';
import type { Plan } from './plan.ts';
import { withoutMentions } from './refusal.ts';
import type { Phase } from './watch.ts';

// What a deploy's facts say, for whoever shows it: the thread, status, history.

type Told = Pick<Deploy, 'facts'>;

/** The deploy as it stood when that fact was appended. */
export function asOf(deploy: Deploy, seq: number): Deploy {
  return { ...deploy, facts: deploy.facts.filter(fact => fact.seq <= seq) };
}

/** True for what a stage did, and not for what is said of one that cannot go on. */
export const goesOn = ({ kind }: Fact): boolean => kind !== 'parked' && kind !== 'trouble';

/** The release that ours takes the place of, and to which a rollback goes: that of the plan, or what others released since. */
export const oldCode = (deploy: Told & { plan: Pick<Plan, 'live'> }): Plan['live'] =>
  latest(deploy, 'rollback intended')?.to ?? latest(deploy, 'released')?.replaces ?? deploy.plan.live;

/** That a rollback undid what others had released meanwhile, as a sentence with a space before it; else nothing. */
export function buriedInWords(deploy: Told): string {
  const buried = latest(deploy, 'rollback released')?.buried ?? [];
  if (buried.length === 0) return '';
  return withoutMentions(` ${buried.join(', ')} went live just before, and is undone by that: deploy it again.`);
}

/** What the watch said last, of our release or of the rollback. */
export function phaseFact(deploy: Told, of?: 'deploy' | 'rollback'): FactOf<'phase'> | undefined {
  return deploy.facts.findLast(
    (fact): fact is FactOf<'phase'> => fact.kind === 'phase' && (of === undefined || fact.of === of),
  );
}

/** Since when (ms) answers no longer said whose they were, by that phase; null when they did. */
export const silentSince = (phase: Phase | undefined): number | null =>
  phase && 'silentSince' in phase ? (phase.silentSince ?? null) : null;

/** True from the moment a deploy meant to close its app until it opened it again. */
export function hasClosed({ facts }: Told): boolean {
  const closing = facts.findLast(fact => fact.kind === 'closing');
  const opened = facts.findLast(({ kind }) => kind === 'opened');
  return closing?.kind === 'closing' && closing.byUs && (opened?.seq ?? 0) < closing.seq;
}

/** True as long as a deploy in maintenance mode has not opened its app again: it may not end before. */
export function mustOpen({ facts, plan }: Told & { plan: Pick<Plan, 'maintenance'> }): boolean {
  if (!plan.maintenance) return false;
  const closing = facts.findLast(fact => fact.kind === 'closing');
  return closing?.kind === 'closing' && closing.byUs && !facts.some(({ kind }) => kind === 'let in');
}

/** True when contract migrations have left something in the database: old code cannot run any more. */
export const destroyed = ({ facts }: Told): boolean =>
  facts.some(
    fact =>
      (fact.kind === 'migrated' && fact.direction === 'contract') ||
      (fact.kind === 'migration failed' &&
        fact.direction === 'contract' &&
        (fact.failure.stays !== null || (fact.failure.byCommand === true && fact.failure.ran !== false))),
  );

/** The way back from a release that serves: a plan of its own to the one before it, or none, the old schema being gone. */
export type WayBack = { kind: 'plan'; version: number } | { kind: 'none'; version: number };

/** Null as long as new code does not serve, and when something else serves by now. */
export function wayBack(deploy: Told & { plan: Pick<Plan, 'live' | 'maintenance'> }): WayBack | null {
  const { facts } = deploy;
  const has = (kind: Fact['kind']): boolean => facts.some(fact => fact.kind === kind);
  const ended = facts.findLast((fact): fact is FactOf<'ended'> => fact.kind === 'ended');
  const leaves: readonly Outcome[] = ['succeeded', 'unfinished', 'not proved'];
  if (ended && !leaves.includes(ended.outcome)) return null;
  if (has('rollback asked') || has('rollback intended') || !serves(deploy)) return null;
  // As long as they run nobody can say; and where new code is not well, its card has the way back.
  if (contractRuns(deploy) || openComplaint(deploy)) return null;
  return { kind: destroyed(deploy) ? 'none' : 'plan', version: oldCode(deploy).version };
}

function contractRuns(deploy: Told): boolean {
  const begun = contractBegun(deploy);
  const over: readonly Fact['kind'][] = ['schema changed', 'migration failed', 'migrations changed', 'held', 'ended'];
  return begun !== undefined && !deploy.facts.some(({ seq, kind }) => seq > begun.seq && over.includes(kind));
}

/** The newest fact that begins contract migrations: a second run of them is recorded by what it begins. */
export function contractBegun({ facts }: Told): Fact | undefined {
  const begins: readonly Fact['kind'][] = ['migrating', 'migration begins', 'command started'];
  return facts.findLast(fact => begins.includes(fact.kind) && 'direction' in fact && fact.direction === 'contract');
}

/** True once it was said that new code serves everybody, and not taken back. */
export function serves(deploy: Told & { plan: Pick<Plan, 'maintenance'> }): boolean {
  if (deploy.plan.maintenance) return deploy.facts.some(fact => fact.kind === 'let in' && fact.proof !== null);
  const phase = phaseFact(deploy, 'deploy')?.phase;
  return (
    phase?.kind === 'new serves' ||
    phase?.kind === 'old gone' ||
    (phase?.kind === 'not proved' && phase.missing === 'old gone')
  );
}

/** Since when (ms) new code serves, or served until others released other code; null when it never did. */
export function servedSince({ facts }: Told): number | null {
  const since = facts.findLast(
    fact =>
      (fact.kind === 'let in' && fact.proof !== null) ||
      (fact.kind === 'phase' && fact.of === 'deploy' && (fact.phase.kind === 'new serves' || isDoubted(fact.phase))),
  );
  if (since?.kind !== 'phase') return since ? Date.parse(since.at) : null;
  return since.phase.kind === 'new serves' ? since.phase.at : null;
}

/** The newest complaint of new code, as long as nobody answered it. */
export function openComplaint({ facts }: Told): FactOf<'not well'> | null {
  const asked = facts.findLast((fact): fact is FactOf<'not well'> => fact.kind === 'not well');
  const answers: readonly Fact['kind'][] = ['kept', 'rollback asked', 'ended'];
  return asked && !facts.some(fact => fact.seq > asked.seq && answers.includes(fact.kind)) ? asked : null;
}

/** The newest doubt: old code answered then, and what was found of new code before may have been old code's. */
export const lastDoubt = ({ facts }: Told): FactOf<'phase'> | undefined =>
  facts.findLast(
    (fact): fact is FactOf<'phase'> => fact.kind === 'phase' && fact.of === 'deploy' && isDoubted(fact.phase),
  );

/** Where it was said last, by the watch or by a person, that old code is gone. */
export const saidToBeGone = ({ facts }: Told): Fact | undefined =>
  facts.findLast(
    fact =>
      (fact.kind === 'phase' && fact.of === 'deploy' && fact.phase.kind === 'old gone') ||
      (fact.kind === 'checked' && fact.what === 'old gone'),
  );

/** True when old code has answered since that was said: it counts no more. */
export const isTakenBack = (deploy: Told, said: Fact | undefined): boolean =>
  (lastDoubt(deploy)?.seq ?? 0) > (said?.seq ?? 0);

/** True while it is taken back that old code is gone. */
export const isDoubtedAgain = (deploy: Told): boolean => isTakenBack(deploy, saidToBeGone(deploy));

/** The smoke test of the code that serves now; undefined before it was made, and when old code has answered since. */
export function smokeTestOf({ facts }: Told): FactOf<'smoke test'> | undefined {
  const made = facts.findLast((fact): fact is FactOf<'smoke test'> => fact.kind === 'smoke test');
  return made && !isTakenBack({ facts }, made) ? made : undefined;
}

/** A path of the smoke test that answered what was wanted. */
export const isAsExpected = ({ expected, status }: SmokeResult): boolean =>
  status !== null && expected.includes(status);

/** How a complaint begins that no later look can take back: a smoke test is made once. */
export const BY_TEST = 'The smoke test wants';

export const isByTest = ({ complaints }: Pick<FactOf<'not well'>, 'complaints'>): boolean =>
  complaints.some(({ against }) => against.startsWith(BY_TEST));

/** When (ms) new code that is not well goes back by itself; null: never. */
export const goesBackAt = ({ at, backIn }: Pick<FactOf<'not well'>, 'at' | 'backIn'>): number | null =>
  backIn === null ? null : Date.parse(at) + backIn * 1000;

/** True while a card asks for the approval of its contract migrations: not while old code answers again. */
export function waitsForApproval<D extends Told>(deploy: D | null): deploy is D {
  const asked = deploy?.facts.findLast(fact => fact.kind === 'approval asked');
  if (!deploy || !asked || isTakenBack(deploy, asked)) return false;
  const answers: readonly Fact['kind'][] = ['approved', 'held', 'migrations changed', 'rollback asked', 'ended'];
  return !deploy.facts.some(fact => fact.seq > asked.seq && answers.includes(fact.kind));
}

/** What can be pressed on the root message; the rest is on a card of its own. */
export type RootClick = Exclude<
  Click['kind'],
  'go on' | 'keep it' | 'run them' | 'hold' | 'open' | 'try again' | 'end here'
>;

/** The answers that a person may give now: the buttons of the root message. None once the deploy has ended or turned back. */
export function clicksOf(deploy: Told & { plan: Pick<Plan, 'maintenance'> }): RootClick[] {
  const { facts } = deploy;
  const has = (kind: Fact['kind']): boolean => facts.some(fact => fact.kind === kind);
  if (has('rollback asked') || has('rollback intended') || has('giving up') || has('ended')) return [];
  // It opens in a moment: what comes then is a rollback like any other.
  if (deploy.plan.maintenance && has('released')) return [];
  if (!has('released')) return has('cancel asked') ? [] : ['cancel'];
  if (openComplaint(deploy)) return [];
  const told = phaseFact(deploy, 'deploy');
  const phase = told?.phase;
  switch (phase?.kind) {
    case undefined:
    case 'booting':
    case 'old serves':
    case 'mixed':
      return destroyed(deploy) ? [] : ['roll back'];
    case 'not proved':
      if (facts.some(fact => fact.kind === 'checked' && fact.seq > (told?.seq ?? 0))) return [];
      if (phase?.missing === 'old gone') return ['old code is gone'];
      return destroyed(deploy) ? ['it serves'] : ['it serves', 'roll back'];
    default:
      return [];
  }
}

/** Whether visitors can have met the release that was undone, as far as the probe and the router's log tell. */
export type Exposure =
  | { kind: 'none seen'; answers: number }
  | { kind: 'seen'; signs: string[] }
  | { kind: 'unknown'; why: string[] };

/** Signs that visitors met it, how many old answers speak against it, or why neither is known. */
export function exposureOf(deploy: Told): Exposure {
  const tally = phaseFact(deploy)?.tally;
  if (!tally) return { kind: 'unknown', why: ['nothing was seen'] };
  const { answers, failures, log } = tally;
  const { new: met, old, silent, failed } = answers;
  const logged = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const signs = [
    met > 0 ? `${met} of ${met + old} answers to the probe came from it` : '',
    failed > 0 ? `${failed} probes failed` : '',
    logged > 0 ? `the router logged ${logged} failed requests` : '',
  ].filter(Boolean);
  if (signs.length > 0) return { kind: 'seen', signs };
  const isWhole = log && log.from === null && log.until === null;
  const why = [
    old === 0 ? 'no answer said which release it came from' : '',
    old > 0 && silent > 0 ? `${silent} answers did not say which release they came from` : '',
    isWhole ? '' : 'the log of the router is not known from the release until now',
  ].filter(Boolean);
  return why.length > 0 ? { kind: 'unknown', why } : { kind: 'none seen', answers: old };
}
