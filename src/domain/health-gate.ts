import {
  added,
  forgiven,
  kindOf,
  type NewDyno,
  NO_SAMPLE,
  NOT_BY_CODE,
  p95,
  type Sample,
  secondsOf,
  totalOf,
} from './health.ts';
import { newestMinute } from './measure.ts';
import type { Watch } from './watch.ts';

// Is new code well? What it did in the newest minute is compared with how the app was before the deploy, so that one which
// was bad already is not blamed on it. Every rule wants several signs, in two slices of 10 s at least: a blip is none.

/**
 * What is not well, and what that is held against, without an end: *31 of 100 requests failed*, *Before: 0 of 240*. `slow`:
 * nothing failed.
 */
export type Complaint = { now: string; against: string; slow?: true };

/** `suspicious`: signs of it, too few or too young to say so. `well` comes with what could not be compared. */
export type Verdict =
  | { kind: 'not judged'; why: string }
  | { kind: 'well'; unjudged: readonly string[] }
  | { kind: 'suspicious' }
  | { kind: 'ill'; complaints: readonly Complaint[] };

/** So much less, and a share says nothing of the app. */
const LEAST_FAILURES = 5;
const LEAST_SHARE = 0.05;
const LEAST_REQUESTS = 20;
const LEAST_PROBES = 10;
const LEAST_TIMES = 50;
/** Times slower, and slower than that, ms. */
const SLOWER = 3;
const LEAST_SLOW_MS = 1_000;
/** Heroku says R14 about every 20 s while it lasts (error-codes article); before that long nothing can be said of it. */
const LEAST_R14 = 3;
const LEAST_SECONDS = 60;
/** True for what is too little to compare anything with. */
export const isThin = ({ requests, probes }: Sample): boolean => requests < LEAST_REQUESTS && probes < LEAST_PROBES;

/** How the app was with old code: before the deploy, or, where too little was seen then, in the window. */
function referenceOf({ goal, health }: Watch): Sample {
  return goal.before && !isThin(goal.before) ? goal.before : health.window;
}

/** What the gate says now. Before the proof that new code serves it says nothing: see `doomed`. */
export function verdictOf(watch: Watch): Verdict {
  const { health } = watch;
  if (watch.superseded) return { kind: 'not judged', why: 'other code was released meanwhile' };
  if (!watch.served) return { kind: 'not judged', why: 'new code was not proved to serve' };
  const crashes = crashLoops(watch);
  if (crashes.length > 0) return { kind: 'ill', complaints: crashes };
  // Without it a page that somebody closed looks like an app that fails.
  if (!watch.logOpen) return { kind: 'not judged', why: 'its log cannot be read' };
  const before = referenceOf(watch);
  const slices = newestMinute(watch);
  const minute = added(slices);
  const found = RULES.flatMap(rule => {
    const complaint = rule.isKnown(before) ? rule.complaint(minute, before) : null;
    const signs = slices.filter(slice => rule.sign(slice, before)).length;
    return complaint ? [{ complaint, lasts: signs >= 2 }] : [];
  });
  const memory = hungry(watch, before).map(({ dyno, what }) => ({
    now: `${dyno} ${what}`,
    against: 'Before: none did',
  }));
  const lasting = [...found.filter(({ lasts }) => lasts).map(({ complaint }) => complaint), ...memory];
  if (lasting.length > 0) return { kind: 'ill', complaints: lasting };
  if (found.length > 0) return { kind: 'suspicious' };
  const judged = RULES.filter(rule => rule.isKnown(before) && rule.isKnown(health.since));
  if (judged.length === 0) return { kind: 'not judged', why: whyNot(before, health.since) };
  return { kind: 'well', unjudged: RULES.filter(rule => !judged.includes(rule)).map(({ of }) => of) };
}

function whyNot(before: Sample, since: Sample): string {
  const seen = (sample: Sample) => `${sample.probes} probes and ${sample.requests} requests`;
  return `too little was seen: ${seen(before)} of old code, ${seen(since)} of new code`;
}

/** What the app suffered from before anything was done to it; empty when it was well, or too little was seen. */
export function illBefore(before: Sample): string[] {
  const complaints = RULES.flatMap(rule => (rule.isKnown(before) ? (rule.complaint(before, NO_SAMPLE) ?? []) : []));
  const memory = Object.entries(before.memory).map(([what, times]) => `${what} × ${times}`);
  const crashes = Object.entries(before.crashes).map(([kind, times]) => `${kind} dynos crashed, × ${times}`);
  return [...complaints.map(({ now }) => now), ...memory, ...crashes];
}

type Rule = {
  /** What it is about, for those who are told that it could not be compared. */
  of: string;
  isKnown: (sample: Sample) => boolean;
  complaint: (now: Sample, before: Sample) => Complaint | null;
  sign: (slice: Sample, before: Sample) => boolean;
};

/** Few answers prove little: two more failures are granted to what was before. */
const granted = (failed: number, all: number): number => (failed + 2) / (all + 2);
const tooMany = (failed: number, all: number, before: number): boolean =>
  failed >= LEAST_FAILURES && failed / all >= Math.max(LEAST_SHARE, 2 * before);

const byCode = (sample: Sample): number =>
  totalOf(Object.fromEntries(Object.entries(sample.failures).filter(([code]) => !NOT_BY_CODE.has(code))));

const codesOf = (sample: Sample): string => {
  const codes = Object.entries(sample.failures).map(([code, times]) => `${code} × ${times}`);
  return codes.length > 0 ? ` (${codes.join(', ')})` : '';
};

