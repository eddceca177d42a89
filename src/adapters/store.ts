import type pg from 'pg';
import type { AppSettings } from '../domain/app.ts';
import type { Click, Deploy, FactBody } from '../domain/deploy.ts';
import { filesOf, type Held } from '../domain/gate.ts';
import type { Plan } from '../domain/plan.ts';
import { Refusal } from '../domain/refusal.ts';
import { TAKEN_OFF } from '../domain/schedule.ts';
import { type Place, placeBehind } from '../domain/turn.ts';
import { ANSWER_WITHIN_MS, type Ledger, type Running, type StoredPlan } from '../team.ts';
import { readDeploys } from './deploy-rows.ts';
import { isFirst } from './effects.ts';
import { writeReceipt } from './receipts.ts';
import { inTransaction } from './transaction.ts';

// Our own tables. What is stored as JSON was written by this bot, from these types.

const told = (kinds: string, then = ''): string =>
  `EXISTS (SELECT 1 FROM facts WHERE deploy_id = deploys.id AND kind IN (${kinds})${then})`;
const UNANSWERED = ` AND NOT EXISTS (SELECT 1 FROM facts AS later WHERE later.deploy_id = deploys.id
  AND later.seq > facts.seq AND later.kind IN ('approved', 'held'))`;
const RUNNING = `SELECT id, app, plan, started_by AS "startedBy", to_json(started_at) #>> '{}' AS "startedAt",
    ${told("'approval asked'", UNANSWERED)} AS asks, ${told("'soaking', 'approval asked'", UNANSWERED)} AS soaks,
    ${told("'queued'")} AND NOT ${told("'turn came'")} AS waits
  FROM deploys WHERE ended_at IS NULL AND ($1::text IS NULL OR app = $1) ORDER BY started_at, id`;

/** Channel of the database's notifications: the payload is the id of the deploy that something happened to. */
export const NEWS = 'switchover';

/** Deploys and their facts in Postgres. What happened to one is told on `NEWS` in the transaction that stores it. */
export class Store implements Ledger {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async apps(): Promise<AppSettings[]> {
    const { rows } = await this.#pool.query<{ settings: AppSettings }>('SELECT settings FROM apps ORDER BY name');
    return rows.map(row => row.settings);
  }

