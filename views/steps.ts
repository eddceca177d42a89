import type { PlanBlock, RichTextBlock, TaskCardBlock } from '@slack/types';
import type { Deploy, StepState } from '../src/domain/deploy.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { type Words, wordsFor } from './step-words.ts';
import { literal, secondsOf, utc } from './text.ts';

const STATUS = {
  pending: 'pending',
  running: 'in_progress',
  done: 'complete',
  failed: 'error',
  skipped: 'pending',
} as const satisfies Record<StepState, TaskCardBlock['status']>;

/** The deploy's steps as Slack draws a plan: one card each, with its state and what there is to know of it. */
export function stepCards(deploy: Deploy): PlanBlock {
  return {
    type: 'plan',
    title: deploy.plan.back
      ? `Going back to v${deploy.plan.back.version} of ${literal(deploy.plan.app, 60)}`
      : `Deploy of ${literal(deploy.plan.app, 60)}`,
    tasks: stepsOf(deploy).map((reading, index): TaskCardBlock => {
      const words = wordsFor(reading, deploy);
      const details = words.length > 0 ? { details: richText(words) } : {};
      return {
        type: 'task_card',
        task_id: `step-${index + 1}`,
        title: reading.step,
        status: STATUS[reading.state],
        ...details,
      };
    }),
  };
}

function richText(words: Words): RichTextBlock {
  const elements = words.map(word =>
    typeof word === 'string'
      ? ({ type: 'text', text: word } as const)
      : ({ type: 'date', timestamp: secondsOf(word.at), format: '{time_secs}', fallback: utc(word.at) } as const),
  );
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] };
}
