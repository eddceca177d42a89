import { answersIn, type Bucket, type Series } from '../src/domain/series.ts';
import type { Voice } from './picture-voices.ts';
import { box, draw, INK, line, PALE, RULE, type Svg, widthOf, words } from './svg.ts';

// The curves of a picture, one below the other over the same time.

/** Where a panel stands, and where on it a moment (ms) is. */
export type Place = { left: number; right: number; top: number; height: number; x: (at: number) => number };

const FAILED_PROBE = '#c62828';
const FAILED_REQUEST = '#e08a00';

/** Who gave the answers, as shares of each stretch of time. */
export function answersPanel(series: Series, voices: readonly Voice[], place: Place): Svg[] {
  const { left, right, top, height } = place;
  const bars = series.buckets.flatMap(bucket => {
    const all = answersIn(bucket);
    let below = top + height;
    return voices.flatMap(({ name, colour }) => {
      const tall = all === 0 ? 0 : ((bucket.by[name] ?? 0) / all) * height;
      below -= tall;
      return tall === 0 ? [] : [bar(bucket, series, place, below, tall, colour)];
    });
  });
  return [
    ...frame('Answers', 'by who gave them', ['0 %', '100 %'], place),
    ...unseen(series, place),
    ...bars,
    line(left, top + height, right, top + height, RULE),
  ];
}

/** How long answers took: the mean as a line, the slowest of each stretch behind it. */
export function latencyPanel(series: Series, place: Place): Svg[] {
  const { left, right, top, height, x } = place;
  const most = niceAbove(Math.max(1, ...series.buckets.map(({ slowestMs }) => slowestMs)));
  const y = (ms: number): number => top + height - (ms / most) * height;
  const heard = series.buckets.filter(bucket => answersIn(bucket) > 0);
  const slowest = heard.map(bucket =>
    bar(bucket, series, place, y(bucket.slowestMs), top + height - y(bucket.slowestMs), '#cfd8e3'),
  );
  const mean = runsOf(heard, series.stepMs).map(run =>
    draw('polyline', {
      points: run
        .map(bucket => `${round(x(bucket.at + series.stepMs / 2))},${round(y(bucket.tookMs / answersIn(bucket)))}`)
        .join(' '),
      fill: 'none',
      stroke: INK,
      'stroke-width': 1.75,
      'stroke-linejoin': 'round',
      'stroke-linecap': 'round',
    }),
  );
  return [
    ...frame('Latency', 'mean, slowest', ['0', msWords(most)], place),
    ...unseen(series, place),
    ...slowest,
    ...mean,
    line(left, top + height, right, top + height, RULE),
  ];
}

/** What failed, of the probe's questions and of visitors' requests. `none`: what to say where nothing did. */
export function failuresPanel(series: Series, none: string, place: Place): Svg[] {
  const { left, right, top, height } = place;
  const failed = ({ by, router }: Bucket): number => (by.failed ?? 0) + router;
  const most = Math.max(...series.buckets.map(failed), 0);
  const bars = series.buckets.flatMap(bucket => {
    const one = height / Math.max(most, 1);
    const probes = (bucket.by.failed ?? 0) * one;
    const routed = bucket.router * one;
    return [
      bar(bucket, series, place, top + height - probes, probes, FAILED_PROBE),
      bar(bucket, series, place, top + height - probes - routed, routed, FAILED_REQUEST),
    ];
  });
  return [
    ...frame('Failures', most > 0 ? '' : 'probes, requests', most > 0 ? ['0', String(most)] : [], place),
    ...unseen(series, place),
    ...(most > 0 ? bars : noBars(none, place)),
    ...(most > 0 ? [...key(place, 38, FAILED_PROBE, 'probes'), ...key(place, 54, FAILED_REQUEST, 'requests')] : []),
    line(left, top + height, right, top + height, RULE),
  ];
}

function noBars(none: string, { left, right, top, height }: Place): Svg[] {
  const wide = widthOf(none) + 16;
  return [
    box((left + right - wide) / 2, top + height / 2 - 12, wide, 24, '#ffffff'),
    words((left + right) / 2, top + height / 2 + 5, none, { fill: PALE, anchor: 'middle' }),
  ];
}

/** Beside a panel: its name, what it shows, and the ends of its scale. */
function frame(title: string, about: string, [low = '', high = '']: readonly string[], place: Place): Svg[] {
  const { left, top, height } = place;
  return [
    words(24, top + 13, title, { bold: true, size: 14 }),
    words(24, top + 30, about, { fill: PALE, size: 12 }),
    words(left - 8, top + 11, high, { fill: PALE, size: 12, anchor: 'end' }),
    words(left - 8, top + height, low, { fill: PALE, size: 12, anchor: 'end' }),
  ];
}

const key = ({ top }: Place, down: number, colour: string, name: string): Svg[] => [
  box(24, top + down - 17, 10, 10, colour, { rx: 2 }),
  words(39, top + down - 8, name, { fill: PALE, size: 12 }),
];

/** Stretches in which nobody looked are hatched, so that they are not taken for silence. */
function unseen(series: Series, { x, top, height, right, left }: Place): Svg[] {
  const ends = [left, ...series.buckets.flatMap(bucket => [x(bucket.at), x(endOf(bucket, series))]), right];
  const gaps: Svg[] = [];
  for (let index = 0; index + 1 < ends.length; index += 2) {
    const [from = 0, to = 0] = ends.slice(index, index + 2);
    if (to - from > 1) gaps.push(box(from, top, to - from, height, 'url(#unseen)'));
  }
  return gaps;
}

function bar(bucket: Bucket, series: Series, { x }: Place, top: number, height: number, fill: string): Svg {
  const from = x(bucket.at);
  // A little wider than it is, so that no seam shows between two of them.
  return box(from, top, x(endOf(bucket, series)) - from + 0.4, height, fill, { 'shape-rendering': 'crispEdges' });
}

/** Where the probe asks once in each stretch, one may fall between two: nobody stopped looking for that. */
function endOf({ at }: Bucket, { buckets, stepMs }: Series): number {
  const next = buckets.find(bucket => bucket.at > at)?.at;
  return next !== undefined && next - at <= 2 * stepMs ? next : at + stepMs;
}

/** Buckets with no more than one stretch missing between them. */
function runsOf(buckets: readonly Bucket[], stepMs: number): Bucket[][] {
  const runs: Bucket[][] = [];
  for (const bucket of buckets) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last && bucket.at - last.at <= 2 * stepMs) run.push(bucket);
    else runs.push([bucket]);
  }
  return runs;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** 1, 2 or 5 times a power of ten, and not less. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find(step => step * power >= value) ?? 10) * power;
}

const msWords = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`);
