import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { contentOf } from './method.ts';
import { SlackError } from './slack-error.ts';
import { BOT, type Channel, type Post, type Workspace } from './workspace.ts';

// Addresses that come with a command or press, for answers (docs.slack.dev, interactivity/handling-user-interaction).

const USES = 5;
const GOOD_FOR_MS = 30 * 60_000;

const body = z.strictObject({
  text: z.string().optional(),
  blocks: z.unknown().optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).optional(),
  replace_original: z.boolean().optional(),
  delete_original: z.boolean().optional(),
  thread_ts: z.string().optional(),
  mrkdwn: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
});

/** Whom an answer goes to, and the message that was pressed, if any. */
export type Asked = { user: string; channel: Channel; original: Post | null };

export class ResponseUrls {
  readonly #workspace: Workspace;
  readonly #given = new Map<string, Asked & { at: number; uses: number }>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** A path below the server's address. */
  give(asked: Asked): string {
    const path = `/response/${this.#workspace.team.id}/${randomBytes(12).toString('hex')}`;
    this.#given.set(path, { ...asked, at: Date.now(), uses: 0 });
    return path;
  }

  /** Takes an answer: a new message, or the original replaced or deleted. */
  take(path: string, answer: unknown): void {
    const given = this.#given.get(path);
    if (!given) throw new SlackError('invalid_url');
    if (Date.now() - given.at > GOOD_FOR_MS) throw new SlackError('expired_url');
    if (given.uses >= USES) throw new SlackError('used_url');
    given.uses++;
    answerAsked(this.#workspace, given, answer);
  }
}

/** Also what a slash command's answer over HTTP does. */
export function answerAsked(workspace: Workspace, { user, channel, original }: Asked, answer: unknown): void {
  const read = body.safeParse(answer);
  if (!read.success) throw new SlackError('invalid_payload', [z.prettifyError(read.error)]);
  const said = read.data;
  if (said.delete_original && original) {
    workspace.delete(original);
    return;
  }
  const content = contentOf(said, 40_000);
  if (said.replace_original && original && !original.deleted) {
    workspace.edit(original, content);
    return;
  }
  const to = said.response_type === 'in_channel' ? null : user;
  workspace.post({ ...content, channel, by: BOT.user, to, thread: said.thread_ts ?? null });
}
