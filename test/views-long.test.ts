import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deploy, FactOf } from '../src/domain/deploy.ts';
import { judge } from '../src/domain/migration.ts';
import { stepsWith } from '../src/domain/steps.ts';
import { approvalCard } from '../views/approval.ts';
import { message, section } from '../views/blocks.ts';
import { bareBlocks, plainBlocks } from '../views/plain.ts';
import { planShown } from '../views/plan.ts';
import { historyOf, queueOf, statusOfAll } from '../views/reports.ts';
import { startNotices } from '../views/starts.ts';
import { cases } from './fuzzing.ts';
import { ANN, deployOf, deploys } from './sample-deploys.ts';
import { pending } from './sample-migrations.ts';
import { charactersOf } from './stage/slack/blocks.ts';
import { expectSafe } from './untrusted.ts';

// Slack limits the text of a message as a whole, not only that of each block: msg_blocks_too_long.

/** A deploy that asks for a yes to so many files that drop so many columns each. */
function asking(files: number, drops: number, letters = 20): Deploy {
  const name = 'x'.repeat(letters);
  const sql = Array.from({ length: files }, (_, file) => ({
    file: `migrations/contract/${20261100 + file}_drop_legacy_part_${file}.sql`,
    sql: Array.from(
      { length: drops },
      (_, drop) => `ALTER TABLE legacy_orders_${file} DROP COLUMN ${name}_${drop};`,
    ).join('\n'),
  }));
  const judged = judge(sql, null).map(verdict => {
    const name = verdict.file.replace(/^.*\/|\.sql$/g, '');
    return { ...verdict, name, table: 'pgmigrations_contract', review: null };
  });
  const ill = { now: `${'5'.repeat(140)} of the requests failed`, against: 'Before: none' };
  return deployOf(
    [
      [0, { kind: 'started', by: ANN }],
      [500, { kind: 'not well', complaints: Array(6).fill(ill), backIn: null }],
      [550, { kind: 'kept', by: ANN, why: 'w'.repeat(400) }],
      [600, { kind: 'approval asked', digest: 'c1' }],
    ],
    {
      migrations: { ...pending, files: judged, sharedWith: ['reports'] },
      steps: stepsWith({ expand: false, contract: true }),
      warnings: Array(20).fill('A warning of some length, as they are. '.repeat(10)),
    },
  );
}
const cardOf = (deploy: Deploy) => approvalCard(deploy.facts.at(-1) as FactOf<'approval asked'>, deploy);
const many = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30 }), fc.nat(300));

describe('the card that asks for an approval', () => {
  it('is taken by Slack however many files and statements it has, and hides nothing that is not one press away', () => {
    fc.assert(
      fc.property(many, ([files, drops, letters]) => {
        const deploy = asking(files, drops, letters);
        const card = cardOf(deploy);
        expectSafe({ ...card, blocks: withoutLinks(card.blocks) });
        expect(charactersOf(card.blocks)).toBeLessThanOrEqual(10_000);
        const shown = card.blocks.filter(block => JSON.stringify(block).includes('blob/'));
        const whole = shown.filter(block => block.type === 'section' && !block.accessory);
        for (const block of whole.slice(0, 12)) {
          const text = JSON.stringify(block);
          if (text.includes('more file')) continue;
          expect(text.match(/DROP COLUMN/g)?.length).toBe(drops);
        }
        expect(namesOf(card.blocks)).toEqual(expect.arrayContaining(['run-them-for-all', 'hold']));
      }),
      cases(15, 2),
    );
  });

  it('shows what fits as it did, and of five long files each has its button', () => {
    expect(namesOf(cardOf(asking(2, 3)).blocks)).toEqual(['run-them-for-all', 'hold']);
    expect(namesOf(cardOf(asking(5, 10)).blocks).filter(name => name.startsWith('show-file'))).toHaveLength(5);
  });

  it('keeps its buttons in the last form in which Slack may take it', () => {
    const card = cardOf(asking(5, 10));
    const bare = bareBlocks(card);
    expect(namesOf(bare.blocks)).toEqual(namesOf(card.blocks));
    expect(charactersOf(bare.blocks)).toBeLessThan(5_000);
    expect(JSON.stringify(bare.blocks[0])).toContain('Approve what shop no longer needs?');
  });
});

describe('what else is long', () => {
  it('a plan with many migrations and warnings, and the card that asks for its start, are taken', () => {
    fc.assert(
      fc.property(many, ([files, drops, letters]) => {
        const { plan } = asking(files, drops, letters);
        const shown = planShown({ id: 'd1', plan, place: null, gate: { kind: 'open' } });
        const request = { id: 'd1', app: 'shop', by: ANN, emergency: null, answer: null, answeredBy: null, plan };
        for (const { blocks } of [shown, ...startNotices(request).map(({ message }) => message)]) {
          expect(charactersOf(blocks)).toBeLessThanOrEqual(10_000);
          expect(charactersOf(plainBlocks({ blocks }).blocks)).toBeLessThanOrEqual(11_000);
        }
      }),
      cases(15, 2),
    );
  });

  it('the status of very many apps ends with how many more there are', () => {
    const busy = Array.from({ length: 120 }, (_, index) => ({
      ...{ app: `app-${index}`, running: deploys['old code still serving'], last: deploys.succeeded, locks: [] },
      ...{ waiting: Array(3).fill({ deploy: deploys.succeeded, place: null }), notBegun: [], closing: null },
    }));
    for (const shown of [statusOfAll(busy), queueOf(busy), historyOf('shop', Array(60).fill(deploys.succeeded))]) {
      expectSafe(shown);
      expect(JSON.stringify(shown.blocks.at(-1))).toMatch(/and \d+ (more apps|earlier ones)/);
    }
  });

  it('is cut where it is longest, after a line, with its code closed', () => {
    const lines = Array.from({ length: 60 }, (_, line) => `line ${line} of what was printed`).join('\n');
    const { blocks } = message('All', [section('*Short*'), ...Array(6).fill(section(`\`\`\`${lines}\`\`\``))]);
    expect(charactersOf(blocks)).toBeLessThanOrEqual(10_000);
    const [short, ...long] = blocks.map(block => (block.type === 'section' ? (block.text?.text ?? '') : ''));
    expect(short).toBe('*Short*');
    for (const text of long) expect(text).toMatch(/printed\n…```$/);
  });
});

/** Names of all that can be pressed. */
const namesOf = (blocks: readonly object[]): string[] =>
  [...JSON.stringify(blocks).matchAll(/"action_id":"([^"]*)"/g)].map(([, name = '']) => name);

/** Links to files of the commit are ours. */
const withoutLinks = (blocks: readonly object[]): object[] =>
  JSON.parse(JSON.stringify(blocks).replaceAll(/<https:\/\/github\.com\/[^|>]*\|([^>]*)>/g, '$1'));
