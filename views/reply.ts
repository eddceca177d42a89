import { type Deploy, type Fact, type FactOf, latest } from '../src/domain/deploy.ts';
import { asOf, exposureOf } from '../src/domain/readings.ts';
import { approvalCard, closedCard } from './approval.ts';
import { type Message, message, section } from './blocks.ts';
import { evidenceOf, probesOf, routerOf, windowOf } from './evidence.ts';
import { turnCard } from './queue.ts';
import { troubleIn, troubleWords } from './root.ts';
import { stateOf } from './state.ts';
import { foreign, mention, output, plural, prose, sentence, sha, time } from './text.ts';

/** `live`: edited when what it says has changed. */
export type Reply = { message: Message; broadcast: boolean; live?: boolean };

/** What the thread says of a fact, seeing no later ones; null when it is not worth a message. Broadcasts go to the channel too. */
export function replyTo(fact: Fact, deploy: Deploy): Reply | null {
  const then = asOf(deploy, fact.seq);
  const before = asOf(deploy, fact.seq - 1);
  switch (fact.kind) {
    case 'build failed':
      return failure('The build failed', then, fact.lines, [
        `Nothing was released: v${deploy.plan.live.version} serves as before. Mend what these last lines show, push, then \`/deploy\` again.`,
      ]);
    case 'release failed':
      return failure(`The release phase of v${fact.version} failed`, then, fact.lines, [
        `v${fact.version} never went live: v${deploy.plan.live.version} serves as before. What the command had already done stays done: look at that before you \`/deploy\` again.`,
      ]);
    case 'phase':
      return fact.of === 'deploy' ? phaseReply(fact, then, before) : rollbackReply(fact, then, before);
    case 'planned again':
      return fact.news.length > 0 ? { message: turnCard(fact, deploy), broadcast: false, live: true } : null;
    case 'cancel asked':
      return quiet('This deploy is being called off', ':octagonal_sign:', [
        `${mention(fact.by)} asked for it. It ends where it can be left safely, and this thread says how.`,
      ]);
    case 'rollback intended':
      return rollingBack(fact, then);
    case 'rollback failed':
      return loud(`Going back to the code of v${deploy.plan.live.version} failed`, ':x:', [
        `${mention(deploy.startedBy)} Why: ${sentence(foreign(fact.why, 600))}`,
        `The release that was to be undone goes live, or is live. Act now by hand: \`heroku releases -a ${foreign(deploy.plan.app, 40)}\` shows what there is.`,
      ]);
    case 'checked':
      return quiet(
        fact.what === 'old gone'
          ? `Old code (v${deploy.plan.live.version}) is gone, on the word of ${mention(fact.by)}`
          : `New code serves, on the word of ${mention(fact.by)}`,
        ':ballot_box_with_check:',
        [`It could not be proved; a person looked. What they saw: ${sentence(foreign(fact.why ?? 'not told', 500))}`],
      );
    case 'trouble':
      return before.facts.some(known => known.kind === 'trouble' && known.stage === fact.stage)
        ? null
        : quiet(troubleIn(fact), ':warning:', [troubleWords(fact)]);
    case 'ended':
      return isTold(fact, before) ? null : ending(then);
    case 'migration waits':
      return before.facts.some(known => known.kind === 'migration waits' && known.direction === fact.direction)
        ? null
        : migrationWaits(fact);
    case 'migration failed':
      return migrationFailed(fact, then);
    case 'approval asked':
      return { message: approvalCard(fact, deploy), broadcast: true, live: true };
    case 'approval reminded':
      return loud('Contract migrations still wait for an approval', ':alarm_clock:', [
        `${approversOf(then)} The card is above in this thread. After a day without an answer they are held.`,
      ]);
    case 'held':
      return then.facts.some(known => known.kind === 'approval asked')
        ? null
        : quiet('Contract migrations are held', ':pause_button:', [
            `${mention(then.startedBy)} ${fact.by ? `${mention(fact.by)}: ` : ''}${foreign(fact.why, 600)} They are asked again at the next deploy.`,
          ]);
    case 'schema changed':
      return fact.direction === 'expand'
        ? null
        : quiet('Contract migrations are done', ':white_check_mark:', [
            `What only old code needed is gone from the database of ${foreign(then.plan.app)}. It cannot go back to v${then.plan.live.version} or before.`,
          ]);
    case 'closing':
      return quiet(`${foreign(then.plan.app)} is closed while its schema changes`, ':construction:', [
        fact.byUs
          ? 'Visitors see a closed page. It opens by itself when the migrations are done.'
          : 'Somebody had closed it before: it stays closed afterwards, until they open it.',
      ]);
    case 'opened':
      return quiet(`${foreign(then.plan.app)} is open again`, ':unlock:', ['']);
    case 'left closed':
      return { message: closedCard(fact, deploy), broadcast: true, live: true };
    case 'still closed':
      return loud(`${foreign(then.plan.app)} is still closed`, ':rotating_light:', [
        `${approversOf(then)} Visitors have seen a closed page since its migrations failed. Press *Open* or *Try again* on the card above.`,
      ]);
    case 'closed app answered':
    case 'migrating':
    case 'migration begins':
    case 'migrations changed':
    case 'migrated':
    case 'soaking':
    case 'approved':
    case 'started':
    case 'queued':
    case 'turn came':
    case 'agreed':
    case 'going back':
    case 'went back':
    case 'uploaded':
    case 'build started':
    case 'built':
    case 'release started':
    case 'released':
    case 'rollback asked':
    case 'rolling back':
    case 'rollback released':
      return null;
    default:
      return fact satisfies never;
  }
}

