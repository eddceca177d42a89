import { type App, mayDeploy, type Role, rolesOf } from '../src/domain/permission.ts';
import { type Message, message, section } from './blocks.ts';
import { channelLink, code, foreign, mention, plural } from './text.ts';

/** Something that can be typed: by whoever has the role in an app, or by those who may add apps. */
type Usage = { role: Role | 'adds apps'; typed: (app: string) => string; does: string };

const APPS_SHOWN = 30;

/** What this person can say, with the name of an app for which they may; `admins` are those who may add apps. */
export function help(
  user: string,
  apps: readonly App[],
  { usages, admins }: { usages: readonly Usage[]; admins: readonly string[] },
): Message {
  const deployable = apps.filter(app => mayDeploy(app, user));
  const [example] = deployable;
  const mine = usages.flatMap(({ role, typed, does }) => {
    const app = role === 'adds apps' ? admins.includes(user) : appFor(role, user, apps);
    return app === false || app === undefined ? [] : [`• ${typed(app === true ? '' : foreign(app.name, 40))} ${does}`];
  });
  const nobody = `*You may not deploy any app yet.* ${whom(user, admins)}`;
  return message(
    example
      ? `Type /deploy and the name of an app. You may deploy ${plural(deployable.length, 'app')}.`
      : nobody.replaceAll('*', ''),
    [
      section(
        '*Deploy without downtime, and know when the new code really serves.*',
        ...(example ? deploys(example) : []),
      ),
      example ? null : section(nobody),
      mine.length > 0 ? section(example ? '*Also*' : '*You can say*', ...mine) : null,
      apps.length > 0 ? section('*What you may do*', ...whatOf(user, apps)) : null,
      example
        ? section(
            'In the thread of a deploy name me (`@Switchover cancel`), or use *Deploy actions* in the menu of one of its messages.',
          )
        : null,
    ],
  );
}

const appFor = (role: Role, user: string, apps: readonly App[]): App | undefined =>
  role === 'viewer' ? apps[0] : apps.find(app => rolesOf(app, user).includes(role));

function deploys({ name }: App): string[] {
  return [
    `${code(`/deploy ${name}`)} its usual branch`,
    `${code(`/deploy ${name} feature/basket`)} another branch or tag`,
    `${code(`/deploy ${name}@abc1234`)} one commit`,
    `${code(`/deploy ${name} main at 18:30`)} at a time, by your clock`,
    `${code(`/deploy ${name} --maintenance`)} behind a closed page, for an app without preboot`,
    `${code(`/deploy ${name} --plan`)} only the plan`,
    'You are shown a plan first. Nothing happens until you press *Start*.',
  ];
}

function whatOf(user: string, apps: readonly App[]): string[] {
  const shown = apps.slice(0, APPS_SHOWN).map(app => {
    const may = rolesOf(app, user).map(role => VERB[role]);
    const where = app.allowedChannels?.length
      ? `, asked for in ${app.allowedChannels.map(channelLink).join(' or ')}`
      : '';
    return `• ${code(app.name)} from ${code(app.defaultRef)} of ${foreign(app.repository)}: ${may.join(', ')}${where}`;
  });
  return apps.length > APPS_SHOWN ? [...shown, `and ${apps.length - APPS_SHOWN} more`] : shown;
}

function whom(user: string, admins: readonly string[]): string {
  if (admins.includes(user)) return 'Add one, and say who may deploy it.';
  const them = admins.slice(0, 10).map(mention).join(', ');
  return `Ask an admin of an app to add you to its deployers${them ? `; apps are added by ${them}` : ''}.`;
}

const VERB: { readonly [role in Role]: string } = {
  viewer: 'see',
  deployer: 'deploy',
  approver: 'approve',
  admin: 'change its settings',
};
