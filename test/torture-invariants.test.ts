import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import type { AppSeen, Evidence, Released, Said } from './torture/evidence.ts';
import { CHECKS, violations } from './torture/invariants.ts';
import { watchSecrets } from './torture/secrets.ts';

// The judge of a torture run, judged: on a run without fault it finds nothing, and each check finds what is planted for it.

const T0 = Date.UTC(2026, 0, 5, 10);
const at = (seconds: number): Date => new Date(T0 + seconds * 1000);

const released = (version: number, more: Partial<Released> = {}): Released => ({
  version,
  description: `Deploy ${version}`,
  slug: `s${version}`,
  mark: null,
  bad: false,
  ...more,
});

const said = (seconds: number, more: Partial<Said>): Said => ({
  channel: 'hats',
  at: T0 + seconds * 1000,
  inThread: true,
  broadcast: false,
  first: '',
  last: '',
  buttons: [],
  deploy: 'd1',
  key: 'reply:1',
  endedAt: null,
  ...more,
});

const root = (more: Partial<Said> = {}): Said =>
  said(1, {
    key: 'root',
    inThread: false,
    last: ':white_check_mark: hats is deployed\n*Receipt*',
    endedAt: T0 + 60_000,
    ...more,
  });

const announcement = (seconds: number, more: Partial<Said> = {}): Said =>
  said(seconds, {
    broadcast: true,
    first: ':large_green_circle: New code serves: hats runs v5',
    key: 'reply:8',
    ...more,
  });

const dyno = (id: string, release: number) => ({ app: 'hats', id, name: 'web.1', release });
const request = {
  ...{ app: 'hats', id: 'r1', at: at(30), router: 0, method: 'GET', path: '/', status: 503, code: 'H13' },
  ...{ dyno: { id: 'new', name: 'web.1', release: 5 }, connectMs: 0, serviceMs: 0, totalMs: 0, bytes: 0 },
};

const closedPage = { ...request, code: 'H80', dyno: null };
/** Closed by a command, and open again after 40 s. */
const COUNTED = { app: 'hats', from: T0 + 25_000, until: T0 + 40_000 };

const START = { label: 'Start', deploy: 'd1', app: 'hats', by: 'ann', at: T0 };

const HATS: AppSeen = {
  name: 'hats',
  maintenance: false,
  web: 1,
  dynos: [{ name: 'web.1', type: 'web', state: 'up', release: 5 }],
  builds: [
    { id: 'b4', mark: null },
    { id: 'b5', mark: 'Switchover d1' },
  ],
  releases: [released(4), released(5, { mark: 'Switchover d1' })],
  live: 5,
  recorded: ['pgmigrations 101_grow', 'pgmigrations_contract 101_shrink'],
  ran: [
    { file: '101_grow', at: T0 + 2_000 },
    { file: '101_shrink', at: T0 + 50_000 },
  ],
  advisoryLocks: 0,
  openTransactions: 0,
};

/** One deploy that went as it should: switched after 20 s, old code gone after 30, contract after 50. */
const GOOD: Evidence = {
  apps: [HATS],
  started: [{ id: 'd1', app: 'hats', at: T0 }],
  posts: [root(), announcement(21)],
  presses: [START, { ...START, label: 'Run them', by: 'bob', at: T0 + 45_000 }],
  closures: [],
  failed: [],
  truths: [
    { ...dyno('old', 4), kind: 'dyno-started', at: at(-60) },
    { ...dyno('new', 5), kind: 'dyno-started', at: at(10) },
    { app: 'hats', kind: 'router-flipped', at: at(20), router: 0, release: 5 },
    { app: 'hats', kind: 'switched', at: at(20), release: 5 },
    { ...dyno('old', 4), kind: 'dyno-exited', at: at(30) },
  ],
  lastWords: [],
  leaks: [],
};

const withApp = (more: Partial<AppSeen>): Evidence => ({ ...GOOD, apps: [{ ...HATS, ...more }] });
const without = (kind: string) => GOOD.truths.filter(truth => truth.kind !== kind);