function phaseReply(fact: FactOf<'phase'>, then: Deploy, before: Deploy): Reply | null {
  const { plan, startedBy } = then;
  const { phase, version, tally } = fact;
  const app = foreign(plan.app);
  const live = `v${plan.live.version}`;
  const earlier = before.facts.filter(
    (known): known is FactOf<'phase'> => known.kind === 'phase' && known.of === 'deploy',
  );
  switch (phase.kind) {
    case 'booting':
      return null;
    case 'old serves': {
      const windows = earlier.map(known => known.phase).filter(known => known.kind === 'old serves');
      if (windows.some(known => known.expectedSwitch === phase.expectedSwitch)) return null;
      const since = latest(then, 'released')?.at;
      const again = windows.length > 0 ? 'Another release of the same code began the window anew. ' : '';
      return quiet(`Old code is still serving: ${live} answers everybody`, ':hourglass_flowing_sand:', [
        `${again}v${version} is up${since === undefined ? '' : `, released at ${time(since)},`} and gets no visitors yet. Heroku is expected to switch about ${time(phase.expectedSwitch)}; it does not say when it does.`,
        'Do nothing yet that needs the new code. The announcement comes when it is proved to serve.',
      ]);
    }
    case 'mixed':
      if (!phase.corrected) return null;
      return loud(`Correction: ${app} still answers with old code`, ':warning:', [
        `${mention(startedBy)} It was announced that v${version} serves. ${live} has answered since then, so that was too early: treat the switch as *not done*. It will be announced again when it is proved anew.`,
        probesOf(tally),
      ]);
    case 'new serves': {
      const again = earlier.some(known => known.phase.kind === 'new serves');
      const changes = plan.back
        ? `: the code of v${plan.back.version} again`
        : plan.changes
          ? `, ${plural(plan.changes.total, 'commit')} after ${live}`
          : '';
      return loud(
        again ? `New code serves again: ${app} runs v${version}` : `New code serves: ${app} runs v${version}`,
        ':large_green_circle:',
        [
          `${mention(startedBy)} ${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} (${foreign(plan.commit.author, 60)})${changes}`,
          evidenceOf(phase.evidence, `v${version}`),
          windowOf(tally, plan.live.version),
          probesOf(tally),
          routerOf(tally),
          `The dynos of ${live} are being stopped now and may still finish old requests. This thread says when they are gone.`,
        ],
      );
    }
    case 'old gone':
      return quiet(`Old code is gone: only v${version} of ${app} is left`, ':white_check_mark:', [
        `*Proved by logs*: ${foreign(phase.dynos.join(', '), 300)} of ${live} were stopped and have left, no dyno of any type is on an older release, and no old answer came since.`,
      ]);
    case 'crashed':
      return quiet(`New code of ${app} crashed: going back to ${live}`, ':x:', [
        `${mention(startedBy)} ${foreign(`${phase.dyno} of v${version} ${phase.what}`, 400)}. ${tally.answers.old > 0 && tally.answers.new === 0 ? `All ${tally.answers.old} answers so far came from ${live}.` : 'Whose code visitors get cannot be told from the answers.'} \`heroku logs -a ${app}\` shows why it crashed.`,
      ]);
    case 'superseded':
      return loud(`${app} was released by somebody else: v${phase.version}`, ':twisted_rightwards_arrows:', [
        `${mention(startedBy)} ${foreign(`${phase.by} released v${phase.version} (${phase.what})`, 500)} while v${version} was switching over. v${phase.version} takes its place, and this deploy does nothing more. Talk to them, look what serves, then \`/deploy ${app}\` again if your code should be live.`,
      ]);
    case 'not proved': {
      const what = phase.missing === 'new serves' ? `that v${version} serves` : `that all old code (${live}) is gone`;
      const look =
        phase.missing === 'new serves'
          ? `Ask ${foreign(plan.url, 200)} several times and see whose code answers. Then press *It serves* or *Roll back* on the first message.`
          : `\`heroku ps -a ${app}\` must show no older release, and the log that the old web dynos exited. Then press *Old code is gone* on the first message.`;
      return quiet(`A person must look: it could not be proved ${what}`, ':grey_question:', [
        mention(startedBy),
        `*What is known*: ${prose(phase.known.join(' '), 1_000) || 'nothing that tells.'}`,
        `*What to do*: ${look} The bot goes on looking meanwhile.`,
        probesOf(tally),
      ]);
    }
    default:
      return phase satisfies never;
  }
}

