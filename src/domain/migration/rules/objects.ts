import type { Action, ActionOf, StandsFor, Thing, What } from '../action.ts';
import type { Known } from '../known.ts';
import { isMadeAnew, isReplaced } from '../replaced.ts';
import { isFresh, type Lock, type Rule, type RuleRow, rules, type Scene, sized, thingText } from '../rule.ts';
import type { Name } from '../tree.ts';
import { nameText, quoted } from '../words.ts';

// Objects by name: DROP, RENAME, CREATE, and who may use them.

/** The names of the reference's rules where they are not the object's own. */
const SHORT: Partial<Record<What, string>> = { 'materialized view': 'matview', 'event trigger': 'event-trigger' };
const short = (what: What): string => SHORT[what] ?? what;

/** Tables and what belongs to them are locked; types, functions and schemas nobody waits for. */
const TABLES: ReadonlySet<What> = new Set(['table', 'view', 'materialized view', 'sequence']);
const lockOn = ({ thing }: { thing: Thing }): Lock | null =>
  thing.of || TABLES.has(thing.what) ? 'ACCESS EXCLUSIVE' : null;

type Drop = ActionOf<'drop'>;

const isGone = ({ thing, ifThere }: Drop, { known }: Scene): boolean => ifThere && known.isAbsent(thing);

const table = ({ thing }: { thing: Thing }, scene: Scene): string => {
  const of = thing.what === 'index' ? scene.known.tableOf(thing.name.name)?.key.split('.').at(-1) : null;
  return of ? sized({ schema: null, name: of }, scene) : 'its table';
};

const lostWith = ({ thing, cascade }: Drop, scene: Scene): string => {
  const name =
    thing.what === 'table' || thing.what === 'materialized view' ? sized(thing.name, scene) : thingText(thing);
  return `${name}${cascade ? ', and everything that depends on it,' : ''}`;
};

type When<A> = (action: A, scene: Scene) => boolean;

const changed = <A extends Action & { thing: Thing }>(when: When<A>): RuleRow<A> => ({
  id: 'replace-object',
  when,
  phase: 'expand',
  firm: false,
  harm: 'warns',
  says: ({ thing }) => `Old code uses ${thingText(thing)} as well: it meets the new version at once.`,
  fix: 'Make sure that it still does what old code expects, or give the new one a new name.',
});

const changedPolicy = <A extends Action & { thing: Thing }>(when: When<A>): RuleRow<A> => ({
  id: 'change-policy',
  when: (action, scene) => action.thing.what === 'policy' && when(action, scene),
  phase: 'contract',
  lock: 'ACCESS EXCLUSIVE',
  harm: 'breaks',
  says: ({ thing }) => `The policy ${thingText(thing)} changes: it may hide rows that old code sees.`,
  fix: 'Make a new policy beside it for new code; change this one in a contract migration.',
});

const dropping = rules(
  ['drop'],
  [
    {
      id: 'idx-drop-nonconcurrent',
      when: (action, scene) => action.thing.what === 'index' && !action.concurrently && !isGone(action, scene),
      phase: 'contract',
      lock: 'ACCESS EXCLUSIVE',
      harm: 'blocks',
      says: (action, scene) =>
        `Every query on ${table(action, scene)} queues behind it; queries of old code that need ${thingText(action.thing)} become slow.`,
      fix: ({ thing }) =>
        `-- no-transaction, in a migration of its own:\nDROP INDEX CONCURRENTLY ${nameText(thing.name)};`,
    },
    {
      id: 'idx-drop-concurrent',
      when: ({ thing, concurrently }) => thing.what === 'index' && concurrently,
      phase: 'contract',
      lock: 'SHARE UPDATE EXCLUSIVE',
    },
    {
      id: 'drop-database',
      when: ({ thing }) => thing.what === 'database',
      phase: 'contract',
      harm: 'fails',
      says: ({ thing }) => `Destroys the whole database ${thingText(thing)}. A migration never does that.`,
      fix: 'Leave it out; drop databases by hand.',
    },
    { ...changed<Drop>((action, scene) => !isGone(action, scene) && isReplaced(action, scene)), lock: lockOn },
    changedPolicy<Drop>((action, scene) => !isGone(action, scene) && isMadeAnew(action, scene)),
    {
      id: ({ thing }) => `drop-${short(thing.what)}`,
      when: (action, scene) =>
        !NOT_MISSED.has(action.thing.what) &&
        !isGone(action, scene) &&
        !isReplaced(action, scene) &&
        !(action.thing.what === 'policy' && isMadeAnew(action, scene)),
      phase: 'contract',
      // With its type a column goes too.
      lock: ({ thing, cascade }) => (thing.what === 'type' && cascade ? 'ACCESS EXCLUSIVE' : lockOn({ thing })),
      harm: 'breaks',
      says: (action, scene) =>
        REMADE.has(action.thing.what) && isMadeAnew(action, scene)
          ? `${thingText(action.thing)} is made anew, and nobody can see here that it has all that old code uses of it.`
          : `${lostWith(action, scene)} is gone for good; old code that uses it fails.`,
      fix: 'First deploy code that does not use it; drop it in a contract migration, after old code is gone.',
    },
  ],
);

