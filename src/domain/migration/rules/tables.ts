import { provesBound } from '../proof.ts';
import { isFresh, type Rule, rules, sized } from '../rule.ts';
import { referencedBy } from '../transaction.ts';
import { nameText, quoted } from '../words.ts';

// Tables as wholes: making them, partitions, and switches that change who sees or checks rows.

export const tableRules: Rule[] = [
  ...rules(
    ['create table'],
    [
      {
        id: 'create-table',
        phase: 'expand',
        firm: ({ table }, scene) => isFresh({ what: 'table', name: table, of: null }, scene),
        lock: (action, { known }) =>
          referencedBy(action).some(name => !known.relation(name).isNew) ? 'SHARE ROW EXCLUSIVE' : null,
      },
      {
        id: 'partition-create-lock',
        when: ({ partitionOf }, { known }) => partitionOf !== null && !known.relation(partitionOf).isNew,
        phase: 'expand',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'warns',
        says: ({ partitionOf }, scene) =>
          `Locks ${partitionOf ? sized(partitionOf, scene) : 'its parent'} for an instant: every query on it queues behind that.`,
        fix: ({ table, partitionOf }) =>
          `CREATE TABLE ${nameText(table)} (LIKE ${partitionOf ? nameText(partitionOf) : '…'} INCLUDING ALL);\nALTER TABLE ${partitionOf ? nameText(partitionOf) : '…'} ATTACH PARTITION ${nameText(table)} FOR VALUES …;`,
      },
    ],
  ),
  ...rules(
    ['attach partition'],
    [
      {
        id: 'attach-partition',
        phase: 'expand',
        lock: ({ partition }, { known }) =>
          known.relation(partition).isNew ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE',
      },
      {
        id: 'attach-partition-scan',
        when: ({ table, partition, bound }, { known }) => {
          const child = known.relation(partition);
          return !child.isNew && !provesBound(child, known.relation(table).partitionKey, bound);
        },
        phase: 'expand',
        lock: 'ACCESS EXCLUSIVE',
        lasts: 'scan',
        harm: 'blocks',
        says: ({ partition }, scene) =>
          `Reads all of ${sized(partition, scene)} to see that its rows belong there: every query on it waits.`,
        fix: ({ partition }) =>
          `ALTER TABLE ${nameText(partition)} ADD CONSTRAINT ${quoted(`${partition.name}_bound`)} CHECK (… IS NOT NULL AND … >= … AND … < …) NOT VALID;\n-- in a later migration:\nALTER TABLE ${nameText(partition)} VALIDATE CONSTRAINT ${quoted(`${partition.name}_bound`)};\n-- then ATTACH PARTITION reads nothing`,
      },
    ],
  ),
  ...rules(
    ['detach partition'],
    [
      {
        id: 'detach-nonconcurrent',
        when: ({ concurrently }) => !concurrently,
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'blocks',
        says: ({ table, partition }, scene) =>
          `Locks ${sized(table, scene)}: every query on it waits. The rows of \`${nameText(partition)}\` are gone from it.`,
        fix: ({ table, partition }) =>
          `-- no-transaction:\nALTER TABLE ${nameText(table)} DETACH PARTITION ${nameText(partition)} CONCURRENTLY;`,
      },
      {
        id: 'detach-concurrent',
        when: ({ concurrently }) => concurrently,
        phase: 'contract',
        lock: 'SHARE UPDATE EXCLUSIVE',
      },
    ],
  ),
  ...rules(['leave parent'], [{ id: 'leave-parent', phase: 'contract', lock: 'ACCESS EXCLUSIVE' }]),
  ...rules(
    ['row security'],
    [
      {
        id: 'rls-enable',
        when: ({ on }) => on,
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'breaks',
        says: ({ table }, scene) =>
          `Whoever does not own ${sized(table, scene)} sees no rows of it unless a policy lets them.`,
        fix: ({ table }) => `CREATE POLICY … ON ${nameText(table)} … USING (…); -- before, in a migration of its own`,
      },
      {
        id: 'rls-disable',
        when: ({ on }) => !on,
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'warns',
        says: ({ table }, scene) => `Everybody with a grant sees all rows of ${sized(table, scene)}.`,
        fix: 'Make sure that no code relied on the policies.',
      },
    ],
  ),
  ...rules(
    ['create trigger'],
    [
      {
        id: 'trigger-lock',
        phase: 'expand',
        firm: ({ table, name }, scene) => isFresh({ what: 'trigger', name: { schema: null, name }, of: table }, scene),
        lock: 'SHARE ROW EXCLUSIVE',
        harm: 'warns',
        says: ({ table, name }, scene) =>
          `Writes to ${sized(table, scene)} queue for an instant, and then run \`${name}\`, those of old code too.`,
        fix: 'Make sure that the function works for what old code writes.',
      },
    ],
  ),
  ...rules(
    ['switch trigger'],
    [
      {
        id: 'trigger-lock',
        phase: ({ on }) => (on ? 'expand' : 'contract'),
        lock: 'SHARE ROW EXCLUSIVE',
        harm: 'warns',
        says: ({ table, on }, scene) =>
          `Writes to ${sized(table, scene)} queue for an instant, and run ${on ? 'with' : 'without'} the trigger or rule from then on.`,
        fix: 'Make sure that old code works either way.',
      },
    ],
  ),
  ...rules(['set option'], [{ id: 'set-option', phase: 'neutral', lock: ({ lock }) => lock }]),
];
