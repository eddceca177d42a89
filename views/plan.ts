import type { KnownBlock } from '@slack/types';
import { hasLoosened } from '../src/domain/gate.ts';
import { expectedSeconds, type Plan, type Proof } from '../src/domain/plan.ts';
import type { Place } from '../src/domain/turn.ts';
import { answersNeeded } from '../src/domain/watch.ts';
import { actions, type ButtonAsk, context, type Message, message, section } from './blocks.ts';
import { closedSections } from './closed-deploy.ts';
import { migrationSections } from './migrations.ts';
import { backSections } from './plan-back.ts';
import { placeWords } from './queue.ts';
import { channelLink, code, dayAndTime, duration, foreign, literal, plural, prose, sha } from './text.ts';

/** Commits listed before "and N more". */
const COMMITS_SHOWN = 10;

/** A plan under the name that Start carries, and what stands before it. */
type Planned = { id: string; plan: Plan; place: Place | null; gate: Gate };
type Gate = { kind: 'open' } | { kind: 'approval' } | { kind: 'frozen'; frozen: { reason: string; until: number } };

/**
 * What would be deployed, how, and what could hurt. Only the asker sees it; Start carries the plan's id, unless it is
 * `only` to be read. `at`: the time (ms) at which it would begin.
 */
export function planShown(planned: Planned, { only = false, at }: { only?: boolean; at?: number } = {}): Message {
  const { plan } = planned;
  const eta = duration(expectedSeconds(plan));
  if (plan.back) {
    return message(
      `Plan: go back to v${plan.back.version} of ${foreign(plan.app)} in about ${eta}. Press Start to begin; nothing has happened yet.`,
      [
        section(`*Go back to v${plan.back.version} of ${foreign(plan.app)}?* Nothing has happened yet.`),
        ...planBlocks(planned),
        ...startBlocks(planned),
      ],
    );
  }
  if (at !== undefined) return planForLater(planned, at);
  const next = only ? 'Nothing has happened.' : 'Press Start to begin; nothing has happened yet.';
  return message(`Plan: deploy ${sha(plan.commit.sha)} to ${foreign(plan.app)} in about ${eta}. ${next}`, [
    section(
      only
        ? `*What a deploy of ${foreign(plan.app)} would do*`
        : `*Deploy ${foreign(plan.app)}?* Nothing has happened yet.`,
    ),
    ...planBlocks(planned),
    ...(only ? [] : startBlocks(planned)),
  ]);
}

function planForLater(planned: Planned, at: number): Message {
  const { id, plan, gate } = planned;
  const app = foreign(plan.app);
  const when = dayAndTime(at);
  return message(`Plan: deploy ${sha(plan.commit.sha)} to ${app} ${when}. Press Schedule; nothing has happened yet.`, [
    section(`*Deploy ${app} ${when}?* Nothing has happened yet.`),
    ...planFacts(plan),
    gate.kind === 'approval' ? section(':raised_hand: At its time *a second person is asked first*.') : null,
    actions(
      {
        label: 'Schedule',
        action: 'schedule',
        value: id,
        style: 'primary',
        aloud: `Deploy ${literal(plan.app, 40)} then`,
      },
      { label: 'Not now', action: 'not-now', value: id, aloud: `Do not deploy ${literal(plan.app, 40)}` },
    ),
    context(
      'At its time it is planned again. When anything of this is different by then, it does not begin, and you are told.',
    ),
  ]);
}

/** Instead of a start: the world is no longer what the plan said. */
export function planChanged(planned: Planned, what: readonly string[]): Message {
  const { plan } = planned;
  return message(
    `Not started: things changed since the plan for ${foreign(plan.app)} was made. Read the new plan, then press Start again.`,
    [
      section(
        `:warning: *Not started.* Since that plan of ${foreign(plan.app)} was made:`,
        ...what.map(change => `• ${prose(change, 500)}`),
        'This is the plan as it is now:',
      ),
      ...planBlocks(planned),
      ...startBlocks(planned),
    ],
  );
}

function planBlocks({ plan, place }: Planned): (KnownBlock | null)[] {
  return [
    ...planFacts(plan),
    place ? section(`:hourglass: *Not at once.* ${placeWords(place)} At its turn it is planned again.`) : null,
  ];
}

/** What a plan says of itself, for whoever decides about it. */
export function planFacts(plan: Plan): (KnownBlock | null)[] {
  return [
    ...(plan.back
      ? backSections(plan, plan.back)
      : [
          section(
            `${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} (${foreign(plan.commit.author, 60)})`,
            `from ${code(plan.ref)} of ${foreign(plan.repository)}, to replace v${plan.live.version} (${sha(plan.live.commit)})`,
          ),
          section(...commitsOf(plan)),
        ]),
    section(
      `*What will happen*, in about ${duration(expectedSeconds(plan))}`,
      ...plan.steps.map((step, index) => `${index + 1}. ${foreign(step)}${remarkOn(step, plan)}`),
    ),
    ...closedSections(plan),
    ...migrationSections(plan),
    section(`*How it is proved*: ${(plan.maintenance ? closedProof : PROOFS[plan.proof])(plan)}`),
    ...healthSections(plan),
    plan.warnings.length > 0
      ? section(':warning: *Mind this*', ...plan.warnings.map(warning => `• ${prose(warning, 600)}`))
      : null,
  ];
}

