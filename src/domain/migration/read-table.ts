import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint as ConstraintNode,
  CreateStmt,
  IndexStmt,
  Node,
} from 'libpg-query';
import type { Action, Column, Constraint, TableAction, Thing } from './action.ts';
import { dropOf, WHAT } from './read-object.ts';
import { identityChanges } from './read-settings.ts';
import { bodyOf, columnsIn, isNull, type Name, nameOf, objectName, stringsOf, typeOf } from './tree.ts';

// CREATE TABLE and every part of ALTER TABLE, in our words.

export function readCreateTable(statement: CreateStmt): Action {
  const elements = statement.tableElts ?? [];
  const columns = elements.flatMap(element => ('ColumnDef' in element ? [readColumn(element.ColumnDef)] : []));
  const constraints = elements.flatMap(element =>
    'Constraint' in element ? [readConstraint(element.Constraint)].filter(found => found !== null) : [],
  );
  const primary = new Set(constraints.flatMap(found => (found.kind === 'primary key' ? found.columns : [])));
  return {
    kind: 'create table',
    table: nameOf(statement.relation),
    unlessThere: statement.if_not_exists ?? false,
    temporary: statement.relation?.relpersistence === 't',
    partitionOf: statement.partbound ? objectName(statement.inhRelations?.[0]) : null,
    columns: columns.map(column => ({ ...column, notNull: column.notNull || primary.has(column.name) })),
    constraints,
    slow: false,
  };
}

export function readAlterTable(statement: AlterTableStmt): Action[] {
  const table = nameOf(statement.relation);
  const what = WHAT[statement.objtype ?? 'OBJECT_TABLE'] ?? 'table';
  const attaches = statement.cmds?.some(node => bodyOf(node, 'AlterTableCmd')?.subtype === 'AT_AttachPartition');
  // An index is attached without looking at rows.
  if (what === 'index' && attaches) return [{ kind: 'harmless' }];
  return (statement.cmds ?? []).flatMap(node =>
    'AlterTableCmd' in node ? readPart(node.AlterTableCmd, { what, name: table, of: null }) : [],
  );
}

function readPart(part: AlterTableCmd, thing: Thing): Action[] {
  if (part.subtype === 'AT_ChangeOwner') return [{ kind: 'change owner', thing }];
  if (part.subtype === 'AT_DropConstraint') {
    const constraint: Thing = { what: 'constraint', name: { schema: null, name: part.name ?? '' }, of: thing.name };
    const cascade = part.behavior === 'DROP_CASCADE';
    return [dropOf(constraint, { cascade, ifThere: part.missing_ok ?? false })];
  }
  return readChange(part).map(change => ({ ...change, table: thing.name }));
}

