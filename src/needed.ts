import { HerokuRefused, NotFound } from './outside.ts';
import type { Run } from './run.ts';

// What a stage reads from outside before it begins. While people wait for it, it is not tried for ever.

const WITHIN_MS = 120_000;
const AGAIN_MS = 5_000;

/** What was needed cannot be had: nothing has begun for it. */
export class NotGiven extends Error {}

/** What `ask` gives, asked again for two minutes; throws NotGiven after that, or at once where asking again would not help. */
export async function needed<T>({ outside: { time }, signal }: Run, ask: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal]);
  let why = 'There was no answer.';
  const asked = async (): Promise<T> => {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
        if (error instanceof NotFound || error instanceof HerokuRefused) throw new NotGiven(why);
        await time.pass(AGAIN_MS, until);
      }
    }
  };
  const late = async (): Promise<never> => {
    await time.pass(WITHIN_MS, until);
    throw new NotGiven(`What they need could not be had for 2 minutes: ${why}`);
  };
  try {
    return await Promise.race([asked(), late()]);
  } finally {
    done.abort();
  }
}
