import type { ActionOf } from '../action.ts';
import { neverMeet, oldInsertsPass } from '../old-inserts.ts';
import { provesNotNull } from '../proof.ts';
import type { KnownConstraint } from '../relation.ts';
import { type Phase, type Rule, rules, type Scene, sized, thingText } from '../rule.ts';
import { nameText, overIndex, quoted } from '../words.ts';

// Constraints on tables. Tightening is contract: old code may still write what they forbid.

type Add = ActionOf<'add constraint'>;
type Kind = Add['constraint']['kind'];

const is =
  (kind: Kind, ...more: ((constraint: Add['constraint']) => boolean)[]) =>
  ({ constraint }: Add): boolean =>
    constraint.kind === kind && more.every(test => test(constraint));

const validates = ({ notValid, enforced }: Add['constraint']): boolean => enforced && !notValid;
const later = ({ notValid, enforced }: Add['constraint']): boolean => enforced && notValid;
const builds = ({ usingIndex }: Add['constraint']): boolean => usingIndex === null;

/** Old code cannot break a rule on columns that it does not know, unless leaving them out does. */
function isKept({ table, constraint }: Add, { known }: Scene): boolean {
  const { kind, columns, expression } = constraint;
  if (kind === 'check' || kind === 'not null') return oldInsertsPass(table, columns, expression, known);
  if (kind === 'unique') return neverMeet(table, { ...constraint, keys: columns }, known);
  return known.areNew(table, columns);
}

const tightening = (action: Add, scene: Scene): Phase => (isKept(action, scene) ? 'expand' : 'contract');

/** A key of new columns that all rows of old code share. */
const meetsInKey = ({ table, constraint: { columns } }: Add, { known }: Scene): boolean =>
  known.areNew(table, columns) && !columns.some(name => known.column(table, name)?.isApart);

const constraintName = ({ table, constraint }: Add): string =>
  constraint.name ?? `${table.name}_${constraint.columns.join('_')}`;

/** The statement itself with NOT VALID, and the check of old rows in a migration of its own. */
function inTwoSteps(action: Add, { sql, single }: Scene): string {
  const first = single ? `${sql.replace(/;\s*$/, '')} NOT VALID;` : 'The same with NOT VALID at its end.';
  const validate = `ALTER TABLE ${nameText(action.table)} VALIDATE CONSTRAINT ${quoted(constraintName(action))};`;
  return `${first}\n-- in a later migration:\n${validate}`;
}

const viaIndex = (action: Add, kind: 'UNIQUE' | 'PRIMARY KEY'): string =>
  overIndex(kind, action.table, action.constraint.columns, constraintName(action));

/** Columns of a primary key that may hold NULLs, as far as anybody knows. */
function mayBeNull({ table, constraint }: Add, { known }: Scene): boolean {
  const relation = known.relation(table);
  const columns = constraint.usingIndex
    ? (relation.indexes.get(constraint.usingIndex)?.columns ?? [])
    : constraint.columns;
  const isSure = columns.length > 0 && columns.every(name => relation.columns.get(name)?.notNull === true);
  return !isSure && !columns.some(name => provesNotNull(relation, name));
}

const adding = rules(
  ['add constraint'],
  [
    {
      id: 'check-validating',
      when: is('check', validates),
      phase: tightening,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table }, scene) =>
        `Reads all of ${sized(table, scene)} to check its rows: every query on it waits. Old code may write what it forbids.`,
      fix: inTwoSteps,
    },
    { id: 'check-not-valid', when: is('check', later), phase: tightening, lock: 'ACCESS EXCLUSIVE' },
    {
      id: 'fk-validating',
      when: is('foreign key', validates),
      phase: tightening,
      lock: 'SHARE ROW EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table, constraint: { references } }, scene) =>
        `Reads all of ${sized(table, scene)}: writes to it${references ? ` and to ${sized(references, scene)}` : ''} wait. Old code may write what it forbids.`,
      fix: inTwoSteps,
    },
    { id: 'fk-not-valid', when: is('foreign key', later), phase: tightening, lock: 'SHARE ROW EXCLUSIVE' },
    {
      id: 'fk-of-new-table',
      when: ({ table, constraint: { references } }, { known }) =>
        references !== null && known.relation(table).isNew && !known.relation(references).isNew,
      evenIfNew: true,
      phase: 'expand',
      lock: 'SHARE ROW EXCLUSIVE',
    },
    {
      id: 'unique-builds-index',
      when: is('unique', builds),
      phase: tightening,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'index build',
      harm: 'blocks',
      says: ({ table }, scene) =>
        `Builds an index on ${sized(table, scene)}: every query on it waits. Rows twice there make it fail.`,
      fix: action => viaIndex(action, 'UNIQUE'),
    },
    {
      id: 'constraint-using-index',
      when: ({ constraint }) => constraint.usingIndex !== null,
      phase: 'neutral',
      lock: 'ACCESS EXCLUSIVE',
    },
    {
      id: 'pk-builds-index',
      when: is('primary key', builds),
      phase: (action, scene) => (meetsInKey(action, scene) ? 'contract' : 'neutral'),
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'index build',
      harm: 'blocks',
      says: ({ table }, scene) => `Builds an index on ${sized(table, scene)}: every query on it waits.`,
      fix: action => viaIndex(action, 'PRIMARY KEY'),
    },
    {
      id: 'pk-sets-not-null',
      when: (action, scene) => is('primary key')(action) && mayBeNull(action, scene),
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table }, scene) =>
        `Reads all of ${sized(table, scene)} for NULLs, unless its columns are NOT NULL already: every query on it waits.`,
      fix: 'First make the columns NOT NULL: CHECK (… IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL.',
    },
    {
      id: 'exclusion-constraint',
      when: is('exclusion'),
      phase: tightening,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'index build',
      harm: 'blocks',
      says: ({ table }, scene) =>
        `Builds an index on ${sized(table, scene)}: every query on it waits. There is no online way to do it.`,
      fix: 'Make a new table with the constraint, copy rows in batches while both are written, and swap.',
    },
    {
      id: 'notnull-scan',
      when: ({ table, constraint }, { known }) =>
        constraint.kind === 'not null' &&
        !constraint.notValid &&
        !known.column(table, constraint.columns[0] ?? '')?.notNull,
      phase: tightening,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table }, scene) => `Reads all of ${sized(table, scene)} for NULLs: every query on it waits.`,
      fix: inTwoSteps,
    },
    {
      id: 'constraint-not-enforced',
      when: ({ constraint }) => !constraint.enforced,
      phase: 'neutral',
      lock: 'ACCESS EXCLUSIVE',
    },
    { id: 'notnull-not-valid', when: is('not null', later), phase: tightening, lock: 'ACCESS EXCLUSIVE' },
    {
      id: 'unparsed',
      when: ({ constraint }, { known }) =>
        (known.facts?.version ?? 180000) < 180000 && (constraint.kind === 'not null' || !constraint.enforced),
      phase: 'contract',
      harm: 'fails',
      says: 'This server is older than PostgreSQL 18 and does not know this form.',
      fix: 'CHECK (… IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL.',
    },
  ],
);