function readChange(part: AlterTableCmd): TableAction[] {
  const column = part.name ?? '';
  const def = part.def;
  switch (part.subtype) {
    case 'AT_AddColumn':
    case 'AT_AddColumnToView':
      if (!def || !('ColumnDef' in def)) return [];
      return [{ kind: 'add column', column: readColumn(def.ColumnDef), unlessThere: part.missing_ok ?? false }];
    case 'AT_DropColumn':
      return [{ kind: 'drop column', column, ifThere: part.missing_ok ?? false }];
    case 'AT_ColumnDefault':
      // SET DEFAULT NULL is DROP DEFAULT by another name.
      return def && !isNull(def) ? [{ kind: 'set default', column, default: def }] : [{ kind: 'drop default', column }];
    case 'AT_DropIdentity':
    case 'AT_DropExpression':
      return [{ kind: 'drop default', column }];
    case 'AT_AddIdentity':
      return bodyOf(def, 'Constraint')?.generated_when === 'a'
        ? [{ kind: 'change identity', column, how: 'GENERATED ALWAYS' }]
        : [{ kind: 'set option', lock: 'ACCESS EXCLUSIVE' }];
    case 'AT_SetIdentity': {
      const changes = identityChanges(bodyOf(def, 'List')?.items);
      return changes.length > 0
        ? changes.map(how => ({ kind: 'change identity', column, how }))
        : [{ kind: 'set option', lock: 'ACCESS EXCLUSIVE' }];
    }
    case 'AT_SetExpression':
      return [{ kind: 'set generated', column }];
    case 'AT_SetNotNull':
      return [{ kind: 'set not null', column }];
    case 'AT_DropNotNull':
      return [{ kind: 'drop not null', column }];
    case 'AT_AlterColumnType': {
      if (!def || !('ColumnDef' in def)) return [];
      const { typeName, raw_default: using = null, collClause } = def.ColumnDef;
      return [{ kind: 'change type', column, type: typeOf(typeName), using, collated: collClause !== undefined }];
    }
    case 'AT_AddConstraint': {
      const constraint = def && 'Constraint' in def ? readConstraint(def.Constraint) : null;
      return constraint ? [{ kind: 'add constraint', constraint }] : [];
    }
    case 'AT_AlterConstraint': {
      const change = def && 'ATAlterConstraint' in def ? def.ATAlterConstraint : {};
      return change.alterEnforceability && change.is_enforced
        ? [{ kind: 'enforce constraint', name: change.conname ?? '' }]
        : [{ kind: 'set option', lock: 'ACCESS EXCLUSIVE' }];
    }
    case 'AT_ValidateConstraint':
      return [{ kind: 'validate constraint', name: column }];
    case 'AT_AttachPartition':
    case 'AT_DetachPartition': {
      if (!def || !('PartitionCmd' in def)) return [];
      const { name, bound, concurrent = false } = def.PartitionCmd;
      return part.subtype === 'AT_AttachPartition'
        ? [{ kind: 'attach partition', partition: nameOf(name), bound: bound ? { PartitionBoundSpec: bound } : null }]
        : [{ kind: 'detach partition', partition: nameOf(name), concurrently: concurrent }];
    }
    case 'AT_DetachPartitionFinalize':
    case 'AT_DropInherit':
      return [{ kind: 'leave parent' }];
    case 'AT_SetLogged':
      return [{ kind: 'rewrite storage', how: 'SET LOGGED' }];
    case 'AT_SetUnLogged':
      return [{ kind: 'rewrite storage', how: 'SET UNLOGGED' }];
    case 'AT_SetTableSpace':
      return [{ kind: 'rewrite storage', how: 'SET TABLESPACE' }];
    case 'AT_SetAccessMethod':
      return [{ kind: 'rewrite storage', how: 'SET ACCESS METHOD' }];
    case 'AT_EnableRowSecurity':
    case 'AT_ForceRowSecurity':
      return [{ kind: 'row security', on: true }];
    case 'AT_DisableRowSecurity':
    case 'AT_NoForceRowSecurity':
      return [{ kind: 'row security', on: false }];
    case 'AT_EnableTrig':
    case 'AT_EnableAlwaysTrig':
    case 'AT_EnableReplicaTrig':
    case 'AT_EnableTrigAll':
    case 'AT_EnableTrigUser':
    case 'AT_EnableRule':
    case 'AT_EnableAlwaysRule':
    case 'AT_EnableReplicaRule':
      return [{ kind: 'switch trigger', on: true }];
    case 'AT_DisableTrig':
    case 'AT_DisableTrigAll':
    case 'AT_DisableTrigUser':
    case 'AT_DisableRule':
      return [{ kind: 'switch trigger', on: false }];
    case 'AT_SetStatistics':
    case 'AT_SetOptions':
    case 'AT_ResetOptions':
    case 'AT_SetRelOptions':
    case 'AT_ResetRelOptions':
    case 'AT_ClusterOn':
    case 'AT_DropCluster':
      return [{ kind: 'set option', lock: 'SHARE UPDATE EXCLUSIVE' }];
    default:
      return [{ kind: 'set option', lock: 'ACCESS EXCLUSIVE' }];
  }
}

