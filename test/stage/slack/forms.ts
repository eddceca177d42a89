import { z } from 'zod';
import type { Stage } from './method.ts';
import { SlackError } from './slack-error.ts';
import { push, replace, type View } from './views.ts';

/** What the bot may answer to a form (docs.slack.dev, surfaces/modals: handling submissions). */
const answer = z.discriminatedUnion('response_action', [
  z.strictObject({ response_action: z.literal('errors'), errors: z.record(z.string(), z.string().min(1)) }),
  z.strictObject({ response_action: z.literal('update'), view: z.unknown() }),
  z.strictObject({ response_action: z.literal('push'), view: z.unknown() }),
  z.strictObject({ response_action: z.literal('clear') }),
]);

/**
 * Does with a form what the bot answered to it; without a word it closes. Gives the problems to be shown at its fields,
 * by block. Throws SlackError for an answer that Slack would not take.
 */
export function takeAnswer(form: View, body: string, stage: Stage): Record<string, string> {
  if (body.trim() === '') {
    closeForm(form, stage);
    return {};
  }
  const read = answer.safeParse(jsonOf(body));
  if (!read.success) throw new SlackError('invalid_response', [z.prettifyError(read.error)]);
  const { data } = read;
  switch (data.response_action) {
    case 'errors': {
      const fields = form.blocks.filter(({ type }) => type === 'input').map(({ block_id }) => block_id);
      const unknown = Object.keys(data.errors).find(block => !fields.includes(block));
      if (unknown !== undefined) throw new SlackError('invalid_response', [`there is no field ${unknown}`]);
      return data.errors;
    }
    case 'update':
      replace(form, data.view, stage);
      break;
    case 'push':
      push(data.view, form.user, stage);
      break;
    case 'clear':
      stage.views.open = stage.views.open.filter(({ user }) => user !== form.user);
      break;
    default:
      data satisfies never;
  }
  stage.workspace.emit('view', form.user);
  return {};
}

export function closeForm(form: View, { views, workspace }: Stage): void {
  views.open = views.open.filter(open => open !== form);
  workspace.emit('view', form.user);
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
