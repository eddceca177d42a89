import { createHmac } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import pino from 'pino';
import { type Registered, registerCommands } from '../commands/index.ts';
import { onlyReads } from '../commands/reading.ts';
import { createBolt } from '../src/adapters/bolt.ts';
import type { Inbox } from '../src/adapters/inbox.ts';
import type { Workspace } from '../src/adapters/workspace.ts';
import { Pace } from '../src/pace.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { migrating } from './sample-migrations.ts';

const SECRET = '0123456789abcdef0123456789abcdef';

type Sent = { status: number; body: string; ms: number };
type Changed = { age?: number; secret?: string; signature?: string; type?: string };

/** The real Bolt with our commands, between a bot that says what the test wants and a Slack that only listens. */
export class BoltRig {
  /** The test puts its own answers in place of these. */
  bot: Registered['bot'] = {
    admins: [],
    visible: async () => [],
    plan: async () => ({ id: 'p1', plan, place: null, gate: OPEN }),
    planAt: async () => ({ at: 0, planned: { id: 'p1', plan, place: null, gate: OPEN } }),
    schedule: async () => 0,
    unschedule: async () => 'Taken off.',
    planBack: async () => ({ id: 'p1', plan, place: null, gate: OPEN }),
    start: async () => ({ kind: 'started', deploy: 'd1', channel: 'C0DEPLOYS', place: null }),
    click: async () => ({ answer: 'Rolling back.' }),
    cancel: async () => ({ answer: 'Cancelled.' }),
    status: async () => [],
    history: async () => [],
    live: async () => Promise.reject(new Error('nothing is live here')),
    answerStart: async () => 'Approved: it begins now.',
    deployAt: async () => null,
    askToClose: async () => Promise.reject(new Error('nothing is closed here')),
    closeApp: async () => Promise.reject(new Error('nothing is closed here')),
    openApp: async () => ({ kind: 'opening' }),
    openDoor: async () => ({ app: 'shop', opening: { kind: 'opening' } }),
    door: async () => {},
    doorStatus: async () => ({ app: 'shop', closed: false, closing: null }),
    lock: async () => ({ kind: 'locked', lock: { scope: 'shop', until: null } }),
    unlock: async () => ({ kind: 'unlocked', lock: { scope: 'shop', until: null } }),
    show: async () => migrating['waiting for an approval'],
  };
  settings: Registered['settings'] = {
    open: async () => ({ settings: null, version: 0 }),
    save: async () => ({ kind: 'saved', app: 'shop' }),
    openTeam: async () => ({ freezes: [], version: 0 }),
    saveTeam: async () => ({ kind: 'saved', app: 'all' }),
    apps: async () => [],
    groups: async () => [],
    names: async () => new Map(),
    refs: async () => [],
  };
  /** Who opened their Home. */
  readonly homes: string[] = [];
  /** What was kept, by id; null where nothing is left to do of it. */
  readonly kept = new Map<string, string | null>();
  inbox: Pick<Inbox, 'take' | 'done' | 'claim'> = {
    take: async (id, body) => !this.kept.has(id) && !!this.kept.set(id, body),
    done: id => void this.kept.set(id, null),
    claim: async () => null,
  };
  workspace: () => Promise<Workspace> = async () => ({ team: 'T1', enterprise: null, app: 'A1' });
  workLeft: () => Promise<void> = async () => {};
  /** When answers may be posted, where Slack takes no direct ones. */
  pace: Registered['pace'] = new Pace();
  checks: Record<string, () => Promise<unknown>> = { postgres: async () => {}, slack: async () => {} };
  /** Status that Slack's address for direct answers gives. */
  answers = 200;
  /** Seconds that Slack asks to wait, one for each of the next calls. */
  readonly refusals: number[] = [];
  /** What Slack says no with, one for each of the next calls. */
  readonly errors: string[] = [];
  readonly heard: { path: string; body: Record<string, unknown> }[] = [];
  readonly #hearing = new EventEmitter();
  readonly logged: Record<string, unknown>[] = [];
  address = '';
  slackAddress = '';
  stop: () => Promise<void> = async () => {};

