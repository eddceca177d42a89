import type { Heroku } from './outside.ts';

/** How old an answer may be, ms: Heroku gives 4,500 calls an hour for everything, and many look at their Home. */
const KEPT_MS = 10 * 60_000;
/** That Heroku gave none is kept, too: else every look at a Home would ask it again while it is down. */
const FAILURE_KEPT_MS = 60_000;

type Asked = { since: string; until: number; version: Promise<number | null> };

/** Which release of each app is live, by Heroku: asked seldom, for what many people look at. */
export class LiveReleases {
  readonly #heroku: Pick<Heroku, 'releases'>;
  readonly #asked = new Map<string, Asked>();

  constructor(heroku: Pick<Heroku, 'releases'>) {
    this.#heroku = heroku;
  }

  /** Its version; null when Heroku does not tell. `since` names what happened to the app last: after it, it is asked anew. */
  of(app: string, since: string): Promise<number | null> {
    const known = this.#asked.get(app);
    if (known && known.since === since && performance.now() < known.until) return known.version;
    const version = this.#heroku.releases(app, 20).then(
      releases => releases.find(({ current }) => current)?.version ?? null,
      () => {
        asked.until = performance.now() + FAILURE_KEPT_MS;
        return null;
      },
    );
    const asked: Asked = { since, until: performance.now() + KEPT_MS, version };
    this.#asked.set(app, asked);
    return version;
  }
}
