import 'dotenv/config';
import { styleText } from 'node:util';
import about from '../package.json' with { type: 'json' };
import { checkupText } from '../views/checkup.ts';
import { createAsk } from './adapters/checks/ask.ts';
import { checkGitHubToken, checkRepository } from './adapters/checks/github.ts';
import { checkHerokuAccount, checkHerokuApp } from './adapters/checks/heroku.ts';
import { checkDatabase } from './adapters/checks/postgres.ts';
import { checkSlack, checkSocketMode, readScopes } from './adapters/checks/slack.ts';
import { createProber } from './adapters/prober.ts';
import { createVisit } from './adapters/visit.ts';
import { readUsableConfig, secretsIn, tokenKeys } from './config.ts';
import { type AppSettings, DEFAULT_PROBE, type Probe } from './domain/app.ts';
import { attempt, type Finding, green, judgeClock, judgeNode, red, withoutSecrets, yellow } from './domain/checkup.ts';
import { redacting } from './domain/redaction.ts';
import { askOnce } from './situation.ts';

// `npm run doctor`: looks at everything that the bot needs, changes nothing, and says what to do. 0: nothing is red.

const { config, problems } = readUsableConfig(process.env);
const { ask, ahead } = createAsk();
const slack = { ask, url: config.SLACK_API_URL };
const heroku = config.HEROKU_API_KEY && { ask, url: config.HEROKU_API_URL, token: config.HEROKU_API_KEY };
const github = config.GITHUB_TOKEN && { ask, url: config.GITHUB_API_URL, token: config.GITHUB_TOKEN };
const prober = createProber(createVisit(config.ALLOWED_PROBE_NETWORKS));
const nothing = { findings: [] };

const database = problems.some(({ name }) => name === 'DATABASE_URL')
  ? { apps: null, tokens: new Map<string, string>(), findings: [] }
  : await attempt(
      'Postgres',
      checkDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR, keys: tokenKeys(config) }),
      {
        apps: null,
        tokens: new Map<string, string>(),
      },
    );
const known = database.apps ?? [];
const [inSlack, socket, account, token] = await Promise.all([
  config.SLACK_BOT_TOKEN ? attempt('Slack', lookAtSlack(config.SLACK_BOT_TOKEN), {}) : nothing,
  config.SLACK_APP_TOKEN
    ? attempt('Slack app token', checkSocketMode({ ...slack, token: config.SLACK_APP_TOKEN }), {})
    : nothing,
  heroku ? attempt('Heroku', checkHerokuAccount(heroku), { email: null }) : { email: null, findings: [] },
  github ? attempt('GitHub', checkGitHubToken(github), {}) : nothing,
]);
const apps = await Promise.all(known.map(app => lookAtApp(app, account.email)));

const ownTokens = [...database.tokens.values()].map(value => ({ name: null, value }));
const secrets = [...secretsIn(process.env), ...ownTokens];
const findings = [
  judgeNode(process.version, about.engines.node),
  ...problems.map(({ name, advice }) =>
    red(name, process.env[name] ? 'Not as it must be.' : 'Not set.', `It ${advice}.`),
  ),
  ...database.findings,
  judgeApps(database.apps),
  judgeAdmins(config.ADMIN_USERS),
  ...(config.SLACK_SIGNING_SECRET
    ? [green('Slack signing secret', 'It has the right shape; only a request of Slack can prove it.')]
    : []),
  ...[inSlack, socket, account, token].flatMap(checked => checked.findings),
  ...apps.flat(),
  judgeClock(ahead),
].map(finding => withoutSecrets(finding, redacting(secrets)));
const COLOUR = { green: 'green', yellow: 'yellow', red: 'red' } as const;
console.log(checkupText(findings, (level, text) => styleText(COLOUR[level], text)));
process.exitCode = findings.some(({ level }) => level === 'red') ? 1 : 0;

async function lookAtSlack(botToken: string) {
  const asked = await readScopes(new URL('../manifest.yml', import.meta.url));
  return checkSlack({ ...slack, botToken, asked, apps: known });
}

async function lookAtApp(app: AppSettings, usual: string | null): Promise<Finding[]> {
  const { name } = app;
  const token = database.tokens.get(name);
  const desk = heroku && token ? { ...heroku, token } : heroku;
  const own =
    desk && token
      ? await attempt(`Heroku token of ${name}`, checkHerokuAccount(desk, name), { email: null })
      : { email: usual, findings: [] };
  const { email } = own;
  const [onHeroku, code] = await Promise.all([
    desk && email
      ? attempt(`Heroku app ${name}`, checkHerokuApp(desk, name, email), { webUrl: null })
      : { webUrl: null, findings: [] },
    github
      ? attempt(`GitHub ${app.repository}`, checkRepository(github, app), { probe: null })
      : { probe: null, findings: [] },
  ]);
  const url = app.url ?? onHeroku.webUrl;
  const probe = code.probe ?? app.probe ?? DEFAULT_PROBE;
  return [
    ...own.findings,
    ...onHeroku.findings,
    ...code.findings,
    ...(url ? [await lookAtVersion(name, url, probe)] : []),
  ];
}

async function lookAtVersion(name: string, url: string, probe: Probe): Promise<Finding> {
  const what = `App ${name}`;
  const said = await askOnce(prober, url, probe);
  if ('version' in said) return green(what, `It says that it runs ${said.version}.`);
  return yellow(
    what,
    `It does not say which version it runs: ${said.problem}. Its deploys are proved by the log, later and less surely.`,
    `\`heroku labs:enable runtime-dyno-metadata -a ${name}\`, and let it send X-Heroku-Release-Version (npm package heroku-dyno-metadata), or name another place in its switchover.json.`,
  );
}

function judgeApps(found: readonly AppSettings[] | null): Finding {
  const what = 'Apps';
  if (found === null) {
    const todo = 'Mend the database first; then say which apps there are: `npm run settings -- import apps.json`.';
    return yellow(what, 'They cannot be read, so none was looked at.', todo);
  }
  if (found.length > 0) return green(what, found.map(({ name }) => name).join(', '));
  return yellow(what, 'There is none yet.', 'Say which there are: `npm run settings -- import apps.json` (README).');
}

function judgeAdmins(admins: readonly string[]): Finding {
  const what = 'Admins';
  if (admins.length > 0) return green(what, `${admins.join(', ')} may add apps.`);
  const todo = 'Name their Slack ids in ADMIN_USERS (profile → ⋮ → Copy member ID).';
  return yellow(what, 'Nobody may add apps in Slack, nor change the freezes of all.', todo);
}
