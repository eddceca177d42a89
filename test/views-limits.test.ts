import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { withRoles } from '../src/domain/permission.ts';
import type { Plan } from '../src/domain/plan.ts';
import { withoutMentions } from '../src/domain/refusal.ts';
import { answered, ourFault, refused, started } from '../views/answers.ts';
import { chartOf } from '../views/chart.ts';
import { help } from '../views/help.ts';
import { plainBlocks } from '../views/plain.ts';
import { planChanged, planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { cut, foreign, prose } from '../views/text.ts';
import { cases } from './fuzzing.ts';
import { closed } from './sample-closed.ts';
import { deploys, plan } from './sample-deploys.ts';
import { health } from './sample-health.ts';
import { migrating, pending } from './sample-migrations.ts';
import { switched } from './sample-series.ts';
import { expectSafe, foreignText, poisoned } from './untrusted.ts';

describe('whatever others wrote', () => {
  it('a plan keeps the limits and can mention nobody', () => {
    fc.assert(
      fc.property(foreignText, fc.integer({ min: 0, max: 60 }), (text, many) => {
        const commits = Array.from({ length: many }, () => ({ sha: text, subject: text, author: text }));
        const bad: Plan = {
          ...poisoned({ ...plan, migrations: pending }, text),
          changes: { commits, total: many * 3, behind: many },
          warnings: Array.from({ length: many }, () => withoutMentions(text)),
        };
        const place = { ahead: many + 1, behind: text, asks: many % 2 === 0, waitSeconds: many };
        const gate = { kind: 'frozen', frozen: { reason: text, until: many } } as const;
        const back = {
          ...{ id: text, version: many, gone: { commits, total: many * 3 } },
          config: Array.from({ length: many }, () => text),
          candidates: Array.from({ length: many }, (_, version) => ({
            version,
            description: text,
            by: text,
            createdAt: text,
          })),
        };
        expectSafe(planShown({ id: 'd1', plan: bad, place, gate }));
        expectSafe(planShown({ id: 'd1', plan: { ...bad, back }, place: null, gate }));
        expectSafe(
          planChanged(
            { id: 'd1', plan: bad, place, gate },
            Array.from({ length: many }, () => withoutMentions(text)),
          ),
        );
      }),
      cases(60, 4),
    );
  });

  it('no message of a deploy breaks the limits or mentions anybody but its people', () => {
    fc.assert(
      fc.property(
        foreignText,
        fc.constantFrom(...Object.values({ ...deploys, ...migrating, ...closed, ...health })),
        (text, deploy) => {
          const bad: Deploy = poisoned(deploy, text);
          expectSafe(rootMessage(bad));
          expectSafe(plainBlocks(rootMessage(bad)));
          for (const fact of bad.facts) {
            const reply = replyTo(fact, bad);
            if (reply) expectSafe(reply.message);
          }
          const chart = chartOf(bad, switched);
          if (chart) expectSafe(chart);
          if (chart) expectSafe(plainBlocks(chart));
        },
      ),
      cases(150, 4),
    );
  });

  it('an e-mail address of Heroku is text, whatever is in it', () => {
    const superseded = deploys.superseded.facts.map(
      (fact): Fact =>
        fact.kind === 'phase' && fact.phase.kind === 'superseded'
          ? { ...fact, phase: { ...fact.phase, by: '<@U0EVIL> <!channel>' } }
          : fact,
    );
    const deploy = { ...deploys.superseded, facts: superseded };
    for (const fact of superseded) {
      const reply = replyTo(fact, deploy);
      if (reply) expectSafe(reply.message);
    }
  });

  it('answers to one person keep the limits', () => {
    fc.assert(
      fc.property(foreignText, fc.integer({ min: 1, max: 60 }), (text, many) => {
        const app = {
          name: text,
          repository: text,
          defaultRef: text,
          channel: text,
          deployers: [],
          approvers: [],
          fourEyes: true,
          windowSeconds: 1,
        };
        expectSafe(refused(Array.from({ length: many }, () => withoutMentions(text))));
        expectSafe(
          help(
            'U0ANN',
            Array.from({ length: many }, () => withRoles(app, new Map(), ['U0ANN'])),
            {
              usages: (['viewer', 'deployer', 'admin', 'adds apps'] as const).map(role => ({
                role,
                typed: () => '',
                does: '',
              })),
              admins: Array.from({ length: many }, () => text),
            },
          ),
        );
        expectSafe(ourFault(text));
        expectSafe(started({ channel: text, place: null }));
        expectSafe(answered(withoutMentions(text) || '.'));
      }),
      cases(60, 4),
    );
  });
});

describe('cutting', () => {
  it('never leaves half an escape, half a mention or half a character', () => {
    fc.assert(
      fc.property(foreignText, fc.integer({ min: 2, max: 200 }), (text, most) => {
        const shown = foreign(text, most);
        expect(shown.length).toBeLessThanOrEqual(most);
        expect(shown.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[&<>]/);
        expect(shown.isWellFormed()).toBe(true);
      }),
      cases(100, 4),
    );
    expect(cut('see <@U0ANN> there', 10)).toBe('see …');
  });

  it('our own sentences may name people, and nothing else', () => {
    expect(prose('Ask <@U0ANN> or <!channel> or <http://x|y>')).toBe(
      'Ask <@U0ANN> or &lt;!channel&gt; or &lt;http://x|y&gt;',
    );
  });
});
