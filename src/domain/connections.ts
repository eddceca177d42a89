import type { Connections } from './health.ts';
import { withoutMentions } from './refusal.ts';

// Under preboot old and new web dynos hold connections at once, for minutes: a database that is short of them refuses
// both. Counted before anything begins (heroku.md's rule: 2 × web × pool + workers × pool + release + one-off).

/** How many connections one dyno may hold, and where that is said. */
export type PoolSize = { each: number; from: string; declared: boolean };

export type ConnectionsNeeded = {
  needed: number;
  limit: number;
  used: number;
  web: number;
  workers: number;
  pool: PoolSize;
};

type Vars = Readonly<Record<string, string>>;

/** By convention: Rails' own, that of many templates, Sequelize and Node ones. Not a promise: `switchover.json` is. */
const POOL_VARS = ['DB_POOL', 'DATABASE_POOL', 'DB_POOL_SIZE', 'PGPOOLSIZE', 'RAILS_MAX_THREADS'] as const;

/**
 * What one dyno may hold: what `switchover.json` says (a number or the name of a config var), else a config var that is
 * called as most call it, times WEB_CONCURRENCY, the processes in a dyno. Null where neither tells.
 */
export function poolOf(vars: Vars, declared: number | string | undefined): PoolSize | null {
  if (typeof declared === 'number') return { each: declared, from: 'switchover.json', declared: true };
  const name = declared ?? POOL_VARS.find(known => count(vars[known]) !== null);
  const pool = name === undefined ? null : count(vars[name]);
  if (name === undefined || pool === null) return null;
  if (declared !== undefined) return { each: pool, from: name, declared: true };
  const processes = count(vars.WEB_CONCURRENCY) ?? 1;
  return {
    each: pool * processes,
    from: processes > 1 ? `${name} × WEB_CONCURRENCY` : name,
    declared: false,
  };
}

function count(value: string | undefined): number | null {
  return value !== undefined && /^[1-9]\d{0,3}$/.test(value.trim()) ? Number(value) : null;
}

/** Old and new web dynos, workers, and one for the release phase and one for a one-off dyno. */
export function connectionsNeeded(
  { limit, used }: Connections,
  pool: PoolSize,
  formation: readonly { type: string; quantity: number }[],
): ConnectionsNeeded {
  const dynos = (isWeb: boolean) =>
    formation.filter(({ type }) => (type === 'web') === isWeb).reduce((sum, { quantity }) => sum + quantity, 0);
  const [web, workers] = [dynos(true), dynos(false)];
  return { needed: 2 * web * pool.each + workers * pool.each + 2, limit, used, web, workers, pool };
}

/** Why the database may not do; null when it does. What the team itself declared refuses, a convention only warns. */
export function connectionsShort(
  { needed, limit, web, workers, pool }: ConnectionsNeeded,
  app: string,
): { kind: 'refused' | 'warned'; text: string } | null {
  if (needed <= limit) return null;
  const sum = `2 × ${web} web × ${pool.each}${workers > 0 ? ` + ${workers} others × ${pool.each}` : ''} + 2`;
  const text = `While old and new web dynos run side by side ${app} may need ${needed} connections to its database (${sum}; ${pool.each} a dyno by ${withoutMentions(pool.from)}), and it takes ${limit}.`;
  return pool.declared
    ? { kind: 'refused', text: `${text} Make the pool smaller, take a bigger plan, or deploy with \`--maintenance\`.` }
    : {
        kind: 'warned',
        text: `${text} That name is a convention: \`"connections"\` in \`switchover.json\` says how many a dyno really holds.`,
      };
}
