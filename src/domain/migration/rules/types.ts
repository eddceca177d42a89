import type { ActionOf } from '../action.ts';
import { type Rule, rules, type Scene, sized } from '../rule.ts';
import { bodyOf, type ColumnType, columnOf, typeOf } from '../tree.ts';
import { sameType, type TypeChange, typeChange } from '../type-change.ts';
import { nameText, quoted, typeText } from '../words.ts';

// ALTER COLUMN … TYPE: what it does depends on the type that is there, so without a catalog it counts as a rewrite.

type Change = ActionOf<'change type'>;

function changeOf(action: Change, scene: Scene): TypeChange {
  const before = scene.known.column(action.table, action.column)?.type ?? null;
  if (action.using && !isOwnCast(action)) return 'rewrite';
  if (!before || !action.type) return 'unknown';
  if (sameType(before, action.type)) return 'none';
  // Values must pass the domain's own constraints.
  if (scene.known.domains.get(action.type.name)?.constrained) return 'rewrite';
  const after = baseOf(action.type, scene);
  // Postgres does not look for a length inside a domain that it comes from.
  const from = { ...baseOf(before, scene), ...(scene.known.domains.has(before.name) ? { mods: [] } : {}) };
  return typeChange(from, after, scene.known.timeZone);
}

const baseOf = (type: ColumnType, { known }: Scene): ColumnType => known.domains.get(type.name)?.base ?? type;

/** `USING name::text` for a change to text is what Postgres does anyway. */
function isOwnCast({ using, column, type }: Change): boolean {
  if (columnOf(using ?? undefined) === column) return true;
  const cast = bodyOf(using ?? undefined, 'TypeCast');
  const to = typeOf(cast?.typeName);
  return columnOf(cast?.arg) === column && to !== null && type !== null && sameType(to, type);
}

/** Indexes that Postgres cannot keep: on expressions or conditions, or ordered another way than before. */
function indexesRebuilt(action: Change, scene: Scene): boolean {
  const relation = scene.known.relation(action.table);
  const before = relation.columns.get(action.column)?.type ?? null;
  const reordered = action.collated || orderOf(before, scene) !== orderOf(action.type, scene);
  return [...relation.indexes.values()].some(
    ({ columns, plain }) => columns.includes(action.column) && (reordered || !plain),
  );
}

/** Types that share an operator class, by which an index sorts, are one here. */
const orderOf = (type: ColumnType | null, scene: Scene): string | null => {
  const name = type && baseOf(type, scene).name;
  return name === 'varchar' ? 'text' : name === 'cidr' ? 'inet' : name;
};

const isKept = (change: TypeChange): boolean => change === 'none' || change === 'relabel';

const slowly = ({ table, column, type }: Change): string =>
  `ALTER TABLE ${nameText(table)} ADD COLUMN ${quoted(`${column}_new`)} ${typeText(type)};\n-- write both (code or trigger), fill old rows in batches, read the new one; then, in a contract migration, drop the old one`;

const isNewColumn = ({ table, column }: Change, { known }: Scene): boolean =>
  known.column(table, column)?.isNew === true;

export const typeRules: Rule[] = [
  ...rules(
    ['change type'],
    [
      {
        id: 'type-rewrite',
        when: (action, scene) => ['rewrite', 'unknown'].includes(changeOf(action, scene)),
        phase: (action, scene) => (isNewColumn(action, scene) ? 'expand' : 'contract'),
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'rewrite',
        harm: 'blocks',
        says: (action, scene) =>
          changeOf(action, scene) === 'unknown'
            ? `May rewrite ${sized(action.table, scene)} and its indexes: without the database nobody can tell from which type \`${action.column}\` comes. If so, every query on it waits.`
            : `Rewrites ${sized(action.table, scene)} and its indexes: every query on it waits.`,
        fix: slowly,
      },
      {
        id: 'type-narrowing',
        when: (action, scene) => changeOf(action, scene) === 'narrow',
        phase: (action, scene) => (isNewColumn(action, scene) ? 'expand' : 'contract'),
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'rewrite',
        harm: 'blocks',
        says: ({ table, column }, scene) =>
          `Rewrites ${sized(table, scene)}, and fails if a value of \`${column}\` does not fit; old code may still write such values.`,
        fix: ({ table, column }) =>
          `ALTER TABLE ${nameText(table)} ADD CONSTRAINT ${quoted(`${column}_fits`)} CHECK (…) NOT VALID;\n-- in a later migration:\nALTER TABLE ${nameText(table)} VALIDATE CONSTRAINT ${quoted(`${column}_fits`)};`,
      },
      {
        id: 'type-index-rebuild',
        when: (action, scene) => isKept(changeOf(action, scene)) && indexesRebuilt(action, scene),
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'index build',
        harm: 'blocks',
        says: ({ table, column }, scene) =>
          `Builds the indexes with \`${column}\` of ${sized(table, scene)} anew: every query on it waits.`,
        fix: 'Drop those indexes CONCURRENTLY first, change the type, and create them CONCURRENTLY again.',
      },
      {
        id: 'type-safe',
        when: (action, scene) => isKept(changeOf(action, scene)) && !indexesRebuilt(action, scene),
        phase: 'expand',
        firm: false,
        lock: 'ACCESS EXCLUSIVE',
      },
      {
        id: 'check-recheck',
        when: ({ table, column }, { known }) =>
          [...known.relation(table).constraints.values()].some(
            ({ kind, columns }) => kind === 'check' && columns.includes(column),
          ),
        phase: 'expand',
        firm: false,
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'scan',
        harm: 'blocks',
        says: ({ table, column }, scene) =>
          `\`${column}\` has a CHECK, which Postgres tests on all of ${sized(table, scene)} again: every query on it waits.`,
        fix: 'Drop the CHECK, change the type, add it again NOT VALID, and VALIDATE it in a later migration.',
      },
      {
        id: 'type-blocked',
        when: ({ table, column }, { known }) => (known.column(table, column)?.views ?? []).length > 0,
        phase: 'contract',
        harm: 'fails',
        says: ({ table, column }, { known }) =>
          `Postgres refuses it: ${(known.column(table, column)?.views ?? []).map(view => `\`${view}\``).join(', ')} reads \`${column}\`.`,
        fix: 'In one transaction: DROP VIEW, change the type, CREATE VIEW again.',
      },
    ],
  ),
  ...rules(
    ['set generated'],
    [
      {
        id: 'type-rewrite',
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'rewrite',
        harm: 'blocks',
        says: ({ table, column }, scene) =>
          `Computes \`${column}\` anew for each row of ${sized(table, scene)}: every query on it waits.`,
        fix: 'Add a new column with the new expression, and drop this one in a contract migration.',
      },
    ],
  ),
];
