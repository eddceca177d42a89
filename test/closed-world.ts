import type { PendingFile } from '../src/domain/gate.ts';
import { plan, release, World } from './recipe-world.ts';

// A deploy in maintenance mode, with one migration that adds and one that destroys.

export const pending = (name: string, phase: PendingFile['phase']): PendingFile => ({
  ...{ name, file: `migrations/${name}.sql`, table: 'pgmigrations', review: null, phase, by: 'verdict' },
  ...{ noSafePhase: false, mixed: false, loosened: null, transaction: true, problem: null, statements: [] },
});
export const [ADD, DROP] = ['1_add', '2_drop'];
export const YES = { after: 'approval asked', kind: 'run them', by: 'U2', about: 'digest' } as const;

export function closedWorld(
  trouble: ConstructorParameters<typeof World>[1] = {},
  files = [pending(ADD, 'expand'), pending(DROP, 'contract')],
): World {
  const world = new World({}, trouble);
  const place = { dir: 'm', contractDir: 'm/contract', table: 't', contractTable: 'tc' };
  const digests = { expand: 'other', contract: 'digest' };
  world.plan = {
    ...{ ...plan, maintenance: true, soakSeconds: 0 },
    migrations: files.length === 0 ? null : { place, files, digests, maintenance: false, sharedWith: [] },
  };
  world.formation = [
    { type: 'web', quantity: 2 },
    { type: 'worker', quantity: 1 },
    { type: 'clock', quantity: 0 },
  ];
  return world;
}

/** That it is as it was: open, and with as many dynos. */
export const isPutBack = (world: World): boolean =>
  !world.closed && world.formation.map(({ quantity }) => quantity).join() === '2,1,0';

/** Somebody else's releases come right before the first fact of a kind. */
export function meddled(
  world: World,
  before: string,
  ...others: [version: number, slug: string, status?: 'pending'][]
): World {
  const append = world.append.bind(world);
  let done = false;
  world.append = (fact, key) => {
    if (fact.kind === before && !done) {
      done = true;
      for (const [version, slug, status = 'succeeded'] of others) {
        const current = status === 'succeeded';
        if (current) for (const known of world.releases) known.current = false;
        world.releases.push(release(version, slug, { status, current, by: 'ci' }));
      }
    }
    append(fact, key);
  };
  return world;
}
