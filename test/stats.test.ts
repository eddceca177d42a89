import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { expectedSeconds, fingerprint } from '../src/domain/plan.ts';
import { statsOf } from '../src/domain/stats.ts';
import { quantile, secondsToServe, usualSeconds, usualSteps } from '../src/domain/usual.ts';
import { statsShown } from '../views/stats.ts';
import { type DeployName, deploys, plan, STARTED_AT } from './sample-deploys.ts';

const DAY_MS = 86_400_000;
const now = STARTED_AT + DAY_MS;

/** The sample, as it would have been so many days before, with a commit made an hour before its start. */
function ago(days: number, name: DeployName = 'succeeded', changed: Partial<Deploy['plan']> = {}): Deploy {
  const back = (at: string): string => new Date(Date.parse(at) - days * DAY_MS).toISOString();
  const deploy = deploys[name];
  const startedAt = back(deploy.startedAt);
  const made = { ...plan.commit, at: new Date(Date.parse(startedAt) - 3_600_000).toISOString() };
  return {
    ...deploy,
    startedAt,
    plan: { ...plan, commit: made, changes: { commits: [made], total: 1, behind: 0 }, ...changed },
    facts: deploy.facts.map((fact): Fact => ({ ...fact, at: back(fact.at) })),
  };
}

const backTo41 = { back: { id: 'r41', version: 41, gone: null, config: [], candidates: [] }, changes: null };

describe('the statistics of an app', () => {
  it('count how often new code served, and how long commits, windows and deploys took', () => {
    const stats = statsOf([ago(0), ago(7), ago(13), ago(100)], now);
    expect(stats).toMatchObject({ served: 3, released: 3, undone: 0, restore: null });
    expect(stats.perWeek).toBeCloseTo(1.5);
    expect(stats.lead).toEqual({ median: 3_861, most: 3_861, longest: 3_861 });
    expect(stats.window).toEqual({ median: 182, most: 182, longest: 182 });
    expect(stats.toServe).toEqual({ median: 261, most: 261, longest: 261 });
  });

  it('count as failed what was undone in its window, or by the next deploy on purpose', () => {
    const crashed = ago(3, 'rolled back too late');
    const regretted = ago(2);
    const undoing = ago(1, 'succeeded', backTo41);
    const stats = statsOf([undoing, regretted, crashed, ago(4)], now);
    expect(stats).toMatchObject({ served: 2, released: 3, undone: 2 });
    // 195 s from the crash to the proof; 261 s of the deploy that went back.
    expect(stats.restore).toEqual({ median: 195, most: 261, longest: 261 });
  });

  it('do not count what never got as far as a release', () => {
    expect(statsOf([ago(1, 'build failed'), ago(2, 'stopped')], now)).toMatchObject({ released: 0, served: 0 });
    expect(statsShown('shop', statsOf([], now)).text).toBe(
      'No new code of shop was released by this bot in the last 90 days.',
    );
  });

  it('are told in words', () => {
    const { text, blocks } = statsShown('shop', statsOf([ago(1), ago(3, 'rolled back too late'), ago(14)], now));
    expect(text).toBe(
      'shop in the last 90 days: new code served 2 times, 0.9 a week; 1 of 3 releases had to be undone.',
    );
    const told = JSON.stringify(blocks);
    expect(told).toContain('*Change failure rate*: 33 %, 1 of 3 releases of new code had to be undone.');
    expect(told).toContain(
      '*Lead time*, from a commit until it served: half within 1 h 4 min, nine of ten within 1 h 4 min',
    );
  });
});

describe('what is usual', () => {
  it('is the median of a step that was done three times', () => {
    expect(usualSteps([ago(0), ago(1)])).toEqual({});
    expect(usualSteps([ago(0), ago(1), ago(2)])).toMatchObject({ Build: 67, 'New code serves': 3 });
    expect(usualSteps([ago(0), ago(1), ago(2)])).not.toHaveProperty('Roll back');
  });

  it('takes no value that more than a tenth exceed', () => {
    const values = [3, 1, 2, 10, 9, 8, 7, 6, 5, 4];
    expect([quantile(values, 0.5), quantile(values, 0.9), quantile(values, 1), quantile([], 0.5)]).toEqual([
      5,
      9,
      10,
      null,
    ]);
  });

  it('is what plans say, from five deploys of the kind on', () => {
    const four = [ago(0), ago(1), ago(2), ago(3)];
    expect(usualSeconds(four, plan)).toBeNull();
    expect(usualSeconds([...four, ago(4, 'rolled back unseen')], plan)).toBeNull();
    expect(usualSeconds([...four, ago(5)], plan)).toBe(261);
    expect(usualSeconds([...four, ago(5)], { ...plan, ...backTo41 })).toBeNull();
    expect(usualSeconds([...four, ago(5)], { ...plan, maintenance: true })).toBeNull();
    expect(expectedSeconds(plan)).toBe(250);
    expect(expectedSeconds({ ...plan, usualSeconds: 261 })).toBe(261);
  });

  it('changes by itself, so a Start is not bound to it', () => {
    expect(fingerprint({ ...plan, usualSeconds: 261 })).toBe(fingerprint(plan));
  });

  it('counts from the turn where a deploy waited for one', () => {
    const waited = ago(0);
    const came = { kind: 'turn came', seq: 2, at: new Date(STARTED_AT + 100_000).toISOString() } as const;
    expect(secondsToServe({ ...waited, facts: [...waited.facts.slice(0, 1), came, ...waited.facts.slice(1)] })).toBe(
      161,
    );
  });
});
