import { type Deploy, type Fact, type FactOf, latest, latestOfThese } from './domain/deploy.ts';
import { hasClosed } from './domain/readings.ts';
import { foundInFlight } from './in-flight.ts';
import { again, type Next, type Run } from './run.ts';

// An app that is closed while its schema changes. What was found before is recorded first, and that record alone decides
// who may open it again: what a person closed, a deploy never opens.

/** How often people are told that an app is still closed. */
const REMIND_MS = 5 * 60_000;

/** Closes the app, unless somebody has. */
export async function closeTheApp(run: Run): Promise<void> {
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const times = openings(run.deploy);
  const { maintenance } = await heroku.app(app);
  if (!latestOfThese(run.deploy, 'closing') || !hasClosed(run.deploy)) {
    await run.record({ kind: 'closing', byUs: !maintenance }, nth(again(run, 'closing'), times));
  }
  if (maintenance || !latest(run.deploy, 'closing')?.byUs) return;
  await heroku.setMaintenance(app, true, run.mayAct);
}

/** Opens what we closed, once: what is closed after that a person has closed. */
export async function openTheApp(run: Run): Promise<void> {
  if (!hasClosed(run.deploy)) return;
  const { heroku } = run.outside;
  const { app } = run.deploy.plan;
  const times = openings(run.deploy);
  // It may never have been closed: Heroku may have said no to that, and would to this. Or it is still being closed.
  const isClosed = await foundInFlight(run, !wentOn(run.deploy), async () =>
    (await heroku.app(app)).maintenance ? true : undefined,
  );
  if (isClosed) await heroku.setMaintenance(app, false, run.mayAct);
  await run.record({ kind: 'opened' }, nth(again(run, 'opened'), times));
}

const openings = ({ facts }: Deploy): number => facts.filter(({ kind }) => kind === 'opened').length;

/** Whether something was done since the app was closed: then Heroku had answered that it was. */
const wentOn = ({ facts }: Deploy): boolean =>
  facts.some(({ kind, seq }) => AFTERWARDS.includes(kind) && seq > (latest({ facts }, 'closing')?.seq ?? 0));

const AFTERWARDS: readonly Fact['kind'][] = ['dynos stopping', 'build asked', 'going back', 'migrating'];

const nth = (key: string, before: number): string => (before === 0 ? key : `${key}, after ${before}`);

/** Half of a change is in the database: only a person can say whether the new code can live with it. */
export async function askAboutTheClosedApp(run: Run): Promise<Next> {
  const failure = run.deploy.facts.findLast(({ kind }) => LEAVES_IT_CLOSED.includes(kind));
  const key = `left closed ${failure?.seq}`;
  await run.record({ kind: 'left closed' }, key);
  const known = answerSince(run, latest(run.deploy, 'left closed'));
  if (known) return known;
  const since = Date.parse(latest(run.deploy, 'left closed')?.at ?? '');
  return run.listening<Next>(
    async signal => {
      for (;;) {
        const told = run.deploy.facts.filter(fact => fact.kind === 'still closed').length;
        await run.outside.time.until(since + (told + 1) * REMIND_MS, signal);
        await run.record({ kind: 'still closed' }, `${key}, told ${told}`);
      }
    },
    async ({ kind, by }) => {
      if (kind !== 'open' && kind !== 'try again') {
        return { answer: 'The app is closed, and a person must say how it goes on: only Open and Try again are left.' };
      }
      await run.record({ kind: 'closed app answered', by, what: kind }, `${key}, answered`);
      const answer = kind === 'open' ? 'Opening it.' : 'Trying again.';
      return { answer, instead: after(run, kind) };
    },
  );
}

const LEAVES_IT_CLOSED: readonly Fact['kind'][] = ['migration failed', 'dynos down', 'rollback failed'];

/** In maintenance mode its dynos are started first; what crashed there is started again, the schema being done with. */
function after({ deploy }: Run, answer: 'open' | 'try again'): Next {
  if (!deploy.plan.maintenance) return { to: answer === 'open' ? 'Open the app' : 'Contract the schema' };
  const failure = deploy.facts.findLast(({ kind }) => LEAVES_IT_CLOSED.includes(kind));
  return {
    to: answer === 'try again' && failure?.kind === 'migration failed' ? 'Contract the schema' : 'Start the dynos',
  };
}

/** What a press decided before this stage was killed: it was answered, so it does not come again. */
function answerSince(run: Run, asked: FactOf<'left closed'> | undefined): Next | null {
  const answered = latest(run.deploy, 'closed app answered');
  if (!answered || !asked || answered.seq < asked.seq) return null;
  return after(run, answered.what);
}
