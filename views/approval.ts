import { type Deploy, type Fact, type FactOf, latest, migrationsOf } from '../src/domain/deploy.ts';
import { asOf, isTakenBack, oldCode, openComplaint } from '../src/domain/readings.ts';
import { actions, type Message, message, section } from './blocks.ts';
import { doneWords } from './closed-deploy.ts';
import { fileSections } from './migrations.ts';
import { foreign, literal, mention, sentence, time } from './text.ts';

/** Asks for a yes to exactly what it shows; once somebody answered, it says who and how. */
export function approvalCard(asked: FactOf<'approval asked'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const then = asOf(deploy, asked.seq);
  const answer = answerTo(asked, deploy);
  const { headline, words } = standing(asked, answer, deploy);
  const open = answer === undefined && !isTakenBack(deploy, asked);
  const ill = open && openComplaint(deploy) !== null;
  const shared = migrationsOf(then)?.sharedWith ?? [];
  const run = {
    label: 'Run them',
    value: `${deploy.id} ${asked.digest}`,
    aloud: `Run the contract migrations of ${literal(plan.app, 30)}`,
    style: 'danger',
  } as const;
  return message(`${headline}. ${words}`, [
    section(`${open ? ':lock:' : ':ballot_box_with_check:'} *${headline}*`, words),
    open ? health(deploy) : null,
    ...fileSections(then),
    section(
      `*Afterwards* ${app} cannot go back to v${oldCode(deploy).version} or before: that code needs what is destroyed here.`,
      shared.length > 0
        ? `*Also reached*: ${foreign(shared.join(', '), 300)} use the same database. Ask their owners first: *Run them* asks whether you did.`
        : '',
    ),
    open && !ill
      ? actions(
          shared.length > 0
            ? { ...run, action: 'run-them-for-all' }
            : {
                ...run,
                action: 'run-them',
                confirm: {
                  title: `Change the database of ${literal(plan.app, 40)} for good?`,
                  text: `${plan.maintenance ? 'The app closes now. ' : ''}What these migrations destroy cannot be brought back by a rollback. Started by ${mention(startedBy)}; you are the second pair of eyes.`,
                  yes: 'Run them',
                  no: 'Not yet',
                },
              },
          {
            label: 'Hold',
            action: 'hold',
            value: `${deploy.id} ${asked.digest}`,
            aloud: `Hold the contract migrations of ${literal(plan.app, 30)}`,
          },
        )
      : null,
  ]);
}

/** That new code is not well, or that somebody kept it so: it is what the approver leaves without a way back. */
function health(deploy: Deploy): ReturnType<typeof section> | null {
  const told = latest(deploy, 'not well');
  const kept = latest(deploy, 'kept');
  if (!told) return null;
  const what = told.complaints.map(({ now }) => foreign(now, 150)).join(', ');
  if (openComplaint(deploy))
    return section(
      `:warning: *New code is not well*: ${what}. First its card in the thread: *Roll back* or *Keep it*.`,
    );
  return kept?.by
    ? section(
        `:warning: New code was not well: ${what}. ${mention(kept.by)} keeps it: ${sentence(foreign(kept.why, 300))}`,
      )
    : null;
}

const ANSWERS = ['approved', 'held', 'migrations changed', 'approval asked', 'rollback asked', 'ended'] as const;
type Answer = FactOf<(typeof ANSWERS)[number]>;

/** What closed a card; undefined while it is open. */
function answerTo(asked: FactOf<'approval asked'>, deploy: Deploy): Answer | undefined {
  const isAnswer = (fact: Fact): fact is Answer => ANSWERS.some(kind => kind === fact.kind);
  return deploy.facts.filter(isAnswer).find(({ seq }) => seq > asked.seq);
}

