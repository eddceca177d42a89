import 'dotenv/config';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { registerCommands } from '../commands/index.ts';
import { onlyReads } from '../commands/reading.ts';
import { chartOf } from '../views/chart.ts';
import { barredNotices, closingNotices } from '../views/closings.ts';
import { homeView } from '../views/home.ts';
import { lateReplies } from '../views/late.ts';
import { freedNotices, lockedNotices, lockReminders } from '../views/locks.ts';
import { pictureOf } from '../views/picture.ts';
import { bareBlocks, plainBlocks } from '../views/plain.ts';
import { replyTo } from '../views/reply.ts';
import { rootMessage } from '../views/root.ts';
import { scheduleNotices } from '../views/schedules.ts';
import { settingsNotices } from '../views/settings.ts';
import { startNotices } from '../views/starts.ts';
import { teamNotices } from '../views/team-settings.ts';
import { lateAnswer, nobodyHears, unheardNotice } from '../views/unheard.ts';
import { Access } from './access.ts';
import { appToken } from './adapters/app-tokens.ts';
import { createBolt } from './adapters/bolt.ts';
import { readCatalog } from './adapters/catalog.ts';
import { timeBy } from './adapters/clock.ts';
import { connectClosings } from './adapters/closings.ts';
import { withDatabases } from './adapters/connections.ts';
import { openDatabase } from './adapters/database.ts';
import { startEngine } from './adapters/engine.ts';
import { connectGitHub } from './adapters/github.ts';
import { every } from './adapters/health.ts';
import { connectHerokuByApp } from './adapters/heroku-by-app.ts';
import { connectHomes, homePublisher } from './adapters/homes.ts';
import { connectInbox } from './adapters/inbox.ts';
import { connectLocks } from './adapters/locks.ts';
import { createLog } from './adapters/log.ts';
import { connectMessages } from './adapters/messages.ts';
import { createMigrator } from './adapters/migrator.ts';
import { hearNews } from './adapters/news.ts';
import { connectNotices, NOTICES, putNotices } from './adapters/notices.ts';
import { connectOneOffs } from './adapters/one-off.ts';
import { connectDirectory } from './adapters/people.ts';
import { createProber } from './adapters/prober.ts';
import { renderPng } from './adapters/render.ts';
import { connectSchedules } from './adapters/schedules.ts';
import { connectSettings } from './adapters/settings.ts';
import { connectSlack, slackAnswers } from './adapters/slack.ts';
import { connectSlackBudgets } from './adapters/slack-budgets.ts';
import { connectFiles } from './adapters/slack-files.ts';
import { connectStarts } from './adapters/starts.ts';
import { Store } from './adapters/store.ts';
import { createVisit } from './adapters/visit.ts';
import { createWatcher } from './adapters/watcher.ts';
import { connectWatches } from './adapters/watches.ts';
import { askWorkspace } from './adapters/workspace.ts';
import { Administration } from './administration.ts';
import { Bot } from './bot.ts';
import { ClosingMoves } from './closing-moves.ts';
import { Doors } from './closings.ts';
import { ConfigError, readConfig, secretsIn, tokenKeys } from './config.ts';
import { parserReady } from './domain/migration.ts';
import { redacting } from './domain/redaction.ts';
import { lookAtHome } from './home-look.ts';
import { Homes } from './homes.ts';
import { LiveReleases } from './live-releases.ts';
import { Locking } from './locking.ts';
import { Narrator } from './narrator.ts';
import { Notifier } from './notifier.ts';
import type { MayAct } from './outside.ts';
import { Pace } from './pace.ts';
import { park } from './parking.ts';
import { Pictures } from './pictures.ts';
import { FIRST_STAGE, recipe } from './recipe.ts';
import { Reports } from './reports.ts';
import { type Journal, Run, runStage, type Stage } from './run.ts';
import { troubleIn } from './trouble.ts';

// Wiring: connects everything, goes on with what a former process left, and stops in the opposite order.

/** Whoever starts us anew may find it well. */
const START_WITHIN_MS = 300_000;
const SWEEP_MS = 20_000;
/** Heroku ends a dyno 30 s after its SIGTERM; whoever takes over should not wait for that. */
const LEAVE_WITHIN_MS = 9_000;
const SLACK_ASKED_MS = 30_000;
/** Anybody may ask whether we are ready, as often as they like. */
const POSTGRES_ASKED_MS = 1_000;
/** How late what has its time (the end of a lock) may be. */
const TICK_MS = 5_000;
/** How late it may be found out that another instance left something undone. */
const LEFT_MS = 1_000;
/** A wait for a press ends when it was told, or when it may not have been heard; this is for what nobody thought of. */
const LOOK_AGAIN_MS = 10 * 60_000;
/** Pixels: sharp where it is opened whole, on screens that have two for each. */
const PICTURE_WIDTH = 1_600;

