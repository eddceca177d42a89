import type { Node } from 'libpg-query';
import type { Action, Thing } from './action.ts';
import type { Volatility } from './facts.ts';
import { readCode } from './read-block.ts';
import {
  dropOf,
  movedThing,
  named,
  readCreate,
  readDomainChange,
  readDrop,
  readEnumChange,
  readGrant,
  readRename,
  typesText,
} from './read-object.ts';
import { madeFromQuery, rangesIn, readCalls, readRows, readSelect } from './read-rows.ts';
import { readDatabase, readRole, readSequence } from './read-settings.ts';
import { readAlterTable, readCreateTable, readIndex } from './read-table.ts';
import {
  type Body,
  bodyOf,
  definition,
  nameFrom,
  nameOf,
  optionIsOn,
  stringOf,
  stringsOf,
  type Tag,
  typeOf,
} from './tree.ts';

// Every statement of PostgreSQL, in our words. What is not listed here cannot be judged, so a person must look.

type Reader = (node: Node, sql: string) => Action[] | null;

function on<T extends Tag>(tag: T, read: (statement: Body<T>, sql: string) => Action | Action[]): Reader {
  return (node, sql) => {
    const body = bodyOf(node, tag);
    return body === undefined ? null : [read(body, sql)].flat();
  };
}

const HARMLESS: ReadonlySet<string> = new Set([
  ...['CommentStmt', 'SecLabelStmt', 'NotifyStmt', 'ListenStmt', 'UnlistenStmt', 'DiscardStmt', 'CheckPointStmt'],
  ...['VariableShowStmt', 'ConstraintsSetStmt', 'DeallocateStmt', 'FetchStmt', 'ClosePortalStmt'],
  ...['AlterStatsStmt', 'AlterObjectDependsStmt'],
  ...['AlterDefaultPrivilegesStmt', 'AlterTSDictionaryStmt', 'AlterTSConfigurationStmt', 'AlterEventTrigStmt'],
  ...['AlterFdwStmt', 'AlterForeignServerStmt', 'AlterUserMappingStmt', 'AlterPublicationStmt', 'LoadStmt'],
  ...['AlterExtensionStmt', 'AlterExtensionContentsStmt'],
  ...['AlterOperatorStmt', 'AlterTypeStmt', 'AlterCollationStmt', 'AlterDatabaseRefreshCollStmt', 'AlterOpFamilyStmt'],
]);

const ALONE: Readonly<Record<string, string>> = {
  CreatedbStmt: 'CREATE DATABASE',
  AlterSystemStmt: 'ALTER SYSTEM',
  CreateTableSpaceStmt: 'CREATE TABLESPACE',
  DropTableSpaceStmt: 'DROP TABLESPACE',
  CreateSubscriptionStmt: 'CREATE SUBSCRIPTION',
  AlterSubscriptionStmt: 'ALTER SUBSCRIPTION',
};

/** `LockStmt.mode` counts from 1 in this order (lockdefs.h). */
const LOCK_MODES = [
  ...['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE'],
  ...['SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'],
];

