import { z } from 'zod';
import { channelOf, count, type Method, method, moment } from './method.ts';
import { SlackError } from './slack-error.ts';
import { BOT, type FileKept, type Workspace } from './workspace.ts';

// Files in the three steps of docs.slack.dev, reference/methods/files.getUploadURLExternal. Nobody sees one before the
// third, and not at once even then: Slack looks through it first.

const SHARED_AFTER_MS = 400;

type Waiting = Omit<FileKept, 'bytes' | 'title'> & { length: number; bytes: Buffer | null; isShared: boolean };

/** Files on their way, by id. */
export class Uploads {
  readonly #waiting = new Map<string, Waiting>();
  #url: () => string;
  #last = 0;

  constructor(url: () => string) {
    this.#url = url;
  }

  /** Where the bytes go, and what the file will be known by. */
  begin(file: { name: string; length: number; alt: string }): { upload_url: string; file_id: string } {
    const id = `F0${(++this.#last).toString(36).toUpperCase().padStart(6, '0')}`;
    this.#waiting.set(id, { id, ...file, bytes: null, isShared: false });
    return { upload_url: `${this.#url()}/upload/v1/${id}`, file_id: id };
  }

  /** Null when they were taken, else what is wrong: an address is for one file of the length that was said. */
  take(path: string, bytes: Buffer): string | null {
    const file = this.#waiting.get(path.slice('/upload/v1/'.length));
    if (!file || file.bytes) return 'no such upload';
    if (bytes.length !== file.length) return `expected ${file.length} bytes`;
    file.bytes = bytes;
    return null;
  }

  /** A file whose bytes have come, once. */
  finish(id: string, title: string | undefined): FileKept {
    const file = this.#waiting.get(id);
    // What Slack does when it is asked twice is not written anywhere: here the second time finds nothing.
    if (!file?.bytes || file.isShared) throw new SlackError('file_not_found');
    file.isShared = true;
    const { name, alt, bytes } = file;
    return { id, name, alt, bytes, title: title ?? name };
  }
}

const named = z.array(z.strictObject({ id: z.string().min(1), title: z.string().optional() })).min(1);

export const FILES: Record<string, Method> = {
  'files.getUploadURLExternal': method(
    { tier: 4, scope: 'files:write' },
    {
      filename: z.string().min(1),
      length: count(1_000_000_000),
      alt_txt: z.string().optional(),
      snippet_type: z.string().optional(),
    },
    ({ filename: name, length, alt_txt: alt = '' }, { uploads }) => {
      if (alt.length > 1_000) throw new SlackError('alt_txt_too_large');
      return uploads.begin({ name, length, alt });
    },
  ),

  'files.completeUploadExternal': method(
    { tier: 4, scope: 'files:write' },
    {
      files: named,
      channel_id: z.string().min(1).optional(),
      thread_ts: moment.optional(),
      initial_comment: z.string().optional(),
    },
    ({ files, channel_id: id, thread_ts: ts, initial_comment: text = '' }, stage) => {
      const channel = id === undefined ? null : channelOf(stage, id);
      // To speak in public channels uninvited is another right than to put files there.
      if (channel && !channel.botIsIn) throw new SlackError('not_in_channel');
      const parent = channel && ts !== undefined ? stage.workspace.find(channel, ts) : null;
      if (parent === undefined || (parent && (parent.thread !== null || parent.to !== null))) {
        throw new SlackError('thread_not_found');
      }
      const finished = files.map(file => stage.uploads.finish(file.id, file.title));
      if (channel)
        later(stage.workspace, { channel, text, blocks: [], by: BOT.user, thread: ts ?? null, files: finished });
      return { files: finished.map(({ id, title }) => ({ id, title })) };
    },
  ),
};

function later(workspace: Workspace, said: Parameters<Workspace['post']>[0]): void {
  setTimeout(() => workspace.post(said), SHARED_AFTER_MS).unref();
}
