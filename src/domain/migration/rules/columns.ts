import type { ActionOf } from '../action.ts';
import { isApart, newColumnPasses } from '../old-inserts.ts';
import { provesNotNull } from '../proof.ts';
import { type Phase, type Rule, rules, type Scene, sized } from '../rule.ts';
import { nameText, overIndex, quoted, typeText } from '../words.ts';

// Columns: adding, dropping, defaults and NULLs. Their types are in types.ts.

type Add = ActionOf<'add column'>;

const nullable = ({ table, column }: Add): string =>
  `ALTER TABLE ${nameText(table)} ADD COLUMN ${quoted(column.name)} ${typeText(column.type)};`;

const afterwards = ({ table, column }: Add): string =>
  `-- then in batches, each its own transaction:\nUPDATE ${nameText(table)} SET ${quoted(column.name)} = … WHERE id BETWEEN … AND …;`;

/** A value must come from somewhere, or old code's INSERTs fail. */
const isRequired = (action: Add, scene: Scene): boolean =>
  (action.column.notNull || domainOf(action, scene)?.required === true) && !hasValue(action);
const hasValue = ({ column }: Add) => column.default !== null || column.counter !== null || column.generated !== null;

const domainOf = ({ column }: Add, { known }: Scene) =>
  column.type?.array ? undefined : known.domains.get(column.type?.name ?? '');

const rewrites = (action: Add, scene: Scene): string =>
  `Rewrites ${sized(action.table, scene)} and all its indexes: every query on it waits.`;

function numbered(action: Add): string {
  const { table, column } = action;
  const sequence = nameText({ schema: table.schema, name: `${table.name}_${column.name}_seq` });
  return `${nullable(action)}
CREATE SEQUENCE ${sequence} OWNED BY ${nameText(table)}.${quoted(column.name)};
ALTER TABLE ${nameText(table)} ALTER COLUMN ${quoted(column.name)} SET DEFAULT nextval('${sequence}');
${afterwards(action)}`;
}

/** Rows of old code, which leaves the column out, may be alike there. */
const isAlike = ({ column }: Add): boolean =>
  !isApart(column) && (column.default !== null || column.generated !== null || column.nullsAlike);

const phaseOfKey = (action: Add): Phase => (isAlike(action) ? 'contract' : 'expand');

const builds = (action: Add, scene: Scene): string =>
  `Builds an index on ${sized(action.table, scene)}: every query on it waits.${isAlike(action) ? ' Rows that leave it out, as those of old code do, may get the same value: the second one fails.' : ''}`;

const uniquely = ({ table, column }: Add, kind: 'UNIQUE' | 'PRIMARY KEY'): string =>
  overIndex(kind, table, [column.name], `${table.name}_${column.name}_${kind === 'UNIQUE' ? 'key' : 'pkey'}`);

