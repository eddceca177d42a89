import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { AppSettings } from '../../domain/app.ts';
import { type Checked, type Finding, green, judgeScopes, red, yellow } from '../../domain/checkup.ts';
import type { Ask } from './ask.ts';

const answerShape = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  team: z.string().optional(),
  user: z.string().optional(),
});
const manifestShape = z.object({
  oauth_config: z.object({
    scopes: z.object({ bot: z.string().array(), bot_optional: z.string().array().default([]) }),
  }),
});

type Scopes = { needed: string[]; optional: string[] };
type Called = z.infer<typeof answerShape> & { granted: string[] | null };
type Call = (method: string, token: string, form?: Record<string, string>) => Promise<Called>;

/** Scopes that the manifest asks for, and those of them that may be declined. */
export async function readScopes(manifest: URL): Promise<Scopes> {
  const { bot, bot_optional: optional } = manifestShape.parse(parse(await readFile(manifest, 'utf8'))).oauth_config
    .scopes;
  return { needed: bot.filter(scope => !optional.includes(scope)), optional };
}

/** Who the bot is in Slack, what it may, and whether it sees the channels in which deploys are told. */
export async function checkSlack(given: {
  ask: Ask;
  url: string;
  botToken: string;
  asked: Scopes;
  apps: readonly AppSettings[];
}): Promise<Checked> {
  const call = caller(given.ask, given.url);
  const who = await call('auth.test', given.botToken);
  if (!who.ok) {
    const todo =
      'Install the app to the workspace, and set SLACK_BOT_TOKEN to the Bot User OAuth Token (OAuth & Permissions at https://api.slack.com/apps).';
    return { findings: [red('Slack bot token', `Slack refuses it (${who.error}).`, todo)] };
  }
  const { granted } = who;
  const scopes = granted
    ? judgeScopes(given.asked, granted)
    : yellow('Slack scopes', "Slack's answer does not name them.", 'Compare them with manifest.yml by hand.');
  const channels = Map.groupBy(given.apps, ({ channel }) => channel);
  const seen: Finding[] = [];
  // One after another: Slack takes few of these calls a minute.
  for (const [channel, apps] of channels) {
    const { ok, error } = await call('conversations.history', given.botToken, { channel, limit: '1' });
    const of = { channel, apps: apps.map(({ name }) => name), bot: who.user ?? 'Switchover' };
    seen.push(
      judgeChannel(ok ? null : (error ?? 'no reason given'), of, granted?.includes('chat:write.public') ?? false),
    );
  }
  return { findings: [green('Slack bot token', `The bot is @${who.user} in ${who.team}.`), scopes, ...seen] };
}

/** Slack opens a connection for Socket Mode to an app token that works (docs.slack.dev, apps.connections.open). */
export async function checkSocketMode({ ask, url, token }: { ask: Ask; url: string; token: string }): Promise<Checked> {
  const { ok, error } = await caller(ask, url)('apps.connections.open', token);
  const what = 'Slack app token';
  if (ok) return { findings: [green(what, 'Slack opens a connection: requests come in Socket Mode.')] };
  const todo =
    'Turn on Socket Mode, and make a token with scope connections:write (Basic Information → App-Level Tokens); or leave SLACK_APP_TOKEN out to receive over HTTP.';
  return { findings: [red(what, `Slack opens no connection for it (${error}).`, todo)] };
}

/** Read as the bot reads it after a crash, when it looks for its own messages: this needs no scope that it has not. */
function judgeChannel(
  error: string | null,
  { channel, apps, bot }: { channel: string; apps: string[]; bot: string },
  postsAnywhere: boolean,
): Finding {
  const what = `Slack channel ${channel}`;
  const of = apps.join(', ');
  const invite = `Say \`/invite @${bot}\` in it.`;
  switch (error) {
    case null:
      return green(what, `The bot is in it (${of}).`);
    case 'not_in_channel':
      return postsAnywhere
        ? yellow(what, `The bot is not in it (${of}): it can post, but after a crash may say a thing twice.`, invite)
        : red(what, `The bot is not in it, and may not post there (${of}).`, invite);
    case 'ratelimited':
      return yellow(what, `Slack takes no more questions for now (${of}).`, 'Try again in a minute.');
    case 'channel_not_found':
      return red(
        what,
        `There is no such channel, or it is private and the bot is not in it (${of}).`,
        `${invite} Its id is at the bottom of the channel's details; mend it with \`npm run settings -- import\`.`,
      );
    default:
      return red(what, `It cannot be read (${error}; ${of}).`, `${invite} If scopes are missing, mend those first.`);
  }
}

function caller(ask: Ask, slackApiUrl: string): Call {
  const base = slackApiUrl.replace(/\/*$/, '/');
  return async (method, token, form = {}) => {
    const { status, headers, json } = await ask({ of: 'Slack', url: `${base}${method}`, token, form });
    const granted = headers.get('x-oauth-scopes');
    const read = answerShape.safeParse(json);
    const answer = read.success ? read.data : { ok: false, error: `status ${status}` };
    return { ...answer, granted: granted?.split(/\s*,\s*/).filter(Boolean) ?? null };
  };
}
