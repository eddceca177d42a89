import { type Deploy, latest, type Outcome } from '../src/domain/deploy.ts';
import { oldCode, phaseFact } from '../src/domain/readings.ts';
import type { Series } from '../src/domain/series.ts';
import { answersPanel, failuresPanel, latencyPanel, niceAbove, type Place } from './picture-panels.ts';
import { type Moment, momentsOf, stepsTold, type Told } from './picture-story.ts';
import { answersOf, type Voice, voicesOf } from './picture-voices.ts';
import { box, draw, INK, line, PALE, RULE, type Svg, widthOf, words } from './svg.ts';
import { cut, duration, literal, plural, utc } from './text.ts';

const WIDTH = 960;
const LEFT = 150;
const RIGHT = 24;
const CHIP = 30;
const FLAG_ROWS = 3;
const TOP = { flags: 104, lane: 156, answers: 196, latency: 368, failures: 462, axis: 534 } as const;
const LEGEND_COLUMNS = 3;
const LEGEND_ROW = 22;

const ENDS = {
  succeeded: { words: 'deployed', colour: '#1b7f4b' },
  unfinished: { words: 'deployed, migrations not done', colour: '#a15c00' },
  failed: { words: 'failed', colour: '#b3261e' },
  cancelled: { words: 'cancelled', colour: '#5c6670' },
  'rolled back': { words: 'rolled back', colour: '#6b4fa0' },
  superseded: { words: 'another release came', colour: '#5c6670' },
  'not proved': { words: 'not proved', colour: '#a15c00' },
  stopped: { words: 'stopped', colour: '#5c6670' },
} as const satisfies Record<Outcome, { words: string; colour: string }>;

/** A picture as SVG, and in words for who cannot see it (Slack: at most 1,000 characters, alt_txt_too_large). */
export type Picture = { svg: string; title: string; alt: string };

