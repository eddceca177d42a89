import type { ActionOf } from '../action.ts';
import { neverMeet } from '../old-inserts.ts';
import { type Lock, type Phase, type Rule, rules, type Scene, sized } from '../rule.ts';
import { nameText, quoted } from '../words.ts';

// Indexes, and the other things that are built from a whole table.

type Make = ActionOf<'create index'>;

/** ON ONLY spares a partitioned table; to any other it means nothing. */
const reads = ({ table, concurrently, onlyParent }: Make, { known }: Scene): boolean =>
  !concurrently && !(onlyParent && ['partitioned', null].includes(known.relation(table).kind));

/** A unique index forbids what old code may still write. */
const phaseOf = (action: Make, { known }: Scene): Phase =>
  action.unique && !neverMeet(action.table, action, known) ? 'contract' : 'neutral';

const quietly = ({ concurrently }: Make): Lock => (concurrently ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE');

function madeOnline({ table }: Make, { known, sql, single }: Scene): string {
  if (known.relation(table).kind === 'partitioned') {
    return `CREATE INDEX … ON ONLY ${nameText(table)} (…);\n-- then for each partition, no-transaction:\nCREATE INDEX CONCURRENTLY … ON … (…);\nALTER INDEX … ATTACH PARTITION …;`;
  }
  const statement = sql.replace(/;\s*$/, '').replace(/\bindex\b(\s+concurrently\b)?/i, 'INDEX CONCURRENTLY');
  return `-- no-transaction, in a migration of its own:\n${single ? `${statement};` : 'CREATE INDEX CONCURRENTLY …'}`;
}

export const indexRules: Rule[] = [
  ...rules(
    ['create index'],
    [
      {
        id: 'idx-nonconcurrent',
        when: reads,
        phase: phaseOf,
        lock: 'SHARE',
        lasts: 'index build',
        harm: 'blocks',
        says: ({ table }, scene) => `Reads all of ${sized(table, scene)}: every write to it waits.`,
        fix: madeOnline,
      },
      {
        id: 'unique-index-new',
        when: (action, scene) => !reads(action, scene) && action.unique,
        phase: phaseOf,
        lock: quietly,
      },
      {
        id: 'idx-concurrent',
        when: (action, scene) => !reads(action, scene) && !action.unique,
        phase: 'neutral',
        lock: quietly,
      },
      {
        id: 'invalid-index',
        when: ({ table, name, unlessThere }, { known }) =>
          unlessThere && known.relation(table).indexes.get(name ?? '')?.valid === false,
        phase: 'neutral',
        harm: 'fails',
        says: ({ name }) => `\`${name}\` is there and invalid, from a build that failed: IF NOT EXISTS would skip it.`,
        fix: ({ name }) =>
          `-- no-transaction, in a migration of its own:\nDROP INDEX CONCURRENTLY ${quoted(name ?? '')};`,
      },
    ],
  ),
  ...rules(
    ['reindex'],
    [
      {
        id: 'reindex-nonconcurrent',
        when: ({ concurrently }) => !concurrently,
        phase: 'neutral',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'index build',
        harm: 'blocks',
        says: ({ table }, scene) =>
          `Builds indexes anew (${sized(table, scene)}): writes wait, and so does every query that would use them.`,
        fix: ({ table, what }) => `-- no-transaction:\nREINDEX ${what} CONCURRENTLY ${nameText(table)};`,
      },
      {
        id: 'reindex-concurrent',
        when: ({ concurrently }) => concurrently,
        phase: 'neutral',
        lock: 'SHARE UPDATE EXCLUSIVE',
      },
    ],
  ),
  ...rules(
    ['refresh view'],
    [
      {
        id: 'matview-refresh-blocking',
        when: ({ concurrently }) => !concurrently,
        phase: 'neutral',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'rewrite',
        harm: 'blocks',
        says: ({ table }, scene) => `Runs the query of ${sized(table, scene)} again: everybody who reads it waits.`,
        fix: ({ table }) => `REFRESH MATERIALIZED VIEW CONCURRENTLY ${nameText(table)}; -- needs a unique index on it`,
      },
    ],
  ),
  ...rules(
    ['rewrite storage'],
    [
      {
        id: 'rewrite-storage',
        phase: 'neutral',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'rewrite',
        harm: 'blocks',
        says: ({ table, how }, scene) => `${how} rewrites ${sized(table, scene)}: every query on it waits.`,
        fix: ({ table }) => `Use pg_repack on ${nameText(table)}, or do it in a maintenance window.`,
      },
    ],
  ),
];
