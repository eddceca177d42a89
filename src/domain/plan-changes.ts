import { withoutSizes } from './migration/words.ts';
import type { Plan } from './plan.ts';
import { withoutMentions } from './refusal.ts';

/** What is different between the plan that a person saw and the one that would run now, in sentences; none where only details differ. */
export function planChanges(seen: Plan, now: Plan): string[] {
  const changes: string[] = [];
  if (seen.commit.sha !== now.commit.sha) {
    changes.push(
      `${withoutMentions(now.ref)} moved from ${seen.commit.sha.slice(0, 8)} to ${now.commit.sha.slice(0, 8)}.`,
    );
  }
  if (seen.live.version !== now.live.version) {
    changes.push(`v${now.live.version} went live in place of v${seen.live.version}.`);
  }
  if (seen.web.quantity !== now.web.quantity || seen.web.size !== now.web.size) {
    changes.push(`Web was ${seen.web.quantity} × ${seen.web.size}, and is now ${now.web.quantity} × ${now.web.size}.`);
  }
  if (seen.proof !== now.proof)
    changes.push(`The proof of the switchover would be by ${now.proof} instead of ${seen.proof}.`);
  const fresh = now.warnings.filter(notAmong(seen.warnings));
  const settled = seen.warnings.filter(notAmong(now.warnings));
  changes.push(...fresh.map(warning => `New: ${warning}`), ...settled.map(warning => `No longer so: ${warning}`));
  return changes;
}

function notAmong(warnings: readonly string[]): (warning: string) => boolean {
  const known = warnings.map(withoutSizes);
  return warning => !known.includes(withoutSizes(warning));
}
