import { describe, expect, it } from 'vitest';
import type { Closing } from '../src/domain/closing.ts';
import { nearest } from '../src/domain/nearest.ts';
import type { Schedule } from '../src/domain/schedule.ts';
import type { Heroku, SourceHost } from '../src/outside.ts';
import { Reports } from '../src/reports.ts';
import type { Ledger, Running } from '../src/team.ts';
import { commitIsLive, historyOf, queueOf, statusOfAll, statusOfApp } from '../views/reports.ts';
import { release } from './recipe-world.ts';
import { deploys, plan } from './sample-deploys.ts';

const settings = { ...plan, name: 'shop', deployers: [], defaultRef: 'main', probe: undefined };
const SHA = plan.commit.sha;

/** A world in which v42 is live from the sample's commit, with these deploys open and done. */
function reports(
  world: {
    open?: Running[];
    recent?: (typeof deploys.succeeded)[];
    total?: number;
    behind?: number;
    scheduled?: Schedule[];
    closings?: Closing[];
  } = {},
) {
  const { open = [], recent = [], total = 0, behind = 0 } = world;
  const lock = {
    id: 'l1',
    by: 'U0EVE',
    reason: 'Black Friday',
    channel: 'C1',
    at: '2026-11-23T12:00:00Z',
    until: null,
  };
  return new Reports({
    ledger: {
      running: async () => open,
      deploy: async () => deploys['old code still serving'],
      recent: async () => recent,
    } as unknown as Ledger,
    locks: { on: async () => [{ scope: 'shop', ...lock }] },
    starts: { waiting: async () => [] },
    schedules: { waiting: async () => world.scheduled ?? [] },
    closings: { standing: async () => world.closings ?? [] },
    heroku: {
      app: async () => ({ maintenance: true }),
      releases: async () => [release(42, 's42', { current: true })],
      slugCommit: async () => SHA,
    } as unknown as Heroku,
    source: {
      commit: async (_: string, ref: string) => ({ sha: ref, subject: 'Sell hats', author: 'Ann', at: '' }),
      compare: async () => ({ commits: [], total, behind }),
    } as unknown as SourceHost,
  });
}

const open = (id: string): Running => ({
  ...{ id, app: 'shop', plan, startedBy: 'U0BOB', startedAt: '2026-11-23T12:00:00Z' },
  ...{ asks: false, waits: id !== 'd1', soaks: false },
});
const shown = (message: { blocks: readonly object[] }) => JSON.stringify(message.blocks);

describe('/deploy status', () => {
  it('says what runs, who waits behind it, and who has it locked', async () => {
    const [status] = await reports({ open: [open('d1'), open('d2')] }).status([settings]);
    const told = shown(statusOfAll(status ? [status] : []));
    for (const part of [
      '1 app, 1 being deployed',
      'old code is still serving',
      '1. `c0ffee12` of main',
      'Black Friday',
    ]) {
      expect(told).toContain(part);
    }
    expect(shown(queueOf(status ? [status] : []))).toContain('1 deploy waits');
  });

  it('says what has not begun yet, and who has it closed until when', async () => {
    const scheduled = { id: 's1', app: 'shop', by: 'U0BOB', due: 0, outcome: null, endedBy: null, why: null, plan };
    const closing = { app: 'shop', by: 'U0EVE', until: 0, reason: 'We count hats' } as Closing;
    const [status] = await reports({ scheduled: [scheduled], closings: [closing] }).status([settings]);
    const told = shown(statusOfAll(status ? [status] : []));
    expect(told).toMatch(/`c0ffee12`, by <@U0BOB>, begins .*1970-01-01/);
    expect(told).toMatch(/shop is closed by <@U0EVE> until .*: We count hats\./);
  });

  it('of an app also says what Heroku runs, that it is closed, and how the last deploy ended', async () => {
    const told = shown(statusOfApp(await reports({ recent: [deploys.succeeded] }).app(settings)));
    for (const part of ['shop runs v42', 'maintenance mode', 'shop is deployed', 'old code for'])
      expect(told).toContain(part);
  });

  it('without an app that one may see says whom to ask', () => {
    expect(statusOfAll([]).text).toContain('Ask whoever runs this bot');
    expect(queueOf([]).text).toContain('Nobody waits');
  });
});

describe('/deploy history', () => {
  it('says of each deploy how it ended, what it was, whose, and how long', () => {
    const told = shown(historyOf('shop', [deploys.succeeded, deploys['rolled back unseen']]));
    for (const part of ['The last 2 deploys of shop', 'shop is deployed', 'shop was rolled back', 'v42', '<@U0ANN>']) {
      expect(told).toContain(part);
    }
    expect(historyOf('shop', []).text).toContain('not deployed by this bot yet');
  });
});

describe('/deploy live', () => {
  it.each([
    ['the live commit is', SHA, {}, /\*Released\*: shop runs `c0ffee12` Sell hats, as v42/],
    ['an older one is part of it', 'a'.repeat(40), { behind: 3 }, /is in v42 .*3 commits before/],
    [
      'a newer one is not',
      'b'.repeat(40),
      { total: 2 },
      /\*Not live\*.*lacks 2 commits up to it.*deploy shop@bbbbbbbb/,
    ],
  ])('%s', async (_, ref, world, says) => {
    expect(shown(commitIsLive(await reports(world).commit(settings, ref)))).toMatch(says);
  });

  it('while its deploy is in the window says that old code still serves', async () => {
    const told = shown(commitIsLive(await reports({ open: [open('d1')] }).commit(settings, SHA)));
    expect(told).toMatch(/Released.*old code is still serving/);
  });
});

it.each([
  ['stauts', 'status'],
  ['hsitory', 'history'],
  ['lokc', 'lock'],
  ['lock', null],
  ['shop', null],
  ['unlokc', 'unlock'],
])('%s probably means %s', (word, meant) => {
  expect(nearest(word, ['status', 'stats', 'history', 'lock', 'unlock', 'live', 'queue'])).toBe(meant);
});
