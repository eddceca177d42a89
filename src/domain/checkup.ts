import type { Redact } from './redaction.ts';

/** Green: as it should be. Yellow: the bot works, but less well or less surely. Red: it does not work so. */
export type Level = 'green' | 'yellow' | 'red';

/** One thing that was looked at: what was found, and what to do where it is not green. */
export type Finding = { level: Level; what: string; found: string; todo?: string };

export const green = (what: string, found: string): Finding => ({ level: 'green', what, found });
export const yellow = (what: string, found: string, todo: string): Finding => ({ level: 'yellow', what, found, todo });
export const red = (what: string, found: string, todo: string): Finding => ({ level: 'red', what, found, todo });

/** What a check found, and what else it learned that other checks need. */
export type Checked<T = object> = T & { findings: Finding[] };

/** The check, or a red line and what is then known when it failed itself: the others are made all the same. */
export async function attempt<T>(what: string, check: Promise<Checked<T>>, otherwise: T): Promise<Checked<T>> {
  try {
    return await check;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const todo = 'Look whether this machine reaches it, then try again.';
    return { ...otherwise, findings: [red(what, `It could not be looked at: ${why}.`, todo)] };
  }
}

/** Nothing that is printed holds a secret, whatever a server has put into its words. */
export function withoutSecrets(finding: Finding, redact: Redact): Finding {
  const { todo, ...told } = finding;
  return { ...told, found: redact(told.found), ...(todo && { todo: redact(todo) }) };
}

/** What the bot does without, where whoever installed it declined a scope. */
const WITHOUT: { readonly [scope: string]: string } = {
  'usergroups:read': 'user groups have no role',
  'channels:read': 'members of public channels have no role',
  'groups:read': 'members of private channels have no role',
  'chat:write.public': 'it posts only where it was invited',
};

/** Scopes that were granted, compared with those that manifest.yml asks for. */
export function judgeScopes(
  asked: { needed: readonly string[]; optional: readonly string[] },
  granted: readonly string[],
): Finding {
  const what = 'Slack scopes';
  const reinstall =
    'Bring the app up to manifest.yml (App Manifest at https://api.slack.com/apps), then install it to the workspace again.';
  const absent = (scopes: readonly string[]): string[] => scopes.filter(scope => !granted.includes(scope));
  const missing = absent(asked.needed);
  const declined = absent(asked.optional);
  const surplus = granted.filter(scope => ![...asked.needed, ...asked.optional].includes(scope));
  if (missing.length > 0) return red(what, `Not granted: ${missing.join(', ')}.`, reinstall);
  if (declined.length > 0) {
    return yellow(
      what,
      `Not granted, though optional: ${declined.map(scope => `${scope} (${WITHOUT[scope] ?? 'not needed'})`).join(', ')}.`,
      `Fine if whoever installed the app wants it so. Else: ${reinstall}`,
    );
  }
  if (surplus.length > 0) {
    return yellow(
      what,
      `Granted, and not used by the bot: ${surplus.join(', ')}.`,
      'Take them away (OAuth & Permissions at https://api.slack.com/apps): a stolen token can do what they allow.',
    );
  }
  return green(what, `${granted.length} granted, as manifest.yml asks.`);
}

/** Off by more, ms, requests of Slack's seem to come from the future, and are refused. */
const REFUSED_MS = 60_000;
const SEEN_MS = 5_000;

/** Our clock against others: by how many ms each of them is ahead. The one in the middle is believed. */
export function judgeClock(ahead: ReadonlyMap<string, number>): Finding {
  const what = 'Clock';
  const sorted = [...ahead].sort(([, a], [, b]) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  const set = 'Set the clock of this machine (NTP).';
  if (!middle) return yellow(what, 'Nobody answered to compare it with.', 'Mend the red lines, then try again.');
  const [whose, ms] = middle;
  const seconds = Math.round(Math.abs(ms) / 1000);
  const off = `This machine is ${seconds} s ${ms > 0 ? 'behind' : 'ahead of'} ${whose}.`;
  if (Math.abs(ms) > REFUSED_MS) return red(what, `${off} Requests of Slack's may be refused for their time.`, set);
  if (Math.abs(ms) > SEEN_MS) return yellow(what, `${off} Times in the threads are off.`, set);
  return green(what, `Within ${Math.max(1, seconds)} s of ${sorted.map(([name]) => name).join(', ')}.`);
}

/** The bot runs its TypeScript as it is, so the major version in package.json's `engines` is not a matter of taste. */
export function judgeNode(version: string, engines: string): Finding {
  const what = 'Node';
  const [has, wanted] = [version, engines].map(text => Number.parseInt(text.replace(/^v/, ''), 10));
  if (has === wanted) return green(what, `${version}.`);
  const found = `${version}, and the bot is tried with ${engines}.`;
  const todo = `Install Node ${wanted} (https://nodejs.org), then try again.`;
  return Number(has) > Number(wanted) ? yellow(what, found, todo) : red(what, found, todo);
}