const failures: Rule = {
  of: 'requests',
  isKnown: ({ requests }) => requests >= LEAST_REQUESTS,
  complaint(now, before) {
    const was = before.requests === 0 ? 0 : granted(byCode(before), before.requests);
    if (!tooMany(byCode(now), now.requests, was)) return null;
    const said = (sample: Sample) =>
      `${totalOf(sample.failures)} of ${sample.requests} requests failed${codesOf(sample)}`;
    return { now: said(now), against: `Before: ${said(before)}` };
  },
  sign: slice => byCode(slice) > 0,
};

const probes: Rule = {
  of: 'probes',
  isKnown: ({ probes }) => probes >= LEAST_PROBES,
  complaint(now, before) {
    const was = before.probes === 0 ? 0 : granted(before.failed, before.probes);
    if (!tooMany(now.failed, now.probes, was)) return null;
    const said = (sample: Sample) => `${sample.failed} of ${sample.probes} probes failed`;
    return { now: said(now), against: `Before: ${said(before)}` };
  },
  sign: ({ failed }) => failed > 0,
};

/** 95 of 100 within so many ms; three times as many, and at least a second, is not well. */
function slow(of: string, least: number, times: (sample: Sample) => Record<number, number>): Rule {
  const tooSlow = (now: Sample, before: Sample): boolean =>
    (p95(times(now)) ?? 0) >= Math.max(LEAST_SLOW_MS, SLOWER * (p95(times(before)) ?? 0));
  return {
    of,
    isKnown: sample => totalOf(times(sample)) >= least,
    complaint(now, before) {
      if (totalOf(times(now)) < least || !tooSlow(now, before)) return null;
      const said = (sample: Sample) => `95 of 100 ${of} took up to ${p95(times(sample)) ?? 0} ms`;
      return { now: said(now), against: `Before: ${said(before)}`, slow: true };
    },
    sign: tooSlow,
  };
}

const RULES: readonly Rule[] = [
  failures,
  probes,
  slow('served requests', LEAST_TIMES, ({ service }) => service),
  slow('answers to the probe', LEAST_PROBES, ({ latency }) => latency),
];

/** Dynos of new code that crash again and again, or web dynos half of which did. Heroku starts one that crashed once anew. */
function crashLoops(watch: Watch): Complaint[] {
  const { goal } = watch;
  const fell = dynosOf(watch).filter(([name, { was, crashes }]) => crashes > 0 && !hadCrashed(goal, name, was));
  const web = fell.filter(([name]) => kindOf(name) === 'web');
  const bad = fell.filter(
    ([name, { crashes }]) => crashes >= 2 || (kindOf(name) === 'web' && 2 * web.length >= goal.web),
  );
  return bad.map(([name, { crashes }]) => ({
    now: `${name} crashed ${crashes === 1 ? 'once' : `${crashes} times`}`,
    against: goal.before?.crashes[kindOf(name)] ? 'Before: one crashed once' : 'Before: none was seen to crash',
  }));
}

const dynosOf = ({ health, logTo }: Watch): [string, NewDyno][] =>
  Object.entries(health.dynos).map(([name, dyno]) => [name, forgiven(dyno, logTo ?? 0)]);

/** Again and again before the deploy, as far as was seen; one that was crashed when it was released had been at it, too. */
const hadCrashed = ({ before }: Watch['goal'], dyno: string, was: string): boolean =>
  was === 'crashed' || (before?.crashes[kindOf(dyno)] ?? 0) >= 2;

/** R15 at all, or R14 that lasts, where before there was none for long enough to say so. */
function hungry(watch: Watch, reference: Sample): { dyno: string; what: string }[] {
  const before = watch.goal.before ?? reference;
  if (secondsOf(before) < LEAST_SECONDS) return [];
  return dynosOf(watch).flatMap(([name, dyno]) =>
    (['R15', 'R14'] as const).flatMap(code => {
      const had = before.memory[`${kindOf(name)} ${code}`] ?? 0;
      const times = dyno[code];
      if (had > 0 || times < (code === 'R15' ? 1 : LEAST_R14)) return [];
      return [{ dyno: name, what: `uses more memory than it has (${code} × ${times})` }];
    }),
  );
}

/**
 * Since when (ms) answers have been errors that do not say whose they are, where the app had none before; null when they
 * are not. New code that breaks where it would name itself looks like this, and so does old code that lost its database.
 */
export function failsUnnamed({ served, silence, goal }: Watch): number | null {
  if (served || !silence || silence.failed < LEAST_FAILURES) return null;
  const before = goal.before ?? NO_SAMPLE;
  const wasBad = before.probes > 0 && before.failed / before.probes >= LEAST_SHARE;
  return wasBad ? null : silence.since;
}

/**
 * What condemns new code before the switch, while old code answers everybody: only what its own dynos of other kinds than
 * web do, which are there already. Web dynos that crash are found with the dyno list. Null when there is nothing.
 */
export function doomed(watch: Watch): { dyno: string; what: string } | null {
  if (watch.firstNewAt !== null || watch.served) return null;
  const { goal, health } = watch;
  const fell = Object.entries(health.dynos).find(
    ([name, { was, crashes }]) => crashes >= 2 && !hadCrashed(goal, name, was),
  );
  if (fell) return { dyno: fell[0], what: `crashed ${fell[1].crashes} times` };
  return hungry(watch, NO_SAMPLE)[0] ?? null;
}
