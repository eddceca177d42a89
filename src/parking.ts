import type { Next, Stage } from './run.ts';

/**
 * For a deploy that another version of the bot left at a stage which this one does not know. It waits, nothing is done, and
 * people are asked: a version that knows the stage goes on with it by itself.
 */
export const park =
  (stage: string): Stage =>
  async run => {
    const last = run.deploy.facts.findLast(({ kind }) => kind !== 'trouble');
    // Anew where it has gone on since, and come back to a version like this one: the card of then has no buttons any more.
    if (last?.kind !== 'parked' || last.stage !== stage)
      await run.record({ kind: 'parked', stage }, `parked at ${stage} after ${last?.seq}`);
    return run.listening<Next>(aborted, async ({ kind, by }) => {
      if (kind !== 'end here') {
        return { answer: 'This version of the bot does not know how it goes on: the newest card says what to do.' };
      }
      const why = `<@${by}> ended it where this version of the bot could not go on (“${stage}”). What was done stays done, and what was not is not done: look before you deploy again.`;
      return { answer: 'It ends here.', instead: await run.end('stopped', why) };
    });
  };

/** Never resolves; rejects when the signal aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