/** The switchover of an ended deploy: who answered, how fast, what failed, and when. Null where nothing was watched. */
export function pictureOf(deploy: Deploy, series: Series): Picture | null {
  const [first] = series.buckets;
  const last = series.buckets.at(-1);
  const released = latest(deploy, 'released');
  if (!first || !last || !released || answersOf(series) === 0) return null;
  const told = stepsTold(deploy);
  const voices = voicesOf(deploy, series);
  const after = told.filter(({ when }) => when === 'after').length;
  const right = WIDTH - RIGHT - (after > 0 ? after * CHIP + 10 : 0);
  // A stretch of time may have begun a little before the release in it.
  const from = Math.min(Date.parse(released.at), last.at);
  const to = last.at + series.stepMs;
  const x = (at: number): number => LEFT + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (right - LEFT);
  const place = (top: number, height: number): Place => ({ left: LEFT, right, top, height, x });
  const moments = momentsOf(deploy).filter(({ at }) => at >= from - 1_000);
  const rows = Math.ceil(told.length / LEGEND_COLUMNS);
  const height = TOP.axis + 64 + rows * LEGEND_ROW + 10;
  const drawn = [
    box(0, 0, WIDTH, height, '#ffffff'),
    ...header(deploy, series, voices),
    ...answersPanel(series, voices, place(TOP.answers, 150)),
    ...latencyPanel(series, place(TOP.latency, 72)),
    ...failuresPanel(series, noFailure(deploy), place(TOP.failures, 52)),
    ...flags(moments, place(TOP.flags, TOP.axis - TOP.flags - 20)),
    ...voiceKey(voices, right),
    ...lane(told, place(TOP.lane, 24)),
    ...axis(from, to, place(TOP.axis, 0)),
    ...legend(told, TOP.axis + 64),
  ];
  const root = { xmlns: 'http://www.w3.org/2000/svg', width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` };
  return {
    svg: draw('svg', { ...root, 'font-family': 'Lato' }, hatch, ...drawn).svg,
    title: headline(deploy),
    alt: spoken(deploy, series),
  };
}

const hatch = draw(
  'pattern',
  { id: 'unseen', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
  box(0, 0, 6, 6, '#f6f7f9'),
  box(0, 0, 2, 6, '#e3e7ec'),
);

const endOf = (deploy: Deploy): (typeof ENDS)[Outcome] => ENDS[latest(deploy, 'ended')?.outcome ?? 'stopped'];

function headline(deploy: Deploy): string {
  const { app } = deploy.plan;
  return `${literal(app, 40)}: v${oldCode(deploy).version} to v${latest(deploy, 'released')?.version}, ${endOf(deploy).words}`;
}

function header(deploy: Deploy, series: Series, voices: readonly Voice[]): Svg[] {
  const { app, commit } = deploy.plan;
  const title = `${literal(app, 40)}: v${oldCode(deploy).version} to v${latest(deploy, 'released')?.version}`;
  const { words: outcome, colour } = endOf(deploy);
  const beside = 24 + widthOf(title, 24) + 12;
  const facts = [
    commit.sha.slice(0, 8),
    `released ${utc(latest(deploy, 'released')?.at ?? deploy.startedAt)}`,
    windowWords(deploy),
    `${plural(answersOf(series), 'probe')}: ${voices.map(({ label, answers }) => `${answers} ${label}`).join(', ')}`,
  ];
  return [
    words(24, 42, title, { size: 24, bold: true }),
    box(beside, 22, widthOf(outcome, 14) + 24, 26, colour, { rx: 13 }),
    words(beside + widthOf(outcome, 14) / 2 + 12, 40, outcome, {
      ...{ size: 14, bold: true, fill: '#ffffff', anchor: 'middle' },
    }),
    words(24, 70, cut(facts.filter(Boolean).join('   ·   '), 130), { fill: PALE, size: 14 }),
  ];
}

function windowWords(deploy: Deploy): string {
  const window = phaseFact(deploy, 'deploy')?.tally.windowSeconds ?? null;
  return window === null ? '' : `old code served on for ${duration(window)}`;
}

function voiceKey(voices: readonly Voice[], right: number): Svg[] {
  let x = right;
  return voices.toReversed().flatMap(({ label, colour }) => {
    const wide = widthOf(label, 12) + 28;
    x -= wide;
    return [
      box(x - 4, TOP.answers + 155, wide - 4, 17, '#ffffff'),
      box(x, TOP.answers + 158, 11, 11, colour, { rx: 2 }),
      words(x + 16, TOP.answers + 168, label, { fill: PALE, size: 12 }),
    ];
  });
}

/** Dashed lines at each moment, with its words above in the first row where they fit, and at its left near the edge. */
function flags(moments: readonly Moment[], { x, top, height, right }: Place): Svg[] {
  const free = Array.from({ length: FLAG_ROWS }, () => 0);
  const drawn = moments.map(({ at, words: said }) => {
    const wide = widthOf(said, 12) + 10;
    const here = x(at);
    const fits = here + wide <= right;
    const start = fits ? here : here - wide;
    const row = Math.max(
      0,
      free.findIndex(taken => taken <= start),
    );
    free[row] = start + wide;
    const y = top + row * 16;
    return {
      rule: line(here, y - 9, here, top + height, INK, { 'stroke-dasharray': '2 3', 'stroke-opacity': 0.55 }),
      // Lines of others may pass here.
      flag: [
        box(start + 2, y - 11, wide - 4, 15, '#ffffff'),
        fits ? words(here + 4, y, said, { size: 12 }) : words(here - 4, y, said, { size: 12, anchor: 'end' }),
      ],
    };
  });
  return [...drawn.map(({ rule }) => rule), ...drawn.flatMap(({ flag }) => flag)];
}

/** The steps in a row: to scale while the switchover was watched, as mere numbers before and after. */
function lane(told: readonly Told[], { x, top, height, right }: Place): Svg[] {
  const before = told.filter(({ when }) => when === 'before').length;
  const wide = Math.min(CHIP, (LEFT - 34) / Math.max(before, 1));
  return told.flatMap((step, index) => {
    const turn =
      step.when === 'after' ? index - (told.length - told.filter(({ when }) => when === 'after').length) : index;
    const from = { before: LEFT - 6 - (before - turn) * wide, watched: x(step.from), after: right + 10 + turn * CHIP }[
      step.when
    ];
    // A step that failed may end after the next one began.
    const to = Math.min(step.to, told[index + 1]?.from ?? step.to);
    const width = step.when === 'watched' ? Math.max(2, x(to) - from) : wide - 2;
    const fill = step.failed ? '#fbe3e1' : step.when === 'watched' ? '#e4edf6' : '#eef0f3';
    return [
      box(from, top, width, height, fill, { rx: 4, stroke: '#ffffff', 'stroke-width': 1.5 }),
      ...(width >= 16
        ? [words(from + width / 2, top + 16, String(index + 1), { size: 12, bold: true, anchor: 'middle' })]
        : []),
    ];
  });
}

/** Minutes and seconds since the release, at round distances. */
function axis(from: number, to: number, { x, top, right, left }: Place): Svg[] {
  const step = tickMs(to - from);
  const ticks = Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => index * step);
  return [
    line(left, top - 20, right, top - 20, RULE),
    ...ticks.flatMap(ms => [
      line(x(from + ms), top - 20, x(from + ms), top - 15, PALE),
      words(x(from + ms), top, clock(ms), { size: 12, fill: PALE, anchor: 'middle' }),
    ]),
    words(24, top, 'Since the release', { size: 12, fill: PALE }),
  ];
}

/** At most ten ticks, a round number of seconds or minutes apart. */
function tickMs(spanMs: number): number {
  const seconds = spanMs / 10_000;
  return 1_000 * ([1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find(step => step >= seconds) ?? niceAbove(seconds));
}

/** Minutes and seconds: `3:05`. */
export const clock = (ms: number): string =>
  `${Math.floor(ms / 60_000)}:${String(Math.round((ms % 60_000) / 1_000)).padStart(2, '0')}`;

function legend(told: readonly Told[], top: number): Svg[] {
  const column = (WIDTH - 48) / LEGEND_COLUMNS;
  return [
    line(24, top - 32, WIDTH - 24, top - 32, RULE),
    ...told.flatMap(({ step, took, failed }, index) => {
      const x = 24 + (index % LEGEND_COLUMNS) * column;
      const y = top + Math.floor(index / LEGEND_COLUMNS) * LEGEND_ROW;
      return [
        words(x + 9, y, String(index + 1), { size: 12, bold: true, anchor: 'middle' }),
        words(x + 24, y, `${step}${failed ? ' (failed)' : ''}`, { size: 13 }),
        words(x + column - 24, y, took, { size: 13, fill: PALE, anchor: 'end' }),
      ];
    }),
  ];
}

const UNREAD = "The router's log could not be read.";
const isLogKnown = (deploy: Deploy): boolean => Boolean(phaseFact(deploy)?.tally.log);

function noFailure(deploy: Deploy): string {
  return isLogKnown(deploy)
    ? 'None: no probe failed, and the router logged no failed request'
    : `No probe failed. ${UNREAD}`;
}

/** The same in words, of at most 1,000 characters. */
export function spoken(deploy: Deploy, series: Series): string {
  const voices = voicesOf(deploy, series);
  const slowest = Math.max(...series.buckets.map(({ slowestMs }) => slowestMs));
  const failed = series.buckets.reduce((sum, { router }) => sum + router, 0);
  const window = windowWords(deploy);
  const moments = momentsOf(deploy).map(({ at, words: said }) => `${said} ${utc(at)}`);
  const steps = stepsTold(deploy).map(({ step, took, failed: broke }) => `${step} ${took}${broke ? ' (failed)' : ''}`);
  const said = [
    `${headline(deploy)}.`,
    `${plural(answersOf(series), 'probe')}: ${voices.map(({ label, answers }) => `${answers} ${label}`).join(', ')}; the slowest took ${Math.round(slowest)} ms.`,
    isLogKnown(deploy) ? `${plural(failed, 'failed request')} logged by the router.` : UNREAD,
    window && `${window[0]?.toUpperCase()}${window.slice(1)} after the release.`,
    `Moments: ${moments.join(', ')}.`,
    `Steps: ${steps.join(', ')}.`,
  ];
  return cut(said.filter(Boolean).join(' '), 1_000);
}
