import type { AlterRoleStmt, AlterSeqStmt, DefElem, Node } from 'libpg-query';
import type { Action } from './action.ts';
import { named } from './read-object.ts';
import { bodyOf, constantOf, definition, type Name, nameFrom, nameOf, typeOf } from './tree.ts';

// Sequences, roles and databases: what is set on them reaches old code at its next INSERT or connection.

const definitions = (options: readonly Node[] | undefined): DefElem[] =>
  (options ?? []).flatMap(option => ('DefElem' in option ? [option.DefElem] : []));

/** Options of a sequence after which it may run out, or give what old code does not expect. */
const limits = (options: readonly Node[] | undefined): DefElem[] =>
  definitions(options).filter(({ defname, arg }) => {
    if (defname === 'as') return typeOf(bodyOf(arg, 'TypeName'))?.name !== 'int8';
    if (defname === 'cycle') return bodyOf(arg, 'Boolean')?.boolval === true;
    // A number that is no integer here is larger than any of int4.
    if (defname === 'maxvalue' || defname === 'minvalue') return arg !== undefined && 'Integer' in arg;
    return defname === 'increment';
  });

export function readSequence({ sequence, options }: AlterSeqStmt): Action[] {
  const table = nameOf(sequence);
  const restart = definition(options, 'restart');
  const found = limits(options).map(
    ({ defname = '' }): Action => ({ kind: 'limit sequence', table, how: defname.toUpperCase() }),
  );
  if (restart) found.push({ kind: 'restart sequence', table, to: numberIn(restart.arg), by: 'RESTART' });
  return found.length > 0 ? found : [{ kind: 'harmless' }];
}

/** What ALTER COLUMN … SET GENERATED changes for those who give a value themselves, or take one. */
export function identityChanges(options: readonly Node[] | undefined): string[] {
  const always = bodyOf(definition(options, 'generated')?.arg, 'Integer')?.ival === 'a'.charCodeAt(0);
  const other = limits(options).map(({ defname = '' }) => defname.toUpperCase());
  return [...(always ? ['GENERATED ALWAYS'] : []), ...(definition(options, 'restart') ? ['RESTART'] : []), ...other];
}

/** `setval('s', 5)`: a number that was written down may be behind those that were given since. */
export function readSetval(args: readonly Node[]): Action[] {
  const [sequence, to] = [constantOf(args[0]), numberIn(args[1])];
  if (sequence === null || to === null) return [];
  const table: Name = nameFrom(sequence.split('.').map(part => part.replace(/^"(.*)"$/, '$1')));
  return [{ kind: 'restart sequence', table, to, by: 'setval' }];
}

function numberIn(node: Node | undefined): number | null {
  if (!node) return null;
  if ('Integer' in node) return node.Integer.ival ?? 0;
  const said = 'Float' in node ? (node.Float.fval ?? null) : constantOf(node);
  return said !== null && /^\d+$/.test(said) ? Number(said) : null;
}

const MORE_RIGHTS = new Set([
  'canlogin',
  'superuser',
  'createdb',
  'createrole',
  'inherit',
  'isreplication',
  'bypassrls',
]);

/** ALTER ROLE, and ALTER GROUP, where -1 takes members out. */
export function readRole({ role, options, action }: AlterRoleStmt): Action[] {
  const thing = named('role', role?.rolename);
  const found = definitions(options).flatMap(({ defname = '', arg }): Action[] => {
    if (defname === 'rolemembers') return action === -1 ? [{ kind: 'revoke', thing }] : [];
    if (MORE_RIGHTS.has(defname) && bodyOf(arg, 'Boolean')?.boolval) return [];
    return [{ kind: 'change settings', thing, how: defname }];
  });
  return found.length > 0 ? found : [{ kind: 'harmless' }];
}

/** The settings of a statement `ALTER DATABASE d …`, by name. */
export const readDatabase = (name: string | undefined, options: readonly Node[] | undefined): Action[] =>
  definitions(options).map(({ defname = '' }) => ({
    kind: 'change settings',
    thing: named('database', name),
    how: defname,
  }));