  async app(name: string): Promise<AppSettings | null> {
    const { rows } = await this.#pool.query<{ settings: AppSettings }>('SELECT settings FROM apps WHERE name = $1', [
      name,
    ]);
    return rows[0]?.settings ?? null;
  }

  async savePlan({ id, plan, digest, askedBy, channel, due }: StoredPlan): Promise<void> {
    await this.#pool.query(
      `INSERT INTO plans (id, app, asked_by, channel, plan, digest, planned_for)
       VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000))`,
      [id, plan.app, askedBy, channel, plan, digest, due],
    );
  }

  async plan(id: string): Promise<StoredPlan | null> {
    const { rows } = await this.#pool.query<StoredPlan>(
      `SELECT id, asked_by AS "askedBy", channel, plan, digest, (extract(epoch FROM planned_for) * 1000)::float8 AS due
       FROM plans WHERE id = $1`,
      [id],
    );
    return rows[0] ?? null;
  }

  async createDeploy({ id, plan }: StoredPlan, by: string): Promise<Place | null> {
    return inTransaction(this.#pool, async client => {
      await client.query(`SELECT ${queueOf('$1::text')}`, [plan.app]);
      const { rows } = await client.query<Running>(RUNNING, [plan.app]);
      const mine = rows.findIndex(known => known.id === id);
      const place = placeBehind(mine < 0 ? rows : rows.slice(0, mine), Date.now());
      const { rowCount } = await client.query('SELECT 1 FROM deploys WHERE id = $1', [id]);
      if (rowCount) return place;
      // Whoever takes it off meanwhile waits for this row, and then finds that it has begun.
      const schedule = 'SELECT outcome FROM schedules WHERE id = $1 FOR UPDATE';
      const [kept] = (await client.query<{ outcome: string | null }>(schedule, [id])).rows;
      if (kept?.outcome && kept.outcome !== 'asked') throw new Refusal([TAKEN_OFF]);
      await client.query('INSERT INTO deploys (id, app, plan, started_by, channel) VALUES ($1, $2, $3, $4, $5)', [
        id,
        plan.app,
        plan,
        by,
        plan.channel,
      ]);
      const approved = `SELECT answered_by AS by, emergency FROM start_requests WHERE id = $1 AND answer = 'approved'`;
      const [approval] = (await client.query<{ by: string; emergency: string | null }>(approved, [id])).rows;
      await appendFact(client, id, { kind: 'started', by, ...(approval ? { approval } : {}) }, 'started');
      if (place) await appendFact(client, id, { kind: 'queued', ...place }, `queued ${place.ahead}`);
      return place;
    });
  }

  async hasDeploy(id: string): Promise<boolean> {
    return (await this.#pool.query('SELECT 1 FROM deploys WHERE id = $1', [id])).rowCount === 1;
  }

  async leaveQueue(deploy: string, by: string): Promise<boolean> {
    return inTransaction(this.#pool, async client => {
      await holdQueue(client, deploy);
      await client.query('SELECT 1 FROM deploys WHERE id = $1 FOR UPDATE', [deploy]);
      const { rowCount } = await client.query(
        `SELECT 1 FROM deploys WHERE id = $1 AND ended_at IS NULL AND ${told("'queued'")} AND NOT ${told("'turn came'")}`,
        [deploy],
      );
      if (!rowCount) return false;
      await appendFact(client, deploy, { kind: 'cancel asked', by }, 'cancel asked');
      await endIn(client, deploy, { kind: 'ended', outcome: 'cancelled', why: LEFT });
      return true;
    });
  }

  async deploy(id: string): Promise<Deploy> {
    const [deploy] = await readDeploys(this.#pool, 'WHERE id = $1', [id]);
    if (!deploy) throw new Error(`There is no deploy ${id}`);
    return deploy;
  }

  async deployAt(channel: string, ts: string): Promise<Deploy | null> {
    const which = 'WHERE id = (SELECT deploy_id FROM messages WHERE channel = $1 AND ts = $2)';
    const [deploy] = await readDeploys(this.#pool, which, [channel, ts]);
    return deploy ?? null;
  }

  async recent(app: string, most: number): Promise<Deploy[]> {
    return readDeploys(this.#pool, 'WHERE app = $1 ORDER BY started_at DESC, id DESC LIMIT $2', [app, most]);
  }

  async running(app?: string): Promise<Running[]> {
    const { rows } = await this.#pool.query<Running>(RUNNING, [app ?? null]);
    return rows;
  }

  /** Those that have not ended, without what they are about. */
  async unended(): Promise<{ id: string; app: string }[]> {
    const { rows } = await this.#pool.query<{ id: string; app: string }>(
      'SELECT id, app FROM deploys WHERE ended_at IS NULL ORDER BY started_at, id',
    );
    return rows;
  }

  async runningDeploy(id: string): Promise<Running | null> {
    const { rows } = await this.#pool.query<Running>(`SELECT * FROM (${RUNNING}) AS running WHERE id = $2`, [null, id]);
    return rows[0] ?? null;
  }

  /** Appends a fact unless one with its key is there, or the deploy has ended. */
  async append(deploy: string, fact: FactBody, key: string): Promise<void> {
    await inTransaction(this.#pool, async client => {
      if (fact.kind === 'ended') await holdQueue(client, deploy);
      const { rows } = await client.query<{ ended: boolean }>(
        'SELECT ended_at IS NOT NULL AS ended FROM deploys WHERE id = $1 FOR UPDATE',
        [deploy],
      );
      if (rows[0]?.ended) return;
      if (fact.kind === 'ended') return endIn(client, deploy, fact);
      const isNew = await appendFact(client, deploy, fact, key);
      // What is deployed is what was planned last.
      if (isNew && fact.kind === 'planned again') {
        await client.query('UPDATE deploys SET plan = $2 WHERE id = $1', [deploy, fact.plan]);
      }
    });
  }

  async addClick(deploy: string, { id, kind, by, about, reason }: Omit<Click, 'at'>): Promise<boolean> {
    const { rows } = await this.#pool.query<{ open: boolean }>(
      `WITH open AS (SELECT id FROM deploys WHERE id = $2 AND ended_at IS NULL FOR SHARE),
       added AS (
         INSERT INTO clicks (id, deploy_id, kind, by, about, reason) SELECT $1, id, $3, $4, $5, $6 FROM open
         ON CONFLICT (id) DO NOTHING RETURNING pg_notify('${NEWS}', $2))
       SELECT EXISTS (SELECT 1 FROM open) AS open`,
      [id, deploy, kind, by, about, reason],
    );
    return rows[0]?.open === true;
  }

  async oldestClick(deploy: string): Promise<Click | null> {
    const { rows } = await this.#pool.query<Omit<Click, 'at'> & { at: Date }>(
      'SELECT id, kind, by, at, about, reason FROM clicks WHERE deploy_id = $1 AND answered_at IS NULL ORDER BY at LIMIT 1',
      [deploy],
    );
    return rows[0] ? { ...rows[0], at: rows[0].at.toISOString() } : null;
  }

  /** `late`: kept with it when whoever pressed waits for it no longer. */
  answerClick(deploy: string, id: string, answer: string, late: (on: pg.PoolClient) => Promise<void>): Promise<void> {
    return inTransaction(this.#pool, async client => {
      const { rows } = await client.query<{ late: boolean }>(
        `WITH answered AS (
           UPDATE clicks SET answered_at = now(), answer = $3 WHERE id = $2 AND answered_at IS NULL RETURNING at)
         SELECT at < now() - interval '${ANSWER_WITHIN_MS} ms' AS late, pg_notify('${NEWS}', $1) FROM answered`,
        [deploy, id, answer],
      );
      if (rows[0]?.late) await late(client);
    });
  }

  async clickAnswer(id: string): Promise<string | null> {
    const { rows } = await this.#pool.query<{ answer: string | null }>('SELECT answer FROM clicks WHERE id = $1', [id]);
    return rows[0]?.answer ?? null;
  }

  isFirst = (request: string): Promise<boolean> => isFirst(this.#pool, request);

  async clickedDeploy(id: string): Promise<string | null> {
    const query = 'SELECT deploy_id AS deploy FROM clicks WHERE id = $1';
    const { rows } = await this.#pool.query<{ deploy: string }>(query, [id]);
    return rows[0]?.deploy ?? null;
  }

  async held(app: string): Promise<Held[]> {
    const { rows } = await this.#pool.query<{ plan: Plan; data: { by: string | null; why: string } }>(
      `SELECT deploys.plan, facts.data FROM facts JOIN deploys ON deploys.id = facts.deploy_id
       WHERE deploys.app = $1 AND facts.kind = 'held' ORDER BY facts.at DESC LIMIT 1`,
      [app],
    );
    return rows.flatMap(({ plan, data }) =>
      filesOf(plan.migrations, 'contract').map(({ file }) => ({ file, by: data.by, why: data.why })),
    );
  }

  async schemaFloor(app: string): Promise<number | null> {
    const { rows } = await this.#pool.query<{ floor: number | null }>(
      `SELECT max((released.data ->> 'version')::int) AS floor FROM facts migrated
       JOIN deploys ON deploys.id = migrated.deploy_id AND deploys.app = $1
       JOIN facts released ON released.deploy_id = deploys.id AND released.kind = 'released'
       WHERE migrated.data ->> 'direction' = 'contract' AND (migrated.kind = 'migrated'
         OR migrated.kind = 'migration failed'
           AND (migrated.data -> 'failure' ->> 'stays' IS NOT NULL OR migrated.data -> 'failure' ->> 'byCommand' = 'true'
             AND migrated.data -> 'failure' ->> 'ran' IS DISTINCT FROM 'false'))`,
      [app],
    );
    return rows[0]?.floor ?? null;
  }
}

