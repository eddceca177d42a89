import { DateTime, Duration } from 'luxon';
import { sentence, withoutMentions } from './refusal.ts';

// A lock keeps new deploys from beginning, never running ones from going on. Whoever holds it may still deploy.

/** `scope`: an app, or `all`. `id` names this holding of it. Times as ISO; `until` null: no end. */
export type Lock = {
  scope: string;
  id: string;
  by: string;
  reason: string;
  channel: string;
  at: string;
  until: string | null;
};

export const ALL_APPS = 'all';
/** Owners are reminded so often, ms. */
export const REMIND_LOCK_MS = 3 * 3_600_000;
const LONGEST_DAYS = 30;

export const scopeWords = (scope: string): string => (scope === ALL_APPS ? 'Every app' : scope);

/** Why this person may not deploy now, one sentence or two for each lock; none for their own. */
export function lockRefusals(locks: readonly Lock[], user: string): string[] {
  return locks
    .filter(({ by }) => by !== user)
    .map(
      ({ scope, by, reason, at, until }) =>
        `${scopeWords(scope)} is locked by <@${by}> since ${clock(at)}${until ? `, until ${clock(until)}` : ''}: ${sentence(withoutMentions(reason))} Ask them to unlock it, or take that over with \`/deploy unlock ${scope}\`. You are told when it is free.`,
    );
}

/** What whoever deploys under their own lock should not forget. */
export const lockWarnings = (locks: readonly Lock[], user: string): string[] =>
  locks
    .filter(({ by }) => by === user)
    .map(({ scope }) => `${scopeWords(scope)} is locked by you: nobody else can deploy.`);

const clock = (iso: string): string => DateTime.fromISO(iso, { zone: 'utc' }).toFormat("d LLL HH:mm 'UTC'");

const UNITS = { m: 'minutes', min: 'minutes', h: 'hours', d: 'days' } as const;

/** Reads `15m`, `2h`, `1h30m` or `3d`, as ms; null for what is none of them, or longer than a month. */
export function readDuration(text: string): number | null {
  const parts = [...text.toLowerCase().matchAll(/(\d{1,5})(min|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text.toLowerCase()) return null;
  const ms = parts.reduce((sum, [, count, unit]) => {
    const name = UNITS[unit as keyof typeof UNITS];
    return sum + Duration.fromObject({ [name]: Number(count) }).toMillis();
  }, 0);
  return ms > 0 && ms <= Duration.fromObject({ days: LONGEST_DAYS }).toMillis() ? ms : null;
}