const READERS: readonly Reader[] = [
  on('CreateStmt', readCreateTable),
  on('AlterTableStmt', readAlterTable),
  on('IndexStmt', readIndex),
  on('CreateForeignTableStmt', ({ base }) => readCreateTable(base ?? {})),
  on('CreateTableAsStmt', ({ into, objtype, query, if_not_exists: unlessThere = false }, sql) => {
    const table = nameOf(into?.rel);
    const does = query && !into?.skipData ? readStatement(query, sql) : [];
    if (objtype !== 'OBJECT_MATVIEW') {
      return [madeFromQuery(table, into?.rel?.relpersistence === 't', unlessThere), ...does];
    }
    const thing: Thing = { what: 'materialized view', name: table, of: null };
    return [
      { kind: 'create', thing, unlessThere, replace: false, tightens: false, slow: !into?.skipData, standsFor: null },
      ...does,
    ];
  }),
  on('SelectStmt', readSelect),
  ...(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'] as const).map((tag): Reader => {
    return node => (tag in node ? readRows(node) : null);
  }),
  on('DeclareCursorStmt', ({ query }, sql) => (query ? readStatement(query, sql) : [])),
  on('CopyStmt', ({ relation, query, is_from, is_program, filename }, sql) => {
    if (is_program) return { kind: 'dynamic', how: `COPY ${is_from ? 'FROM' : 'TO'} PROGRAM` };
    if (!is_from) return query ? readStatement(query, sql) : { kind: 'harmless' };
    if (!filename) return { kind: 'unparsed', message: 'COPY FROM stdin: a migration has no input to copy from' };
    return { kind: 'insert', table: nameOf(relation), slow: true };
  }),
  on('TruncateStmt', ({ relations }) => rangesIn(relations).map((table): Action => ({ kind: 'truncate', table }))),
  on('LockStmt', ({ relations, mode = 8 }) =>
    rangesIn(relations).map(
      (table): Action => ({ kind: 'lock table', table, mode: LOCK_MODES[mode - 1] ?? 'ACCESS EXCLUSIVE' }),
    ),
  ),
  on('RefreshMatViewStmt', ({ relation, concurrent = false }) => ({
    kind: 'refresh view',
    table: nameOf(relation),
    concurrently: concurrent,
  })),
  on('ReindexStmt', ({ kind, relation, name, params }) => {
    const concurrently = optionIsOn(params, 'concurrently');
    const what = (kind ?? '').replace('REINDEX_OBJECT_', '');
    const table = relation ? nameOf(relation) : { schema: null, name: name ?? 'the database' };
    const action: Action = { kind: 'reindex', table, what, concurrently };
    return what === 'TABLE' || what === 'INDEX' ? action : [{ kind: 'alone', what: `REINDEX ${what}` }, action];
  }),
  on('VacuumStmt', ({ is_vacuumcmd, options, rels = [] }) => {
    if (!is_vacuumcmd) return { kind: 'harmless' };
    const tables = rels.map(rel => nameOf(bodyOf(rel, 'VacuumRelation')?.relation));
    const full = optionIsOn(options, 'full');
    const rewrites = (full && tables.length === 0 ? [{ schema: null, name: 'every table' }] : full ? tables : []).map(
      (table): Action => ({ kind: 'rewrite storage', table, how: 'VACUUM FULL' }),
    );
    return [{ kind: 'alone', what: 'VACUUM' }, ...rewrites];
  }),
  on('ClusterStmt', ({ relation }) => {
    if (relation) return { kind: 'rewrite storage', table: nameOf(relation), how: 'CLUSTER' };
    const table = { schema: null, name: 'every clustered table' };
    return [
      { kind: 'alone', what: 'CLUSTER of every table' },
      { kind: 'rewrite storage', table, how: 'CLUSTER' },
    ];
  }),
  on('AlterTableMoveAllStmt', ({ orig_tablespacename }) => ({
    kind: 'rewrite storage',
    table: { schema: null, name: `everything in tablespace ${orig_tablespacename}` },
    how: 'SET TABLESPACE',
  })),
  on('CreateTrigStmt', ({ relation, trigname, replace = false }) => ({
    kind: 'create trigger',
    table: nameOf(relation),
    name: trigname ?? '',
    replace,
  })),
  on('DropStmt', readDrop),
  on('DropdbStmt', ({ dbname, missing_ok: ifThere = false }) => dropOf(named('database', dbname), { ifThere })),
  on('DropRoleStmt', ({ roles, missing_ok: ifThere = false }) =>
    rangesIn(roles).map(({ name }) => dropOf(named('role', name), { ifThere })),
  ),
  on('DropOwnedStmt', ({ roles }) =>
    rangesIn(roles).map(({ name }) => dropOf(named('table', `everything of ${name}`), { cascade: true })),
  ),
  on('DropSubscriptionStmt', ({ subname }) => ({ kind: 'alone', what: `DROP SUBSCRIPTION ${subname}` })),
  on('RenameStmt', readRename),
  on('AlterObjectSchemaStmt', ({ objectType, relation, object, newschema }) => ({
    kind: 'set schema',
    thing: movedThing(objectType, relation, object),
    to: newschema ?? '',
  })),
  on('AlterOwnerStmt', ({ objectType, relation, object }) => ({
    kind: 'change owner',
    thing: movedThing(objectType, relation, object),
  })),
  on('ReassignOwnedStmt', ({ roles }) =>
    rangesIn(roles).map(
      ({ name }): Action => ({ kind: 'change owner', thing: named('other', `everything of ${name}`) }),
    ),
  ),
  on('AlterSeqStmt', readSequence),
  on('AlterRoleStmt', readRole),
  on('AlterRoleSetStmt', ({ role, setstmt }) => ({
    kind: 'change settings',
    thing: named('role', role?.rolename ?? 'ALL'),
    how: setstmt?.name ?? 'ALL',
  })),
  on('AlterDatabaseStmt', ({ dbname, options }) => readDatabase(dbname, options)),
  on('AlterDatabaseSetStmt', ({ dbname, setstmt }) => ({
    kind: 'change settings',
    thing: named('database', dbname),
    how: setstmt?.name ?? 'ALL',
  })),
  on('GrantStmt', readGrant),
  on('GrantRoleStmt', ({ is_grant, granted_roles = [] }) => {
    if (is_grant) return { kind: 'harmless' };
    return granted_roles.map(
      (role): Action => ({ kind: 'revoke', thing: named('role', bodyOf(role, 'AccessPriv')?.priv_name) }),
    );
  }),
  on('AlterEnumStmt', readEnumChange),
  on('CreateDomainStmt', ({ domainname, typeName, constraints = [] }) => {
    const kinds = new Set(constraints.map(node => bodyOf(node, 'Constraint')?.contype));
    return {
      kind: 'create domain',
      thing: { what: 'domain', name: nameFrom(stringsOf(domainname)), of: null },
      base: typeOf(typeName),
      constrained: kinds.has('CONSTR_CHECK') || kinds.has('CONSTR_NOTNULL'),
      required: kinds.has('CONSTR_NOTNULL') && !kinds.has('CONSTR_DEFAULT'),
    };
  }),
  on('AlterDomainStmt', readDomainChange),
  on('CreateFunctionStmt', ({ funcname, replace = false, options, parameters, sql_body }, sql) => ({
    kind: 'define function',
    thing: { what: 'function', name: nameFrom(stringsOf(funcname)), of: null, takes: takenBy(parameters) },
    replace,
    volatility: volatilityIn(options),
    does: () => (sql_body ? readAtomic(sql_body, sql) : readCode(options, sql, readStatement)),
  })),
  on('AlterFunctionStmt', ({ func }) => ({
    kind: 'replace',
    thing: { what: 'function', name: nameFrom(stringsOf(func?.objname)), of: null },
  })),
  on('AlterPolicyStmt', ({ policy_name, table }) => ({
    kind: 'replace',
    thing: named('policy', policy_name, nameOf(table)),
  })),
  on('CreateSchemaStmt', ({ schemaname, if_not_exists: unlessThere = false, schemaElts = [] }, sql) => {
    const thing = named('schema', schemaname);
    const schema: Action = {
      kind: 'create',
      thing,
      unlessThere,
      replace: false,
      tightens: false,
      slow: false,
      standsFor: null,
    };
    return [schema, ...schemaElts.flatMap(element => readStatement(element, sql))];
  }),
  on('DoStmt', ({ args }, sql) => readCode(args, sql, readStatement)),
  on('CallStmt', ({ funccall = {} }) => readCalls({ FuncCall: funccall })),
  on('ReturnStmt', ({ returnval }) => (returnval ? readRows(returnval) : [])),
  on('PrepareStmt', ({ query }, sql) => (query ? readStatement(query, sql) : [])),
  on('ExecuteStmt', ({ name }) => ({ kind: 'dynamic', how: `EXECUTE ${name}` })),
  on('ExplainStmt', ({ options, query }, sql) =>
    query && definition(options, 'analyze') ? readStatement(query, sql) : { kind: 'harmless' },
  ),
  on('VariableSetStmt', ({ name, args = [], kind }) => {
    const values = kind === 'VAR_SET_VALUE' ? stringsOf(args) : [];
    if (name === 'search_path' || kind === 'VAR_RESET_ALL') return { kind: 'search path', path: values };
    if (name === 'role' || name === 'session_authorization') return { kind: 'role' };
    const [zone] = values;
    return name === 'timezone' && zone !== undefined ? { kind: 'time zone', zone } : { kind: 'harmless' };
  }),
  on('TransactionStmt', ({ kind }) => {
    if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') return { kind: 'start of transaction' };
    // It takes a SET back too.
    if (kind === 'TRANS_STMT_ROLLBACK_TO') return { kind: 'search path', path: null };
    const ends = kind === 'TRANS_STMT_COMMIT' || kind === 'TRANS_STMT_ROLLBACK' || kind === 'TRANS_STMT_PREPARE';
    return { kind: ends ? 'end of transaction' : 'harmless' };
  }),
  node => readCreate(node),
];

