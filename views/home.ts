import type { HomeView, KnownBlock } from '@slack/types';
import { type Deploy, latest } from '../src/domain/deploy.ts';
import type { Lock } from '../src/domain/lock.ts';
import { actions, context, section } from './blocks.ts';
import { lockLines } from './locks.ts';
import { stateOf } from './state.ts';
import { channelLink, code, dayAndTime, foreign, literal, mention, plural, sha } from './text.ts';

/** Slack takes 100 blocks; an app takes up to 3. */
const APPS_SHOWN = 30;

type Home = {
  /** Deploys whose contract migrations wait for this person's yes or no. */
  waiting: readonly Deploy[];
  apps: readonly {
    app: string;
    mayDeploy: boolean;
    running: Deploy | null;
    waiting: readonly unknown[];
    last: Deploy | null;
    locks: readonly Lock[];
  }[];
};

/** The bot's Home for one person: what waits for them, and how their apps stand. */
export function homeView({ waiting, apps }: Home): HomeView {
  const blocks: KnownBlock[] = [
    ...(waiting.length > 0
      ? [
          section(`:lock: *${plural(waiting.length, 'approval waits', 'approvals wait')} for you*`),
          ...waiting.slice(0, 10).map(waitingLine),
          { type: 'divider' as const },
        ]
      : []),
    ...(apps.length === 0
      ? [
          section(
            '*There is no app yet that you may see.* Ask whoever runs this bot to add you to one: `/deploy help` says more.',
          ),
        ]
      : apps.slice(0, APPS_SHOWN).flatMap(appBlocks)),
    ...(apps.length > APPS_SHOWN
      ? [section(`and ${apps.length - APPS_SHOWN} more: \`/deploy status\` shows them.`)]
      : []),
    context('What happens is told in each app’s channel. `/deploy help` shows all that can be said.'),
  ];
  return { type: 'home', blocks };
}

function waitingLine({ plan, startedBy }: Deploy): KnownBlock {
  return section(
    `*${foreign(plan.app)}*: contract migrations of ${sha(plan.commit.sha)} (started by ${mention(startedBy)}). The card is in ${channelLink(plan.channel)}.`,
  );
}

function appBlocks({ app, mayDeploy, running, waiting, last, locks }: Home['apps'][number]): KnownBlock[] {
  const deploy = running ?? last;
  const state = deploy ? stateOf(deploy) : null;
  const version = last ? latest(last, 'released')?.version : undefined;
  const lines = [
    `*${foreign(app)}*${version !== undefined && latest(last ?? { facts: [] }, 'ended')?.outcome === 'succeeded' ? `, v${version}` : ''}`,
    state && deploy
      ? `${state.mark} ${state.headline}: ${sha(deploy.plan.commit.sha)} ${foreign(deploy.plan.commit.subject, 80)}, ${mention(deploy.startedBy)} ${dayAndTime(deploy.startedAt)}`
      : `Not deployed by this bot yet. ${code(`/deploy ${app}`)} begins with a plan.`,
    ...(waiting.length > 0 ? [`:hourglass: ${plural(waiting.length, 'deploy waits', 'deploys wait')} behind it.`] : []),
    ...lockLines(locks),
  ];
  const buttons = mayDeploy
    ? actions(
        {
          label: 'Plan a deploy',
          action: `plan-deploy:${app}`,
          value: app,
          aloud: `Plan a deploy of ${literal(app, 40)}`,
        },
        {
          ...{ label: 'Another branch…', action: `deploy-ref:${app}`, value: app },
          aloud: `Choose what to deploy of ${literal(app, 40)}`,
        },
        { label: 'History', action: `history:${app}`, value: app, aloud: `The last deploys of ${literal(app, 40)}` },
      )
    : null;
  return [section(...lines), ...(buttons ? [buttons] : [])];
}
