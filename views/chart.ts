import type { Block } from '@slack/types';
import type { Deploy } from '../src/domain/deploy.ts';
import { answersIn, inAtMost, type Series } from '../src/domain/series.ts';
import { section } from './blocks.ts';
import { clock, spoken } from './picture.ts';
import { type Voice, voicesOf } from './picture-voices.ts';
import { foreign, literal } from './text.ts';

/** Slack's limits (docs.slack.dev, data-visualization-block): points, series, characters of a name. */
const POINTS = 20;
const LINES = 6;
const NAME = 20;

/** The block as that page has it; `@slack/types` 3.2.0 does not know it yet. Each line has a point for each category. */
export type ChartBlock = Block & {
  type: 'data_visualization';
  title: string;
  chart: {
    type: 'line';
    series: { name: string; data: { label: string; value: number }[] }[];
    axis_config: { categories: string[]; x_label: string; y_label: string };
  };
};

/** Who answered over time, as Slack draws it: no file, and readable by whoever cannot see. Null where that is no curve. */
export function chartOf(deploy: Deploy, series: Series): { text: string; blocks: object[] } | null {
  const points = inAtMost(series, POINTS).buckets.filter(bucket => answersIn(bucket) > 0);
  const [first] = points;
  if (!first || points.length < 2) return null;
  const labels = points.map(({ at }) => clock(at - first.at));
  const lines = linesOf(voicesOf(deploy, series)).map(({ name, names }) => ({
    name,
    data: points.map((bucket, index) => {
      const theirs = names.reduce((sum, name) => sum + (bucket.by[name] ?? 0), 0);
      return { label: labels[index] ?? '', value: Math.round((100 * theirs) / answersIn(bucket)) };
    }),
  }));
  const chart: ChartBlock = {
    type: 'data_visualization',
    title: literal(`Who answered for ${deploy.plan.app}`, 50),
    chart: {
      type: 'line',
      series: lines,
      axis_config: { categories: labels, x_label: 'Since the release (min:s)', y_label: '% of answers' },
    },
  };
  const said = spoken(deploy, series);
  return {
    text: foreign(said, 3_000),
    blocks: [section(`:bar_chart: ${foreign(said.split(' Moments: ')[0] ?? said, 1_000)}`), chart],
  };
}

/** Those go together who answered least, where there are too many, and whose names look the same: Slack wants each once. */
function linesOf(voices: readonly Voice[]): { name: string; names: string[] }[] {
  const alone = voices.length > LINES ? LINES - 1 : LINES;
  const often = new Set(voices.toSorted((a, b) => b.answers - a.answers).slice(0, alone));
  const lines = Map.groupBy(
    [...voices.filter(voice => often.has(voice)), ...voices.filter(voice => !often.has(voice))],
    voice => (often.has(voice) ? literal(voice.label, NAME) : 'all others'),
  );
  return [...lines].map(([name, them]) => ({ name, names: them.map(voice => voice.name) }));
}

export const isChart = (block: object): block is ChartBlock => 'type' in block && block.type === 'data_visualization';
