import type { Node } from 'libpg-query';
import { valuesOf } from '../proof.ts';
import { counted, LOCKS, type Rule, rules, type Scene, sized } from '../rule.ts';
import { bodyOf, columnOf, columnsIn, conjuncts, constantOf, type Name } from '../tree.ts';
import { nameText } from '../words.ts';

// Statements on rows.

/** A few rows by key, or one batch of them: `id = 5`, `id IN (1, 2)`, `id BETWEEN 1 AND 1000`, `id IN (SELECT … LIMIT 9)`. */
function isBounded(where: Node | null, table: Name, { known }: Scene): boolean {
  if (!where) return false;
  const keys = keysOf(table, where, { known });
  const parts = conjuncts(where);
  return keys.some(key => {
    if (parts.some(part => valuesOf(part, key).length > 0 || isBetween(part, key) || isLimited(part, key))) return true;
    return ['<', '>'].every(side => parts.some(part => isCompared(part, key, side)));
  });
}

/** Columns that tell rows apart: of unique indexes where the catalog lists them, else by the usual name. */
function keysOf(table: Name, where: Node, { known }: Pick<Scene, 'known'>): string[] {
  const { indexes } = known.relation(table);
  const unique = [...indexes.values()].flatMap(({ unique: isUnique, columns }) =>
    isUnique && columns.length === 1 ? columns : [],
  );
  return columnsIn(where).filter(column => column === 'id' || column === 'ctid' || unique.includes(column));
}

function isBetween(part: Node, key: string): boolean {
  const { kind, lexpr, rexpr } = bodyOf(part, 'A_Expr') ?? {};
  const edges = bodyOf(rexpr, 'List')?.items ?? [];
  return kind === 'AEXPR_BETWEEN' && columnOf(lexpr) === key && edges.every(edge => constantOf(edge) !== null);
}

/** `id IN (SELECT … LIMIT 1000)`. */
function isLimited(part: Node, key: string): boolean {
  const { testexpr, subselect } = bodyOf(part, 'SubLink') ?? {};
  return columnOf(testexpr) === key && bodyOf(subselect, 'SelectStmt')?.limitCount !== undefined;
}

function isCompared(part: Node, key: string, side: string): boolean {
  const { name, lexpr, rexpr } = bodyOf(part, 'A_Expr') ?? {};
  const operator = bodyOf(name?.[0], 'String')?.sval ?? '';
  return operator.startsWith(side) && operator !== '<>' && columnOf(lexpr) === key && constantOf(rexpr) !== null;
}

const inBatches = (verb: string, table: Name): string =>
  `-- outside the migration, each its own transaction, until none is left:\n${verb} ${nameText(table)} … WHERE id IN (SELECT id FROM ${nameText(table)} WHERE … LIMIT 1000);`;

export const rowRules: Rule[] = [
  ...rules(
    ['truncate'],
    [
      {
        id: 'truncate',
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'breaks',
        says: ({ table }, scene) =>
          `Destroys all rows of ${sized(table, scene)}, and every query on it waits meanwhile.`,
        fix: 'Do it after old code is gone, when nobody needs the rows.',
      },
    ],
  ),
  ...rules(
    ['delete'],
    [
      {
        id: 'delete-data',
        when: ({ table, where }, scene) => !isBounded(where, table, scene),
        phase: 'contract',
        lock: 'ROW EXCLUSIVE',
        lasts: 'rows',
        harm: 'breaks',
        says: ({ table, where }, scene) =>
          `Destroys ${where ? 'rows' : 'all rows'} of ${counted(table, scene)} in one transaction; they stay locked until it ends.`,
        fix: ({ table }) => inBatches('DELETE FROM', table),
      },
      {
        id: 'delete-few',
        when: ({ table, where }, scene) => isBounded(where, table, scene),
        phase: 'contract',
        lock: 'ROW EXCLUSIVE',
      },
    ],
  ),
  ...rules(
    ['update'],
    [
      {
        id: 'backfill-in-migration',
        when: ({ table, where }, scene) => !isBounded(where, table, scene),
        phase: 'neutral',
        lock: 'ROW EXCLUSIVE',
        lasts: 'rows',
        harm: 'blocks',
        says: ({ table }, scene) =>
          `Changes many rows of ${counted(table, scene)} in one transaction: whoever writes to them waits until it ends, and the table swells.`,
        fix: ({ table }) => inBatches('UPDATE', table),
      },
    ],
  ),
  ...rules(['insert'], [{ id: 'insert', phase: 'neutral', lock: 'ROW EXCLUSIVE' }]),
  ...rules(
    ['lock table'],
    [
      {
        id: 'lock-table',
        // Nobody waits for a lock that reading needs anyway.
        when: ({ mode }) => mode !== 'ACCESS SHARE',
        phase: 'neutral',
        lock: ({ mode }) => LOCKS.find(lock => lock === mode) ?? null,
        harm: 'warns',
        says: ({ table, mode }, scene) => `Holds ${mode} on ${sized(table, scene)} until the transaction ends.`,
        fix: 'Leave the locking to the statements themselves.',
      },
    ],
  ),
];
