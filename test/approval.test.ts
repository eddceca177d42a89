import { describe, expect, it } from 'vitest';
import type { Deploy } from '../src/domain/deploy.ts';
import { gateReasons, gateWarnings } from '../src/domain/gate.ts';
import { approvalRefused, withRoles } from '../src/domain/permission.ts';
import { waitsForApproval } from '../src/domain/readings.ts';
import { stepsOf } from '../src/domain/step-readings.ts';
import { planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { OPEN, plan } from './sample-deploys.ts';
import { migrating, pending } from './sample-migrations.ts';

const card = (deploy: Deploy) => {
  const asked = deploy.facts.find(fact => fact.kind === 'approval asked');
  const reply = asked ? replyTo(asked, deploy) : null;
  return JSON.stringify(reply?.message ?? null);
};

describe('the plan', () => {
  it('says what each migration does, when it runs, and what it could hurt', () => {
    const shown = JSON.stringify(
      planShown({ id: 'p1', plan: { ...plan, migrations: pending }, place: null, gate: OPEN }),
    );
    expect(shown).toMatch(/before the release.*3_cents\.sql.*safe.*4_index\.sql/s);
    expect(shown).toMatch(/after old code is gone.*5_drop_price\.sql.*Destroys/s);
  });

  it('is refused for what waits before what cannot, in one folder', () => {
    const late = pending.files.map(verdict => ({ ...verdict, file: verdict.file.replace('contract/5', '2') }));
    const files = [
      ...late.filter(({ phase }) => phase === 'contract'),
      ...late.filter(({ phase }) => phase !== 'contract'),
    ];
    expect(gateReasons({ ...pending, files }).join('\n')).toMatch(/2_drop_price\.sql waits .* stands before .*3_cents/);
    expect(gateReasons(pending)).toEqual([]);
  });

  it('warns of what was held, of who else uses the database, and of what blocks', () => {
    const held = [{ file: 'migrations/contract/5_drop_price.sql', by: 'U0BOB', why: 'The report reads it.' }];
    const warnings = gateWarnings(pending, held).join('\n');
    expect(warnings).toContain('was held by <@U0BOB>: The report reads it.');
    expect(warnings).toContain('reports use the same database');
    expect(warnings).toMatch(/4_index\.sql: /);
  });
});

describe('the card', () => {
  it('shows every statement, its lock and what it destroys, and what is not possible afterwards', () => {
    const shown = card(migrating['waiting for an approval']);
    for (const part of [
      'ALTER TABLE hats DROP COLUMN price',
      'DROP TABLE old_hats',
      'ACCESS EXCLUSIVE',
      'cannot go back to v41 or before',
      'reports use the same database',
      '<@U0BOB>',
      'Run them',
      'Hold',
      'd0123456789 c1',
    ]) {
      expect(shown).toContain(part);
    }
  });

  it('has nothing to press any more once somebody answered, and says who', () => {
    expect(card(migrating.contracting)).toContain('<@U0BOB> approved them');
    expect(card(migrating.held)).toContain('The report still reads it.');
    for (const deploy of [migrating.contracting, migrating.held, migrating.contracted]) {
      expect(card(deploy)).not.toContain('"actions"');
    }
  });

  it('says why nothing was run after all, and so does the thread', () => {
    const deploy = migrating['held after all'];
    expect(card(deploy)).toMatch(/approved, but not run.*<@U0BOB> approved them.*Old code still runs: run\.7/);
    const held = deploy.facts.find(fact => fact.kind === 'held');
    expect(JSON.stringify(held && replyTo(held, deploy)?.message)).toContain('Old code still runs: run.7');
    const usual = migrating.held.facts.find(fact => fact.kind === 'held');
    expect(usual && replyTo(usual, migrating.held)).toBeNull();
  });

  it('warns while new code is not well, and cannot be pressed; who kept it is said to whoever approves', () => {
    const ill = card(migrating['not well while it waits']);
    expect(ill).toMatch(/New code is not well\*: 31 of 100 requests failed.*Roll back.*Keep it/);
    expect(ill).not.toContain('"actions"');
    const kept = card(migrating['kept while it waits']);
    expect(kept).toMatch(/New code was not well: 31 of 100 .*<@U0ANN> keeps it: One visitor had bad luck/);
    expect(kept).toContain('Run them');
    const back = card(migrating['going back while it waited']);
    expect(back).toMatch(/not run.*goes back/);
    expect(back).not.toContain('"actions"');
    expect(JSON.stringify(rootMessage(migrating['not well while it waits']))).toContain('new code is not well');
    expect(waitsForApproval(migrating['going back while it waited'])).toBe(false);
  });

  it('is edited when it is answered, though replies are not', () => {
    const deploy = migrating['waiting for an approval'];
    expect(deploy.facts.filter(fact => replyTo(fact, deploy)?.live).map(({ kind }) => kind)).toEqual([
      'approval asked',
    ]);
  });
});

describe('migrations that wait', () => {
  const told = (blockers: string[], why: string) => {
    const fact = { kind: 'migration waits', direction: 'contract', file: null, why, blockers } as const;
    const deploy = migrating.contracting;
    const stamped = { ...fact, seq: deploy.facts.length + 1, at: '2026-01-01T00:00:00.000Z' };
    return JSON.stringify(replyTo(stamped, { ...deploy, facts: [...deploy.facts, stamped] })?.message);
  };

  it('for what an earlier run began ask nobody to end that', () => {
    expect(told([], 'What an earlier run of this deploy began goes on in the database.')).toMatch(
      /earlier run.*Leave it/,
    );
    expect(told(['a laptop (process 7)'], 'Somebody else migrates this database.')).toMatch(/a laptop.*end what is in/);
  });
});

describe('a person', () => {
  const settings = {
    ...plan,
    name: 'shop',
    approvers: ['U0BOB', 'U0ANN'],
    deployers: [],
    defaultRef: 'main',
    probe: undefined,
  };

  it.each([
    ['who is an approver may approve what another started', { user: 'U0BOB', startedBy: 'U0ANN' }, true, null],
    ['who started it may not', { user: 'U0ANN', startedBy: 'U0ANN' }, true, /second person.*<@U0BOB>/],
    ['who started it may where two eyes are enough', { user: 'U0ANN', startedBy: 'U0ANN' }, false, null],
    ['who is no approver may not, and is told whom to ask', { user: 'U0EVE', startedBy: 'U0ANN' }, false, /<@U0BOB>/],
  ])('%s', (_, who, fourEyes, why) => {
    const refused = approvalRefused(withRoles({ ...settings, fourEyes }), who);
    if (why === null) expect(refused).toBeNull();
    else expect(refused).toMatch(why);
  });
});

describe('the steps', () => {
  it.each([
    ['expanding', 'running pending pending pending pending pending pending pending pending pending pending'],
    ['failed to expand', 'failed skipped skipped skipped skipped skipped skipped skipped skipped skipped skipped'],
    ['soaking', 'done done done done done done done done running pending pending'],
    ['waiting for an approval', 'done done done done done done done done done running pending'],
    ['contracting', 'done done done done done done done done done done running'],
    ['contracted', 'done done done done done done done done done done done'],
    ['held', 'done done done done done done done done done skipped skipped'],
    ['failed to contract', 'done done done done done done done done done done failed'],
  ] as const)('of a deploy that is %s', (name, states) => {
    expect(
      stepsOf(migrating[name])
        .map(({ state }) => state)
        .join(' '),
    ).toBe(states);
    expect(rootMessage(migrating[name]).blocks.length).toBeGreaterThan(2);
  });
});
