import { describe, expect, it } from 'vitest';
import { Access } from '../src/access.ts';
import type { AppSettings } from '../src/domain/app.ts';
import type { Deploy } from '../src/domain/deploy.ts';
import { gateWarnings, withoutSecretsIn } from '../src/domain/gate.ts';
import { redacting } from '../src/domain/redaction.ts';
import { gateOf } from '../src/starting.ts';
import { fileSections } from '../views/migrations.ts';
import { planShown } from '../views/plan.ts';
import { codeBlock } from '../views/text.ts';
import { deploys, OPEN, plan } from './sample-deploys.ts';
import { migrating, pending } from './sample-migrations.ts';

// A second person says yes to what is destroyed, and sees what that is: no setting, no commit and no spelling gets around it.

const [ANN, BOB] = ['U0ANN', 'U0BOB'];
const settings: AppSettings = {
  ...{ name: 'shop', repository: 'acme/shop', defaultRef: 'main', channel: 'C0SHOP', windowSeconds: 180 },
  ...{ deployers: [ANN, BOB], approvers: [ANN, BOB], fourEyes: true },
};
const accessTo = (app: AppSettings): Access =>
  new Access({
    ledger: { apps: async () => [app], app: async () => app },
    directory: { person: async () => ({ is: 'member' }) as never, group: () => Promise.reject(new Error('none')) },
    admins: [],
  });
const started = (approval?: { by: string; emergency: null }): Deploy => ({
  ...deploys.building,
  startedBy: ANN,
  facts: [{ seq: 1, at: '2026-01-01T00:00:00.000Z', kind: 'started', by: ANN, ...(approval ? { approval } : {}) }],
});

describe('four eyes', () => {
  it('stay wanted in a deploy that was begun with them, whatever the settings say since', async () => {
    const access = accessTo({ ...settings, fourEyes: false });
    const promised = { ...started(), plan: { ...plan, fourEyes: true } };
    await expect(access.press(promised, ANN, 'run them')).rejects.toThrow('wants a second person');
    await access.press(promised, BOB, 'run them');
    await access.press({ ...promised, plan: { ...plan, fourEyes: false } }, ANN, 'run them');
  });

  it('say once more whether an approved start goes on that has become another one', async () => {
    const access = accessTo(settings);
    await expect(access.press(started({ by: BOB, emergency: null }), ANN, 'go on')).rejects.toThrow('You started this');
    await access.press(started({ by: BOB, emergency: null }), BOB, 'go on');
    await access.press(started(), ANN, 'go on');
  });

  it('see the start of a commit that lets itself destroy while old code serves', () => {
    const loosened = pending.files.map(file => ({ ...file, phase: 'expand' as const, loosened: 'Nobody reads it.' }));
    const bold = { ...plan, migrations: { ...pending, files: loosened } };
    expect(gateOf(OPEN, settings, bold)).toEqual({ kind: 'approval' });
    expect(gateOf(OPEN, settings, { ...plan, migrations: pending })).toEqual(OPEN);
    expect(gateOf(OPEN, { fourEyes: false }, bold)).toEqual(OPEN);
    const shown = JSON.stringify(planShown({ id: 'd1', plan: bold, place: null, gate: gateOf(OPEN, settings, bold) }));
    expect(shown).toContain('an approver other than you. Part of it destroys while old code serves.');
  });
});

describe('SQL that is approved', () => {
  it.each(['\u001b[m', '\ufe0f', '\u{e0100}', '\u034f', '\u115f', '\u3164', '\u200b', '\u202e'])(
    'shows where something stands that cannot be seen (%j)',
    unseen => {
      expect(codeBlock(`state <> 'active${unseen}'`, 100)).toContain("'active�");
    },
  );

  it('says so where part of it is hidden', () => {
    const [first, ...rest] = migrating['waiting for an approval'].plan.migrations?.files ?? [];
    if (!first?.statements[0]) throw new Error('There is no migration to hide a part of');
    const sql = "DELETE FROM hats WHERE note = 'PASSWORD ' OR true OR note = ' x'";
    const files = [{ ...first, statements: [{ ...first.statements[0], sql }] }, ...rest];
    const kept = withoutSecretsIn({ ...pending, files }, redacting([]));
    expect(kept.files[0]?.statements[0]?.sql).not.toContain('OR true');
    expect(gateWarnings(kept, []).join()).toContain('looks like a secret and is hidden: read the file itself');
    const asking = migrating['waiting for an approval'];
    const contract = { ...kept, files: kept.files.map(file => ({ ...file, phase: 'contract' as const })) };
    const card = fileSections({ ...asking, plan: { ...asking.plan, migrations: contract } });
    expect(JSON.stringify(card)).toContain('read the file itself before you say yes');
    expect(withoutSecretsIn({ ...pending, files: [first] }, redacting([])).files[0]?.review).toBe(first.review);
  });
});
