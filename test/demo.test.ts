import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account, accountLine } from './stage/account.ts';
import { makeFolder } from './stage/folder.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let records: string;
beforeAll(async () => {
  folder = await makeFolder();
  records = join(folder.dir, 'records');
});
afterAll(() => folder.remove());

type Line = Record<string, unknown>;

/** The records with one line changed, or left out. */
async function corrupted(name: string, which: RegExp, change: (line: Line) => Line | string | null): Promise<string> {
  const dir = join(folder.dir, 'corrupted');
  await cp(records, dir, { recursive: true });
  const file = join(dir, `${name}.jsonl`);
  const lines = (await readFile(file, 'utf8')).split('\n');
  const at = lines.findIndex(line => which.test(line));
  expect(at, `a line of ${name} like ${which}`).toBeGreaterThanOrEqual(0);
  const changed = change(JSON.parse(lines[at] ?? ''));
  lines.splice(at, 1, ...(changed === null ? [] : [typeof changed === 'string' ? changed : JSON.stringify(changed)]));
  await writeFile(file, lines.join('\n'));
  return dir;
}

const later = (line: Line): Line => ({ ...line, at: new Date(Date.parse(String(line.at)) + 3_000).toISOString() });

describe('the demo', () => {
  it('plays a deploy that harms no visitor, and accounts for it in its last line', { timeout: 180_000 }, async () => {
    const demo = spawn('npm', ['run', '--silent', 'demo', '--', '--headless', '--record', records], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = demo.stdout.setEncoding('utf8').toArray();
    const [code] = await once(demo, 'exit');
    const lines = (await output).join('').trimEnd().split('\n');
    expect(code, lines.slice(-40).join('\n')).toBe(0);
    const found = await account(records);
    expect(lines.at(-1)).toBe(accountLine(found));
    expect(found).toMatchObject({ failed: 0, answers: [{ release: 'v4' }, { release: 'v5' }] });
    expect(found.requests).toBeGreaterThanOrEqual(1_000);
    expect(found.windowSeconds).toBeGreaterThanOrEqual(20);
    expect(found.announcedAfterSwitchSeconds).toBeGreaterThanOrEqual(0);
    expect(found.announcedAfterSwitchSeconds).toBeLessThan(6);
  });

  it.each<[string, string, RegExp, (line: Line) => Line | string | null, RegExp]>([
    ['a cut line', 'heroku', /"call"/, line => JSON.stringify(line).slice(0, 40), /Line 1 of .*heroku.jsonl is broken/],
    ['a field too many', 'probe', /"request"/, line => ({ ...line, hats: 1 }), /Line 1 of .*probe.jsonl is broken/],
    ['a visit left out', 'traffic', /"v4"/, () => null, /carried 1 requests that no visitor knows of/],
    ['a request left out', 'router', /"request"/, () => null, /the router knows nothing of it/],
    ['another status', 'router', /"request"/, line => ({ ...line, status: 503 }), /differ on the status/],
    ['a failure made good', 'traffic', /"v4"/, line => ({ ...line, status: 204 }), /differ on the status/],
    ['another release', 'traffic', /"v4"/, line => ({ ...line, release: 'v5' }), /differ on who answered/],
    ['another time of a visit', 'router', /"request"/, later, /differ on the time/],
    ['an earlier switch', 'router', /"switched".*"release":5/, line => ({ ...line, at: new Date(0) }), /another time/],
    ['another time of a router', 'router', /"router-flipped".*"release":5/, later, /when router \d pointed to/],
    ['a start left out', 'router', /"dyno-started".*"web.1","release":5/, () => null, /not up/],
    ['an exit too early', 'router', /"dyno-exited".*"web/, line => ({ ...line, at: new Date(0) }), /not up/],
    [
      'an old probe',
      'probe',
      /"release":5/,
      line => ({ ...line, dyno: { id: '', name: '', release: 4 } }),
      /v4 answered|not up/,
    ],
    ['a second build', 'heroku', /"GET"/, line => ({ ...line, method: 'POST', path: '/apps/shop/builds' }), /2 builds/],
    [
      'an earlier announcement',
      'slack',
      /"reply_broadcast":(true|"true")/,
      line => ({ ...line, at: new Date(0) }),
      /two different times/,
    ],
    ['no announcement', 'slack', /"reply_broadcast":(true|"true")/, () => null, /Nothing was announced/],
  ])('sees the account fail over %s', async (_, name, which, change, why) => {
    await expect(corrupted(name, which, change).then(account)).rejects.toThrow(why);
  });
});
