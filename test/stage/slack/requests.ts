import type { Element, Placed } from './blocks.ts';
import { type Choices, type Offered, stateOf, stateOfBlocks } from './chosen.ts';
import type { Delivery, Taken } from './delivery.ts';
import type { Command, Shortcut } from './manifest.ts';
import { postJson } from './method.ts';
import type { ResponseUrls } from './response-urls.ts';
import { type Choice, initialOf } from './standing.ts';
import type { TriggerIds } from './trigger-ids.ts';
import { viewJson } from './view-json.ts';
import type { View } from './views.ts';
import { BOT, type Channel, type Post, type Workspace } from './workspace.ts';

/** Where somebody presses, chooses or fills in. */
export type Place = { post: Post } | { view: View };
/** What was done there: to which element, with what chosen in it, and what else stands chosen around it. */
export type Act = { element: Placed<Element>; choice: Choice; choices: Choices; offered: Offered };

type Parts = {
  workspace: Workspace;
  delivery: Delivery;
  triggers: TriggerIds;
  responses: ResponseUrls;
  /** The server's own address. */
  url: () => string;
};

/** What Slack sends to the bot when somebody does something (docs.slack.dev, reference/interaction-payloads). */
export class Requests {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `text` is escaped already. */
  command(user: string, channel: Channel, { command }: Command, text: string): Promise<Taken> {
    const { workspace, triggers, delivery } = this.#parts;
    return delivery.command({
      token: 'verification-token',
      team_id: workspace.team.id,
      team_domain: workspace.team.domain,
      channel_id: channel.id,
      channel_name: channel.kind === 'im' ? 'directmessage' : channel.name,
      user_id: user,
      user_name: workspace.nameOf(user),
      command,
      text,
      api_app_id: BOT.app,
      is_enterprise_install: 'false',
      response_url: this.#answersTo(user, channel, null),
      trigger_id: triggers.give(user),
    });
  }

  action(user: string, place: Place, { element, choice, choices, offered }: Act): Promise<Taken> {
    const { action_id, block_id, type } = element;
    const { text, value, style, placeholder, confirm } = { ...blank, ...element };
    const acted = {
      type,
      action_id,
      block_id,
      ...(type === 'button' ? { text, value, style } : stateOf(element, choice, offered)),
      ...(placeholder ? { placeholder } : {}),
      ...(confirm ? { confirm } : {}),
      action_ts: (Date.now() / 1000).toFixed(6),
    };
    const { blocks } = 'post' in place ? place.post : place.view;
    const stands = { ...choices };
    if (type !== 'button' && type !== 'overflow')
      stands[block_id ?? ''] = { ...stands[block_id ?? ''], [action_id ?? '']: choice ?? initialOf(element) };
    const values = stateOfBlocks(blocks, stands, offered);
    return this.#interaction('block_actions', user, {
      trigger_id: this.#parts.triggers.give(user),
      container: containerOf(place),
      ...('post' in place
        ? {
            ...this.#around(place.post),
            state: { values },
            response_url: this.#answersTo(user, place.post.channel, place.post),
          }
        : { view: viewJson(place.view, this.#parts.workspace, values) }),
      actions: [acted],
    });
  }

  /** Somebody types into a menu that the bot fills. */
  suggestion(user: string, place: Place, { action_id, block_id }: Placed<Element>, value: string): Promise<Taken> {
    return this.#interaction('block_suggestion', user, {
      container: containerOf(place),
      action_id,
      block_id,
      value,
      ...('post' in place ? this.#around(place.post) : { view: viewJson(place.view, this.#parts.workspace) }),
    });
  }

  /** A form as it was filled in. */
  submission(user: string, view: View, choices: Choices, offered: Offered): Promise<Taken> {
    const { workspace, triggers } = this.#parts;
    return this.#interaction('view_submission', user, {
      trigger_id: triggers.give(user),
      view: viewJson(view, workspace, stateOfBlocks(view.blocks, choices, offered)),
      response_urls: [],
    });
  }

  /** A form that wants to know was closed by hand, alone or with all below it. */
  closed(user: string, view: View, is_cleared: boolean): Promise<Taken> {
    return this.#interaction('view_closed', user, { view: viewJson(view, this.#parts.workspace), is_cleared });
  }

  /** An entry of a message's menu. */
  shortcut(user: string, { callback }: Shortcut, post: Post): Promise<Taken> {
    return this.#interaction('message_action', user, {
      callback_id: callback,
      action_ts: (Date.now() / 1000).toFixed(6),
      trigger_id: this.#parts.triggers.give(user),
      response_url: this.#answersTo(user, post.channel, null),
      message_ts: post.ts,
      ...this.#around(post),
    });
  }

  #interaction(type: string, user: string, more: object): Promise<Taken> {
    const { workspace, delivery } = this.#parts;
    const name = workspace.nameOf(user);
    const team_id = workspace.users.get(user)?.team ?? workspace.team.id;
    const payload = {
      type,
      team: workspace.team,
      user: { id: user, username: name, name, team_id },
      api_app_id: BOT.app,
      token: 'verification-token',
      enterprise: null,
      is_enterprise_install: false,
      ...more,
    };
    return delivery.interaction(payload);
  }

  /** Slack does not give an ephemeral message back. */
  #around(post: Post): object {
    const { channel } = post;
    const name = channel.kind === 'im' ? 'directmessage' : channel.name;
    return {
      channel: { id: channel.id, name },
      ...(post.to === null ? { message: postJson(post, this.#parts) } : {}),
    };
  }

  #answersTo(user: string, channel: Channel, original: Post | null): string {
    return this.#parts.url() + this.#parts.responses.give({ user, channel, original });
  }
}

/** What only some elements have. */
const blank: { text?: unknown; value?: unknown; style?: unknown; placeholder?: unknown; confirm?: unknown } = {};

function containerOf(place: Place): object {
  if ('view' in place) return { type: 'view', view_id: place.view.id };
  const { channel, ts, thread, to } = place.post;
  return {
    type: 'message',
    message_ts: ts,
    channel_id: channel.id,
    is_ephemeral: to !== null,
    ...(thread ? { thread_ts: thread } : {}),
  };
}
