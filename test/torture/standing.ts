import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { FIRST_STAGE } from '../../src/recipe.ts';

// Where deploys stand, to kill at a chosen stage and to count the kills by stage. Only aiming and counting look into the
// bot's database: what is judged comes from outside.

export type Owned = { deploy: string; owner: string; stage: string };

/** A workflow is told as it begins, and each of its steps as it is recorded: the result names the stage that comes. */
const TELL = `CREATE OR REPLACE FUNCTION torture_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('torture', left(coalesce(NEW.output, ''), 200) || ' ' || NEW.workflow_uuid);
    RETURN NULL;
  END $$;
  DROP TRIGGER IF EXISTS torture_tell ON dbos.operation_outputs;
  CREATE TRIGGER torture_tell AFTER INSERT ON dbos.operation_outputs FOR EACH ROW EXECUTE FUNCTION torture_tell();
  CREATE OR REPLACE FUNCTION torture_begun() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('torture', '"to":"${FIRST_STAGE}" ' || NEW.workflow_uuid);
    RETURN NULL;
  END $$;
  DROP TRIGGER IF EXISTS torture_begun ON dbos.workflow_status;
  CREATE TRIGGER torture_begun AFTER INSERT OR UPDATE OF status ON dbos.workflow_status
    FOR EACH ROW WHEN (NEW.status = 'PENDING') EXECUTE FUNCTION torture_begun()`;

const OWNED = `SELECT workflow_uuid AS deploy, executor_id AS owner,
    (SELECT output FROM dbos.operation_outputs o WHERE o.workflow_uuid = s.workflow_uuid AND output LIKE '%"to":%'
     ORDER BY function_id DESC LIMIT 1) AS output
  FROM dbos.workflow_status s WHERE status = 'PENDING' AND executor_id = ANY($1)`;

export class Standing {
  readonly #url: () => string;

  /** The database's own address, which changes when the server comes back. */
  constructor(url: () => string) {
    this.#url = url;
  }

  async prepare(): Promise<void> {
    await this.#with(client => client.query(TELL));
  }

  /** What these processes run, by their names; nothing while the database is away. */
  async of(owners: readonly (string | null)[]): Promise<Owned[]> {
    const { rows } = await this.#with(client => client.query(OWNED, [owners.filter(Boolean)])).catch(() => ({
      rows: [],
    }));
    return rows.map(({ deploy, owner, output }) => ({ deploy, owner, stage: stageIn(output) ?? FIRST_STAGE }));
  }

  /** Who runs the deploy; null when nobody does, or the database is away. */
  async owner(deploy: string): Promise<string | null> {
    const ask = "SELECT executor_id FROM dbos.workflow_status WHERE workflow_uuid = $1 AND status = 'PENDING'";
    const { rows } = await this.#with(client => client.query(ask, [deploy])).catch(() => ({ rows: [] }));
    return rows[0]?.executor_id ?? null;
  }

  /** The next deploy that comes to a stage of which this is true; null when none does in that time. */
  async comesTo(
    isWanted: (stage: string) => boolean,
    withinMs: number,
  ): Promise<{ deploy: string; stage: string } | null> {
    const over = sleep(withinMs, null, { ref: false });
    const client = new pg.Client({ connectionString: this.#url() });
    client.on('error', () => {});
    try {
      await client.connect();
      const come = new Promise<{ deploy: string; stage: string }>(resolve => {
        client.on('notification', ({ payload = '' }) => {
          const stage = stageIn(payload);
          if (stage && isWanted(stage)) resolve({ deploy: payload.slice(payload.lastIndexOf(' ') + 1), stage });
        });
      });
      await client.query('LISTEN torture');
      return await Promise.race([come, over]);
    } catch {
      return over;
    } finally {
      void client.end().catch(() => {});
    }
  }

  async #with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.#url(), connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return await work(client);
    } finally {
      void client.end().catch(() => {});
    }
  }
}

const stageIn = (output: string | null): string | null => /"to":"([^"]+)"/.exec(output ?? '')?.[1] ?? null;
