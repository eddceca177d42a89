import type { KnownBlock } from '@slack/types';
import { type Deploy, type FactOf, latest } from '../src/domain/deploy.ts';
import { filesOf } from '../src/domain/gate.ts';
import { expectedSeconds, type Plan } from '../src/domain/plan.ts';
import { destroyed, oldCode } from '../src/domain/readings.ts';
import { withoutLogin } from '../src/domain/redaction.ts';
import { section } from './blocks.ts';
import { duration, foreign, mention, plural, secondsBetween, sentence, sha, time } from './text.ts';
import { loud, quiet, type Reply, type State } from './thread.ts';

// A deploy in maintenance mode, in words: how long visitors are turned away, and what proves that they are let in again.

/** In its plan: the price. */
export function closedSections(plan: Plan): KnownBlock[] {
  if (!plan.maintenance) return [];
  const stops = filesOf(plan.migrations, 'contract').length > 0;
  const workers = plan.workers.map(({ type }) => foreign(type, 40)).join(', ');
  const all = stops ? `No dyno runs meanwhile${workers ? `, ${workers} neither` : ''}.` : '';
  const build = plan.back
    ? ''
    : plan.buildSeconds === null
      ? 'its build, '
      : `its build (the last took ${duration(plan.buildSeconds)}), `;
  const migrations = stops ? 'its migrations, ' : '';
  return [
    section(
      `:construction: *Visitors see a closed page for about ${duration(expectedSeconds(plan))}*: ${build}its release, ${migrations}and the boot of its dynos. ${all}`,
      'Whatever goes wrong before something is destroyed, it goes back and opens by itself. The end says how long it was closed.',
    ),
  ];
}

/** What becomes of visitors when nothing was released. */
export const oldServes = ({ app, live, maintenance }: Plan): string =>
  maintenance ? `${foreign(app)} is opened again, with v${live.version}` : `v${live.version} serves as before`;

type ClosedFact = FactOf<'closing' | 'dynos down' | 'let in'>;

/** What the thread says of it. */
export function closedReply(fact: ClosedFact, then: Deploy): Reply {
  const { plan, startedBy } = then;
  const app = foreign(plan.app);
  switch (fact.kind) {
    case 'closing':
      return loud(`${app} is being closed for its deploy`, ':construction:', [
        `Visitors see a closed page for about ${duration(expectedSeconds(plan))}. It opens by itself when new code is up, and if anything fails before that.`,
      ]);
    case 'dynos down':
      if (fact.refused) {
        const stopped = latest(then, 'dynos stopping') !== undefined;
        const headline = stopped
          ? `Heroku refused to start the dynos of ${app}`
          : `Heroku does not tell how the dynos of ${app} are`;
        return quiet(headline, ':x:', [
          `${mention(startedBy)} ${sentence(foreign(fact.what, 400))} ${doneWords(then)} Visitors see the closed page still, until somebody answers the card below.`,
        ]);
      }
      return quiet(`The dynos of ${app} do not come up`, ':x:', [
        `${mention(startedBy)} ${sentence(foreign(fact.what, 400))} Visitors see the closed page still. \`heroku logs -a ${app}\` shows why.`,
      ]);
    case 'let in':
      return letIn(fact, then);
    default:
      return fact satisfies never;
  }
}

/** What a deploy that is stuck behind its closed page has done, and what not. */
export function doneWords(deploy: Deploy): string {
  const back = latest(deploy, 'rollback released')?.version;
  const ours = latest(deploy, 'released')?.version;
  const released =
    back !== undefined
      ? `It went back to the code of v${oldCode(deploy).version}, as v${back}`
      : ours === undefined
        ? 'Nothing was released'
        : `v${ours} is released`;
  const schema = destroyed(deploy) ? 'its contract migrations have run' : 'nothing was destroyed';
  const dynos = latest(deploy, 'dynos stopping') ? 'its dynos are not started' : 'its dynos were never stopped';
  return `${released}, and ${schema}; ${dynos}.`;
}

function letIn(fact: FactOf<'let in'>, then: Deploy): Reply {
  const { plan, startedBy } = then;
  const app = foreign(plan.app);
  const ours = latest(then, 'released')?.version === fact.version;
  const closed = `Visitors saw a closed page for ${duration(closedSeconds(then) ?? 0)}.`;
  if (!fact.proof) {
    return loud(`${app} is open, but it is not proved who answers`, ':grey_question:', [
      `${mention(startedBy)} For 2 minutes its answers did not show that v${fact.version} serves. Ask ${foreign(withoutLogin(plan.url), 200)} and see.`,
      closed,
    ]);
  }
  const given = latest(then, 'giving up');
  const old = [plan.live.version, latest(then, 'rollback released')?.version];
  const what = old.includes(fact.version) ? 'old code' : 'what was released meanwhile';
  const code = `${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} (${foreign(plan.commit.author, 60)})`;
  return ours
    ? loud(`New code serves: ${app} runs v${fact.version} and is open again`, ':large_green_circle:', [
        `${mention(startedBy)} ${code}`,
        ...proofWords(then),
        closed,
      ])
    : loud(`${app} is open again, with ${what} (v${fact.version})`, ':leftwards_arrow_with_hook:', [
        `${mention(startedBy)} ${code} is not live. ${foreign(given?.why ?? '', 600)}`,
        ...proofWords(then),
        closed,
      ]);
}

