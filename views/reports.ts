import type { Closing } from '../src/domain/closing.ts';
import type { Deploy } from '../src/domain/deploy.ts';
import { latest } from '../src/domain/deploy.ts';
import type { Lock } from '../src/domain/lock.ts';
import { phaseFact } from '../src/domain/readings.ts';
import type { NotBegun } from '../src/domain/schedule.ts';
import type { Place } from '../src/domain/turn.ts';
import { asManyAsFit, type Message, message, section } from './blocks.ts';
import { closingLine } from './closings.ts';
import { lockLines } from './locks.ts';
import { placeWords } from './queue.ts';
import { notBegunLines } from './schedules.ts';
import { stateOf } from './state.ts';
import { code, dayAndTime, duration, foreign, mention, plural, secondsBetween, sha } from './text.ts';

// Answers to `/deploy status`, `history`, `queue` and `live`: only whoever asked sees them.

type Status = {
  app: string;
  running: Deploy | null;
  waiting: readonly { deploy: Deploy; place: Place | null }[];
  last: Deploy | null;
  locks: readonly Lock[];
  notBegun: readonly NotBegun[];
  closing: Closing | null;
};

/** Every app in a line or two. */
export function statusOfAll(all: readonly Status[]): Message {
  if (all.length === 0)
    return said('There is no app here that you may see. Ask whoever runs this bot to add you to one.');
  const busy = all.filter(({ running }) => running).length;
  const headline = `${plural(all.length, 'app')}, ${busy === 0 ? 'none' : busy} being deployed`;
  return message(`${headline}.`, [
    section(`*${headline}*`),
    ...asManyAsFit(
      all.map(status => section(...linesOf(status))),
      left => `and ${plural(left, 'more app')}: ${code('/deploy status')} with its name shows one.`,
    ),
  ]);
}

/** One app, with what Heroku says of it. */
export function statusOfApp(
  status: Status & { live: { version: number } | null; maintenance: boolean; commit: string | null },
): Message {
  const { app, live, maintenance, commit } = status;
  const headline = live ? `${foreign(app)} runs v${live.version}` : `${foreign(app)} has no release`;
  return message(`${headline}.`, [
    section(
      `*${headline}*${commit ? ` (${sha(commit)})` : ''}`,
      maintenance && !status.closing
        ? ':construction: It is closed (maintenance mode): visitors see a closed page.'
        : '',
      ...linesOf(status).slice(1),
    ),
  ]);
}

function linesOf({ app, running, waiting, last, locks, notBegun, closing }: Status): string[] {
  const lines = [`*${foreign(app)}*`];
  if (running) {
    const { mark, headline, words } = stateOf(running);
    lines.push(
      `${mark} ${headline}, started by ${mention(running.startedBy)} ${dayAndTime(running.startedAt)}. ${words}`,
    );
  } else if (last) {
    lines.push(historyLine(last));
  } else {
    lines.push('Not deployed by this bot yet.');
  }
  return [
    ...lines,
    ...waiting.map(({ deploy }, index) => waitingLine(deploy, index + 1)),
    ...notBegunLines(notBegun),
    ...(closing ? [closingLine(closing)] : []),
    ...lockLines(locks),
  ];
}

const waitingLine = ({ plan, startedBy }: Deploy, position: number): string =>
  `:hourglass: ${position}. ${sha(plan.commit.sha)} of ${foreign(plan.ref, 60)}, by ${mention(startedBy)}, waits for its turn.`;

/** Who waits, and about how long. */
export function queueOf(all: readonly Status[]): Message {
  const busy = all.filter(({ waiting }) => waiting.length > 0);
  if (busy.length === 0) return said('Nobody waits: each app is deployed at once when you press Start.');
  const headline = plural(
    busy.reduce((sum, { waiting }) => sum + waiting.length, 0),
    'deploy waits',
    'deploys wait',
  );
  return message(`${headline} for its turn.`, [
    section(`*${headline}*`),
    ...asManyAsFit(
      busy.map(({ app, waiting }) =>
        section(
          `*${foreign(app)}*`,
          ...waiting.map(
            ({ deploy, place }, index) => `${waitingLine(deploy, index + 1)} ${place ? placeWords(place) : ''}`,
          ),
        ),
      ),
      left => `and ${plural(left, 'more app')}: ${code('/deploy queue')} with its name shows one.`,
    ),
  ]);
}

/** The app's deploys, newest first. */
export function historyOf(app: string, deploys: readonly Deploy[]): Message {
  if (deploys.length === 0) return said(`${foreign(app)} was not deployed by this bot yet.`);
  const headline = `The last ${plural(deploys.length, 'deploy')} of ${foreign(app)}`;
  const lines = deploys.map(deploy => section(historyLine(deploy)));
  return message(`${headline}.`, [
    section(`*${headline}*`),
    ...asManyAsFit(lines, left => `and ${plural(left, 'earlier one')}, for which there is no room here.`),
  ]);
}

function historyLine(deploy: Deploy): string {
  const { plan, startedAt, startedBy } = deploy;
  const { mark, headline } = stateOf(deploy);
  const version = latest(deploy, 'released')?.version;
  const ended = latest(deploy, 'ended')?.at;
  const window = phaseFact(deploy, 'deploy')?.tally.windowSeconds ?? null;
  return [
    `${mark} ${headline}: ${sha(plan.commit.sha)} ${foreign(plan.commit.subject, 80)}${version ? `, v${version}` : ''}.`,
    `${mention(startedBy)}, ${dayAndTime(startedAt)}${ended ? `, ${duration(secondsBetween(startedAt, ended))}` : ''}${window === null ? '' : `, old code for ${duration(window)}`}.`,
  ].join(' ');
}

/** Is my commit live? */
export function commitIsLive(status: {
  app: string;
  sha: string;
  subject: string;
  live: { version: number; commit: string | null };
  is: 'the live one' | 'part of it' | 'not live' | 'not known';
  distance: number;
  open: Deploy | null;
}): Message {
  const { app, live, is, distance, open } = status;
  const commit = `${sha(status.sha)} ${foreign(status.subject, 90)}`;
  const now = `v${live.version} (${sha(live.commit)})`;
  const answers = {
    'the live one': `*Released*: ${foreign(app)} runs ${commit}, as v${live.version}.`,
    'part of it': `*Released*: ${commit} is in ${now} of ${foreign(app)}, ${plural(distance, 'commit')} before its newest.`,
    'not live': `*Not live*: ${now} of ${foreign(app)} does not have ${commit}, and lacks ${plural(distance, 'commit')} up to it. ${code(`/deploy ${app}@${status.sha.slice(0, 8)}`)} brings it.`,
    'not known': `*Not known*: ${foreign(app)} does not say which commit v${live.version} is, so ${commit} cannot be looked for in it.`,
  };
  const { mark, headline, words } = open ? stateOf(open) : { mark: '', headline: '', words: '' };
  // A release is not yet what visitors get: while its deploy runs, that one knows.
  const meanwhile = open ? `${mark} ${headline}. ${words}` : '';
  return message(`${answers[is].replaceAll('*', '')} ${meanwhile}`, [section(answers[is], meanwhile)]);
}

const said = (text: string): Message => message(text, [section(text)]);
