import type { Deploy, Fact, FactBody, Tally } from '../src/domain/deploy.ts';
import type { Plan } from '../src/domain/plan.ts';
import { stepsWith } from '../src/domain/steps.ts';
import type { Phase } from '../src/domain/watch.ts';

// Deploys in every state, as their facts would have made them: for the tests of what people see.

export const STARTED_AT = Date.parse('2026-11-23T12:00:00.000Z');
export const ANN = 'U0ANN';
/** Nothing stands before a start. */
export const OPEN = { kind: 'open' } as const;

export const plan: Plan = {
  app: 'shop',
  ref: 'main',
  commit: { sha: 'c0ffee1234567890c0ffee1234567890c0ffee12', subject: 'Show the basket on every page', author: 'Ann' },
  repository: 'acme/shop',
  channel: 'C0DEPLOYS',
  url: 'https://shop.example.com/',
  live: { id: 'r41', version: 41, slug: 'slug-41', commit: 'beef0000567890c0ffee1234567890c0ffee1234' },
  changes: {
    commits: [
      { sha: 'c0ffee1234567890c0ffee1234567890c0ffee12', subject: 'Show the basket on every page', author: 'Ann' },
      { sha: 'badcafe234567890c0ffee1234567890c0ffee12', subject: 'Count what is in the basket', author: 'Bob' },
    ],
    total: 2,
    behind: 0,
  },
  web: { quantity: 2, size: 'Standard-1X' },
  workers: [],
  steps: stepsWith({ expand: false, contract: false }),
  probe: { path: '/', header: 'X-Heroku-Release-Version' },
  proof: 'probe by release',
  windowSeconds: 180,
  buildSeconds: 70,
  migrations: null,
  soakSeconds: 300,
  approvers: ['U0BOB'],
  fourEyes: true,
  warnings: [],
};

/** A fact, so many seconds after the start. */
export type Told = readonly [seconds: number, body: FactBody];

/** A deploy of these facts. */
export function deployOf(facts: readonly Told[], changed: Partial<Plan> = {}): Deploy {
  return {
    id: 'd0123456789',
    plan: { ...plan, ...changed },
    startedBy: ANN,
    startedAt: new Date(STARTED_AT).toISOString(),
    facts: facts.map(
      ([seconds, body], index): Fact =>
        Object.assign({}, body, { seq: index + 1, at: new Date(STARTED_AT + seconds * 1000).toISOString() }),
    ),
  };
}

export const tally = (changed: Partial<Tally['answers']> = {}, rest: Partial<Tally> = {}): Tally => ({
  answers: { byRelease: {}, new: 0, old: 0, silent: 0, failed: 0, slowestMs: 0, ...changed },
  failures: {},
  log: { from: null, until: null },
  windowSeconds: null,
  ...rest,
});

export const phase = (of: 'deploy' | 'rollback', version: number, phase: Phase, counted = tally()): FactBody => ({
  kind: 'phase',
  of,
  version,
  phase,
  tally: counted,
});

const at = (seconds: number): number => STARTED_AT + seconds * 1000;

