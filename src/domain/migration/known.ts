import type { Node } from 'libpg-query';
import type { ActionOf, Thing, What } from './action.ts';
import { BUILTINS } from './builtins.ts';
import type { Facts, Volatility } from './facts.ts';
import { blank, fromFacts, type KnownColumn, type Relation } from './relation.ts';
import { type ColumnType, findAll, type Name, typeFrom } from './tree.ts';

const RELATIONS: ReadonlySet<What> = new Set(['table', 'view', 'materialized view', 'sequence', 'index']);

/** What the catalog lists besides relations; a type's name may be a domain's. */
const LISTED: ReadonlySet<What> = new Set(['type', 'domain', 'schema', 'extension']);

const keyOf = ({ schema, name }: Name): string => `${schema}.${name}`;

/** A function that this batch defines. */
export type Definition = ActionOf<'define function'>;

/** What is known of the database at one point of a batch: the catalog's facts, and what the statements before did. */
export class Known {
  readonly facts: Facts | null;
  /** Types made over a base, by name. */
  readonly domains: Map<string, { base: ColumnType | null; constrained: boolean; required: boolean }>;
  /** Functions defined in this batch, by bare name: any of those that share one may be the one called. */
  readonly #definitions = new Map<string, Definition[]>();
  /** Functions of the catalog that are neither Postgres's nor an extension's, by bare name: how many. */
  readonly #own: Map<string, number>;
  readonly #relations = new Map<string, Relation>();
  readonly #gone = new Set<string>();
  readonly #newThings = new Set<string>();
  readonly #dropped = new Set<string>();
  /** Names that things of the catalog got in this batch. */
  readonly #renamed = new Set<string>();
  /** The session's, which decides what a timestamp without zone means; null when nobody knows. */
  timeZone: string | null;
  #path: readonly string[];
  /** Something may have changed the path that nobody can read here. */
  #pathIsSure = true;
  #unknownPaths = 0;
  #file = 0;

  constructor(facts: Facts | null) {
    this.facts = facts;
    this.timeZone = facts?.timeZone ?? null;
    this.#path = this.#usualPath();
    this.#own = new Map(Object.entries(facts?.ownFunctions ?? {}));
    this.domains = new Map(
      Object.entries(facts?.domains ?? {}).map(([name, { base, ...domain }]) => [
        name,
        { ...domain, base: typeFrom(base) },
      ]),
    );
  }

