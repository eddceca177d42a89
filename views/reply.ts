import { type Deploy, type Fact, type FactOf, latest } from '../src/domain/deploy.ts';
import { asOf, isAsExpected, oldCode } from '../src/domain/readings.ts';
import { section } from './blocks.ts';
import { closedReply, oldServes } from './closed-deploy.ts';
import { meddled } from './meddling-reply.ts';
import { migrationReply } from './migration-reply.ts';
import { failingUnnamed, illAlready, judgement, notWellCard, smokePassed } from './not-well.ts';
import { parkedCard } from './parked.ts';
import { turnCard } from './queue.ts';
import { rollbackFailed, rollbackReply, rollingBack } from './rollback-reply.ts';
import { troubleIn, troubleWords } from './root.ts';
import { stateOf } from './state.ts';
import { switchReply } from './switch-reply.ts';
import { foreign, mention, output, sentence } from './text.ts';
import { quiet, type Reply } from './thread.ts';

/** What the thread says of a fact, seeing no later ones; null when it is not worth a message. Broadcasts go to the channel too. */
export function replyTo(fact: Fact, deploy: Deploy): Reply | null {
  const then = asOf(deploy, fact.seq);
  const before = asOf(deploy, fact.seq - 1);
  switch (fact.kind) {
    case 'build failed':
      return failure('The build failed', then, fact.lines, [
        `Nothing was released: ${oldServes(deploy.plan)}. Mend what these last lines show, push, then \`/deploy\` again.`,
      ]);
    case 'release failed':
      return failure(`The release phase of v${fact.version} failed`, then, fact.lines, [
        `v${fact.version} never went live: ${oldServes(deploy.plan)}. What the command had already done stays done: look at that before you \`/deploy\` again.`,
      ]);
    case 'phase':
      return fact.of === 'deploy' ? switchReply(fact, then, before) : rollbackReply(fact, then, before);
    case 'planned again':
      return fact.news.length > 0 ? { message: turnCard(fact, deploy), broadcast: false, live: true } : null;
    case 'meddled':
      return meddled(fact);
    case 'cancel asked':
      return quiet('This deploy is being called off', ':octagonal_sign:', [
        `${mention(fact.by)} asked for it. It ends where it can be left safely, and this thread says how.`,
      ]);
    case 'rollback intended':
      return rollingBack(fact, then);
    case 'rollback failed':
      return rollbackFailed(fact, deploy);
    case 'checked':
      return quiet(
        fact.what === 'old gone'
          ? `Old code (v${oldCode(deploy).version}) is gone, on the word of ${mention(fact.by)}`
          : `New code serves, on the word of ${mention(fact.by)}`,
        ':ballot_box_with_check:',
        [`It could not be proved; a person looked. What they saw: ${sentence(foreign(fact.why ?? 'not told', 500))}`],
      );
    case 'parked':
      return { message: parkedCard(fact, deploy), broadcast: true, live: true };
    case 'trouble':
      return before.facts.some(known => known.kind === 'trouble' && known.stage === fact.stage)
        ? null
        : quiet(troubleIn(fact), ':warning:', [troubleWords(fact)]);
    case 'ended':
      // Where the channel had heard already that it is open again.
      return isTold(fact, before) ? null : { ...ending(then), broadcast: latest(before, 'let in') !== undefined };
    case 'dynos down':
    case 'let in':
      return closedReply(fact, then);
    case 'closing':
      return deploy.plan.maintenance ? closedReply(fact, then) : migrationReply(fact, then, before, deploy);
    case 'opened':
      return deploy.plan.maintenance ? null : migrationReply(fact, then, before, deploy);
    case 'before':
      return illAlready(fact, deploy);
    case 'fails unnamed':
      return failingUnnamed(fact, then);
    case 'smoke test':
      return smokePassed(fact);
    case 'not well':
      return { message: notWellCard(fact, deploy), broadcast: true, live: true };
    case 'judged':
      return judgement(fact, deploy);
    case 'migration waits':
    case 'migration failed':
    case 'approval asked':
    case 'approval reminded':
    case 'held':
    case 'schema changed':
    case 'left closed':
    case 'still closed':
      return migrationReply(fact, then, before, deploy);
    case 'dynos stopping':
    case 'dynos stopped':
    case 'dynos starting':
    case 'dynos up':
    case 'giving up':
    case 'closed app answered':
    case 'migrating':
    case 'migration begins':
    case 'command started':
    case 'command failed':
    case 'migrations planned':
    case 'migrations changed':
    case 'migrated':
    case 'kept':
    case 'watching':
    case 'soaking':
    case 'approved':
    case 'started':
    case 'queued':
    case 'turn came':
    case 'agreed':
    case 'going back':
    case 'went back':
    case 'uploaded':
    case 'build asked':
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

/** True when the reply to an earlier fact already said how it ended. */
function isTold({ outcome }: FactOf<'ended'>, before: Deploy): boolean {
  // That it is open again was told with all there is to say.
  if (latest(before, 'let in')?.proof) return latest(before, 'smoke test')?.results.every(isAsExpected) ?? true;
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

function ending(then: Deploy): Reply {
  const { mark, headline, words } = stateOf(then);
  return quiet(headline, mark, [`${mention(then.startedBy)} ${words}`]);
}

function failure(headline: string, then: Deploy, lines: readonly string[], next: string[]): Reply {
  const told = quiet(headline, ':x:', [mention(then.startedBy), ...next]);
  told.message.blocks.push(section(output(lines)));
  return told;
}
