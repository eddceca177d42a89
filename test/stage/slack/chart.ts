import { z } from 'zod';
import { identifier } from './elements.ts';

// A chart of few points (docs.slack.dev, changelog 2026-06-16), with Slack's limits.

const label = (most: number) => z.string().min(1).max(most);
const categories = z.array(label(20)).min(1).max(20);
const series = z.strictObject({
  name: label(50),
  data: z
    .array(z.strictObject({ label: label(20), value: z.number() }))
    .min(1)
    .max(20),
});
const plotted = z.strictObject({
  type: z.enum(['line', 'bar', 'area']),
  series: z.array(series).min(1).max(6),
  axis_config: z
    .strictObject({ categories, x_label: label(50), y_label: label(50) })
    .partial()
    .optional(),
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
  title: label(50).optional(),
  chart: z.discriminatedUnion('type', [plotted, pie]),
});

/** Its numbers in words. */
export function chartWords({ title = 'Chart', chart: drawn }: z.infer<typeof chart>): string {
  const points = (named: { label: string; value: number }[]) =>
    named.map(point => `${point.label} ${point.value}`).join(', ');
  if (drawn.type === 'pie') return `${title}: ${points(drawn.segments)}`;
  return [title, ...drawn.series.map(({ name, data }) => `  ${name}: ${points(data)}`)].join('\n');
}