/** What a statement does, in order; its own text is needed for code inside it. Empty when it does nothing to a schema. */
export function readStatement(node: Node, sql: string): Action[] {
  const tag = Object.keys(node)[0] ?? '';
  if (HARMLESS.has(tag)) return [{ kind: 'harmless' }];
  const alone = ALONE[tag];
  if (alone) return [{ kind: 'alone', what: alone }];
  for (const read of READERS) {
    const actions = read(node, sql);
    if (actions) return actions;
  }
  return [{ kind: 'dynamic', how: `a statement that is not known here (${tag})` }];
}

/** `BEGIN ATOMIC … END` of a function: lists of statements. */
function readAtomic(body: Node, sql: string): Action[] {
  const list = bodyOf(body, 'List');
  return list ? (list.items ?? []).flatMap(item => readAtomic(item, sql)) : readStatement(body, sql);
}

/** The types of what a call gives. */
function takenBy(parameters: readonly Node[] = []): string {
  const given = parameters.flatMap(node => {
    const { mode, argType } = bodyOf(node, 'FunctionParameter') ?? {};
    return mode === 'FUNC_PARAM_OUT' || mode === 'FUNC_PARAM_TABLE' ? [] : [argType];
  });
  return typesText(given);
}

function volatilityIn(options: readonly Node[] | undefined): Volatility {
  const said = stringOf(definition(options, 'volatility')?.arg);
  return said === 'immutable' || said === 'stable' ? said : 'volatile';
}
