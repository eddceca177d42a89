import { type App, mayDeploy, type Role, rolesOf } from '../src/domain/permission.ts';
import type { Place } from '../src/domain/turn.ts';
import { type Message, message, section } from './blocks.ts';
import { placeWords } from './queue.ts';
import { channelLink, code, foreign, plural, prose } from './text.ts';

// Short answers that only the asker sees.

/** Every reason why not, at once. */
export function refused(reasons: readonly string[]): Message {
  const [only] = reasons;
  return message(prose(reasons.join(' '), 2_900) || 'That cannot be done.', [
    reasons.length === 1 && only !== undefined
      ? section(`:no_entry: ${prose(only, 2_900)}`)
      : section(`:no_entry: *Not possible now*, for ${plural(reasons.length, 'reason')}:`),
    ...(reasons.length > 1 ? reasons.slice(0, 40).map(reason => section(`• ${prose(reason, 2_900)}`)) : []),
  ]);
}

/** Something of ours broke: whose fault, by which name to report it, and what to do. */
export function ourFault(id: string): Message {
  const text = `Something went wrong in this bot: this is our fault, not yours. It is logged as ${foreign(id)}. Try again in a minute; if it happens again, give that number to whoever runs the bot.`;
  return message(text, [section(`:boom: ${text}`)]);
}

export function started({ channel, place }: { channel: string; place: Place | null }): Message {
  const text = place
    ? `The deploy is queued. ${placeWords(place)} Its thread is in ${channelLink(channel)}.`
    : `The deploy has started. Follow its thread in ${channelLink(channel)}.`;
  return message(text, [section(`:rocket: ${text}`)]);
}

export function notStarted(): Message {
  const text = 'Not started. Nothing was changed.';
  return message(text, [section(text)]);
}

/** What came of a press. */
export function answered(answer: string): Message {
  const text = prose(answer) || 'Taken.';
  return message(text, [section(text)]);
}

/** How to ask, with what this person may do with which apps; `others` is what else can be typed. */
export function help(user: string, apps: readonly App[], others: readonly string[]): Message {
  const deployable = apps.filter(app => mayDeploy(app, user));
  const example = deployable[0]?.name ?? 'shop';
  const mine = apps.slice(0, 30).map(app => {
    const may = rolesOf(app, user).map(role => VERB[role]);
    return `• ${code(app.name)} from ${code(app.defaultRef)} of ${foreign(app.repository)}: ${may.join(', ')}`;
  });
  const more = apps.length > 30 ? [`and ${apps.length - 30} more`] : [];
  return message(
    deployable.length > 0
      ? `Type /deploy and the name of an app. You may deploy ${plural(deployable.length, 'app')}.`
      : 'You may not deploy any app yet. Ask an admin of an app to add you to its deployers.',
    [
      section(
        '*Deploy without downtime, and know when the new code really serves.*',
        `${code(`/deploy ${example}`)} its usual branch`,
        `${code(`/deploy ${example} feature/basket`)} another branch or tag`,
        `${code(`/deploy ${example}@abc1234`)} one commit`,
        `${code(`/deploy ${example} main at 18:30`)} at a time, by your clock`,
        `${code(`/deploy ${example} --maintenance`)} behind a closed page, for an app without preboot`,
        'You are shown a plan first. Nothing happens until you press *Start*.',
      ),
      ...(apps.length > 0 && others.length > 0 ? [section('*Also*', ...others.map(usage => `• ${usage}`))] : []),
      ...(deployable.length > 0
        ? []
        : [section('*You may not deploy any app yet.* Ask an admin of an app to add you to its deployers.')]),
      ...(apps.length > 0 ? [section('*What you may do*', ...mine, ...more)] : []),
    ],
  );
}

const VERB: { readonly [role in Role]: string } = {
  viewer: 'see',
  deployer: 'deploy',
  approver: 'approve',
  admin: 'change its settings',
};

/** Left-overs: a command, button or form that this version of the bot does not know. */
export function unknown(what: 'command' | 'button' | 'form' | 'shortcut'): Message {
  const text = `This bot does not know that ${what} (any more). Nothing was done. \`/deploy help\` shows what it can do.`;
  return message(text, [section(text)]);
}
