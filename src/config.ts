import { z } from 'zod';

/** All that the environment says, checked. Secrets are in here: never log it. */
export type Config = z.infer<typeof environment>;

const secret = (pattern: RegExp, advice: string) => z.string(advice).regex(pattern, advice);
const url = (advice: string) => z.url({ protocol: /^https?$/, error: advice });

const environment = z.object({
  SLACK_SIGNING_SECRET: secret(
    /^[0-9a-f]{32,}$/i,
    'is the hex string under Basic Information → App Credentials → Signing Secret at https://api.slack.com/apps',
  ),
  SLACK_BOT_TOKEN: secret(
    /^xoxb-\S+$/,
    'begins with xoxb-: install the app to the workspace, then OAuth & Permissions → Bot User OAuth Token at https://api.slack.com/apps',
  ),
  SLACK_APP_TOKEN: secret(
    /^xapp-\S+$/,
    'begins with xapp-: Basic Information → App-Level Tokens (scope connections:write). Leave it out to receive over HTTP',
  ).optional(),
  HEROKU_API_KEY: secret(/^\S+$/, 'is a Heroku token with scope global: `heroku authorizations:create -d switchover`'),
  GITHUB_TOKEN: secret(
    /^\S+$/,
    'is a GitHub token that may read the repositories (contents: read): https://github.com/settings/personal-access-tokens',
  ),
  DATABASE_URL: z
    .string()
    .regex(
      /^postgres(ql)?:\/\/\S+$/,
      'is a Postgres address (postgres://…), direct and not pooled: `heroku config:get DATABASE_URL`',
    )
    .optional(),
  DATA_DIR: z.string().default('.data'),
  PORT: z.coerce.number('is a port number; Heroku sets it').int().min(0).max(65_535).default(3000),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'is one of fatal, error, warn, info, debug, trace, silent',
    )
    .default('info'),
  /** Set by Heroku: we run in a dyno ourselves. */
  DYNO: z.string().optional(),
  SLACK_API_URL: url('is an address, such as https://slack.com/api/').default('https://slack.com/api/'),
  HEROKU_API_URL: url('is an address, such as https://api.heroku.com').default('https://api.heroku.com'),
  GITHUB_API_URL: url('is an address, such as https://api.github.com').default('https://api.github.com'),
});

/** Something in the environment is missing or wrong. The message lists everything, with where to get it, and no values. */
export class ConfigError extends Error {}

/** Reads the environment; throws one ConfigError that names every problem. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = environment.safeParse(given);
  const problems = read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  if (given.DYNO && !given.DATABASE_URL) {
    problems.push(
      'DATABASE_URL is needed on Heroku, whose disk is wiped daily: `heroku addons:create heroku-postgresql:essential-0`',
    );
  }
  if (problems.length > 0 || !read.success) {
    const named = problems.map(problem => `  ${problem}`).join('\n');
    throw new ConfigError(`Switchover cannot start. Set these in the environment or in .env:\n${named}`);
  }
  return read.data;
}

/** Only where the database is, for commands that need nothing else. */
export function readDatabaseConfig(env: Record<string, string | undefined>): {
  url: string | undefined;
  dataDir: string;
} {
  return { url: env.DATABASE_URL || undefined, dataDir: env.DATA_DIR || '.data' };
}