const adding = rules(
  ['add column'],
  [
    { id: 'add-column', phase: 'expand', lock: 'ACCESS EXCLUSIVE' },
    {
      id: 'addcol-rewrite-volatile-default',
      when: ({ column }, { known }) => column.default !== null && known.isVolatile(column.default),
      phase: 'expand',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'rewrite',
      harm: 'blocks',
      says: (action, scene) => `${rewrites(action, scene)} The default is worked out anew for each row.`,
      fix: action =>
        `${nullable(action)}\nALTER TABLE ${nameText(action.table)} ALTER COLUMN ${quoted(action.column.name)} SET DEFAULT …;\n${afterwards(action)}`,
    },
    {
      id: 'addcol-rewrite-identity',
      when: ({ column }) => column.counter !== null,
      phase: 'expand',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'rewrite',
      harm: 'blocks',
      says: (action, scene) => `${rewrites(action, scene)} Each row gets its number at once.`,
      fix: numbered,
    },
    {
      id: 'addcol-rewrite-generated',
      when: ({ column }) => column.generated === 'stored',
      phase: 'expand',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'rewrite',
      harm: 'blocks',
      says: (action, scene) => `${rewrites(action, scene)} A stored generated column is computed for each row.`,
      fix: action =>
        `-- on PostgreSQL 18 VIRTUAL instead of STORED; else a plain column that a trigger fills:\n${nullable(action)}\n${afterwards(action)}`,
    },
    {
      id: 'addcol-inline-check',
      when: (action, scene) => action.column.checks.length > 0 || (domainOf(action, scene)?.constrained ?? false),
      phase: ({ column }, { known }) =>
        column.checks.every(check => newColumnPasses(column.name, column.default !== null, check, known))
          ? 'expand'
          : 'contract',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table }, scene) => `Reads all of ${sized(table, scene)} to check its rows: every query on it waits.`,
      fix: action =>
        `${nullable(action)}\nALTER TABLE ${nameText(action.table)} ADD CONSTRAINT ${quoted(`${action.column.name}_check`)} CHECK (…) NOT VALID;\n-- in a later migration:\nALTER TABLE ${nameText(action.table)} VALIDATE CONSTRAINT ${quoted(`${action.column.name}_check`)};`,
    },
    {
      id: 'addcol-inline-fk',
      when: ({ column }) => column.references !== null,
      phase: 'expand',
      lock: 'ACCESS EXCLUSIVE',
      harm: 'blocks',
      says: ({ table, column }, scene) =>
        `Locks ${sized(table, scene)} and writes to ${column.references ? sized(column.references, scene) : 'the other table'} together${column.default ? ', while it checks every row' : ''}.`,
      fix: action =>
        `${nullable(action)}\nALTER TABLE ${nameText(action.table)} ADD CONSTRAINT ${quoted(`${action.column.name}_fkey`)} FOREIGN KEY (${quoted(action.column.name)}) REFERENCES ${action.column.references ? nameText(action.column.references) : '…'} NOT VALID;\n-- in a later migration:\nALTER TABLE ${nameText(action.table)} VALIDATE CONSTRAINT ${quoted(`${action.column.name}_fkey`)};`,
    },
    {
      id: 'fk-of-new-table',
      when: ({ table, column: { references } }, { known }) =>
        references !== null && known.relation(table).isNew && !known.relation(references).isNew,
      evenIfNew: true,
      phase: 'expand',
      lock: 'SHARE ROW EXCLUSIVE',
    },
    {
      id: 'unique-builds-index',
      when: ({ column }) => column.unique,
      phase: phaseOfKey,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'index build',
      harm: 'blocks',
      says: builds,
      fix: action => `${nullable(action)}\n${uniquely(action, 'UNIQUE')}`,
    },
    {
      id: 'pk-builds-index',
      when: ({ column }) => column.primary,
      phase: phaseOfKey,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'index build',
      harm: 'blocks',
      says: builds,
      fix: action => `${nullable(action)}\n${afterwards(action)}\n${uniquely(action, 'PRIMARY KEY')}`,
    },
    {
      id: 'required-column',
      when: isRequired,
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'breaks',
      noSafePhase: true,
      says: ({ table, column }, scene) =>
        `\`${column.name}\` needs a value that old code does not give: its INSERTs into ${sized(table, scene)} fail, and so does this on a table with rows.`,
      fix: action =>
        `${nullable(action)}\n-- or with a default that stays: … NOT NULL DEFAULT …\n-- when new code fills it, in a contract migration: CHECK (${quoted(action.column.name)} IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL`,
    },
    {
      id: 'json-column',
      when: ({ column }) => column.type?.name === 'json',
      phase: 'expand',
      harm: 'warns',
      says: ({ table }, scene) =>
        `json cannot be compared: SELECT DISTINCT, UNION and GROUP BY over ${sized(table, scene)} fail.`,
      fix: action => nullable(action).replace(/ json(\[\])?;$/, ' jsonb$1;'),
    },
    {
      id: 'unparsed',
      when: ({ column }, { known }) => column.generated === 'virtual' && (known.facts?.version ?? 180000) < 180000,
      phase: 'expand',
      harm: 'fails',
      says: 'This server is older than PostgreSQL 18 and has no virtual generated columns.',
      fix: 'Compute it in a view or in the code.',
    },
  ],
);

const dropping = rules(
  ['drop column'],
  [
    {
      id: 'drop-column',
      when: ({ table, column }, { known }) => !known.column(table, column)?.isNew,
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      harm: 'breaks',
      says: ({ table, column }, scene) =>
        `Destroys \`${column}\` of ${sized(table, scene)} for good; old code that names it, or caches its columns, fails.`,
      fix: 'First deploy code that does not use it; drop it in a contract migration, after old code is gone.',
    },
  ],
);

type Notnull = ActionOf<'set not null'>;

const columnOf = ({ table, column }: { table: Notnull['table']; column: string }, { known }: Scene) =>
  known.column(table, column);

