import type { Deploy } from './domain/deploy.ts';
import { ALL_APPS } from './domain/lock.ts';
import { nearest } from './domain/nearest.ts';
import {
  type App,
  approvalRefused,
  askThem,
  askToSee,
  channelRefused,
  type Group,
  groupsIn,
  isApproval,
  isRescue,
  mayApprove,
  mayDeploy,
  maySee,
  who,
  withRoles,
} from './domain/permission.ts';
import { NotNow, Refusal } from './domain/refusal.ts';
import type { Directory, Ledger, Person } from './team.ts';

type Parts = {
  ledger: Pick<Ledger, 'apps' | 'app'>;
  directory: Pick<Directory, 'person' | 'group'>;
  /** Admins of every app, by the configuration. */
  admins: readonly string[];
};

/** Who may what, with the state as it is now: asked at every command and every press. What is refused is thrown. */
export class Access {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Admins of every app. */
  get admins(): readonly string[] {
    return this.#parts.admins;
  }

  /** With everybody who has a role; null when there is no such app. */
  async app(name: string): Promise<App | null> {
    const settings = await this.#parts.ledger.app(name);
    return settings && this.#withRoles(settings);
  }

  /** The apps that this person may deploy. */
  async deployable(user: string): Promise<App[]> {
    return (await this.visible(user)).filter(app => mayDeploy(app, user));
  }