/** Said by a rule of its own, or missed by no code. */
const NOT_MISSED: ReadonlySet<What> = new Set(['index', 'constraint', 'database', 'statistics']);

/** Nothing is lost with these but what they are. */
const REMADE: ReadonlySet<What> = new Set(['view', 'function']);

type Move = ActionOf<'rename'> | ActionOf<'set schema'>;

/** The accepted way to rename: a view under the old name, in the same transaction, for old code. */
function keepsOldName(move: Move, { known, later, transaction }: Scene): boolean {
  const isStandIn = (action: Action) =>
    action.kind === 'create' && action.standsFor !== null && standsIn(action.thing.name, action.standsFor, move, known);
  return transaction !== null && move.thing.what === 'table' && later().some(isStandIn);
}

/** `known` is from before the move. */
function standsIn(view: Name, { table: shown, columns }: StandsFor, { kind, thing, to }: Move, known: Known): boolean {
  const { key, known: isListed, columns: all } = known.relation(thing.name);
  if (known.relation(view).key !== key) return false;
  const names = kind === 'rename' ? [thing.name, view, shown] : [thing.name, view];
  const isSaidAlike = new Set(names.map(({ schema }) => schema)).size === 1;
  if (!isSaidAlike && !names.every(name => known.isSure(name))) return false;
  const isWhole = columns === null || (isListed && columns.join('\n') === [...all.keys()].join('\n'));
  return isWhole && (kind === 'rename' ? isRenamed(shown) : shown.name === thing.name.name && shown.schema === to);

  function isRenamed(name: Name): boolean {
    if (name.name !== to) return false;
    const there = known.relation(name);
    // Further down the search path it is found there, if nothing of its new name comes before.
    return there.key === `${key.split('.')[0]}.${to}` || (isSaidAlike && !there.known);
  }
}

/** Names that code does not say. */
const UNNAMED: ReadonlySet<What> = new Set(['index', 'constraint', 'trigger', 'policy', 'rule', 'statistics']);

const RENAMED: Partial<Record<What, string>> = {
  view: 'rename-table',
  'materialized view': 'rename-table',
  domain: 'rename-type',
};

const breaksSomeone = 'Before the release old code fails, after it new code: there is no moment at which both work.';

function movedRows<A extends Move>(id: RuleRow<A>['id'], fix: RuleRow<A>['fix'] & {}): RuleRow<A>[] {
  const isNamed = ({ thing }: A) => !UNNAMED.has(thing.what);
  return [
    {
      id,
      when: (action, scene) => isNamed(action) && !keepsOldName(action, scene),
      phase: 'contract',
      lock: lockOn,
      harm: 'breaks',
      noSafePhase: true,
      says: ({ thing, to }) => `${thingText(thing)} becomes \`${to}\`. ${breaksSomeone}`,
      fix,
    },
    { id: 'rename-with-view', when: keepsOldName, phase: 'expand', lock: 'ACCESS EXCLUSIVE' },
    {
      id: ({ thing }) => `rename-${short(thing.what)}`,
      when: action => !isNamed(action),
      phase: 'neutral',
      lock: ({ thing }) => (thing.what === 'index' ? 'SHARE UPDATE EXCLUSIVE' : lockOn({ thing })),
    },
  ];
}

