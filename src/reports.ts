import type { AppSettings } from './domain/app.ts';
import type { Closing } from './domain/closing.ts';
import type { Deploy } from './domain/deploy.ts';
import { ALL_APPS, type Lock } from './domain/lock.ts';
import type { NotBegun } from './domain/schedule.ts';
import { type Place, placeBehind } from './domain/turn.ts';
import { notBegun } from './not-begun.ts';
import { type Heroku, NotFound, type Release, type SourceHost } from './outside.ts';
import type { Closings, Ledger, Locks, Schedules, Starts } from './team.ts';

// What people ask without changing anything. Most of it is in our own tables; Heroku and GitHub are asked about one app.

export type AppStatus = {
  app: string;
  running: Deploy | null;
  /** Those who wait behind it, in order. */
  waiting: readonly { deploy: Deploy; place: Place | null }[];
  last: Deploy | null;
  locks: readonly Lock[];
  /** Wanted, and not begun. */
  notBegun: readonly NotBegun[];
  /** Closed on a person's word. */
  closing: Closing | null;
};

/** Of one app also what Heroku says of it now. */
export type LiveStatus = AppStatus & { live: Release | null; maintenance: boolean; commit: string | null };

/** Whether a commit is live: it is the one that serves, part of it, or not; `open` is a deploy that would bring it. */
export type CommitStatus = {
  app: string;
  sha: string;
  subject: string;
  live: { version: number; commit: string | null };
  is: 'the live one' | 'part of it' | 'not live' | 'not known';
  /** Commits between the two. */
  distance: number;
  open: Deploy | null;
};

type Parts = {
  ledger: Pick<Ledger, 'running' | 'deploy' | 'recent'>;
  locks: Pick<Locks, 'on'>;
  starts: Pick<Starts, 'waiting'>;
  schedules: Pick<Schedules, 'waiting'>;
  closings: Pick<Closings, 'standing'>;
  heroku: Heroku;
  source: SourceHost;
};

/** Answers for `/deploy status`, `queue`, `history`, `stats` and `live`, as values; who may see them is asked before. */
export class Reports {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** How each of these apps stands. */
  async status(apps: readonly AppSettings[]): Promise<AppStatus[]> {
    const { ledger, locks, closings } = this.#parts;
    const [running, held, wanted, closed] = await Promise.all([
      ledger.running(),
      locks.on(null),
      notBegun(this.#parts, null),
      closings.standing(),
    ]);
    return Promise.all(
      apps.map(async ({ name }) => {
        const mine = running.filter(({ app }) => app === name);
        const deploys = await Promise.all(mine.map(({ id }) => ledger.deploy(id)));
        const [first, ...behind] = deploys;
        const [last] = first ? [null] : await ledger.recent(name, 1);
        return {
          app: name,
          running: first ?? null,
          waiting: behind.map((deploy, index) => ({
            deploy,
            place: placeBehind(mine.slice(0, index + 1), Date.now()),
          })),
          last: last ?? null,
          locks: held.filter(({ scope }) => scope === name || scope === ALL_APPS),
          notBegun: wanted.filter(({ plan }) => plan.app === name),
          closing: closed.find(({ app }) => app === name) ?? null,
        };
      }),
    );
  }

  async app(settings: AppSettings): Promise<LiveStatus> {
    const { heroku } = this.#parts;
    const { name } = settings;
    const [[known], app, releases] = await Promise.all([
      this.status([settings]),
      heroku.app(name),
      heroku.releases(name, 20),
    ]);
    if (!known) throw new Error(`no status of ${name}`);
    const live = releases.find(({ current }) => current) ?? null;
    const commit = live?.slug ? await heroku.slugCommit(name, live.slug) : null;
    return { ...known, live, maintenance: app.maintenance, commit };
  }

  /** The app's deploys, newest first. */
  history({ name }: AppSettings, most: number): Promise<Deploy[]> {
    return this.#parts.ledger.recent(name, most);
  }

  /** Throws NotFound when GitHub has no such commit. */
  async commit(settings: AppSettings, ref: string): Promise<CommitStatus> {
    const { source, heroku, ledger } = this.#parts;
    const { name, repository } = settings;
    const [wanted, releases, [running]] = await Promise.all([
      source.commit(repository, ref),
      heroku.releases(name, 20),
      ledger.running(name),
    ]);
    const live = releases.find(({ current }) => current);
    const commit = live?.slug ? await heroku.slugCommit(name, live.slug) : null;
    const { is, distance } = await this.#compare(repository, wanted.sha, commit);
    return {
      ...{ app: name, sha: wanted.sha, subject: wanted.subject, is, distance },
      live: { version: live?.version ?? 0, commit },
      open: running ? await ledger.deploy(running.id) : null,
    };
  }

  async #compare(
    repository: string,
    wanted: string,
    live: string | null,
  ): Promise<Pick<CommitStatus, 'is' | 'distance'>> {
    if (live === null) return { is: 'not known', distance: 0 };
    if (live === wanted) return { is: 'the live one', distance: 0 };
    try {
      // What the wanted commit has and the live one has not.
      const { total, behind } = await this.#parts.source.compare(repository, live, wanted);
      return total === 0 ? { is: 'part of it', distance: behind } : { is: 'not live', distance: total };
    } catch (error) {
      if (error instanceof NotFound) return { is: 'not known', distance: 0 };
      throw error;
    }
  }
}
