import { type Rule, rules, thingText } from '../rule.ts';
import { nameText } from '../words.ts';

// Enums and domains: what values are allowed, in every table that uses them.

const scans = 'Postgres reads every table that uses it, and writes to them wait.';

export const valueRules: Rule[] = [
  ...rules(['add enum value'], [{ id: 'enum-add', phase: 'expand' }]),
  ...rules(
    ['create domain'],
    [
      { id: 'create-domain', phase: 'expand' },
      {
        id: 'domain-constraint',
        when: ({ constrained }) => constrained,
        phase: 'expand',
        harm: 'warns',
        says: ({ thing }) => `A constraint inside the domain ${thingText(thing)} is hard to change later: ${scans}`,
        fix: 'Make the domain without constraints, and put a CHECK on each table.',
      },
    ],
  ),
  ...rules(
    ['tighten domain'],
    [
      {
        id: 'domain-constraint',
        when: ({ notValid }) => !notValid,
        phase: 'contract',
        lock: 'SHARE',
        lasts: 'scan',
        harm: 'blocks',
        says: ({ thing }) => `${thingText(thing)} gets narrower: ${scans} Old code may write what it forbids.`,
        fix: ({ thing }) =>
          `ALTER DOMAIN ${nameText(thing.name)} ADD CONSTRAINT … CHECK (…) NOT VALID;\n-- or better, a CHECK on each table`,
      },
      { id: 'domain-not-valid', when: ({ notValid }) => notValid, phase: 'contract' },
    ],
  ),
  ...rules(
    ['loosen domain'],
    [
      {
        id: 'drop-constraint',
        phase: 'expand',
        firm: false,
        harm: 'warns',
        says: ({ thing }) => `Values that ${thingText(thing)} forbade may be written from then on.`,
        fix: 'Make sure that old code can read them.',
      },
    ],
  ),
];
