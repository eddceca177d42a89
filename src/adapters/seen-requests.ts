import { connect } from './postgres.ts';

/** Longer than Slack's signatures are good for. */
const FORGET = "DELETE FROM seen_requests WHERE at < now() - interval '10 minutes'";
const FORGET_EVERY_MS = 60_000;
// In one order, so that two instances never wait for each other.
const REMEMBER = `INSERT INTO seen_requests (signature) SELECT unnest($1::text[]) AS signature ORDER BY signature
  ON CONFLICT DO NOTHING RETURNING signature`;

export type SeenRequests = {
  /** True when a request with this signature came before, to any instance. */
  seen(signature: string): Promise<boolean>;
  stop(): Promise<void>;
};

type Asked = { signature: string; tell: (seen: boolean) => void; fail: (error: unknown) => void };

/**
 * Asks the database on a connection of its own, for all requests at once that came while the last were asked: Slack is
 * answered after this, and must wait neither for our other work nor for each request before it.
 */
export function connectSeenRequests(url: string, onError: (error: unknown) => void): SeenRequests {
  const pool = connect(url, onError, 1);
  let waiting: Asked[] = [];
  let asking: Promise<void> | null = null;

  const ask = async (): Promise<void> => {
    while (waiting.length > 0) {
      const asked = waiting;
      waiting = [];
      try {
        const signatures = [...new Set(asked.map(({ signature }) => signature))];
        const { rows } = await pool.query<{ signature: string }>(REMEMBER, [signatures]);
        const fresh = new Set(rows.map(({ signature }) => signature));
        // Of two with the same signature only the first is fresh.
        for (const { signature, tell } of asked) tell(!fresh.delete(signature));
      } catch (error) {
        for (const { fail } of asked) fail(error);
      }
    }
    asking = null;
  };
  const forgetting = setInterval(() => void pool.query(FORGET).catch(onError), FORGET_EVERY_MS);
  return {
    seen: signature =>
      new Promise((tell, fail) => {
        waiting.push({ signature, tell, fail });
        asking ??= ask();
      }),
    stop: async () => {
      clearInterval(forgetting);
      await asking;
      await pool.end();
    },
  };
}