/** What proved it: first Heroku's own word on the dynos, then the app's answers. */
function proofWords(deploy: Deploy): string[] {
  const up = latest(deploy, 'dynos up');
  const row = latest(deploy, 'let in');
  const lines: string[] = [];
  if (up) {
    const lone = up.unheard.length > 0 ? ` (of ${foreign(up.unheard.join(', '), 100)} only the dyno list says so)` : '';
    const rest = up.beside?.length
      ? `. Beside them old code still runs: ${foreign(up.beside.join(', '), 200)}`
      : ', and no dyno is on an older release';
    lines.push(
      `*Proved by the dyno list and boot lines*: ${foreign(up.dynos.join(', '), 200)} are up on v${row?.version}${lone}${rest}.`,
    );
  }
  if (row?.proof) {
    const { answers, named, from, to } = row.proof;
    const whose =
      named === answers
        ? `all came from v${row.version}`
        : `${plural(named, 'answer')} said to come from v${row.version}, none from other code`;
    lines.push(
      `*Proved by probe*: visitors are let in. ${answers} answers in a row over fresh connections, in ${((to - from) / 1000).toFixed(1)} s, ${whose}.`,
    );
  }
  return lines;
}

/** From before it was closed until the app was proved to let visitors in, or until now: never less than it was. Null before. */
function closedSeconds(deploy: Deploy): number | null {
  const closing = latest(deploy, 'closing');
  const end = latest(deploy, 'let in') ?? deploy.facts.at(-1);
  return closing && end ? secondsBetween(closing.at, end.at) : null;
}

/** How it stands from the moment it is closed; null before, and for all other deploys. */
export function closedState(deploy: Deploy): State | null {
  const { plan } = deploy;
  const closing = latest(deploy, 'closing');
  if (!plan.maintenance) return null;
  const app = foreign(plan.app);
  const approval = latest(deploy, 'approval asked');
  if (!closing && approval && !latest(deploy, 'approved')) {
    const words = `Old code (v${plan.live.version}) serves everybody. The card is in the thread.`;
    return { mark: ':lock:', headline: `${app}: waiting for an approval`, words };
  }
  if (!closing) return null;
  if (latest(deploy, 'let in')?.proof) {
    const words = `v${latest(deploy, 'let in')?.version} serves. The end comes when its smoke test is made.`;
    return { mark: ':large_green_circle:', headline: `${app} is open again`, words };
  }
  const shut = `Visitors see a closed page since ${time(closing.at)}.`;
  const mark = ':construction:';
  const left = latest(deploy, 'left closed');
  const answered = latest(deploy, 'closed app answered');
  if (left && (answered?.seq ?? 0) < left.seq) {
    return {
      mark: ':rotating_light:',
      headline: `${app} is closed: visitors are turned away`,
      words: 'A person must say how it goes on: the card is in the thread.',
    };
  }
  const last = deploy.facts.findLast(({ kind }) => kind in DOING);
  const given = latest(deploy, 'giving up');
  const why = given ? ` ${foreign(given.why, 600)}` : '';
  return {
    mark,
    headline: `${app} is closed: ${DOING[last?.kind ?? 'closing'] ?? DOING.closing}`,
    words: `${shut}${why}`,
  };
}

const DOING: { readonly [kind: string]: string } = {
  closing: 'its deploy begins',
  'dynos stopping': 'its dynos are being stopped',
  'build asked': 'new code is being built',
  'going back': 'old code is being released again',
  'release started': 'new code is being released',
  migrating: 'its schema changes',
  'rollback asked': 'it goes back to old code',
  'giving up': 'it is put back',
  'dynos starting': 'its dynos start',
  opened: 'it is being opened',
};

/** For the receipt; empty for all other deploys. */
export function closedLines(deploy: Deploy): string[] {
  const seconds = deploy.plan.maintenance ? closedSeconds(deploy) : null;
  if (seconds === null) return [];
  return [`• Closed for visitors: ${duration(seconds)}.`, ...proofWords(deploy).map(line => `• ${line}`)];
}
