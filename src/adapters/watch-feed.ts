import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '../domain/app.ts';
import type { Connections } from '../domain/health.ts';
import { type LogEvent, readLogLine } from '../domain/log-line.ts';
import { type Observation, probesPerSecond, type Watch } from '../domain/watch.ts';
import type { Heroku, Prober } from '../outside.ts';
import { steadyNow } from './clock.ts';
import type { ProbeMarks } from './probe-marks.ts';

// What a watch is fed with: the app's answers, its log, and the few reads that the fold asks for.

const IN_FLIGHT = 40;
const RELEASES = 10;
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Questions that are answered, and asked again at once, are read no more seldom than this: a crash must be heard of. */
const ANSWERED_MS = 4_000;
/** Without the log nothing would ask: then the lists are looked at, ever more seldom. */
const BLIND_MS = [5_000, 10_000, 20_000, 30_000];
/** A session that lasted so long was a good one: the next is opened soon. */
const LASTING_MS = 30_000;
/** The log is waited for so long before the app is asked: what an answer says of old dynos is told by where the log stood. */
const LOG_WITHIN_MS = 5_000;
/** Lines that say nothing to the fold still show that the log is unbroken: one in so long is enough. */
const LOG_KNOWN_EVERY_MS = 500;
const COUNT_EVERY_MS = 10_000;
/** Enough in a minute for the gate to judge by. */
const SPARING_PROBES_PER_S = 0.2;
/** Each session is a call of the account's: where none lasts, waiting must not use them up. */
const SPARING_PAUSES = 4;

/** What is asked of Heroku for a watch. */
export type WatchedHeroku = Pick<Heroku, 'dynos' | 'releases' | 'openLog'>;

export type Feed = {
  readonly app: string;
  readonly url: string;
  readonly probe: Probe;
  readonly heroku: WatchedHeroku;
  readonly prober: Prober;
  readonly marks: ProbeMarks;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly watch: () => Watch;
  readonly see: (seen: Observation) => void;
  /** For what only counts: nothing follows from one of them. */
  readonly count: (seen: Observation) => void;
  /** Connections to the app's database now; null where it has none that can be asked. */
  readonly connections: () => Promise<Connections | null>;
  /** The watch's time for a time by `steadyNow`. */
  readonly timeOf: (steady: number) => number;
  /** Resolves when the next thing was seen, or at the end. */
  readonly change: () => Promise<void>;
  readonly warn: (err: unknown, what: string) => void;
  /** True while it is only waited for people: then little is asked, and nothing at intervals. */
  readonly sparing: () => boolean;
  /** Lines so far that a list read before them cannot know of. */
  lines: number;
};

const now = (feed: Feed): number => feed.timeOf(steadyNow());

export const backOff = (attempt: number): number => BACK_OFF_MS[attempt] ?? 30_000;

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** One log session at a time; each that ends is followed by another, and the fold told what it replayed. */
export async function listen(feed: Feed): Promise<void> {
  for (let attempt = 0; !feed.signal.aborted; attempt++) {
    const begun = performance.now();
    try {
      await hear(feed);
    } catch (err) {
      if (!feed.signal.aborted) feed.warn(err, 'The log session broke');
    }
    feed.see({ kind: 'log closed', at: now(feed) });
    if (performance.now() - begun > LASTING_MS) attempt = 0;
    await pause(backOff(attempt) * (feed.sparing() ? SPARING_PAUSES : 1), feed.signal);
  }
}

async function hear(feed: Feed): Promise<void> {
  const known = feed.watch().logTo ?? 0;
  let oldest: number | null = null;
  const whole = (): void => {
    if (oldest !== null) feed.see({ kind: 'log whole', at: now(feed), oldest });
  };
  for await (const line of feed.heroku.openLog(feed.app, feed.signal, whole)) {
    const event = readLogLine(line, feed.marks.knows);
    if (!event) continue;
    if (oldest === null) feed.see({ kind: 'log opened', at: now(feed), oldest: event.at });
    oldest ??= event.at;
    // Replayed ones were counted before the last session broke.
    if (event.kind === 'request' && event.at <= known) continue;
    if (!isNews(event) && event.at <= (feed.watch().logTo ?? 0) + LOG_KNOWN_EVERY_MS) {
      if (event.kind === 'request') feed.count({ kind: 'line', at: now(feed), event });
      continue;
    }
    if (event.kind === 'state' || event.kind === 'error' || event.kind === 'api') feed.lines++;
    feed.see({ kind: 'line', at: now(feed), event });
  }
}

const isNews = (event: LogEvent): boolean => (event.kind === 'request' ? event.status >= 500 : event.kind !== 'other');

