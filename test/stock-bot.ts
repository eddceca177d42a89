import { App, HTTPReceiver } from '@slack/bolt';
import pino from 'pino';
import { slackLogger } from '../src/adapters/slack-client.ts';
import type { Slack } from './stage/slack/slack.ts';

/** A bot that answers as stock Bolt does, with the listeners that a test adds. */
export async function startStockBot(
  slack: Slack,
  signingSecret: string,
): Promise<{ app: App; stop: () => Promise<void> }> {
  const logger = slackLogger(pino({ level: 'silent' }));
  const receiver = new HTTPReceiver({ signingSecret, logger });
  const clientOptions = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } };
  const app = new App({ receiver, logger, clientOptions, authorize: async () => ({ botToken: 'xoxb-1' }) });
  const address = (await receiver.start({ port: 0, host: '127.0.0.1' })).address();
  slack.botUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/slack/events`;
  const { botUrl } = slack;
  return {
    app,
    stop: async () => {
      const stopped = receiver.stop();
      await fetch(botUrl, { headers: { connection: 'close' } }).catch(() => {});
      await stopped;
    },
  };
}
