import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Slack } from '../slack/slack.ts';
import { carryOut, readAct } from './acts.ts';
import { bundlePage, type File } from './bundle.ts';
import { feed } from './feed.ts';
import type { Board, Knob, News, PersonSeen } from './shapes.ts';

export type PageAsk = {
  slack: Slack;
  /** Who may be played, the first one first, and as what. */
  people: PersonSeen[];
  board: () => Board;
  turn: (knob: Knob, app: string, on: boolean) => Promise<void>;
};

export type Page = { url: string; stop(): Promise<void> };

const BOARD_EVERY_MS = 500;
const MOST_BODY = 100_000;

/** What the page may load and talk to: itself. */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The local Slack and Heroku to look at and to use, in a browser on this machine. */
export async function startPage(ask: PageAsk): Promise<Page> {
  const files = await bundlePage();
  const server = createServer((request, response) => {
    serve(ask, files, request, response).catch(error => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  ask: PageAsk,
  files: Map<string, File>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { host = '' } = request.headers;
  // Another site that points its own name at this machine is turned away: it would be let in by the browser.
  if (!/^(127\.0\.0\.1|localhost):\d+$/.test(host)) return void response.writeHead(403).end('Ask 127.0.0.1');
  const url = new URL(request.url ?? '/', `http://${host}`);
  const who = ask.people.find(({ name }) => name === url.searchParams.get('as')) ?? ask.people[0];
  if (!who) return void response.writeHead(404).end('There is nobody here');
  if (request.method === 'POST' && url.pathname === '/act') return act(ask, who, request, response);
  if (request.method !== 'GET') return void response.writeHead(405).end();
  if (url.pathname === '/events') return events(ask, who, response);
  if (url.pathname.startsWith('/file/')) return picture(ask, who, url.pathname.slice('/file/'.length), response);
  const file = files.get(url.pathname);
  if (!file) return void response.writeHead(404).end('Not found');
  response.writeHead(200, {
    'content-type': file.type,
    'content-security-policy': CONTENT_POLICY,
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  response.end(file.body);
}

function events({ slack, people, board }: PageAsk, { name }: PersonSeen, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const tell = (news: News) => response.write(`data: ${JSON.stringify(news)}\n\n`);
  const end = feed(slack, slack.person(name), people, tell);
  const tellBoard = () => tell({ kind: 'board', board: board() });
  tellBoard();
  const timer = setInterval(tellBoard, BOARD_EVERY_MS);
  response.once('close', () => {
    clearInterval(timer);
    end();
  });
}

/** A file of a message that this person may see. */
function picture({ slack }: PageAsk, { name }: PersonSeen, id: string, response: ServerResponse): void {
  const person = slack.person(name);
  const seen = slack.workspace.posts.filter(post => !post.deleted && person.maySee(post));
  const file = seen.flatMap(({ files }) => files).find(known => known.id === id);
  if (!file) return void response.writeHead(404).end('Not found');
  response.writeHead(200, { 'content-type': 'image/png', 'x-content-type-options': 'nosniff' }).end(file.bytes);
}

async function act(
  ask: PageAsk,
  { name }: PersonSeen,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { origin, host, 'content-type': type } = request.headers;
  // No other page may act here.
  if (origin !== `http://${host}` || type !== 'application/json') return void response.writeHead(403).end();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_BODY) return void response.writeHead(413).end();
  }
  const answer = (status: number, json: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  try {
    const asked = readAct(Buffer.concat(chunks).toString());
    answer(200, await carryOut(asked, ask.slack.person(name), ask.slack, ask.turn));
  } catch (error) {
    answer(409, { problem: error instanceof Error ? error.message : String(error) });
  }
}
