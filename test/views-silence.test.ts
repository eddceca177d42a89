import { describe, expect, it } from 'vitest';
import type { Phase } from '../src/domain/watch.ts';
import { probesOf, routerOf } from '../views/evidence.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { type DeployName, deployOf, deploys, phase, STARTED_AT, type Told, tally } from './sample-deploys.ts';

// What people are told where something is not known: never more than was seen.

const at = (seconds: number): number => STARTED_AT + seconds * 1000;
const factsOf = (name: DeployName): Told[] =>
  deploys[name].facts.map(fact => [(Date.parse(fact.at) - STARTED_AT) / 1000, fact]);
const later = (name: DeployName, ...told: Told[]) => deployOf([...factsOf(name), ...told]);
const lastReply = (deploy: ReturnType<typeof deployOf>) => {
  const fact = deploy.facts.at(-1);
  return fact ? replyTo(fact, deploy) : null;
};
const waiting = (silentSince: number | null): Phase => ({
  ...{ kind: 'old serves', expectedSwitch: at(255) },
  ...(silentSince !== null && { silentSince }),
});
const UNKNOWN = /Since <!date\^\d+\^\{time_secs\}\|12:01:40 UTC> no answer says .* who serves is not known/;

describe('while answers do not say which release they come from', () => {
  it('the message does not say that old code serves everybody', () => {
    const silent = later('old code still serving', [105, phase('deploy', 42, waiting(at(100)))]);
    const root = rootMessage(silent);
    expect(root.text).toMatch(UNKNOWN);
    expect(root.text).toContain('shop: new dynos wait for the switch');
    expect(JSON.stringify(root)).not.toContain('serves everybody');
    expect(JSON.stringify(rootMessage(deploys['old code still serving']))).toContain('v41 serves everybody');
    // The thread said when the switch is expected, and that has not changed.
    expect(lastReply(silent)).toBe(null);
  });

  it('the thread does not say so either, from the first on', () => {
    const silent = later('booting', [105, phase('deploy', 42, waiting(at(100)))]);
    const said = lastReply(silent)?.message.text;
    expect(said).toMatch(/^New dynos wait: old code \(v41\) should still be serving\. /);
    expect(said).toMatch(UNKNOWN);
  });

  it('nor is it said that new code does, though that was proved and announced: once', () => {
    const proved = deploys['new code serves'].facts.at(-1);
    const serves = proved?.kind === 'phase' && proved.phase.kind === 'new serves' ? proved.phase : null;
    if (!serves) throw new Error('not the deploy that was meant');
    const silent: Told = [270, phase('deploy', 42, { ...serves, silentSince: at(100) })];
    const told: Told = [280, phase('deploy', 42, serves)];
    const root = rootMessage(later('new code serves', silent));
    expect(root.text).toMatch(UNKNOWN);
    expect(root.text).not.toContain('serves everybody since');
    const reply = lastReply(later('new code serves', silent));
    expect(reply?.message.text).toMatch(/^shop no longer says which release answers\. /);
    expect(reply?.broadcast).toBe(false);
    expect(lastReply(later('new code serves', silent, told))).toBe(null);
    expect(lastReply(later('new code serves', silent, told, silent))).toBe(null);
  });

  it.each([
    { old: 40, silent: 3 },
    { old: 40, silent: 3, failed: 3 },
    { old: 40, failed: 1 },
  ])('a crash is not told with answers that all came from old code (%j)', answers => {
    const crash: Phase = { kind: 'crashed', dyno: 'web.1', what: 'crashed after it had started' };
    const said = lastReply(later('old code still serving', [115, phase('deploy', 42, crash, tally(answers))]));
    expect(said?.message.text).toContain('Whose code visitors get cannot be told from the answers.');
    expect(said?.message.text).not.toContain('All 40 answers');
  });
});

describe('what the router logged', () => {
  it('is not said to be nothing where the log was not read, or only in part', () => {
    expect(routerOf(tally())).toBe('Router: no failed request was logged.');
    expect(routerOf(tally({}, { log: null }))).toBe(
      'Router: its log could not be read, so failed requests are not known.',
    );
    expect(routerOf(tally({}, { log: { from: at(90), until: at(120) } }))).toMatch(
      /^Router: no failed request was logged\. Its log is known only from .*12:01:30 UTC> until .*12:02:00 UTC>\.$/,
    );
    expect(routerOf(tally({}, { failures: { H10: 3 }, log: { from: at(90), until: null } }))).toMatch(
      /3 failed requests logged \(H10 × 3\)\. Its log is known only from .*12:01:30 UTC>\.$/,
    );
  });

  it('makes a rollback no promise of what users saw', () => {
    const { facts } = deploys['rolled back unseen'];
    const unread = facts.map(fact => (fact.kind === 'phase' ? { ...fact, tally: { ...fact.tally, log: null } } : fact));
    const back = unread.findLast(({ kind }) => kind === 'phase');
    const said = back && replyTo(back, { ...deploys['rolled back unseen'], facts: unread })?.message.text;
    expect(said).toContain('*What users saw of v42 is not known*: the log of the router is not known');
    expect(said).not.toContain('saw nothing');
  });
});

it('probes that name a release of somebody else are counted, and not as silent ones', () => {
  expect(probesOf(tally({ byRelease: { v41: 40, v43: 9 }, old: 40, silent: 2, failed: 1 }))).toBe(
    'Probes: 51 sent, 40 answered by v41, 9 answered by v43, 1 told no version, 1 failed, the slowest took 0 ms.',
  );
});

it('the time of a release is when Heroku made it, not when we heard of it', () => {
  const told = deploys['old code still serving'].facts.at(-1);
  expect(told && replyTo(told, deploys['old code still serving'])?.message.text).toContain(
    'released at <!date^1795435275^',
  );
});