  /** The apps that this person may see. */
  async visible(user: string): Promise<App[]> {
    await this.#member(user);
    const apps = await Promise.all((await this.#parts.ledger.apps()).map(settings => this.#withRoles(settings)));
    const seen = apps.filter(app => maySee(app, user));
    if (seen.length === 0 && apps.some(isUntoldNow)) throw new NotNow([UNTOLD]);
    return seen;
  }

  /** The app, for somebody who may deploy it, in a channel where it may be asked for (null: a press). */
  async allowed(name: string, user: string, channel: string | null = null): Promise<App> {
    const app = await this.#known(name, user);
    const elsewhere = channel === null ? null : channelRefused(app, channel);
    if (mayDeploy(app, user) && !elsewhere) return app;
    return refuse(app, mayDeploy(app, user) ? null : askThem(app), elsewhere);
  }

  /** The app, for somebody who may see it. */
  async seen(name: string, user: string): Promise<App> {
    const app = await this.#known(name, user);
    return maySee(app, user) ? app : refuse(app, askToSee(app));
  }

  /** Whoever may deploy an app may lock it; `all` is for those who may deploy every app. */
  async lock(scope: string, user: string): Promise<void> {
    if (scope !== ALL_APPS) return void (await this.allowed(scope, user));
    await this.#member(user);
    for (const settings of await this.#parts.ledger.apps()) {
      const app = await this.#withRoles(settings);
      if (!mayDeploy(app, user) && !app.roles.admin.has(user))
        refuse(app, `A lock on every app is for those who may deploy every app. ${askThem(app)}`);
    }
  }

  /** A press on a running deploy: what an approver must answer, what ends an outage, or what any deployer may. */
  async press(
    { plan, startedBy, facts }: Pick<Deploy, 'plan' | 'startedBy' | 'facts'>,
    user: string,
    kind: Parameters<typeof isApproval>[0],
  ): Promise<void> {
    const app = await this.#known(plan.app, user);
    // Who started it does not do away with the second pair of eyes that was promised then.
    const fourEyes = app.fourEyes || plan.fourEyes;
    const refused = isApproval(kind) ? approvalRefused({ ...app, fourEyes }, { user, startedBy }) : null;
    if (refused) refuse(app, refused);
    // A start that was approved has become another one.
    const isOther = kind === 'go on' && facts.some(fact => fact.kind === 'started' && fact.approval);
    const what = 'the start of a deploy';
    const alone = isOther ? approvalRefused({ ...app, fourEyes: true }, { user, startedBy, what }) : null;
    if (alone) refuse(app, alone);
    const may = isOther || isApproval(kind) || mayDeploy(app, user) || (isRescue(kind) && mayApprove(app, user));
    if (!may) refuse(app, askThem(app));
  }

  /** The app, for a second person who says yes or no to a start: four eyes always. Whoever asked may take it back. */
  async answersStart({ app: name, by }: { app: string; by: string }, user: string, yes: boolean): Promise<App> {
    const app = await this.#known(name, user);
    if (user === by && !yes) return app;
    const what = 'the start of a deploy';
    const refused = approvalRefused({ ...app, fourEyes: true }, { user, startedBy: by, what });
    return refused ? refuse(app, refused) : app;
  }

  /** A deploy's plan, SQL and output, for those who start or approve deploys of its app; where it is told, or may be. */
  async show({ plan }: Deploy, user: string, channel: string): Promise<void> {
    const app = await this.#known(plan.app, user);
    const may = mayDeploy(app, user) || mayApprove(app, user);
    const elsewhere = channel === plan.channel ? null : channelRefused(app, channel);
    if (!may || elsewhere) refuse(app, may ? null : askThem(app), elsewhere);
  }

  /** The app, for somebody who may change its settings. */
  async administered(name: string, user: string): Promise<App> {
    const app = await this.#known(name, user);
    if (app.roles.admin.has(user)) return app;
    return refuse(app, `You may not change the settings of ${name}. Those who may: ${who(app, 'admin')}.`);
  }

  /** For those who may add apps: the admins of every app. */
  async addApps(user: string): Promise<void> {
    await this.#member(user);
    if (this.#parts.admins.includes(user)) return;
    const admins = this.#parts.admins.map(id => `<@${id}>`).join(', ');
    throw new Refusal([
      admins
        ? `Apps are added by admins: ${admins}. Ask one of them.`
        : 'Nobody may add apps yet: whoever runs the bot names the first admins in ADMIN_USERS.',
    ]);
  }

  async #known(name: string, user: string): Promise<App> {
    await this.#member(user);
    const app = await this.app(name);
    if (!app) throw new Refusal([await this.#unknown(name, user)]);
    return app;
  }

  async #member(user: string): Promise<void> {
    const { is } = await this.#parts.directory.person(user).catch(() => ({ is: 'unknown' as const }));
    if (is === 'unknown') throw new NotNow([NOT_MEMBERS[is]]);
    if (is !== 'member') throw new Refusal([NOT_MEMBERS[is]]);
  }

  async #withRoles(settings: Parameters<typeof withRoles>[0]): Promise<App> {
    const { directory, admins } = this.#parts;
    const ids = [...new Set(groupsIn(settings))];
    const groups = await Promise.all(
      ids.map(async (id): Promise<[string, Group]> => {
        const unread = { name: id, members: [], untold: 'now' } as const;
        return [id, await directory.group(id).catch(() => unread)];
      }),
    );
    return withRoles(settings, new Map(groups), admins);
  }

  async #unknown(name: string, user: string): Promise<string> {
    const mine = (await this.deployable(user)).map(app => app.name);
    const near = nearest(name, mine);
    const names = mine.map(known => `\`${known}\``).join(', ');
    const yours = names ? `Yours are ${names}.` : 'There is none yet that you may deploy.';
    const meant = near ? ` Did you mean \`${near}\`?` : '';
    return `There is no app \`${name}\` here.${meant} ${yours} An admin adds apps with \`/deploy add\`.`;
  }
}

const UNTOLD =
  'Slack does not tell just now who is in some groups, so it is not known what you may see or do. Try again in a minute.';
const isUntoldNow = ({ untold }: App): boolean => [...untold.values()].includes('now');

/** For want of a `role`, which they may have by a group that Slack does not tell of just now, or for what that does not change. */
function refuse(app: App, role: string | null, other: string | null = null): never {
  const reasons = [role, other].filter(reason => reason !== null);
  throw role !== null && isUntoldNow(app) ? new NotNow([UNTOLD, ...reasons]) : new Refusal(reasons);
}

/** Full members of this workspace only: whoever shares a channel with us is not of the team. */
const NOT_MEMBERS: { readonly [is in Exclude<Person['is'], 'member'> | 'unknown']: string } = {
  guest: 'You are a guest in this workspace: deploys are for its members. Ask a member to do it.',
  bot: 'Bots deploy nothing here: a person must ask.',
  stranger:
    'You are of another workspace that shares this channel: deploys are for members of this one. Ask one of them.',
  gone: 'Your account in this workspace is closed.',
  unknown: 'Slack does not tell just now who you are, so nothing was done. Try again in a minute.',
};
