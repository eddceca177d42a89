import type { IncomingMessage, ServerResponse } from 'node:http';

/** Bolt checks a request's age, but takes those from the future (seen with 5.1). */
const FUTURE_SECONDS = 60;
/** As Slack sends commands and interactions, and events. Bolt reads everything else as JSON, too. */
const TYPES: ReadonlySet<string> = new Set(['application/x-www-form-urlencoded', 'application/json']);

/** Bolt reads no further than that, so that one signature could come in many forms. */
const SIGNATURE = /^v0=[0-9a-f]{64}$/;

type Receive = (request: IncomingMessage, response: ServerResponse) => void;

type Guard = {
  /** The only path that Slack posts to. */
  path: string;
  /** Bytes. */
  most: number;
  onError: (error: unknown) => void;
};

/**
 * Refuses what Slack does not send: by its path and headers before any of it is read, then by its size and form. Whether
 * the signature is right, and its age, Bolt checks; but a signed body that is no object would end the process, and it
 * throws at a path that it does not know (seen with 5.1).
 */
export function guarded(receive: Receive, { path, most, onError }: Guard): Receive {
  return (request, response) => {
    const refuse = (status: number) => {
      if (!response.headersSent) response.writeHead(status, { connection: 'close' }).end();
    };
    if (request.method !== 'POST') return receive(request, response);
    if (request.url?.split('?')[0] !== path) return refuse(404);
    const status = refusal(request.headers);
    if (status !== null) return refuse(status);
    bodyOf(request, most)
      .then(
        body => {
          if (body === null) return refuse(413);
          if (!isObject(body.toString(), request.headers['content-type'])) return refuse(400);
          // Bolt reads no further where it finds this.
          receive(Object.assign(request, { rawBody: body }), response);
        },
        // A request that breaks off needs no answer.
        () => void response.destroy(),
      )
      .catch(error => {
        onError(error);
        refuse(500);
      });
  };
}

/** Null when it is larger. By events, since iterating is slower. */
function bodyOf(request: IncomingMessage, most: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) resolve(null);
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('The request broke off'));
    });
  });
}

/** Forms without a payload are commands. */
function isObject(body: string, type: string | undefined): boolean {
  if (type === 'application/json') return OBJECT.test(body);
  // Not read where there is none: commands come in hundreds.
  if (!PAYLOAD.test(body)) return true;
  return new URLSearchParams(body).getAll('payload').every(said => OBJECT.test(said));
}

const OBJECT = /^\s*\{/;
/** Also as `%70ayload=` and the like. */
const PAYLOAD = /(^|&)(payload|[^=&%]*%[^=&]*)=/;

function refusal(headers: IncomingMessage['headers']): number | null {
  const timestamp = Number(headers['x-slack-request-timestamp'] ?? 0);
  if (!(timestamp <= Date.now() / 1000 + FUTURE_SECONDS)) return 401;
  const signature = headers['x-slack-signature'];
  if (typeof signature === 'string' && !SIGNATURE.test(signature)) return 401;
  return TYPES.has(headers['content-type'] ?? '') ? null : 415;
}
