/** What people read in the plan and on the root message, in order. Chosen once: stored deploys name them. */
export const STEPS = [
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

/** The steps of a deploy with these kinds of migrations pending. */
export function stepsWith({ expand, contract }: { expand: boolean; contract: boolean }): Step[] {
  const left: readonly Step[] = [
    ...(expand ? [] : (['Expand the schema'] as const)),
    ...(contract ? [] : (['Soak', 'Approval', 'Contract the schema'] as const)),
  ];
  return STEPS.filter(step => !left.includes(step));
}

/** The steps of going back to an older release on purpose. */
export const BACK_STEPS: readonly Step[] = STEPS.filter(
  step =>
    !['Expand the schema', 'Upload the source', 'Build', 'Soak', 'Approval', 'Contract the schema'].includes(step),
);

/** Take the place of what was still to come when a release is undone. */
export const ROLLBACK_STEPS = ['Roll back', 'Rollback serves'] as const;

export type Step = (typeof STEPS)[number] | (typeof ROLLBACK_STEPS)[number];