const config = configOrExit();
const redact = redacting(secretsIn(process.env));
const log = createLog(config.LOG_LEVEL, redact);
const warn = (err: unknown) => log.warn({ err }, 'The database did not answer');
const instance = `${config.DYNO ?? 'bot'}-${randomUUID()}`;

const starting = setTimeout(cannotStart, START_WITHIN_MS, new Error('For 5 minutes nothing answered.')).unref();
const database = await openDatabase({ url: config.DATABASE_URL, dataDir: config.DATA_DIR }, warn).catch(cannotStart);
const store = new Store(database.pool);
const watches = connectWatches(database.pool, instance);
const news = await hearNews(database.pool, database.url, warn);
const keys = tokenKeys(config);
const { heroku, connections } = withDatabases(
  connectHerokuByApp({
    ...{ url: config.HEROKU_API_URL, token: config.HEROKU_API_KEY },
    tokenOf: app => appToken(database.pool, keys, app),
  }),
);
const source = connectGitHub({ url: config.GITHUB_API_URL, token: config.GITHUB_TOKEN });
const visit = createVisit(config.ALLOWED_PROBE_NETWORKS);
const prober = createProber(visit);
const watcher = createWatcher({ heroku, prober, store: watches, connections, log });

const journal: Journal = {
  deploy: id => store.deploy(id),
  append: (deploy, fact, key) => store.append(deploy, fact, key),
  openClick: deploy => store.oldestClick(deploy),
  nextClick: async (deploy, signal) => {
    for (;;) {
      signal.throwIfAborted();
      const heard = news.wait(deploy, LOOK_AGAIN_MS, signal);
      const click = await store.oldestClick(deploy);
      if (click) return click;
      await heard;
    }
  },
  answer: ({ id, plan }, click, answer) =>
    store.answerClick(id, click.id, answer, on => putNotices(on, [lateAnswer(plan.app, click, answer)])),
};
const migrator = createMigrator();
const locks = connectLocks(database.pool, {
  locked: lockedNotices,
  freed: freedNotices,
  reminded: lock => lockReminders(lock, Date.now()),
});
const closings = connectClosings(database.pool, instance, closingNotices);
const doors = new Doors({
  ...{ closings, ledger: store, heroku, migrator },
  page: async (url, signal) => {
    const answer = await visit(new URL(url), { signal });
    answer.destroy();
    return answer.statusCode ?? 0;
  },
});
const moves = new ClosingMoves({
  ...{ closings, ledger: store, heroku, prober, migrator, log },
  barred: barredNotices,
  sure: () => engine.sure(),
});
const sources = { heroku, source, prober, migrator, catalog: readCatalog, connections };
// Facts are dated by the database's clock, and ours may be an hour ahead of it: nobody would have time to answer.
const time = timeBy(() => engine.now());
const slackAccess = { botToken: config.SLACK_BOT_TOKEN, slackApiUrl: config.SLACK_API_URL, log };
const directory = connectDirectory(slackAccess);
const access = new Access({ ledger: store, directory, admins: config.ADMIN_USERS });
const settings = new Administration({
  ...{ access, directory, heroku, source },
  store: connectSettings(database.pool, { app: settingsNotices, team: teamNotices }),
});
const starts = connectStarts(database.pool, startNotices);
const schedules = connectSchedules(database.pool, instance, scheduleNotices);
const reports = new Reports({ ledger: store, locks, starts, schedules, closings, heroku, source });
const bot: Bot = new Bot({
  ...{ ledger: store, access, starts, schedules, directory, doors, sources, reports },
  locking: new Locking(locks),
  begin: (deploy, app) => engine.begin(deploy, app),
  now: time.now,
  news: (deploy, ms) => news.wait(deploy, ms),
});
const asked = { planAgain: bot.planAgain.bind(bot), notNow: bot.notNow.bind(bot) };
const outside = { ...sources, watcher, oneOffs: connectOneOffs(heroku), ...asked, time };
const running = (stage: Stage) => async (deploy: string, signal: AbortSignal, claim: MayAct) =>
  runStage(stage, new Run(await store.deploy(deploy), journal, outside, signal, claim));
const engine = await startEngine({
  pool: database.pool,
  url: database.url,
  instance,
  first: FIRST_STAGE,
  stages: Object.fromEntries(Object.entries(recipe).map(([name, stage]) => [name, running(stage)])),
  unknown: name => running(park(name)),
  onTrouble: async ({ deploy, stage, error, attempt }) => {
    const said = await troubleIn(error, deploy, { ledger: store, heroku, redact });
    return store.append(deploy, { kind: 'trouble', stage, error: said, attempt }, `trouble in ${stage}`);
  },
  onLost: deploy => watcher.forget(deploy),
  log,
});

