import { signed } from '../bolt-rig.ts';
import type { Sent } from './load.ts';

// What Slack would send, signed: no two are the same, since the same again would be a replay.

export type Sender = { secret: string; responses: string; user: string; channel: string };

let count = 0;

export function command({ secret, responses, user, channel }: Sender, text: string): Sent {
  return signedForm(secret, {
    team_id: 'T0ACME',
    user_id: user,
    channel_id: channel,
    command: '/deploy',
    text,
    response_url: responses,
    trigger_id: `${process.pid}.${count++}`,
  });
}

export function press({ secret, responses, user, channel }: Sender, button: { action: string; value: string }): Sent {
  const action = { type: 'button', action_id: button.action, block_id: 'b', value: button.value };
  const payload = {
    type: 'block_actions',
    team: { id: 'T0ACME' },
    user: { id: user },
    channel: { id: channel },
    container: { type: 'message', channel_id: channel, message_ts: '1.1' },
    response_url: responses,
    trigger_id: `${process.pid}.${count}`,
    actions: [{ ...action, action_ts: `${Date.now() / 1000}${count++}` }],
  };
  return signedForm(secret, { payload: JSON.stringify(payload) });
}

function signedForm(secret: string, form: Record<string, string>): Sent {
  const body = new URLSearchParams(form).toString();
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': signed(timestamp, body, secret),
    },
  };
}
