import type {
  AlterDomainStmt,
  AlterEnumStmt,
  DropStmt,
  GrantStmt,
  Node,
  ObjectType,
  RangeVar,
  RenameStmt,
  SelectStmt,
  TypeName,
  ViewStmt,
} from 'libpg-query';
import type { Action, ActionOf, Shows, StandsFor, Thing, What } from './action.ts';
import { bodyOf, columnOf, type Name, nameFrom, nameOf, nameParts, stringsOf, typeOf } from './tree.ts';
import { typeText } from './words.ts';

// DROP, RENAME, SET SCHEMA, OWNER TO: what they act on, in our words.

/** Postgres's kinds of objects as ours; what no migration of an app touches is `other`. */
export const WHAT: Partial<Record<ObjectType, What>> = {
  OBJECT_TABLE: 'table',
  OBJECT_FOREIGN_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_INDEX: 'index',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
  OBJECT_OPERATOR: 'function',
  OBJECT_CAST: 'function',
  OBJECT_LANGUAGE: 'extension',
  OBJECT_TYPE: 'type',
  OBJECT_COLLATION: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_SCHEMA: 'schema',
  OBJECT_EXTENSION: 'extension',
  OBJECT_TRIGGER: 'trigger',
  OBJECT_POLICY: 'policy',
  OBJECT_RULE: 'rule',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_DOMCONSTRAINT: 'constraint',
  OBJECT_COLUMN: 'column',
  OBJECT_ATTRIBUTE: 'column',
  OBJECT_ROLE: 'role',
  OBJECT_DATABASE: 'database',
  OBJECT_EVENT_TRIGGER: 'event trigger',
  OBJECT_PUBLICATION: 'publication',
  OBJECT_SUBSCRIPTION: 'subscription',
  OBJECT_FOREIGN_SERVER: 'server',
  OBJECT_FDW: 'server',
  OBJECT_USER_MAPPING: 'server',
  OBJECT_STATISTIC_EXT: 'statistics',
};

const ON_A_TABLE: ReadonlySet<What> = new Set(['trigger', 'policy', 'rule']);

/** The object, and its table where the grammar puts that before its name: `{ t, trigger }`. */
function thingOf(type: ObjectType | undefined, object: Node | undefined): Thing {
  const what = (type && WHAT[type]) ?? 'other';
  const parts = nameParts(object);
  if (what === 'function') return { what, name: nameFrom(parts), of: null, ...takenBy(object) };
  if (!ON_A_TABLE.has(what)) return { what, name: nameFrom(parts), of: null };
  return { what, name: nameFrom(parts.slice(-1)), of: nameFrom(parts.slice(0, -1)) };
}

function takenBy(object: Node | undefined): Pick<Thing, 'takes'> {
  const { objargs = [], args_unspecified: isUnsaid } = bodyOf(object, 'ObjectWithArgs') ?? { args_unspecified: true };
  return isUnsaid ? {} : { takes: typesText(objargs.map(type => bodyOf(type, 'TypeName'))) };
}

/** Types of arguments as one text; it has no lengths, as Postgres has none there. */
export function typesText(types: readonly (TypeName | undefined)[]): string {
  return types.map(type => typeText({ ...(typeOf(type) ?? UNREAD), mods: [] })).join(', ');
}

const UNREAD = { schema: null, name: '?', array: false };

export function readDrop(statement: DropStmt): Action[] {
  return (statement.objects ?? []).map(object =>
    dropOf(thingOf(statement.removeType, object), {
      cascade: statement.behavior === 'DROP_CASCADE',
      concurrently: statement.concurrent ?? false,
      ifThere: statement.missing_ok ?? false,
    }),
  );
}

/** DROP of one thing; what is left out is not said. */
export function dropOf(thing: Thing, said: Partial<Omit<ActionOf<'drop'>, 'kind' | 'thing'>> = {}): Action {
  return { kind: 'drop', thing, cascade: false, concurrently: false, ifThere: false, ...said };
}

export function readRename(statement: RenameStmt): Action {
  const what = (statement.renameType && WHAT[statement.renameType]) ?? 'other';
  return { kind: 'rename', thing: renamed(what, statement), to: statement.newname ?? '' };
}

