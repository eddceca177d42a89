import { strangeCalls } from '../calls.ts';
import { type Rule, rules } from '../rule.ts';
import { nameText } from '../words.ts';

// What depends on the transaction, and what nobody can judge.

const IN_A_FILE_OF_ITS_OWN = 'Put it alone into a file that begins with `-- no-transaction`.';

export const transactionRules: Rule[] = [
  ...rules(
    ['create index', 'reindex', 'detach partition', 'drop'],
    [
      {
        id: 'concurrent-in-tx',
        when: ({ concurrently }, { transaction }) => transaction !== null && concurrently,
        evenIfNew: true,
        phase: 'neutral',
        harm: 'fails',
        says: 'CONCURRENTLY cannot run inside a transaction (25001).',
        fix: IN_A_FILE_OF_ITS_OWN,
      },
    ],
  ),
  ...rules(
    ['alone'],
    [
      {
        id: 'concurrent-in-tx',
        when: (_, { transaction }) => transaction !== null,
        phase: 'neutral',
        harm: 'fails',
        says: ({ what }) => `${what} cannot run inside a transaction (25001).`,
        fix: IN_A_FILE_OF_ITS_OWN,
      },
    ],
  ),
  ...rules(
    ['dynamic'],
    [
      {
        id: 'dynamic-sql',
        phase: 'contract',
        harm: 'unproven',
        says: ({ how }) => `${how}: what it does is known only when it runs, so a person must look.`,
        fix: 'Write the statements out.',
      },
    ],
  ),
  ...rules(
    ['call'],
    [
      {
        id: 'dynamic-sql',
        when: ({ functions }, { known }) => strangeCalls(functions, known).length > 0,
        phase: 'contract',
        harm: 'unproven',
        says: ({ functions }, { known }) =>
          `Calls ${[...new Set(strangeCalls(functions, known).map(name => `\`${nameText(name)}\``))].join(', ')}, which may do anything: a person must look.`,
        fix: 'Write out what it does.',
      },
    ],
  ),
  ...rules(
    ['unparsed'],
    [
      {
        id: 'unparsed',
        phase: 'contract',
        harm: 'unproven',
        says: ({ message }) => `Postgres cannot read this: ${message}.`,
        fix: 'Write plain SQL: no psql commands, no COPY data, no templates.',
      },
    ],
  ),
];