function startBlocks({ id, plan, gate }: Planned): (KnownBlock | null)[] {
  return [
    gate.kind === 'frozen'
      ? section(
          `:snowflake: *Nothing is deployed until ${dayAndTime(gate.frozen.until)}*: ${foreign(gate.frozen.reason, 300)}`,
          'In an emergency an admin may ask for it, with a reason and a second person.',
        )
      : null,
    gate.kind === 'approval'
      ? section(
          `:raised_hand: *Start asks a second person first*: an approver other than you.${hasLoosened(plan.migrations) ? ' Part of it destroys while old code serves.' : ''}`,
        )
      : null,
    actions(gate.kind === 'frozen' ? emergencyButton(id, plan) : startButton(id, plan), {
      label: 'Not now',
      action: 'not-now',
      value: id,
      aloud: `Do not deploy ${literal(plan.app, 40)}`,
    }),
    context(`Its thread will be in ${channelLink(plan.channel)}. Start checks again that nothing changed.`),
  ];
}

function commitsOf({ changes, live }: Plan): string[] {
  if (!changes) return [`*Commits*: cannot be compared with v${live.version}.`];
  const shown = changes.commits.slice(0, COMMITS_SHOWN);
  const more = changes.total - shown.length;
  return [
    `*${plural(changes.total, 'new commit')}* since v${live.version}${changes.behind > 0 ? `, and *${changes.behind} would go away*` : ''}`,
    ...shown.map(commit => `• ${sha(commit.sha)} ${foreign(commit.subject, 90)} (${foreign(commit.author, 40)})`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

/** What a step means for this app, where its name does not say it. */
function remarkOn(step: string, plan: Plan): string {
  const { quantity, size } = plan.web;
  switch (step) {
    case 'Build':
      return plan.buildSeconds === null ? '' : `: the last one took ${duration(plan.buildSeconds)}`;
    case 'New dynos boot':
      return `: ${quantity} web (${foreign(size.toLowerCase(), 40)}), beside the old ones`;
    case 'Old code still serving':
      return `: v${plan.live.version}, until Heroku switches after about ${duration(plan.windowSeconds)}`;
    case 'New code serves':
      return ': proved, then announced at once';
    case 'Approval':
      return plan.maintenance ? ': a second person sees the migrations before anything is closed' : '';
    case 'Open the app':
      return ': proved by asking it';
    case 'Contract the schema':
      return plan.migrations?.maintenance ? ', while visitors see a closed page' : '';
    case 'Soak':
      return `: ${duration(plan.soakSeconds)} of watching new code alone`;
    default:
      return '';
  }
}

/** What is made of it when new code is not well, and what the database must take. */
function healthSections(plan: Plan): KnownBlock[] {
  const tests = (plan.smoke ?? []).map(({ path, status }) => `${code(path, 60)} for ${status.join(' or ')}`).join(', ');
  if (plan.maintenance) {
    if (tests === '') return [];
    return [section(`*Smoke test*, once the app is open: ${tests}. When one fails you are told, and decide.`)];
  }
  const { connections } = plan;
  return [
    section(
      `*When new code is not well*: before the switch it goes back by itself; after it ${plan.autoRollback && !plan.back ? 'too, 30 s after that was told (90 s where it is only slow), unless somebody keeps it' : 'you are told, with *Roll back*'}.`,
      tests === '' ? '' : `Asked as soon as it serves: ${tests}.`,
      connections
        ? `Connections to the database: up to ${connections.needed} of ${connections.limit} while old and new web dynos run (${connections.pool.each} a dyno, by ${code(connections.pool.from, 60)}); ${connections.used} now.`
        : '',
    ),
  ];
}

const PROOFS = {
  'probe by release': plan =>
    `by asking the app itself. Its answers name their release (${placeOf(plan)}); ${answersOf(plan)} are needed.`,
  'probe by commit': plan =>
    `by asking the app itself. Its answers name their commit (${placeOf(plan)}); ${answersOf(plan)} are needed.`,
  logs: () =>
    'only by the log of the old dynos being stopped, which is later and less sure. If the log does not show it, you will be asked to look.',
} as const satisfies Record<Proof, (plan: Plan) => string>;

const closedProof = (plan: Plan): string =>
  `by Heroku's dyno list and the boot lines in its log; then, once it is open, by asking the app itself: ${answersOf(plan)} are needed.`;

const answersOf = ({ web }: Plan): string => `${answersNeeded(web.quantity)} new ones in a row over fresh connections`;

function placeOf({ probe }: Plan): string {
  return 'header' in probe
    ? `${code(probe.header, 80)} at ${code(probe.path, 80)}`
    : `${code(probe.json, 80)} in the JSON at ${code(probe.path, 80)}`;
}

const emergencyButton = (id: string, { app }: Plan): ButtonAsk => ({
  ...{ label: 'Emergency start…', action: 'emergency-start', value: id, style: 'danger' },
  aloud: `Ask to deploy ${literal(app, 40)} in spite of the freeze`,
});

function startButton(id: string, plan: Plan): ButtonAsk {
  const lost = plan.changes?.behind ?? 0;
  const start = {
    label: 'Start',
    action: 'start',
    value: id,
    aloud: `Start the deploy of ${literal(plan.app, 40)}`,
    style: 'primary',
  } as const;
  if (plan.back) {
    return {
      ...start,
      confirm: {
        title: `Go back to v${plan.back.version} of ${literal(plan.app, 40)}?`,
        text: `Code and config vars of v${plan.back.version} take the place of v${plan.live.version}, with the same proof as a deploy.`,
        yes: 'Go back',
        no: 'Do not start',
      },
    };
  }
  if (lost === 0) return start;
  return {
    ...start,
    confirm: {
      title: `Take ${plural(lost, 'commit')} away from ${literal(plan.app, 40)}?`,
      text: `The live code of ${foreign(plan.app, 40)} has ${plural(lost, 'commit')} that ${sha(plan.commit.sha)} does not have. Visitors would lose them.`,
      yes: 'Deploy all the same',
      no: 'Do not start',
    },
  };
}