const inbox = connectInbox({ pool: database.pool, url: database.url, instance, onError: warn });
const workspace = askWorkspace(slackAccess);
void workspace().catch(err => log.warn({ err }, 'Slack does not tell yet which workspace this bot is in'));
const bolt = createBolt({
  signingSecret: config.SLACK_SIGNING_SECRET,
  botToken: config.SLACK_BOT_TOKEN,
  appToken: config.SLACK_APP_TOKEN,
  port: config.PORT,
  slackApiUrl: config.SLACK_API_URL,
  ...{ log, inbox, workspace, onlyReads },
  checks: {
    postgres: every(POSTGRES_ASKED_MS, () => database.pool.query('SELECT 1')),
    engine: async () => engine.sure() || Promise.reject(new Error('It is not sure what is its own')),
    slack: every(SLACK_ASKED_MS, () => slackAnswers(slackAccess)),
  },
});
const pace = new Pace(connectSlackBudgets(database.pool, engine.alone));
const chat = connectSlack({ ...slackAccess, plain: plainBlocks, bare: bareBlocks });
const messages = connectMessages(database.pool);
const pictures = new Pictures({
  ...{ messages, chat, pace, instance, log, now: time.now },
  files: connectFiles(slackAccess),
  seen: watches.seriesOf,
  views: { chart: chartOf, picture: pictureOf },
  render: svg => renderPng(svg, PICTURE_WIDTH),
});
const notices = connectNotices(database.pool);
const narrator = new Narrator({
  load: id => store.deploy(id),
  ...{ messages, chat, pace, instance, log, now: time.now },
  views: { root: rootMessage, reply: replyTo, late: lateReplies },
  illustrate: deploy => pictures.show(deploy),
  unheard: (deploy, why) => notices.once(unheardNotice(deploy, why)),
});
const notifier = new Notifier({ notices, chat, pace, instance, unheard: nobodyHears, log });
news.onEach(what => (what === NOTICES ? notifier.wake() : narrator.wake(what)));
const ticking = setInterval(() => void Promise.all([locks.tick(), moves.tick(), bot.tick()]).catch(warn), TICK_MS);

const live = new LiveReleases(heroku);
const homes = new Homes({
  store: connectHomes(database.pool),
  look: user => lookAtHome({ access, reports, live }, user),
  draw: homeView,
  publish: homePublisher(slackAccess),
  log,
});
news.onEach(() => homes.changed());
for (const anew of [() => narrator.wakeAll(), () => notifier.wake(), () => homes.changed()]) news.onMissed(anew);
// Whatever changed while no bot ran.
homes.changed();
registerCommands(bolt.app, { bot, settings, homes, pace, log });

/** A deploy that is in the ledger but was killed before its run began is begun here: beginning twice is the same. */
const sweep = async (): Promise<void> => {
  for (const { id, app } of await engine.notBegun(await store.unended())) await engine.begin(id, app);
};
void sweep().catch(warn);
const sweeping = setInterval(() => void sweep().catch(warn), SWEEP_MS);

await parserReady();
const port = await bolt.start().catch(cannotStart);
const leftovers = setInterval(() => void bolt.workLeft().catch(warn), LEFT_MS);
log.info({ port, instance }, config.SLACK_APP_TOKEN ? 'Switchover listens in Socket Mode' : 'Switchover listens');
clearTimeout(starting);
process.send?.({ port });

let stopping = false;
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, 'Stopping: deploys go on in the next process');
  for (const timer of [sweeping, ticking, leftovers]) clearInterval(timer);
  // Whoever hangs must not hold up the next process: all that counts is stored.
  await Promise.race([leave(), sleep(LEAVE_WITHIN_MS)]);
  process.exit(0);
}

async function leave(): Promise<void> {
  await bolt.stop();
  await Promise.all([engine.stop(), homes.stop(), narrator.stop(), notifier.stop()]);
  // Not before: what is answered meanwhile would be answered again by the next process.
  await inbox.stop();
  await news.stop();
  await database.close();
}
process.on('SIGTERM', signal => void stop(signal));
process.on('SIGINT', signal => void stop(signal));

/** What whoever starts us can mend: a sentence, not a trace of our own code. */
function cannotStart(error: Error): never {
  console.error(redact(`Switchover cannot start. ${error.message || error}`));
  process.exit(1);
}

function configOrExit(): ReturnType<typeof readConfig> {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