function renamed(what: What, { relation, object, subname = '' }: RenameStmt): Thing {
  const sub: Name = { schema: null, name: subname };
  if (what === 'column' || what === 'constraint' || ON_A_TABLE.has(what)) {
    return { what, name: sub, of: relation ? nameOf(relation) : nameFrom(nameParts(object)) };
  }
  if (relation) return { what, name: nameOf(relation), of: null };
  return { what, name: object ? nameFrom(nameParts(object)) : sub, of: null };
}

export function movedThing(
  type: ObjectType | undefined,
  relation: RangeVar | undefined,
  object: Node | undefined,
): Thing {
  if (relation) return { what: (type && WHAT[type]) ?? 'other', name: nameOf(relation), of: null };
  return thingOf(type, object);
}

export function readEnumChange({ typeName, oldVal, newVal = '' }: AlterEnumStmt): Action {
  const thing: Thing = { what: 'type', name: nameFrom(stringsOf(typeName)), of: null };
  return oldVal
    ? { kind: 'rename enum value', thing, from: oldVal, to: newVal }
    : { kind: 'add enum value', thing, value: newVal };
}

/** `subtype`: C and O tighten, X and N loosen, V validates, T changes the default (`AlterDomainStmt`). */
export function readDomainChange({ subtype, typeName, def }: AlterDomainStmt): Action {
  const thing: Thing = { what: 'domain', name: nameFrom(stringsOf(typeName)), of: null };
  if (subtype === 'C' || subtype === 'O') {
    const notValid = bodyOf(def, 'Constraint')?.skip_validation ?? false;
    return { kind: 'tighten domain', thing, notValid };
  }
  return subtype === 'X' || subtype === 'N' ? { kind: 'loosen domain', thing } : { kind: 'harmless' };
}

export function readGrant({ is_grant, objtype, objects = [] }: GrantStmt): Action[] {
  if (is_grant) return [{ kind: 'harmless' }];
  return objects.map(object => ({ kind: 'revoke', thing: thingOf(objtype, object) }));
}

type Made = {
  thing: Thing;
  unlessThere?: boolean;
  replace?: boolean;
  tightens?: boolean;
  standsFor?: StandsFor | null;
  shows?: Shows;
};

/** CREATE of what old code does not know yet; null for anything else. */
export function readCreate(node: Node): Action[] | null {
  const made = madeBy(node);
  if (!made) return null;
  const { thing, unlessThere = false, replace = false, tightens = false, standsFor = null, ...more } = made;
  return [{ kind: 'create', thing, unlessThere, replace, tightens, slow: false, standsFor, ...more }];
}

/** A thing that has no schema of its own. */
export const named = (what: What, name: string | undefined, of: Name | null = null): Thing => ({
  what,
  name: { schema: null, name: name ?? '' },
  of,
});

function madeBy(node: Node): Made | null {
  if ('ViewStmt' in node) {
    const { view, replace = false } = node.ViewStmt;
    const thing: Thing = { what: 'view', name: nameOf(view), of: null };
    return { thing, replace, standsFor: shownBy(node.ViewStmt), shows: columnsOf(node.ViewStmt) };
  }
  if ('CreateSeqStmt' in node) {
    const { sequence, if_not_exists: unlessThere = false } = node.CreateSeqStmt;
    return { thing: { what: 'sequence', name: nameOf(sequence), of: null }, unlessThere };
  }
  if ('CreateExtensionStmt' in node) {
    const { extname, if_not_exists: unlessThere = false } = node.CreateExtensionStmt;
    return { thing: named('extension', extname), unlessThere };
  }
  if ('CreateEnumStmt' in node) return { thing: typeNamed(node.CreateEnumStmt.typeName) };
  if ('CreateRangeStmt' in node) return { thing: typeNamed(node.CreateRangeStmt.typeName) };
  if ('CompositeTypeStmt' in node) {
    return { thing: { what: 'type', name: nameOf(node.CompositeTypeStmt.typevar), of: null } };
  }
  if ('DefineStmt' in node) {
    const { kind, defnames, replace = false } = node.DefineStmt;
    return { thing: { what: (kind && WHAT[kind]) ?? 'other', name: nameFrom(stringsOf(defnames)), of: null }, replace };
  }
  if ('CreatePolicyStmt' in node) {
    const { policy_name, table, permissive = false } = node.CreatePolicyStmt;
    return { thing: named('policy', policy_name, nameOf(table)), tightens: !permissive };
  }
  if ('RuleStmt' in node) {
    const { rulename, relation, replace = false } = node.RuleStmt;
    return { thing: named('rule', rulename, nameOf(relation)), replace };
  }
  if ('CreateRoleStmt' in node) return { thing: named('role', node.CreateRoleStmt.role) };
  if ('CreateEventTrigStmt' in node) return { thing: named('event trigger', node.CreateEventTrigStmt.trigname) };
  if ('CreatePublicationStmt' in node) return { thing: named('publication', node.CreatePublicationStmt.pubname) };
  if ('CreateForeignServerStmt' in node) return { thing: named('server', node.CreateForeignServerStmt.servername) };
  if ('CreateStatsStmt' in node) return { thing: named('statistics', stringsOf(node.CreateStatsStmt.defnames).at(-1)) };
  return OTHERS.some(tag => tag in node) ? { thing: named('other', '') } : null;
}