const PLANTED: readonly [check: keyof typeof CHECKS, finds: RegExp, seen: Evidence][] = [
  [
    'at most one build for each deploy',
    /hats was built twice for “Switchover d1”/,
    withApp({ builds: [...HATS.builds, { id: 'b6', mark: 'Switchover d1' }] }),
  ],
  [
    'at most one release for each deploy, and one way back',
    /hats was released twice/,
    withApp({ releases: [...HATS.releases, released(6, { mark: 'Switchover d1' })] }),
  ],
  [
    'at most one release for each deploy, and one way back',
    /v7 of hats goes back to what v6 had already/,
    withApp({
      releases: [
        ...HATS.releases,
        released(6, { description: 'Rollback to v4', slug: 's4' }),
        released(7, { description: 'Rollback to v4', slug: 's4' }),
      ],
    }),
  ],
  [
    'each migration runs once',
    /101_grow of hats ran twice/,
    withApp({ ran: [...HATS.ran, { file: '101_grow', at: T0 + 3_000 }] }),
  ],
  [
    'each migration runs once',
    /pgmigrations 101_grow of hats is recorded twice/,
    withApp({ recorded: [...HATS.recorded, 'pgmigrations 101_grow'] }),
  ],
  [
    'contract comes after old code is gone, and after a yes',
    /101_shrink of hats ran while v4 lived beside v5/,
    {
      ...withApp({ ran: [{ file: '101_shrink', at: T0 + 25_000 }] }),
      presses: [START, { ...START, label: 'Run them', by: 'bob', at: T0 + 24_000 }],
    },
  ],
  [
    'contract comes after old code is gone, and after a yes',
    /101_shrink of hats ran while v4 lived beside v5/,
    { ...GOOD, truths: without('dyno-exited') },
  ],
  [
    'contract comes after old code is gone, and after a yes',
    /without a second person's approval/,
    { ...GOOD, presses: [] },
  ],
  [
    'contract comes after old code is gone, and after a yes',
    /without a second person's approval/,
    { ...GOOD, presses: [START, { ...START, label: 'Run them', by: 'bob', at: T0 + 51_000 }] },
  ],
  [
    'contract comes after old code is gone, and after a yes',
    /without a second person's approval/,
    { ...GOOD, presses: GOOD.presses.map(press => ({ ...press, by: 'ann' })) },
  ],
  ['one root message for each deploy', /d1 has two root messages/, { ...GOOD, posts: [...GOOD.posts, root()] }],
  ['one root message for each deploy', /nothing in the channel says so/, { ...GOOD, posts: [] }],
  [
    'one announcement for each deploy, not before the true switch',
    /announced 2 times/,
    { ...GOOD, posts: [...GOOD.posts, announcement(22)] },
  ],
  [
    'one announcement for each deploy, not before the true switch',
    /v5 of hats was announced 5000 ms before the switch/,
    { ...GOOD, posts: [root(), announcement(15)] },
  ],
  [
    'one announcement for each deploy, not before the true switch',
    /announced though it never switched/,
    { ...GOOD, truths: without('switched') },
  ],
  [
    'one announcement for each deploy, not before the true switch',
    /is deployed and was never announced/,
    { ...GOOD, posts: [root()] },
  ],
  [
    'every deploy ended',
    /d1 of hats never ended: “hats: building”/,
    { ...GOOD, posts: [root({ last: 'hats: building\nOld code serves.' })] },
  ],
  [
    'no maintenance, no lock and no stopped dyno is left behind',
    /hats is still closed/,
    withApp({ maintenance: true }),
  ],
  [
    'no maintenance, no lock and no stopped dyno is left behind',
    /0 of 1 web dynos of hats are up/,
    withApp({ dynos: [] }),
  ],
  ['no maintenance, no lock and no stopped dyno is left behind', /are up/, withApp({ web: 0, dynos: [] })],
  ['no maintenance, no lock and no stopped dyno is left behind', /1 advisory locks/, withApp({ advisoryLocks: 1 })],
  ['no maintenance, no lock and no stopped dyno is left behind', /1 transactions/, withApp({ openTransactions: 1 })],
  [
    'no request failed because of the bot',
    /1 requests to hats failed, the first with H13 by v5/,
    { ...GOOD, failed: [request] },
  ],
  ['no request failed because of the bot', /H80 by nobody/, { ...GOOD, failed: [closedPage] }],
  [
    'no request failed because of the bot',
    /H80 by nobody at 2026-01-05T10:01:01/,
    { ...GOOD, presses: [{ ...START, closes: true }], failed: [closedPage, { ...closedPage, at: at(61) }] },
  ],
  [
    'no request failed because of the bot',
    /H80 by nobody at 2026-01-05T10:00:45/,
    { ...GOOD, closures: [COUNTED], failed: [closedPage, { ...closedPage, at: at(45) }] },
  ],
  [
    'no process of the bot ends by itself, or hangs as it starts',
    /bot 1 ended/,
    { ...GOOD, lastWords: ['bot 1 ended: Unhandled error event'] },
  ],
  [
    'no secret is shown',
    /the log of bot 1 holds HEROKU_API_KEY/,
    { ...GOOD, leaks: ['the log of bot 1 holds HEROKU_API_KEY'] },
  ],
];