const toBuild: Told[] = [
  [0, { kind: 'started', by: ANN }],
  [3, { kind: 'uploaded', url: 'https://s3.example.com/x', bytes: 2_100_000 }],
  [4, { kind: 'build started', build: 'b1' }],
];
const toRelease: Told[] = [
  ...toBuild,
  [70, { kind: 'built', slug: 'slug-42', release: 'r42' }],
  [71, { kind: 'release started', version: 42 }],
];
const toBoot: Told[] = [
  ...toRelease,
  [76, { kind: 'released', release: 'r42', version: 42, slug: 'slug-42', releasedAt: at(75), phaseSeconds: 4 }],
  [77, phase('deploy', 42, { kind: 'booting', up: 0, of: 2 })],
  [81, phase('deploy', 42, { kind: 'booting', up: 1, of: 2 }, tally({ byRelease: { v41: 5 }, old: 5, slowestMs: 80 }))],
];
const toWindow: Told[] = [
  ...toBoot,
  [
    84,
    phase(
      'deploy',
      42,
      { kind: 'old serves', expectedSwitch: at(255) },
      tally({ byRelease: { v41: 8 }, old: 8, slowestMs: 80 }),
    ),
  ],
];
const atSwitch = tally({ byRelease: { v41: 182, v42: 1 }, old: 182, new: 1, slowestMs: 310 }, { windowSeconds: 182 });
const toServes: Told[] = [
  ...toWindow,
  [258, phase('deploy', 42, { kind: 'mixed', corrected: false }, atSwitch)],
  [
    261,
    phase(
      'deploy',
      42,
      {
        kind: 'new serves',
        at: at(261),
        evidence: { by: 'probe', answers: 14, spanMs: 2_600, firstNewAt: at(257), lastOldAt: at(258) },
      },
      tally(
        { byRelease: { v41: 185, v42: 14 }, old: 185, new: 14, silent: 1, failed: 1, slowestMs: 412 },
        { windowSeconds: 182 },
      ),
    ),
  ],
];
const toGone: Told[] = [
  ...toServes,
  [
    300,
    phase(
      'deploy',
      42,
      { kind: 'old gone', at: at(300), dynos: ['web.1', 'web.2'] },
      tally(
        { byRelease: { v41: 185, v42: 52 }, old: 185, new: 52, silent: 1, failed: 1, slowestMs: 412 },
        { windowSeconds: 182 },
      ),
    ),
  ],
];
const seenOld = tally({ byRelease: { v41: 40 }, old: 40, slowestMs: 95 });
const crash = phase('deploy', 42, { kind: 'crashed', dyno: 'web.1', what: 'crashed after it had started' }, seenOld);
const toRolledBack = (counted: Tally): Told[] => [
  ...toWindow,
  [115, crash],
  [115, { kind: 'rollback asked', by: null, why: 'web.1 crashed after it had started' }],
  [116, { kind: 'rollback intended', newest: 42, safeUntil: at(236) }],
  [117, { kind: 'rolling back', release: 'r43', version: 43 }],
  [123, { kind: 'rollback released', version: 43, slug: 'slug-41', releasedAt: at(122) }],
  [130, phase('rollback', 43, { kind: 'old serves', expectedSwitch: at(302) }, counted)],
  [
    310,
    phase(
      'rollback',
      43,
      {
        kind: 'new serves',
        at: at(310),
        evidence: { by: 'probe', answers: 12, spanMs: 2_600, firstNewAt: at(305), lastOldAt: at(304) },
      },
      counted,
    ),
  ],
  [311, { kind: 'ended', outcome: 'rolled back', why: 'shop serves the code of v41 again, as v43.' }],
];
const missed: Told = [
  500,
  phase(
    'deploy',
    42,
    {
      kind: 'not proved',
      missing: 'new serves',
      known: [
        'None of 410 answers named a release that could be read.',
        'No SIGTERM was seen for the old web.1, web.2.',
      ],
    },
    tally({ silent: 410, slowestMs: 120 }),
  ),
];

