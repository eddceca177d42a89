import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { type Heroku, HerokuRefused, type OneOffEnd, type OneOffs } from '../outside.ts';
import { settled } from './heroku-streams.ts';
import { labelOf, readOutput, wrapCommand } from './one-off-command.ts';
import { endInLog } from './one-off-log.ts';
import { attach } from './rendezvous.ts';

/** So long after a dyno is gone the log may still tell how it ended, ms. */
const LOG_LAG_MS = 10_000;

type OneOffHeroku = Pick<Heroku, 'dynos' | 'startOneOff' | 'stopDyno' | 'openLog'>;

/**
 * Commands in one-off dynos, attached over Heroku's rendezvous.
 *
 * A dyno is never stopped because the bot leaves: a migration that is ended half-way is worse than one that nobody looks
 * at. It goes on by itself, its marker in its command, and the next bot finds it by that.
 */
export function connectOneOffs(heroku: OneOffHeroku): OneOffs {
  const find = async (app: string, marker: string) =>
    (await heroku.dynos(app)).find(({ command }) => command.startsWith(labelOf(marker)));

  /** Waits until a run that nobody is attached to has ended, and asks the log how. */
  const outcome = async (app: string, marker: string, signal: AbortSignal, lost: string): Promise<OneOffEnd> => {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const dyno = await find(app, marker);
    const told = endInLog(heroku, { app, label: labelOf(marker), dyno }, either);
    const gone = async (): Promise<null> => {
      await settled(
        () => find(app, marker),
        listed => listed === undefined,
        either,
      );
      return sleep(LOG_LAG_MS, null, { signal: either });
    };
    const waited = gone();
    try {
      const end = await Promise.race([told, waited]);
      signal.throwIfAborted();
      return end ?? { kind: 'unclear', why: `${lost}, it is gone now, and the log does not tell how it ended` };
    } finally {
      over.abort();
      await Promise.allSettled([told, waited]);
    }
  };

  return {
    async run({ app, marker, release, command, env = {}, signal, mayAct, onLine }) {
      if (await find(app, marker)) return outcome(app, marker, signal, 'It was running already');
      const secret = randomUUID();
      const line = wrapCommand({ marker, command, secret });
      // Just after a release Heroku may not know it yet, and says 409 (the CLI's lib/run/dyno.ts).
      const dyno = await pRetry(() => heroku.startOneOff(app, line, env, mayAct), {
        retries: 3,
        shouldRetry: ({ error }) => error instanceof HerokuRefused && error.status === 409,
      }).catch(error => {
        if (error instanceof HerokuRefused) return error;
        throw error;
      });
      if (dyno instanceof HerokuRefused) return { kind: 'not run', why: dyno.message };
      const notRun = async (why: string): Promise<OneOffEnd> => {
        // Without us it gives up by itself; and when the deploy is another process's by now, that one says how it went.
        await heroku.stopDyno(app, dyno.name, mayAct).catch(mayAct);
        return { kind: 'not run', why };
      };
      if (dyno.release !== release) return notRun(`Heroku would run it on v${dyno.release}, not on v${release}`);

      const output = readOutput(secret, onLine);
      const onText = (text: string) => {
        output.push(text);
        return output.code !== null;
      };
      const { met, why } = await attach(dyno.attachUrl, onText, signal);
      output.end();
      if (output.code !== null) return { kind: 'exited', code: output.code, told: 'by output' };
      if (!met) return notRun(`${dyno.name} could not be attached to: ${why}`);
      return outcome(app, marker, signal, `The connection to ${dyno.name} was lost (${why ?? 'Heroku closed it'})`);
    },
    resume: ({ app, marker, signal }) => outcome(app, marker, signal, 'Nobody was attached to it'),
  };
}