/** The table of `CREATE VIEW v AS SELECT * FROM t`, or of one that lists columns, when it says no more than that. */
function shownBy({ aliases, options = [], query, view, withCheckOption }: ViewStmt): StandsFor | null {
  const select = bodyOf(query, 'SelectStmt');
  const isPlain = view?.relpersistence === 'p' && !aliases && withCheckOption === 'NO_CHECK_OPTION';
  // With the rights of who asks, as the table itself.
  const isOpen = options.every(option => bodyOf(option, 'DefElem')?.defname === 'security_invoker');
  if (!select || !isPlain || !isOpen || select.op !== 'SETOP_NONE') return null;
  const { targetList = [], fromClause = [], limitOption, op, ...more } = select;
  const from = bodyOf(fromClause[0], 'RangeVar');
  if (!from?.inh || from.alias?.colnames || fromClause.length !== 1 || Object.keys(more).length > 0) return null;
  const table = nameOf(from);
  // With one table `c.*` is `*`.
  if (targetList.length === 1 && isStar(bodyOf(targetList[0], 'ResTarget')?.val)) return { table, columns: null };
  const columns = targetList.flatMap(target => {
    const { name, val } = bodyOf(target, 'ResTarget') ?? {};
    return (name ? null : columnOf(val)) ?? [];
  });
  return columns.length > 0 && columns.length === targetList.length ? { table, columns } : null;
}

/** The first SELECT of a UNION gives it its names. */
function firstOf(query: SelectStmt | undefined): SelectStmt | undefined {
  return query?.larg ? firstOf(query.larg) : query;
}

function columnsOf({ aliases = [], query }: ViewStmt): Shows {
  if (aliases.length > 0) return { names: stringsOf(aliases), allOf: null };
  const { targetList = [], fromClause = [], withClause } = firstOf(bodyOf(query, 'SelectStmt')) ?? {};
  const targets = targetList.map(target => bodyOf(target, 'ResTarget') ?? {});
  const [from] = fromClause;
  const table = fromClause.length === 1 && !withClause ? bodyOf(from, 'RangeVar') : undefined;
  const hasAll = table !== undefined && !table.alias?.colnames && targets.some(({ val }) => isStar(val));
  return {
    names: targets.flatMap(({ name, val }) => name ?? columnOf(val) ?? []),
    allOf: hasAll ? nameOf(table) : null,
  };
}

function isStar(node: Node | undefined): boolean {
  const last = bodyOf(node, 'ColumnRef')?.fields?.at(-1);
  return last !== undefined && 'A_Star' in last;
}

const OTHERS = [
  ...['CreateFdwStmt', 'CreateUserMappingStmt', 'CreateCastStmt', 'CreateOpClassStmt', 'CreateOpFamilyStmt'],
  ...['CreateTransformStmt', 'CreateConversionStmt', 'CreateAmStmt', 'CreatePLangStmt', 'ImportForeignSchemaStmt'],
];

const typeNamed = (names: Node[] | undefined): Thing => ({ what: 'type', name: nameFrom(stringsOf(names)), of: null });
