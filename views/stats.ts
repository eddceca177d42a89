import { type Spread, STATS_DAYS, type Stats } from '../src/domain/stats.ts';
import { context, type Message, message, section } from './blocks.ts';
import { duration, foreign, plural } from './text.ts';

const DAY = 86_400;

/** How the app was deployed lately: how often, how fast, how well. */
export function statsShown(app: string, stats: Stats): Message {
  const name = foreign(app);
  if (stats.released === 0) {
    const nothing = `No new code of ${name} was released by this bot in the last ${STATS_DAYS} days.`;
    return message(nothing, [section(nothing)]);
  }
  const { served, perWeek, lead, released, undone, restore, window, toServe } = stats;
  const rate = Math.round((100 * undone) / released);
  const often = `${perWeek.toFixed(1)} a week`;
  return message(
    `${name} in the last ${STATS_DAYS} days: new code served ${plural(served, 'time')}, ${often}; ${undone} of ${plural(released, 'release')} had to be undone.`,
    [
      section(`*${name} in the last ${STATS_DAYS} days*`),
      section(
        `• *How often*: new code was proved to serve ${plural(served, 'time')}, ${often}.`,
        `• *Lead time*, from a commit until it served: ${spreadWords(lead)}`,
        `• *Change failure rate*: ${rate} %, ${undone} of ${plural(released, 'release')} of new code had to be undone.`,
        `• *Time to restore*, from the decision until old code was proved to serve: ${spreadWords(restore)}`,
      ),
      section(
        `• *Old code served on* after a release: ${spreadWords(window)}`,
        `• *From Start until new code served*: ${spreadWords(toServe)}`,
      ),
      context('Plans and waiting times say within what nine of ten of the last deploys served.'),
    ],
  );
}

const spreadWords = (spread: Spread | null): string =>
  spread
    ? `half within ${length(spread.median)}, nine of ten within ${length(spread.most)}, the longest ${length(spread.longest)}.`
    : 'not known yet.';

/** Commits may wait for days. */
const length = (seconds: number): string =>
  seconds < 2 * DAY ? duration(seconds) : plural(Math.round(seconds / DAY), 'day');
