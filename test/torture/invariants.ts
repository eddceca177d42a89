import type { AppSeen, Closure, Evidence, Said, Started } from './evidence.ts';

// What must be true after every run, whatever was killed and whatever failed. Each check gives a sentence for each
// violation; test/torture-invariants.test.ts shows that it finds one that was planted.

export type Check = (seen: Evidence) => string[];

/** A clock of Postgres and one of Node, read one after the other on one machine: as far as two records may be apart, ms. */
const APART_MS = 250;
/** How a root message begins that has ended: also where Slack took no blocks, and so has its sentence alone. */
const ENDED =
  /^(:\w+: )?\*?(\S+ (is deployed|was rolled back)|The deploy of \S+ (failed|was cancelled|was stopped|ended without proof)|Another release took)/;
const ANNOUNCEMENT = /New code serves(?: again)?: \S+ runs v(\d+)/;

export const CHECKS = {
  'at most one build for each deploy': seen =>
    seen.apps.flatMap(app =>
      repeated(marked(app.builds.map(({ mark }) => mark))).map(mark => `${app.name} was built twice for “${mark}”`),
    ),

  'at most one release for each deploy, and one way back': seen =>
    seen.apps.flatMap(app => {
      const deployed = app.releases.filter(({ description }) => description.startsWith('Deploy '));
      const twice = repeated(marked(deployed.map(({ mark }) => mark)));
      return [
        ...twice.map(mark => `${app.name} was released twice for “${mark}”`),
        ...app.releases.flatMap(({ version, description, slug }, index) =>
          description.startsWith('Rollback to') && app.releases[index - 1]?.slug === slug
            ? [`v${version} of ${app.name} goes back to what v${version - 1} had already`]
            : [],
        ),
      ];
    }),

  'each migration runs once': seen =>
    seen.apps.flatMap(({ name, ran, recorded }) => [
      ...repeated(ran.map(({ file }) => file)).map(file => `${file} of ${name} ran twice`),
      ...repeated(recorded).map(file => `${file} of ${name} is recorded twice`),
    ]),

  'contract comes after old code is gone, and after a yes': seen => seen.apps.flatMap(app => earlyContracts(app, seen)),

  'one root message for each deploy': seen => {
    const roots = seen.posts.filter(({ key }) => key === 'root');
    return [
      ...repeated(roots.flatMap(({ deploy }) => deploy ?? [])).map(deploy => `${deploy} has two root messages`),
      ...seen.started.flatMap(({ id, app }) =>
        rootOf(seen, id) ? [] : [`${id} of ${app} was begun, and nothing in the channel says so`],
      ),
    ];
  },

  'one announcement for each deploy, not before the true switch': seen =>
    deploysIn(seen).flatMap(deploy => announcementsOf(deploy, seen)),

  // People answer all that they are asked as long as anything goes on: what still waits has buttons that do nothing.
  'every deploy ended': seen =>
    deploysIn(seen).flatMap(({ id, app }) => {
      const root = rootOf(seen, id);
      return !root || hasEnded(root.last) ? [] : [`${id} of ${app} never ended: “${firstLine(root.last)}”`];
    }),

  'no maintenance, no lock and no stopped dyno is left behind': seen =>
    seen.apps.flatMap(({ name, maintenance, web, dynos, advisoryLocks, openTransactions, releases, live }) => {
      // Code that cannot serve is crashed, not stopped: where it cannot go back, a person opens the app as it is.
      const isBad = releases.some(({ version, bad }) => version === live && bad);
      const stands = isBad ? ['up', 'crashed', 'starting'] : ['up'];
      const up = dynos.filter(({ type, state }) => type === 'web' && stands.includes(state)).length;
      return [
        ...(maintenance ? [`${name} is still closed`] : []),
        ...(up === web && web > 0 ? [] : [`${up} of ${web} web dynos of ${name} are up`]),
        ...(advisoryLocks > 0 ? [`${advisoryLocks} advisory locks are held in the database of ${name}`] : []),
        ...(openTransactions > 0 ? [`${openTransactions} transactions are left open in the database of ${name}`] : []),
      ];
    }),

  'no request failed because of the bot': seen =>
    seen.apps.flatMap(app => {
      const harmed = seen.failed.filter(request => request.app === app.name && !isExcused(request, app, seen));
      const [first] = harmed;
      if (!first) return [];
      const by = first.dyno ? `v${first.dyno.release}` : 'nobody';
      return [
        `${harmed.length} requests to ${app.name} failed, the first with ${first.code ?? first.status} by ${by} at ${new Date(first.at).toISOString()}`,
      ];
    }),

  'no process of the bot ends by itself, or hangs as it starts': seen => [...seen.lastWords],

  'no secret is shown': seen => [...seen.leaks],
} as const satisfies Record<string, Check>;

export type Violation = { check: string; what: string };

