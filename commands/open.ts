import type { ModalView } from '@slack/types';
import { WebAPIPlatformError, WebAPIRateLimitedError, type WebClient } from '@slack/web-api';
import { Refusal } from '../src/domain/refusal.ts';

/** Opens a form for whoever pressed, also in another one (`on`); Slack allows that for 3 s (reference/methods/views.open). */
export async function openForm(
  client: WebClient,
  trigger_id: string,
  view: ModalView,
  { on = null }: { on?: string | null } = {},
): Promise<void> {
  try {
    // A form on a form is pushed; to open another one is meant for what is no form (reference/surfaces/modals).
    await (on === null ? client.views.open({ trigger_id, view }) : client.views.push({ trigger_id, view }));
  } catch (error) {
    const late = error instanceof WebAPIPlatformError && error.data.error === 'expired_trigger_id';
    if (late) throw new Refusal(['The form came too late: Slack gives it 3 s. Nothing was done: try again.']);
    if (!(error instanceof WebAPIRateLimitedError)) throw error;
    throw new Refusal([
      `Slack takes no more from this bot for ${error.retryAfter} s, so the form did not open. Nothing was done: try again then.`,
    ]);
  }
}