function rollbackReply({ phase, version }: FactOf<'phase'>, then: Deploy, before: Deploy): Reply | null {
  if (phase.kind !== 'new serves' && phase.kind !== 'old gone') return null;
  const told = before.facts.some(
    fact =>
      fact.kind === 'phase' &&
      fact.of === 'rollback' &&
      (fact.phase.kind === 'new serves' || fact.phase.kind === 'old gone'),
  );
  if (told) return null;
  const { plan, startedBy } = then;
  return loud(
    `Rolled back: ${foreign(plan.app)} serves the code of v${plan.live.version} again`,
    ':leftwards_arrow_with_hook:',
    [
      `${mention(startedBy)} It is v${version} now. ${sha(plan.commit.sha)} ${foreign(plan.commit.subject)} is not live.`,
      phase.kind === 'new serves' ? evidenceOf(phase.evidence, `v${version}`) : '',
      ...exposureWords(then),
      'Mend it, push, then `/deploy` again.',
    ],
  );
}

/** What visitors met of the release that was undone: never more than was seen. */
function exposureWords(deploy: Deploy): string[] {
  const bad = `v${latest(deploy, 'released')?.version}`;
  const exposure = exposureOf(deploy);
  const tally = latest(deploy, 'phase')?.tally;
  const probes = tally ? probesOf(tally) : '';
  const seen = tally ? [probes, routerOf(tally)] : [];
  switch (exposure.kind) {
    case 'none seen':
      return [
        `*Users saw nothing of ${bad}, as far as could be seen*: none of ${exposure.answers} answers came from it, and the router logged no failed request.`,
        probes,
      ];
    case 'seen':
      return [`*Users may have met ${bad}*: ${exposure.signs.join(', and ')}.`, ...seen];
    case 'unknown':
      return [`*What users saw is not known*: no answer said which release it came from.`, ...seen];
    default:
      return exposure satisfies never;
  }
}

