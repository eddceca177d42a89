import type { IncomingMessage, ServerResponse } from 'node:http';
import { isValidSlackRequest } from '@slack/bolt';
import type { Logger } from 'pino';

/** Bolt takes requests from the future, and the same request again and again (seen with 5.1). */
const FUTURE_SECONDS = 60;
const PAST_SECONDS = 300;
/** A request may come for 5 minutes after its time, and its time may be a minute ahead of ours. */
const REMEMBERED_MS = 6 * 60_000;
/** The store's answer is awaited this long; Slack waits 3 s for ours. */
const STORE_WITHIN_MS = 400;
const BODY_LIMIT = 4 * 1024 * 1024;

type Receive = (request: IncomingMessage, response: ServerResponse) => void;
type Guard = {
  signingSecret: string;
  /** True when a request with this signature came before, to any instance. */
  seen: (signature: string) => Promise<boolean>;
  log: Pick<Logger, 'warn'>;
};

/** Lets through to Bolt what Slack signed, now, once. What is not signed is Bolt's to refuse. */
export function guarded(receive: Receive, { signingSecret, seen, log }: Guard): Receive {
  const remembered = new Map<string, number>();

  async function isReplay(signature: string): Promise<boolean> {
    const now = Date.now();
    for (const [old, at] of remembered) {
      if (at > now - REMEMBERED_MS) break;
      remembered.delete(old);
    }
    if (remembered.has(signature)) return true;
    remembered.set(signature, now);
    return within(STORE_WITHIN_MS, seen(signature)).catch(err => {
      log.warn({ err }, 'cannot ask the store for replayed requests: only this process knows of its own');
      return false;
    });
  }

  async function check(request: IncomingMessage, response: ServerResponse, header: string): Promise<void> {
    const signature = /^v0=[0-9a-f]{64}$/.exec(header)?.[0];
    const timestamp = Number(request.headers['x-slack-request-timestamp']);
    const age = Date.now() / 1000 - timestamp;
    if (!signature || !(age >= -FUTURE_SECONDS && age <= PAST_SECONDS)) return refuse(response, 401);
    if (Number(request.headers['content-length']) > BODY_LIMIT) return refuse(response, 413);
    const body = await read(request);
    const headers = { 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp };
    const valid = isValidSlackRequest({ signingSecret, body: body.toString(), headers });
    if (!valid) return refuse(response, 401);
    if (await isReplay(signature)) {
      log.warn('a request of Slack was sent again: refused');
      return refuse(response, 401);
    }
    // Bolt reads no further when the body is there.
    receive(Object.assign(request, { rawBody: body }), response);
  }

  return (request, response) => {
    const signature = request.headers['x-slack-signature'];
    if (request.method !== 'POST' || typeof signature !== 'string') return receive(request, response);
    check(request, response, signature).catch(err => {
      log.warn({ err }, 'a request could not be taken');
      refuse(response, 400);
    });
  };
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status).end();
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT) throw new Error(`more than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
