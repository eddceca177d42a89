import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogLine } from '../contract.ts';
import type { LogSession, Platform } from '../platform.ts';

// Addresses that Heroku gives out on other hosts: who has one may use it, without a token.

/** Answers sources, output streams and log sessions; false when the path is none of them. */
export function serveOpenly(platform: Platform, url: URL, request: IncomingMessage, response: ServerResponse): boolean {
  const [, kind, id = ''] = url.pathname.split('/');
  switch (kind) {
    case 'source-blobs':
      void serveSource(platform, id, url.searchParams.get('signature'), request, response);
      return true;
    case 'streams': {
      const output = outputOf(platform, id);
      if (output) output.serve(request, response);
      else response.writeHead(404).end();
      return true;
    }
    case 'log-sessions': {
      const session = platform.sessions.get(id);
      if (!session || session.until < Date.now()) response.writeHead(404).end();
      else void serveLog(session, request, response);
      return true;
    }
    default:
      return false;
  }
}

async function serveSource(
  platform: Platform,
  id: string,
  signature: string | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const wanted = request.method === 'PUT' ? 'put' : 'get';
  const known = platform.sources.get(id);
  // Signed for one method, and for no content type.
  if (known === undefined || signature !== wanted || (wanted === 'put' && request.headers['content-type'])) {
    response
      .writeHead(403, { 'content-type': 'application/xml' })
      .end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
    return;
  }
  if (wanted === 'put') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    platform.sources.set(id, Buffer.concat(chunks));
    response.writeHead(200).end();
  } else if (known === null) {
    response.writeHead(404).end();
  } else {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(known);
  }
}

function outputOf(platform: Platform, id: string) {
  for (const app of platform.apps) {
    const found = app.builds.find(build => build.id === id) ?? app.releases.find(release => release.id === id);
    if (found) return found.output;
  }
  return null;
}

const format = ({ at, source, process, text }: LogLine): string =>
  `${at.toISOString().replace('Z', '000+00:00')} ${source}[${process}]: ${text}`;

/** Plain text, or with `Accept: text/event-stream` one event a line. */
async function serveLog(
  { app, filter }: LogSession,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const events = (request.headers.accept ?? '').includes('text/event-stream');
  response.writeHead(200, { 'content-type': events ? 'text/event-stream' : 'application/logplex-1' });
  response.flushHeaders();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  // Without one a client that went away quietly is never noticed [assumed: real sessions send newlines].
  const heartbeat = setInterval(() => response.write(events ? ': \n\n' : '\0'), 15_000);
  let id = 0;
  try {
    for await (const line of app.runtime.logs.read(filter, gone.signal)) {
      response.write(events ? `id: ${++id}\ndata: ${format(line)}\n\n` : `${format(line)}\n`);
    }
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
