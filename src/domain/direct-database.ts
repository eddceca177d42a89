/** The address of an app's database itself, and the config var that holds it. */
export type DirectDatabase = { kind: 'direct'; name: string; url: string } | { kind: 'refused'; reason: string };

/** Ports that PgBouncer and Supavisor listen on unless they are told otherwise. */
const POOLER_PORTS = ['6432', '6543'];

/**
 * What to migrate over. Never a pooler: it hands the lock of one connection to the next. Looks among the app's config
 * vars for another that leads to the same database.
 */
export function directDatabase(vars: Readonly<Record<string, string>>): DirectDatabase {
  const url = vars.DATABASE_URL;
  if (url === undefined) {
    return {
      kind: 'refused',
      reason: 'The app has migrations, but no `DATABASE_URL`: attach its database, then try again.',
    };
  }
  const wanted = URL.parse(url);
  if (!wanted)
    return { kind: 'refused', reason: "The app's `DATABASE_URL` is not an address. Mend it, then try again." };
  if (!isPooled('DATABASE_URL', wanted)) return { kind: 'direct', name: 'DATABASE_URL', url };
  for (const [name, value] of Object.entries(vars)) {
    const other = URL.parse(value);
    if (!other || !/^postgres(ql)?:$/.test(other.protocol) || isPooled(name, other)) continue;
    if (other.username === wanted.username && other.pathname === wanted.pathname) {
      return { kind: 'direct', name, url: value };
    }
  }
  return {
    kind: 'refused',
    reason:
      "The app's `DATABASE_URL` leads to a connection pooler, which hands a lock of one to another: two migrations could run at once. Put the address of the database itself into another config var, such as `DIRECT_DATABASE_URL`.",
  };
}

/** By what people call it (Heroku: `DATABASE_CONNECTION_POOL_URL`) and where it listens. The server is asked as well. */
export function isPooled(name: string, url: URL): boolean {
  return (
    name.endsWith('_CONNECTION_POOL_URL') ||
    POOLER_PORTS.includes(url.port) ||
    url.searchParams.get('pgbouncer') === 'true' ||
    /(^|[.-])pooler\./.test(url.hostname)
  );
}
