import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connect } from './postgres.ts';

// What people ask through Slack, kept before Slack is told that it was taken: so it outlives the process that took it.
// The same table knows what came before, so that nothing is taken twice.

/** Slack is answered after this, and waits 3 s in all. */
const TAKE_WITHIN_MS = 1_000;
/** A connection that gives no answer for so long is given up for another. */
const ANSWER_WITHIN_MS = 400;
/** Longer than a request can be sent again: its signature is good for 5 minutes, an event comes again within 6. */
const REMEMBERED_MS = 15 * 60_000;
/** Done after that it would surprise more than help. */
const TOO_LATE = '15 minutes';
/** Whoever works it dies each time: perhaps of it. */
const MOST_TRIES = 3;
const FORGET = `DELETE FROM inbox WHERE at < now() - interval '3 days' AND body IS NULL;
  DELETE FROM effects WHERE at < now() - interval '3 days'`;
const FORGET_EVERY_MS = 10 * 60_000;

// In one order, so that two instances never wait for each other. What is there already as ours was sent once more, seconds ago.
const TAKE = `INSERT INTO inbox (id, body, claimed_by)
  SELECT id, body, $3 FROM unnest($1::text[], $2::text[]) AS asked (id, body) ORDER BY id
  ON CONFLICT (id) DO UPDATE SET claimed_by = EXCLUDED.claimed_by
    WHERE inbox.claimed_by = EXCLUDED.claimed_by AND inbox.at > now() - interval '1 minute'
  RETURNING id`;
// Also of one that is not there: it may yet arrive from a connection that was given up, and then finds its place taken.
const END = `INSERT INTO inbox (id, claimed_by) SELECT id, $2 FROM unnest($1::text[]) AS over (id) ORDER BY id
  ON CONFLICT (id) DO UPDATE SET body = NULL WHERE inbox.claimed_by = EXCLUDED.claimed_by`;
// Who is gone is judged in one place only (liveness), by the database's clock: an instance that is, has no row. Only from
// the one that was found gone: Postgres looks at a row again that another claimed meanwhile, but not at `instances`
// (EvalPlanQual, src/backend/executor/README), and would give it away twice. And what is ours but known to nobody here: the
// answer to its claim was lost.
const CLAIM = `WITH oldest AS (
    SELECT id, claimed_by FROM inbox WHERE body IS NOT NULL AND CASE claimed_by WHEN $1 THEN NOT id = ANY ($2)
      ELSE NOT EXISTS (SELECT 1 FROM instances WHERE instances.id = claimed_by) END
    ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE inbox SET claimed_by = $1, tries = tries + 1 FROM oldest
  WHERE inbox.id = oldest.id AND inbox.claimed_by = oldest.claimed_by
  RETURNING inbox.id, body, tries > ${MOST_TRIES} OR at < now() - interval '${TOO_LATE}' AS "giveUp"`;

/** It may be kept all the same: the database was asked, and did not answer in time. */
export class PerhapsTaken extends Error {}

/** `giveUp`: it is only to be answered. */
export type Left = { id: string; body: string; giveUp: boolean };

export type Inbox = {
  /**
   * Keeps what is asked; null when there is nothing to keep of it but that it came. False when it came before, to any
   * instance. Rejects within a second when that cannot be known: then this process does not work it. With a PerhapsTaken it
   * may be kept, and is worked by another instance if this one dies before the database has heard that it was given up.
   */
  take(id: string, body: string | null): Promise<boolean>;
  /** It is answered: nobody else needs to work it. */
  done(id: string): void;
  /** The oldest that an instance left which is gone; null when there is none, or one is being looked for. To be ended by `done`. */
  claim(): Promise<Left | null>;
  stop(): Promise<void>;
};

type Asked = {
  id: string;
  body: string | null;
  isOver: boolean;
  /** So many times it was sent, of which nobody knows what came of it. */
  unknown: number;
  tell: (isNew: boolean) => void;
};

