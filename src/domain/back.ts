import type { PlannedCommit } from './app.ts';

// Going back on purpose: an older release's code becomes a new release, and is proved to serve like any other. Heroku
// gives back its config vars too, not its add-ons nor its schema (heroku.md, releases).

/** Releases that are looked at: Heroku keeps 20, and those of the last 30 days (changelog 3395). */
export const LOOKED_AT = 60;

/** A release as far as going back needs to know it. */
export type PastRelease = {
  id: string;
  version: number;
  description: string;
  by: string;
  slug: string | null;
  status: string;
  current: boolean;
  /** Heroku still has all of it: `eligible_for_rollback`. */
  eligible: boolean;
  createdAt: string;
};

/** A release that one could go back to, or why not (in a sentence). */
export type Candidate = { release: PastRelease; refused: string | null };

/** What a plan that goes back adds to any other. `config`: what was done to the config vars since, and is undone. */
export type Back = {
  id: string;
  version: number;
  gone: { commits: readonly PlannedCommit[]; total: number } | null;
  config: readonly string[];
  candidates: readonly { version: number; description: string; by: string; createdAt: string }[];
};

/**
 * The releases before the live one, newest first, each with why one cannot go back to it. `floor`: the first release
 * whose contract migrations ran; code from before it needs what they destroyed.
 */
export function candidatesOf(releases: readonly PastRelease[], floor: number | null): Candidate[] {
  const live = releases.find(({ current }) => current);
  return releases
    .filter(({ version }) => live !== undefined && version < live.version)
    .sort((a, b) => b.version - a.version)
    .map(release => ({ release, refused: whyNot(release, releases, live, floor) }));
}

function whyNot(
  { version, slug, status, eligible }: PastRelease,
  releases: readonly PastRelease[],
  live: PastRelease | undefined,
  floor: number | null,
): string | null {
  const name = `v${version}`;
  if (status === 'failed') return `${name} failed: it never was live.`;
  if (status === 'expired') return `${name} has expired: Heroku keeps 20 releases, and 30 days.`;
  if (slug === null) return `${name} has no code.`;
  const first = Math.min(...releases.filter(known => known.slug === slug).map(known => known.version));
  if (floor !== null && first < floor) {
    return `${name} needs the schema from before v${floor}, whose contract migrations destroyed what its code uses.`;
  }
  if (!eligible) return `Heroku does not let anybody go back to ${name} any more.`;
  return slug === live?.slug ? `${name} is the code that is live.` : null;
}

/** The release asked for, or the newest other code that one can go back to; or every reason why there is none. */
export function chooseBack(
  candidates: readonly Candidate[],
  version: number | null,
): { release: PastRelease } | { refused: string[] } {
  if (version !== null) {
    const found = candidates.find(({ release }) => release.version === version);
    if (!found) return { refused: [`There is no release v${version} to go back to. ${listed(candidates)}`] };
    const { release, refused } = found;
    return refused === null ? { release } : { refused: [`${refused} ${listed(candidates)}`] };
  }
  const found = candidates.find(({ refused }) => refused === null);
  if (found) return { release: found.release };
  const reasons = candidates.slice(0, 5).flatMap(({ refused }) => refused ?? []);
  return { refused: reasons.length > 0 ? reasons : ['There is no release before the live one.'] };
}

/** What was live right before that release: the newest one that had succeeded and has code. Failed ones never were. */
export const liveBefore = <R extends Pick<PastRelease, 'version' | 'status' | 'slug'>>(
  releases: readonly R[],
  version: number,
): R | undefined =>
  releases
    .filter(release => release.version < version && release.status === 'succeeded' && release.slug !== null)
    .sort((a, b) => b.version - a.version)[0];

function listed(candidates: readonly Candidate[]): string {
  const open = candidates.filter(({ refused }) => refused === null).map(({ release }) => `v${release.version}`);
  return open.length > 0
    ? `One can go back to ${open.slice(0, 10).join(', ')}.`
    : 'There is no other release to go back to.';
}

/** What was done to config vars after a release, newest first: names only, as Heroku's own descriptions have them. */
export const configSince = (releases: readonly PastRelease[], version: number): string[] =>
  releases
    .filter(release => release.version > version && /\bconfig vars?$/.test(release.description))
    .map(release => `v${release.version}: ${release.description}`);
