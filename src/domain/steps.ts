/** What people read in the plan and on the root message, in order. Chosen once: stored deploys name them. */
const STEPS = [
  'Expand the schema',
  'Upload the source',
  'Build',
  'Release',
  'New dynos boot',
  'Old code still serving',
  'New code serves',
  'Old code gone',
  'Soak',
  'Approval',
  'Contract the schema',
] as const;

/** The steps of a deploy with these kinds of migrations pending. A command can expand only once its release is there. */
export function stepsWith({
  expand,
  contract,
  byCommand = false,
}: {
  expand: boolean;
  contract: boolean;
  byCommand?: boolean;
}): Step[] {
  const left = new Set<Step>([
    ...(expand ? [] : (['Expand the schema'] as const)),
    ...(contract ? [] : (['Soak', 'Approval', 'Contract the schema'] as const)),
  ]);
  const steps: Step[] = STEPS.filter(step => !left.has(step));
  if (!byCommand || !expand) return steps;
  const others: Step[] = steps.filter(step => step !== 'Expand the schema');
  return others.toSpliced(others.indexOf('New dynos boot'), 0, 'Expand the schema');
}

/** Of a deploy in maintenance mode: its page closes before the build, and opens when new code is up. */
const CLOSED_STEPS = [
  'Approval',
  'Expand the schema',
  'Upload the source',
  'Close the app',
  'Stop the dynos',
  'Build',
  'Release',
  'Contract the schema',
  'Start the dynos',
  'Open the app',
] as const;

/** Those of a deploy in maintenance mode, or of going `back` in it. */
export function closedStepsWith({
  expand,
  contract,
  byCommand = false,
  back = false,
}: {
  expand: boolean;
  contract: boolean;
  byCommand?: boolean;
  back?: boolean;
}): Step[] {
  const left = new Set<Step>([
    ...(expand && !byCommand ? [] : (['Expand the schema'] as const)),
    ...(contract ? [] : (['Approval', 'Stop the dynos', 'Contract the schema'] as const)),
    ...(back ? (['Upload the source', 'Build'] as const) : []),
  ]);
  const steps: Step[] = CLOSED_STEPS.filter(step => !left.has(step));
  return byCommand && expand ? steps.toSpliced(steps.indexOf('Start the dynos'), 0, 'Expand the schema') : steps;
}

/** The steps of going back to an older release on purpose. */
export const BACK_STEPS: readonly Step[] = STEPS.filter(
  step =>
    !['Expand the schema', 'Upload the source', 'Build', 'Soak', 'Approval', 'Contract the schema'].includes(step),
);

/** Take the place of what was still to come when a release is undone. */
export const ROLLBACK_STEPS = ['Roll back', 'Rollback serves'] as const;

export type Step = (typeof STEPS)[number] | (typeof CLOSED_STEPS)[number] | (typeof ROLLBACK_STEPS)[number];
