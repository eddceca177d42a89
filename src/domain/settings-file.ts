import { z } from 'zod';
import { type AppSettings, isOwnPath } from './app.ts';
import { type Freeze, freezeShape } from './freeze.ts';
import { ALL_APPS } from './lock.ts';

const channel = z
  .string()
  .regex(/^[CG][A-Z0-9]+$/, 'is a Slack channel id, such as C012AB3CD (channel details → at the bottom)');
const whoever = z
  .string()
  .regex(
    /^[UWSCG][A-Z0-9]+$/,
    'is the Slack id of a person (U…), of a user group (S…) or of a channel whose members are meant (C…)',
  );

const path = z.string().refine(isOwnPath, 'is a path of the app itself, such as /version');

/** What an app's settings must be, in a file as in a form. */
export const settings = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,29}$/, "is the Heroku app's name: lower case letters, digits and dashes")
    .refine(name => name !== ALL_APPS, 'is the word for every app: an app of that name cannot be told from them'),
  repository: z.string().regex(/^(?!\.\.?\/)[\w.-]+\/(?!\.\.?$)[\w.-]+$/, 'is owner/name on GitHub'),
  defaultRef: z.string().min(1).default('main'),
  channel,
  viewers: z.array(whoever).default([]),
  deployers: z.array(whoever).min(1, 'needs at least one person or group'),
  approvers: z.array(whoever).default([]),
  admins: z.array(whoever).default([]),
  allowedChannels: z.array(channel).default([]),
  fourEyes: z.boolean().default(true),
  startNeedsApproval: z.boolean().default(false),
  autoRollback: z.boolean().default(false),
  freezes: z.array(freezeShape).default([]),
  url: z
    .url({ protocol: /^https?$/, error: 'is the address that visitors use, such as https://www.example.com/' })
    .optional(),
  probe: z
    .union([
      z.strictObject({ path: path, header: z.string().min(1) }),
      z.strictObject({ path: path, json: z.string().min(1) }),
    ])
    .optional(),
  windowSeconds: z
    .number('is boot timeout + 120 s, in seconds: 180 unless the boot timeout was changed')
    .positive()
    .default(180),
});

/**
 * The file of `npm run settings`: `{ "apps": [ … ], "freezes": [ … ] }`, the freezes being those of every app (null: as they
 * are). Gives what it says, or everything that is wrong with it.
 */
export function readSettingsFile(text: string): {
  apps: AppSettings[];
  freezes: Freeze[] | null;
  problems: string[];
} {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { apps: [], freezes: null, problems: [`It is not JSON: ${error instanceof Error ? error.message : error}`] };
  }
  const read = z
    .strictObject({ apps: z.array(settings), freezes: z.array(freezeShape).nullable().default(null) })
    .safeParse(json);
  if (read.success) return { ...read.data, problems: [] };
  return {
    apps: [],
    freezes: null,
    problems: read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
  };
}