function readColumn(definition: ColumnDef): Column {
  const constraints = (definition.constraints ?? []).flatMap(node => ('Constraint' in node ? [node.Constraint] : []));
  const find = (kind: ConstraintNode['contype']) => constraints.find(({ contype }) => contype === kind);
  const type = typeOf(definition.typeName);
  const generated = find('CONSTR_GENERATED');
  const counter = /^(small|big)?serial[248]?$/.test(type?.name ?? '')
    ? 'serial'
    : find('CONSTR_IDENTITY')
      ? 'identity'
      : null;
  const byDefault = find('CONSTR_DEFAULT')?.raw_expr ?? null;
  return {
    name: definition.colname ?? '',
    type,
    notNull: find('CONSTR_NOTNULL') !== undefined || find('CONSTR_PRIMARY') !== undefined,
    default: byDefault && !isNull(byDefault) ? byDefault : null,
    generated: generated ? (generated.generated_kind === 's' ? 'stored' : 'virtual') : null,
    counter,
    checks: constraints.flatMap(({ contype, raw_expr }) => (contype === 'CONSTR_CHECK' && raw_expr ? [raw_expr] : [])),
    unique: find('CONSTR_UNIQUE') !== undefined,
    nullsAlike: find('CONSTR_UNIQUE')?.nulls_not_distinct ?? false,
    primary: find('CONSTR_PRIMARY') !== undefined,
    references: referencedBy(find('CONSTR_FOREIGN')),
  };
}

const KIND = {
  CONSTR_CHECK: 'check',
  CONSTR_FOREIGN: 'foreign key',
  CONSTR_UNIQUE: 'unique',
  CONSTR_PRIMARY: 'primary key',
  CONSTR_EXCLUSION: 'exclusion',
  CONSTR_NOTNULL: 'not null',
} as const satisfies Partial<Record<NonNullable<ConstraintNode['contype']>, Constraint['kind']>>;

const isKind = (kind: string | undefined): kind is keyof typeof KIND => kind !== undefined && kind in KIND;

function readConstraint(node: ConstraintNode): Constraint | null {
  if (!isKind(node.contype)) return null;
  return {
    kind: KIND[node.contype],
    name: node.conname ?? null,
    columns: columnsOf(node),
    expression: node.raw_expr ?? null,
    references: referencedBy(node),
    usingIndex: node.indexname ?? null,
    nullsAlike: node.nulls_not_distinct ?? false,
    notValid: node.skip_validation ?? false,
    // Only CHECK and FOREIGN KEY carry the mark.
    enforced: node.is_enforced ?? (node.contype !== 'CONSTR_CHECK' && node.contype !== 'CONSTR_FOREIGN'),
  };
}

function columnsOf(node: ConstraintNode): string[] {
  const named: Node[] = [...(node.keys ?? []), ...(node.fk_attrs ?? [])];
  return named.length > 0 ? stringsOf(named) : columnsIn(node.raw_expr);
}

const referencedBy = (node: ConstraintNode | undefined): Name | null => (node?.pktable ? nameOf(node.pktable) : null);

export function readIndex(statement: IndexStmt): Action {
  const keys = keysOf(statement.indexParams);
  const elements = [...keys, ...keysOf(statement.indexIncludingParams)];
  const columns = elements.flatMap(key => (typeof key === 'string' ? [key] : columnsIn(key)));
  return {
    kind: 'create index',
    table: nameOf(statement.relation),
    name: statement.idxname ?? null,
    columns,
    keys,
    unique: statement.unique ?? false,
    nullsAlike: statement.nulls_not_distinct ?? false,
    concurrently: statement.concurrent ?? false,
    unlessThere: statement.if_not_exists ?? false,
    onlyParent: statement.relation?.inh !== true,
  };
}

function keysOf(elements: readonly Node[] = []): (string | Node)[] {
  return elements.flatMap(element => {
    const { name, expr } = bodyOf(element, 'IndexElem') ?? {};
    return name ?? expr ?? [];
  });
}
