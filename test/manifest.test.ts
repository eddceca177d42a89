import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebClient } from '@slack/web-api';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const root = new URL('..', import.meta.url).pathname;

/** Slack's rules for a manifest (schema 2.0.0 of slackapi/manifest-schema), of the parts that ours has. */
const scope = z.string().regex(/^[a-z_.]+(:[a-z.]+){0,2}$/);
const manifest = z.strictObject({
  _metadata: z.strictObject({ major_version: z.literal(2) }),
  display_information: z.strictObject({
    name: z.string().min(1).max(35),
    description: z.string().max(140),
    long_description: z.string().min(175).max(4_000),
    background_color: z.string().regex(/^#[0-9a-f]{6}$/i),
  }),
  features: z.strictObject({
    app_home: z.strictObject({
      home_tab_enabled: z.boolean(),
      messages_tab_enabled: z.boolean(),
      messages_tab_read_only_enabled: z.boolean(),
    }),
    bot_user: z.strictObject({ display_name: z.string().max(80), always_online: z.boolean() }),
    slash_commands: z
      .array(
        z.strictObject({
          command: z
            .string()
            .regex(/^\/[a-z0-9_-]+$/)
            .max(32),
          url: z.url({ protocol: /^https$/ }),
          description: z.string().max(2_000),
          usage_hint: z.string().max(1_000),
          should_escape: z.boolean(),
        }),
      )
      .max(50),
    shortcuts: z
      .array(
        z.strictObject({
          name: z.string().max(24),
          type: z.enum(['message', 'global']),
          callback_id: z.string().max(255),
          description: z.string().max(150),
        }),
      )
      .max(5),
  }),
  oauth_config: z.strictObject({ scopes: z.strictObject({ bot: z.array(scope), bot_optional: z.array(scope) }) }),
  settings: z.strictObject({
    event_subscriptions: z.strictObject({
      request_url: z.url({ protocol: /^https$/ }),
      bot_events: z.array(z.string()),
    }),
    interactivity: z.strictObject({
      is_enabled: z.literal(true),
      request_url: z.url({ protocol: /^https$/ }),
      message_menu_options_url: z.url({ protocol: /^https$/ }),
    }),
    org_deploy_enabled: z.boolean(),
    socket_mode_enabled: z.boolean(),
    token_rotation_enabled: z.boolean(),
  }),
});

/** Bot scopes that Slack's methods need (docs.slack.dev/reference/methods). */
const NEEDS: Record<string, string[]> = {
  'auth.test': [],
  // With the app's own token, whose scope is connections:write.
  'apps.connections.open': [],
  'chat.postMessage': ['chat:write'],
  // https://docs.slack.dev/reference/methods/bots.info
  'bots.info': ['users:read'],
  'chat.postEphemeral': ['chat:write'],
  'chat.update': ['chat:write'],
  'conversations.history': ['channels:history', 'groups:history'],
  'conversations.info': ['channels:read', 'groups:read'],
  'conversations.replies': ['channels:history', 'groups:history'],
  'conversations.members': ['channels:read', 'groups:read'],
  'files.getUploadURLExternal': ['files:write'],
  'files.completeUploadExternal': ['files:write'],
  'usergroups.list': ['usergroups:read'],
  'usergroups.users.list': ['usergroups:read'],
  'users.conversations': ['channels:read', 'groups:read'],
  'users.info': ['users:read'],
  'views.open': [],
  'views.publish': [],
  'views.push': [],
  'views.update': [],
};

const sources = ['src', 'commands'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => readFileSync(join(root, folder, name), 'utf8')),
);

/** Every method that Slack's own client has: `chat.postMessage`, … */
function methodsOf(client: object, path: string[] = []): string[] {
  return Object.entries(client).flatMap(([name, member]) => {
    if (typeof member === 'function') return path.length > 0 ? [[...path, name].join('.')] : [];
    return typeof member === 'object' && member !== null && FAMILY.test(path[0] ?? name)
      ? methodsOf(member, [...path, name])
      : [];
  });
}
/** Not what else hangs on a client. */
const FAMILY = /^(?!_|logger|requestQueue|retryConfig|defaultHeaders)/;

/** Named as a text, or called on a client; a text given to `apiCall` counts whether Slack's client knows it or not. */
function calledIn(source: string, known: ReadonlySet<string>): string[] {
  const texts = [...source.matchAll(/'([a-z]+(?:\.[a-zA-Z]+)+)'/g)].map(([, text]) => text ?? '');
  const calls = [...source.matchAll(/\bclient\s*((?:\.\s*\w+\s*){2,3})\(/g)].map(([, path]) =>
    (path ?? '').replace(/\s/g, '').slice(1),
  );
  const asked = [...source.matchAll(/apiCall\(\s*'([^']+)'/g)].map(([, text]) => text ?? '');
  return [...asked, ...[...texts, ...calls].filter(name => known.has(name))];
}

const known = new Set(methodsOf(new WebClient()));
const called = new Set(sources.flatMap(source => calledIn(source, known)));

const read = manifest.safeParse(parse(readFileSync(join(root, 'manifest.yml'), 'utf8')));

describe('manifest.yml', () => {
  it('is one that Slack takes', () => {
    expect(read.error?.issues).toBeUndefined();
  });

  it('asks for what each method that the bot calls needs, and for nothing else', () => {
    const scopes = new Set(read.data?.oauth_config.scopes.bot);
    expect([...called].sort()).toEqual(Object.keys(NEEDS).sort());
    for (const needed of Object.values(NEEDS).flat()) expect(scopes).toContain(needed);
    const used = new Set(Object.values(NEEDS).flat());
    expect([...scopes].filter(known => !used.has(known)).sort()).toEqual([
      ...['app_mentions:read', 'chat:write.public', 'commands'],
    ]);
  });

  it('would be compared with a call in any form, also one that Slack does not know', () => {
    expect(known.size).toBeGreaterThan(250);
    const source = `client.apiCall('chat.psotMessage', {}); await client.users
      .info({ user }); call('auth.test'); client.admin.apps.approve({}); store.info('no.method'); pool.client.query('x')`;
    expect(calledIn(source, known).sort()).toEqual([
      'admin.apps.approve',
      'auth.test',
      'chat.psotMessage',
      'users.info',
    ]);
  });

  it('lets whoever installs it decline only what it can do without', () => {
    const { bot = [], bot_optional: optional = [] } = read.data?.oauth_config.scopes ?? {};
    expect(bot).toEqual(expect.arrayContaining(optional));
    expect(optional).toEqual(['usergroups:read', 'channels:read', 'groups:read', 'chat:write.public', 'files:write']);
  });

  it('registers every command that people can say', () => {
    const said = [...sources.join('\n').matchAll(/^ {2}'(\/[a-z]+)': \w+,$/gm)].map(([, command]) => command);
    expect(read.data?.features.slash_commands.map(({ command }) => command)).toEqual([...new Set(said)]);
  });
});
