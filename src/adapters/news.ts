import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { NEWS } from './store.ts';
import { within } from './within.ts';

/** Hears that something happened to a deploy, from whichever process of the bot it happened in. */
export type News = {
  /** Resolves at the next news of the deploy, at the latest after so many ms or when the signal aborts. */
  wait(deploy: string, ms: number, signal?: AbortSignal): Promise<void>;
  onEach(listener: (deploy: string) => void): void;
  /** After the connection was lost: what was told meanwhile nobody heard, and waits have ended. */
  onMissed(listener: () => void): void;
  stop(): Promise<void>;
};

/** A connection can be gone without our being told: it is asked for a sign of life so often, and given so long for it. */
const CHECK_EVERY_MS = 10_000;
const ALIVE_WITHIN_MS = 5_000;

/** Listens on a connection of its own, which it opens again when it breaks. */
export async function hearNews(
  pool: pg.Pool,
  url: string,
  onError: (error: unknown) => void,
  checkEveryMs = CHECK_EVERY_MS,
): Promise<News> {
  const emitter = new EventEmitter().setMaxListeners(0);
  const stopping = new AbortController();
  let client: pg.Client | null = null;

  const listen = async (): Promise<void> => {
    const fresh = new pg.Client({ ...pool.options, connectionString: url });
    fresh.on('error', onError);
    fresh.on('notification', ({ payload }) => {
      emitter.emit('any', payload);
      emitter.emit(`of ${payload}`);
    });
    try {
      await fresh.connect();
      await within(ALIVE_WITHIN_MS, fresh.query(`LISTEN ${NEWS}`));
    } catch (error) {
      // It may be dead: its end would never be answered.
      fresh.connection.stream.destroy();
      throw error;
    }
    // One that never opened ends as well: whoever tried it tries again.
    fresh.once('end', () => void again());
    client = fresh;
    if (stopping.signal.aborted) await fresh.end();
  };
  const again = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        await listen();
        emitter.emit('missed');
        return;
      } catch (error) {
        onError(error);
      }
    }
  };

  const isAlive = async (asked: pg.Client): Promise<void> => {
    const timeout = sleep(ALIVE_WITHIN_MS, 'late', { ref: false });
    const said = await Promise.race([asked.query('SELECT 1').catch(() => null), timeout]);
    // Its end makes us listen anew.
    if (said === 'late' && asked === client) asked.connection.stream.destroy();
  };

  await listen();
  const checking = setInterval(() => client && void isAlive(client), checkEveryMs);
  return {
    wait: (deploy, ms, signal) =>
      new Promise(resolve => {
        const done = () => {
          clearTimeout(timer);
          emitter.off(`of ${deploy}`, done);
          emitter.off('missed', done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        emitter.once(`of ${deploy}`, done);
        emitter.once('missed', done);
        signal?.addEventListener('abort', done);
        if (signal?.aborted) done();
      }),
    onEach: listener => {
      emitter.on('any', listener);
    },
    onMissed: listener => {
      emitter.on('missed', listener);
    },
    stop: async () => {
      stopping.abort();
      clearInterval(checking);
      await client?.end().catch(onError);
    },
  };
}
