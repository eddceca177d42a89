import { actionsOf } from './blocks.ts';
import { plainWords } from './plain.ts';
import { BOT, type Content, type FileKept, type Metadata, type Post, type Workspace } from './workspace.ts';

export type ButtonSeen = { label: string; action: string; value: string | null; style: string | null };

/** What a message is searched for: words in it, or anything about it. */
export type Sought = string | RegExp | ((message: Message) => boolean);

/** A message as people see it, now: it changes when the message is edited. */
export class Message {
  readonly post: Post;
  readonly #workspace: Workspace;

  constructor(post: Post, workspace: Workspace) {
    this.post = post;
    this.#workspace = workspace;
  }

  get ts(): string {
    return this.post.ts;
  }

  /** Name of the channel, without the #. */
  get channel(): string {
    return this.post.channel.name;
  }

  /** Name of who wrote it. */
  get who(): string {
    return this.#workspace.nameOf(this.post.by);
  }

  get byBot(): boolean {
    return this.post.by === BOT.user;
  }

  /** Name of the one who can see it, when it is ephemeral. */
  get onlyTo(): string | null {
    return this.post.to === null ? null : this.#workspace.nameOf(this.post.to);
  }

  get inThreadOf(): Message | null {
    const { thread, channel } = this.post;
    const parent = thread === null ? undefined : this.#workspace.find(channel, thread);
    return parent ? new Message(parent, this.#workspace) : null;
  }

  /** A reply that is shown in the channel too. */
  get broadcast(): boolean {
    return this.post.broadcast;
  }

  get deleted(): boolean {
    return this.post.deleted;
  }

  /** What notifications and screen readers say. */
  get text(): string {
    return this.post.text;
  }

  get files(): readonly FileKept[] {
    return this.post.files;
  }

  get metadata(): Metadata | null {
    return this.post.metadata;
  }

  /** What is read, without looks. */
  get plain(): string {
    const files = this.files.map(({ title, alt }) => `[${title}] ${alt}`);
    return [this.#plain(this.post), ...files].filter(Boolean).join('\n');
  }

  /** What was read before each edit, oldest first. */
  get edits(): { text: string; plain: string; until: number }[] {
    return this.post.earlier.map(version => ({
      text: version.text,
      plain: this.#plain(version),
      until: version.until,
    }));
  }

  /** Replies that everybody sees, oldest first. */
  thread(): Message[] {
    return this.#workspace.posts
      .filter(
        ({ channel, thread, to, deleted }) =>
          channel === this.post.channel && thread === this.ts && to === null && !deleted,
      )
      .map(post => new Message(post, this.#workspace));
  }

  buttons(): ButtonSeen[] {
    return actionsOf(this.post.blocks).flatMap(element => {
      if (element.type !== 'button') return [];
      const { text, action_id: action = '', value = null, style = null } = element;
      return [{ label: text.text, action, value, style }];
    });
  }

  matches(sought: Sought): boolean {
    if (typeof sought === 'function') return sought(this);
    return typeof sought === 'string' ? this.plain.includes(sought) : this.plain.search(sought) >= 0;
  }

  /** As a line of a transcript. */
  toString(): string {
    const about = [
      this.onlyTo ? `only ${this.onlyTo} sees this` : '',
      this.broadcast ? 'also in the channel' : '',
      this.post.edited ? 'edited' : '',
    ].filter(Boolean);
    const indent = this.post.thread ? '    ' : '';
    const head = `${indent}#${this.channel} ${this.who}${about.length > 0 ? ` (${about.join(', ')})` : ''}: `;
    return head + this.plain.replaceAll('\n', `\n${indent}  `);
  }

  #plain(content: Content): string {
    return plainWords(content, this.#workspace.nameOf);
  }
}
