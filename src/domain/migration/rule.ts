import type { Action, ActionOf, Kind, Thing } from './action.ts';
import type { Known } from './known.ts';
import type { Name } from './tree.ts';
import { countText, nameText, sizeText } from './words.ts';

export type Phase = 'expand' | 'contract' | 'neutral';

/** Postgres's table locks that migrations take, the strongest first. */
export const LOCKS = [
  'ACCESS EXCLUSIVE',
  'EXCLUSIVE',
  'SHARE ROW EXCLUSIVE',
  'SHARE',
  'SHARE UPDATE EXCLUSIVE',
  'ROW EXCLUSIVE',
] as const;
export type Lock = (typeof LOCKS)[number];

/** How long a lock is kept, the longest first: while the table is written anew, read or changed, or for an instant. */
export const DURATIONS = ['rewrite', 'index build', 'scan', 'rows', 'brief'] as const;
export type Lasts = (typeof DURATIONS)[number];

/**
 * What is wrong with it. `blocks`: others wait for long. `breaks`: old code fails or data is lost, so it may run only
 * when old code is gone. `fails`: it cannot work as written. `warns`: a person should know. `unproven`: one must look.
 */
export type Harm = 'blocks' | 'breaks' | 'fails' | 'warns' | 'unproven';

/** What one rule says of one action. Without `harm` it says the phase and the lock only. */
export type Finding = {
  rule: string;
  phase: Phase;
  /** Adding for the new code, which must come first; loosening and swapping may go along with either phase. */
  firm: boolean;
  lock: Lock | null;
  lasts: Lasts;
  harm: Harm | null;
  noSafePhase: boolean;
  message: string;
  fix: string;
};

/** Where an action stands: what is known before it, what comes after it in its transaction, and its statement. */
export type Scene = {
  known: Known;
  later: () => readonly Action[];
  transaction: Transaction | null;
  sql: string;
  /** The action is all that its statement does, so that its text can be quoted in a recipe. */
  single: boolean;
};

/** Who waits for a lock: readers too, or those only who write. */
export type Waiting = 'everybody' | 'writers';

/** What the transaction that is open has done so far. */
export type Transaction = {
  /** What takes long in it is undone, for we run it. */
  limited: boolean;
  /** Tables of old code that it keeps locked; those that do not count are no second one to wait for. */
  locked: Map<string, { from: Waiting; counts: boolean }>;
  /** `table.constraint` added NOT VALID. */
  notValid: Set<string>;
  /** Values that it added to enums of old. */
  values: Set<string>;
  warned: boolean;
};

type Text<A> = string | ((action: A, scene: Scene) => string);

/** A row of the rule table (reference: the merged rule table). What is left out is brief, harmless and without lock. */
export type RuleRow<A> = {
  id: Text<A>;
  when?: (action: A, scene: Scene) => boolean;
  /** Applies to what is new in the batch too. */
  evenIfNew?: boolean;
  phase: Phase | ((action: A, scene: Scene) => Phase);
  firm?: boolean | ((action: A, scene: Scene) => boolean);
  lock?: Lock | ((action: A, scene: Scene) => Lock | null);
  lasts?: Lasts;
  harm?: Harm;
  noSafePhase?: boolean;
  says?: Text<A>;
  fix?: Text<A>;
};

export type Rule = (action: Action, scene: Scene) => Finding | null;

/** Rules for actions of some kinds, in the order in which a reader would check them. */
export function rules<const K extends Kind>(kinds: readonly K[], rows: readonly RuleRow<ActionOf<K>>[]): Rule[] {
  const applies = (action: Action): action is ActionOf<K> => kinds.some(kind => kind === action.kind);
  return rows.map(row => (action, scene) => (applies(action) ? apply(row, action, scene) : null));
}

function apply<A extends Action>(row: RuleRow<A>, action: A, scene: Scene): Finding | null {
  if (!row.evenIfNew && actsOnNew(action, scene.known)) return null;
  if (row.when && !row.when(action, scene)) return null;
  const say = (text: Text<A> | undefined) => (typeof text === 'function' ? text(action, scene) : (text ?? ''));
  const phase = typeof row.phase === 'function' ? row.phase(action, scene) : row.phase;
  return {
    rule: say(row.id),
    phase,
    firm: (typeof row.firm === 'function' ? row.firm(action, scene) : row.firm) ?? true,
    lock: (typeof row.lock === 'function' ? row.lock(action, scene) : row.lock) ?? null,
    lasts: row.lasts ?? 'brief',
    harm: row.harm ?? null,
    noSafePhase: row.noSafePhase ?? false,
    message: say(row.says),
    fix: say(row.fix),
  };
}

/** What this batch made itself is nobody else's yet. */
function actsOnNew(action: Action, known: Known): boolean {
  if (action.kind === 'create table') return false;
  if ('table' in action) return known.relation(action.table).isNew;
  return 'thing' in action && !MAKES.has(action.kind) && known.isNew(action.thing);
}

const MAKES: ReadonlySet<Kind> = new Set(['create', 'create domain', 'define function']);

/** `orders` (41 GB), in backquotes; the size where the catalog told it. */
export function sized(table: Name, { known }: Scene): string {
  const { bytes } = known.relation(table);
  return bytes === null ? `\`${nameText(table)}\`` : `\`${nameText(table)}\` (${sizeText(bytes)})`;
}

/** `orders` (41 GB, about 80 million rows), for what takes its time by rows. */
export function counted(table: Name, scene: Scene): string {
  const { rows } = scene.known.relation(table);
  return rows === null ? sized(table, scene) : sized(table, scene).replace(/\)$/, `, about ${countText(rows)} rows)`);
}

/** An object for people: `orders.total` for what belongs to a table. */
export function thingText({ name, of }: Thing): string {
  return `\`${of ? `${nameText(of)}.` : ''}${nameText(name)}\``;
}

/** What replaces a thing that this batch dropped belongs to that drop, not to the new code. */
export function isFresh(thing: Thing, { known }: Scene): boolean {
  return !known.wasDropped(thing);
}

const STRICTNESS: Readonly<Record<Phase, number>> = { neutral: 0, expand: 1, contract: 2 };

/** The latest of them: contract, else expand, else neutral, also of none. */
export function strictest(phases: readonly Phase[]): Phase {
  return phases.reduce<Phase>((most, phase) => (STRICTNESS[phase] > STRICTNESS[most] ? phase : most), 'neutral');
}
