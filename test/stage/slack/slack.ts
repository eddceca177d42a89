import type { Server } from 'node:http';
import { HttpDelivery } from './delivery.ts';
import { Events } from './events.ts';
import { Uploads } from './files.ts';
import { Limits } from './limits.ts';
import type { Command, Installed, Shortcut } from './manifest.ts';
import { Message, type Sought } from './message.ts';
import type { Stage } from './method.ts';
import { Person, type Press } from './person.ts';
import { Requests } from './requests.ts';
import { ResponseUrls } from './response-urls.ts';
import { type Call, createWebApi } from './server.ts';
import { Sight, type Within } from './sight.ts';
import { Sockets } from './sockets.ts';
import { TriggerIds } from './trigger-ids.ts';
import { type Trouble, Troubles } from './trouble.ts';
import type { View } from './views.ts';
import { type Change, type Channel, type Group, type User, Workspace } from './workspace.ts';

export { Message } from './message.ts';
export type { Person } from './person.ts';
export type { Call } from './server.ts';

/** Scopes when none are given. */
const SCOPES = ['commands', 'chat:write', 'chat:write.public', 'channels:history', 'groups:history'];

export type SlackAsk = {
  port?: number;
  signingSecret: string;
  botToken: string;
  /** Of the app itself, which is in Socket Mode then, and takes nothing over HTTP. */
  appToken?: string;
  team?: { id: string; domain: string };
  /** Ids by name: `{ ann: 'U0ANN' }`. Everybody lives in Greenwich and belongs here unless told otherwise. */
  users: Record<string, string | { id: string; zone?: string; guest?: boolean; team?: string }>;
  /** Ids by name without the #. The bot and everybody are in them, and they are public, unless told otherwise. */
  channels: Record<string, string | { id: string; private?: boolean; botIsIn?: boolean; members?: string[] }>;
  /** User groups by handle, with the names of who is in them. */
  groups?: Record<string, { id: string; members: string[] }>;
  /** Where commands and presses go, such as http://127.0.0.1:3000/slack/events. */
  botUrl?: string;
  commands?: readonly (string | Command)[];
  shortcuts?: readonly Shortcut[];
  scopes?: readonly string[];
  /** Events that the bot is told; none when not given. */
  events?: readonly string[];
  /** The bot fills menus while people type into them; it does when not given. */
  suggests?: boolean;
  /** Slack's rate limits; on when not given. */
  limits?: boolean;
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
  readonly workspace: Workspace;
  readonly installed: Installed;
  /** The bot's connections in Socket Mode. */
  readonly sockets: Sockets;
  readonly #troubles = new Troubles();
  readonly #stage: Stage;
  readonly #people: Map<string, Person>;
  readonly #server: Server;
  readonly #events: Events;

  constructor(ask: SlackAsk) {
    this.botUrl = ask.botUrl ?? '';
    const team = ask.team ?? { id: 'T0ACME', domain: 'acme' };
    const users = Object.entries(ask.users).map(([name, about]): User => {
      const given = typeof about === 'string' ? { id: about } : about;
      return { zone: 'Etc/UTC', guest: false, team: team.id, ...given, name };
    });
    const idOf = (name: string): string => users.find(user => user.name === name)?.id ?? name;
    const channels = Object.entries(ask.channels).map(([name, about]): Channel => {
      const given = typeof about === 'string' ? { id: about } : about;
      const { id, private: closed = false, botIsIn = true, members = users.map(user => user.name) } = given;
      return { id, name, kind: closed ? 'private' : 'public', botIsIn, members: members.map(idOf) };
    });
    const groups = Object.entries(ask.groups ?? {}).map(
      ([handle, { id, members }]): Group => ({ id, handle, members: members.map(idOf) }),
    );
    const workspace = new Workspace({ team, users, channels, groups });
    const triggers = new TriggerIds();
    const responses = new ResponseUrls(workspace);
    const { appToken = null } = ask;
    this.sockets = new Sockets({ appToken, url: () => this.url, troubles: this.#troubles });
    const delivery = appToken ? this.sockets : new HttpDelivery(ask.signingSecret, () => this.botUrl);
    const scopes = new Set(ask.scopes ?? SCOPES);
    this.workspace = workspace;
    this.installed = {
      commands: (ask.commands ?? ['/deploy']).map(command =>
        typeof command === 'string' ? { command, hint: '', description: '', escapes: true } : command,
      ),
      shortcuts: [...(ask.shortcuts ?? [])],
      scopes: [...scopes],
      events: [...(ask.events ?? [])],
      suggests: ask.suggests ?? true,
    };
    const uploads = new Uploads(() => this.url);
    this.#stage = { workspace, triggers, scopes, uploads, views: { open: [], home: new Map() } };
    this.#server = createWebApi({
      stage: this.#stage,
      token: ask.botToken,
      sockets: this.sockets,
      limits: ask.limits === false ? null : new Limits(),
      troubles: this.#troubles,
      responses,
      record: call => {
        this.calls.push(call);
        ask.onRecord?.(call);
      },
    });
    this.#events = new Events({ workspace, delivery, scopes, subscribed: new Set(this.installed.events) });
    const parts = {
      stage: this.#stage,
      requests: new Requests({ workspace, delivery, triggers, responses, url: () => this.url }),
      events: this.#events,
      installed: this.installed,
      presses: this.presses,
      channelNamed: (name: string) => this.#channelNamed(name),
    };
    this.#people = new Map(users.map(({ id, name }) => [name, new Person(id, parts)]));
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
    return new ChannelSeen(this.#channelNamed(name), this.workspace);
  }

  /** Forms that are open, the uppermost last. */
  get forms(): readonly View[] {
    return this.#stage.views.open;
  }

  home(person: string): View | undefined {
    return this.homeOf(this.person(person).id);
  }

  homeOf(user: string): View | undefined {
    return this.#stage.views.home.get(user);
  }

  /** The next calls of that method go wrong like this. */
  fails(method: string, trouble: Trouble, times = 1): void {
    this.#troubles.order(method, trouble, times);
  }

  /** Takes back all trouble that was ordered and has not happened yet. */
  mends(): void {
    this.#troubles.clear();
  }

  /** Somebody archives the channel, or brings it back. */
  archives(name: string, archived = true): void {
    this.#channelNamed(name).archived = archived;
  }

  /** Somebody removes the bot from the channel, or invites it again. */
  removesBot(name: string, removed = true): void {
    this.#channelNamed(name).botIsIn = !removed;
  }

  /** Everything new, edited or deleted, as it happens. */
  on(_event: 'change', listener: (change: { kind: Change['kind']; message: Message }) => void): void {
    this.workspace.on('change', ({ kind, post }) => listener({ kind, message: new Message(post, this.workspace) }));
  }

  /** All that was said, to whomever. */
  transcript(): string {
    return new Sight(this.workspace, 'Slack', () => true).transcript();
  }

  async stop(): Promise<void> {
    this.#events.stop();
    this.sockets.stop();
    this.#server.closeAllConnections();
    await new Promise(closed => this.#server.close(closed));
  }

  #channelNamed(name: string): Channel {
    const channel = this.workspace.channels.find(known => known.name === name.replace(/^#/, ''));
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
