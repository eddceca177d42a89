import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { NEWS } from './store.ts';

/** Hears that something happened to a deploy, from whichever process of the bot it happened in. */
export type News = {
  /** Resolves at the next news of the deploy, at the latest after so many ms or when the signal aborts. */
  wait(deploy: string, ms: number, signal?: AbortSignal): Promise<void>;
  onEach(listener: (deploy: string) => void): void;
  stop(): Promise<void>;
};

/** Listens on a connection of its own, which it opens again when it breaks. */
export async function hearNews(pool: pg.Pool, url: string, onError: (error: unknown) => void): Promise<News> {
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
    fresh.once('end', () => void again());
    client = fresh;
    await fresh.connect();
    await fresh.query(`LISTEN ${NEWS}`);
  };
  const again = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        return await listen();
      } catch (error) {
        onError(error);
      }
    }
  };

  await listen();
  return {
    wait: (deploy, ms, signal) =>
      new Promise(resolve => {
        const done = () => {
          clearTimeout(timer);
          emitter.off(`of ${deploy}`, done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        emitter.once(`of ${deploy}`, done);
        signal?.addEventListener('abort', done);
        if (signal?.aborted) done();
      }),
    onEach: listener => {
      emitter.on('any', listener);
    },
    stop: async () => {
      stopping.abort();
      await client?.end().catch(onError);
    },
  };
}
