import type { Access } from './access.ts';
import type { Deploy } from './domain/deploy.ts';
import { type App, approvalRefused, mayDeploy } from './domain/permission.ts';
import { waitsForApproval } from './domain/readings.ts';
import { NotNow, Refusal } from './domain/refusal.ts';
import type { NotBegun } from './domain/schedule.ts';
import type { LiveReleases } from './live-releases.ts';
import type { AppStatus, Reports } from './reports.ts';

/** `live`: the release that is, as far as Heroku told lately. `asksMe`: what waits for this person's yes or no. */
export type HomeApp = AppStatus & { live: number | null; mayDeploy: boolean; asksMe: readonly (Deploy | NotBegun)[] };

type Parts = { access: Access; reports: Reports; live: LiveReleases };

/** What a person's Home shows: each app that they may see, and what they may do with it. Throws NotNow when Slack does not tell. */
export async function lookAtHome({ access, reports, live }: Parts, user: string): Promise<HomeApp[]> {
  const apps = new Map((await access.visible(user).catch(nothing)).map(app => [app.name, app]));
  const all = await reports.status([...apps.values()]);
  return Promise.all(
    all.flatMap(status => {
      const app = apps.get(status.app);
      return app ? [homeApp(app, status, user, live)] : [];
    }),
  );
}

async function homeApp(app: App, status: AppStatus, user: string, live: LiveReleases): Promise<HomeApp> {
  const { running, last, notBegun } = status;
  const deploy = running ?? last;
  const may = (startedBy: string, fourEyes: boolean): boolean =>
    approvalRefused({ ...app, fourEyes }, { user, startedBy }) === null;
  return {
    ...status,
    live: await live.of(app.name, `${deploy?.id} ${running !== null}`),
    mayDeploy: mayDeploy(app, user),
    asksMe: [
      ...(running && waitsForApproval(running) && may(running.startedBy, app.fourEyes || running.plan.fourEyes)
        ? [running]
        : []),
      ...notBegun.filter(({ kind, by }) => kind === 'asked' && may(by, true)),
    ],
  };
}

/** Who may see nothing has an empty Home; of whom Slack does not tell just now who they are, that is not known. */
function nothing(error: unknown): readonly App[] {
  if (error instanceof Refusal && !(error instanceof NotNow)) return [];
  throw error;
}
