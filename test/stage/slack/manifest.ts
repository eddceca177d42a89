import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

/** A slash command; `escapes`: people and channels are named to the bot by their ids. */
export type Command = { command: string; hint: string; description: string; escapes: boolean };
/** An entry in the menu of a message. */
export type Shortcut = { name: string; callback: string };

/** What an app is installed with. */
export type Installed = {
  commands: Command[];
  shortcuts: Shortcut[];
  scopes: string[];
  /** Events that are sent to it. */
  events: string[];
  /** It fills menus while somebody types into them. */
  suggests: boolean;
};

const shape = z.object({
  features: z.object({
    slash_commands: z
      .array(
        z.object({
          command: z.string(),
          usage_hint: z.string().default(''),
          description: z.string().default(''),
          should_escape: z.boolean().default(false),
        }),
      )
      .default([]),
    shortcuts: z
      .array(z.object({ name: z.string(), type: z.enum(['message', 'global']), callback_id: z.string() }))
      .default([]),
  }),
  oauth_config: z.object({
    scopes: z.object({ bot: z.array(z.string()), bot_optional: z.array(z.string()).default([]) }),
  }),
  settings: z.object({
    interactivity: z.object({ message_menu_options_url: z.string().optional() }),
    event_subscriptions: z.object({ bot_events: z.array(z.string()) }).optional(),
  }),
});

/** A manifest as Slack reads it when the app is made from it, all that is optional granted. */
export async function readManifest(file: URL): Promise<Installed> {
  const { features, oauth_config, settings } = shape.parse(parse(await readFile(file, 'utf8')));
  return {
    commands: features.slash_commands.map(({ command, usage_hint: hint, description, should_escape: escapes }) => ({
      command,
      hint,
      description,
      escapes,
    })),
    shortcuts: features.shortcuts
      .filter(({ type }) => type === 'message')
      .map(({ name, callback_id: callback }) => ({ name, callback })),
    scopes: [...new Set([...oauth_config.scopes.bot, ...oauth_config.scopes.bot_optional])],
    events: settings.event_subscriptions?.bot_events ?? [],
    suggests: settings.interactivity.message_menu_options_url !== undefined,
  };
}
