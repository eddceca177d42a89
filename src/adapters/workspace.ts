import { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { clientOptions, type SlackAccess } from './slack-client.ts';

/** The one workspace, and the one Slack app, that this bot serves. `enterprise`: the organisation of the workspace, if any. */
export type Workspace = { team: string; enterprise: string | null; app: string };

/** Asks Slack whose token we have (methods auth.test, and bots.info for the app's id): once, and again until it tells. */
export function askWorkspace(access: SlackAccess): () => Promise<Workspace> {
  const client = new WebClient(access.botToken, clientOptions(access));
  const ask = async (): Promise<Workspace> => {
    const { team_id, enterprise_id, bot_id } = whose.parse(await client.auth.test());
    const { bot } = which.parse(await client.bots.info({ bot: bot_id }));
    return { team: team_id, enterprise: enterprise_id ?? null, app: bot.app_id };
  };
  let known: Promise<Workspace> | undefined;
  return () => {
    known ??= ask().catch(error => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

const whose = z.object({ team_id: z.string(), enterprise_id: z.string().nullish(), bot_id: z.string() });
const which = z.object({ bot: z.object({ app_id: z.string() }) });

const id = z.object({ id: z.string() }).nullish();
const origin = z.object({
  api_app_id: z.string().nullish(),
  team_id: z.string().nullish(),
  enterprise_id: z.string().nullish(),
  team: id,
  enterprise: id,
  view: z.object({ app_installed_team_id: z.string().nullish() }).nullish(),
  authorizations: z.array(z.object({ team_id: z.string().nullish(), enterprise_id: z.string().nullish() })).nullish(),
});

/**
 * Whether a request is of our app, as it is installed in our workspace. In a shared channel the person may be of another
 * one (`user.team_id`): who may do what is asked later, and told. Shortcuts carry no `api_app_id` (reference/interaction-payloads).
 */
export function isOurs(body: unknown, ours: Workspace): boolean {
  const read = origin.safeParse(body);
  if (!read.success) return false;
  const { api_app_id: app, view, authorizations, ...from } = read.data;
  const [installed] = authorizations ?? [];
  const team = installed?.team_id ?? view?.app_installed_team_id ?? from.team?.id ?? from.team_id;
  const enterprise = installed?.enterprise_id ?? from.enterprise?.id ?? from.enterprise_id;
  return (app ?? ours.app) === ours.app && team === ours.team && (enterprise ?? ours.enterprise) === ours.enterprise;
}
