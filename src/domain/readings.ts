import type { Click, Deploy, Fact, FactOf, Outcome, StepReading, StepState } from './deploy.ts';
import type { Direction } from './gate.ts';
import { ROLLBACK_STEPS, type Step } from './steps.ts';
import type { Phase } from './watch.ts';

// What a deploy's facts say, for whoever shows it: the thread, status, history.

type Told = Pick<Deploy, 'facts'>;

/** The deploy as it stood when that fact was appended. */
export function asOf(deploy: Deploy, seq: number): Deploy {
  return { ...deploy, facts: deploy.facts.filter(fact => fact.seq <= seq) };
}

/** Each step with its state and the moments between which it ran. Rollback steps stand where the steps not reached were. */
export function stepsOf(deploy: Deploy): StepReading[] {
  return deploy.facts.reduce<StepReading[]>(after, deploy.plan.steps.map(pending));
}

const pending = (step: Step): StepReading => ({ step, state: 'pending', from: null, to: null });
const isOver = ({ state }: StepReading): boolean => state !== 'pending' && state !== 'running';

function after(steps: StepReading[], fact: Fact): StepReading[] {
  const { at } = fact;
  switch (fact.kind) {
    case 'started':
      return reach(steps, steps[0]?.step ?? 'Upload the source', at);
    case 'queued':
      return steps.map(({ step }) => pending(step));
    case 'turn came':
      return reach(steps, steps[0]?.step ?? 'Upload the source', at);
    case 'migrating':
      return reach(steps, STEP_OF[fact.direction], at);
    case 'migration failed':
      return end(steps, STEP_OF[fact.direction], 'failed', at);
    case 'schema changed':
      return fact.direction === 'expand'
        ? reach(steps, stepAfterRelease(steps) === 'Expand the schema' ? 'New dynos boot' : 'Upload the source', at)
        : end(steps, 'Contract the schema', 'done', at);
    case 'soaking':
      return reach(steps, 'Soak', at);
    case 'approval asked':
      return reach(steps, 'Approval', at);
    case 'approved':
      return end(steps, 'Approval', 'done', at);
    case 'held':
      return end(end(steps, 'Soak', 'skipped', at), 'Approval', 'skipped', at);
    case 'uploaded':
    case 'build asked':
    case 'build started':
      return reach(steps, 'Build', at);
    case 'going back':
    case 'went back':
    case 'built':
    case 'release started':
      return reach(steps, 'Release', at);
    case 'released':
      return reach(steps, stepAfterRelease(steps), at);
    case 'build failed':
      return end(steps, 'Build', 'failed', at);
    case 'release failed':
      return end(steps, 'Release', 'failed', at);
    case 'phase':
      return fact.of === 'deploy' ? afterPhase(steps, fact.phase, at) : afterRollbackPhase(steps, fact.phase, at);
    case 'rollback asked':
    case 'rollback intended':
    case 'rolling back':
      return turnBack(steps, at);
    case 'rollback released':
      return reach(turnBack(steps, at), 'Rollback serves', at);
    case 'rollback failed':
      return end(turnBack(steps, at), 'Roll back', 'failed', at);
    case 'ended':
      return steps.map(step => close(step, fact.outcome, at));
    case 'checked':
      return fact.what === 'old gone' ? end(steps, 'Old code gone', 'done', at) : steps;
    case 'closed app answered':
      return fact.what === 'try again' ? anew(steps, 'Contract the schema') : steps;
    case 'migrations changed':
      return anew(anew(steps, 'Contract the schema', 'pending'), 'Approval', 'pending');
    case 'migrated':
    case 'migration begins':
    case 'migration waits':
    case 'command started':
    case 'command failed':
    case 'migrations planned':
    case 'closing':
    case 'opened':
    case 'left closed':
    case 'still closed':
    case 'approval reminded':
    case 'cancel asked':
    case 'meddled':
    case 'planned again':
    case 'agreed':
    case 'trouble':
      return steps;
    default:
      return fact satisfies never;
  }
}

/** Where a command adds to the schema, that comes between the release and its dynos. */
const stepAfterRelease = (steps: readonly StepReading[]): Step =>
  steps[steps.findIndex(({ step }) => step === 'Release') + 1]?.step ?? 'New dynos boot';

const STEP_OF = { expand: 'Expand the schema', contract: 'Contract the schema' } as const satisfies Record<
  Direction,
  Step
>;

function afterPhase(steps: StepReading[], phase: Phase, at: string): StepReading[] {
  switch (phase.kind) {
    case 'booting':
      return reach(steps, 'New dynos boot', at);
    case 'old serves':
      return reach(steps, 'Old code still serving', at);
    case 'mixed':
      return reach(steps, 'New code serves', at);
    case 'new serves':
      return reach(steps, 'Old code gone', at);
    case 'old gone':
      return end(reach(steps, 'Old code gone', at), 'Old code gone', 'done', at);
    case 'crashed':
      return begin(end(steps, 'New dynos boot', 'failed', at), 'Old code still serving', at);
    case 'not proved':
      return phase.missing === 'old gone' ? reach(steps, 'Old code gone', at) : begin(steps, 'New code serves', at);
    case 'superseded':
      return steps;
    default:
      return phase satisfies never;
  }
}

