import type { Action, ActionOf, Thing } from './action.ts';
import type { Known } from './known.ts';
import type { Scene } from './rule.ts';

// DROP and CREATE of the same thing in one transaction: nobody sees it gone.

type Drop = ActionOf<'drop'>;

/** True when the same transaction makes another of its kind and name; what CASCADE takes along does not come back. */
export function isMadeAnew({ thing, cascade }: Drop, { known, later, transaction }: Scene): boolean {
  if (cascade || transaction === null || !known.isSure(thing.of ?? thing.name)) return false;
  const last = later().findLast(
    action => makes(action, thing, known) || (action.kind === 'drop' && isSame(action.thing, thing, known)),
  );
  return last !== undefined && last.kind !== 'drop';
}

/** True when old code, which reads by name, finds all of it in what comes in its place. */
export function isReplaced(drop: Drop, scene: Scene): boolean {
  const { what } = drop.thing;
  return (
    (what === 'trigger' || what === 'function' || what === 'view') && isMadeAnew(drop, scene) && isWhole(drop, scene)
  );
}

function isWhole({ thing }: Drop, { known, later }: Scene): boolean {
  if (thing.what === 'trigger') return true;
  const made = later().findLast(action => makes(action, thing, known));
  // Whoever calls it is bound to what it takes.
  if (made?.kind === 'define function') return thing.takes !== undefined && thing.takes === made.thing.takes;
  const { known: isListed, columns } = known.relation(thing.name);
  if (made?.kind !== 'create' || !made.shows || !isListed) return false;
  const { names, allOf } = made.shows;
  const shown = new Set([...names, ...(allOf ? known.relation(allOf).columns.keys() : [])]);
  return [...columns.keys()].every(name => shown.has(name));
}

function makes(action: Action, thing: Thing, known: Known): boolean {
  if (action.kind === 'create trigger') {
    return isSame({ what: 'trigger', name: { schema: null, name: action.name }, of: action.table }, thing, known);
  }
  return (action.kind === 'create' || action.kind === 'define function') && isSame(action.thing, thing, known);
}

function isSame(one: Thing, other: Thing, known: Known): boolean {
  if (one.what !== other.what || one.name.name !== other.name.name) return false;
  if (one.of && other.of) return known.relation(one.of).key === known.relation(other.of).key;
  if (one.name.schema === other.name.schema) return true;
  return one.what === 'view' && known.relation(one.name).key === known.relation(other.name).key;
}
