import { setTimeout as sleep } from 'node:timers/promises';
import type { App, Receiver, ReceiverEvent } from '@slack/bolt';
import { SocketModeClient, type SocketModeOptions } from '@slack/socket-mode';
import { WebAPIRateLimitedError } from '@slack/web-api';
import type { Logger } from 'pino';
import { z } from 'zod';
import { clientOptions, slackLogger } from './slack-client.ts';
import { isNo } from './slack-refusals.ts';
import { within } from './within.ts';

export type SocketParts = { appToken: string; slackApiUrl: string; log: Logger };

/** What Slack waits for an acknowledgement is 3 s; who stops gives those that are under way so long. */
const ACKNOWLEDGE_WITHIN_MS = 2_500;
const CLOSE_WITHIN_MS = 500;
/** From the call until Slack has said hello. */
const OPEN_WITHIN_MS = 15_000;
const RETRY_MS = { first: 500, most: 30_000 };

const envelope = z.object({ type: z.string() });
/** What the library gives of an envelope. */
type Given = {
  ack: (answer?: unknown) => Promise<void>;
  envelope_id: string;
  body: ReceiverEvent['body'];
  retry_num?: number;
  retry_reason?: string;
};

/** One connection, which is never opened again. Emits `leaving` when Slack says that it will close it, and goes on till then. */
class Connection extends SocketModeClient {
  constructor(options: SocketModeOptions) {
    super({ ...options, autoReconnectEnabled: false });
  }

  /** The library closes at once, which loses acknowledgements that are under way, and opens another one after 5 s (seen with 3.1). */
  protected override async onWebSocketMessage(data: string | ArrayBuffer, isBinary: boolean): Promise<void> {
    if (isBinary || typeOf(data) !== 'disconnect') return super.onWebSocketMessage(data, isBinary);
    this.emit('leaving');
  }
}

/**
 * Slack's Socket Mode for Bolt: always one connection, and the next one is open before Slack closes the last. Acknowledgements
 * never reject: what was kept is worked also when Slack does not hear that it was.
 */
export class SocketReceiver implements Receiver {
  readonly #parts: SocketParts;
  readonly #stopping = new AbortController();
  readonly #connections = new Set<Connection>();
  readonly #unacknowledged = new Set<Promise<void>>();
  #app: App | null = null;

  constructor(parts: SocketParts) {
    this.#parts = parts;
  }

  init(app: App): void {
    this.#app = app;
  }

  /** Rejects when there is no connection. */
  readonly sure = async (): Promise<void> => {
    const open = [...this.#connections].some(({ websocket }) => websocket?.isActive());
    if (!open) throw new Error('Slack has no connection to give us what people do');
  };

  /** Rejects when Slack refuses the token. When Slack is away it is asked again until it is there. */
  async start(): Promise<void> {
    await this.#open().catch(error => {
      if (isNo(error)) throw new Error(`Slack opens no connection for SLACK_APP_TOKEN: ${error.message}`);
      this.#parts.log.warn({ err: error }, 'Slack opens no connection yet');
      void this.#openAgain();
    });
  }

  /**
   * Closes when all that came is acknowledged: Slack gives nothing more then. Of what it sends in that instant nobody hears:
   * events come again, and people are told by Slack that it failed.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const late = AbortSignal.timeout(ACKNOWLEDGE_WITHIN_MS);
    const tooLate = new Promise(resolve => late.addEventListener('abort', resolve));
    while (this.#unacknowledged.size > 0 && !late.aborted)
      await Promise.race([Promise.all(this.#unacknowledged), tooLate]);
    const closed = [...this.#connections].map(connection => connection.disconnect());
    await Promise.race([Promise.all(closed), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
  }

  async #open(): Promise<void> {
    const { appToken, log } = this.#parts;
    const connection = new Connection({
      ...{ appToken, logger: slackLogger(log) },
      clientOptions: clientOptions(this.#parts),
    });
    connection.on('slack_event', (given: Given) => void this.#take(given));
    // Before anything else that comes with it.
    connection.once('connected', () => {
      this.#connections.add(connection);
      let replaced = false;
      const replace = () => {
        if (replaced) return;
        replaced = true;
        void this.#openAgain();
      };
      // Slack closes it soon after. Whoever closes first loses what Slack sends meanwhile.
      connection.once('leaving', replace);
      connection.once('disconnected', () => {
        this.#connections.delete(connection);
        replace();
      });
    });
    try {
      await within(OPEN_WITHIN_MS, connection.start());
    } catch (error) {
      void connection.disconnect();
      // The library says nothing when it was hung up on.
      throw error ?? new Error('The connection was closed before Slack said hello');
    }
    if (this.#stopping.signal.aborted) await connection.disconnect();
  }

  /** Resolves when another connection is there, or when we stop. */
  async #openAgain(): Promise<void> {
    const { signal } = this.#stopping;
    for (let ms = RETRY_MS.first; !signal.aborted; ms = Math.min(2 * ms, RETRY_MS.most)) {
      try {
        return await this.#open();
      } catch (err) {
        this.#parts.log.error({ err }, 'Slack opens no connection: it is asked again');
        const waitMs = err instanceof WebAPIRateLimitedError ? err.retryAfter * 1_000 : ms;
        await sleep(waitMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #take({ ack, envelope_id, body, retry_num, retry_reason }: Given): Promise<void> {
    const { log } = this.#parts;
    const acknowledged = Promise.withResolvers<void>();
    this.#unacknowledged.add(acknowledged.promise);
    const end = () => {
      this.#unacknowledged.delete(acknowledged.promise);
      acknowledged.resolve();
    };
    const event: ReceiverEvent = {
      body,
      ack: async answer => {
        await ack(answer).catch(err =>
          log.warn({ err, id: envelope_id }, 'Slack was not told that a request is taken'),
        );
        end();
      },
      ...(retry_num === undefined ? {} : { retryNum: retry_num }),
      ...(retry_reason === undefined ? {} : { retryReason: retry_reason }),
      customProperties: { delivery: envelope_id },
    };
    try {
      await this.#app?.processEvent(event);
    } catch (err) {
      log.error({ err }, 'a request of Slack could not be handled');
    } finally {
      end();
    }
  }
}

function typeOf(data: string | ArrayBuffer): string | null {
  const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
  try {
    return envelope.parse(JSON.parse(text)).type;
  } catch {
    return null;
  }
}