function standing(
  asked: FactOf<'approval asked'>,
  answer: Answer | undefined,
  deploy: Deploy,
): { headline: string; words: string } {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  switch (answer?.kind) {
    case 'approved': {
      const changed = deploy.facts.find(fact => fact.kind === 'migrations changed' && fact.seq > answer.seq);
      const held = latest(deploy, 'held');
      const since = changed
        ? ' They are others by now: the newest card shows them.'
        : held
          ? ` ${sentence(foreign(held.why, 500))} They are asked again at the next deploy.`
          : '';
      return {
        headline: `Contract migrations of ${app}: approved${since ? ', but not run' : ''}`,
        words: `${mention(answer.by)} approved them at ${time(answer.at)}.${since}`,
      };
    }
    case 'held':
      return {
        headline: `Contract migrations of ${app}: held`,
        words: `${answer.by ? `${mention(answer.by)} held them` : 'Held'}: ${foreign(answer.why, 500)} They are asked again at the next deploy.`,
      };
    case 'migrations changed':
      return {
        headline: `Contract migrations of ${app}: changed`,
        words: 'They are others by now: the newest card shows them.',
      };
    case 'approval asked':
      return {
        headline: `Contract migrations of ${app}: asked anew`,
        words: 'Old code answered again meanwhile. The newest card asks for them, since it is gone once more.',
      };
    case 'rollback asked':
      return {
        headline: `Contract migrations of ${app}: not run`,
        words: 'New code was not well, and goes back: old code needs what they would destroy.',
      };
    case 'ended':
      return { headline: `Contract migrations of ${app}: not run`, words: 'The deploy has ended without them.' };
    case undefined:
      break;
    default:
      answer satisfies never;
  }
  if (isTakenBack(deploy, asked))
    return {
      headline: `Contract migrations of ${app}: not now`,
      words: 'It was said that old code is gone, and it may still serve. They are asked once more when it is gone.',
    };
  const again = latest(asOf(deploy, asked.seq), 'migrations changed');
  const eyes = plan.approvers.filter(user => !plan.fourEyes || user !== startedBy);
  const who = eyes.length > 0 ? eyes.slice(0, 10).map(mention).join(', ') : 'There is nobody yet who may';
  return {
    headline: plan.maintenance ? `Approve the migrations of ${app}?` : `Approve what ${app} no longer needs?`,
    words: `${who}: ${again ? `*asked anew*: nothing ran of what was approved. ${sentence(foreign(again.why, 400))} ` : ''}${plan.maintenance ? 'the deploy begins with your yes: it closes the app, stops its dynos, and then runs these.' : 'new code serves, old code is gone. These migrations destroy what only old code used.'} Nothing runs without you; asked ${time(asked.at)}, held after a day.`,
  };
}

function whyClosed(deploy: Deploy): string {
  const what = deploy.facts.findLast(
    ({ kind }) => kind === 'migration failed' || kind === 'dynos down' || kind === 'rollback failed',
  );
  if (what?.kind === 'dynos down' && what.refused)
    return `Heroku refuses what its dynos need (${foreign(what.what, 400)}). ${doneWords(deploy)}`;
  if (what?.kind === 'dynos down') return `its dynos do not come up (${foreign(what.what, 400)}).`;
  if (what?.kind === 'rollback failed')
    return `it could not go back to v${oldCode(deploy).version} (${foreign(what.why, 400)}).`;
  const failure = what?.kind === 'migration failed' ? what.failure : null;
  if (failure?.ran === false) {
    return `its contract migrations are half done, and ${foreign(failure.file, 100)} was not run. ${sentence(foreign(failure.error, 500))}`;
  }
  return `its contract migrations failed half-way (${foreign(failure?.file ?? '', 100)}: ${foreign(failure?.error ?? '', 500)}). What was applied before stays.`;
}

/** Migrations failed half-way behind a closed door: whether to open it, only a person can say. */
export function closedCard(asked: FactOf<'left closed'>, deploy: Deploy): Message {
  const { plan, startedBy } = deploy;
  const app = foreign(plan.app);
  const answered = deploy.facts.find(
    (fact): fact is FactOf<'closed app answered'> => fact.kind === 'closed app answered' && fact.seq > asked.seq,
  );
  const why = whyClosed(asOf(deploy, asked.seq));
  const who = [...new Set([startedBy, ...plan.approvers])].slice(0, 10).map(mention).join(', ');
  const words = answered
    ? `${mention(answered.by)} ${answered.what === 'open' ? 'opened it' : 'had it tried again'} at ${time(answered.at)}.`
    : `${who}: ${why} Open it if its code can live with that, or mend the cause and try again.`;
  const headline = answered ? `${app} was closed` : `${app} is closed: visitors are turned away`;
  return message(`${headline}. ${words}`, [
    section(`${answered ? ':ballot_box_with_check:' : ':rotating_light:'} *${headline}*`, words),
    answered || latest(deploy, 'ended')
      ? null
      : actions(
          {
            label: 'Try again',
            action: 'try-again',
            value: deploy.id,
            aloud: `Try again with ${literal(plan.app, 30)}`,
            style: 'primary',
          },
          {
            label: 'Open',
            action: 'open-the-app',
            value: deploy.id,
            aloud: `Open ${literal(plan.app, 30)} as it is`,
            confirm: {
              title: `Open ${literal(plan.app, 40)} as it is?`,
              text: deploy.plan.maintenance
                ? 'Its dynos are started as they are, and visitors are let in, whatever they meet.'
                : 'Visitors meet the new code with a half changed schema. What is left of the migrations is asked again at the next deploy.',
              yes: 'Open',
              no: 'Not yet',
            },
          },
        ),
  ]);
}
