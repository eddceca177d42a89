import { z } from 'zod';
import { isNetwork } from './domain/network.ts';
import type { Secret } from './domain/redaction.ts';

/** All that the environment says, checked. Secrets are in here: never log it. */
export type Config = z.infer<typeof environment>;

const secret = (pattern: RegExp, advice: string) => z.string(advice).regex(pattern, advice);
const url = (advice: string) => z.url({ protocol: /^https?$/, error: advice });

const KEY = 'is 32 random bytes in base64, or in hex: `openssl rand -base64 32`';
const key = z
  .string()
  .regex(/^([0-9a-f]{64}|[A-Za-z0-9+/_-]{43}=?)$/i, KEY)
  .transform(text => Buffer.from(text, text.length === 64 ? 'hex' : 'base64'));

const listed = z
  .string()
  .default('')
  .transform(text => text.split(/[\s,]+/).filter(Boolean));

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
  ADMIN_USERS: listed.refine(
    ids => ids.every(id => /^[UW][A-Z0-9]+$/.test(id)),
    'is a list of Slack user ids, such as U012AB3CD,U045EF6GH (profile → ⋮ → Copy member ID): the first admins',
  ),
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
  /** Seals Heroku tokens that apps have of their own. */
  TOKEN_KEY: key.optional(),
  /** The TOKEN_KEY of before, until all is sealed anew. */
  TOKEN_KEY_BEFORE: key.optional(),
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
  ALLOWED_PROBE_NETWORKS: listed.refine(
    networks => networks.every(isNetwork),
    'is a list of networks, such as 10.1.0.0/16,fd00::/8: private ones in which apps may be asked',
  ),
  GITHUB_API_URL: url('is an address, such as https://api.github.com').default('https://api.github.com'),
});

/** Something in the environment is missing or wrong. The message lists everything, with where to get it, and no values. */
export class ConfigError extends Error {}

export type ConfigProblem = { name: string; advice: string };

const incomplete = environment.partial({
  SLACK_SIGNING_SECRET: true,
  SLACK_BOT_TOKEN: true,
  HEROKU_API_KEY: true,
  GITHUB_TOKEN: true,
});

const filled = (env: Record<string, string | undefined>) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

/** Reads as much of the environment as is right, and names all that is not, without values. */
export function readUsableConfig(env: Record<string, string | undefined>): {
  config: z.infer<typeof incomplete>;
  problems: ConfigProblem[];
} {
  const given = filled(env);
  const read = environment.safeParse(given);
  const wrong = read.success ? [] : read.error.issues;
  const problems = wrong.map(({ path, message }) => ({ name: path.join('.'), advice: message }));
  if (given.DYNO && !given.DATABASE_URL) {
    problems.push({
      name: 'DATABASE_URL',
      advice: 'is needed on Heroku, whose disk is wiped daily: `heroku addons:create heroku-postgresql:essential-0`',
    });
  }
  const names = new Set(problems.map(({ name }) => name));
  const right = Object.fromEntries(Object.entries(given).filter(([name]) => !names.has(name)));
  return { config: incomplete.parse(right), problems };
}

const listOf = (problems: readonly ConfigProblem[]): string =>
  problems.map(({ name, advice }) => `  ${name} ${advice}`).join('\n');

/** Reads the environment; throws one ConfigError that names every problem. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const { problems } = readUsableConfig(env);
  if (problems.length > 0) {
    throw new ConfigError(`Switchover cannot start. Set these in the environment or in .env:\n${listOf(problems)}`);
  }
  return environment.parse(filled(env));
}

/** Values of the environment that nobody may read, whether they are right or not. */
export function secretsIn(env: Record<string, string | undefined>): Secret[] {
  const secrets = [
    ...[env.SLACK_SIGNING_SECRET, env.SLACK_BOT_TOKEN, env.SLACK_APP_TOKEN, env.HEROKU_API_KEY, env.GITHUB_TOKEN],
    ...[env.DATABASE_URL, env.TOKEN_KEY, env.TOKEN_KEY_BEFORE],
  ];
  return secrets.flatMap(value => (value ? { name: null, value } : []));
}

/** The keys that seal apps' own tokens: the first one seals, each opens. */
export const tokenKeys = ({ TOKEN_KEY, TOKEN_KEY_BEFORE }: Pick<Config, 'TOKEN_KEY' | 'TOKEN_KEY_BEFORE'>): Buffer[] =>
  [TOKEN_KEY, TOKEN_KEY_BEFORE].filter(key => key !== undefined);

/** What `npm run tokens` needs. Throws a ConfigError. */
export function readTokenConfig(env: Record<string, string | undefined>, verb: string) {
  const names: readonly string[] = ['TOKEN_KEY', 'TOKEN_KEY_BEFORE', 'DATABASE_URL', 'HEROKU_API_URL'];
  const { config, problems } = readUsableConfig(env);
  const ours = problems.filter(({ name }) => names.includes(name));
  const mustSeal = verb === 'set' || verb === 'rotate';
  if (mustSeal && !env.TOKEN_KEY) ours.push({ name: 'TOKEN_KEY', advice: KEY });
  if (verb === 'rotate' && !env.TOKEN_KEY_BEFORE) {
    ours.push({ name: 'TOKEN_KEY_BEFORE', advice: 'is the TOKEN_KEY of before: with a new TOKEN_KEY set both' });
  }
  if (ours.length > 0) throw new ConfigError(`Set these in the environment or in .env:\n${listOf(ours)}`);
  return { ...readDatabaseConfig(env), keys: tokenKeys(config), herokuUrl: config.HEROKU_API_URL };
}

/** Only where the database is, for commands that need nothing else. */
export function readDatabaseConfig(env: Record<string, string | undefined>): {
  url: string | undefined;
  dataDir: string;
} {
  return { url: env.DATABASE_URL || undefined, dataDir: env.DATA_DIR || '.data' };
}
