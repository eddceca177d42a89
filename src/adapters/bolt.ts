import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type App, HTTPReceiver, type Logger as SlackLogger } from '@slack/bolt';
import { type Taking, TakingApp } from './bolt-app.ts';
import { guarded } from './bolt-guard.ts';
import { type Checks, healthListener, healthRoutes } from './health.ts';
import { clientOptions, type SlackAccess, slackLogger } from './slack-client.ts';
import { SocketReceiver } from './socket-mode.ts';

export type BoltParts = SlackAccess &
  Omit<Taking, 'log'> & {
    signingSecret: string;
    /** With one, Slack is listened to over its Socket Mode instead of HTTP. */
    appToken?: string | undefined;
    /** 0 for any free one. */
    port: number;
    /** All addresses when not given, as Heroku wants it. */
    host?: string;
    /** What `/readyz` asks. */
    checks: Checks;
  };

export type Bolt = {
  app: App;
  /** Gives the port that is listened on: over Socket Mode for Heroku alone, which stops a web dyno that listens on none. */
  start(): Promise<number>;
  /** Works what another instance left: to be called every few seconds. */
  workLeft(): Promise<void>;
  /** Takes no more, and waits for the work that was begun, within 4 s. */
  stop(): Promise<void>;
};

/** Where the manifest has Slack send everything. */
const PATH = '/slack/events';
/** Slack gives up on an answer after 3 s. */
const ANSWER_WITHIN_MS = 2_500;
const STOP_WITHIN_MS = 4_000;
/** Bytes. A form, the largest that Slack sends, has at most 250 kB (reference/views). */
const BODY_LIMIT = 1024 * 1024;

/** Bolt with a receiver of its own: over HTTP, or Socket Mode with an app token. */
export function createBolt(parts: BoltParts): Bolt {
  const { botToken, log } = parts;
  const logger = slackLogger(log);
  const { appToken } = parts;
  const receiver = appToken ? new SocketReceiver({ ...parts, appToken }) : httpReceiver(parts, logger);
  const options = {
    receiver,
    // Given, so that starting needs no call of auth.test.
    authorize: async () => ({ botToken }),
    convoStore: false as const,
    logger,
    clientOptions: clientOptions(parts),
  };
  const app = new TakingApp(options, parts);
  app.error(async err => log.error({ err }, 'a listener of Slack failed'));

  let server: Server | undefined;
  return {
    app,
    async start() {
      const where = { port: parts.port, ...(parts.host ? { host: parts.host } : {}) };
      if (receiver instanceof SocketReceiver) {
        server = createServer(healthListener({ ...parts.checks, 'socket mode': receiver.sure }));
        await once(server.listen(where), 'listening');
        await receiver.start();
      } else server = await receiver.start(where);
      const address = server.address();
      return typeof address === 'object' && address ? address.port : parts.port;
    },
    workLeft: () => app.workLeft(),
    async stop() {
      if (receiver instanceof SocketReceiver) server?.close();
      const closed = receiver.stop().catch(err => log.warn({ err }, 'Slack was not listened to'));
      const idle = setInterval(() => server?.closeIdleConnections(), 50);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, STOP_WITHIN_MS);
      });
      server?.closeIdleConnections();
      await Promise.race([Promise.all([closed, app.idle()]), late]);
      clearTimeout(timer);
      clearInterval(idle);
      server?.closeAllConnections();
    },
  };
}

function httpReceiver({ signingSecret, log, checks }: BoltParts, logger: SlackLogger): HTTPReceiver {
  const receiver = new HTTPReceiver({
    signingSecret,
    endpoints: [PATH],
    logger,
    bodyLimit: BODY_LIMIT,
    customPropertiesExtractor: ({ headers }) => ({ delivery: headers['x-slack-signature'] }),
    customRoutes: healthRoutes(checks),
    unhandledRequestTimeoutMillis: ANSWER_WITHIN_MS,
    unhandledRequestHandler: ({ response }) => sorry(response),
    processEventErrorHandler: async ({ error: err, response }) => {
      log.error({ err }, 'a request of Slack could not be handled');
      sorry(response);
      return true;
    },
  });
  receiver.requestListener = guarded(receiver.requestListener, {
    path: PATH,
    most: BODY_LIMIT,
    onError: err => log.error({ err }, 'a request of Slack could not be taken'),
  });
  return receiver;
}

/** A status other than 200 would show people no more than `dispatch_failed`. */
function sorry(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end('This bot could not take that in: this is our fault, not yours. Try again in a minute.');
}
