import type { Message } from '../stage/slack/slack.ts';
import type { AppSeen, Evidence, Said } from './evidence.ts';
import { hasEnded } from './invariants.ts';
import type { People } from './people.ts';
import { type App, query, type World } from './world.ts';

const RECORDED = ['pgmigrations', 'pgmigrations_contract'];

/** What the run left with Heroku, with Slack and in the apps' databases. */
export async function gather(world: World, people: People): Promise<Evidence> {
  const { stage, failed, truths } = world;
  return {
    apps: await Promise.all(world.apps.map(app => appSeen(app, world))),
    started: people.started,
    presses: people.presses,
    closures: people.closures,
    posts: stage.slack
      .person('bob')
      .messages()
      .filter(({ byBot, onlyTo }) => byBot && onlyTo === null)
      .map(said),
    failed,
    truths,
    lastWords: world.bots.lastWords,
    leaks: await world.secrets.leaks(),
  };
}

async function appSeen({ name, heroku }: App, { crashing }: World): Promise<AppSeen> {
  const tables = await query(heroku, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
  const recorded: string[] = [];
  for (const table of RECORDED.filter(table => tables.some(known => known.name === table))) {
    const rows = await query(heroku, `SELECT name FROM ${table} ORDER BY id`);
    recorded.push(...rows.map(row => `${table} ${row.name}`));
  }
  const ran = await query(heroku, 'SELECT file, at FROM ran ORDER BY at');
  const locks = await query(
    heroku,
    "SELECT count(*)::int AS held FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
  );
  const transactions = await query(
    heroku,
    "SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
  );
  return {
    name,
    recorded,
    maintenance: heroku.maintenance,
    web: heroku.formation.find(({ type }) => type === 'web')?.quantity ?? 0,
    dynos: heroku.runtime
      .dynos()
      .map(({ name, type, state, release }) => ({ name, type, state, release: release.version })),
    builds: heroku.builds.map(({ id, source }) => ({ id, mark: source.version_description })),
    releases: heroku.releases.map(({ version, description, slug }) => ({
      version,
      description,
      slug: slug?.id ?? null,
      mark: slug?.description ?? null,
      bad: crashing.has(slug?.commit ?? ''),
    })),
    live: heroku.current?.version ?? null,
    ran: ran.map(({ file, at }) => ({ file: String(file), at: (at as Date).getTime() })),
    advisoryLocks: Number(locks[0]?.held),
    openTransactions: Number(transactions[0]?.open),
  };
}

function said(message: Message): Said {
  const { deploy, key } = message.metadata?.event_payload ?? {};
  const { edits } = message;
  const texts = [...edits.map(({ plain }) => plain), message.plain];
  const ended = texts.findIndex(hasEnded);
  const at = Number(message.ts) * 1000;
  return {
    channel: message.channel,
    at,
    inThread: message.inThreadOf !== null,
    broadcast: message.broadcast,
    first: texts[0] ?? '',
    last: message.plain,
    buttons: message.buttons().map(({ label }) => label),
    deploy: typeof deploy === 'string' ? deploy : null,
    key: typeof key === 'string' ? key : null,
    endedAt: ended < 0 ? null : (edits[ended - 1]?.until ?? at),
  };
}
