import { createHmac, randomUUID } from 'node:crypto';

/** Slack gives up on the bot after this. */
const ANSWER_WITHIN_MS = 3_000;

/** How the bot took a request: `ms` until its answer; null when there was none in time, or no connection. */
export type Taken = {
  ms: number;
  status: number | null;
  error: 'operation_timeout' | 'dispatch_failed' | null;
  body: string;
};

/** Sends to the bot, signed as Slack signs (docs.slack.dev, authentication/verifying-requests-from-slack). */
export class Delivery {
  readonly #signingSecret: string;
  readonly #botUrl: () => string;

  constructor(signingSecret: string, botUrl: () => string) {
    this.#signingSecret = signingSecret;
    this.#botUrl = botUrl;
  }

  /** As commands and interactions come. */
  form(fields: Record<string, string>): Promise<Taken> {
    return this.#send(new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded', {});
  }

  /** As events come. */
  json(body: object, headers: Record<string, string>): Promise<Taken> {
    return this.#send(JSON.stringify(body), 'application/json', headers);
  }

  async #send(body: string, type: string, more: Record<string, string>): Promise<Taken> {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const digest = createHmac('sha256', this.#signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const began = performance.now();
    const taken = (status: number | null, error: Taken['error'], said = ''): Taken => ({
      ms: performance.now() - began,
      status,
      error,
      body: said,
    });
    try {
      const response = await fetch(this.#botUrl(), {
        method: 'POST',
        headers: {
          'content-type': type,
          'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
          'x-slack-request-timestamp': timestamp,
          'x-slack-signature': `v0=${digest}`,
          'x-request-id': randomUUID(),
          ...more,
        },
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const said = await response.text();
      return taken(response.status, response.ok ? null : 'dispatch_failed', said);
    } catch (error) {
      const late = error instanceof Error && error.name === 'TimeoutError';
      return taken(null, late ? 'operation_timeout' : 'dispatch_failed');
    }
  }
}
