import { z } from 'zod';
import { identifier } from './elements.ts';

// A chart of few points (docs.slack.dev, reference/block-kit/blocks/data-visualization-block), with Slack's limits.

const label = (most: number) => z.string().min(1).max(most);
const categories = z.array(label(20)).min(1).max(20);
const series = z.strictObject({
  name: label(20),
  data: z
    .array(z.strictObject({ label: label(20), value: z.number() }))
    .min(1)
    .max(20),
});
const axes = z.strictObject({ categories, x_label: label(50).optional(), y_label: label(50).optional() });
const plotted = z
  .strictObject({ type: z.enum(['line', 'bar', 'area']), series: z.array(series).min(1).max(6), axis_config: axes })
  .superRefine((drawn, { addIssue }) => {
    const names = drawn.series.map(({ name }) => name);
    if (new Set(names).size < names.length)
      addIssue({ code: 'custom', path: ['series'], message: 'names must be unique' });
    for (const [index, { data }] of drawn.series.entries()) {
      const points = data.map(point => point.label);
      if (JSON.stringify(points) === JSON.stringify(drawn.axis_config.categories)) continue;
      addIssue({
        code: 'custom',
        path: ['series', index, 'data'],
        message: 'labels must match axis_config.categories',
      });
    }
  });
const pie = z.strictObject({
  type: z.literal('pie'),
  segments: z
    .array(z.strictObject({ label: label(20), value: z.number() }))
    .min(1)
    .max(6),
});

export const chart = z.strictObject({
  type: z.literal('data_visualization'),
  block_id: identifier,
  title: label(50),
  chart: z.discriminatedUnion('type', [plotted, pie]),
});

/** Its numbers in words. */
export function chartWords({ title, chart: drawn }: z.infer<typeof chart>): string {
  const points = (named: { label: string; value: number }[]) =>
    named.map(point => `${point.label} ${point.value}`).join(', ');
  if (drawn.type === 'pie') return `${title}: ${points(drawn.segments)}`;
  return [title, ...drawn.series.map(({ name, data }) => `  ${name}: ${points(data)}`)].join('\n');
}
