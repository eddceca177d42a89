import { filesOf } from './gate.ts';
import { expectedSeconds, type Plan } from './plan.ts';
import { planChanges } from './plan-changes.ts';
import { withoutMentions } from './refusal.ts';

// One deploy of an app at a time: the others wait for their turn, in order.

/** A deploy that has not ended, as the queue behind it needs to know it. `asks`: it waits for an approval. */
export type Ahead = { startedBy: string; startedAt: string; asks: boolean; plan: Plan };

/** What the bot itself has against a deploy when its turn comes. `floor`: the oldest release whose code fits the schema; null when all do. */
export type Objections = { reasons: readonly string[]; floor: number | null };

/** How many are ahead, whose the first is and whether it waits for an approval, and how long all may take, seconds. */
export type Place = { ahead: number; behind: string; asks: boolean; waitSeconds: number };

/** The place behind these; null when it is next. `now` in ms. */
export function placeBehind(ahead: readonly Ahead[], now: number): Place | null {
  const [first] = ahead;
  if (!first) return null;
  const { startedBy: behind, asks } = first;
  return { ahead: ahead.length, behind, asks, waitSeconds: Math.round(expectedWait(ahead, now)) };
}

/** Seconds until those ahead are expected to be through; what waits for a person counts for nothing. */
function expectedWait(ahead: readonly Ahead[], now: number): number {
  return ahead.reduce((sum, { plan, startedAt }, index) => {
    const whole = expectedSeconds(plan) + (filesOf(plan.migrations, 'contract').length > 0 ? plan.soakSeconds : 0);
    const passed = index === 0 ? (now - Date.parse(startedAt)) / 1000 : 0;
    return sum + Math.max(0, whole - passed);
  }, 0);
}

/**
 * What the owner of a deploy that waited for its turn must say yes to again, in sentences. That others went live before
 * it is what it waited for, and no news.
 */
export function newsAtItsTurn(seen: Plan, now: Plan): string[] {
  const { sha } = now.commit;
  const news = planChanges({ ...seen, live: now.live, changes: now.changes }, now);
  const lost = now.changes?.behind ?? 0;
  if (lost > (seen.changes?.behind ?? 0)) {
    news.push(`The live code has ${lost} commits that ${sha.slice(0, 8)} does not: they would go away.`);
  }
  if (now.live.commit === sha && seen.live.commit !== sha) {
    news.push(`${sha.slice(0, 8)} went live meanwhile, as v${now.live.version}.`);
  }
  for (const direction of ['expand', 'contract'] as const) {
    const known = new Set(filesOf(seen.migrations, direction).map(({ file }) => file));
    const fresh = filesOf(now.migrations, direction).filter(({ file }) => !known.has(file));
    if (fresh.length > 0)
      news.push(`New migrations would run: ${fresh.map(({ file }) => withoutMentions(file)).join(', ')}.`);
  }
  return news;
}
