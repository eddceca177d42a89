import { z } from 'zod';
import { chart } from './chart.ts';
import {
  accessory,
  actionElement,
  anyText,
  contextElement,
  identifier,
  image,
  inputElement,
  plainText,
  richText,
} from './elements.ts';

export type Surface = 'message' | 'modal' | 'home';

const taskCard = z.strictObject({
  type: z.literal('task_card'),
  block_id: identifier,
  task_id: z.string().min(1).max(255),
  title: z.string().min(1).max(255),
  details: richText.optional(),
  output: richText.optional(),
  sources: z
    .array(z.strictObject({ type: z.literal('url'), url: z.string().min(1), text: z.string().min(1) }))
    .optional(),
  // `complete`, not `completed`.
  status: z.enum(['pending', 'in_progress', 'complete', 'error']),
});

const cell = z.discriminatedUnion('type', [
  richText,
  z.strictObject({ type: z.literal('raw_text'), text: z.string() }),
  z.strictObject({ type: z.literal('raw_number'), value: z.number(), text: z.string().optional() }),
]);

const block = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('section'),
      block_id: identifier,
      text: anyText(3000).optional(),
      fields: z.array(anyText(2000)).min(1).max(10).optional(),
      accessory: accessory.optional(),
      expand: z.boolean().optional(),
    })
    .refine(({ text, fields }) => text ?? fields, 'missing required field: text or fields'),
  z.strictObject({
    type: z.literal('actions'),
    block_id: identifier,
    elements: z.array(actionElement).min(1).max(25),
  }),
  z.strictObject({
    type: z.literal('header'),
    block_id: identifier,
    text: plainText(150),
    level: z.number().int().min(1).max(4).optional(),
  }),
  z.strictObject({
    type: z.literal('context'),
    block_id: identifier,
    elements: z.array(contextElement).min(1).max(10),
  }),
  z.strictObject({ type: z.literal('divider'), block_id: identifier }),
  z.strictObject({ ...image, block_id: identifier, title: plainText(2000).optional() }),
  z.strictObject({
    type: z.literal('input'),
    block_id: identifier,
    label: plainText(2000),
    element: inputElement,
    hint: plainText(2000).optional(),
    optional: z.boolean().optional(),
    dispatch_action: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('markdown'), block_id: identifier, text: z.string().min(1).max(12_000) }),
  richText,
  taskCard,
  chart,
  z.strictObject({
    type: z.literal('plan'),
    block_id: identifier,
    title: z.string().min(1).max(255),
    tasks: z.array(taskCard).max(50).optional(),
  }),
  z.strictObject({
    type: z.literal('table'),
    block_id: identifier,
    rows: z.array(z.array(cell).max(20)).min(1).max(100),
    column_settings: z
      .array(
        z
          .strictObject({ align: z.enum(['left', 'center', 'right']), is_wrapped: z.boolean() })
          .partial()
          .nullable(),
      )
      .max(20)
      .optional(),
  }),
]);

export type Block = z.infer<typeof block>;
export type Accessory = Exclude<z.infer<typeof accessory>, { type: 'image' }>;
export type InputElement = z.infer<typeof inputElement>;
/** What somebody can press, choose or fill in. */
export type Element = z.infer<typeof actionElement> | Accessory | InputElement;

const MOST = { message: 50, modal: 100, home: 100 } as const satisfies Record<Surface, number>;
const ONLY_IN_MESSAGES = new Set(['markdown', 'table', 'plan', 'task_card', 'data_visualization']);

/** What Slack would object to, in its words; none when the blocks can be shown on that surface. */
export function validateBlocks(blocks: unknown, surface: Surface): string[] {
  const read = z.array(block).max(MOST[surface]).safeParse(blocks);
  if (!read.success) return read.error.issues.map(issue => told(issue, blocks));
  return [...misplaced(read.data, surface), ...repeated(read.data)];
}

/**
 * Most characters of all blocks of a message together. Slack speaks of "12,000 with a buffer for block containers" and
 * does not say what it counts (bolt-js #2509); the shortest refusal that was measured had 11,341 (#2867).
 */
export const MOST_IN_ALL = 11_000;
const IDS = new Set(['type', 'action_id', 'block_id', 'task_id', 'value', 'url', 'image_url', 'style', 'status']);

/** The harsher reading of it: all that is read or read aloud, in confirmations too. */
export function charactersOf(shown: unknown): number {
  if (typeof shown === 'string') return shown.length;
  if (typeof shown !== 'object' || shown === null) return 0;
  return Object.entries(shown).reduce((sum, [key, inner]) => sum + (IDS.has(key) ? 0 : charactersOf(inner)), 0);
}