type Drop = ActionOf<'drop'>;

const isConstraint = ({ thing, ifThere }: Drop, { known }: Scene): boolean =>
  thing.what === 'constraint' && !(ifThere && known.isAbsent(thing));

const constraintOf = ({ thing: { name, of } }: Drop, { known }: Scene): KnownConstraint | null =>
  of && known.isSure(of) ? (known.relation(of).constraints.get(name.name) ?? null) : null;

/** Those that only forbid values. */
const FORBIDDING: ReadonlySet<string> = new Set(['check', 'foreign key', 'not null']);

/** Old code may need what a constraint gives: its index, or what CASCADE drops with it. */
function isNeeded(action: Drop, scene: Scene): boolean {
  const dropped = constraintOf(action, scene);
  if (action.cascade || !dropped) return true;
  return !FORBIDDING.has(dropped.kind) && !isSwapped(action, dropped, scene);
}

/** Another one like it takes its place before anybody sees it gone. */
function isSwapped({ thing: { of } }: Drop, dropped: KnownConstraint, { known, later, transaction }: Scene): boolean {
  if (!of) return false;
  const { key, indexes } = known.relation(of);
  const sorted = (columns: readonly string[] = []): string => [...columns].sort().join();
  return later().some(action => {
    if (action.kind !== 'add constraint' || known.relation(action.table).key !== key) return false;
    const { kind, columns, usingIndex } = action.constraint;
    const covered = usingIndex === null ? columns : indexes.get(usingIndex)?.columns;
    return transaction !== null && kind === dropped.kind && sorted(covered) === sorted(dropped.columns);
  });
}

const dropping = rules(
  ['drop'],
  [
    {
      id: 'drop-constraint',
      when: (action, scene) => isConstraint(action, scene) && !isNeeded(action, scene),
      phase: 'expand',
      firm: false,
      lock: 'ACCESS EXCLUSIVE',
      harm: 'warns',
      says: ({ thing }, scene) =>
        `Rows that ${thingText(thing)} forbade may be written to ${thing.of ? sized(thing.of, scene) : 'its table'} from then on.`,
      fix: 'Make sure that old code can read such rows.',
    },
    {
      id: 'drop-constraint',
      when: (action, scene) => isConstraint(action, scene) && isNeeded(action, scene),
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      harm: 'breaks',
      says: (action, scene) =>
        `${thingText(action.thing)} goes${action.cascade ? ', with everything that depends on it' : constraintOf(action, scene) ? '' : ', and it may be UNIQUE'}: ON CONFLICT of old code fails without it, and duplicates may be written.`,
      fix: 'Do it in a contract migration, after old code is gone.',
    },
  ],
);

export const constraintRules: Rule[] = [
  ...adding,
  ...dropping,
  ...rules(
    ['enforce constraint'],
    [
      {
        id: 'fk-validating',
        phase: 'contract',
        lock: 'SHARE ROW EXCLUSIVE',
        lasts: 'scan',
        harm: 'blocks',
        says: ({ table }, scene) => `Reads all of ${sized(table, scene)} to check its rows: writes to it wait.`,
        fix: 'Add the constraint anew with NOT VALID, and VALIDATE it in a later migration.',
      },
    ],
  ),
  ...rules(
    ['validate constraint'],
    [
      { id: 'validate', phase: 'neutral', lock: 'SHARE UPDATE EXCLUSIVE', lasts: 'scan' },
      {
        id: 'validate-same-tx',
        when: ({ table, name }, { known, transaction }) =>
          transaction?.notValid.has(`${known.relation(table).key}.${name}`) ?? false,
        phase: 'neutral',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'scan',
        harm: 'blocks',
        says: ({ table }, scene) =>
          `Reads all of ${sized(table, scene)} while the lock of its ADD CONSTRAINT is still held: NOT VALID saved nothing.`,
        fix: ({ table, name }) =>
          `-- in a later migration:\nALTER TABLE ${nameText(table)} VALIDATE CONSTRAINT ${quoted(name)};`,
      },
    ],
  ),
];
