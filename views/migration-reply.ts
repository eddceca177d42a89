import type { Deploy, FactOf, MigrationFailure } from '../src/domain/deploy.ts';
import type { Direction } from '../src/domain/gate.ts';
import { destroyed, hasClosed, oldCode, waitsForApproval } from '../src/domain/readings.ts';
import { approvalCard, closedCard } from './approval.ts';
import { section } from './blocks.ts';
import { foreign, mention, output, sentence } from './text.ts';
import { loud, quiet, type Reply } from './thread.ts';

type MigrationFact = FactOf<
  | 'migration waits'
  | 'migration failed'
  | 'approval asked'
  | 'approval reminded'
  | 'held'
  | 'schema changed'
  | 'closing'
  | 'opened'
  | 'left closed'
  | 'still closed'
>;

/** What the thread says of a change of the schema; `then` is the deploy as it stood, `before` without the fact. Null when it is not worth a message. */
export function migrationReply(fact: MigrationFact, then: Deploy, before: Deploy, deploy: Deploy): Reply | null {
  switch (fact.kind) {
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
      // Its card says so where that was open.
      return waitsForApproval(before)
        ? null
        : quiet('Contract migrations are held', ':pause_button:', [
            `${mention(then.startedBy)} ${fact.by ? `${mention(fact.by)}: ` : ''}${foreign(fact.why, 600)} They are asked again at the next deploy.`,
          ]);
    case 'schema changed':
      return fact.direction === 'expand'
        ? null
        : quiet('Contract migrations are done', ':white_check_mark:', [
            `What only old code needed is gone from the database of ${foreign(then.plan.app)}. It cannot go back to v${oldCode(then).version} or before.`,
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
        `${approversOf(then)} Visitors still see a closed page. Press *Open* or *Try again* on the card above.`,
      ]);
    default:
      return fact satisfies never;
  }
}

function migrationWaits({ file, why, blockers }: FactOf<'migration waits'>): Reply {
  if (file === null && blockers.length === 0) {
    return quiet('The migrations wait', ':hourglass:', [
      sentence(foreign(why, 400)),
      'Leave it: what is ended there half-way leaves something broken behind.',
    ]);
  }
  return quiet(`${foreign(file ?? 'The migrations', 100)} waits for others`, ':hourglass:', [
    sentence(foreign(why, 400)),
    blockers.length > 0 ? `In its way: ${foreign(blockers.join('; '), 600)}.` : '',
    'Nobody waits behind it for longer than a second: it lets go, and tries again for up to 10 minutes. Nothing is ever ended for it; to make way, end what is in its way.',
  ]);
}

function migrationFailed({ direction, failure }: FactOf<'migration failed'>, then: Deploy): Reply {
  const { file, error, stays, blockers, ran } = failure;
  if (failure.byCommand) return commandFailed(direction, failure, then);
  const wayOut = stays === null ? '' : `Part of it stays. To take that away: ${foreign(stays, 500)}`;
  if (ran === false && destroyed(then) && hasClosed(then)) {
    return loud(`${foreign(file, 100)} was not run`, ':x:', [
      `${mention(then.startedBy)} ${sentence(foreign(error, 600))}`,
      `${wayOut} Visitors see the closed page still. The card below says how it can go on.`.trim(),
    ]);
  }
  const rest = wayOut || (ran === false ? 'Nothing of it was run.' : 'It was rolled back: nothing of it stays.');
  const serves =
    direction === 'expand'
      ? `Nothing was released: v${then.plan.live.version} serves as before.`
      : then.plan.maintenance
        ? 'Visitors see the closed page still.'
        : 'New code serves everybody; only these migrations are not done.';
  return loud(`${foreign(file, 100)} ${ran === false ? 'was not run' : 'failed'}`, ':x:', [
    `${mention(then.startedBy)} ${sentence(foreign(error, 600))}`,
    blockers.length > 0 ? `In its way: ${foreign(blockers.join('; '), 600)}.` : '',
    `${rest} ${serves} Mend it, push, then \`/deploy\` again.`,
  ]);
}

function commandFailed(direction: Direction, failure: MigrationFailure, then: Deploy): Reply {
  const { file, error, ran, lines = [] } = failure;
  const rest = ran === false ? 'So nothing of it stays.' : 'What it had done by then stays: look at the database.';
  const next =
    direction === 'expand'
      ? `The release is taken back now${then.plan.maintenance ? ', and the app opened again' : `, while v${oldCode(then).version} still serves`}.`
      : 'New code serves everybody; only this is not done.';
  const told = loud(`\`${foreign(file, 100)}\` failed`, ':x:', [
    `${mention(then.startedBy)} ${sentence(foreign(error, 600))}`,
    `${rest} ${next} Mend it, push, then \`/deploy\` again.`,
  ]);
  if (lines.length > 0) told.message.blocks.push(section(output(lines)));
  return told;
}

function approversOf({ plan, startedBy }: Deploy): string {
  const eyes = plan.approvers.filter(user => !plan.fourEyes || user !== startedBy);
  return eyes.slice(0, 10).map(mention).join(', ') || 'Nobody may approve yet: add approvers to the app.';
}
