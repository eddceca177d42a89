import { describe, expect, it } from 'vitest';
import type { StepState } from '../src/domain/deploy.ts';
import { clicksOf, exposureOf } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { beginWatch } from '../src/domain/watch.ts';
import { tallyOf } from '../src/following.ts';
import { ANN, type DeployName, deployOf, deploys, phase, tally } from './sample-deploys.ts';

/** One letter a step: done, running, failed, not reached or to come. */
const LETTER = { done: 'd', running: 'r', failed: 'F', skipped: '-', pending: '.' } as const satisfies Record<
  StepState,
  string
>;
const draw = (name: DeployName): string =>
  stepsOf(deploys[name])
    .map(({ state }) => LETTER[state])
    .join('');

describe('the steps of a deploy, read from its facts', () => {
  it.each<[DeployName, string]>([
    ['just started', 'r......'],
    ['building', 'dr.....'],
    ['build failed', 'dF-----'],
    ['in its release phase', 'ddr....'],
    ['release phase failed', 'ddF----'],
    ['booting', 'dddr...'],
    ['old code still serving', 'ddddr..'],
    ['routers changing over', 'dddddr.'],
    ['new code serves', 'ddddddr'],
    ['corrected', 'dddddr.'],
    ['serves again', 'ddddddr'],
    ['old code gone', 'ddddddd'],
    ['succeeded', 'ddddddd'],
    ['crashed', 'dddFr..'],
    ['rolling back', 'dddFrdr'],
    ['rolled back unseen', 'dddFddd'],
    ['rollback refused', 'dddF-F-'],
    ['superseded', 'dddd---'],
    ['not proved', 'ddddrr.'],
    ['old code not proved gone', 'ddddddr'],
    ['ended on a word', 'ddddddd'],
    ['nobody answered', 'dddd-F-'],
    ['stopped', '-------'],
  ])('%s: %s', (name, drawn) => {
    expect(draw(name)).toBe(drawn);
  });

  it('a step runs from the end of the one before it', () => {
    const [upload, build, release] = stepsOf(deploys.booting);
    expect(upload).toMatchObject({ from: '2026-11-23T12:00:00.000Z', to: '2026-11-23T12:00:03.000Z' });
    expect(build).toMatchObject({ from: '2026-11-23T12:00:03.000Z', to: '2026-11-23T12:01:10.000Z' });
    expect(release).toMatchObject({ from: '2026-11-23T12:01:10.000Z', to: '2026-11-23T12:01:16.000Z' });
  });

  it('going back leaves out what was still to come, and shows the rollback in its place', () => {
    expect(stepsOf(deploys['rolling back']).map(({ step }) => step)).toEqual([
      'Upload the source',
      'Build',
      'Release',
      'New dynos boot',
      'Old code still serving',
      'Roll back',
      'Rollback serves',
    ]);
  });
});

describe('what a person may press', () => {
  it.each<[DeployName, ReturnType<typeof clicksOf>]>([
    ['building', ['cancel']],
    ['in its release phase', ['cancel']],
    ['booting', ['roll back']],
    ['old code still serving', ['roll back']],
    ['routers changing over', ['roll back']],
    ['corrected', ['roll back']],
    ['new code serves', []],
    ['old code gone', []],
    ['crashed', []],
    ['rolling back', []],
    ['not proved', ['it serves', 'roll back']],
    ['old code not proved gone', ['old code is gone']],
    ['succeeded', []],
    ['nobody answered', []],
    ['superseded', []],
  ])('%s: %j', (name, clicks) => {
    expect(clicksOf(deploys[name])).toEqual(clicks);
  });

  it('a question that somebody answered is not asked again', () => {
    const { facts } = deploys['not proved'];
    const answered = deployOf([
      ...facts.map(fact => [0, fact] as const),
      [501, { kind: 'checked', by: ANN, what: 'new serves' }],
    ]);
    expect(clicksOf(answered)).toEqual([]);
  });
});

describe('what users met of a release that was undone', () => {
  it('nothing seen, when every answer came from old code and the router logged no failure', () => {
    expect(exposureOf(deploys['rolled back unseen'])).toEqual({ kind: 'none seen', answers: 40 });
  });

  it('an answer from it or a failed request is a sign', () => {
    expect(exposureOf(deploys['rolled back too late'])).toMatchObject({ kind: 'seen', signs: { length: 2 } });
  });

  const undone = (answers: Parameters<typeof tally>[0], rest: Parameters<typeof tally>[1] = {}) =>
    exposureOf(deployOf([[9, phase('rollback', 43, { kind: 'old gone', at: 9, dynos: [] }, tally(answers, rest))]]));

  it('a probe that failed is a sign: so may visitors have', () => {
    expect(undone({ old: 40, silent: 2, failed: 2 })).toEqual({ kind: 'seen', signs: ['2 probes failed'] });
  });

  it('unknown, when an answer did not tell whose code it came from', () => {
    expect(exposureOf(deploys['not proved'])).toMatchObject({
      kind: 'unknown',
      why: [expect.stringContaining('no answer')],
    });
    expect(undone({ old: 40, silent: 3 })).toEqual({
      kind: 'unknown',
      why: ['3 answers did not say which release they came from'],
    });
  });

  it.each([
    ['was never read', null],
    ['begins too late', { from: 5, until: null }],
    ['ended too soon', { from: null, until: 8 }],
  ])('unknown, when the log %s', (_, log) => {
    expect(undone({ old: 40 }, { log })).toMatchObject({ kind: 'unknown', why: [expect.stringContaining('log')] });
    expect(undone({ old: 40 })).toEqual({ kind: 'none seen', answers: 40 });
  });
});

describe('what a watch has counted', () => {
  const goal = { ours: 42, slug: 's', commit: null, oldCommit: null, oldWeb: ['web.1'], web: 1 };
  const watch = beginWatch({ ...goal, releasedAt: 100_000, windowMs: 180_000 });

  it('says from when until when the log is known', () => {
    expect(tallyOf(watch).log).toBe(null);
    expect(tallyOf({ ...watch, logFrom: 90_000, logTo: 150_000, logOpen: true }).log).toEqual({
      from: null,
      until: null,
    });
    expect(tallyOf({ ...watch, logFrom: 130_000, logTo: 150_000 }).log).toEqual({ from: 130_000, until: 150_000 });
  });
});
