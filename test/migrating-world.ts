import type { PendingFile } from '../src/domain/gate.ts';
import { good, plan, World } from './recipe-world.ts';

// A deploy with one migration that adds and one that destroys.

export const pending = (name: string, file: string, phase: PendingFile['phase']): PendingFile => ({
  name,
  file,
  table: 'pgmigrations',
  review: null,
  phase,
  by: 'verdict',
  noSafePhase: false,
  mixed: false,
  loosened: null,
  transaction: true,
  problem: null,
  statements: [],
});
export const [ADD, DROP] = ['1_add', '2_drop'];
export const YES = { after: 'approval asked', kind: 'run them', by: 'U2', about: 'digest' } as const;

export function worldWith(trouble: ConstructorParameters<typeof World>[1] = {}): World {
  const world = new World({ 42: [...good] }, trouble);
  const files = [
    pending(ADD, 'migrations/1_add.sql', 'expand'),
    pending(DROP, 'migrations/contract/2_drop.sql', 'contract'),
  ];
  const place = {
    dir: 'migrations',
    contractDir: 'migrations/contract',
    table: 'pgmigrations',
    contractTable: 'pgmigrations_contract',
  };
  world.plan = {
    ...plan,
    migrations: { place, files, digests: { expand: 'other', contract: 'digest' }, maintenance: false, sharedWith: [] },
    soakSeconds: 300,
  };
  return world;
}

/** The same, and the app is closed while two files destroy. */
export const closing = (trouble: ConstructorParameters<typeof World>[1] = {}): World => {
  const world = worldWith(trouble);
  const { migrations } = world.plan;
  if (!migrations) throw new Error('no migrations');
  const more = pending('3_drop', 'migrations/contract/3_drop.sql', 'contract');
  world.plan = {
    ...world.plan,
    migrations: { ...migrations, maintenance: true, files: [...migrations.files, more] },
  };
  world.presses = [YES];
  return world;
};

/** It is said yes to; when half of it has failed it is tried again, and then opened. */
export function triedAgain(world: World): World {
  const append = world.append.bind(world);
  let cards = 0;
  world.presses = [YES];
  world.append = (fact, key) => {
    const isNew = !world.facts.some(known => known.key === key);
    append(fact, key);
    if (fact.kind !== 'left closed' || !isNew) return;
    const kind = ++cards === 1 ? ('try again' as const) : ('open' as const);
    world.clicks.push({ id: `card ${cards}`, kind, by: 'U1', at: '', about: null, reason: null });
    setImmediate(() => world.wake());
  };
  return world;
}
