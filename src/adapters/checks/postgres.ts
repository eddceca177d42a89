import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { AppSettings } from '../../domain/app.ts';
import { type Checked, type Finding, green, red, yellow } from '../../domain/checkup.ts';
import { isPooled } from '../../domain/direct-database.ts';
import { connectionTo, startEmbedded } from '../postgres.ts';
import { missingTables } from '../schema.ts';
import type { Keys } from '../sealing.ts';
import { checkTokens, type OwnTokens } from './tokens.ts';

const WITHIN_MS = 5_000;
const HEARD_WITHIN_MS = 3_000;
/** The oldest major version whose faults are still mended (postgresql.org, versioning policy, 2026). */
const OLDEST = 14;
/** Namespace of the lock that is tried: none of the bot's own. */
const LOCKS = 78;

/** Apps that the bot knows, null when they cannot be read, and the tokens that some of them have. */
export type KnownApps = { apps: AppSettings[] | null } & OwnTokens;
type At = { url: string | undefined; dataDir: string; keys: Keys };

/** The database at the address, or the private one, which is not made for this. */
export async function checkDatabase(at: At): Promise<Checked<KnownApps>> {
  if (at.url) return checkPostgres(at.url, at.keys);
  const dir = join(at.dataDir, 'database');
  if (!existsSync(join(dir, 'postgres'))) {
    const found = `No DATABASE_URL: the bot will make a private one under ${at.dataDir}/ when it starts.`;
    return {
      apps: [],
      tokens: NONE,
      findings: [yellow('Postgres', found, 'Enough for a trial; a team wants a DATABASE_URL.')],
    };
  }
  const embedded = await startEmbedded(dir).catch((error: Error) => error);
  if (embedded instanceof Error) {
    const todo = 'If that is the bot, all is well: stop it for as long as the doctor looks, or give it a DATABASE_URL.';
    return {
      apps: null,
      tokens: NONE,
      findings: [yellow('Postgres', `The private one does not start: ${embedded.message}`, todo)],
    };
  }
  try {
    return await checkPostgres(embedded.url, at.keys);
  } finally {
    await embedded.stop();
  }
}

const NONE: ReadonlyMap<string, string> = new Map();

/** Whether the bot can keep its data there. Changes nothing. */
async function checkPostgres(url: string, keys: Keys): Promise<Checked<KnownApps>> {
  const what = 'Postgres';
  const limits = {
    connectionTimeoutMillis: WITHIN_MS,
    query_timeout: WITHIN_MS,
    application_name: 'switchover doctor',
  };
  const [client, other] = [0, 1].map(() => new pg.Client({ ...connectionTo(url), ...limits })) as [
    pg.Client,
    pg.Client,
  ];
  for (const one of [client, other]) one.on('error', () => {});
  try {
    await Promise.all([client.connect(), other.connect()]);
    const findings = [await judgeVersion(what, client), await judgeSession(`${what}, direct`, url, client, other)];
    const missing = await missingTables(client);
    if (missing.length > 0) {
      const found = `Not there yet: ${missing.join(', ')}.`;
      const todo = 'Start the bot once, or `node src/migrate.ts`; on Heroku a release does it.';
      findings.push(red(`${what}, tables`, found, todo));
    } else findings.push(green(`${what}, tables`, 'Up to date.'));
    const apps = await readApps(client);
    const sealed = await checkTokens(client, keys);
    return { apps, tokens: sealed.tokens, findings: [...findings, ...sealed.findings] };
  } catch (error) {
    const why = (error as { message?: string; code?: string }).message || (error as { code?: string }).code;
    const todo = 'Look at DATABASE_URL, and whether the database runs (`heroku pg:info`).';
    return { apps: null, tokens: NONE, findings: [red(what, `It cannot be used: ${why}.`, todo)] };
  } finally {
    await Promise.allSettled([client.end(), other.end()]);
  }
}

async function judgeVersion(what: string, client: pg.Client): Promise<Finding> {
  const [row] = (await client.query<{ version: string }>("SELECT current_setting('server_version') AS version")).rows;
  const version = row?.version.split(' ')[0] ?? '';
  if (Number.parseInt(version, 10) >= OLDEST) return green(what, `It answers, version ${version}.`);
  return red(
    what,
    `It answers, but version ${version} is too old.`,
    `Bring it to ${OLDEST} or newer: \`heroku pg:upgrade\`.`,
  );
}

/** Over a pooler notifications are not heard, and a lock of one connection is another's: both are tried. */
async function judgeSession(what: string, url: string, client: pg.Client, other: pg.Client): Promise<Finding> {
  const direct = 'Set DATABASE_URL to the address of the database itself, not of a connection pooler.';
  const address = URL.parse(url);
  if (address && isPooled('DATABASE_URL', address))
    return red(what, 'The address is that of a connection pooler.', direct);
  const lock = [LOCKS, randomInt(2 ** 31)];
  const take = 'SELECT pg_try_advisory_lock($1, $2) AS taken';
  const [own] = (await client.query<{ taken: boolean }>(take, lock)).rows;
  const [theirs] = (await other.query<{ taken: boolean }>(take, lock)).rows;
  if (!own?.taken || theirs?.taken) return red(what, 'A lock is not kept by the connection that took it.', direct);
  const channel = `switchover_doctor_${lock[1]}`;
  const heard = once(client, 'notification', { signal: AbortSignal.timeout(HEARD_WITHIN_MS) }).catch(() => null);
  await client.query(`LISTEN ${channel}`);
  await other.query(`NOTIFY ${channel}`);
  if (!(await heard)) return red(what, `No notification was heard within ${HEARD_WITHIN_MS / 1000} s.`, direct);
  return green(what, 'Locks hold and notifications are heard.');
}

async function readApps(client: pg.Client): Promise<AppSettings[] | null> {
  const [found] = (await client.query<{ known: boolean }>("SELECT to_regclass('apps') IS NOT NULL AS known")).rows;
  if (!found?.known) return null;
  const { rows } = await client.query<{ settings: AppSettings }>('SELECT settings FROM apps ORDER BY name');
  return rows.map(({ settings }) => settings);
}