/** Asks the app, on schedule and not one after the other: a slow answer must not slow the proof. */
export async function keepAsking(feed: Feed): Promise<void> {
  const late = pause(LOG_WITHIN_MS, feed.signal).then(() => 'late');
  while (!feed.watch().logOpen && (await Promise.race([feed.change(), late])) !== 'late');
  if (feed.signal.aborted) return;
  let inFlight = 0;
  let pace = 0;
  let timer: NodeJS.Timeout | undefined;
  const ask = () => {
    if (inFlight >= IN_FLIGHT) return;
    inFlight++;
    feed.prober
      .ask(feed.url, feed.probe, feed.signal, feed.marks.next())
      .then(answer => {
        const [sentAt, receivedAt] = [feed.timeOf(answer.sentAt), feed.timeOf(answer.receivedAt)];
        feed.see({ kind: 'answer', ...answer, sentAt, receivedAt });
      })
      .catch(err => feed.signal.aborted || feed.warn(err, 'A probe failed'))
      .finally(() => {
        inFlight--;
        keepPace();
      });
  };
  const keepPace = () => {
    const wanted = feed.sparing() ? SPARING_PROBES_PER_S : probesPerSecond(feed.watch());
    if (wanted === pace || feed.signal.aborted) return;
    clearInterval(timer);
    pace = wanted;
    timer = setInterval(ask, 1_000 / pace);
  };
  feed.signal.addEventListener('abort', () => clearInterval(timer));
  ask();
  keepPace();
}

/** Looks at the database until old code is gone, over a connection of a moment: it may be short of them. */
export async function keepCounting(feed: Feed): Promise<void> {
  while (!feed.signal.aborted && !feed.sparing() && feed.watch().goneAt === null) {
    try {
      const connections = await feed.connections();
      if (!connections) return;
      feed.see({ kind: 'connections', at: now(feed), ...connections });
    } catch (err) {
      feed.warn(err, 'The connections to the database could not be counted');
    }
    await pause(COUNT_EVERY_MS, feed.signal);
  }
}

/** The reads that would settle a question: at once, then ever more seldom while it stays open. */
export async function keepReading(feed: Feed): Promise<void> {
  let readAt = Number.NEGATIVE_INFINITY;
  let attempt = 0;
  let blind = 0;
  let closedAt = performance.now();
  let overtaken = false;
  while (!feed.signal.aborted) {
    const { asks, logOpen } = feed.watch();
    const lookedAt = performance.now();
    if (logOpen) {
      closedAt = lookedAt;
      blind = 0;
    }
    const isAsked = overtaken || asks.dynos || asks.releases;
    const isBlind = !feed.sparing() && lookedAt - Math.max(closedAt, readAt) >= (BLIND_MS[blind] ?? 30_000);
    const isDue = isAsked && (attempt === 0 || lookedAt - readAt >= backOff(attempt - 1));
    if (!isAsked && lookedAt - readAt > backOff(attempt)) attempt = 0;
    if (!isDue && !isBlind) {
      await feed.change();
      continue;
    }
    if (!isDue) blind++;
    const linesBefore = feed.lines;
    const all = overtaken || isBlind;
    const heard: boolean[] = await Promise.all([
      all || asks.dynos ? readDynos(feed) : true,
      all || asks.releases ? readReleases(feed) : true,
    ]);
    const failed = heard.includes(false);
    // The fold takes a list for an answer to all that it had asked, though a line may have come after the list was made.
    overtaken = failed || feed.lines > linesBefore;
    readAt = performance.now();
    const left = feed.watch().asks;
    const isOpen = failed || (asks.dynos && left.dynos) || (asks.releases && left.releases);
    attempt = isOpen ? attempt + 1 : Math.min(attempt + 1, BACK_OFF_MS.indexOf(ANSWERED_MS) + 1);
  }
}

async function readDynos(feed: Feed): Promise<boolean> {
  const at = now(feed);
  try {
    feed.see({ kind: 'dynos', at, dynos: await feed.heroku.dynos(feed.app) });
    return true;
  } catch (err) {
    feed.warn(err, 'The dynos could not be read');
    return false;
  }
}

async function readReleases(feed: Feed): Promise<boolean> {
  const at = now(feed);
  try {
    const releases = await feed.heroku.releases(feed.app, RELEASES);
    const seen = releases.map(({ version, slug, status, by, description, updatedAt }) => {
      return { version, slug, status, by, what: description, at: Date.parse(updatedAt) };
    });
    feed.see({ kind: 'releases', at, releases: seen });
    return true;
  } catch (err) {
    feed.warn(err, 'The releases could not be read');
    return false;
  }
}
