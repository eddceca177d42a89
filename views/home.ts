import type { HomeView, KnownBlock } from '@slack/types';
import type { Closing } from '../src/domain/closing.ts';
import type { Deploy } from '../src/domain/deploy.ts';
import type { Lock } from '../src/domain/lock.ts';
import type { NotBegun } from '../src/domain/schedule.ts';
import { actions, button, context, section } from './blocks.ts';
import { closingLine } from './closings.ts';
import { lockLines } from './locks.ts';
import { notBegunLines } from './schedules.ts';
import { stateOf } from './state.ts';
import { channelLink, code, dayAndTime, foreign, literal, mention, plural, sha } from './text.ts';

/** Slack takes 100 blocks; an app takes up to 2. */
const APPS_SHOWN = 30;
const ASKED_SHOWN = 10;

/** For those with more apps than a Home can show. */
const DEPLOY: KnownBlock = {
  type: 'actions',
  elements: [
    button({
      ...{ label: 'Deploy…', action: 'deploy-app', value: 'any', style: 'primary' },
      aloud: 'Choose an app to deploy, and what of it',
    }),
  ],
};

type HomeApp = {
  app: string;
  /** The release that is live; null when Heroku does not tell. */
  live: number | null;
  mayDeploy: boolean;
  /** What waits for this person's yes or no: contract migrations of a deploy, or a start. */
  asksMe: readonly (Deploy | NotBegun)[];
  running: Deploy | null;
  waiting: readonly unknown[];
  last: Deploy | null;
  locks: readonly Lock[];
  notBegun: readonly NotBegun[];
  closing: Closing | null;
};

/** The bot's Home for one person: what waits for them, and how their apps stand. */
export function homeView(apps: readonly HomeApp[]): HomeView {
  const asked = apps.flatMap(({ asksMe }) => asksMe);
  const blocks: KnownBlock[] = [
    ...(asked.length > 0
      ? [
          section(`:lock: *${plural(asked.length, 'approval waits', 'approvals wait')} for you*`),
          ...asked.slice(0, ASKED_SHOWN).map(askedLine),
          { type: 'divider' as const },
        ]
      : []),
    ...(apps.some(({ mayDeploy }) => mayDeploy) ? [DEPLOY] : []),
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
    context('What happens is told in each app’s channel. `/deploy help` shows all that you can say.'),
  ];
  return { type: 'home', blocks };
}

function askedLine(asked: Deploy | NotBegun): KnownBlock {
  const { plan } = asked;
  const [what, by] = 'facts' in asked ? ['contract migrations', asked.startedBy] : ['the start of a deploy', asked.by];
  return section(
    `*${foreign(plan.app)}*: ${what} of ${sha(plan.commit.sha)} (${mention(by)}). The card is in ${channelLink(plan.channel)}.`,
  );
}

function appBlocks(known: HomeApp): KnownBlock[] {
  const { app, live, mayDeploy, running, waiting, last, locks, notBegun, closing } = known;
  const deploy = running ?? last;
  const state = deploy ? stateOf(deploy) : null;
  const lines = [
    `*${foreign(app)}*${live === null ? '' : `, v${live}`}`,
    state && deploy
      ? `${state.mark} ${state.headline}: ${sha(deploy.plan.commit.sha)} ${foreign(deploy.plan.commit.subject, 80)}, ${mention(deploy.startedBy)} ${dayAndTime(deploy.startedAt)}`
      : `Not deployed by this bot yet. ${code(`/deploy ${app}`)} begins with a plan.`,
    ...(waiting.length > 0 ? [`:hourglass: ${plural(waiting.length, 'deploy waits', 'deploys wait')} behind it.`] : []),
    ...notBegunLines(notBegun),
    ...(closing ? [closingLine(closing)] : []),
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
