import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHAT } from './chat.ts';
import { FILES } from './files.ts';
import type { Limits } from './limits.ts';
import { need, type Stage } from './method.ts';
import { READING } from './reading.ts';
import type { ResponseUrls } from './response-urls.ts';
import { SlackError } from './slack-error.ts';
import type { Sockets } from './sockets.ts';
import type { Troubles } from './trouble.ts';
import { VIEWS } from './views.ts';

/** One call of the bot's. `at` is ISO, UTC; `status` null when the connection was dropped. */
export type Call = {
  at: string;
  method: string;
  args: Record<string, unknown>;
  ok: boolean;
  status: number | null;
  error: string | null;
  /** What was given back. */
  answer: Record<string, unknown> | null;
};

const METHODS = { ...CHAT, ...FILES, ...READING, ...VIEWS };
/** Arguments that forms carry as JSON, and what Slack says when that cannot be read. */
const JSON_ARGUMENTS: Record<string, string> = {
  blocks: 'invalid_blocks_format',
  files: 'invalid_arguments',
  metadata: 'invalid_metadata_format',
  view: 'invalid_arguments',
};

type Answer = { status: number; json: Record<string, unknown>; retryAfter?: number };

export type WebApi = {
  stage: Stage;
  token: string;
  sockets: Sockets;
  limits: Limits | null;
  troubles: Troubles;
  responses: ResponseUrls;
  record: (call: Call) => void;
};

/** Slack's Web API below /api, the addresses for answers below /response, those for files below /upload, and Socket Mode. */
export function createWebApi(web: WebApi): Server {
  const server = createServer((request, response) => {
    void serve(web, request, response).catch(error => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  return server.on('upgrade', (request, socket, head) => web.sockets.connect(request, socket, head));
}

async function serve(web: WebApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const at = new Date().toISOString();
  const url = new URL(request.url ?? '/', 'http://slack');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (url.pathname.startsWith('/upload/')) return takeBytes(web, url.pathname, Buffer.concat(chunks), response);
  const raw = Buffer.concat(chunks).toString();
  if (url.pathname.startsWith('/response/')) return answerTo(web, url.pathname, raw, at, response);
  const method = /^\/api\/([\w.]+)$/.exec(url.pathname)?.[1];
  if (!method) return void response.writeHead(404).end('Not Found');

  const trouble = web.troubles.take(method);
  if (trouble.delayMs) await sleep(trouble.delayMs);
  const args: Record<string, unknown> = {};
  const keep = (answer: Answer | null) => {
    const error = answer === null || answer.json.ok ? null : String(answer.json.error ?? answer.status);
    const ok = answer?.json.ok === true;
    web.record({ at, method, args, ok, status: answer?.status ?? null, error, answer: answer?.json ?? null });
  };
  const drop = () => {
    keep(null);
    response.destroy();
  };
  if (trouble.drop === 'before') return drop();

  const ordered = orderedAnswer(trouble);
  const answer = attempt(() => {
    Object.assign(args, readArguments(request, url, raw));
    return ordered ?? carryOut(web, method, args, request.headers.authorization);
  });
  if (trouble.lateMs) await sleep(trouble.lateMs);
  if (trouble.drop === 'after') return drop();
  keep(answer);
  if (answer.retryAfter) response.setHeader('retry-after', answer.retryAfter);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  if (answer.json.ok) response.setHeader('x-oauth-scopes', [...web.stage.scopes].join(','));
  response.writeHead(answer.status).end(JSON.stringify(answer.json));
}

function orderedAnswer({ status, error, retryAfter = 1 }: ReturnType<Troubles['take']>): Answer | null {
  if (status === 429) return { status, json: { ok: false, error: 'ratelimited' }, retryAfter };
  if (status) return { status, json: { ok: false, error: error ?? 'internal_error' } };
  return error ? { status: 200, json: { ok: false, error } } : null;
}

function attempt(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SlackError)) throw error;
    const { messages, more, message } = error;
    const explained = messages.length > 0 ? { response_metadata: { messages } } : {};
    return { status: 200, json: { ok: false, error: message, ...more, ...explained } };
  }
}

function carryOut(web: WebApi, name: string, args: Record<string, unknown>, header = ''): Answer {
  const { stage, token, sockets, limits } = web;
  const inHeader = /^Bearer (.+)$/i.exec(header)?.[1];
  const given = inHeader ?? args.token;
  // Not kept: what is recorded may be written to disk.
  delete args.token;
  // The one call that takes the app's own token, and only in the header (docs.slack.dev, apps.connections.open).
  if (name === 'apps.connections.open') {
    if (!inHeader) throw new SlackError(given ? 'invalid_auth' : 'not_authed');
    if (inHeader === token) throw new SlackError('not_allowed_token_type');
    return { status: 200, json: { ok: true, ...sockets.open(inHeader) } };
  }
  const known = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (!known) throw new SlackError('unknown_method', [], { req_method: name });
  if (!given) throw new SlackError('not_authed');
  if (given !== token) throw new SlackError('invalid_auth');
  // Bolt's client names the workspace in every call.
  const { team_id = stage.workspace.team.id, ...asked } = args;
  if (team_id !== stage.workspace.team.id) throw new SlackError('team_not_found');
  const channel = typeof args.channel === 'string' ? args.channel : null;
  const retryAfter = limits?.take(name, known.tier, channel) ?? null;
  if (retryAfter !== null) return { status: 429, json: { ok: false, error: 'ratelimited' }, retryAfter };
  if (known.scope) need(stage, known.scope);
  return { status: 200, json: { ok: true, ...known.run(asked, stage) } };
}

function readArguments(request: IncomingMessage, url: URL, raw: string): Record<string, unknown> {
  const query = Object.fromEntries(url.searchParams);
  const type = (request.headers['content-type'] ?? '').split(';')[0];
  if (type === 'application/json') {
    const json = parsed(raw || '{}', 'invalid_json');
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new SlackError('json_not_object');
    return { ...query, ...json };
  }
  if (raw && type !== 'application/x-www-form-urlencoded') throw new SlackError('invalid_post_type');
  const form: Record<string, unknown> = { ...query, ...Object.fromEntries(new URLSearchParams(raw)) };
  for (const [name, refusal] of Object.entries(JSON_ARGUMENTS)) {
    const value = form[name];
    if (typeof value === 'string') form[name] = parsed(value, refusal);
  }
  return form;
}

function parsed(text: string, refusal: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SlackError(refusal);
  }
}

function takeBytes(web: WebApi, path: string, bytes: Buffer, response: ServerResponse): void {
  const problem = web.stage.uploads.take(path, bytes);
  response.writeHead(problem === null ? 200 : 400).end(problem ?? `OK - ${bytes.length}`);
}

/** These answer with a status: 404 when the address is used up or too old. */
function answerTo(web: WebApi, path: string, raw: string, at: string, response: ServerResponse): void {
  let args: Record<string, unknown> = {};
  let error: string | null = null;
  try {
    args = { ...Object(parsed(raw, 'invalid_payload')) };
    web.responses.take(path, args);
  } catch (thrown) {
    if (!(thrown instanceof SlackError)) throw thrown;
    error = thrown.message;
  }
  const status = error === null ? 200 : error.endsWith('_url') ? 404 : 400;
  const answer = error === null ? { ok: true } : { ok: false, error };
  web.record({ at, method: 'response_url', args, ok: error === null, status, error, answer });
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}