function newName({ thing, to }: Move): string {
  const [before, after] = [nameText(thing.name), nameText({ schema: thing.name.schema, name: to })];
  return thing.what === 'table'
    ? `BEGIN;\nALTER TABLE ${before} RENAME TO ${quoted(to)};\nCREATE VIEW ${before} AS SELECT * FROM ${after}; -- until old code is gone\nCOMMIT;`
    : `Add ${after} beside it, write both, let new code use it, and drop ${thingText(thing)} in a contract migration.`;
}

const moving = [
  ...rules(
    ['rename'],
    movedRows<ActionOf<'rename'>>(({ thing }) => RENAMED[thing.what] ?? `rename-${short(thing.what)}`, newName),
  ),
  ...rules(
    ['set schema'],
    movedRows<ActionOf<'set schema'>>(
      'set-schema',
      ({ thing, to }) =>
        `BEGIN;\nALTER TABLE ${nameText(thing.name)} SET SCHEMA ${quoted(to)};\nCREATE VIEW ${nameText(thing.name)} AS SELECT * FROM ${nameText({ schema: to, name: thing.name.name })}; -- until old code is gone\nCOMMIT;`,
    ),
  ),
  ...rules(
    ['rename enum value'],
    [
      {
        id: 'rename-enum-value',
        phase: 'contract',
        harm: 'breaks',
        noSafePhase: true,
        says: ({ thing, from, to }) => `'${from}' of ${thingText(thing)} becomes '${to}'. ${breaksSomeone}`,
        fix: ({ thing, to }) =>
          `ALTER TYPE ${nameText(thing.name)} ADD VALUE '${to.replaceAll("'", "''")}';\n-- let new code write it, change old rows in batches, and stop using the old one`,
      },
    ],
  ),
];

/** Something of that name may be there already, and old code uses it. */
const replaces = ({ thing, replace }: { thing: Thing; replace: boolean }, { known }: Scene): boolean =>
  replace && !known.isAbsent(thing) && !known.isNew(thing);

const making = [
  ...rules(
    ['create'],
    [
      {
        id: ({ thing }) => `create-${short(thing.what)}`,
        phase: 'expand',
        firm: ({ thing }, scene) => isFresh(thing, scene),
        lock: ({ thing }) => (thing.of ? lockOn({ thing }) : null),
      },
      changed<ActionOf<'create'>>(replaces),
      {
        id: 'rls-enable',
        when: ({ thing, tightens }, { known }) => tightens && !(thing.of && known.relation(thing.of).isNew),
        phase: 'contract',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'breaks',
        says: ({ thing }) => `The restrictive policy ${thingText(thing)} hides rows that old code sees.`,
        fix: 'Do it in a contract migration, after old code is gone.',
      },
      {
        id: 'trigger-lock',
        when: ({ thing }, { known }) => thing.what === 'rule' && !(thing.of && known.relation(thing.of).isNew),
        phase: 'expand',
        lock: 'ACCESS EXCLUSIVE',
        harm: 'warns',
        says: ({ thing }) => `The rule ${thingText(thing)} changes what statements of old code do.`,
        fix: 'Make sure that old code works with it.',
      },
    ],
  ),
  ...rules(
    ['define function'],
    [
      {
        id: 'create-function',
        phase: 'expand',
        firm: ({ thing, replace }, scene) => !replace && isFresh(thing, scene),
      },
      changed<ActionOf<'define function'>>(replaces),
    ],
  ),
  ...rules(
    ['replace'],
    [
      changed<ActionOf<'replace'>>(({ thing }) => thing.what !== 'policy'),
      changedPolicy<ActionOf<'replace'>>(() => true),
    ],
  ),
];

const owning = [
  ...rules(
    ['revoke'],
    [
      {
        id: 'revoke',
        phase: 'contract',
        harm: 'breaks',
        says: ({ thing }) => `Old code may lose its access to ${thingText(thing)}.`,
        fix: 'Do it in a contract migration, after old code is gone.',
      },
    ],
  ),
  ...rules(
    ['change owner'],
    [
      {
        id: 'owner-change',
        phase: 'contract',
        lock: lockOn,
        harm: 'breaks',
        says: ({ thing }) => `Whoever owned ${thingText(thing)} may lose rights to it.`,
        fix: 'GRANT what old code needs first.',
      },
    ],
  ),
];

export const objectRules: Rule[] = [...dropping, ...moving, ...making, ...owning];