describe('the judge of a torture run', () => {
  it('finds nothing where all went well', () => {
    expect(violations(GOOD)).toEqual([]);
  });

  it.each(PLANTED)('finds a planted violation: %s (%s)', (check, finds, seen) => {
    const found = CHECKS[check](seen);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(finds);
  });

  it('has a planted violation for each of its checks', () => {
    expect(new Set(PLANTED.map(([check]) => check))).toEqual(new Set(Object.keys(CHECKS)));
  });

  it('does not blame the bot for a page that people closed, nor for code that cannot serve', () => {
    const check = CHECKS['no request failed because of the bot'];
    expect(check({ ...GOOD, closures: [COUNTED], failed: [closedPage] })).toEqual([]);
    expect(check({ ...GOOD, presses: [{ ...START, closes: true }], failed: [closedPage] })).toEqual([]);
    const bad = [released(4), released(5, { bad: true })];
    const crashed = { ...request, code: 'H10', dyno: null };
    expect(check({ ...withApp({ releases: bad }), failed: [request, crashed] })).toEqual([]);
    const standing = CHECKS['no maintenance, no lock and no stopped dyno is left behind'];
    const dynos = [{ name: 'web.1', type: 'web', state: 'crashed', release: 5 }];
    expect(standing(withApp({ releases: bad, dynos }))).toEqual([]);
    // The release phase of v6 failed.
    expect(standing(withApp({ releases: [...bad, released(6)], dynos }))).toEqual([]);
    expect(standing(withApp({ releases: [...bad, released(6)], live: 6, dynos }))).toHaveLength(1);
    expect(standing(withApp({ dynos }))).toHaveLength(1);
    expect(standing(withApp({ releases: bad, dynos: [] }))).toHaveLength(1);
  });

  it('finds a secret in every place where one may stand', async () => {
    const [token, charge, password] = ['HRKU', 'charge', 'word'].map(
      word => `${word}-${randomBytes(12).toString('hex')}`,
    );
    const config = { CHARGE_KEY: `${charge}`, DATABASE_URL: `postgres://shop:${password}@127.0.0.1/shop` };
    const rows = [{ name: 'public.facts', row: `{"output":"${password}"}` }];
    // A process that has one on its command line, until its input ends.
    const child = spawn('sh', ['-c', 'read -r line', `${token}`]);
    const secrets = watchSecrets({
      stage: {
        secrets: [{ name: 'HEROKU_API_KEY', value: `${token}` }],
        slack: { calls: [{ args: { text: charge } }], transcript: () => `shop is deployed with ${charge}` },
        database: { query: async () => ({ rows }) } as unknown as Pool,
      },
      apps: [{ name: 'hats', heroku: { config } }],
      bots: {
        all: ['bot 1', 'bot 2'].map(name => ({ name, process: { log: name === 'bot 2' ? `${token}` : '', pid: 0 } })),
      },
    });
    try {
      await expect
        .poll(secrets.leaks, { timeout: 10_000 })
        .toEqual([
          'The command line of sh -c holds HEROKU_API_KEY',
          'the log of bot 2 holds HEROKU_API_KEY',
          'what Slack was sent holds CHARGE_KEY of hats',
          'what Slack shows holds CHARGE_KEY of hats',
          'public.facts holds the database password of hats',
        ]);
    } finally {
      child.stdin.end();
      await secrets.stop();
    }
  });
});
