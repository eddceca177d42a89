import { WebAPIPlatformError, WebAPIRateLimitedError } from '@slack/web-api';
import { MessageRefused } from '../team.ts';

// What Slack's refusals mean (docs.slack.dev, errors of chat.postMessage and conversations.history).

/** Slack wants no more of this for a while. `retryAfterMs` says how long: a Chat's rejections may carry it. */
class SlackBusy extends Error {
  readonly retryAfterMs: number;

  constructor(seconds: number, cause: unknown) {
    super(`Slack asks to wait ${seconds} s`, { cause });
    this.name = 'SlackBusy';
    this.retryAfterMs = seconds * 1000;
  }
}

/** Final until a person mends it. A private channel that the bot was taken out of does not exist for it. */
const GONE: { readonly [code: string]: NonNullable<MessageRefused['gone']> } = {
  is_archived: 'archived',
  is_inactive: 'archived',
  channel_not_found: 'not in it',
  not_in_channel: 'not in it',
  restricted_action: 'not allowed',
  restricted_action_read_only_channel: 'not allowed',
  restricted_action_thread_only_channel: 'not allowed',
  restricted_action_non_threadable_channel: 'not allowed',
  thread_not_found: 'thread',
};
/** Of this very message, whenever it is sent. All others may be of the bot's token, the workspace, or a channel that moves. */
const FINAL: ReadonlySet<string> = new Set([
  ...['cant_update_message', 'edit_window_closed', 'block_mismatch', 'no_text', 'msg_too_long', 'msg_blocks_too_long'],
  ...['invalid_blocks', 'invalid_blocks_format', 'too_many_attachments', 'slack_connect_file_link_sharing_blocked'],
]);
/** Slack's own trouble: "some aspect of the operation" may have succeeded. */
const UNSURE: ReadonlySet<string> = new Set(['fatal_error', 'internal_error', 'service_unavailable', 'update_failed']);
/** Slack's own trouble, whatever was asked: it passes, so it says no to nothing. */
const PASSES: ReadonlySet<string> = new Set([...UNSURE, 'request_timeout']);
/** The blocks as they are, whatever they say: it may take others. */
const LOOKS: ReadonlySet<string> = new Set([
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
  'msg_too_long',
]);

/** What whoever waits for Slack understands: that it is busy and for how long, or that it surely took nothing. */
export function told(error: unknown): unknown {
  if (error instanceof WebAPIRateLimitedError) return new SlackBusy(error.retryAfter, error);
  const code = codeOf(error);
  if (code === null || UNSURE.has(code)) return error;
  const gone = Object.hasOwn(GONE, code) ? GONE[code] : undefined;
  return new MessageRefused(`Slack refuses: ${code}`, gone ?? (FINAL.has(code) ? null : 'not now'), error);
}

export const isCode = (error: unknown, ...codes: string[]): boolean => codes.includes(codeOf(error) ?? '');

/** There is nothing to read, nor to post to, before a person mends that. */
export const isChannelGone = (error: unknown): boolean => Object.hasOwn(GONE, codeOf(error) ?? '');

/** A plain no of Slack: asking again does not help. */
export const isNo = (error: unknown): error is WebAPIPlatformError => !PASSES.has(codeOf(error) ?? 'internal_error');

/** Another look of the same message may be taken. */
export const isLookRefused = (error: unknown): boolean => LOOKS.has(codeOf(error) ?? '');

const codeOf = (error: unknown): string | null => (error instanceof WebAPIPlatformError ? error.data.error : null);
