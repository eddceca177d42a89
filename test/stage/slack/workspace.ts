import { EventEmitter } from 'node:events';
import type { Block } from './blocks.ts';

export type Channel = {
  id: string;
  name: string;
  kind: 'public' | 'private' | 'im';
  /** The bot was invited. */
  botIsIn: boolean;
};

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
  /** What it said before each edit, oldest first; `until` in ms since 1970. */
  earlier: (Content & { until: number })[];
  edited: string | null;
  deleted: boolean;
};

export type Change = { kind: 'posted' | 'edited' | 'deleted'; post: Post };

export const SLACKBOT = 'USLACKBOT';
export const BOT = { id: 'B0SWITCH', user: 'U0SWITCH', app: 'A0SWITCH', name: 'switchover' } as const;

/** Who is there, and everything that was said. Emits `change` for each message that is new, edited or deleted. */
export class Workspace extends EventEmitter<{ change: [Change] }> {
  readonly team: { id: string; domain: string };
  /** Names by id. */
  readonly users: Map<string, string>;
  readonly channels: Channel[];
  readonly posts: Post[] = [];
  #micros = 0;
  #ids = 0;

  constructor(team: { id: string; domain: string }, users: Map<string, string>, channels: Channel[]) {
    super();
    this.setMaxListeners(0);
    this.team = team;
    this.users = users;
    this.channels = channels;
  }

  /** Name of a person or channel, for readers; the id itself when there is no such one. */
  nameOf = (id: string): string => {
    if (id === BOT.user) return BOT.name;
    if (id === SLACKBOT) return 'Slackbot';
    return this.users.get(id) ?? this.channels.find(channel => channel.id === id)?.name ?? id;
  };

  /** A channel by its id, or the direct messages of a person by the person's. */
  channel(id: string): Channel | undefined {
    const known = this.channels.find(channel => channel.id === id);
    if (known || !this.users.has(id)) return known;
    const direct = `D${id.slice(1)}`;
    const opened = this.channels.find(channel => channel.id === direct);
    if (opened) return opened;
    const channel: Channel = { id: direct, name: this.nameOf(id), kind: 'im', botIsIn: true };
    this.channels.push(channel);
    return channel;
  }

  find(channel: Channel, ts: string): Post | undefined {
    return this.posts.find(post => post.channel === channel && post.ts === ts && !post.deleted);
  }

  post(
    said: Content & Pick<Post, 'channel' | 'by'> & Partial<Pick<Post, 'thread' | 'broadcast' | 'to' | 'metadata'>>,
  ): Post {
    const defaults = { thread: null, broadcast: false, to: null, metadata: null };
    const kept = { earlier: [], edited: null, deleted: false };
    const post: Post = { ...defaults, ...said, blocks: this.#named(said.blocks), ts: this.#now(), ...kept };
    this.posts.push(post);
    this.emit('change', { kind: 'posted', post });
    return post;
  }

  edit(post: Post, { text, blocks }: Content): void {
    post.earlier.push({ text: post.text, blocks: post.blocks, until: Date.now() });
    post.text = text;
    post.blocks = this.#named(blocks);
    post.edited = this.#now();
    this.emit('change', { kind: 'edited', post });
  }

  delete(post: Post): void {
    post.deleted = true;
    this.emit('change', { kind: 'deleted', post });
  }

  /** Seconds since 1970 with six decimals, never the same twice: Slack's name for a message. */
  #now(): string {
    this.#micros = Math.max(Date.now() * 1000, this.#micros + 1);
    return (this.#micros / 1_000_000).toFixed(6);
  }

  /** Slack gives a name to each block and button that came without one. */
  #named(blocks: Block[]): Block[] {
    const name = (): string => `s${(++this.#ids).toString(36).padStart(4, '0')}`;
    return blocks.map(block => {
      const named = { ...block, block_id: block.block_id ?? name() };
      if (named.type === 'actions') {
        named.elements = named.elements.map(element => ({ ...element, action_id: element.action_id ?? name() }));
      }
      if (named.type === 'section' && named.accessory && named.accessory.type !== 'image') {
        named.accessory = { ...named.accessory, action_id: named.accessory.action_id ?? name() };
      }
      return named;
    });
  }
}
