import type { ActionOf } from '../action.ts';
import { type Rule, rules, type Scene, thingText } from '../rule.ts';
import { nameText } from '../words.ts';

// Sequences, roles and databases, as old code meets them at its next INSERT or connection.

type Restart = ActionOf<'restart sequence'>;

/** Where a number that was written down stands to those that were given; unknown without the catalog, or when it could not be read. */
function direction({ table, to }: Restart, { known }: Scene): 'onwards' | 'back' | 'unknown' {
  if (known.isCounterOfNew(table)) return 'onwards';
  if (!known.facts || !known.isSure(table)) return 'unknown';
  const { known: isThere, key } = known.relation(table);
  // What the catalog does not have belongs to a column of this batch.
  if (!isThere) return 'onwards';
  const there = known.facts.relations[key];
  const last = there ? there.lastValue : 0;
  if (last === null) return 'unknown';
  return to !== null && to > last ? 'onwards' : 'back';
}

export const settingRules: Rule[] = [
  ...rules(
    ['limit sequence'],
    [
      {
        id: 'limit-sequence',
        phase: 'contract',
        harm: 'breaks',
        says: ({ table, how }) =>
          `\`${nameText(table)}\` may run out, or give numbers that old code does not expect (${how}): its INSERTs fail.`,
        fix: 'Do it in a contract migration, after old code is gone.',
      },
    ],
  ),
  ...rules(
    ['restart sequence'],
    [
      {
        id: 'restart-sequence',
        when: (action, scene) =>
          direction(action, scene) === 'back' || (action.by === 'RESTART' && direction(action, scene) === 'unknown'),
        phase: 'contract',
        harm: 'breaks',
        says: ({ table }) =>
          `\`${nameText(table)}\` would give numbers again that rows may have already: INSERTs of old code fail.`,
        fix: ({ table }) => `SELECT setval('${nameText(table)}', (SELECT max(…) FROM …));`,
      },
      {
        id: 'restart-sequence',
        when: (action, scene) => action.by === 'setval' && direction(action, scene) === 'unknown',
        phase: 'neutral',
        harm: 'warns',
        says: ({ table, to }) =>
          `If \`${nameText(table)}\` is past ${to} by then, it gives numbers again that rows have: INSERTs fail.`,
        fix: ({ table }) => `SELECT setval('${nameText(table)}', (SELECT max(…) FROM …));`,
      },
    ],
  ),
  ...rules(
    ['change settings'],
    [
      {
        id: 'change-settings',
        phase: 'contract',
        harm: 'breaks',
        says: ({ thing, how }) =>
          `\`${how}\` of the ${thing.what} ${thingText(thing)} counts for every new connection, those of old code too.`,
        fix: 'SET it in the code that needs it, or do it in a contract migration, after old code is gone.',
      },
    ],
  ),
];