export function violations(seen: Evidence): Violation[] {
  return Object.entries(CHECKS).flatMap(([check, find]) => find(seen).map(what => ({ check, what })));
}

/** Those that people know of, and those that the channels do. */
function deploysIn({ started, posts }: Evidence): Pick<Started, 'id' | 'app'>[] {
  const told = posts.flatMap(({ key, deploy, channel }) =>
    key === 'root' && deploy ? [{ id: deploy, app: channel }] : [],
  );
  return [...new Map([...told, ...started].map(deploy => [deploy.id, deploy])).values()];
}

const rootOf = (seen: Evidence, deploy: string): Said | undefined =>
  seen.posts.find(post => post.deploy === deploy && post.key === 'root');

/** Whether a root message says that its deploy has ended. */
export const hasEnded = (text: string): boolean => ENDED.test(text);

const marked = (marks: readonly (string | null)[]): string[] => marks.flatMap(mark => mark ?? []);

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** Those that are there more than once, each once. */
function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function earlyContracts({ name, ran }: AppSeen, seen: Evidence): string[] {
  const starts = seen.truths.filter(truth => truth.app === name && truth.kind === 'dyno-started');
  const exits = new Map(
    seen.truths.flatMap(truth =>
      truth.app === name && truth.kind === 'dyno-exited' ? [[truth.id, truth.at] as const] : [],
    ),
  );
  return ran
    .filter(({ file }) => /shrink|contract/.test(file))
    .flatMap(({ file, at }) => {
      const alive = starts.flatMap(truth => {
        const left = 'id' in truth ? exits.get(truth.id)?.getTime() : undefined;
        return truth.at.getTime() < at - APART_MS && (left ?? Number.POSITIVE_INFINITY) > at + APART_MS
          ? [truth.release]
          : [];
      });
      const newest = Math.max(...alive);
      const old = alive.filter(release => release < newest);
      const approved = seen.presses.some(
        press =>
          press.app === name &&
          press.label === 'Run them' &&
          press.by !== seen.presses.find(({ label, deploy }) => label === 'Start' && deploy === press.deploy)?.by &&
          press.at <= at + APART_MS &&
          (rootOf(seen, press.deploy)?.endedAt ?? Number.POSITIVE_INFINITY) > at,
      );
      return [
        ...(old.length > 0 ? [`${file} of ${name} ran while v${old[0]} lived beside v${newest}`] : []),
        ...(approved
          ? []
          : [`${file} of ${name} ran without a second person's approval of a deploy that was going on`]),
      ];
    });
}

function announcementsOf({ id, app }: Pick<Started, 'id' | 'app'>, seen: Evidence): string[] {
  const told = seen.posts.filter(post => post.deploy === id && post.broadcast && ANNOUNCEMENT.test(post.first));
  const root = rootOf(seen, id);
  const isDeployed = /^(:\w+: )?\*?\S+ is deployed/.test(root?.last ?? '');
  const early = told.flatMap(post => {
    const release = Number(ANNOUNCEMENT.exec(post.first)?.[1]);
    const flips = seen.truths.filter(
      truth => truth.app === app && truth.release === release && truth.kind === 'switched',
    );
    const switched = Math.min(...flips.map(({ at }) => at.getTime()));
    if (post.at >= switched - APART_MS) return [];
    const when = Number.isFinite(switched)
      ? `${Math.round(switched - post.at)} ms before the switch`
      : 'though it never switched';
    return [`v${release} of ${app} was announced ${when}`];
  });
  return [
    ...(told.length > 1 ? [`${id} of ${app} was announced ${told.length} times`] : []),
    ...(told.length === 0 && isDeployed ? [`${id} of ${app} is deployed and was never announced`] : []),
    ...early,
  ];
}

/** A closed page for as long as people had asked for it, and code that cannot serve, are not the bot's. */
function isExcused({ code, dyno, router, at }: Evidence['failed'][number], app: AppSeen, seen: Evidence): boolean {
  if (code === 'H80') return closuresOf(app, seen).some(({ from, until }) => from <= +at && +at <= until + APART_MS);
  const pointed = seen.truths.findLast(
    truth => truth.app === app.name && truth.kind === 'router-flipped' && truth.router === router && truth.at <= at,
  );
  const release = dyno?.release ?? pointed?.release;
  return app.releases.some(({ version, bad }) => version === release && bad);
}

/** What they closed by a command, and what a deploy closes, from its Start until it says that it has ended. */
function closuresOf({ name }: AppSeen, seen: Evidence): Pick<Closure, 'from' | 'until'>[] {
  const deploys = seen.presses.flatMap(({ app, closes, deploy, at }) => {
    const root = app === name && closes ? rootOf(seen, deploy) : undefined;
    return root ? [{ from: at, until: root.endedAt ?? Number.POSITIVE_INFINITY }] : [];
  });
  return [...deploys, ...seen.closures.filter(({ app }) => app === name)];
}
