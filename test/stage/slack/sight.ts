import { Message, type Sought } from './message.ts';
import type { Post, Workspace } from './workspace.ts';

export type Within = {
  withinMs?: number;
  /** Only what was posted later than this message. */
  after?: Message;
};

const WITHIN_MS = 30_000;

/** What somebody who may see these messages sees, now and as they come. */
export class Sight {
  readonly #workspace: Workspace;
  readonly #mayBeSeen: (post: Post) => boolean;
  readonly #whose: string;

  constructor(workspace: Workspace, whose: string, mayBeSeen: (post: Post) => boolean) {
    this.#workspace = workspace;
    this.#whose = whose;
    this.#mayBeSeen = mayBeSeen;
  }

  /** Oldest first, with the replies. */
  messages(): Message[] {
    return this.#workspace.posts
      .filter(post => !post.deleted && this.#mayBeSeen(post))
      .map(post => new Message(post, this.#workspace));
  }

  /** The newest such message; waits for it, and throws with what there was to read when it does not come. */
  async find(sought: Sought, { withinMs = WITHIN_MS, after }: Within = {}): Promise<Message> {
    const look = () =>
      this.messages().findLast(message => (!after || Number(message.ts) > Number(after.ts)) && message.matches(sought));
    const found = look() ?? (await this.#next(look, withinMs));
    if (found) return found;
    throw new Error(`${this.#whose} did not show ${sought} within ${withinMs} ms, but:\n${this.transcript()}`);
  }

  transcript(): string {
    return this.messages().join('\n') || '(nothing)';
  }

  #next(look: () => Message | undefined, withinMs: number): Promise<Message | undefined> {
    return new Promise((resolve, reject) => {
      const end = (message?: Message) => {
        clearTimeout(timer);
        this.#workspace.off('change', changed);
        resolve(message);
      };
      const changed = () => {
        try {
          const message = look();
          if (message) end(message);
        } catch (error) {
          end();
          reject(error);
        }
      };
      const timer = setTimeout(end, withinMs);
      this.#workspace.on('change', changed);
    });
  }
}