/** On a connection of its own, for all that came while the last were kept: an answer to Slack waits for no other work of ours. */
export function connectInbox(ask: {
  pool: pg.Pool;
  url: string;
  instance: string;
  onError: (error: unknown) => void;
}): Inbox {
  const { pool, instance, onError } = ask;
  const own = connect(ask.url, onError, {
    ...{ max: 1, query_timeout: ANSWER_WITHIN_MS, connectionTimeoutMillis: TAKE_WITHIN_MS },
    // Kept: the first press after a quiet hour must not wait for a new one.
    idleTimeoutMillis: 0,
  });
  const known = new Map<string, number>();
  /** What this process is about. */
  const mine = new Set<string>();
  let claiming = false;
  let waiting: Asked[] = [];
  let taking: Promise<void> | null = null;
  const over = new Set<string>();
  let ending: Promise<void> | null = null;
  let stopped = false;

  const isKnown = (id: string): boolean => {
    const now = performance.now();
    for (const [old, at] of known) {
      if (at > now - REMEMBERED_MS) break;
      known.delete(old);
    }
    if (known.has(id)) return true;
    known.set(id, now);
    return false;
  };

  const send = async (all: readonly Asked[]): Promise<ReadonlySet<string>> => {
    // Apart from the query: whoever did not get so far has sent nothing.
    const client = await own.connect();
    // Connecting takes its time, and some were told meanwhile that nothing is done.
    const asked = all.filter(({ isOver }) => !isOver);
    const values = [asked.map(({ id }) => id), asked.map(({ body }) => body), instance];
    let broken: Error | undefined;
    for (const each of asked) each.unknown++;
    try {
      return new Set((await client.query<{ id: string }>(TAKE, values)).rows.map(({ id }) => id));
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error));
      if (isNo(error)) for (const each of asked) each.unknown--;
      throw error;
    } finally {
      client.release(broken);
    }
  };

  const takeAll = async (): Promise<void> => {
    for (;;) {
      const asked = waiting.filter(({ isOver }) => !isOver);
      waiting = [];
      if (asked.length === 0) break;
      try {
        const taken = await send(asked);
        for (const { id, tell } of asked) tell(taken.has(id));
      } catch (error) {
        onError(error);
        waiting.unshift(...asked);
        await sleep(50);
      }
    }
    taking = null;
  };

  const endAll = async (): Promise<void> => {
    while (over.size > 0 && !stopped) {
      const ids = [...over];
      try {
        await pool.query(END, [ids, instance]);
        for (const id of ids) over.delete(id);
      } catch (error) {
        onError(error);
        await sleep(1_000, undefined, { ref: false });
      }
    }
    ending = null;
  };
  const end = (id: string): void => {
    over.add(id);
    mine.delete(id);
    ending ??= endAll();
  };

  const forgetting = setInterval(() => void pool.query(FORGET).catch(onError), FORGET_EVERY_MS);
  return {
    take: (id, body) =>
      new Promise((resolve, reject) => {
        if (isKnown(id)) return resolve(false);
        if (body !== null) mine.add(id);
        const asked: Asked = {
          ...{ id, body, isOver: false, unknown: 0 },
          tell: isNew => {
            clearTimeout(timer);
            if (!isNew) mine.delete(id);
            // Too late: whoever asked was told that it is not done, or that this is not known.
            if (!asked.isOver) resolve(isNew);
          },
        };
        const timer = setTimeout(() => {
          asked.isOver = true;
          if (body !== null) end(id);
          const Late = asked.unknown > 0 ? PerhapsTaken : Error;
          reject(new Late(`The database did not take a request within ${TAKE_WITHIN_MS} ms`));
        }, TAKE_WITHIN_MS);
        waiting.push(asked);
        taking ??= takeAll();
      }),
    done: end,
    async claim() {
      if (claiming) return null;
      claiming = true;
      try {
        const here = new Set([...mine, ...over]);
        const { rows } = await pool.query<Left>(CLAIM, [instance, [...here]]);
        const [left = null] = rows;
        // Or it came here while this query waited, and is being worked.
        if (!left || (!here.has(left.id) && (mine.has(left.id) || over.has(left.id)))) return null;
        mine.add(left.id);
        return left;
      } finally {
        claiming = false;
      }
    },
    stop: async () => {
      clearInterval(forgetting);
      // What is answered is said to be so, if the database is there to hear it.
      await Promise.race([Promise.all([taking, ending]), sleep(TAKE_WITHIN_MS, undefined, { ref: false })]);
      stopped = true;
      await own.end();
    },
  };
}

/** True when the server itself refused, and so kept nothing: not when it, or a pooler before it, ended the connection. */
function isNo(error: unknown): boolean {
  // Classes 08, connection exceptions, and 57P, operator intervention (postgresql.org, "PostgreSQL Error Codes").
  return error instanceof pg.DatabaseError && !/^(08|57P)/.test(error.code ?? '08');
}
