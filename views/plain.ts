import type { ActionsBlock, PlanBlock, RichTextBlock, SectionBlock, TaskCardBlock } from '@slack/types';
import { section } from './blocks.ts';
import { type ChartBlock, isChart } from './chart.ts';
import { foreign, inert, time } from './text.ts';

const MARK = {
  pending: ':white_circle:',
  in_progress: ':hourglass_flowing_sand:',
  complete: ':white_check_mark:',
  error: ':x:',
} as const satisfies Record<TaskCardBlock['status'], string>;

const WORD = {
  pending: '',
  in_progress: ' (now)',
  complete: ' (done)',
  error: ' (failed)',
} as const satisfies Record<TaskCardBlock['status'], string>;

/** The same message for a workspace that does not take the newer blocks (it answers `invalid_blocks`): in lines of words. */
export function plainBlocks<M extends { blocks: readonly object[] }>(message: M): M & { blocks: object[] } {
  return { ...message, blocks: message.blocks.map(plain) };
}

/**
 * What is left of a message that Slack takes in no other way: its sentence, and all that can be pressed, each with the
 * first line of what it stands beside.
 */
export function bareBlocks<M extends { text: string; blocks: readonly object[] }>(
  message: M,
): M & { blocks: object[] } {
  const pressed = message.blocks.flatMap((block): object[] => {
    if (isActions(block)) return [block];
    if (!isSection(block) || !block.accessory) return [];
    return [{ ...section((block.text?.text ?? '').split('\n')[0] ?? ''), accessory: block.accessory }];
  });
  const whole = section(message.text, '_Slack refused the rest of this message._');
  return { ...message, blocks: [whole, ...pressed] };
}

function plain(block: object): object {
  if (isPlan(block)) return cardLines(block);
  return isChart(block) ? chartLines(block) : block;
}

const isActions = (block: object): block is ActionsBlock => 'type' in block && block.type === 'actions';
const isSection = (block: object): block is SectionBlock => 'type' in block && block.type === 'section';
const isPlan = (block: object): block is PlanBlock => 'type' in block && block.type === 'plan';
const isCard = (task: object): task is TaskCardBlock => 'type' in task && task.type === 'task_card';

function cardLines({ tasks = [] }: PlanBlock): SectionBlock {
  return section(
    ...tasks.filter(isCard).map(({ title, status, details }) => {
      const said = details ? `: ${spoken(details)}` : '';
      return `${MARK[status]} *${title}*${WORD[status]}${said}`;
    }),
  );
}

function chartLines({ title, chart: { series, axis_config: axis } }: ChartBlock): SectionBlock {
  const [first, last] = [axis.categories[0] ?? '', axis.categories.at(-1) ?? ''];
  return section(
    `*${foreign(title)}* (${foreign(axis.y_label)}, from ${foreign(first)} to ${foreign(last)})`,
    ...series.map(({ name, data }) => `${foreign(name)}: ${data.map(({ value }) => value).join(' ')}`),
  );
}

function spoken({ elements }: RichTextBlock): string {
  return elements
    .flatMap(part => (part.type === 'rich_text_section' ? part.elements : []))
    .map(element => {
      if (element.type === 'text') return inert(element.text);
      return element.type === 'date' ? time(element.timestamp * 1000) : '';
    })
    .join('');
}
