import { HerokuRefused } from './outside.ts';
import type { Run } from './run.ts';

/** A call that was cut off by its timeout or a kill may be carried out some seconds later. */
const AGAIN_MS = 10_000;
const LOOKS = 3;

/**
 * Looks for what a call that was asked before may have made: at once, and again while it may still be on its way. Only
 * when it is not there then may it be asked again. `asked`: whether it was, as far as the facts tell.
 */
export async function foundInFlight<T>(
  run: Run,
  asked: boolean,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let looks = 1; ; looks++) {
    const found = await look();
    if (found !== undefined || !asked || looks === LOOKS) return found;
    await run.outside.time.pass(AGAIN_MS, run.signal);
  }
}

/**
 * Asks for it. Where that was done before, a no may mean that it is under way by now: it only counts where it is not there then
 * either.
 */
export async function askedAgain<T>(
  run: Run,
  asked: boolean,
  ask: () => Promise<T>,
  look: () => Promise<T | undefined>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const found = asked && error instanceof HerokuRefused ? await foundInFlight(run, true, look) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}