  async start(): Promise<void> {
    const slack = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
      const body = form ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text);
      this.heard.push({ path: request.url ?? '', body });
      const refused = this.refusals.shift();
      const status = request.url?.startsWith('/respond') ? this.answers : refused ? 429 : 200;
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(refused ? { 'retry-after': String(refused) } : {}),
      });
      const error = status === 200 ? this.errors.shift() : undefined;
      response.end(JSON.stringify(error ? { ok: false, error } : { ok: true, ts: '1.1' }));
      this.#hearing.emit('heard');
    });
    slack.listen(0, '127.0.0.1');
    await once(slack, 'listening');
    const at = slack.address();
    this.slackAddress = `http://127.0.0.1:${typeof at === 'object' ? at?.port : ''}`;
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    const bolt = createBolt({
      signingSecret: SECRET,
      botToken: 'xoxb-1',
      port: 0,
      host: '127.0.0.1',
      slackApiUrl: `${this.slackAddress}/api/`,
      log,
      inbox: {
        take: (id, body) => this.inbox.take(id, body),
        done: id => this.inbox.done(id),
        claim: () => this.inbox.claim(),
      },
      workspace: () => this.workspace(),
      onlyReads,
      checks: this.checks,
    });
    // Looked up at each call, so that a test may put its own in place at any time.
    const bot = new Proxy(this.bot, { get: (_, name) => Reflect.get(this.bot, name) });
    const { settings } = this;
    const homes = { opened: async (user: string) => void this.homes.push(user) };
    registerCommands(bolt.app, { bot, settings, homes, pace: this.pace, log });
    this.workLeft = bolt.workLeft;
    this.address = `http://127.0.0.1:${await bolt.start()}`;
    this.stop = async () => {
      await bolt.stop();
      slack.closeAllConnections();
      slack.close();
    };
  }

  types(words: string, changed: Changed = {}, command = '/deploy'): Promise<Sent> {
    const response_url = `${this.slackAddress}/respond/1`;
    return this.send(
      { command, text: words, user_id: 'U0ANN', channel_id: 'C1', team_id: 'T1', api_app_id: 'A1', response_url },
      changed,
    );
  }

  presses(action: string, value: string, action_ts = '12.34'): Promise<Sent> {
    return this.interacts({
      type: 'block_actions',
      channel: { id: 'C1' },
      container: { type: 'message', message_ts: '5.5', channel_id: 'C1', thread_ts: '4.4' },
      message: { ts: '5.5' },
      response_url: `${this.slackAddress}/respond/2`,
      actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts }],
    });
  }

  interacts(payload: Record<string, unknown>): Promise<Sent> {
    const who = { user: { id: 'U0ANN' }, team: { id: 'T1' }, api_app_id: 'A1', token: 't', trigger_id: '1.2' };
    return this.send({ payload: JSON.stringify({ ...who, ...payload }) });
  }

  /** A form as Slack signs it, or as somebody else might. */
  send(form: Record<string, string>, changed: Changed = {}): Promise<Sent> {
    const body = new URLSearchParams(form).toString();
    const timestamp = Math.floor(Date.now() / 1000) - (changed.age ?? 0);
    return this.post(body, timestamp, changed.signature ?? signed(timestamp, body, changed.secret), changed.type);
  }

  /** Something that nobody waits for: an event. */
  tells(event: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Sent> {
    const body = JSON.stringify({ type: 'event_callback', team_id: 'T1', api_app_id: 'A1', event, ...more });
    const timestamp = Math.floor(Date.now() / 1000);
    return this.post(body, timestamp, signed(timestamp, body), 'application/json');
  }

  async post(
    body: string,
    timestamp: number,
    signature: string,
    type = 'application/x-www-form-urlencoded',
  ): Promise<Sent> {
    const headers = {
      'content-type': type,
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': signature,
    };
    const from = performance.now();
    const response = await fetch(`${this.address}/slack/events`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.text(), ms: performance.now() - from };
  }

  /** The first thing that Slack hears on that path, waited for, 3 s at most. */
  async hears(path: string): Promise<Record<string, unknown>> {
    const late = AbortSignal.timeout(3_000);
    for (;;) {
      const found = this.heard.find(known => known.path.startsWith(path));
      if (found) return found.body;
      await once(this.#hearing, 'heard', { signal: late }).catch(() => {
        throw new Error(`Slack heard nothing on ${path}, only ${JSON.stringify(this.heard)}`);
      });
    }
  }
}

export const signed = (timestamp: number, body: string, secret = SECRET): string =>
  `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
