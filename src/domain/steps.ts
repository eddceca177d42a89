/** What people read in the plan and on the root message, in order. Chosen once: stored deploys name them. */
export const STEPS = [
  'Upload the source',
  'Build',
  'Release',
  'New dynos boot',
  'Old code still serving',
  'New code serves',
  'Old code gone',
] as const;

/** Take the place of what was still to come when a release is undone. */
export const ROLLBACK_STEPS = ['Roll back', 'Rollback serves'] as const;

export type Step = (typeof STEPS)[number] | (typeof ROLLBACK_STEPS)[number];