  #usualPath(): readonly string[] {
    return this.facts && this.facts.searchPath.length > 0 ? this.facts.searchPath : ['public'];
  }

  get file(): number {
    return this.#file;
  }

  /** When `codeKnows`, the new code serves by then: what earlier files made is in use, and new no more. */
  startFile({ codeKnows }: { codeKnows: boolean }): void {
    this.#file++;
    this.timeZone = this.facts?.timeZone ?? null;
    this.setPath([]);
    if (!codeKnows) return;
    this.#newThings.clear();
    for (const relation of this.#relations.values()) {
      relation.isNew = false;
      for (const column of relation.columns.values()) column.isNew = false;
    }
  }

  /** An empty path is the usual one again; on one that nobody knows is only what is made there from now on. */
  setPath(path: readonly string[] | null): void {
    this.#pathIsSure = path !== null;
    if (path === null) this.#path = [`?${++this.#unknownPaths}`];
    else this.#path = path.length > 0 ? path : this.#usualPath();
  }

  doubtPath(): void {
    this.#pathIsSure = false;
  }

  /** False for a name whose schema something unreadable may have changed. */
  isSure({ schema }: Name): boolean {
    return schema !== null || this.#pathIsSure;
  }

  /** The relation that a name means here: the first of that name on the search path, or a blank that nobody knows. */
  relation(name: Name): Relation {
    const path = name.schema === null ? ['pg_temp', ...this.#path] : [name.schema];
    for (const schema of path) {
      const found = this.#find(`${schema}.${name.name}`);
      if (found) return found;
    }
    const key = this.#keyHere(name);
    return this.#relations.get(key) ?? this.#put(blank(key));
  }

  #keyHere(name: Name): string {
    return keyOf({ schema: name.schema ?? this.#path[0] ?? 'public', name: name.name });
  }

  #find(key: string): Relation | null {
    const here = this.#relations.get(key);
    if (here && (here.known || here.isNew)) return here;
    const facts = this.#gone.has(key) ? undefined : this.facts?.relations[key];
    return facts ? this.#put(fromFacts(key, facts)) : null;
  }

  #put(relation: Relation): Relation {
    this.#relations.set(relation.key, relation);
    return relation;
  }

  /** Made in this batch: old code does not know it, so nobody waits for it or misses it. */
  makeRelation(name: Name): Relation {
    return this.#put({ ...blank(this.#keyHere(name)), isNew: true, known: true });
  }

  forget(thing: Thing): void {
    this.#newThings.delete(this.#thingKey(thing));
    this.#dropped.add(this.#thingKey(thing));
    if (thing.what === 'function') this.#undefine(thing.name.name);
    if (!RELATIONS.has(thing.what)) return;
    const { key } = this.relation(thing.name);
    this.#relations.delete(key);
    this.#gone.add(key);
  }

  define(definition: Definition): void {
    const { name } = definition.thing.name;
    if (definition.replace) this.#disown(name);
    this.#definitions.set(name, [...(this.#definitions.get(name) ?? []), definition]);
  }

  #undefine(name: string): void {
    this.#definitions.delete(name);
    this.#disown(name);
  }

  #disown(name: string): void {
    const left = (this.#own.get(name) ?? 0) - 1;
    if (left > 0) this.#own.set(name, left);
    else this.#own.delete(name);
  }

  /** True when somebody made a function of that name before this batch. */
  isOwn(name: string): boolean {
    return this.#own.has(name);
  }

  /** What a call may mean of what this batch defines. */
  definitions({ schema, name }: Name): readonly Definition[] {
    const all = this.#definitions.get(name) ?? [];
    return all.filter(({ thing }) => schema === null || thing.name.schema === null || thing.name.schema === schema);
  }

  rename(name: Name, to: Name): void {
    const relation = this.relation(name);
    this.#relations.delete(relation.key);
    this.#gone.add(relation.key);
    const [schema = ''] = relation.key.split('.');
    this.#put({ ...relation, key: keyOf({ schema: to.schema ?? schema, name: to.name }) });
  }

  /** For what is no relation: of that name there is one now. */
  noteName(name: string): void {
    this.#renamed.add(name);
  }

  makeThing(thing: Thing): void {
    this.#newThings.add(this.#thingKey(thing));
    if (RELATIONS.has(thing.what)) this.makeRelation(thing.name);
  }

  #thingKey({ what, name, of }: Thing): string {
    return `${what} ${of ? this.relation(of).key : (name.schema ?? this.#path[0])} ${name.name}`;
  }

  wasDropped(thing: Thing): boolean {
    return this.#dropped.has(this.#thingKey(thing));
  }

  isNew(thing: Thing): boolean {
    if (thing.of && this.relation(thing.of).isNew) return true;
    if (thing.of && thing.what === 'column') return this.column(thing.of, thing.name.name)?.isNew ?? false;
    return RELATIONS.has(thing.what) ? this.relation(thing.name).isNew : this.#newThings.has(this.#thingKey(thing));
  }

  /** True only when the catalog was read and it is not there. */
  isAbsent(thing: Thing): boolean {
    if (!this.facts || this.isNew(thing) || !this.isSure(thing.of ?? thing.name)) return false;
    if (thing.what === 'function') return !(thing.name.name in this.facts.functions);
    if (thing.of) return this.#isAbsentOn(this.relation(thing.of), thing);
    if (LISTED.has(thing.what)) return !this.#isListed(thing, this.facts);
    return RELATIONS.has(thing.what) && !this.relation(thing.name).known;
  }

  #isListed({ what, name }: Thing, { things }: Facts): boolean {
    if (this.#renamed.has(name.name)) return true;
    if (what === 'schema' || what === 'extension') return things.includes(`${what} ${name.name}`);
    const schemas = name.schema === null ? this.#path : [name.schema];
    return schemas.some(schema => things.includes(`type ${keyOf({ schema, name: name.name })}`));
  }

  #isAbsentOn(relation: Relation, { what, name }: Thing): boolean {
    if (!relation.known) return true;
    if (what === 'column') return !relation.columns.has(name.name);
    if (what === 'trigger' || what === 'policy') return !relation.things.has(`${what} ${name.name}`);
    return what === 'constraint' && !relation.constraints.has(name.name);
  }

  column(table: Name, column: string): KnownColumn | null {
    return this.relation(table).columns.get(column) ?? null;
  }

  /**
   * True for `t_id_seq` when this batch made the table `t` with a column `id` that Postgres numbers. Where another `t`
   * was before, or the catalog has that sequence, the name may mean an older one.
   */
  isCounterOfNew(sequence: Name): boolean {
    const { key, known } = this.relation(sequence);
    if (known || !this.isSure(sequence)) return false;
    return [...this.#relations.values()].some(
      ({ key: table, isNew, columns }) =>
        isNew &&
        !this.#gone.has(table) &&
        [...columns].some(([column, { isCounted }]) => isCounted && `${table}_${column}_seq` === key),
    );
  }

  /** True when each of them was added to its table in this batch. */
  areNew(table: Name, columns: readonly string[]): boolean {
    return columns.length > 0 && columns.every(column => this.column(table, column)?.isNew);
  }

  volatility(name: string): Volatility | null {
    return this.#definitions.get(name)?.at(-1)?.volatility ?? this.facts?.functions[name] ?? BUILTINS.get(name) ?? null;
  }

  /** A function of nobody knows whom counts as volatile: Postgres would call it once a row. */
  isVolatile(expression: Node): boolean {
    return findAll(expression, 'FuncCall').some(({ FuncCall: { funcname = [] } }) => {
      const last = funcname.at(-1);
      const volatility = last && 'String' in last ? this.volatility(last.String.sval ?? '') : null;
      return volatility === null || volatility === 'volatile';
    });
  }

  /** The table of an index, where the catalog or the batch told it. */
  tableOf(index: string): Relation | null {
    for (const key of Object.keys(this.facts?.relations ?? {})) this.#find(key);
    return [...this.#relations.values()].find(relation => relation.indexes.has(index)) ?? null;
  }
}
