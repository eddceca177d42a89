import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogLine } from '../contract.ts';
import type { Platform } from '../platform.ts';

// Addresses that Heroku gives out on other hosts: who has one may use it, without a token.

type Exchange = { platform: Platform; url: URL; request: IncomingMessage; response: ServerResponse };

/** Sources, output streams and log sessions; null for the path of an API call. */
export function openAddress({ pathname }: URL): ((exchange: Exchange) => Promise<void>) | null {
  const [, kind, id = ''] = pathname.split('/');
  switch (kind) {
    case 'source-blobs':
      return exchange => serveSource(exchange, id);
    case 'streams':
      return async ({ platform, request, response }) => {
        const output = platform.output(id);
        if (output) output.serve(request, response);
        else response.writeHead(404).end();
      };
    case 'log-sessions':
      return exchange => serveLog(exchange, id);
    default:
      return null;
  }
}

async function serveSource({ platform, url, request, response }: Exchange, id: string): Promise<void> {
  const wanted = request.method === 'PUT' ? 'put' : 'get';
  const known = platform.sources.get(id);
  const signed = url.searchParams.get('signature') === wanted;
  // Signed for one method, and for no content type.
  if (known === undefined || !signed || (wanted === 'put' && request.headers['content-type'])) {
    response
      .writeHead(403, { 'content-type': 'application/xml' })
      .end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
  } else if (wanted === 'put') {
    platform.sources.set(id, Buffer.concat(await request.toArray()));
    response.writeHead(200).end();
  } else if (known === null) {
    response.writeHead(404).end();
  } else {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(known);
  }
}

const format = ({ at, source, process, text }: LogLine): string =>
  `${at.toISOString().replace('Z', '000+00:00')} ${source}[${process}]: ${text}`;

/** Plain text, or with `Accept: text/event-stream` one event a line. */
async function serveLog({ platform, request, response }: Exchange, id: string): Promise<void> {
  const session = platform.sessions.get(id);
  if (!session || session.until < Date.now()) {
    response.writeHead(404).end();
    return;
  }
  const { app, filter } = session;
  const events = (request.headers.accept ?? '').includes('text/event-stream');
  response.writeHead(200, { 'content-type': events ? 'text/event-stream' : 'application/logplex-1' });
  response.flushHeaders();
  const reader = { app, response };
  platform.reading.add(reader);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  // Without one a client that went away quietly is never noticed [assumed: real sessions send newlines].
  const heartbeat = setInterval(() => response.write(events ? ': \n\n' : '\0'), 15_000);
  let event = 0;
  try {
    for await (const line of app.runtime.logs.read(filter, gone.signal)) {
      response.write(events ? `id: ${++event}\ndata: ${format(line)}\n\n` : `${format(line)}\n`);
    }
  } finally {
    clearInterval(heartbeat);
    platform.reading.delete(reader);
    response.end();
  }
}
