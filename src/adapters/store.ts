import type pg from 'pg';
import type { AppSettings } from '../domain/app.ts';
import type { Click, Deploy, Fact, FactBody } from '../domain/deploy.ts';
import { filesOf, type Held } from '../domain/gate.ts';
import type { Plan } from '../domain/plan.ts';
import type { Watch } from '../domain/watch.ts';
import type { Ledger, Running, StoredPlan } from '../outside.ts';

// Our own tables. What is stored as JSON was written by this bot, from these types.

const RUNNING = `id, app, started_by AS "startedBy",
  EXISTS (SELECT 1 FROM facts WHERE deploy_id = deploys.id AND kind = 'approval asked') AS asks`;

/** Channel of the database's notifications: the payload is the id of the deploy that something happened to. */
export const NEWS = 'switchover';

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

  async saveApp(settings: AppSettings): Promise<void> {
    await this.#pool.query(
      `INSERT INTO apps (name, settings) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET settings = EXCLUDED.settings, updated_at = now()`,
      [settings.name, settings],
    );
  }

  async savePlan({ id, plan, digest, askedBy, channel }: StoredPlan): Promise<void> {
    await this.#pool.query(
      'INSERT INTO plans (id, app, asked_by, channel, plan, digest) VALUES ($1, $2, $3, $4, $5, $6)',
      [id, plan.app, askedBy, channel, plan, digest],
    );
  }

  async plan(id: string): Promise<StoredPlan | null> {
    const { rows } = await this.#pool.query<{ asked_by: string; channel: string; plan: Plan; digest: string }>(
      'SELECT asked_by, channel, plan, digest FROM plans WHERE id = $1',
      [id],
    );
    const row = rows[0];
    return row ? { id, plan: row.plan, digest: row.digest, askedBy: row.asked_by, channel: row.channel } : null;
  }

  async createDeploy({ id, plan }: StoredPlan, by: string): Promise<Running | null> {
    return this.#transaction(async client => {
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`deploy of ${plan.app}`]);
      const { rows } = await client.query<Running>(
        `SELECT ${RUNNING} FROM deploys WHERE id = $1 OR (app = $2 AND ended_at IS NULL)
         ORDER BY id = $1 DESC`,
        [id, plan.app],
      );
      if (rows[0]) return rows[0];
      await client.query('INSERT INTO deploys (id, app, plan, started_by, channel) VALUES ($1, $2, $3, $4, $5)', [
        id,
        plan.app,
        plan,
        by,
        plan.channel,
      ]);
      await appendFact(client, id, { kind: 'started', by }, 'started');
      return null;
    });
  }

  async deploy(id: string): Promise<Deploy> {
    const { rows } = await this.#pool.query<{ plan: Plan; started_by: string; started_at: Date; facts: Fact[] | null }>(
      `SELECT plan, started_by, started_at,
         (SELECT jsonb_agg(data || jsonb_build_object('kind', kind, 'seq', seq,
            'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY seq)
          FROM facts WHERE deploy_id = deploys.id) AS facts
       FROM deploys WHERE id = $1`,
      [id],
    );
    const row = rows[0];
    if (!row) throw new Error(`There is no deploy ${id}`);
    const { plan, started_by: startedBy, started_at, facts } = row;
    return { id, plan, startedBy, startedAt: started_at.toISOString(), facts: facts ?? [] };
  }

  async running(app?: string): Promise<Running[]> {
    const { rows } = await this.#pool.query<Running>(
      `SELECT ${RUNNING} FROM deploys
       WHERE ended_at IS NULL AND ($1::text IS NULL OR app = $1) ORDER BY started_at`,
      [app ?? null],
    );
    return rows;
  }

  /** Appends a fact unless one with its key is there. The end also frees the app and answers what nobody answered. */
  async append(deploy: string, fact: FactBody, key: string): Promise<void> {
    await this.#transaction(async client => {
      await client.query('SELECT 1 FROM deploys WHERE id = $1 FOR UPDATE', [deploy]);
      if (!(await appendFact(client, deploy, fact, key)) || fact.kind !== 'ended') return;
      await client.query('UPDATE deploys SET ended_at = now(), outcome = $2 WHERE id = $1', [deploy, fact.outcome]);
      await client.query(
        'UPDATE clicks SET answered_at = now(), answer = $2 WHERE deploy_id = $1 AND answered_at IS NULL',
        [deploy, 'The deploy has ended meanwhile: its message shows how.'],
      );
    });
  }

  async addClick(deploy: string, { id, kind, by, about, reason }: Omit<Click, 'at'>): Promise<void> {
    await this.#pool.query(
      `WITH added AS (
         INSERT INTO clicks (id, deploy_id, kind, by, about, reason) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO NOTHING RETURNING id)
       SELECT pg_notify('${NEWS}', $2) FROM added`,
      [id, deploy, kind, by, about, reason],
    );
  }

  async oldestClick(deploy: string): Promise<Click | null> {
    const { rows } = await this.#pool.query<Omit<Click, 'at'> & { at: Date }>(
      'SELECT id, kind, by, at, about, reason FROM clicks WHERE deploy_id = $1 AND answered_at IS NULL ORDER BY at LIMIT 1',
      [deploy],
    );
    return rows[0] ? { ...rows[0], at: rows[0].at.toISOString() } : null;
  }

  async answerClick(deploy: string, id: string, answer: string): Promise<void> {
    await this.#pool.query(
      `WITH answered AS (
         UPDATE clicks SET answered_at = now(), answer = $3 WHERE id = $2 AND answered_at IS NULL RETURNING id)
       SELECT pg_notify('${NEWS}', $1) FROM answered`,
      [deploy, id, answer],
    );
  }

  async clickAnswer(id: string): Promise<string | null> {
    const { rows } = await this.#pool.query<{ answer: string | null }>('SELECT answer FROM clicks WHERE id = $1', [id]);
    return rows[0]?.answer ?? null;
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
       WHERE migrated.kind = 'migrated' AND migrated.data ->> 'direction' = 'contract'`,
      [app],
    );
    return rows[0]?.floor ?? null;
  }

  async loadWatch(key: string): Promise<Watch | null> {
    const { rows } = await this.#pool.query<{ state: Watch }>('SELECT state FROM watches WHERE key = $1', [key]);
    return rows[0]?.state ?? null;
  }

  async saveWatch(key: string, state: Watch): Promise<void> {
    await this.#pool.query(
      `INSERT INTO watches (key, state) VALUES ($1, $2)
       ON CONFLICT (key) DO UPDATE SET state = EXCLUDED.state, saved_at = now()`,
      [key, state],
    );
  }

  /** True when this request was seen before, by any instance. Forgets after ten minutes. */
  async seen(signature: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `WITH old AS (DELETE FROM seen_requests WHERE at < now() - interval '10 minutes')
       INSERT INTO seen_requests (signature) VALUES ($1) ON CONFLICT DO NOTHING`,
      [signature],
    );
    return rowCount === 0;
  }

  async #transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch(cause => {
        broken = cause;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }
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
