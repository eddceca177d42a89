import type { Node } from 'libpg-query';
import { bodyOf, nameFrom, nameOf, nameParts, optionIsOn, stringsOf } from './migration/tree.ts';
import { nameText } from './migration/words.ts';

/**
 * How the catalog shows that a statement which cannot be rolled back has done its work. `concurrent` ones wait for
 * others without making anybody wait for them, and can leave an invalid index behind.
 */
export type Completion =
  | { kind: 'index made'; index: string; table: string; concurrent: true }
  | { kind: 'index gone'; index: string; concurrent: true }
  /** Nothing shows it, but doing it again does no harm. */
  | { kind: 'index rebuilt'; of: string; concurrent: true }
  | { kind: 'constraint valid'; table: string; constraint: string; concurrent: false }
  | { kind: 'enum value'; type: string; value: string; concurrent: false };

/** Null for statements whose end the catalog does not show: after a kill nobody could say whether they ran. */
export function completionOf(node: Node): Completion | null {
  const made = bodyOf(node, 'IndexStmt');
  if (made?.concurrent && made.idxname) {
    const table = nameText(nameOf(made.relation));
    return { kind: 'index made', index: made.idxname, table, concurrent: true };
  }
  const gone = bodyOf(node, 'DropStmt');
  if (gone?.concurrent && gone.objects?.length === 1) {
    return { kind: 'index gone', index: nameText(nameFrom(nameParts(gone.objects[0]))), concurrent: true };
  }
  const rebuilt = bodyOf(node, 'ReindexStmt');
  if (rebuilt?.relation && optionIsOn(rebuilt.params, 'concurrently')) {
    return { kind: 'index rebuilt', of: nameText(nameOf(rebuilt.relation)), concurrent: true };
  }
  const altered = bodyOf(node, 'AlterTableStmt');
  const command = altered?.cmds?.length === 1 ? bodyOf(altered.cmds[0], 'AlterTableCmd') : undefined;
  if (command?.subtype === 'AT_ValidateConstraint' && command.name) {
    const table = nameText(nameOf(altered?.relation));
    return { kind: 'constraint valid', table, constraint: command.name, concurrent: false };
  }
  const value = bodyOf(node, 'AlterEnumStmt');
  if (value?.newVal && !value.oldVal) {
    const type = nameText(nameFrom(stringsOf(value.typeName)));
    return { kind: 'enum value', type, value: value.newVal, concurrent: false };
  }
  return null;
}
