import { recipe } from '../../../src/recipe.ts';
import type { Stage } from '../../../src/run.ts';

// A newer version of the bot: it has a stage between two that are known, at which an older one must not go on.

export const ADDED = 'Look around';

const stages = recipe as Record<string, Stage>;
const upload = stages['Upload the source'];
if (!upload) throw new Error('The recipe has no stage to put another behind');
stages['Upload the source'] = async run => {
  const next = await upload(run);
  return 'to' in next && next.to === 'Build' ? { to: ADDED } : next;
};
stages[ADDED] = async run => {
  await run.outside.heroku.app(run.deploy.plan.app);
  return { to: 'Build' };
};
