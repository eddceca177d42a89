import { createHmac, randomUUID } from 'node:crypto';
import type { ActionElement } from './blocks.ts';
import { postJson } from './method.ts';
import type { ResponseUrls } from './response-urls.ts';
import type { TriggerIds } from './trigger-ids.ts';
import type { View } from './views.ts';
import { BOT, type Channel, type Post, type Workspace } from './workspace.ts';

/** Slack gives up on the bot after this. */
const ANSWER_WITHIN_MS = 3_000;

/** How the bot took a request: `ms` until its answer; null when there was none in time, or no connection. */
export type Taken = {
  ms: number;
  status: number | null;
  error: 'operation_timeout' | 'dispatch_failed' | null;
  body: string;
};

export type Pressed = ActionElement & { block_id?: string | undefined };

type Parts = {
  workspace: Workspace;
  signingSecret: string;
  triggers: TriggerIds;
  responses: ResponseUrls;
  /** The server's own address. */
  url: () => string;
  botUrl: () => string;
};

/** What Slack sends to the bot, signed as Slack signs (docs.slack.dev, authentication/verifying-requests-from-slack). */
export class Requests {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async command(user: string, channel: Channel, command: string, text: string): Promise<Taken> {
    const { workspace, triggers } = this.#parts;
    return this.#send({
      token: 'verification-token',
      team_id: workspace.team.id,
      team_domain: workspace.team.domain,
      channel_id: channel.id,
      channel_name: channel.kind === 'im' ? 'directmessage' : channel.name,
      user_id: user,
      user_name: workspace.nameOf(user),
      command,
      text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
      api_app_id: BOT.app,
      is_enterprise_install: 'false',
      response_url: this.#answersTo(user, channel, null),
      trigger_id: triggers.give(user),
    });
  }

  async press(user: string, post: Post, pressed: Pressed): Promise<Taken> {
    const { workspace, triggers } = this.#parts;
    const { channel, ts, thread, to } = post;
    const { action_id, block_id, type } = pressed;
    const button = pressed.type === 'button' ? { text: pressed.text, value: pressed.value, style: pressed.style } : {};
    const payload = {
      type: 'block_actions',
      user: { id: user, username: workspace.nameOf(user), name: workspace.nameOf(user), team_id: workspace.team.id },
      api_app_id: BOT.app,
      token: 'verification-token',
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel.id,
        is_ephemeral: to !== null,
        ...(thread ? { thread_ts: thread } : {}),
      },
      trigger_id: triggers.give(user),
      team: workspace.team,
      enterprise: null,
      is_enterprise_install: false,
      channel: { id: channel.id, name: channel.name },
      // Slack does not give an ephemeral message back.
      ...(to === null ? { message: postJson(post, { workspace }) } : {}),
      state: { values: {} },
      response_url: this.#answersTo(user, channel, post),
      actions: [{ action_id, block_id, type, ...button, action_ts: (Date.now() / 1000).toFixed(6) }],
    };
    return this.#send({ payload: JSON.stringify(payload) });
  }

  /** A form as it was filled in: what each input block holds, by block and action id. */
  async submit(
    user: string,
    view: View,
    values: Record<string, Record<string, { type: string; value: string }>>,
  ): Promise<Taken> {
    const { workspace, triggers } = this.#parts;
    const { user: _, ...shown } = view;
    const payload = {
      type: 'view_submission',
      team: workspace.team,
      user: { id: user, username: workspace.nameOf(user), name: workspace.nameOf(user), team_id: workspace.team.id },
      api_app_id: BOT.app,
      token: 'verification-token',
      trigger_id: triggers.give(user),
      view: { ...shown, team_id: workspace.team.id, app_id: BOT.app, bot_id: BOT.id, state: { values } },
      response_urls: [],
      is_enterprise_install: false,
      enterprise: null,
    };
    return this.#send({ payload: JSON.stringify(payload) });
  }

  #answersTo(user: string, channel: Channel, original: Post | null): string {
    return this.#parts.url() + this.#parts.responses.give({ user, channel, original });
  }

  async #send(form: Record<string, string>): Promise<Taken> {
    const body = new URLSearchParams(form).toString();
    const timestamp = String(Math.floor(Date.now() / 1000));
    const digest = createHmac('sha256', this.#parts.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const began = performance.now();
    const taken = (status: number | null, error: Taken['error'], said = ''): Taken => ({
      ms: performance.now() - began,
      status,
      error,
      body: said,
    });
    try {
      const response = await fetch(this.#parts.botUrl(), {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
          'x-slack-request-timestamp': timestamp,
          'x-slack-signature': `v0=${digest}`,
          'x-request-id': randomUUID(),
        },
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const said = await response.text();
      return taken(response.status, response.ok ? null : 'dispatch_failed', said);
    } catch (error) {
      const late = error instanceof Error && error.name === 'TimeoutError';
      return taken(null, late ? 'operation_timeout' : 'dispatch_failed');
    }
  }
}
