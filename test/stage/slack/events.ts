import { randomBytes } from 'node:crypto';
import type { Again, Delivery, Taken } from './delivery.ts';
import { postJson } from './method.ts';
import { viewJson } from './view-json.ts';
import type { View } from './views.ts';
import { BOT, directOf, type Post, type Workspace } from './workspace.ts';

/** An event that was not taken comes again: at once, after a minute, after five (docs.slack.dev, apis/events-api). */
const AGAIN_AFTER_MS = [0, 60_000, 300_000];

type Parts = {
  workspace: Workspace;
  delivery: Delivery;
  subscribed: ReadonlySet<string>;
  scopes: ReadonlySet<string>;
};

/** What the bot is told without anybody waiting for its answer. */
export class Events {
  readonly #parts: Parts;
  readonly #waiting = new Set<NodeJS.Timeout>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Somebody named the bot in a channel that it is in. Null when it is not to be told. */
  async mentioned(post: Post): Promise<Taken | null> {
    const { channel } = post;
    if (!this.#parts.scopes.has('app_mentions:read') || !channel.botIsIn || channel.kind === 'im') return null;
    const { type: _, ...message } = postJson(post, this.#parts);
    return this.#send({ type: 'app_mention', ...message, channel: channel.id, event_ts: post.ts });
  }

  /** Null when it is not to be told. */
  async homeOpened(user: string, view: View | undefined): Promise<Taken | null> {
    const now = (Date.now() / 1000).toFixed(6);
    return this.#send({
      type: 'app_home_opened',
      user,
      channel: directOf(user),
      tab: 'home',
      event_ts: now,
      // Once something was published.
      ...(view ? { view: viewJson(view, this.#parts.workspace) } : {}),
    });
  }

  stop(): void {
    for (const timer of this.#waiting) clearTimeout(timer);
  }

  async #send(event: { type: string; event_ts: string } & Record<string, unknown>): Promise<Taken | null> {
    const { workspace, subscribed } = this.#parts;
    if (!subscribed.has(event.type)) return null;
    const body = {
      token: 'verification-token',
      team_id: workspace.team.id,
      context_team_id: workspace.team.id,
      context_enterprise_id: null,
      api_app_id: BOT.app,
      event,
      type: 'event_callback',
      event_id: `Ev${randomBytes(5).toString('hex').toUpperCase()}`,
      event_time: Math.floor(Number(event.event_ts)),
      authorizations: [
        {
          enterprise_id: null,
          team_id: workspace.team.id,
          user_id: BOT.user,
          is_bot: true,
          is_enterprise_install: false,
        },
      ],
      is_ext_shared_channel: false,
      event_context: randomBytes(12).toString('hex'),
    };
    return this.#deliver(body, null);
  }

  async #deliver(body: object, again: Again | null): Promise<Taken> {
    const before = await this.#parts.delivery.event(body, again);
    const time = again?.time ?? 0;
    const afterMs = AGAIN_AFTER_MS[time];
    if (before.error && afterMs !== undefined) {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        void this.#deliver(body, { time: time + 1, before });
      }, afterMs);
      this.#waiting.add(timer);
    }
    return before;
  }
}
