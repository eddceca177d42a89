import type { PlanBlock, RichTextBlock, SectionBlock, TaskCardBlock } from '@slack/types';
import { section } from './blocks.ts';
import { inert, time } from './text.ts';

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

/** The same message for a workspace that does not take `plan` blocks (it answers `invalid_blocks`): a line for each card. */
export function plainBlocks<M extends { blocks: readonly object[] }>(message: M): M & { blocks: object[] } {
  return { ...message, blocks: message.blocks.map(block => (isPlan(block) ? cardLines(block) : block)) };
}

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

function spoken({ elements }: RichTextBlock): string {
  return elements
    .flatMap(part => (part.type === 'rich_text_section' ? part.elements : []))
    .map(element => {
      if (element.type === 'text') return inert(element.text);
      return element.type === 'date' ? time(element.timestamp * 1000) : '';
    })
    .join('');
}
