import type { AppSettings } from './app.ts';
import type { Click } from './deploy.ts';

/** Viewers see, deployers start and end, approvers say yes, admins say who may and how. Each of them sees. */
export const ROLES = ['viewer', 'deployer', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What the team said of an app, and who that is now: groups and channels are the people in them. */
export type App = AppSettings & {
  roles: Readonly<Record<Role, ReadonlySet<string>>>;
  /** How groups are called, by their id. */
  names: ReadonlyMap<string, string>;
  /** Groups of which Slack does not tell who is in them, by their id. */
  untold: ReadonlyMap<string, Untold>;
};

type Ids = ReadonlySet<string>;

/** Why a group's members are not known: Slack does not answer now, or says no whenever it is asked. */
type Untold = 'now' | 'ever';

/** A user group or a channel as it is now. One that cannot be read gives a role to nobody. */
export type Group = { name: string; members: readonly string[]; untold?: Untold };

/** Ids of the groups and channels that have a role in an app. */
export const groupsIn = (settings: AppSettings): string[] =>
  ROLES.flatMap(role => listOf(settings, role)).filter(id => !isPerson(id));

/** The app with everybody who has a role; `admins` are those of every app. */
export function withRoles(
  settings: AppSettings,
  groups: ReadonlyMap<string, Group> = new Map(),
  admins: readonly string[] = [],
): App {
  const people = (role: Role): Ids =>
    new Set(listOf(settings, role).flatMap(id => (isPerson(id) ? [id] : (groups.get(id)?.members ?? []))));
  const [viewer, deployer, approver, admin] = ROLES.map(people) as [Ids, Ids, Ids, Ids];
  return {
    ...settings,
    admins: [...new Set([...(settings.admins ?? []), ...admins])],
    roles: { viewer, deployer, approver, admin: new Set([...admin, ...admins]) },
    names: new Map([...groups].map(([id, { name }]) => [id, name])),
    untold: new Map([...groups].flatMap(([id, { untold }]) => (untold ? [[id, untold] as const] : []))),
  };
}

function listOf(settings: AppSettings, role: Role): readonly string[] {
  const { viewers = [], deployers, approvers, admins = [] } = settings;
  return { viewer: viewers, deployer: deployers, approver: approvers, admin: admins }[role];
}

const isPerson = (id: string): boolean => /^[UW]/.test(id);

/** True when this Slack user may start, roll back and answer for deploys of the app. */
export const mayDeploy = ({ roles }: App, user: string): boolean => roles.deployer.has(user);

export const mayApprove = ({ roles }: App, user: string): boolean => roles.approver.has(user);

export const mayAdminister = ({ roles }: App, user: string): boolean => roles.admin.has(user);

/** True when this Slack user may read how the app stands. */
export const maySee = ({ roles }: App, user: string): boolean => ROLES.some(role => roles[role].has(user));

/** What this person may do with the app. */
export const rolesOf = ({ roles }: App, user: string): Role[] => ROLES.filter(role => roles[role].has(user));

/** Those with a role in words: people, the members of a channel, a user group by its handle. */
export function who(app: App, role: Role, but: readonly string[] = []): string {
  const ids = listOf(app, role).filter(id => !but.includes(id));
  const named = ids.map(id => {
    if (isPerson(id)) return `<@${id}>`;
    const group = id.startsWith('S') ? `@${app.names.get(id) ?? id}` : `the members of <#${id}>`;
    return app.untold.has(id) ? `${group} (Slack does not tell who that is)` : group;
  });
  return named.join(', ') || 'nobody yet';
}

/** The refusal for somebody who may not deploy: names whom to ask. */
export const askThem = (app: App): string =>
  `You may not deploy ${app.name}. Those who may: ${who(app, 'deployer')}. Ask one of them to start it, or to have you added to the app's deployers.`;

/** The same for somebody who may not even see the app. */
export const askToSee = (app: App): string =>
  `You may not see how ${app.name} stands. Its deployers may: ${who(app, 'deployer')}. Ask one of them, or an admin (${who(app, 'admin')}) to have you added to its viewers.`;

/** Why an app may not be asked for, nor its plans, SQL and output be shown, in this channel; null when they may. */
export function channelRefused(
  { name, channel: own, allowedChannels = [] }: AppSettings,
  channel: string,
): string | null {
  const allowed = new Set([own, ...allowedChannels]);
  if (allowedChannels.length === 0 || allowed.has(channel)) return null;
  return `${name} is not asked for here, nor shown. Go to ${[...allowed].map(id => `<#${id}>`).join(' or ')}.`;
}

/** Presses that only an approver may make. */
export const isApproval = (kind: Click['kind']): boolean => kind === 'run them' || kind === 'hold';

/** Presses that end an outage: any deployer or approver may, the starter too. */
export const isRescue = (kind: Click['kind']): boolean => kind === 'open' || kind === 'try again';

/** Why this person may not answer for the contract migrations of a deploy, or for `what` else; null when they may. Four eyes, unless the app says otherwise. */
export function approvalRefused(
  app: App,
  { user, startedBy, what = 'contract migrations' }: { user: string; startedBy: string; what?: string },
): string | null {
  const others = who(app, 'approver', app.fourEyes ? [startedBy] : []);
  if (!mayApprove(app, user)) {
    return `You may not approve ${what} of ${app.name}. Those who may: ${others}. Ask one of them, or to be added to the app's approvers.`;
  }
  if (app.fourEyes && user === startedBy) {
    return `You started this deploy, and ${app.name} wants a second person to approve what it destroys. Those who may: ${others}.`;
  }
  return null;
}
