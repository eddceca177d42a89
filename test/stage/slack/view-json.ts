import type { StateValues } from './chosen.ts';
import type { View } from './views.ts';
import { BOT, type Workspace } from './workspace.ts';

/** A form or Home in the JSON of the Web API and of the bot's requests. */
export const viewJson = (
  { user: _, previous, root, ...view }: View,
  { team }: Workspace,
  values: StateValues = {},
): Record<string, unknown> => ({
  ...view,
  team_id: team.id,
  app_id: BOT.app,
  bot_id: BOT.id,
  previous_view_id: previous,
  root_view_id: root,
  state: { values },
});
