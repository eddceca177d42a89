import type pg from 'pg';
import { readDeploys } from '../../src/adapters/deploy-rows.ts';
import { keyOf } from '../../src/late.ts';
import { hashOf } from '../../src/posting.ts';
import { replyTo } from '../../views/reply.ts';
import { rootMessage } from '../../views/root.ts';

// A deploy that waits, many times over: what the bot keeps of one is copied under other names while no bot runs. The next
// one takes them over as it would those of a process that died.

const LIST = `CREATE TABLE IF NOT EXISTS clones (id text PRIMARY KEY, app text NOT NULL)`;

/** Tables that know a deploy by a column, in the order in which they refer to each other. */
const TABLES = [
  { name: 'plans', column: 'id' },
  { name: 'deploys', column: 'id' },
  { name: 'facts', column: 'deploy_id' },
  { name: 'messages', column: 'deploy_id' },
  { name: 'dbos.workflow_status', column: 'workflow_uuid' },
  { name: 'dbos.workflow_input', column: 'workflow_uuid' },
  { name: 'dbos.operation_outputs', column: 'workflow_uuid' },
];
/** Where its app stands beside it. What the plan says of the app stays: there is one such app at Heroku. */
const APP_COLUMN: Record<string, string> = { deploys: 'app', 'dbos.workflow_status': 'queue_partition_key' };

/** Makes as many more deploys like this one as there are to be, each of an app of its own; gives the ids of them all. */
export async function cloneDeploy(database: pg.Pool, deploy: string, count: number): Promise<string[]> {
  await database.query(LIST);
  const { rows: known } = await database.query<{ id: string }>('SELECT id FROM clones');
  const { rows: fresh } = await database.query<{ id: string }>(
    `INSERT INTO clones SELECT gen_random_uuid()::text, 'clone-' || n FROM generate_series($1::int, $2::int) n RETURNING id`,
    [known.length + 1, count - 1],
  );
  const ids = fresh.map(({ id }) => id);
  const copy = (table: string, extra: string, of: string): string =>
    `INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table},
       replace(to_jsonb(known)::text, $1, clones.id)::jsonb || ${extra})).*
     FROM ${table} known, clones WHERE known.${of} AND clones.id = ANY($2)`;
  await database.query(
    copy(
      'apps',
      `jsonb_build_object('name', app, 'settings', settings || jsonb_build_object('name', app))`,
      'name = (SELECT app FROM deploys WHERE id = $1)',
    ),
    [deploy, ids],
  );
  for (const { name, column } of TABLES) {
    const app = APP_COLUMN[name];
    const extra = app ? `jsonb_build_object('${app}', clones.app)` : `'{}'`;
    await database.query(copy(name, extra, `${column} = $1`), [deploy, ids]);
  }
  await noteAsTold(database, ids);
  return [deploy, ...known.map(({ id }) => id), ...ids];
}

/** Their messages say what the one's do, under their own names: nothing of them is to be edited. */
async function noteAsTold(database: pg.Pool, ids: readonly string[]): Promise<void> {
  const told = (await readDeploys(database, 'WHERE id = ANY($1)', [ids])).flatMap(deploy => [
    { id: deploy.id, key: 'root', hash: hashOf(rootMessage(deploy)) },
    ...deploy.facts.flatMap(fact => {
      const reply = replyTo(fact, deploy);
      return reply ? [{ id: deploy.id, key: keyOf(fact.seq), hash: hashOf(reply.message) }] : [];
    }),
  ]);
  await database.query(
    `UPDATE messages SET hash = told.hash FROM unnest($1::text[], $2::text[], $3::text[]) AS told (id, key, hash)
     WHERE messages.deploy_id = told.id AND messages.key = told.key AND messages.ts IS NOT NULL`,
    [told.map(({ id }) => id), told.map(({ key }) => key), told.map(({ hash }) => hash)],
  );
}
