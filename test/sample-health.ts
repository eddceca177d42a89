import type { Met } from '../src/domain/deploy.ts';
import { NO_SAMPLE, type Sample } from '../src/domain/health.ts';
import { deployOf, deploys, phase, STARTED_AT, type Told, tally } from './sample-deploys.ts';

// Deploys whose new code was watched, and was not always well: for the tests of what people see.

const at = (seconds: number): number => STARTED_AT + seconds * 1000;
const toldBy = (name: keyof typeof deploys): Told[] =>
  deploys[name].facts.map(({ at, seq: _, ...body }) => [(Date.parse(at) - STARTED_AT) / 1000, body]);

const before: Sample = {
  ...NO_SAMPLE,
  ...{ from: at(0), to: at(60), requests: 240, service: { 51: 240 }, probes: 60, latency: { 51: 60 } },
};
const since: Sample = {
  ...NO_SAMPLE,
  ...{ from: at(261), to: at(291), requests: 100, failures: { H13: 20, '5xx': 11 }, service: { 76: 100 } },
  ...{ probes: 30, failed: 10, latency: { 51: 30 } },
};
const met: Met = { before, window: NO_SAMPLE, since, peak: { used: 14, limit: 20, at: at(255) } };
const complaints = [
  { now: '31 of 100 requests failed (H13 × 20, 5xx × 11)', against: 'Before: 0 of 240 requests failed' },
  { now: 'web.1 crashed 2 times', against: 'Before: none was seen to crash' },
];

const serves = toldBy('new code serves');
const notWell: Told[] = [...serves, [291, { kind: 'not well', complaints, backIn: null }]];
const counting: Told[] = [...serves, [291, { kind: 'not well', complaints, backIn: 30 }]];
const judged: Told = [400, { kind: 'judged', verdict: 'not well', why: '31 of 100 requests failed', met }];
const seen = tally({ byRelease: { v41: 185, v42: 90 }, old: 185, new: 90, slowestMs: 412 });
const back = { kind: 'new serves', at: at(520), evidence: { by: 'probe', answers: 12, spanMs: 2_600 } } as const;
const firstNewAt = { firstNewAt: at(515), lastOldAt: at(514) };
const destroyed: Told[] = [[270, { kind: 'migrated', direction: 'contract', file: 'contract/5_drop.sql', seconds: 1 }]];
const well = { kind: 'judged', verdict: 'well', why: '' } as const;
const ill = ['60 of 400 requests failed (H12 × 60)', 'worker R14 × 3'];
const ended = { kind: 'ended', outcome: 'succeeded', why: 'shop runs c0ffee12 as v42.' } as const;

export const health = {
  'was not well before': deployOf([...toldBy('building'), [60, { kind: 'before', sample: before, ill }]]),
  'ahead with workers': deployOf(
    serves.map(
      ([seconds, body]): Told =>
        body.kind === 'phase'
          ? [seconds, { ...body, tally: { ...body.tally, ahead: { dynos: ['worker.1'], since: at(80) } } }]
          : [seconds, body],
    ),
  ),
  'fails unnamed': deployOf([...toldBy('old code still serving'), [256, { kind: 'fails unnamed', since: at(250) }]]),
  'passed its smoke test': deployOf([
    ...serves,
    [262, { kind: 'smoke test', results: [{ path: '/health', expected: [200], status: 200 }] }],
  ]),
  'not well': deployOf(notWell),
  'counting down': deployOf(counting),
  kept: deployOf([...counting, [300, { kind: 'kept', by: 'U0BOB', why: 'we know of it' }]]),
  'goes back by itself': deployOf([
    ...counting,
    [321, { kind: 'rollback asked', by: null, why: '31 of 100 requests failed' }],
    [322, { kind: 'rollback intended', newest: 42, safeUntil: at(236) }],
  ]),
  'went back': deployOf([
    ...counting,
    [321, { kind: 'rollback asked', by: null, why: '31 of 100 requests failed' }],
    judged,
    [322, { kind: 'rollback intended', newest: 42, safeUntil: at(236) }],
    [323, { kind: 'rolling back', release: 'r43', version: 43 }],
    [330, { kind: 'rollback released', version: 43, slug: 'slug-41', releasedAt: at(330) }],
    [520, phase('rollback', 43, { ...back, evidence: { ...back.evidence, ...firstNewAt } }, seen)],
    [560, { kind: 'ended', outcome: 'rolled back', why: 'shop serves the code of v41 again, as v43.' }],
  ]),
  'not well, and no way back': deployOf([
    ...serves,
    ...destroyed,
    [291, { kind: 'not well', complaints, backIn: null }],
  ]),
  'being watched': deployOf([...toldBy('old code gone'), [301, { kind: 'watching', until: at(321) }]]),
  'judged well': deployOf([...toldBy('old code gone'), [321, { ...well, met }], [322, ended]]),
  'no worse than before': deployOf([
    [1, { kind: 'before', sample: before, ill }],
    ...toldBy('old code gone'),
    [321, { ...well, met }],
    [322, ended],
  ]),
  'not judged': deployOf([
    ...toldBy('old code gone'),
    [321, { kind: 'judged', verdict: 'not judged', why: 'too little was seen: 0 probes', met }],
    [322, ended],
  ]),
};
