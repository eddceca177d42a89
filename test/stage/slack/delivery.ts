import { createHmac, randomUUID } from 'node:crypto';

/** Slack gives up on the bot after this. */
export const ANSWER_WITHIN_MS = 3_000;
const FORM = 'application/x-www-form-urlencoded';

/**
 * How the bot took a request: `ms` until its answer; `status` null when there was none in time, or no connection.
 * `connection` counts those of Socket Mode from 1 on, in the order in which they were opened.
 */
export type Taken = {
  ms: number;
  status: number | null;
  error: 'operation_timeout' | 'dispatch_failed' | null;
  body: string;
  connection?: number;
};

/** An event that comes again: for which time, and how it was taken before. */
export type Again = { time: number; before: Taken };

/** How Slack reaches the bot. */
export type Delivery = {
  command(fields: Record<string, string>): Promise<Taken>;
  interaction(payload: { type: string }): Promise<Taken>;
  event(body: object, again: Again | null): Promise<Taken>;
};

/** Sends to the bot over HTTP, signed as Slack signs (docs.slack.dev, authentication/verifying-requests-from-slack). */
export class HttpDelivery implements Delivery {
  readonly #signingSecret: string;
  readonly #botUrl: () => string;

  constructor(signingSecret: string, botUrl: () => string) {
    this.#signingSecret = signingSecret;
    this.#botUrl = botUrl;
  }

  command(fields: Record<string, string>): Promise<Taken> {
    return this.#send(new URLSearchParams(fields).toString(), FORM, {});
  }

  interaction(payload: object): Promise<Taken> {
    return this.command({ payload: JSON.stringify(payload) });
  }

  event(body: object, again: Again | null): Promise<Taken> {
    const headers = again
      ? { 'x-slack-retry-num': String(again.time), 'x-slack-retry-reason': reasonOf(again.before) }
      : {};
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

const reasonOf = ({ error, status }: Taken): string =>
  error === 'operation_timeout' ? 'http_timeout' : status ? 'http_error' : 'connection_failed';
