import fc from 'fast-check';
import { expect } from 'vitest';
import { withoutMentions } from '../src/domain/refusal.ts';
import { charactersOf, MOST_IN_ALL, validateBlocks } from './stage/slack/blocks.ts';

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

/** Slack would take it, and it mentions nobody but our people. */
export function expectSafe(message: { text: string; blocks: readonly object[] }): void {
  expect(message.text.trim()).not.toBe('');
  expect(message.blocks.length).toBeGreaterThan(0);
  expect(validateBlocks(message.blocks, 'message')).toEqual([]);
  expect(charactersOf(message.blocks)).toBeLessThanOrEqual(MOST_IN_ALL);
  expectHarmless(message);
}

/** Nothing in it is longer than Slack takes, or makes a mention, a broadcast or a link of what others wrote. */
export function expectHarmless(shown: object): void {
  for (const [path, text] of strings(shown)) {
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

/** Long of a few characters over and over: each character drawn would make a case some ten times dearer. */
const long = fc
  .tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.integer({ min: 3_000, max: 5_000 }))
  .map(([part, length]) => part.repeat(Math.ceil(length / part.length)).slice(0, length));

const evil = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '<!channel>',
      '<!here|here>',
      '<!subteam^S1>',
      '<#C123|general>',
      '<@U0999ZZZZ>',
      '<#C0999ZZZZ>',
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
  long,
);
/** What others may write, at its worst. */
export const foreignText = fc.array(evil, { minLength: 1, maxLength: 6 }).map(parts => parts.join(''));

/** Our own sentences: what they quote of others has lost its mentions before (`mentions.test.ts`). */
const SENTENCES: ReadonlySet<string> = new Set(['why', 'warnings[]', 'news[]']);
export const ourSentence = foreignText.map(withoutMentions);

/** The same value with foreign text in place of every string that is not ours. */
export function poisoned<T>(value: T, text: string): T {
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
    // Ids are ours, and names of apps are checked when they are added: at most 30 characters.
    if (typeof inner === 'string' && ['id', 'app'].includes(key)) return text.slice(0, 30).replaceAll(' ', '_') || 'x';
    if (typeof inner === 'string' && SENTENCES.has(key)) return withoutMentions(text);
    if (typeof inner === 'string')
      return kept.has(key) && !(key === 'what' && !/serves|gone/.test(inner)) ? inner : text;
    if (Array.isArray(inner)) return key === 'steps' ? inner : inner.map(item => poison(item, `${key}[]`));
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([name, item]) => [name, poison(item, name)]));
  };
  return poison(value, '') as T;
}
