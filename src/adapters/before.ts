import type { Probe } from '../domain/app.ts';
import { NO_SAMPLE, type Sample, withDyno, withProbe, withProbeLine, withRequest } from '../domain/health.ts';
import { type LogEvent, readLogLine } from '../domain/log-line.ts';
import type { Heroku, Prober } from '../outside.ts';
import { steadyNow } from './clock.ts';
import type { ProbeMarks } from './probe-marks.ts';
import { backOff, pause } from './watch-feed.ts';

const ASK_EVERY_MS = 1_000;
const IN_FLIGHT = 10;

/** How an app is before anything is done to it. `stop` leaves the log to whoever else reads it by then. */
export type Before = { sample: () => Sample; stop: () => void };

/** Counts what the log and a probe each second tell of an app, until it is stopped. */
export function listenBefore(ask: {
  app: string;
  url: string;
  probe: Probe;
  /** The release that serves: dynos of a later one are no longer how the app was. */
  live: number;
  openLog: Heroku['openLog'];
  prober: Prober;
  marks: ProbeMarks;
  warn: (err: unknown, what: string) => void;
}): Before {
  const stopped = new AbortController();
  const { signal } = stopped;
  let sample = NO_SAMPLE;
  let newest = 0;
  /** When the log says that a later release was made: workers of that run at once, before anybody may have noticed. */
  let overAt = Number.POSITIVE_INFINITY;

  const hear = async (): Promise<void> => {
    // Those of a session that broke are replayed by the next.
    const known = newest;
    let oldest: number | null = null;
    for await (const line of ask.openLog(ask.app, signal)) {
      const event = readLogLine(line, ask.marks.knows);
      if (!event || event.at <= known) continue;
      oldest ??= event.at;
      sample = counted(sample, event);
      // What is told of the time before goes as far back as the log does.
      if (sample.from !== null) sample = { ...sample, from: Math.min(sample.from, steadyNow() - (event.at - oldest)) };
    }
  };
  const counted = (sample: Sample, event: LogEvent): Sample => {
    newest = Math.max(newest, event.at);
    if (event.kind === 'api' && releaseIn(event.text) > ask.live) overAt = Math.min(overAt, event.at);
    if (event.kind !== 'request' && event.at >= overAt) return sample;
    if (event.kind !== 'request') return withDyno(sample, event, steadyNow());
    if (event.byUs === null) return sample;
    return event.byUs ? withProbeLine(sample, event, steadyNow()) : withRequest(sample, event, steadyNow());
  };
  const listen = async (): Promise<void> => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      await hear().catch(err => signal.aborted || ask.warn(err, 'The log session broke'));
      await pause(backOff(attempt), signal);
    }
  };

  let inFlight = 0;
  const probe = async (): Promise<void> => {
    if (inFlight >= IN_FLIGHT) return;
    inFlight++;
    try {
      const { status, sentAt, receivedAt } = await ask.prober.ask(ask.url, ask.probe, signal, ask.marks.next());
      sample = withProbe(sample, { status, tookMs: receivedAt - sentAt }, steadyNow());
    } catch (err) {
      if (!signal.aborted) ask.warn(err, 'A probe failed');
    } finally {
      inFlight--;
    }
  };
  const asking = setInterval(() => void probe(), ASK_EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(asking));
  void probe();
  void listen();
  return { sample: () => sample, stop: () => stopped.abort() };
}

/** The release that was made, by the words of Heroku's API; 0 when it says something else. */
const releaseIn = (text: string): number => Number(/^Release v(\d+) created/.exec(text)?.[1] ?? 0);