function afterRollbackPhase(steps: StepReading[], phase: Phase, at: string): StepReading[] {
  if (phase.kind === 'new serves' || phase.kind === 'old gone') {
    return end(end(steps, 'Rollback serves', 'done', at), 'Old code still serving', 'done', at);
  }
  return phase.kind === 'crashed' ? end(steps, 'Rollback serves', 'failed', at) : steps;
}

/** The step runs now; those before it are done, and those after it are to come (again, when a switch was corrected). */
function reach(steps: StepReading[], step: Step, at: string): StepReading[] {
  const here = steps.findIndex(reading => reading.step === step);
  if (here < 0) return steps;
  const turned = isRollback(step);
  return steps.map((reading, index) => {
    if (index > here) return isRollback(reading.step) ? reading : pending(reading.step);
    if (index === here) return reading.state === 'running' ? reading : { step, state: 'running', from: at, to: null };
    // Old code goes on serving while it is rolled back to.
    if (isOver(reading) || (turned && !isRollback(reading.step))) return reading;
    return { ...reading, state: 'done', to: at };
  });
}

function begin(steps: StepReading[], step: Step, at: string): StepReading[] {
  return steps.map(reading =>
    reading.step === step && reading.state === 'pending' ? { step, state: 'running', from: at, to: null } : reading,
  );
}

function end(steps: StepReading[], step: Step, state: StepState, at: string): StepReading[] {
  return steps.map(reading =>
    reading.step === step && (!isOver(reading) || state === 'failed') ? { ...reading, state, to: at } : reading,
  );
}

const isRollback = (step: Step): boolean => ROLLBACK_STEPS.some(name => name === step);

/** A step is taken once more, or is to come once more. */
function anew(steps: StepReading[], step: Step, state: 'running' | 'pending' = 'running'): StepReading[] {
  return steps.map(reading => {
    if (reading.step !== step) return reading;
    return state === 'pending' ? pending(step) : { ...reading, state, to: null };
  });
}

function turnBack(steps: StepReading[], at: string): StepReading[] {
  if (steps.some(({ step }) => isRollback(step))) return steps;
  const reached = steps
    .filter(({ state }) => state !== 'pending')
    .map(reading =>
      reading.state === 'running' && reading.step !== 'Old code still serving'
        ? { ...reading, state: 'skipped' as const, to: at }
        : reading,
    );
  return begin([...reached, ...ROLLBACK_STEPS.map(pending)], 'Roll back', at);
}

const CLOSED = {
  succeeded: 'done',
  unfinished: 'failed',
  'rolled back': 'done',
  failed: 'failed',
  'not proved': 'failed',
  superseded: 'skipped',
  cancelled: 'skipped',
  stopped: 'skipped',
} as const satisfies Record<Outcome, StepState>;

function close(reading: StepReading, outcome: Outcome, at: string): StepReading {
  if (reading.state === 'pending') return { ...reading, state: 'skipped' };
  if (reading.state !== 'running') return reading;
  // That old code served is nothing that can have failed.
  const failed = CLOSED[outcome] === 'failed' && reading.step === 'Old code still serving';
  return { ...reading, state: failed ? 'skipped' : CLOSED[outcome], to: at };
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

/** True while a card asks for the approval of its contract migrations. */
export function waitsForApproval<D extends Told>(deploy: D | null): deploy is D {
  const asked = deploy?.facts.findLast(fact => fact.kind === 'approval asked');
  if (!deploy || !asked) return false;
  const answers: readonly Fact['kind'][] = ['approved', 'held', 'migrations changed', 'ended'];
  return !deploy.facts.some(fact => fact.seq > asked.seq && answers.includes(fact.kind));
}

/** What can be pressed on the root message; the rest is on a card of its own. */
export type RootClick = Exclude<Click['kind'], 'go on' | 'run them' | 'hold' | 'open' | 'try again'>;

/** The answers that a person may give now: the buttons of the root message. None once the deploy has ended or turned back. */
export function clicksOf(deploy: Told): RootClick[] {
  const { facts } = deploy;
  const has = (kind: Fact['kind']): boolean => facts.some(fact => fact.kind === kind);
  if (has('rollback asked') || has('rollback intended') || has('ended')) return [];
  if (!has('released')) return has('cancel asked') ? [] : ['cancel'];
  const told = phaseFact(deploy, 'deploy');
  const phase = told?.phase;
  switch (phase?.kind) {
    case undefined:
    case 'booting':
    case 'old serves':
    case 'mixed':
      return ['roll back'];
    case 'not proved':
      if (facts.some(fact => fact.kind === 'checked' && fact.seq > (told?.seq ?? 0))) return [];
      return phase?.missing === 'old gone' ? ['old code is gone'] : ['it serves', 'roll back'];
    default:
      return [];
  }
}

/** Whether visitors can have met the release that was undone, as far as the probe and the router's log tell. */
export type Exposure =
  | { kind: 'none seen'; answers: number }
  | { kind: 'seen'; signs: string[] }
  | { kind: 'unknown'; why: string[] };

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
