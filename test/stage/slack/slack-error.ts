/** Slack's `{ ok: false, error }`. */
export class SlackError extends Error {
  readonly messages: string[];
  readonly more: Record<string, unknown>;

  constructor(code: string, messages: string[] = [], more: Record<string, unknown> = {}) {
    super(code);
    this.messages = messages;
    this.more = more;
  }
}
