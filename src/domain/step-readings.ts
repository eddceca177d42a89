import type { Deploy, Fact, Outcome, StepReading, StepState } from './deploy.ts';
import type { Direction } from './gate.ts';
import { ROLLBACK_STEPS, type Step } from './steps.ts';
import type { Phase } from './watch.ts';

// How far a deploy is, step by step, as its facts tell it.

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
        ? reach(steps, stepAfter(steps, 'Expand the schema'), at)
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
      return reach(steps, stepAfter(steps, 'Upload the source'), at);
    case 'closing':
      return reach(steps, 'Close the app', at);
    case 'dynos stopping':
      return reach(steps, 'Stop the dynos', at);
    case 'dynos stopped':
      return reach(steps, stepAfter(steps, 'Stop the dynos'), at);
    case 'dynos starting':
      return reach(steps, 'Start the dynos', at);
    case 'dynos down':
      return end(steps, 'Start the dynos', 'failed', at);
    case 'dynos up':
    case 'opened':
      return reach(steps, 'Open the app', at);
    case 'let in':
      return end(end(steps, 'Open the app', 'done', at), 'Rollback serves', 'done', at);
    case 'giving up':
      return steps.map(reading =>
        REOPENING.some(step => step === reading.step) ? reading : close(reading, fact.outcome, at),
      );
    case 'build asked':
    case 'build started':
      return reach(steps, 'Build', at);
    case 'going back':
    case 'went back':
    case 'built':
    case 'release started':
      return reach(steps, 'Release', at);
    case 'released':
      return reach(steps, stepAfter(steps, 'Release'), at);
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
    case 'before':
    case 'smoke test':
    case 'fails unnamed':
    case 'not well':
    case 'kept':
    case 'watching':
    case 'judged':
    case 'migrated':
    case 'migration begins':
    case 'migration waits':
    case 'command started':
    case 'command failed':
    case 'migrations planned':
    case 'left closed':
    case 'still closed':
    case 'approval reminded':
    case 'cancel asked':
    case 'meddled':
    case 'planned again':
    case 'agreed':
    case 'trouble':
    case 'parked':
      return steps;
    default:
      return fact satisfies never;
  }
}

/** The order is the plan's own: a command adds to the schema only after the release. */
const stepAfter = (steps: readonly StepReading[], name: Step): Step =>
  steps[steps.findIndex(({ step }) => step === name) + 1]?.step ?? name;

/** What is done however a deploy in maintenance mode ends. */
const REOPENING: readonly Step[] = ['Start the dynos', 'Open the app'];

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
      if (phase.missing === 'old gone') return reach(steps, 'Old code gone', at);
      return steps.some(reading => reading.step === 'New code serves' && isOver(reading))
        ? reach(steps, 'New code serves', at)
        : begin(steps, 'New code serves', at);
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
