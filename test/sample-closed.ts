import type { Deploy } from '../src/domain/deploy.ts';
import { whileClosed } from '../src/domain/gate.ts';
import { closedStepsWith } from '../src/domain/steps.ts';
import { deployOf, type Told } from './sample-deploys.ts';
import { pending } from './sample-migrations.ts';

// Deploys in maintenance mode, in every state: for the tests of what people see.

const migrations = { ...pending, files: whileClosed(pending.files), sharedWith: [] };
const changed = { migrations, maintenance: true, steps: closedStepsWith({ expand: false, contract: true }) };
const [file = ''] = migrations.files.map(known => known.file);
const web = ['web.1', 'web.2'];

const asked: Told[] = [
  [0, { kind: 'started', by: 'U0ANN' }],
  [1, { kind: 'approval asked', digest: 'c1' }],
];
const closing: Told[] = [
  ...asked,
  [60, { kind: 'approved', by: 'U0BOB', digest: 'c1' }],
  [62, { kind: 'uploaded', url: 'https://example.com/source', bytes: 12_345 }],
  [63, { kind: 'closing', byUs: true }],
];
const stopped: Told[] = [
  ...closing,
  [66, { kind: 'dynos stopping', formation: [{ type: 'web', quantity: 2 }], dynos: web }],
  [75, { kind: 'dynos stopped' }],
  [76, { kind: 'build asked' }],
];
const released: Told[] = [
  ...stopped,
  [77, { kind: 'build started', build: 'b1' }],
  [150, { kind: 'built', slug: 's42', release: 'r42' }],
  [151, { kind: 'release started', version: 42 }],
  [153, { kind: 'released', release: 'r42', version: 42, slug: 's42', releasedAt: 0, phaseSeconds: 2 }],
  [154, { kind: 'migrating', direction: 'contract' }],
];
const migrated: Told[] = [
  ...released,
  [155, { kind: 'migrated', direction: 'contract', file, seconds: 0.4 }],
  [155, { kind: 'schema changed', direction: 'contract' }],
  [156, { kind: 'dynos starting' }],
];
const proof = { answers: 13, named: 13, from: 0, to: 2_600 };
const letIn: Told[] = [
  ...migrated,
  [170, { kind: 'dynos up', dynos: web, unheard: [] }],
  [171, { kind: 'opened' }],
  [175, { kind: 'let in', version: 42, proof }],
];
const stranded: Told[] = [...migrated, [190, { kind: 'dynos down', what: 'web.2 crashed when it started' }]];
const WHY = 'The build failed, so nothing was released.';

export const closed = {
  'waiting for a yes': deployOf(asked, changed),
  closing: deployOf(closing, changed),
  building: deployOf(stopped, changed),
  migrating: deployOf(released, changed),
  starting: deployOf(migrated, changed),
  'let in': deployOf(letIn, changed),
  succeeded: deployOf([...letIn, [175, { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12.' }]], changed),
  'not what was wanted': deployOf(
    [
      ...letIn,
      [176, { kind: 'smoke test', results: [{ path: '/health', expected: [204], status: 500 }] }],
      [176, { kind: 'ended', outcome: 'failed', why: 'shop is open, but /health answered 500.' }],
    ],
    changed,
  ),
  stranded: deployOf([...stranded, [190, { kind: 'left closed' }]], changed),
  'put back': deployOf(
    [
      ...stopped,
      [80, { kind: 'build failed', lines: ['No such hat'] }],
      [80, { kind: 'giving up', outcome: 'failed', why: WHY }],
      [81, { kind: 'dynos starting' }],
      [90, { kind: 'dynos up', dynos: web, unheard: ['web.2'] }],
      [91, { kind: 'opened' }],
      [95, { kind: 'let in', version: 41, proof }],
      [95, { kind: 'ended', outcome: 'failed', why: WHY }],
    ],
    changed,
  ),
  'open without proof': deployOf([...letIn.slice(0, -1), [300, { kind: 'let in', version: 42, proof: null }]], changed),
} as const satisfies Record<string, Deploy>;
