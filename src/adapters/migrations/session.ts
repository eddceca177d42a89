import { setTimeout as sleep } from 'node:timers/promises';
import { PG_MIGRATE_LOCK_ID } from 'node-pg-migrate';
import pg from 'pg';
import { type Blocker, OUR_APPLICATION } from '../../domain/migration-outcome.ts';

/** A connection that migrates, and one beside it that sees whom the first waits for. */
export type Session = {
  client: pg.Client;
  blockers(): Promise<Blocker[]>;
  close(): Promise<void>;
};

/** Nothing can be migrated over this connection; the message is for people. */
export class Unusable extends Error {}

/** Others wait behind a statement that waits for a lock, so it never waits longer. */
export const LOCK_MS = 1_000;

// Sent when the connection is made, so that RESET ALL goes back to them whatever a migration has set.
const SETTINGS = {
  application_name: OUR_APPLICATION,
  lock_timeout: LOCK_MS,
  statement_timeout: 15_000,
  idle_in_transaction_session_timeout: 30_000,
} as const;

/** Connects twice, to the database itself. Throws Unusable when it cannot be reached, or a pooler answers. */
export async function openSession(connection: pg.ClientConfig): Promise<Session> {
  const lasting = { keepAlive: true, keepAliveInitialDelayMillis: 10_000, connectionTimeoutMillis: 10_000 };
  const client = new pg.Client({ ...connection, ...lasting, ...SETTINGS });
  // Whatever is asked next fails, which is what tells of it.
  client.on('error', () => {});
  const beside = new pg.Client({ ...connection, ...lasting, application_name: `${OUR_APPLICATION}, watching` });
  beside.on('error', () => {});
  await client.connect().catch(cause => {
    const message: string = cause instanceof Error ? cause.message : String(cause);
    // pgbouncer knows few settings and refuses the others by name.
    if (/unsupported startup parameter/.test(message)) throw new Unusable(POOLED);
    throw new Unusable(`The database cannot be reached (${message}). Look whether it runs, then try again.`, { cause });
  });
  await refusePooler(client);
  // From the lock on: whoever it waits for may be frozen.
  await settle({ client }, { outlives: false });
  await beside.connect();
  const [own] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
  return {
    client,
    blockers: async () => (await beside.query<Blocker>(BLOCKERS, [own?.pid])).rows,
    close: async () => {
      await Promise.all([client.end(), beside.end()]);
    },
  };
}

const POOLED =
  'This address leads to a connection pooler, which hands a lock of one to another: two migrations could run at once. Give the address of the database itself (`DATABASE_URL`).';

/** A pooler gives its own number when a connection is made, and Postgres another when it is asked. */
async function refusePooler(client: pg.Client): Promise<void> {
  const said = 'processID' in client ? client.processID : null;
  const [own] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
  if (said !== own?.pid) throw new Unusable(POOLED);
}

/**
 * Takes node-pg-migrate's own lock, which ends with the connection, so that nobody else migrates. Waits at most `ms`, and
 * tells once who has it. Taken again when a migration has let go of it.
 */
export async function takeLock(
  { client }: Session,
  ms: number,
  onWait: (holders: Blocker[]) => void,
): Promise<{ holders: Blocker[] } | null> {
  let told = false;
  for (const until = performance.now() + ms; ; await sleep(250)) {
    const [answer] = (
      await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [PG_MIGRATE_LOCK_ID])
    ).rows;
    if (answer?.taken) return null;
    const holders = (await client.query<Blocker>(HOLDERS, [PG_MIGRATE_LOCK_ID])).rows;
    if (performance.now() > until) return { holders };
    if (!told) onWait(holders);
    told = true;
  }
}

const ACTIVITY = `coalesce(pid, 0) AS pid,
  coalesce(nullif(application_name, ''), usename, 'a prepared transaction') AS application,
  coalesce(state, 'unknown') AS state,
  coalesce(round(extract(epoch FROM clock_timestamp() - coalesce(xact_start, state_change)) * 1000), 0)::float8 AS "ageMs"`;

const BLOCKERS = `SELECT ${ACTIVITY} FROM unnest(pg_blocking_pids($1)) AS blocking(pid) LEFT JOIN pg_stat_activity USING (pid)`;

// A lock by one number of 64 bits is kept as two of 32 (postgresql.org, pg_locks).
export const HOLDERS = `SELECT ${ACTIVITY} FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = $1::bigint
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * Clean before each migration. `outlives`: a statement that cannot be rolled back goes on to its end without us, still
 * under the lock, instead of leaving half of it behind; any other ends when nobody hears it any more.
 */
export async function settle({ client }: Pick<Session, 'client'>, { outlives }: { outlives: boolean }): Promise<void> {
  await client.query('RESET SESSION AUTHORIZATION');
  await client.query('RESET ALL');
  // Not known to Postgres 13.
  await client.query(
    `SELECT set_config(name, CASE name WHEN 'idle_session_timeout' THEN '300000' ELSE $1 END, false)
     FROM pg_settings WHERE name IN ('client_connection_check_interval', 'idle_session_timeout')`,
    [outlives ? '0' : '1000'],
  );
}
