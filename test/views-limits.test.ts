import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deploy, Fact } from '../src/domain/deploy.ts';
import { withRoles } from '../src/domain/permission.ts';
import type { Plan } from '../src/domain/plan.ts';
import { answered, ourFault, refused, started } from '../views/answers.ts';
import { chartOf } from '../views/chart.ts';
import { help } from '../views/help.ts';
import { plainBlocks } from '../views/plain.ts';
import { planChanged, planShown } from '../views/plan.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { cut, foreign, prose } from '../views/text.ts';
import { closed } from './sample-closed.ts';
import { deploys, plan } from './sample-deploys.ts';
import { migrating, pending } from './sample-migrations.ts';
import { switched } from './sample-series.ts';

/** Slack's limits on lengths, by the path of keys that leads to a string (block-kit reference). */
const LIMITS: readonly [RegExp, number][] = [
  [/^text$/, 4_000],
  [/section text text$/, 3_000],
  [/context elements text$/, 3_000],
  [/actions elements text text$/, 75],
  [/actions elements value$/, 2_000],
  [/actions elements accessibility_label$/, 75],
  [/confirm title text$/, 100],
  [/confirm text text$/, 300],
  [/confirm (confirm|deny) text$/, 30],
  [/(action_id|block_id)$/, 255],
];

/** Every string of a message with the way to it; in place of a block's index stands its type. */
function strings(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path.trim(), value]];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(item => strings(item, path));
  const type = 'type' in value && typeof value.type === 'string' ? value.type : '';
  const here = path.endsWith('blocks ') ? `${type} ` : path;
  return Object.entries(value).flatMap(([key, inner]) => (key === 'type' ? [] : strings(inner, `${here}${key} `)));
}

/** What Slack would make a mention, a broadcast or a link of, in mrkdwn. */
const MARKUP = /<([^>]*)>/g;
/** Ours: people and channels whose ids we know, and moments. */
const OURS = /^(@U0ANN|@U0BOB|#C0DEPLOYS|!date\^\d+\^[^|<>]*\|[^|<>]* UTC)$/;

function expectSafe(message: { text: string; blocks: readonly object[] }): void {
  expect(message.text.trim()).not.toBe('');
  expect(message.blocks.length).toBeGreaterThan(0);
  expect(message.blocks.length).toBeLessThanOrEqual(50);
  for (const [path, text] of strings(message)) {
    const limit = LIMITS.find(([which]) => which.test(path))?.[1];
    if (limit !== undefined) expect(text.length, path).toBeLessThanOrEqual(limit);
    if (/text$|title$|fallback$/.test(path)) expect(text, path).not.toBe('');
    // A button's value comes back to us and is shown to nobody.
    if (path.endsWith('value')) continue;
    for (const [, inner] of text.matchAll(MARKUP)) expect(inner, path).toMatch(OURS);
    expect(text.replace(MARKUP, ''), path).not.toMatch(/[<>]/);
    expect(text, path).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b]/);
  }
}

const evil = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '<!channel>',
      '<!here|here>',
      '<!subteam^S1>',
      '<#C123|general>',
      '<http://evil.example|shop>',
    ),
  },
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '```',
    '\u202e',
    '\u200b<!channel>',
    '&lt;!channel&gt;',
    '&',
    '<',
    '>',
    '\n',
    '\u001b[31mred',
    '<!date^1^{time}|now>',
    '😀'.repeat(50),
  ),
  fc.string({ maxLength: 5_000, minLength: 3_000 }),
);
const foreignText = fc.array(evil, { minLength: 1, maxLength: 6 }).map(parts => parts.join(''));

/** The same value with foreign text in place of every string that is not ours. */
function poisoned<T>(value: T, text: string): T {
  const kept = new Set([
    'kind',
    'of',
    'by',
    'at',
    'missing',
    'outcome',
    'proof',
    'channel',
    'startedAt',
    'startedBy',
    'what',
    'steps',
    'seq',
    'phase',
    'lock',
    'lasts',
    'direction',
  ]);
  const poison = (inner: unknown, key: string): unknown => {
    if (typeof inner === 'string')
      return kept.has(key) && !(key === 'what' && !/serves|gone/.test(inner)) ? inner : text;
    if (Array.isArray(inner)) return key === 'steps' ? inner : inner.map(item => poison(item, `${key}[]`));
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([name, item]) => [name, poison(item, name)]));
  };
  return poison(value, '') as T;
}

describe('whatever others wrote', () => {
  it('a plan keeps the limits and can mention nobody', () => {
    fc.assert(
      fc.property(foreignText, fc.integer({ min: 0, max: 60 }), (text, many) => {
        const commits = Array.from({ length: many }, () => ({ sha: text, subject: text, author: text }));
        const bad: Plan = {
          ...poisoned({ ...plan, migrations: pending }, text),
          changes: { commits, total: many * 3, behind: many },
          warnings: Array.from({ length: many }, () => text),
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
        expectSafe(planShown({ id: text, plan: bad, place, gate }));
        expectSafe(planShown({ id: text, plan: { ...bad, back }, place: null, gate }));
        expectSafe(
          planChanged(
            { id: text, plan: bad, place, gate },
            Array.from({ length: many }, () => text),
          ),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('no message of a deploy breaks the limits or mentions anybody but its people', () => {
    fc.assert(
      fc.property(
        foreignText,
        fc.constantFrom(...Object.values({ ...deploys, ...migrating, ...closed })),
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
      { numRuns: 150 },
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
        expectSafe(refused(Array.from({ length: many }, () => text.replaceAll('@', ''))));
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
        expectSafe(answered(text.replaceAll('@', '') || '.'));
      }),
      { numRuns: 60 },
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
    );
    expect(cut('see <@U0ANN> there', 10)).toBe('see …');
  });

  it('our own sentences may name people, and nothing else', () => {
    expect(prose('Ask <@U0ANN> or <!channel> or <http://x|y>')).toBe(
      'Ask <@U0ANN> or &lt;!channel&gt; or &lt;http://x|y&gt;',
    );
  });
});