const queueOf = (app: string): string => `pg_advisory_xact_lock(hashtext('deploy of ' || ${app}))`;

/** To be asked for before the deploy's own row by whoever goes on to others of its app: else two wait for each other. */
const holdQueue = (client: pg.PoolClient, deploy: string) =>
  client.query(`SELECT ${queueOf('app')} FROM deploys WHERE id = $1`, [deploy]);

const LEFT = 'It left the queue before its turn: nothing was begun.';

/** The end: frees the app, answers what nobody answered, tells those who wait that they moved up, and keeps the receipt. */
async function endIn(client: pg.PoolClient, deploy: string, fact: FactBody & { kind: 'ended' }): Promise<void> {
  const { rows } = await client.query<{ app: string; at: Date }>(
    'UPDATE deploys SET ended_at = now(), outcome = $2 WHERE id = $1 RETURNING app, ended_at AS at',
    [deploy, fact.outcome],
  );
  await client.query(
    'UPDATE clicks SET answered_at = now(), answer = $2 WHERE deploy_id = $1 AND answered_at IS NULL',
    [deploy, 'The deploy has ended meanwhile: its message shows how.'],
  );
  const { rows: left } = await client.query<Running>(RUNNING, [rows[0]?.app]);
  for (const [index, { id, waits }] of left.entries()) {
    const place = placeBehind(left.slice(0, index), Date.now());
    if (!waits || !place) continue;
    const stays = 'SELECT 1 FROM deploys WHERE id = $1 AND ended_at IS NULL FOR UPDATE';
    if (!(await client.query(stays, [id])).rowCount) continue;
    await appendFact(client, id, { kind: 'queued', ...place }, `queued ${place.ahead}`);
  }
  const at = rows[0]?.at.toISOString() ?? '';
  await appendFact(client, deploy, await writeReceipt(client, deploy, fact, at), 'ended');
}

/** True when the fact was new. The caller holds the deploy's row, so that numbers have no gaps and no twins. */
async function appendFact(client: pg.PoolClient, deploy: string, fact: FactBody, key: string): Promise<boolean> {
  const { kind, ...data } = fact;
  const { rowCount } = await client.query(
    `INSERT INTO facts (deploy_id, seq, kind, key, data)
     SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4 FROM facts WHERE deploy_id = $1
     ON CONFLICT (deploy_id, key) DO NOTHING`,
    [deploy, kind, key, data],
  );
  if (rowCount) await client.query(`SELECT pg_notify('${NEWS}', $1)`, [deploy]);
  return rowCount === 1;
}
