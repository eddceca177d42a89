import type { IncomingMessage, ServerResponse } from 'node:http';

/** Bolt checks a request's age, but takes those from the future (seen with 5.1). */
const FUTURE_SECONDS = 60;
/** As Slack sends commands and interactions, and events. Bolt reads everything else as JSON, too. */
const TYPES: ReadonlySet<string> = new Set(['application/x-www-form-urlencoded', 'application/json']);

/** Bolt reads no further than that, so that one signature could come in many forms. */
const SIGNATURE = /^v0=[0-9a-f]{64}$/;

type Receive = (request: IncomingMessage, response: ServerResponse) => void;

/** Refuses what Slack does not send, before any of it is read. Whether the signature is right, and its age, Bolt checks. */
export function guarded(receive: Receive): Receive {
  return (request, response) => {
    const status = request.method === 'POST' ? refusal(request.headers) : null;
    if (status === null) receive(request, response);
    else response.writeHead(status, { connection: 'close' }).end();
  };
}

function refusal(headers: IncomingMessage['headers']): number | null {
  const timestamp = Number(headers['x-slack-request-timestamp'] ?? 0);
  if (!(timestamp <= Date.now() / 1000 + FUTURE_SECONDS)) return 401;
  const signature = headers['x-slack-signature'];
  if (typeof signature === 'string' && !SIGNATURE.test(signature)) return 401;
  return TYPES.has(headers['content-type'] ?? '') ? null : 415;
}