function rollingBack({ safeUntil, at }: FactOf<'rollback intended'>, then: Deploy): Reply {
  const { plan, startedBy } = then;
  const asked = latest(then, 'rollback asked');
  const bad = `v${latest(then, 'released')?.version}`;
  const by = asked?.by
    ? `${mention(asked.by)} asked for it (${foreign(asked.why, 200)}).`
    : foreign(`${asked?.why ?? 'New code crashed'}.`, 400);
  const late = Date.parse(at) > safeUntil;
  return quiet(`Rolling ${foreign(plan.app)} back to the code of v${plan.live.version}`, ':rewind:', [
    `${asked?.by === startedBy ? '' : `${mention(startedBy)} `}${by}`,
    late
      ? `The last safe moment to ask for it was ${time(safeUntil)}, and it has passed: *users may see ${bad}* until the rollback has succeeded.`
      : `A rollback is a release of its own, in a race against the switch. It is asked for in time: the last safe moment was ${time(safeUntil)}. If its release phase takes longer than the last one did, users may still see ${bad} for a while.`,
  ]);
}

/** True when the reply to an earlier fact already said how it ended. */
function isTold({ outcome }: FactOf<'ended'>, before: Deploy): boolean {
  const { facts } = before;
  const has = (kind: Fact['kind']): boolean => facts.some(fact => fact.kind === kind);
  const last = facts.findLast((fact): fact is FactOf<'phase'> => fact.kind === 'phase');
  switch (outcome) {
    case 'succeeded':
      return last?.phase.kind === 'old gone' || facts.some(fact => fact.kind === 'checked' && fact.what === 'old gone');
    case 'failed':
      return has('migration failed') || has('build failed') || has('release failed') || has('rollback failed');
    case 'rolled back':
      return last?.of === 'rollback' && (last.phase.kind === 'new serves' || last.phase.kind === 'old gone');
    case 'superseded':
      return last?.of === 'deploy' && last.phase.kind === 'superseded';
    case 'unfinished':
      return has('migration failed');
    case 'not proved':
    case 'cancelled':
    case 'stopped':
      return false;
    default:
      return outcome satisfies never;
  }
}

function migrationWaits({ file, why, blockers }: FactOf<'migration waits'>): Reply {
  return quiet(`${foreign(file ?? 'The migrations', 100)} waits for others`, ':hourglass:', [
    sentence(foreign(why, 400)),
    blockers.length > 0 ? `In its way: ${foreign(blockers.join('; '), 600)}.` : '',
    'Nobody waits behind it for longer than a second: it lets go, and tries again for up to 10 minutes. Nothing is ever ended for it; to make way, end what is in its way.',
  ]);
}

function migrationFailed({ direction, failure }: FactOf<'migration failed'>, then: Deploy): Reply {
  const { file, error, stays, blockers } = failure;
  const rest =
    stays === null
      ? 'It was rolled back: nothing of it stays.'
      : `Part of it stays. To take that away: ${foreign(stays, 500)}`;
  const serves =
    direction === 'expand'
      ? `Nothing was released: v${then.plan.live.version} serves as before.`
      : 'New code serves everybody; only these migrations are not done.';
  return loud(`${foreign(file, 100)} failed`, ':x:', [
    `${mention(then.startedBy)} ${sentence(foreign(error, 600))}`,
    blockers.length > 0 ? `In its way: ${foreign(blockers.join('; '), 600)}.` : '',
    `${rest} ${serves} Mend it, push, then \`/deploy\` again.`,
  ]);
}

function approversOf({ plan, startedBy }: Deploy): string {
  const eyes = plan.approvers.filter(user => !plan.fourEyes || user !== startedBy);
  return eyes.slice(0, 10).map(mention).join(', ') || 'Nobody may approve yet: add approvers to the app.';
}

function ending(then: Deploy): Reply {
  const { mark, headline, words } = stateOf(then);
  return quiet(headline, mark, [`${mention(then.startedBy)} ${words}`]);
}

function failure(headline: string, then: Deploy, lines: readonly string[], next: string[]): Reply {
  const told = quiet(headline, ':x:', [mention(then.startedBy), ...next]);
  told.message.blocks.push(section(output(lines)));
  return told;
}

const quiet = (headline: string, mark: string, lines: readonly string[]): Reply => reply(headline, mark, lines, false);
const loud = (headline: string, mark: string, lines: readonly string[]): Reply => reply(headline, mark, lines, true);

function reply(headline: string, mark: string, lines: readonly string[], broadcast: boolean): Reply {
  const words = lines.filter(Boolean);
  return {
    message: message(`${headline}. ${words.join(' ')}`, [section(`${mark} *${headline}*`, ...words)]),
    broadcast,
  };
}
