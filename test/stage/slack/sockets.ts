import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Again, ANSWER_WITHIN_MS, type Delivery, type Taken } from './delivery.ts';
import { SlackError } from './slack-error.ts';
import type { Troubles } from './trouble.ts';
import { BOT } from './workspace.ts';

// Socket Mode (docs.slack.dev, apis/events-api/using-socket-mode).

/** An app may have so many connections at the same time. */
const MOST = 10;
const TICKET_GOOD_FOR_MS = 30_000;
/** Often enough for clients that wait for pings; and how long beforehand it says that it will end a connection. */
const PING_MS = 5_000;
const WARNING_MS = 10_000;
/** These alone may be answered in the acknowledgement. */
const ANSWERED: ReadonlySet<string> = new Set(['view_submission', 'block_suggestion']);
const HOST = { host: 'applink-local' };

const acknowledgement = z.strictObject({
  envelope_id: z.string(),
  payload: z.record(z.string(), z.unknown()).optional(),
});

type Envelope = { type: string; payload: object; accepts_response_payload: boolean } & Record<string, unknown>;
/** `leaving`: it is given nothing more. */
type Open = { number: number; socket: WebSocket; waiting: Map<string, Waiting>; leaving: boolean };
type Waiting = { takesAnswer: boolean; lost: boolean; tell: (body: string) => void };

/** The bot's connections. Emits `open` and `closed` with their numbers, which count from 1 on. */
export class Sockets extends EventEmitter<{ open: [number]; closed: [number] }> implements Delivery {
  /** What the bot sent that Slack would not understand. */
  readonly misfits: string[] = [];
  readonly #parts: { appToken: string | null; url: () => string; troubles: Troubles };
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #tickets = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #open: Open[] = [];
  #opened = 0;
  #turn = 0;

  constructor(parts: { appToken: string | null; url: () => string; troubles: Troubles }) {
    super();
    this.#parts = parts;
  }

  /** Numbers of those that are open, the oldest first. */
  get numbers(): number[] {
    return this.#open.map(({ number }) => number);
  }

  /** An address that is good for one connection, for a while. */
  open(token: string): { url: string } {
    if (token !== this.#parts.appToken) throw new SlackError('invalid_auth');
    const ticket = randomUUID();
    this.#tickets.set(ticket, Date.now() + TICKET_GOOD_FOR_MS);
    return { url: `${this.#parts.url().replace('http', 'ws')}/link/?ticket=${ticket}&app_id=${BOT.app}` };
  }

  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://slack');
    const ticket = searchParams.get('ticket') ?? '';
    const until = this.#tickets.get(ticket) ?? 0;
    this.#tickets.delete(ticket);
    if (pathname !== '/link/' || Date.now() > until) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, opened => this.#welcome(opened));
  }

  /**
   * Slack ends a connection, as it does to each every few hours: says so beforehand, and closes it `afterMs` later. That it
   * waits then for what it gave to be acknowledged is an assumption.
   */
  refreshes(number: number, afterMs = WARNING_MS): void {
    const open = this.#numbered(number);
    disconnect(open.socket, 'warning');
    this.#later(afterMs, () => {
      open.leaving = true;
      disconnect(open.socket, 'refresh_requested');
      closeWhenIdle(open);
    });
  }

  /** The connection breaks without a word. */
  breaks(number: number): void {
    this.#numbered(number).socket.terminate();
  }

  command(fields: Record<string, string>): Promise<Taken> {
    return this.#give({ type: 'slash_commands', payload: fields, accepts_response_payload: true });
  }

  interaction(payload: { type: string }): Promise<Taken> {
    return this.#give({ type: 'interactive', payload, accepts_response_payload: ANSWERED.has(payload.type) });
  }

  event(payload: object, again: Again | null): Promise<Taken> {
    return this.#give({
      ...{ type: 'events_api', payload, accepts_response_payload: false },
      retry_attempt: again?.time ?? 0,
      retry_reason: again ? 'timeout' : '',
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { socket } of this.#open) socket.terminate();
  }

  /** To one of the connections, in turn; to no other if that one does not answer. */
  #give(envelope: Envelope): Promise<Taken> {
    const began = performance.now();
    const taken = (more: Omit<Taken, 'ms'>): Taken => ({ ms: performance.now() - began, ...more });
    const open = this.#open.filter(({ socket, leaving }) => socket.readyState === WebSocket.OPEN && !leaving);
    const to = open[this.#turn % open.length];
    if (!to) return Promise.resolve(taken({ status: null, error: 'dispatch_failed', body: '' }));
    this.#turn++;
    const { number, socket, waiting } = to;
    const id = randomUUID();
    return new Promise(resolve => {
      const late = this.#later(ANSWER_WITHIN_MS, () => {
        waiting.delete(id);
        closeWhenIdle(to);
        resolve(taken({ status: null, error: 'operation_timeout', body: '', connection: number }));
      });
      waiting.set(id, {
        takesAnswer: envelope.accepts_response_payload,
        lost: this.#parts.troubles.take(envelope.type).drop === 'after',
        tell: body => {
          clearTimeout(late);
          this.#timers.delete(late);
          resolve(taken({ status: 200, error: null, body, connection: number }));
        },
      });
      socket.send(JSON.stringify({ envelope_id: id, ...envelope }));
    });
  }

  #welcome(socket: WebSocket): void {
    if (this.#open.length >= MOST) {
      disconnect(socket, 'too_many_websockets');
      socket.close(1000);
      return;
    }
    const open: Open = { number: ++this.#opened, socket, waiting: new Map(), leaving: false };
    this.#open.push(open);
    const pinging = setInterval(() => socket.ping(randomBytes(4)), PING_MS);
    socket.on('message', (data, isBinary) => this.#hears(open, isBinary ? '(binary)' : String(data)));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(pinging);
      this.#open = this.#open.filter(one => one !== open);
      this.emit('closed', open.number);
    });
    const hello = { type: 'hello', num_connections: this.#open.length, connection_info: { app_id: BOT.app } };
    socket.send(JSON.stringify({ ...hello, debug_info: { ...HOST, approximate_connection_time: 18_060 } }));
    this.emit('open', open.number);
  }

  #hears(open: Open, text: string): void {
    const { waiting } = open;
    const read = acknowledgement.safeParse(jsonOf(text));
    const asked = read.success ? waiting.get(read.data.envelope_id) : undefined;
    if (!read.success || !asked) return void this.misfits.push(text);
    const { envelope_id, payload = {} } = read.data;
    const isAnswered = Object.keys(payload).length > 0;
    if (isAnswered && !asked.takesAnswer) this.misfits.push(text);
    if (asked.lost) return;
    waiting.delete(envelope_id);
    closeWhenIdle(open);
    asked.tell(isAnswered ? JSON.stringify(payload) : '');
  }

  #numbered(number: number): Open {
    const open = this.#open.find(one => one.number === number);
    if (!open) throw new Error(`Connection ${number} is not open; there are: ${this.numbers.join(', ') || 'none'}`);
    return open;
  }

  #later(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }
}

function closeWhenIdle({ socket, waiting, leaving }: Open): void {
  if (leaving && waiting.size === 0) socket.close(1000);
}

function disconnect(socket: WebSocket, reason: string): void {
  socket.send(JSON.stringify({ type: 'disconnect', reason, debug_info: HOST }));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
