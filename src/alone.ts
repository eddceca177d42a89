import { listedUntilGone } from './closed-dynos.ts';
import { latest } from './domain/deploy.ts';
import type { Release } from './outside.ts';
import type { Run } from './run.ts';

// Before anything is destroyed: that no code but this deploy's can be there which needs it, neither as the live release nor
// in a dyno of any kind, nor may have come and be hidden by Heroku.

/** What speaks against destroying anything now, and what whoever pressed can do about it. */
export type Objection = { why: string; next: string };

/** Releases that are looked at: an approval may wait for a day. */
const HISTORY = 200;

const PRESS_AGAIN = 'Press again when that is mended, or hold them.';

/** The code that must be alone: that of the live release as long as nothing is released. */
function ours({ deploy }: Run): { version: number; slug: string | null } {
  return latest(deploy, 'released') ?? deploy.plan.live;
}

/** Releases of other code that are live or came after ours, newest first. What failed never ran. */
async function others(run: Run): Promise<Release[]> {
  const { version, slug } = ours(run);
  const releases = await run.outside.heroku.releases(run.deploy.plan.app, HISTORY);
  return releases.filter(
    release =>
      release.slug !== slug &&
      (release.current || release.version > version) &&
      (release.status === 'succeeded' || release.status === 'pending'),
  );
}

/**
 * Other code that came after ours, in a sentence; null when there is none. Also where ours is live again: under preboot the
 * dynos of what was released in between serve on for minutes, and `GET /dynos` hides them.
 */
export async function otherLive(run: Run): Promise<string | null> {
  const [other] = await others(run);
  return other ? wordsForOther(other) : null;
}

function wordsForOther({ version, description, by, status }: Release): string {
  const done = status === 'pending' ? 'is being released' : 'was released meanwhile';
  return `v${version} (${description}, by ${by}) ${done}, and may need what these would destroy.`;
}

/** What speaks against it at this moment; null when new code is alone and well. */
export async function objection(run: Run): Promise<Objection | null> {
  const { app } = run.deploy.plan;
  // In this order: a release that is made in between is then among those that are read.
  const dynos = await run.outside.heroku.dynos(app);
  const other = await otherLive(run);
  if (other) return { why: other, next: 'Hold them, and deploy again: then they are asked anew.' };
  const released = latest(run.deploy, 'released');
  // Before the release it is the old code that may be down: mending that is what this deploy is for.
  if (!released) return null;
  const older = dynos.filter(({ release }) => release < released.version);
  if (older.length > 0) {
    const names = older.map(({ name, release }) => `${name} (v${release})`);
    return { why: wordsForOlder(names, app), next: PRESS_AGAIN };
  }
  const down = dynos.filter(dyno => dyno.type === 'web' && dyno.state !== 'up');
  if (down.length === 0) return null;
  return {
    why: `New code is not well: ${down.map(dyno => `${dyno.name} is ${dyno.state}`).join(', ')}. See \`heroku logs -a ${app}\`.`,
    next: PRESS_AGAIN,
  };
}

const wordsForOlder = (names: readonly string[], app: string): string =>
  `Old code still runs: ${names.join(', ')}. End what runs there, with \`heroku ps:stop ${names[0]?.split(' ')[0]} -a ${app}\`.`;

/** `live`: the release of other code that is live; null where it is still to come, or ours is live again. */
type NotAlone = { kind: 'other'; why: string; live: Release | null } | { kind: 'older'; why: string };

/** Gives the dynos of code that must not be there. */
type Look = (run: Run, isOther: (release: number) => boolean) => Promise<string[]>;

/**
 * Right before it runs, for the yes may be old by now. Dynos of old code are waited for. `other`: code came that may be
 * there in ways that nobody sees. Where every dyno was stopped there are none: what came there and went is in the way only
 * as long as a dyno of it is listed.
 */
export async function notAlone(run: Run, listed: Look = waitedFor): Promise<NotAlone | null> {
  const version = latest(run.deploy, 'released')?.version;
  const older = version === undefined ? [] : await listed(run, release => release < version);
  const found = await others(run);
  const live = found.find(({ current }) => current) ?? null;
  const hidesNone = latest(run.deploy, 'dynos stopped') !== undefined;
  const inTheWay = hidesNone ? found.filter(({ status }) => status === 'pending') : found;
  const other = live ?? inTheWay[0];
  if (other) return { kind: 'other', why: wordsForOther(other), live };
  const gone = found.map(release => release.version);
  const left = gone.length === 0 ? older : [...older, ...(await listed(run, release => gone.includes(release)))];
  return left.length > 0 ? { kind: 'older', why: wordsForOlder(left, run.deploy.plan.app) } : null;
}

/** As it is now, for one that has begun waits for the answer. */
export const rightNow: Look = async (run, isOther) => {
  const dynos = await run.outside.heroku.dynos(run.deploy.plan.app);
  return dynos.filter(({ release }) => isOther(release)).map(({ name }) => name);
};

const waitedFor: Look = (run, isOther) =>
  run.listening(
    signal => listedUntilGone(run, signal, isOther),
    async () => ({ answer: 'It waits until no dyno of old code runs, and then its migrations do.' }),
  );
