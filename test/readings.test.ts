import { describe, expect, it } from 'vitest';
import type { StepState } from '../src/domain/deploy.ts';
import { clicksOf, exposureOf, stepsOf } from '../src/domain/readings.ts';
import { ANN, type DeployName, deployOf, deploys } from './sample-deploys.ts';

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

  it('unknown, when no answer told whose code it came from', () => {
    expect(exposureOf(deploys['not proved'])).toEqual({ kind: 'unknown' });
  });
});