const isProven = ({ table, column }: Notnull, { known }: Scene): boolean =>
  provesNotNull(known.relation(table), column);

/** Old code fills neither a column that it knows nor a new one without default. */
const tightens = (action: Notnull, scene: Scene): Phase => {
  const column = columnOf(action, scene);
  return column?.isNew && column.hasDefault ? 'expand' : 'contract';
};

const nulls = rules(
  ['set not null'],
  [
    {
      id: 'notnull-scan',
      when: (action, scene) => !columnOf(action, scene)?.notNull && !isProven(action, scene),
      phase: tightens,
      lock: 'ACCESS EXCLUSIVE',
      lasts: 'scan',
      harm: 'blocks',
      says: ({ table, column }, scene) =>
        `Reads all of ${sized(table, scene)} for NULLs: every query on it waits. Old code that writes NULL into \`${column}\` fails.`,
      fix: ({ table, column }) => {
        const [on, check] = [nameText(table), quoted(`${table.name}_${column}_present`)];
        return `ALTER TABLE ${on} ADD CONSTRAINT ${check} CHECK (${quoted(column)} IS NOT NULL) NOT VALID;\n-- then, each in its own migration:\nALTER TABLE ${on} VALIDATE CONSTRAINT ${check};\nALTER TABLE ${on} ALTER COLUMN ${quoted(column)} SET NOT NULL; -- reads nothing now\nALTER TABLE ${on} DROP CONSTRAINT ${check};`;
      },
    },
    {
      id: 'notnull-proven',
      when: (action, scene) => !columnOf(action, scene)?.notNull && isProven(action, scene),
      phase: tightens,
      lock: 'ACCESS EXCLUSIVE',
    },
  ],
);

const loosening = rules(
  ['drop not null'],
  [
    {
      id: 'drop-not-null',
      when: (action, scene) => columnOf(action, scene)?.notNull !== false,
      phase: 'expand',
      firm: false,
      lock: 'ACCESS EXCLUSIVE',
      harm: 'warns',
      says: ({ table, column }, scene) =>
        `New code may write NULLs into \`${column}\` of ${sized(table, scene)} that old code does not expect.`,
      fix: 'Make sure that the code now serving can read a NULL there.',
    },
  ],
);

const defaults = [
  ...rules(['set default'], [{ id: 'default-change', phase: 'expand', firm: false, lock: 'ACCESS EXCLUSIVE' }]),
  ...rules(
    ['drop default'],
    [
      {
        id: 'drop-default',
        when: (action, scene) => {
          const column = columnOf(action, scene);
          const isRequired = column?.notNull === true && column.file !== scene.known.file;
          return column?.hasDefault !== false && (column?.isNew !== true || isRequired);
        },
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'breaks',
        says: ({ table, column }, scene) =>
          `Old code that leaves out \`${column}\` writes NULL into ${sized(table, scene)} from then on, or fails.`,
        fix: 'First deploy code that always gives a value; drop the default in a contract migration.',
      },
      {
        id: 'required-column',
        when: (action, scene) => {
          const column = columnOf(action, scene);
          return column?.isNew === true && column.notNull === true && column.file === scene.known.file;
        },
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'breaks',
        noSafePhase: true,
        says: ({ table, column }, scene) =>
          `\`${column}\` is new, NOT NULL and now without its default: old code's INSERTs into ${sized(table, scene)} fail.`,
        fix: 'Keep the default until old code is gone; drop it in a contract migration.',
      },
    ],
  ),
];

const identities = rules(
  ['change identity'],
  [
    {
      id: 'change-identity',
      when: (action, scene) => columnOf(action, scene)?.isNew !== true,
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      harm: 'breaks',
      says: ({ table, column, how }, scene) =>
        how === 'GENERATED ALWAYS'
          ? `Old code that gives \`${column}\` of ${sized(table, scene)} a value itself fails.`
          : `\`${column}\` of ${sized(table, scene)} is numbered in another way (${how}): INSERTs of old code may fail.`,
      fix: 'GENERATED BY DEFAULT lets old code go on; the rest in a contract migration, after old code is gone.',
    },
    { id: 'set-option', phase: 'neutral', lock: 'ACCESS EXCLUSIVE' },
  ],
);

export const columnRules: Rule[] = [...adding, ...dropping, ...nulls, ...loosening, ...defaults, ...identities];
