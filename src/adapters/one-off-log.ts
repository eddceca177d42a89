import { setTimeout as sleep } from 'node:timers/promises';
import { readLogLine } from '../domain/log-line.ts';
import type { Dyno, Heroku, OneOffEnd } from '../outside.ts';

/** A log that breaks or ends is opened again after so long, ms. */
const REOPEN_MS = 3_000;

const STARTING = /^(\S+) heroku\[([^\]]+)\]: Starting process with command `(.*)/s;

/**
 * Waits until the app's log tells how a one-off dyno ended, by lines that only Heroku writes. `label`: how its command
 * begins. `dyno`: as it was listed, if it was. Null when the signal aborts before.
 */
export async function endInLog(
  heroku: Pick<Heroku, 'openLog'>,
  ask: { app: string; label: string; dyno: Dyno | undefined },
  signal: AbortSignal,
): Promise<OneOffEnd | null> {
  // Names come again: another dyno of that name may have ended before.
  let since = ask.dyno ? Date.parse(ask.dyno.createdAt) : Number.POSITIVE_INFINITY;
  let name = ask.dyno?.name;
  while (!signal.aborted) {
    try {
      for await (const line of heroku.openLog(ask.app, signal)) {
        const [, at = '', started, command] = STARTING.exec(line) ?? [];
        if (command?.startsWith(ask.label)) {
          name = started;
          since = Date.parse(at);
        }
        const event = readLogLine(line);
        if (!event || event.at < since || !('dyno' in event) || event.dyno !== name) continue;
        if (event.kind === 'exited') return { kind: 'exited', code: event.status, told: 'by log' };
        if (event.kind === 'error' && event.code === 'R13')
          return { kind: 'not run', why: 'Nobody attached to it in time (R13)' };
      }
    } catch {
      // What could not be read is read again; the caller knows when to stop.
    }
    await sleep(REOPEN_MS, undefined, { signal }).catch(() => {});
  }
  return null;
}