/** Deploys by what a person would call their state. */
export const deploys = {
  'just started': deployOf(toBuild.slice(0, 1)),
  building: deployOf(toBuild),
  'build failed': deployOf([
    ...toBuild,
    [44, { kind: 'build failed', lines: ['npm ERR! Missing script: "build"', '<!channel> see <http://evil|here>'] }],
    [
      44,
      {
        kind: 'ended',
        outcome: 'failed',
        why: 'The build failed, so nothing was released: the old code serves as before.',
      },
    ],
  ]),
  'in its release phase': deployOf(toRelease),
  'release phase failed': deployOf([
    ...toRelease,
    [90, { kind: 'release failed', version: 42, lines: ['error: column "total" does not exist'] }],
    [90, { kind: 'ended', outcome: 'failed', why: 'The release phase of v42 failed, so it never went live.' }],
  ]),
  booting: deployOf(toBoot),
  'old code still serving': deployOf(toWindow),
  'routers changing over': deployOf([
    ...toWindow,
    [258, phase('deploy', 42, { kind: 'mixed', corrected: false }, atSwitch)],
  ]),
  'new code serves': deployOf(toServes),
  corrected: deployOf([...toServes, [264, phase('deploy', 42, { kind: 'mixed', corrected: true }, atSwitch)]]),
  'serves again': deployOf([
    ...toServes,
    [264, phase('deploy', 42, { kind: 'mixed', corrected: true }, atSwitch)],
    [
      270,
      phase(
        'deploy',
        42,
        {
          kind: 'new serves',
          at: at(270),
          evidence: { by: 'probe', answers: 10, spanMs: 2_600, firstNewAt: at(257), lastOldAt: at(264) },
        },
        atSwitch,
      ),
    ],
  ]),
  'old code gone': deployOf(toGone),
  succeeded: deployOf([...toGone, [301, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' }]]),
  crashed: deployOf([...toWindow, [115, crash]]),
  'rolling back': deployOf(toRolledBack(seenOld).slice(0, -3)),
  'rolled back unseen': deployOf(toRolledBack(seenOld)),
  'rolled back too late': deployOf(
    toRolledBack(tally({ byRelease: { v41: 180, v42: 4 }, old: 180, new: 4, slowestMs: 95 }, { failures: { H10: 3 } })),
  ),
  'rollback refused': deployOf([
    ...toWindow,
    [115, crash],
    [115, { kind: 'rollback asked', by: ANN, why: 'asked in Slack' }],
    [240, { kind: 'rollback intended', newest: 42, safeUntil: at(236) }],
    [241, { kind: 'rollback failed', why: 'the release phase of v43 failed' }],
    [
      242,
      { kind: 'ended', outcome: 'failed', why: 'Going back failed: the release phase of v43 failed. Act now by hand.' },
    ],
  ]),
  superseded: deployOf([
    ...toWindow,
    [150, phase('deploy', 42, { kind: 'superseded', version: 43, by: 'bob@example.com', what: 'Deploy 1234567' })],
    [150, { kind: 'ended', outcome: 'superseded', why: 'bob@example.com released v43 (Deploy 1234567).' }],
  ]),
  'not proved': deployOf([...toWindow, missed]),
  'old code not proved gone': deployOf([
    ...toServes,
    [
      450,
      phase(
        'deploy',
        42,
        { kind: 'not proved', missing: 'old gone', known: ['The log has a gap since the switch.'] },
        atSwitch,
      ),
    ],
  ]),
  'ended on a word': deployOf([
    ...toServes,
    [
      450,
      phase(
        'deploy',
        42,
        { kind: 'not proved', missing: 'old gone', known: ['The log has a gap since the switch.'] },
        atSwitch,
      ),
    ],
    [500, { kind: 'checked', by: ANN, what: 'old gone' }],
    [501, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' }],
  ]),
  'nobody answered': deployOf([
    ...toWindow,
    missed,
    [
      90_000,
      { kind: 'ended', outcome: 'not proved', why: 'Nobody answered for a day. Look yourself which release serves.' },
    ],
  ]),
  'in trouble': deployOf([
    ...toBuild,
    [9, { kind: 'trouble', stage: 'Build', error: 'Heroku answered 503', attempt: 1 }],
    [13, { kind: 'trouble', stage: 'Build', error: 'Heroku answered 503', attempt: 2 }],
  ]),
  stopped: deployOf([
    [0, { kind: 'started', by: ANN }],
    [
      1,
      {
        kind: 'ended',
        outcome: 'stopped',
        why: 'v42 (Deploy abc, by bob@example.com) went live after the plan was made.',
      },
    ],
  ]),
} as const satisfies Record<string, Deploy>;

export type DeployName = keyof typeof deploys;
