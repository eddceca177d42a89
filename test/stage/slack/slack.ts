import type { Server } from 'node:http';
import { Limits } from './limits.ts';
import { Message, type Sought } from './message.ts';
import type { Stage } from './method.ts';
import { Person, type Press } from './person.ts';
import { Requests } from './requests.ts';
import { ResponseUrls } from './response-urls.ts';
import { type Call, createWebApi } from './server.ts';
import { Sight, type Within } from './sight.ts';
import { TriggerIds } from './trigger-ids.ts';
import { type Trouble, Troubles } from './trouble.ts';
import type { View } from './views.ts';
import { type Change, type Channel, Workspace } from './workspace.ts';

export { Message } from './message.ts';
export type { Person } from './person.ts';
export type { Call } from './server.ts';

/** What manifest.yml asks for, and what else a workspace may grant. */
const SCOPES = ['commands', 'chat:write', 'chat:write.public', 'channels:history', 'groups:history'];

export type SlackAsk = {
  port?: number;
  signingSecret: string;
  botToken: string;
  team?: { id: string; domain: string };
  /** Ids by name: `{ ann: 'U0ANN' }`. */
  users: Record<string, string>;
  /** Ids by name without the #. The bot is in them, and they are public, unless told otherwise. */
  channels: Record<string, string | { id: string; private?: boolean; botIsIn?: boolean }>;
  /** Where commands and presses go, such as http://127.0.0.1:3000/slack/events. */
  botUrl?: string;
  commands?: string[];
  /** Slack's rate limits; on when not given. */
  limits?: boolean;
  scopes?: string[];
  onRecord?: (call: Call) => void;
};

/** A Slack workspace on loopback: its Web API for the bot, and its people for whoever plays them. */
export async function startSlack(ask: SlackAsk): Promise<Slack> {
  const slack = new Slack(ask);
  await slack.listen(ask.port ?? 0);
  return slack;
}

export class Slack {
  botUrl: string;
  /** Every call of the bot's, in the order of their answers. */
  readonly calls: Call[] = [];
  /** Every press, with what was asked before it. */
  readonly presses: Press[] = [];
  readonly #workspace: Workspace;
  readonly #troubles = new Troubles();
  readonly #stage: Stage;
  readonly #people: Map<string, Person>;
  readonly #server: Server;

  constructor(ask: SlackAsk) {
    this.botUrl = ask.botUrl ?? '';
    const users = new Map(Object.entries(ask.users).map(([name, id]) => [id, name]));
    const channels = Object.entries(ask.channels).map(([name, about]): Channel => {
      const { id, private: closed = false, botIsIn = true } = typeof about === 'string' ? { id: about } : about;
      return { id, name, kind: closed ? 'private' : 'public', botIsIn };
    });
    const workspace = new Workspace(ask.team ?? { id: 'T0ACME', domain: 'acme' }, users, channels);
    const triggers = new TriggerIds();
    const responses = new ResponseUrls(workspace);
    this.#workspace = workspace;
    this.#stage = {
      workspace,
      triggers,
      scopes: new Set(ask.scopes ?? SCOPES),
      views: { open: [], home: new Map() },
    };
    this.#server = createWebApi({
      stage: this.#stage,
      token: ask.botToken,
      limits: ask.limits === false ? null : new Limits(),
      troubles: this.#troubles,
      responses,
      record: call => {
        this.calls.push(call);
        ask.onRecord?.(call);
      },
    });
    const requests = new Requests({
      workspace,
      signingSecret: ask.signingSecret,
      triggers,
      responses,
      url: () => this.url,
      botUrl: () => this.botUrl,
    });
    const parts = {
      workspace,
      requests,
      commands: ask.commands ?? ['/deploy'],
      presses: this.presses,
      forms: this.#stage.views,
      channelNamed: (name: string) => this.#channelNamed(name),
    };
    this.#people = new Map(Object.entries(ask.users).map(([name, id]) => [name, new Person(id, parts)]));
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** The bot's SLACK_API_URL. */
  get apiUrl(): string {
    return `${this.url}/api/`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed).listen(port, '127.0.0.1', listening);
    });
  }

  person(name: string): Person {
    const person = this.#people.get(name);
    if (!person) throw new Error(`Nobody here is called ${name}`);
    return person;
  }

  channel(name: string): ChannelSeen {
    return new ChannelSeen(this.#channelNamed(name), this.#workspace);
  }

  /** Forms that are open, the uppermost last. */
  get forms(): readonly View[] {
    return this.#stage.views.open;
  }

  home(person: string): View | undefined {
    return this.#stage.views.home.get(this.person(person).id);
  }

  /** The next calls of that method go wrong like this. */
  fails(method: string, trouble: Trouble, times = 1): void {
    this.#troubles.order(method, trouble, times);
  }

  /** Everything new, edited or deleted, as it happens. */
  on(_event: 'change', listener: (change: { kind: Change['kind']; message: Message }) => void): void {
    this.#workspace.on('change', ({ kind, post }) => listener({ kind, message: new Message(post, this.#workspace) }));
  }

  /** All that was said, to whomever. */
  transcript(): string {
    return new Sight(this.#workspace, 'Slack', () => true).transcript();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(closed => this.#server.close(closed));
  }

  #channelNamed(name: string): Channel {
    const channel = this.#workspace.channels.find(known => known.name === name.replace(/^#/, ''));
    if (!channel) throw new Error(`There is no channel ${name}`);
    return channel;
  }
}

/** A channel as everybody in it sees it. */
export class ChannelSeen {
  readonly id: string;
  readonly #sight: Sight;

  constructor(channel: Channel, workspace: Workspace) {
    this.id = channel.id;
    this.#sight = new Sight(workspace, `#${channel.name}`, post => post.channel === channel && post.to === null);
  }

  /** What stands in the channel itself, oldest first: replies only when they were shown there too. */
  messages(): Message[] {
    return this.#sight.messages().filter(({ post }) => post.thread === null || post.broadcast);
  }

  /** The newest such message, in the channel or in its threads; waits for it. */
  shows(sought: Sought, within: Within = {}): Promise<Message> {
    return this.#sight.find(sought, within);
  }

  transcript(): string {
    return this.#sight.transcript();
  }
}
