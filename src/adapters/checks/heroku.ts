import { z } from 'zod';
import { type Checked, type Finding, green, red, yellow } from '../../domain/checkup.ts';
import { TOKENS_NEEDED } from '../../domain/plan.ts';
import { appShape, errorShape, featureShape, rateLimitShape } from '../heroku-shapes.ts';
import type { Ask, Reply } from './ask.ts';

const accountShape = z.object({ email: z.string() });
const collaboratorsShape = z.array(
  z.object({
    user: z.object({ email: z.string() }),
    role: z.string().nullish(),
    permissions: z.array(z.object({ name: z.string() })).default([]),
  }),
);

export type HerokuDesk = { ask: Ask; url: string; token: string };
/** `email` null: the token is not taken, so nothing else need be asked. */
export type HerokuAccount = { email: string | null };

/** Deploys may share the account with people and CI: below this there is cause to look. */
const FEW_CALLS = 1_000;

/** Whose token it is (the usual one, or an app's own), what it may, and how many calls the account has left. */
export async function checkHerokuAccount(desk: HerokuDesk, app?: string): Promise<Checked<HerokuAccount>> {
  const of = app ? ` of ${app}` : '';
  const what = `Heroku token${of}`;
  const answer = await get(desk, '/account');
  const account = accountShape.safeParse(answer.json);
  const give = app ? `give it to the bot: \`npm run tokens -- set ${app}\`` : 'set HEROKU_API_KEY to it';
  const renew = `Make one with \`heroku authorizations:create -d switchover\`, and ${give}.`;
  if (!account.success) return { email: null, findings: [red(what, `Heroku refuses it: ${reason(answer)}.`, renew)] };
  const { email } = account.data;
  const scopes = answer.headers.get('oauth-scope')?.split(/[\s,]+/) ?? ['global'];
  const mayDeploy = scopes.includes('global') || scopes.includes('write-protected');
  const token = mayDeploy
    ? green(what, `It acts as ${email}.`)
    : red(what, `It acts as ${email}, but its scope (${scopes.join(', ')}) allows no deploys.`, renew);
  return {
    email,
    findings: [
      token,
      judgeCalls(`Heroku calls left${of}`, rateLimitShape.safeParse((await get(desk, '/account/rate-limits')).json)),
    ],
  };
}

/** Whether the account may deploy an app, and whether that can be done without downtime; its address if it is seen. */
export async function checkHerokuApp(
  desk: HerokuDesk,
  name: string,
  email: string,
): Promise<Checked<{ webUrl: string | null }>> {
  const what = `Heroku app ${name}`;
  const answer = await get(desk, `/apps/${name}`);
  const app = appShape.safeParse(answer.json);
  const access = `Check its name in \`npm run settings -- export\`, or give access: \`heroku access:add ${email} -a ${name} --permissions view,deploy,operate\`.`;
  if (!app.success)
    return { webUrl: null, findings: [red(what, `${email} does not see it: ${reason(answer)}.`, access)] };
  const [collaborators, preboot] = await Promise.all([
    get(desk, `/apps/${name}/collaborators`),
    get(desk, `/apps/${name}/features/preboot`),
  ]);
  const others = collaboratorsShape.safeParse(collaborators.json).data;
  const role = judgeRole(
    what,
    others?.find(({ user }) => user.email === email),
    access,
  );
  const { space, generation, webUrl } = app.data;
  if (space || generation !== 'cedar') {
    const found = `It runs ${space ? `in the Private Space ${space}` : `on ${generation}`}, where there is no preboot.`;
    return {
      webUrl,
      findings: [role, red(`${what}, preboot`, found, 'Deploy it as before: this bot cannot do so yet.')],
    };
  }
  const isOn = featureShape.safeParse(preboot.json).data?.enabled;
  return { webUrl, findings: [role, judgePreboot(`${what}, preboot`, name, isOn)] };
}

type Collaborator = z.infer<typeof collaboratorsShape>[number];

/** Only apps of a team have permissions; whoever has access to another may deploy it (app permissions, Heroku Teams). */
function judgeRole(what: string, own: Collaborator | undefined, access: string): Finding {
  if (!own) {
    return yellow(what, 'It is seen, but Heroku does not list this account among those who may work on it.', access);
  }
  const permissions = own.permissions.map(({ name }) => name);
  const isBound = permissions.length > 0 && !['owner', 'admin'].includes(own.role ?? '');
  const may = permissions.length > 0 ? permissions.join(', ') : (own.role ?? 'collaborator');
  if (isBound && !permissions.includes('deploy')) return red(what, `The account may not deploy it (${may}).`, access);
  if (isBound && !permissions.includes('operate')) {
    return yellow(what, `The account may deploy it, but perhaps not close it for maintenance (${may}).`, access);
  }
  return green(what, `The account may deploy it (${may}).`);
}

function judgePreboot(what: string, name: string, isOn: boolean | undefined): Finding {
  if (isOn) return green(what, 'On.');
  const todo = `\`heroku features:enable preboot -a ${name}\` (it restarts nothing).`;
  return isOn === false
    ? yellow(what, 'Off: it can be deployed only behind a closed page, with `--maintenance`.', todo)
    : red(what, 'Heroku does not say.', todo);
}

/** 4,500 calls, and 75 more each minute, for all who use the account (platform API reference, rate limits). */
function judgeCalls(what: string, read: z.ZodSafeParseResult<z.infer<typeof rateLimitShape>>): Finding {
  if (!read.success) return yellow(what, 'Heroku does not say.', 'Try again later.');
  const { remaining } = read.data;
  const found = `${remaining} of 4,500; 75 come back each minute.`;
  const todo = 'Look what else uses the account: people and CI share its calls. An account of its own has its own.';
  if (remaining < TOKENS_NEEDED) return red(what, `${found} A deploy may need ${TOKENS_NEEDED}.`, todo);
  return remaining < FEW_CALLS ? yellow(what, found, todo) : green(what, found);
}

function get({ ask, url, token }: HerokuDesk, path: string): Promise<Reply> {
  const accept = 'application/vnd.heroku+json; version=3';
  return ask({ of: 'Heroku', url: url.replace(/\/*$/, '') + path, token, accept });
}

function reason({ status, json }: Reply): string {
  return errorShape.safeParse(json).data?.message.replace(/\.?$/, '') ?? `status ${status}`;
}
