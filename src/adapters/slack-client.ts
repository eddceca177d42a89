import { LogLevel, type Logger as SlackLogger, type WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';

/** Longest wait for an answer of Slack, ms: shorter than a claim on a message lasts. */
export const CALL_WITHIN_MS = 8_000;

/** Where Slack takes answers to a `response_url`: its own, and GovSlack's (docs.slack.dev, gov-slack). */
const HOOKS: readonly string[] = ['https://hooks.slack.com', 'https://hooks.slack-gov.com'];

export type SlackAccess = { botToken: string; slackApiUrl: string; log: Logger };

/**
 * Calls are made once and never queued: whoever calls is told of a 429, and waits as long as that channel must. Nothing but
 * Slack is called, whatever a request names as its address for answers: whoever has the signing secret can make one.
 * `over`: ends all calls together, however many.
 */
export function clientOptions(
  { slackApiUrl, log }: Omit<SlackAccess, 'botToken'>,
  over?: AbortSignal,
): WebClientOptions {
  const slack = [...HOOKS, new URL(slackApiUrl).origin];
  return {
    slackApiUrl: slackApiUrl.replace(/\/*$/, '/'),
    // One 429 would stop every call of the workspace, and a 404 be repeated for half an hour (both seen with 8.2).
    rejectRateLimitedCalls: true,
    retryConfig: { retries: 0 },
    timeout: CALL_WITHIN_MS,
    // Bolt answers to a `response_url` with this, and without a timeout of its own.
    fetch: async (url, init) => {
      const { origin } = new URL(url instanceof Request ? url.url : url);
      if (!slack.includes(origin)) throw new Error(`${origin} is no address of Slack: nothing is sent there`);
      const signals = [AbortSignal.timeout(CALL_WITHIN_MS), init?.signal, over].filter(signal => signal != null);
      return fetch(url, { ...init, signal: AbortSignal.any(signals) });
    },
    logger: slackLogger(log),
  };
}

/** Slack's libraries speak several words at once, and would set levels of their own. */
export function slackLogger(log: Logger): SlackLogger {
  const words = (said: unknown[]): string => said.map(String).join(' ');
  return {
    debug: (...said) => log.trace(words(said)),
    info: (...said) => log.debug(words(said)),
    warn: (...said) => log.warn(words(said)),
    error: (...said) => log.error(words(said)),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
