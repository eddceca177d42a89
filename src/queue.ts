import { cancelAsked, cancelled, isCalledOff, isCancelled } from './cancelling.ts';
import { latest } from './domain/deploy.ts';
import { newsAtItsTurn } from './domain/turn.ts';
import type { Next, Run } from './run.ts';

// A deploy whose turn has come after others: the world is not the one of its plan any more.

/** How long its owner is asked whether it should go on, before it is called off and the next one has its turn. */
const ASKED_FOR_MS = 2 * 3_600_000;

const GO_ON: Next = { to: 'Take the turn' };

/** Plans it again; what its owner did not know when they pressed Start is asked first. */
export async function planAgain(run: Run): Promise<Next> {
  if (!latest(run.deploy, 'planned again')) {
    // It may be tried for hours, where GitHub or Heroku says no to this bot.
    if (await isCalledOff(run)) return cancelled(run);
    const judged = await run.outside.planAgain(run.deploy);
    if (judged.kind === 'refused') {
      return run.end('stopped', `Its turn came, but: ${judged.reasons.join(' ')} Nothing was begun.`);
    }
    const news = newsAtItsTurn(run.deploy.plan, judged.plan);
    await run.record({ kind: 'planned again', plan: judged.plan, news });
  }
  const again = latest(run.deploy, 'planned again');
  if (!again?.news.length || latest(run.deploy, 'agreed')) return GO_ON;
  if (isCancelled(run)) return cancelled(run);
  return run.listening<Next>(
    async signal => {
      await run.outside.time.until(Date.parse(again.at) + ASKED_FOR_MS, signal);
      await run.pressesAnswered(signal);
      return run.end('cancelled', 'Its turn came, and nobody said for 2 hours whether to go on. Nothing was begun.');
    },
    async click => {
      if (click.kind === 'go on') {
        await run.record({ kind: 'agreed', by: click.by });
        return { answer: 'It goes on.', instead: GO_ON };
      }
      const answer = await cancelAsked(run, click, 'Cancelled: nothing is built or released.');
      return isCancelled(run) ? { answer, instead: await cancelled(run) } : { answer };
    },
  );
}
