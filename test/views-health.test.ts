import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { clicksOf, exposureOf, serves } from '../src/domain/readings.ts';
import { planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { rootActions, rootMessage } from '../views/root.ts';
import { settingsForm } from '../views/settings.ts';
import { deploys, OPEN, plan } from './sample-deploys.ts';
import { health } from './sample-health.ts';

/** What stands in it, mentions and times as people see them. */
const plain = ({ blocks }: { blocks: readonly object[] }): string =>
  JSON.stringify(blocks)
    .replaceAll(/<@(\w+)>/g, '@$1')
    .replaceAll(/<!date[^|]*\|([^>]*)>/g, '$1')
    .replaceAll('\\n', '\n');
function reply(deploy: Deploy, kind: Fact['kind']) {
  const fact = deploy.facts.findLast(fact => fact.kind === kind);
  if (!fact) throw new Error(`no ${kind}`);
  return replyTo(fact, deploy);
}
const said = (deploy: Deploy, kind: Fact['kind']): string => {
  const told = reply(deploy, kind);
  return told ? plain(told.message) : '';
};
const buttons = (deploy: Deploy): string[] =>
  JSON.stringify(reply(deploy, 'not well')?.message.blocks)
    .match(/"action_id":"[a-z-]+"/g)
    ?.map(found => found.slice(13, -1)) ?? [];

describe('new code that is not well', () => {
  it('is told to the channel and its starter, with how it was before, and what happens by itself', () => {
    const card = reply(health['counting down'], 'not well');
    expect(card?.broadcast).toBe(true);
    expect(card?.live).toBe(true);
    const text = said(health['counting down'], 'not well');
    expect(text).toContain('v42 of shop is not well');
    expect(text).toContain('@U0ANN');
    expect(text).toContain('31 of 100 requests failed (H13 × 20, 5xx × 11). Before: 0 of 240 requests failed.');
    expect(text).toMatch(/goes back to the code of v41 by itself at .*unless somebody keeps it/);
    expect(buttons(health['counting down'])).toEqual(['roll-back', 'keep-it']);
  });

  it.each<[keyof typeof health, RegExp, string[]]>([
    ['not well', /Nothing goes back by itself.*a window of its own/s, ['roll-back', 'keep-it']],
    ['kept', /@U0BOB keeps it: we know of it\./, []],
    ['goes back by itself', /Nobody kept it, so it goes back by itself/, []],
    ['not well, and no way back', /There is no way back: the contract migrations destroyed/, ['keep-it']],
  ])('has a card that says: %s', (name, words, pressed) => {
    expect(said(health[name], 'not well')).toMatch(words);
    expect(buttons(health[name])).toEqual(pressed);
  });

  it('can be rolled back from the first message too, but not where old code cannot run any more', () => {
    const offered = (deploy: Deploy) => rootActions(deploy)?.elements.map(({ action_id }) => action_id) ?? [];
    expect(offered(health['counting down'])).toEqual(['roll-back', 'keep-it']);
    expect(offered(health.kept)).toEqual(['plan-back']);
    expect(offered(health['not well, and no way back'])).toEqual(['keep-it']);
    expect(offered(health['goes back by itself'])).toEqual([]);
    expect(plain(rootMessage(health['counting down']))).toMatch(/new code is not well.*goes back by itself at/s);
    expect(plain(rootMessage(health['being watched']))).toMatch(/new code is being watched/);
  });

  it('is not said to go back in time once visitors have it', () => {
    const text = said(health['goes back by itself'], 'rollback intended');
    expect(text).toContain('v42 serves, and visitors get it until the routers have switched back');
    expect(text).not.toMatch(/in time|last safe moment/);
    expect(serves(health['went back'])).toBe(true);
    expect(exposureOf(health['went back']).kind).toBe('seen');
    expect(said(health['went back'], 'phase')).toContain('Users had v42* from the switch until now');
    expect(plain(rootMessage(health['went back']))).toMatch(
      /Health: new code was \*not well\*: 31 of 100 requests failed/,
    );
  });
});

describe('what was measured', () => {
  it('stands in the receipt, beside how it was before', () => {
    const receipt = plain(rootMessage(health['judged well']));
    expect(receipt).toContain('Health: new code was well.');
    expect(receipt).toMatch(
      /31 of 100 requests failed by H13 × 20, 5xx × 11, 95 of 100 took up to 76 ms in 30 s \(before: 0 of 240 requests failed, .* in 1 min\)/,
    );
    const { facts } = health['judged well'];
    const thin = facts.map(fact => (fact.kind === 'judged' ? { ...fact, why: 'too few probes to compare' } : fact));
    expect(plain(rootMessage({ ...health['judged well'], facts: thin }))).toContain(
      'new code was well, as far as could be told (too few probes to compare).',
    );
    expect(receipt).toMatch(/Database: at most 14 of 20 connections were in use at once/);
    expect(plain(rootMessage(deploys['rolled back unseen']))).toContain('Health: new code was not judged');
    expect(plain(rootMessage(deploys['build failed']))).not.toContain('Health');
  });

  it('is told in the thread where the app was bad already; that nothing can be said is in the receipt', () => {
    expect(said(health['was not well before'], 'before')).toMatch(
      /shop was not well before this deploy.*60 of 400.*not blamed/s,
    );
    expect(said(health['no worse than before'], 'judged')).toContain('no worse than what was before');
    expect(plain(rootMessage(health['not judged']))).toMatch(/Health: \*not judged\*: too little was seen/);
    expect(said(health['judged well'], 'judged')).toBe('');
  });

  it('says for how long workers ran new code while web did not', () => {
    expect(said(health['ahead with workers'], 'phase')).toContain('worker.1 ran new code 3 min 1 s before web did');
  });

  it('calls people when answers fail and do not say whose they are', () => {
    const told = reply(health['fails unnamed'], 'fails unnamed');
    expect(told?.broadcast).toBe(true);
    expect(said(health['fails unnamed'], 'fails unnamed')).toMatch(
      /@U0ANN.*most likely v42, before it v41.*Roll back/s,
    );
    expect(clicksOf(health['fails unnamed'])).toEqual(['roll back']);
  });

  it('tells of a smoke test that was passed', () => {
    expect(said(health['passed its smoke test'], 'smoke test')).toContain('/health answered 200.');
  });
});

describe('a plan', () => {
  const shown = (more: Partial<typeof plan>): string =>
    plain(planShown({ id: 'p1', plan: { ...plan, ...more }, place: null, gate: OPEN }));

  it('says what is made of new code that is not well, what it is asked, and what the database must take', () => {
    expect(shown({})).toContain('before the switch it goes back by itself; after it you are told, with *Roll back*.');
    expect(shown({ autoRollback: true })).toContain(
      '30 s after that was told (90 s where it is only slow), unless somebody keeps it',
    );
    expect(shown({ smoke: [{ path: '/health', status: [200, 204] }] })).toContain('`/health` for 200 or 204');
    const pool = { each: 5, from: 'DB_POOL', declared: false };
    const connections = { needed: 22, limit: 120, used: 9, web: 2, workers: 0, pool };
    expect(shown({ connections })).toContain(
      'up to 22 of 120 while old and new web dynos run (5 a dyno, by `DB_POOL`); 9 now',
    );
  });
});

describe('the form of an app’s settings', () => {
  it('asks whether it goes back by itself', () => {
    const settings = {
      ...{ name: 'shop', repository: 'acme/shop', defaultRef: 'main', channel: 'C0SHOP', windowSeconds: 180 },
      ...{ deployers: ['U0ANN'], approvers: [], fourEyes: true },
    };
    const block = (autoRollback: boolean) => {
      const carried = { app: 'shop', version: 1, channel: null };
      const { blocks } = settingsForm({ ...settings, autoRollback }, carried, new Map());
      return JSON.stringify(blocks.find(({ block_id }) => block_id === 'health'));
    };
    expect(block(true)).toContain('initial_options');
    expect(block(false)).not.toContain('initial_options');
    expect(block(false)).toContain('it goes back by itself');
  });
});
