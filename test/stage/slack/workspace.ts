import { EventEmitter } from 'node:events';
import { type Block, named } from './blocks.ts';

export type User = {
  id: string;
  name: string;
  /** As in Europe/Berlin. */
  zone: string;
  /** Only in some channels. */
  guest: boolean;
  /** Their own workspace, which is another one for people who are met in a shared channel. */
  team: string;
};

export type Channel = {
  id: string;
  name: string;
  kind: 'public' | 'private' | 'im';
  /** The bot was invited. */
  botIsIn: boolean;
  /** Nobody can write into it. */
  archived?: boolean;
  /** Ids of the people in it. */
  members: readonly string[];
};

/** People who can be named together. */
export type Group = { id: string; handle: string; members: readonly string[] };

/** A file as it was shared; `alt` for who cannot see it. */
export type FileKept = { id: string; name: string; title: string; alt: string; bytes: Buffer };

export type Metadata = { event_type: string; event_payload: Record<string, unknown> };
export type Content = { text: string; blocks: Block[] };

/** A message as Slack keeps it. `to` is the one reader of an ephemeral; `by` a person, the bot, or Slack itself. */
export type Post = Content & {
  channel: Channel;
  ts: string;
  /** ts of the message that it replies to. */
  thread: string | null;
  broadcast: boolean;
  by: string;
  to: string | null;
  metadata: Metadata | null;
  files: readonly FileKept[];
  /** What it said before each edit, oldest first; `until` in ms since 1970. */
  earlier: (Content & { until: number })[];
  edited: string | null;
  deleted: boolean;
};

export type Change = { kind: 'posted' | 'edited' | 'deleted'; post: Post };

export const SLACKBOT = 'USLACKBOT';
export const BOT = { id: 'B0SWITCH', user: 'U0SWITCH', app: 'A0SWITCH', name: 'switchover' } as const;

/**
 * Who is there, and everything that was said. Emits `change` for each message that is new, edited or deleted, and `view`
 * with a person's id when a form of theirs, or their Home, is another.
 */
export class Workspace extends EventEmitter<{ change: [Change]; view: [user: string] }> {
  readonly team: { id: string; domain: string };
  readonly users: Map<string, User>;
  readonly channels: Channel[];
  readonly groups: readonly Group[];
  readonly posts: Post[] = [];
  #micros = 0;
  #ids = 0;

  constructor(who: { team: Workspace['team']; users: User[]; channels: Channel[]; groups: Group[] }) {
    super();
    this.setMaxListeners(0);
    this.team = who.team;
    this.users = new Map(who.users.map(user => [user.id, user]));
    this.channels = who.channels;
    this.groups = who.groups;
  }

  /** Name of a person or channel, for readers; the id itself when there is no such one. */
  nameOf = (id: string): string => {
    if (id === BOT.user) return BOT.name;
    if (id === SLACKBOT) return 'Slackbot';
    return this.users.get(id)?.name ?? this.channels.find(channel => channel.id === id)?.name ?? id;
  };

  /** A channel by its id, or the direct messages of a person by the person's. */
  channel(id: string): Channel | undefined {
    const known = this.channels.find(channel => channel.id === id);
    if (known || !this.users.has(id)) return known;
    const direct = directOf(id);
    const opened = this.channels.find(channel => channel.id === direct);
    if (opened) return opened;
    const channel: Channel = { id: direct, name: this.nameOf(id), kind: 'im', botIsIn: true, members: [id] };
    this.channels.push(channel);
    return channel;
  }

  find(channel: Channel, ts: string): Post | undefined {
    return this.posts.find(post => post.channel === channel && post.ts === ts && !post.deleted);
  }

  post(
    said: Content &
      Pick<Post, 'channel' | 'by'> &
      Partial<Pick<Post, 'thread' | 'broadcast' | 'to' | 'metadata' | 'files'>>,
  ): Post {
    const defaults = { thread: null, broadcast: false, to: null, metadata: null, files: [] };
    const kept = { earlier: [], edited: null, deleted: false };
    const post: Post = { ...defaults, ...said, blocks: named(said.blocks, this.name), ts: this.#now(), ...kept };
    this.posts.push(post);
    this.emit('change', { kind: 'posted', post });
    return post;
  }

  edit(post: Post, { text, blocks }: Content): void {
    post.earlier.push({ text: post.text, blocks: post.blocks, until: Date.now() });
    post.text = text;
    post.blocks = named(blocks, this.name);
    post.edited = this.#now();
    this.emit('change', { kind: 'edited', post });
  }

  delete(post: Post): void {
    post.deleted = true;
    this.emit('change', { kind: 'deleted', post });
  }

  /** A name for a block or element that came without one. */
  name = (): string => `s${(++this.#ids).toString(36).padStart(4, '0')}`;

  /** Seconds since 1970 with six decimals, never the same twice: Slack's name for a message. */
  #now(): string {
    this.#micros = Math.max(Date.now() * 1000, this.#micros + 1);
    return (this.#micros / 1_000_000).toFixed(6);
  }
}

/** Where the bot and that person write to each other. */
export const directOf = (user: string): string => `D${user.slice(1)}`;