/** Blocks that were found good, by their types. Throws when they were not. */
export const readBlocks = (blocks: unknown): Block[] => z.array(block).parse(blocks);

/** Rules about blocks together. */
function misplaced(blocks: Block[], surface: Surface): string[] {
  const problems: string[] = [];
  const count = (type: Block['type']) => blocks.filter(one => one.type === type).length;
  for (const [index, { type }] of blocks.entries()) {
    if (surface !== 'message' && ONLY_IN_MESSAGES.has(type)) {
      problems.push(`[ERROR] unsupported type: ${type} [json-pointer:/blocks/${index}/type]`);
    }
  }
  if (count('plan') > 0 && count('task_card') > 0) {
    problems.push('[ERROR] plan and task_card blocks cannot be mixed [json-pointer:/blocks]');
  }
  if (count('data_visualization') > 2)
    problems.push('[ERROR] only two data_visualization blocks are allowed [json-pointer:/blocks]');
  if (count('table') > 1) problems.push('[ERROR] only one table is allowed [json-pointer:/blocks]');
  const markdown = blocks.reduce((sum, one) => sum + (one.type === 'markdown' ? one.text.length : 0), 0);
  if (markdown > 12_000)
    problems.push('[ERROR] markdown must be less than 12001 characters in all [json-pointer:/blocks]');
  return problems;
}

function repeated(blocks: Block[]): string[] {
  const twice = (names: (string | undefined)[], what: string): string[] => {
    const known = names.filter(name => name !== undefined);
    return [...new Set(known.filter((name, index) => known.indexOf(name) !== index))].map(
      name => `[ERROR] ${what} "${name}" already exists [json-pointer:/blocks]`,
    );
  };
  const tasks = blocks.flatMap(one =>
    one.type === 'plan' ? (one.tasks ?? []) : one.type === 'task_card' ? [one] : [],
  );
  return [
    ...twice(
      blocks.map(({ block_id }) => block_id),
      'block_id',
    ),
    ...twice(
      elementsOf(blocks).map(({ action_id }) => action_id),
      'action_id',
    ),
    ...twice(
      tasks.map(({ task_id }) => task_id),
      'task_id',
    ),
  ];
}

export type Placed<E> = E & { block_id?: string | undefined };

/** Everything on the blocks that can be pressed or chosen. */
export function actionsOf(blocks: Block[]): Placed<Accessory>[] {
  return blocks.flatMap((one): Placed<Accessory>[] => {
    const { block_id } = one;
    if (one.type === 'actions') return one.elements.map(element => ({ ...element, block_id }));
    const { accessory: beside } = one.type === 'section' ? one : {};
    return beside && beside.type !== 'image' ? [{ ...beside, block_id }] : [];
  });
}

/** The same, and the fields to fill in. */
export function elementsOf(blocks: Block[]): Placed<Element>[] {
  const fields = blocks.flatMap(one => (one.type === 'input' ? [{ ...one.element, block_id: one.block_id }] : []));
  return [...actionsOf(blocks), ...fields];
}

/** Slack gives a name to each block and element that came without one. */
export function named(blocks: Block[], name: () => string): Block[] {
  return blocks.map(block => {
    const known = { ...block, block_id: block.block_id ?? name() };
    if (known.type === 'actions') {
      known.elements = known.elements.map(element => ({ ...element, action_id: element.action_id ?? name() }));
    }
    if (known.type === 'section' && known.accessory && known.accessory.type !== 'image') {
      known.accessory = { ...known.accessory, action_id: known.accessory.action_id ?? name() };
    }
    if (known.type === 'input') known.element = { ...known.element, action_id: known.element.action_id ?? name() };
    return known;
  });
}

function told(issue: z.core.$ZodIssue, blocks: unknown): string {
  return `[ERROR] ${reason(issue, at(blocks, issue.path))} [json-pointer:/${['blocks', ...issue.path].join('/')}]`;
}

function reason(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'too_big':
      return issue.origin === 'string'
        ? `must be less than ${Number(issue.maximum) + 1} characters`
        : `no more than ${issue.maximum} items allowed`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'must be more than 0 characters'
        : `no fewer than ${issue.minimum} items allowed`;
    case 'unrecognized_keys':
      return `invalid additional property: ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return `unsupported type: ${value}`;
    case 'invalid_type':
      return value === undefined ? `missing required field: ${String(issue.path.at(-1))}` : issue.message;
    default:
      return issue.message;
  }
}

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
