import { WebAPIPlatformError, WebClient } from '@slack/web-api';
import { z } from 'zod';
import { FileRefused, type Files } from '../team.ts';
import { CALL_WITHIN_MS, clientOptions, type SlackAccess } from './slack-client.ts';
import { isCode, told } from './slack-refusals.ts';

/**
 * Files in the three calls that Slack wants (docs.slack.dev, files.getUploadURLExternal), rather than by `filesUploadV2`
 * of @slack/web-api 8.2: that one makes them in one go, so that nobody could know which file may be shared already,
 * and calls `alt_txt` by another name, which Slack does not know.
 */
export function connectFiles(access: SlackAccess): Files {
  const client = new WebClient(access.botToken, clientOptions(access));
  const refused = (error: unknown): unknown =>
    error instanceof WebAPIPlatformError ? new FileRefused(error.data.error, { cause: error }) : told(error);

  return {
    async send({ name, bytes, alt }) {
      const ask = { filename: name, length: bytes.byteLength, alt_txt: alt };
      const given = await client
        .apiCall('files.getUploadURLExternal', ask)
        .catch(error => Promise.reject(refused(error)));
      const { upload_url: url, file_id: file } = place.parse(given);
      const signal = AbortSignal.timeout(CALL_WITHIN_MS);
      const headers = { 'content-type': 'application/octet-stream' };
      const sent = await fetch(url, {
        method: 'POST',
        body: new Uint8Array(bytes),
        headers,
        signal,
        redirect: 'error',
      });
      if (!sent.ok) throw new Error(`Slack did not take the file: ${sent.status}`);
      return file;
    },

    async share({ file, title, channel, thread }) {
      const ask = { files: [{ id: file, title }], channel_id: channel, thread_ts: thread };
      await client.apiCall('files.completeUploadExternal', ask).catch(error => Promise.reject(refused(error)));
    },

    async isShared({ file, channel, thread, after }) {
      const oldest = (after / 1000 - 60).toFixed(6);
      const ask = { channel, ts: thread, oldest, limit: 200 };
      const read = await client.apiCall('conversations.replies', ask).catch(error => {
        // Where the bot may not read, or there is nothing to read, nobody will ever know.
        if (isCode(error, 'not_in_channel', 'channel_not_found', 'thread_not_found')) return { messages: [] };
        throw told(error);
      });
      return replies.parse(read).messages.some(({ files = [] }) => files.some(({ id }) => id === file));
    },
  };
}

const place = z.object({ upload_url: z.url(), file_id: z.string() });
const replies = z.object({ messages: z.array(z.object({ files: z.array(z.object({ id: z.string() })).optional() })) });
