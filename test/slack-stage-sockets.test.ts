import { once } from 'node:events';
import { WebClient } from '@slack/web-api';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { slackLogger } from '../src/adapters/slack-client.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';
import { BOT } from './stage/slack/workspace.ts';

type Envelope = { envelope_id: string; type: string; payload: Record<string, unknown> } & Record<string, unknown>;

let slack: Slack;
let opened: Connection[] = [];
beforeEach(async () => {
  slack = await startSlack({
    ...{ signingSecret: 'secret', botToken: 'xoxb-1', appToken: 'xapp-1' },
    ...{ users: { ann: 'U0ANN' }, channels: { deploys: 'C0DEPLOYS' } },
    ...{ scopes: ['app_mentions:read', 'chat:write'], events: ['app_mention', 'app_home_opened'], limits: false },
  });
});
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.terminate();
  await slack.stop();
});

const client = (token: string) =>
  new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    logger: slackLogger(pino({ level: 'silent' })),
  });
const open = async (token = 'xapp-1') => (await client(token).apps.connections.open()).url ?? '';

/** A bot's end of a connection: all that came, and what it says. */
class Connection {
  readonly socket: WebSocket;
  readonly came: Envelope[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', text => this.came.push(JSON.parse(String(text))));
    opened = [...opened, this];
  }

  /** The first of that type, waited for. */
  async hears(type: string, nth = 0): Promise<Envelope> {
    const found = () => this.came.filter(one => one.type === type)[nth];
    await expect.poll(found, { timeout: 10_000, interval: 5 }).toBeDefined();
    return found()!;
  }

  says(what: object): void {
    this.socket.send(JSON.stringify(what));
  }
}

async function connect(): Promise<Connection> {
  const connection = new Connection(await open());
  await connection.hears('hello');
  return connection;
}

const types = () => slack.person('ann').types('/deploy shop', { channel: 'deploys' });

describe('Socket Mode of the local Slack', () => {
  it('opens for the token of the app alone, given in the header, and for nobody twice', async () => {
    const refuses = (token: string, error: string) => expect(open(token)).rejects.toMatchObject({ data: { error } });
    await refuses('xapp-2', 'invalid_auth');
    await refuses('xoxb-1', 'not_allowed_token_type');
    await expect(client('xapp-1').auth.test()).rejects.toMatchObject({ data: { error: 'invalid_auth' } });
    const asked = { method: 'POST', body: new URLSearchParams({ token: 'xapp-1' }) };
    const inBody = await fetch(`${slack.apiUrl}apps.connections.open`, asked);
    expect(await inBody.json()).toEqual({ ok: false, error: 'invalid_auth' });
    const url = await open();
    const hello = await new Connection(url).hears('hello');
    expect(hello).toMatchObject({ num_connections: 1, connection_info: { app_id: BOT.app } });
    for (const other of [url, `${slack.url.replace('http', 'ws')}/link/`]) {
      const [refused] = await once(new WebSocket(other), 'error');
      expect(refused.message).toContain('401');
    }
  });

  it('gives a request to one connection, and waits 3 s for that one', async () => {
    expect(await types()).toMatchObject({ error: 'dispatch_failed', status: null });
    const [one, two] = [await connect(), await connect()];
    const typed = types();
    const command = await one.hears('slash_commands');
    expect(command).toMatchObject({
      accepts_response_payload: true,
      payload: { command: '/deploy', text: 'shop', user_id: 'U0ANN', api_app_id: BOT.app },
    });
    // Only who was asked may answer.
    two.says({ envelope_id: command.envelope_id });
    one.says({ envelope_id: command.envelope_id, payload: { text: 'Deploy shop?' } });
    expect(await typed).toMatchObject({ status: 200, connection: 1 });
    await slack.person('ann').sees('Deploy shop?');
    const late = await types();
    expect(late).toMatchObject({ error: 'operation_timeout', status: null, connection: 2 });
    expect(one.came.filter(({ type }) => type === 'slash_commands')).toHaveLength(1);
    const { envelope_id } = await two.hears('slash_commands');
    two.says({ envelope_id });
    two.socket.send('taken');
    await expect
      .poll(() => slack.sockets.misfits)
      .toEqual([JSON.stringify({ envelope_id: command.envelope_id }), JSON.stringify({ envelope_id }), 'taken']);
  });

  it('sends an event again that was not acknowledged, and takes no answer to one', async () => {
    const [one, two] = [await connect(), await connect()];
    const opens = slack.person('ann').opensHome();
    const first = await one.hears('events_api');
    expect(first).toMatchObject({ retry_attempt: 0, retry_reason: '', accepts_response_payload: false });
    expect(await opens).toMatchObject({ error: 'operation_timeout' });
    const again = await two.hears('events_api');
    expect(again).toMatchObject({ retry_attempt: 1, retry_reason: 'timeout', payload: first.payload });
    expect(again.envelope_id).not.toBe(first.envelope_id);
    const answered = { envelope_id: again.envelope_id, payload: { text: 'Thanks' } };
    two.says(answered);
    await expect.poll(() => slack.sockets.misfits).toEqual([JSON.stringify(answered)]);
  });

  it('says beforehand that it will close a connection, uses it until then, and has ten at most', async () => {
    const one = await connect();
    slack.sockets.refreshes(1, 300);
    expect(await one.hears('disconnect')).toMatchObject({ reason: 'warning' });
    const typed = types();
    one.says({ envelope_id: (await one.hears('slash_commands')).envelope_id });
    expect(await typed).toMatchObject({ status: 200, connection: 1 });
    expect(await one.hears('disconnect', 1)).toMatchObject({ reason: 'refresh_requested' });
    await expect.poll(() => one.socket.readyState).toBe(WebSocket.CLOSED);
    for (let i = 0; i < 10; i++) await connect();
    const tooMany = new Connection(await open());
    expect(await tooMany.hears('disconnect')).toMatchObject({ reason: 'too_many_websockets' });
    await expect.poll(() => tooMany.socket.readyState).toBe(WebSocket.CLOSED);
    expect(slack.sockets.numbers).toHaveLength(10);
  });
});
