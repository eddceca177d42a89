import type { AppSettings } from './app.ts';

/** Why nobody in a channel hears what the bot has to say there. */
export type Unheard = 'archived' | 'not in it' | 'not allowed';

/** What is wrong with the channel, after its name, and what a person can do about it. */
export const UNHEARD = {
  archived: { is: 'is archived', mend: 'Unarchive it' },
  'not in it': { is: 'is gone, or this bot is not in it', mend: 'Invite this bot to it' },
  'not allowed': { is: 'lets only some people post', mend: 'Let this bot post in it' },
} as const satisfies Record<Unheard, { is: string; mend: string }>;

/** Why a deploy is not begun that nobody would hear of. */
export const archivedReason = ({ name, channel }: AppSettings): string =>
  `<#${channel}>, where deploys of ${name} are told, is archived: nobody would hear of this one. Unarchive it, or have an admin choose another channel with \`/deploy settings ${name}\`.`;
