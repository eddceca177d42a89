import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Page, startPage } from './stage/page/page.ts';
import { type Slack, startSlack } from './stage/slack/slack.ts';

let slack: Slack;
let page: Page;
const turned: string[] = [];
beforeAll(async () => {
  slack = await startSlack({
    signingSecret: 'secret',
    botToken: 'xoxb-1',
    users: { ann: 'U0ANN', bob: 'U0BOB' },
    channels: { shop: 'C0SHOP', office: { id: 'C0OFFICE', members: ['bob'] } },
  });
  page = await startPage({
    slack,
    people: [{ id: 'U0ANN', name: 'ann', role: 'deployer' }],
    board: () => ({ bot: 'running', apps: [] }),
    turn: async knob => void turned.push(knob),
  });
});
afterAll(async () => {
  await page.stop();
  await slack.stop();
});

type Asked = { path?: string; method?: string; headers?: Record<string, string>; body?: object };

/** Not by fetch, which does not let one lie about the host. */
function ask({ path = '/', method = 'GET', headers = {}, body }: Asked) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const asked = request(new URL(path, page.url), { method, headers }, async response => {
      const text = (await response.setEncoding('utf8').toArray()).join('');
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    asked.once('error', reject).end(body ? JSON.stringify(body) : undefined);
  });
}

const json = { 'content-type': 'application/json' };
const own = () => ({ ...json, origin: page.url.replace(/\/$/, '') });
const typing = { kind: 'type', channel: 'C0SHOP', thread: null, words: 'Hello' };

it('the page is for this machine, and loads nothing from elsewhere', async () => {
  expect(new URL(page.url).hostname).toBe('127.0.0.1');
  const { status, headers } = await ask({});
  expect(status).toBe(200);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(headers['access-control-allow-origin']).toBeUndefined();
  expect((await ask({ path: '/main.js' })).headers['content-type']).toContain('javascript');
  expect((await ask({ path: '/../package.json' })).status).toBe(404);
});

it('another site can neither look through it nor act in it', async () => {
  expect((await ask({ headers: { host: 'evil.example.com' } })).status).toBe(403);
  expect((await ask({ path: '/events', headers: { host: 'evil.example.com:80' } })).status).toBe(403);
  const act = { path: '/act?as=ann', method: 'POST', body: typing };
  expect((await ask({ ...act, headers: { ...json, origin: 'http://evil.example.com' } })).status).toBe(403);
  expect((await ask({ ...act, headers: { 'content-type': 'text/plain', origin: own().origin } })).status).toBe(403);
  expect((await ask({ ...act, headers: json })).status).toBe(403);
  expect(slack.transcript()).toBe('(nothing)');
  expect((await ask({ ...act, headers: own() })).status).toBe(200);
  expect(slack.transcript()).toBe('#shop ann: Hello');
});

it('a picture is for those who see its message', async () => {
  const shared = (name: string, id: string) => {
    const channel = slack.workspace.channel(name);
    if (!channel) throw new Error(`no ${name}`);
    const file = { id, name: 'a.png', title: 'A', alt: 'a', bytes: Buffer.from('PNG') };
    slack.workspace.post({ channel, text: '', blocks: [], by: 'U0BOB', files: [file] });
  };
  shared('C0SHOP', 'F0SHOWN');
  shared('C0OFFICE', 'F0SECRET');
  expect(await ask({ path: '/file/F0SHOWN?as=ann' })).toMatchObject({ status: 200, text: 'PNG' });
  expect((await ask({ path: '/file/F0SECRET?as=ann' })).status).toBe(404);
});

it('nobody can do there what they could not see, or what there is not', async () => {
  await slack.person('bob').types('A secret', { channel: 'office' });
  const secret = slack.channel('office').messages()[0]?.ts ?? '';
  const place = { channel: 'C0OFFICE', ts: secret };
  const press = { kind: 'act', place, block: 'b', action: 'a', choice: null, choices: {} };
  const acts = [press, { kind: 'submit', view: 'V0', choices: {} }, { kind: 'fly' }];
  for (const body of acts) {
    const { status, text } = await ask({ path: '/act?as=ann', method: 'POST', headers: own(), body });
    expect({ status, problem: JSON.parse(text).problem }).toEqual({ status: 409, problem: expect.any(String) });
  }
  const spoken = { ...typing, channel: 'C0OFFICE' };
  expect((await ask({ path: '/act?as=ann', method: 'POST', headers: own(), body: spoken })).status).toBe(409);
});
